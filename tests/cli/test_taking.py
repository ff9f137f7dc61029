"""What one takes away from a gallery: matches as CSV, copies of the matched photos, all of it."""
import csv
import io
import json
import os
import shutil
import signal
import subprocess

import pytest

from conftest import BIN, SAMPLES


BLANK = b"BM" + (3126).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little") \
    + (32).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24) + bytes(3072)


def another(photo, to, number=1):
    """The same picture in other bytes: a photo of its own."""
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(photo.read_bytes() + b"\0" * number)
    return to


@pytest.fixture
def faces(liken):
    """A gallery of album/sample1.jpg, and the same picture four times more: a/x.jpg, b/x.jpg, =cmd.jpg and one with a line
    feed."""
    if not (BIN.exists() and (SAMPLES / "sample1.jpg").exists()):
        pytest.skip("liken is not built, or LIKEN_MODELS names no folder with the faceapi pack and its sample photos")
    album = liken.folder / "album"
    album.mkdir()
    shutil.copy(SAMPLES / "sample1.jpg", album)
    for number, name in enumerate(("a/x.jpg", "b/x.jpg", "=cmd.jpg", "li\nne.jpg"), 1):
        another(album / "sample1.jpg", album / name, number)
    liken("add", "album")
    return album


def rows(text):
    assert text.count("\r\n") == len(list(csv.reader(io.StringIO(text, newline="")))), "every row ends with CRLF"
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_matches_as_csv(liken, faces):
    out, _ = liken("search", "--csv", "album/sample1.jpg")
    [result] = liken.json("search", "album/sample1.jpg")
    # two looks at one photo may round differently, by how many faces are looked at together, so ties may change places
    told = sorted(((i, match) for i, face in enumerate(result["faces"], 1) for match in face["matches"]),
                  key=lambda entry: (entry[0], entry[1]["face_id"]))
    assert len(told) == 15
    got = rows(out)
    assert [(row["query_face"], row["rank"]) for row in got] == [(f"{i}", f"{r}") for i in (1, 2, 3) for r in range(1, 6)]
    for i in (0, 5, 10):
        assert sorted(got[i:i + 5], key=lambda row: float(row["distance"])) == got[i:i + 5]
    for row, (face, match) in zip(sorted(got, key=lambda row: (row["query_face"], int(row["face_id"]))), told, strict=True):
        assert (row["query"], row["query_face"]) == ("album/sample1.jpg", f"{face}")
        assert float(row["distance"]) == pytest.approx(match["distance"], abs=1e-4)
        assert float(row["similarity"]) == pytest.approx(match["similarity"], abs=1e-3)
        assert (int(row["image"]), int(row["face_id"])) == (match["image"], match["face_id"])
        assert row["file"] == match["file"] and row["image_id"] == ""
        assert [float(row[f"box_{k}"]) for k in ("x", "y", "width", "height")] == list(match["box"].values())
        assert (int(row["width"]), int(row["height"])) == (match["width"], match["height"])
    assert list(got[0]) == ["query", "query_face", "rank", "distance", "similarity", "image", "face_id", "file", "image_id",
                            "box_x", "box_y", "box_width", "box_height", "width", "height", "weak"]
    _, err = liken("search", "--csv", "--json", "album/sample1.jpg", code=2)
    assert "--csv or --json" in err
    latin = os.fsencode(faces) + b"/caf\xe9.jpg" # tables are UTF-8, whatever the query is called
    shutil.copy(os.fsencode(faces / "sample1.jpg"), latin)
    (liken.folder / "blank.bmp").write_bytes(BLANK)
    out, err = liken("search", "--csv", "--limit", "2", latin, "blank.bmp")
    assert [row["query"][-9:] for row in rows(out)] == ["/caf\uf7e9.jpg"] * 2
    assert "blank.bmp: no face was found." in err and "2 of 5 matches" in err


def test_no_formula_reaches_a_spreadsheet(liken, faces):
    """A label is what a user of the server wrote."""
    for number, label in enumerate(("=cmd|' /C calc'!A0", "'quoted"), 50):
        another(faces / "sample1.jpg", faces / "one.jpg", number)
        liken("add", "--file-label", label, "album/one.jpg")
    got = {row["file"] for row in rows(liken("search", "--csv", "album/sample1.jpg")[0])}
    assert {"'=cmd|' /C calc'!A0", "''quoted"} <= got


def test_the_header_comes_without_matches(liken, faces):
    out, _ = liken("search", "--csv", "--tag", "none", "album/sample1.jpg", code=3)
    assert rows(out) == [] and out.startswith("query,")


