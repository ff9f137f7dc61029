"""Folders of photos as people have them: files are renamed, edited, copied, moved and deleted between two runs of add."""
import os
import shutil

import pytest


def bmp(number):
    """A small picture of one colour, of its own for each number."""
    width = height = 24
    head = b"BM" + (54 + width * height * 3).to_bytes(4, "little") + b"\0\0\0\0" + (54).to_bytes(4, "little")
    info = (40).to_bytes(4, "little") + width.to_bytes(4, "little") + height.to_bytes(4, "little") + (1).to_bytes(2, "little")
    info += (24).to_bytes(2, "little") + bytes(4) + (width * height * 3).to_bytes(4, "little") + bytes(16)
    return head + info + number.to_bytes(3, "little") * (width * height)


def settle(*paths, when=10**18 + 1):
    """As if they had been written a while ago: what was written a moment ago is read once more."""
    for path in paths:
        os.utime(path, ns=(when, when))


@pytest.fixture
def pictures(liken, models):
    """p/00.bmp .. p/19.bmp."""
    folder = liken.folder / "p"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:02}.bmp").write_bytes(bmp(i))
    settle(*folder.iterdir())
    return folder


@pytest.fixture
def models(samples):
    return samples.parent


def add(liken, *args, code=0):
    return liken.json("add", "--threads", "2", *args, code=code)[-1]["summary"]


def contents(liken, *args):
    """What is there, whatever its ids: bytes, labels, faces."""
    return sorted((i["sha256"], sorted(i["files"]), len(i["faces"])) for i in liken.json("list", *args))


def found(liken, photo, *args):
    """For each face of the photo what was found, by its names, and how far it is."""
    faces = []
    for face in liken.json("search", "--threshold", "9", "--limit", "1000", *args, str(photo))[0]["faces"]:
        matches = sorted((sorted(m["files"]), m["distance"]) for m in face["matches"])
        faces.append(([files for files, _ in matches], [distance for _, distance in matches]))
    return faces


def test_removing_by_label_takes_what_lies_there(liken, pictures):
    """The owner of p/00.bmp asks for removal; the photo that lay there before is another's and stays."""
    add(liken, "p")
    (pictures / "00.bmp").rename(pictures / "kept.bmp")
    (pictures / "00.bmp").write_bytes(bmp(100))
    assert add(liken, "p")["replaced"] == 1
    [kept] = liken.json("list", "--file", "p/kept.bmp")
    assert kept["files"] == ["p/kept.bmp"]
    [gone] = liken.json("rm", "--yes", "--file", "p/00.bmp")
    assert gone["removed"] != kept["id"]
    assert liken.json("list", "--file", "p/kept.bmp") == [kept]
    # a copy: the first label is taken, the last takes the photo
    shutil.copy(pictures / "kept.bmp", pictures / "copy.bmp")
    assert add(liken, "p/copy.bmp")["extended"] == 1
    assert liken.json("rm", "--yes", "--file", "p/kept.bmp") == [{"stays": kept["id"]}]
    out, _ = liken("list", "--file", "p/copy.bmp")
    assert "p/copy.bmp" in out and " more" not in out
    assert liken.json("rm", "--yes", "--file", "p/copy.bmp") == [{"removed": kept["id"]}]


def test_names_and_tags_are_added_to_what_is_there(liken, pictures):
    add(liken, "--image-id", "7", "--tag", "a", "p/00.bmp")
    assert add(liken, "--image-id", "8", "--tag", "b", "p/00.bmp") | {"seconds": 0} == {
        "added": 0, "existed": 1, "unchanged": 1, "extended": 1, "replaced": 0, "removed": 0, "pruned": 0, "skipped": 0,
        "failed": 0, "faces": 0, "without_face": 0, "refused": {}, "seconds": 0, "interrupted": False}
    [image] = liken.json("list", "--image-id", "8")
    assert (image["image_ids"], sorted(image["tags"])) == (["7", "8"], ["a", "b"])
    [line] = liken.json("rm", "--yes", "--image-id", "7")
    assert line == {"stays": image["id"]}
    assert liken.json("rm", "--yes", "--image-id", "8") == [{"removed": image["id"]}]


