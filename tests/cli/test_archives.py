"""liken add of a zip or tar: its photos, and what it is refused for, entry by entry and whole."""
import csv
import gzip
import io
import signal
import tarfile
import zipfile

import pytest


def outcomes(lines):
    return {line["path"]: line["error"].get("reason", line["error"]["code"]) if "error" in line else line["status"]
            for line in lines if "path" in line}


def test_the_photos_of_an_archive(liken, samples):
    one, two = ((samples / f"sample{i}.jpg").read_bytes() for i in (1, 2))
    with zipfile.ZipFile(liken.folder / "party.zip", "w") as z:
        z.writestr("day/", b"")
        z.writestr("day/Jürgen.jpg", one)
        z.writestr("day/2.jpg", two)
        z.writestr("day/readme.txt", b"a text")
        z.writestr("__MACOSX/day/._2.jpg", b"waste")
        z.writestr(".hidden/3.jpg", one)
        z.writestr("drafts/3.jpg", one)
    lines = liken.json("add", "--exclude", "drafts", "party.zip")
    assert outcomes(lines) == {"party.zip/day/Jürgen.jpg": "added", "party.zip/day/2.jpg": "added", "party.zip/day/readme.txt": "not_an_image"}
    assert lines[-1]["summary"]["skipped"] == 1 and lines[-1]["summary"]["failed"] == 0
    labels = sorted(file for image in liken.json("list") for file in image["files"])
    assert labels == [f"{liken.folder}/party.zip/day/{name}" for name in ("2.jpg", "Jürgen.jpg")]
    again = liken.json("add", "--exclude", "drafts", "party.zip", str(samples / "sample1.jpg"))
    assert [line["status"] for line in again[:-1]] == ["existed", "existed", "skipped", "existed"]
    # another archive of that name, in another folder, is another
    (liken.folder / "other").mkdir()
    with tarfile.open(liken.folder / "other" / "party.tgz", "w:gz") as t:
        t.add(samples / "sample3.jpg", "day/2.jpg")
    assert liken.json("add", "other/party.tgz")[0]["status"] == "added"
    assert len(liken.json("list")) == 3


def test_each_entry_answers_for_itself(liken, samples):
    photo = (samples / "sample1.jpg").read_bytes()
    with tarfile.open(liken.folder / "odd.tar", "w") as t:
        def put(name, data=photo, **more):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in more.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(data))

        put("good.jpg")
        put("../up.jpg")
        put("/root.jpg")
        put("link.jpg", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        put("hard.jpg", b"", type=tarfile.LNKTYPE, linkname="good.jpg")
        put("pipe.jpg", b"", type=tarfile.FIFOTYPE)
        put("good.jpg", photo + b"other")
        put("in.zip", b"PK\3\4")
        put("large.jpg", b"\xff\xd8\xff" * 1000000)
        put("last.jpg", photo + b"last")
    lines = liken.json("add", "--max-file", "1M", "--report", "out.csv", "odd.tar", code=1)
    assert [(line["path"], line["error"]["reason"] if "error" in line else line["status"]) for line in lines[:-1]] == [
        ("odd.tar/good.jpg", "added"), ("odd.tar/../up.jpg", "unsafe_path"), ("odd.tar//root.jpg", "unsafe_path"), ("odd.tar/link.jpg", "link"),
        ("odd.tar/hard.jpg", "link"), ("odd.tar/pipe.jpg", "special_file"), ("odd.tar/good.jpg", "same_name_twice"),
        ("odd.tar/in.zip", "nested_archive"), ("odd.tar/large.jpg", "too_large"), ("odd.tar/last.jpg", "added")]
    rows = list(csv.DictReader(io.StringIO((liken.folder / "out.csv").read_text())))
    assert [row["reason"] for row in rows if row["status"] == "failed"][:2] == ["unsafe_path", "unsafe_path"]


def encrypt(path):
    """Sets the bit that says so: the reader does not look further."""
    data = bytearray(path.read_bytes())
    for mark, flag in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.index(mark) + flag] |= 1
    path.write_bytes(data)


def old_names(path):
    """A name in the letters of an old PC."""
    path.write_bytes(path.read_bytes().replace(b"Jos_.jpg", b"Jos\x82.jpg"))


@pytest.mark.parametrize(("spoil", "expected"), [(encrypt, ("a.zip/Jos_.jpg", "encrypted")), (old_names, ("a.zip/Jos?.jpg", "name_not_utf8"))])
def test_zips_of_other_kinds(liken, samples, spoil, expected):
    with zipfile.ZipFile(liken.folder / "a.zip", "w") as z:
        z.write(samples / "sample1.jpg", "Jos_.jpg")
        z.write(samples / "sample2.jpg", "2.jpg")
    spoil(liken.folder / "a.zip")
    assert outcomes(liken.json("add", "a.zip", code=1)) == {expected[0]: expected[1], "a.zip/2.jpg": "added"}


def test_archives_that_are_refused_whole(liken, samples):
    with zipfile.ZipFile(liken.folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(5):
            z.writestr(f"{i}.bmp", bytes(20 << 20))
    with zipfile.ZipFile(liken.folder / "cut.zip", "w") as z:
        z.write(samples / "sample1.jpg", "1.jpg")
    whole = (liken.folder / "cut.zip").read_bytes()
    (liken.folder / "cut.zip").write_bytes(whole[:len(whole) // 2])
    (liken.folder / "text.tar").write_bytes(b"a text\n" * 100)
    with tarfile.open(liken.folder / "cut.tar", "w") as t:
        t.add(samples / "sample1.jpg", "1.jpg")
        t.add(samples / "sample2.jpg", "2.jpg")
    whole = (liken.folder / "cut.tar").read_bytes()
    (liken.folder / "cut.tar").write_bytes(whole[:len(whole) - 20000])
    lines = liken.json("add", "bomb.zip", "cut.zip", "text.tar", "none.zip", "cut.tar", str(samples / "sample1.jpg"), code=1)
    assert outcomes(lines) == {"bomb.zip": "archive_bomb", "cut.zip": "not_an_archive", "text.tar": "not_an_archive", "none.zip": "unreadable",
                               "cut.tar": "damaged", str(samples / "sample1.jpg"): "added"}
    assert lines[-1]["summary"]["failed"] == 5


def test_too_many_entries(liken):
    (liken.folder / "many.tgz").write_bytes(gzip.compress(tarfile.TarInfo("a.jpg").tobuf() * 100001, 1))
    assert outcomes(liken.json("add", "many.tgz", code=1)) == {"many.tgz": "too_many_entries"}


def test_what_is_interrupted_goes_on(liken, samples):
    photo = (samples / "sample1.jpg").read_bytes()
    with zipfile.ZipFile(liken.folder / "a.zip", "w") as z:
        for i in range(12):
            z.writestr(f"{i:02}.jpg", photo + bytes([i]))
    running = liken.start("add", "--json", "--threads", "2", "a.zip")
    assert running.stdout.readline()
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=120)
    assert running.returncode == 130
    assert 0 < len(liken.json("list")) < 12
    lines = liken.json("add", "a.zip")
    assert lines[-1]["summary"]["added"] + lines[-1]["summary"]["existed"] == 12
