"""The labelled odd and bad files (LIKEN_FACES) through the server: odd ones are read, bad ones end in a clear error soon, and neither
takes the server down or leaves anything by half."""
import csv
import os
import pathlib
import re
import struct

import pytest

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


def test_bad_files_in_the_legacy_calls(server, faces_dir):
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


def directory(at, entries):
    """A directory of a little-endian TIFF that lies at `at`; values are numbers, or bytes that are put behind it."""
    head, tail = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        if isinstance(value, bytes):
            value, tail = behind + len(tail), tail + value + bytes(len(value) % 2)
        head += struct.pack("<HHII", tag, kind, count, value)
    return head + bytes(4) + tail


def with_time(jpeg, taken, offset):
    """The JPEG with an EXIF block that says when it was taken."""
    entries = [(0x9003, 2, 20, taken + b"\0")] + ([(0x9011, 2, 7, offset + b"\0")] if offset else [])
    block = b"II*\0\x08\0\0\0" + directory(8, [(0x8769, 4, 1, 26)]) + directory(26, entries)
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", 8 + len(block)) + b"Exif\0\0" + block + jpeg[2:]


def as_cr2(jpeg):
    return b"II*\0\x10\0\0\0CR\2\0\0\0\0\0" + directory(16, [
        (256, 4, 1, 100), (257, 4, 1, 100), (259, 3, 1, 6), (273, 4, 1, 16 + 2 + 12 * 5 + 4), (279, 4, 1, len(jpeg))]) + jpeg


def face(faces_dir):
    return (faces_dir / "odd" / "fr_obama_partial_face.jpg").read_bytes()


def test_a_raw_photo_is_its_preview_and_that_is_said(server, faces_dir):
    photo = face(faces_dir)
    plain, raw = server.add(("a.jpg", photo)), server.add(("a.cr2", as_cr2(photo)))
    assert raw.status == 201, raw.json
    assert "Canon CR2" in raw.json["note"] and "note" not in plain.json
    assert [raw.json[key] for key in ("width", "height")] == [plain.json[key] for key in ("width", "height")]
    assert len(raw.json["faces"]) == len(plain.json["faces"])
    seen = server.post("/v1/detect", files={"file": as_cr2(photo)})
    assert "Canon CR2" in seen.json["note"]
    empty = server.add(("b.cr2", as_cr2(b"\0" * 500)))
    assert empty.status == 415 and "Canon CR2 raw photo without a preview" in empty.json["detail"]


def test_the_time_of_a_photo_is_what_its_exif_says_unless_it_is_given(server, faces_dir):
    photo = face(faces_dir)

    def when(taken, offset, **fields):
        answer = server.add(("a.jpg", with_time(photo, taken, offset)), **fields)
        assert answer.status == 201, answer.json
        assert server.get(f"/v1/collections/default/images/{answer.json['id']}").json["captured_at"] == answer.json["captured_at"]
        return answer.json["captured_at"]

    assert when(b"2026:11:30 10:47:00", b"+02:00") == "2026-11-30T08:47:00Z"
    assert when(b"2026:11:30 10:47:01", None) == "2026-11-30T10:47:01Z"
    assert when(b"2026:11:30 10:47:02", b"+02:00", captured_at="2020-01-02T03:04:05Z") == "2020-01-02T03:04:05Z"
    assert when(b"0000:00:00 00:00:00", None) is None


def test_the_cases_of_formats(server, faces_dir):
    folder = pathlib.Path(os.environ.get("LIKEN_CASES", faces_dir.parent / "cases"))
    cases = (("F03_ios18_like_two_aux_refs.heic", None), ("F04_like.cr2", "raw"), ("F04_thumb_first.tif", None),
             ("F12_only_end_marker_missing.jpg", None), ("F12_progressive_only_end_marker_missing.jpg", None))
    present = [(name, kind) for name, kind in cases if (folder / name).exists()]
    if not present:
        pytest.skip(f"{folder} holds none of the cases")
    for name, kind in present:
        answer = server.post("/v1/detect", files={"file": (name, (folder / name).read_bytes())})
        assert answer.status == 200, f"{name}: {answer.json}"
        assert answer.json["height"] >= 512 and answer.json["faces"], f"{name}: {answer.json}"
        assert ("note" in answer.json) == (kind == "raw")