def test_a_file_is_known_by_where_it_lies(liken, pictures):
    """However it is called, from whatever folder: each camera has its 00.bmp, and `add .` is said in every folder."""
    os.symlink("p", liken.folder / "link")
    add(liken, "--tag", "kept", "p")
    for name in ("./p", "p/", ".//p/.", pictures, "link"):
        summary = add(liken, name)
        assert (summary["unchanged"], summary["extended"]) == (20, 0)
    [first] = liken.json("list", "--file", pictures / "00.bmp")
    assert first["files"] == ["p/00.bmp"]
    (pictures / "00.bmp").write_bytes(bmp(100))
    (pictures / "01.bmp").unlink()
    settle(pictures / "00.bmp", when=10**18 + 2)
    summary = add(liken, "--prune", "--yes", "link/")
    assert (summary["added"], summary["replaced"], summary["pruned"], summary["removed"]) == (1, 1, 1, 2)
    # another folder of that name, seen from elsewhere: nothing of the first is touched
    before = contents(liken)
    second = liken.folder / "elsewhere"
    (second / "p").mkdir(parents=True)
    (second / "p" / "00.bmp").write_bytes(bmp(200))
    shutil.copy(pictures / "02.bmp", second / "p" / "03.bmp")
    first_folder, liken.folder = liken.folder, second
    summary = add(liken, "--prune", "--yes", "p")
    assert (summary["added"], summary["extended"], summary["replaced"], summary["pruned"]) == (1, 1, 0, 0)
    assert add(liken, "--prune", "--yes", ".")["unchanged"] == 2
    [line] = liken.json("rm", "--yes", "--file", "p/00.bmp")
    assert line["removed"] != first["id"]
    assert liken.json("rm", "--yes", "--file", "p/03.bmp") == [{"stays": liken.json("list", "--file", pictures / "02.bmp")[0]["id"]}]
    liken.folder = first_folder
    assert contents(liken) == before
    # a folder that was moved away keeps its labels
    pictures.rename(second / "p2")
    (second / "p").rename(first_folder / "gone")
    (second / "p2").rename(second / "p")
    liken.folder = second
    assert add(liken, "p")["extended"] == 0
    liken.folder = first_folder
    assert contents(liken) == before


def test_a_disk_that_is_away_keeps_its_photos(liken, pictures):
    """Each card has its 00.bmp; the first is out when the second is added, from its own folder."""
    home, card, other = liken.folder, liken.folder / "card", liken.folder / "other"
    for folder, number in ((card, 600), (other, 601)):
        folder.mkdir()
        (folder / "00.bmp").write_bytes(bmp(number))
    liken.folder = card
    add(liken, ".")
    liken.folder = other
    card.rename(home / "away")
    summary = add(liken, ".")
    assert (summary["added"], summary["replaced"], summary["removed"]) == (1, 0, 0)
    assert sorted(files for _, files, _ in contents(liken)) == [["./00.bmp"], [str(card / "00.bmp")]]
    (home / "away").rename(card)
    liken.folder = card
    assert add(liken, ".")["unchanged"] == 1
    liken.folder = home
    assert add(liken, "--prune", "--yes", "card", "other")["unchanged"] == 2
    assert len(contents(liken)) == 2


def change(folder):
    """Renamed, edited, deleted, copied, moved away under a name that is used again, two that change places."""
    (folder / "00.bmp").rename(folder / "zz.bmp")
    (folder / "01.bmp").write_bytes(bmp(101))
    (folder / "02.bmp").unlink()
    shutil.copy2(folder / "03.bmp", folder / "03 copy.bmp")
    (folder / "sub").mkdir()
    (folder / "04.bmp").rename(folder / "sub" / "04.bmp")
    (folder / "04.bmp").write_bytes(bmp(104))
    (folder / "05.bmp").rename(folder / "t")
    (folder / "06.bmp").rename(folder / "05.bmp")
    (folder / "t").rename(folder / "06.bmp")
    for i in range(19, 9, -1): # renumbered
        (folder / f"{i}.bmp").rename(folder / f"{i + 1}.bmp")
    (folder / "face.jpg").rename(folder / "00.jpg")
    settle(folder / "01.bmp", folder / "04.bmp", when=10**18 + 2)