def test_matched_photos_are_copied(liken, faces):
    out, err = liken("search", "--copy-to", "out", "album/sample1.jpg")
    assert out.count("Face ") == 3
    assert "Copied 5 photos to out." in err
    made = liken.folder / "out"
    assert sorted(os.listdir(made)) == ["=cmd.jpg", "li_ne.jpg", "sample1.jpg", "x-2.jpg", "x.jpg"]
    assert sorted(p.read_bytes() for p in made.iterdir()) == sorted(p.read_bytes() for p in faces.rglob("*.jpg"))
    assert (made / "sample1.jpg").stat().st_ino != (faces / "sample1.jpg").stat().st_ino
    assert int((made / "sample1.jpg").stat().st_mtime) == int((faces / "sample1.jpg").stat().st_mtime)

    [again] = liken.json("search", "--copy-to", "out", "album/sample1.jpg")
    assert len(again["copies"]["copied"]) == 5 and all(c["existed"] for c in again["copies"]["copied"])
    assert len(os.listdir(made)) == 5


def test_no_file_is_replaced(liken, faces):
    made = liken.folder / "out"
    made.mkdir()
    (made / "sample1.jpg").write_text("mine")
    (made / "x.jpg").symlink_to(liken.folder / "elsewhere")
    [result] = liken.json("search", "--copy-to", "out/", "album/sample1.jpg")
    to = {os.path.basename(c["file"]): os.path.basename(c["to"]) for c in result["copies"]["copied"]}
    assert to["sample1.jpg"] == "sample1-2.jpg"
    assert (made / "sample1.jpg").read_text() == "mine"
    assert not (liken.folder / "elsewhere").exists()
    assert {"x-2.jpg", "x-3.jpg"} <= set(os.listdir(made))


def test_what_cannot_be_copied_is_said(liken, faces):
    (faces / "a/x.jpg").write_bytes(b"something else")
    (faces / "b/x.jpg").unlink()
    another(faces / "sample1.jpg", faces / "web.jpg", 20)
    liken("add", "--file-label", "https://example.org/../../7.jpg", "album/web.jpg")
    another(faces / "sample1.jpg", faces / "web.jpg", 30)
    liken("add", "--file-label", "../secret", "album/web.jpg")
    (liken.folder.parent / "secret").write_text("of the machine")
    (faces / "web.jpg").unlink()
    [result] = liken.json("search", "--copy-to", "out", "album/sample1.jpg", code=1)
    assert len(result["copies"]["copied"]) == 3
    said = sorted(f["error"] for f in result["copies"]["failed"])
    assert [s.split(" ", 1)[1].split(";")[0].split(" (")[0].rstrip(".") for s in said] == [
        "has changed since it was added", "has changed since it was added", "is not there", "is an address, not a file"]
    _, err = liken("search", "--copy-to", "out", "album/sample1.jpg", code=1)
    assert err.count("Not copied: photo ") == 4
    assert sorted(os.listdir(liken.folder / "out")) == ["=cmd.jpg", "li_ne.jpg", "sample1.jpg"]


def test_the_folder_is_looked_at_first(liken, faces):
    for folder, said in (("album/sample1.jpg", "is not a folder"), ("no/such", "there is no folder no to make")):
        _, err = liken("search", "--copy-to", folder, "album/sample1.jpg", code=2)
        assert said in err
    liken("search", "--copy-to", "out", "--tag", "none", "album/sample1.jpg", code=3)
    assert not (liken.folder / "out").exists()


def test_a_full_disk_is_said_and_leaves_nothing_half(liken, faces):
    disk = liken.folder / "disk"
    disk.mkdir()
    size = (faces / "sample1.jpg").stat().st_size
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={2 * size + 65536}", "liken-test", disk],
                      capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        _, err = liken("search", "--copy-to", "disk", "album/sample1.jpg", code=1)
        assert "No space left on device" in err
        copies = list(disk.iterdir())
        assert 1 <= len(copies) <= 2 and all(c.stat().st_size >= size for c in copies)
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_export_is_there_whole_or_not_at_all(liken, faces):
    out, err = liken("export", "-o", "all.jsonl")
    assert out == "" and "Exported 5 photos with 15 faces" in err
    whole = (liken.folder / "all.jsonl").read_bytes()
    assert [json.loads(line)["type"] for line in whole.splitlines()] == ["export", "collection", *["photo"] * 5, "end"]
    assert liken("export")[0].splitlines()[1:] == whole.decode().splitlines()[1:]
    _, err = liken("export", "--collection", "none", "-o", "all.jsonl", code=1)
    assert "none" in err
    assert (liken.folder / "all.jsonl").read_bytes() == whole
    _, err = liken("export", "-o", "no/such/folder", code=1)
    assert "no/such/folder cannot be written" in err
    _, err = liken("export", "-o", "/dev/full", code=1)
    assert "No space left on device" in err
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN, "export"], stdout=full, stderr=subprocess.PIPE, env=liken.env, check=False)
    assert done.returncode == 1 and b"No space left on device" in done.stderr
    liken("export", "--json", "--format", "csv", code=2)
    assert sorted(p.name for p in liken.folder.iterdir()) == ["album", "all.jsonl", "data"]


