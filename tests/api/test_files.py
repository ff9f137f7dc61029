"""The labelled odd and bad files (LIKEN_FACES) through the server: odd ones are read, bad ones end in a clear error soon, and neither
takes the server down or leaves anything by half."""
import csv
import os
import re

from conftest import SANITIZED


def may_be_read(row):
    return row["expected"] not in ("reject", "reject by pixel limit")


def rows(faces_dir, name):
    with open(faces_dir / name, newline="") as file:
        return list(csv.DictReader(file))


def refusal(answer):
    return answer.status in (400, 413, 415, 422) and len(answer.json["detail"]) > 10


def test_bad_files(server, faces_dir):
    faults, kept = [], 0
    for row in rows(faces_dir, "bad.csv"):
        photo = (faces_dir / row["file"]).read_bytes()
        before = server.cpu()
        answer = server.add((os.path.basename(row["file"]), photo))
        seconds = server.cpu() - before  # of the processor, so that a busy machine does not count
        if not (refusal(answer) or (may_be_read(row) and answer.status in (200, 201))):
            faults.append(f"{row['file']} ({row['what']}): {answer.status} {answer.json}")
        if seconds > 2 and not SANITIZED:
            faults.append(f"{row['file']} took {seconds:.1f} s")
        kept += answer.status == 201
    assert not faults, "\n".join(faults)
    assert server.get("/v1/status").json["images"] == kept
    assert server.rss() < 512 << 20 or SANITIZED, f"{server.rss() >> 20} MB"


def test_bad_files_in_the_seed_s_calls(server, faces_dir):
    for row in rows(faces_dir, "bad.csv"):
        if may_be_read(row):
            continue
        photo = (faces_dir / row["file"]).read_bytes()
        assert server.post("/faces", files={"file": photo}, data={"url": "/x"}).status in (400, 413), row["file"]
        assert server.post("/faces/searches", files={"file": photo}).status in (400, 413), row["file"]
    assert server.get("/v1/status").json["images"] == 0


def test_odd_files(server, faces_dir):
    faults = []
    for row in rows(faces_dir, "odd.csv"):
        photo = (faces_dir / row["file"]).read_bytes()
        answer = server.post("/v1/detect", files={"file": (os.path.basename(row["file"]), photo)})
        numbers = [int(n) for n in re.findall(r"\d+", row["faces"])]
        if answer.status == 200:
            good = len(answer.json["faces"]) + len(answer.json["refused"]) >= min(numbers, default=0)
        else:  # where no face is stated, a sentence will do
            good = refusal(answer) and not any(numbers)
        if not good:
            faults.append(f"{row['file']} ({row['what']}; faces {row['faces']}): {answer.status} {str(answer.json)[:300]}")
    assert not faults, "\n".join(faults)


def test_odd_files_are_stored_and_found(server, faces_dir):
    for row in rows(faces_dir, "odd.csv"):
        if row["faces"] != "1":
            continue
        photo = (faces_dir / row["file"]).read_bytes()
        image = server.add((os.path.basename(row["file"]), photo))
        assert image.status in (200, 201), f"{row['file']}: {image.json}"
        if not image.json["faces"]:
            continue
        result = server.post("/v1/collections/default/search", files={"file": photo}).json
        assert result["faces"][0]["matches"][0]["distance"] < 1e-3, row["file"]