def test_a_changed_folder_is_as_a_new_one(liken, pictures, samples):
    shutil.copy(samples / "sample1.jpg", pictures / "face.jpg")
    shutil.copy(samples / "sample2.jpg", pictures / "other.jpg")
    settle(pictures / "face.jpg", pictures / "other.jpg")
    liken("add", "--threads", "3", "--tag", "first", "p")
    before = {i["sha256"]: i["id"] for i in liken.json("list")}
    change(pictures)
    liken("add", "--threads", "3", "p")
    out, _ = liken("add", "--threads", "3", "--prune", "--yes", "p")
    assert "are gone" in out
    out, _ = liken("add", "--threads", "3", "--prune", "--yes", "p")
    assert "None had to be read" in out and "gone" not in out
    after = {i["sha256"]: i["id"] for i in liken.json("list")}
    assert all(before.get(sha, id) == id for sha, id in after.items()) # whatever is still there kept its id, and its tags
    assert sum("first" in i["tags"] for i in liken.json("list")) == len(set(before) & set(after)) == len(before) - 2
    liken("collections", "create", "fresh")
    liken("add", "--collection", "fresh", "p")
    assert contents(liken) == contents(liken, "--collection", "fresh")
    for photo in ("p/00.jpg", "p/other.jpg"):
        for (names, distances), (fresh, others) in zip(found(liken, photo), found(liken, photo, "--collection", "fresh"), strict=True):
            assert names and names == fresh
            assert distances == pytest.approx(others, abs=1e-4) # two looks at a photo may round differently
    out, _ = liken("doctor")
    assert "labels" in out


def test_a_file_that_looks_the_same_is_not_read(liken, pictures):
    assert add(liken, "p")["unchanged"] == 0
    assert add(liken, "p")["unchanged"] == 20
    # other bytes under the same size, time and inode: only who reads can tell
    with open(pictures / "07.bmp", "r+b") as f:
        f.write(bmp(107))
    settle(pictures / "07.bmp")
    assert add(liken, "p")["unchanged"] == 20
    summary = add(liken, "--verify", "p")
    assert (summary["unchanged"], summary["existed"], summary["added"], summary["replaced"], summary["removed"]) == (0, 19, 1, 1, 1)
    # another inode, time or size: it is read
    (pictures / "08.bmp").replace(pictures / "moved")
    shutil.copy2(pictures / "moved", pictures / "08.bmp")
    (pictures / "moved").unlink()
    os.utime(pictures / "09.bmp", ns=(10**18, 10**18 + 2))
    assert add(liken, "p")["unchanged"] == 18
    assert add(liken, "p")["unchanged"] == 20
    # what may be written to at this moment is read again
    os.utime(pictures / "09.bmp", ns=(10**18, 4 * 10**18))
    assert [add(liken, "p")["unchanged"] for _ in range(2)] == [19, 19]


def test_pruning_asks_and_spares_what_may_be_unmounted(liken, pictures):
    (pictures / "disk" / "deep").mkdir(parents=True)
    for i in range(3):
        (pictures / "disk" / "deep" / f"{i}.bmp").write_bytes(bmp(200 + i))
    add(liken, "p")
    (pictures / "00.bmp").unlink()
    out, err = liken("add", "--prune", "p", code=1) # nobody to ask
    assert "Of 23 files known below p, 1 are gone" in err and "--yes" in err
    assert len(liken.json("list")) == 23
    shutil.rmtree(pictures / "disk" / "deep")
    out, err = liken("add", "--prune", "--yes", "p")
    assert "p/disk is empty" in err and "mounted" in err
    assert "Took away 1 label" in out
    assert len(liken.json("list")) == 22
    # the whole folder empty
    shutil.move(pictures, liken.folder / "away")
    pictures.mkdir()
    out, err = liken("add", "--prune", "--yes", "p")
    assert "p holds no file" in err and "p is empty" in err
    assert len(liken.json("list")) == 22
    shutil.rmtree(pictures)
    _, err = liken("add", "--prune", "--yes", "p", code=2)
    assert "--prune takes a folder" in err
    assert len(liken.json("list")) == 22
    # gone for good
    shutil.move(liken.folder / "away", pictures)
    shutil.rmtree(pictures / "disk")
    lines = liken.json("add", "--prune", "--yes", "p")
    assert [(line["pruned"], line["removed"]) for line in lines if "pruned" in line] == [
        (f"p/disk/deep/{i}.bmp", True) for i in range(3)]
    assert lines[-1]["summary"]["pruned"] == lines[-1]["summary"]["removed"] == 3
    assert len(liken.json("list")) == 19