def test_a_contact_sheet_shows_what_was_found(liken, faces):
    (faces / "a/x.jpg").unlink()
    (faces / "b/x.jpg").write_bytes(b"no photo any more")
    _, err = liken("search", "--contact-sheet", "sheet.jpg", "album/sample1.jpg")
    assert "The contact sheet sheet.jpg shows 15 matches." in err
    [sheet] = liken.json("detect", "sheet.jpg")
    # five columns; three answers of a query and five matches, of which two have empty frames: two rows each
    assert sheet["width"] == 5 * 272 + 16
    assert sheet["height"] > 6 * 256
    assert len(sheet["faces"]) >= 3 * 4, "a photo in each of the other cells"
    _, err = liken("search", "--contact-sheet", "no/sheet.jpg", "album/sample1.jpg", code=1)
    assert "no/sheet.jpg cannot be written" in err
    _, err = liken("search", "--contact-sheet", "no/sheet.jpg", "--copy-to", "out", "album/sample1.jpg", code=1)
    assert "Copied 3 photos to out." in err and "no/sheet.jpg cannot be written" in err
    _, err = liken("search", "--contact-sheet", "none.jpg", "--tag", "none", "album/sample1.jpg", code=3)
    assert "shows 0 matches" in err and (liken.folder / "none.jpg").exists()
    (liken.folder / "blank.bmp").write_bytes(BLANK)
    _, err = liken("search", "--contact-sheet", "blank.jpg", "blank.bmp", code=3)
    assert "No contact sheet was written" in err and not (liken.folder / "blank.jpg").exists()


def test_an_add_is_reported(liken, album):
    (album / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    (album / "=.bmp").write_bytes(BLANK)
    lines = liken.json("add", "--report", "r.jsonl", "album", code=1)
    told = [json.loads(line) for line in (liken.folder / "r.jsonl").read_text().splitlines()]
    assert told == lines and told[-1]["summary"]["interrupted"] is False
    liken("add", "--report", "r.csv", "--verify", "album", code=1)
    table = rows((liken.folder / "r.csv").read_bytes().decode())
    photos = {row["path"]: row for row in table if row["status"] != "refused"}
    assert {path: row["status"] for path, row in photos.items()} == {
        "album/=.bmp": "existed", "album/bad.jpg": "failed", "album/sample1.jpg": "existed", "album/sample2.jpg": "existed"}
    assert photos["album/bad.jpg"]["reason"] and photos["album/bad.jpg"]["message"]
    assert (photos["album/=.bmp"]["faces"], photos["album/=.bmp"]["message"]) == ("0", "No usable face was found.")
    refused = [row for row in table if row["status"] == "refused"]
    assert len(refused) == sum(len(line.get("refused", [])) for line in lines)
    assert all(row["reason"] and row["message"] and row["box_width"] for row in refused)
    _, err = liken("add", "--report", "r.txt", "album", code=2)
    assert ".csv" in err
    _, err = liken("add", "--report", "no/r.csv", "album", code=1)
    assert "no/r.csv cannot be written" in err
    for name, code in (("r.txt", 2), ("no/r.csv", 1)):
        liken("add", "--data", str(liken.folder / "new"), "--report", name, "album", code=code)
    assert not (liken.folder / "new").exists()


def test_the_report_of_an_interrupted_add_is_whole(liken, album):
    for number in range(200):
        another(album / "sample1.jpg", album / f"{number:03}.jpg", number + 1)
    running = liken.start("add", "--json", "--threads", "1", "--report", "r.csv", "album")
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=300)
    assert running.returncode == 130
    table = rows((liken.folder / "r.csv").read_bytes().decode())
    assert table[0]["status"] == "added" and table[-1]["status"] == "interrupted" and "of 202 files" in table[-1]["message"]
    assert [p.name for p in liken.folder.iterdir() if p.name.startswith("r.csv")] == ["r.csv"]