def test_what_is_left_out_of_folders(liken, pictures):
    for i, folder in enumerate(["@eaDir", "#recycle", ".Trash-1000", "$RECYCLE.BIN", ".thumbnails", "raw/x", "ok"]):
        (pictures / folder).mkdir(parents=True)
        (pictures / folder / "a.bmp").write_bytes(bmp(300 + i))
    (pictures / "._00.bmp").write_bytes(b"no photo")
    (pictures / ".b.bmp").write_bytes(bmp(310))

    def taken(*args):
        return [line["path"][2:] for line in liken.json("add", *args, "p")[:-1]]

    numbers = [f"{i:02}.bmp" for i in range(20)]
    assert taken() == numbers + ["ok/a.bmp", "raw/x/a.bmp"]
    assert taken("--exclude", "raw", "--exclude", "1?.bmp") == numbers[:10] + ["ok/a.bmp"]
    assert taken("--exclude", "raw/x/", "--exclude", "*/a.bmp") == numbers
    assert set(taken("--include-hidden")) == set(numbers) | {".b.bmp", "._00.bmp"} | {
        f"{f}/a.bmp" for f in ("@eaDir", "#recycle", ".Trash-1000", "$RECYCLE.BIN", ".thumbnails", "raw/x", "ok")}
    assert [line["path"] for line in liken.json("add", "p/@eaDir")[:-1]] == ["p/@eaDir/a.bmp"] # named by the user


def test_links_to_folders_are_followed_once(liken, pictures):
    outside = liken.folder / "outside"
    outside.mkdir()
    (outside / "o.bmp").write_bytes(bmp(400))
    (outside / "back").symlink_to(pictures)
    (pictures / "a").mkdir()
    (pictures / "a" / "loop").symlink_to("..")
    (pictures / "a" / "first").symlink_to(outside)
    (pictures / "a" / "second").symlink_to("first")
    (pictures / "a" / "nowhere").symlink_to("missing")
    (pictures / "a" / "inside").symlink_to("../b")
    (pictures / "b").mkdir()
    (pictures / "b" / "b.bmp").write_bytes(bmp(401))
    paths = [line["path"] for line in liken.json("add", "p")[:-1]]
    assert paths == [f"p/{i:02}.bmp" for i in range(20)] + ["p/b/b.bmp", "p/a/first/o.bmp"]


def test_names_in_latin_1(liken, pictures):
    names = [b"caf\xe9.bmp", b"caf\xe8.bmp", "caf\u00e9.bmp".encode(), "\uf7e9.bmp".encode()]
    for i, name in enumerate(names):
        with open(os.fsencode(pictures) + b"/" + name, "wb") as f:
            f.write(bmp(500 + i))
    lines = liken.json("add", "p")
    files = {line["file"] for line in lines[20:-1]}
    assert files == {"p/caf\uf7e9.bmp", "p/caf\uf7e8.bmp", "p/caf\u00e9.bmp", "p/\uf7ef\uf79f\uf7a9.bmp"}
    assert {line["path"] for line in lines[20:-1]} == files
    assert add(liken, "--prune", "--yes", "p")["pruned"] == 0
    for i, file in enumerate([b"p/caf\xe9.bmp", "p/caf\uf7e8.bmp".encode()]): # as bytes, or as JSON has it
        [image] = liken.json("list", "--file", file)
        assert image["sha256"] == next(line["sha256"] for line in lines[:-1] if line["file"] == image["file"])
        assert image["file"] == ["p/caf\uf7e9.bmp", "p/caf\uf7e8.bmp"][i]
        liken("rm", "--yes", "--file", file)
    os.unlink(os.fsencode(pictures) + b"/" + names[3])
    assert add(liken, "--prune", "--yes", "p")["pruned"] == 1 # the two that were removed are there again
    out, _ = liken("list")
    assert "p/caf\ufffd.bmp" in out and "p/caf\u00e9.bmp" in out # what a terminal can show of them
