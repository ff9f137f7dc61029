"""add, search, compare, detect, list, rm on the sample photos."""
import json
import os
import shutil
import signal
import time
import xml.etree.ElementTree

import pytest

from conftest import MODELS, best_pack, remarks


def summary(lines):
    return lines[-1]["summary"]


def test_add_search_and_remove(liken, album):
    lines = liken.json("add", "--threads", "1", "album") # ids in the order of the paths
    assert [(line["path"], line["status"]) for line in lines[:-1]] == [
        ("album/sample1.jpg", "added"), ("album/sample2.jpg", "added")]
    assert lines[0]["file"] == "album/sample1.jpg"
    assert len(lines[0]["faces"]) == 3
    assert summary(lines)["added"] == 2
    assert summary(lines)["faces"] == 6
    assert summary(lines)["failed"] == 0

    [result] = liken.json("search", "album/sample1.jpg")
    assert result["mode"] == "exact"
    assert result["searched"] == 6
    for face in result["faces"]:
        assert face["matches"][0]["file"] == "album/sample1.jpg"
        assert face["matches"][0]["distance"] < 1e-3
    out, err = liken("search", "album/sample1.jpg")
    assert remarks(err) == ""
    assert out.count("Face ") == 3
    assert "Compared with 6 faces of default, exactly" in out

    listed = liken.json("list")
    assert [image["file"] for image in listed] == ["album/sample1.jpg", "album/sample2.jpg"]
    assert len(liken.json("list", "--limit", "1")) == 1
    first = listed[0]["id"]
    _, err = liken("rm", str(first), code=2)
    assert "--yes" in err
    assert liken.json("rm", "--yes", str(first)) == [{"removed": first}]
    assert [image["id"] for image in liken.json("list")] == [listed[1]["id"]]
    face = listed[1]["faces"][0]["id"]
    assert liken.json("rm", "--yes", "--face", str(face)) == [{"removed_face": face}]
    liken("rm", "--yes", "--face", str(face), code=3)
    liken("rm", "--yes", "--file", "album/sample2.jpg")
    liken("rm", "--yes", "--file", "album/sample2.jpg", code=3)
    assert liken.json("list", code=3) == []
    assert (album / "sample1.jpg").exists()


def test_the_same_bytes_are_there_once(liken, album):
    liken("add", "album/sample1.jpg")
    shutil.copy(album / "sample1.jpg", album / "copy.jpg")
    lines = liken.json("add", "album")
    assert [line["status"] for line in lines[:-1]] == ["existed", "existed", "added"]
    assert lines[0]["id"] == lines[1]["id"]
    out, _ = liken("add", "album")
    assert "There already: 3." in out


def test_labels_tags_and_ids(liken, album):
    liken("add", "--image-id", "7", "--file-label", "https://example.org/7.jpg", "--tag", "a", "--tag", "b", "album/sample1.jpg")
    liken("add", "--tag", "a", "album/sample2.jpg")
    [image] = liken.json("list", "--image-id", "7")
    assert image["file"] == "https://example.org/7.jpg"
    assert sorted(image["tags"]) == ["a", "b"]
    assert [len(liken.json("list", *args)) for args in (["--image-id", "7"], ["--file", "album/sample2.jpg"])] == [1, 1]
    for tags, searched in ((["--tag", "a"], 6), (["--tag", "a", "--tag", "b"], 3)):
        [result] = liken.json("search", *tags, "album/sample1.jpg")
        assert result["searched"] == searched
    [result] = liken.json("search", "--tag", "c", "album/sample1.jpg", code=3)
    assert result["searched"] == 0


def test_times(liken, album):
    liken("add", "--captured-at", "2024-05-01T10:00:00+02:00", "album/sample1.jpg")
    liken("add", "--captured-at", "2024-06-01", "album/sample2.jpg")
    assert [image["captured_at"] for image in liken.json("list")] == ["2024-05-01T08:00:00Z", "2024-06-01T00:00:00Z"]
    out, _ = liken("list", "--captured-to", "2024-05-01")
    assert out.count("\n") == 1 and "2024-05-01T08:00:00Z" in out
    for flags, count in ((["--captured-from", "2024-05-01", "--captured-to", "2024-06-01"], 2),
                         (["--captured-from", "2024-05-02"], 1), (["--captured-to", "2024-05-01T07:59:59Z"], 0)):
        code = 0 if count else 3
        assert len(liken.json("list", *flags, code=code)) == count
        [result] = liken.json("search", "--threshold", "9", *flags, "album/sample1.jpg", code=code)
        assert result["searched"] == 3 * count
    [result] = liken.json("search", "album/sample1.jpg")
    assert result["faces"][0]["matches"][0]["captured_at"] == "2024-05-01T08:00:00Z"
    for command, *flags in (["add", "--captured-at", "yesterday"], ["add", "--captured-at", "1970-01-01"], ["list", "--captured-from", "2024-13-01"],
                            ["search", "--captured-from", "2024-06-01", "--captured-to", "2024-05-31"]):
        _, err = liken(command, *flags, *([] if command == "list" else ["album/sample1.jpg"]), code=2)
        assert flags[-2] in err


def test_what_lies_beyond_the_limit_and_the_main_face(liken, album):
    liken("add", "album")
    [result] = liken.json("search", "--threshold", "9", "--limit", "2", "album/sample1.jpg")
    assert [face["total"] for face in result["faces"]] == [6, 6, 6]
    assert result["refused"] == []
    out, _ = liken("search", "--threshold", "9", "--limit", "2", "--main-face", "album/sample1.jpg")
    assert "Face 1 of 1" in out and ": 2 of 6 matches;" in out and "the photo has 2 more" in out


def test_several_photos_of_one_person(liken, album):
    liken("add", "album")
    out, err = liken("search", "album/sample1.jpg", "album/sample2.jpg", "--limit", "1")
    assert "View 2: album/sample2.jpg" in out and "1 of " in out
    assert "album/sample2.jpg does not seem to show the person" in err
    [result] = liken.json("search", "album/sample1.jpg", "album/sample1.jpg")
    assert [photo["doubtful"] for photo in result["photos"]] == [False, False]
    _, err = liken("search", "album/sample1.jpg", "nowhere.jpg", code=1)
    assert "nowhere.jpg" in err
    (album / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    _, err = liken("search", "album/sample1.jpg", "album/bad.jpg", code=1)
    assert "album/bad.jpg: " in err and "Photo 2" not in err


def test_thresholds_and_limits(liken, album):
    liken("add", "album")
    [result] = liken.json("search", "--threshold", "9", "--limit", "2", "album/sample1.jpg")
    assert result["threshold"] == 9
    assert [len(face["matches"]) for face in result["faces"]] == [2, 2, 2]
    [result] = liken.json("search", "--threshold", "9", "--distinct", "image", "album/sample1.jpg")
    for face in result["faces"]:
        images = [match["file"] for match in face["matches"]]
        assert sorted(images) == ["album/sample1.jpg", "album/sample2.jpg"]
    strict = liken.json("search", "--max-false-matches", "0.0001", "album/sample1.jpg")[0]["threshold"]
    loose = liken.json("search", "--max-false-matches", "1", "album/sample1.jpg")[0]["threshold"]
    assert strict < loose


def test_lists_on_standard_input(liken, album):
    lines = liken.json("add", "-", stdin=b"album/sample1.jpg\n\nalbum/sample2.jpg")
    assert [line.get("status") for line in lines[:-1]] == ["added", "added"]
    odd = "album/a\nb \u00fc.jpg"
    os.rename(album / "sample1.jpg", liken.folder / odd)
    lines = liken.json("add", "-0", "-", stdin=odd.encode() + b"\0missing.jpg\0", code=1)
    assert [(line["path"], line["status"]) for line in lines[:-1]] == [(odd, "existed"), ("missing.jpg", "failed")]
    _, err = liken("add", "-", stdin=b"a\0b\0", code=2)
    assert "-0" in err
    lines = liken.json("add", "-", stdin=b"")
    assert summary(lines)["added"] == 0


def test_odd_names_and_unreadable_files(liken, album):
    (album / "sample1.jpg").rename(album / "a\nb.jpg")
    os.rename(album / "sample2.jpg", bytes(album) + b"/\xff.jpg")
    (album / "notes.txt").write_text("no photo\n")
    (album / "cut.jpg").write_bytes((album / "a\nb.jpg").read_bytes()[:3000])
    (album / "empty.jpg").write_bytes(b"")
    lines = liken.json("add", "album", "nowhere.jpg", code=1)
    by_path = {line["path"]: line for line in lines[:-1]}
    assert by_path["album/a\nb.jpg"]["status"] == "added"
    assert by_path["album/\uf7ff.jpg"]["status"] == "added"
    assert by_path["album/notes.txt"]["status"] == "skipped"
    assert by_path["album/cut.jpg"]["status"] == "failed"
    assert by_path["nowhere.jpg"]["error"]["code"] == "not_found"
    for line in lines[:-1]:
        if line["status"] in ("failed", "skipped"):
            assert line["error"]["message"]
    # named by the user, a file that is no photo is a failure; found in a folder it is not
    liken("add", "album/notes.txt", code=1)
    out, err = liken("list")
    assert err == ""
    assert "album/a\\nb.jpg" in out
    out, err = liken("add", "album", code=1)
    assert "album/cut.jpg: " in err
    assert "album/notes.txt: " in err


def test_an_unreadable_folder_is_named(liken, album):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    closed = album / "closed"
    closed.mkdir(mode=0)
    lines = liken.json("add", "album", code=1)
    assert lines[0]["path"] == "album/closed"
    assert lines[0]["status"] == "failed"
    closed.chmod(0o700)


def test_require_face(liken, models, tmp_path):
    (tmp_path / "gray.ppm").write_bytes(b"P6 64 64 255\n" + bytes([128]) * (64 * 64 * 3))
    [line, _] = liken.json("add", "--require-face", "gray.ppm", code=1)
    assert line["error"]["code"] == "no_face"
    [line, last] = liken.json("add", "gray.ppm")
    assert line["faces"] == []
    assert last["summary"]["without_face"] == 1
    [result] = liken.json("search", "gray.ppm", code=3)
    assert result["faces"] == []
    assert "No face" in liken("search", "gray.ppm", code=3)[0]
    [comparison] = liken.json("compare", "gray.ppm", "gray.ppm", code=3)
    assert comparison["same"] is False
    assert comparison["best"] is None
    liken("detect", "gray.ppm", code=3)


def test_detect(liken, album, tmp_path):
    names = ["album/sample2.jpg", "album/sample1.jpg"]
    lines = liken.json("detect", *names)
    assert [line["file"] for line in lines] == names
    for line in lines:
        assert len(line["faces"]) == 3
        assert line["detector"] in ("yunet", "ssd")
        assert line["refused"] == []
        assert line["width"] == 1920
        assert "descriptor" not in line["faces"][0]
        assert "id" not in line
    [line] = liken.json("detect", "--describe", "--draw", "out.jpg", names[0])
    assert len(line["faces"][0]["descriptor"]) in (128, 160, 192)
    assert (tmp_path / "out.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    lines = liken.json("detect", names[0], "nowhere.jpg", code=1)
    assert lines[1]["error"]["code"] == "not_found"
    assert lines[1]["file"] == "nowhere.jpg"
    out, err = liken("detect", names[0])
    assert out.startswith("album/sample2.jpg: 1920x") and ", 3 faces, 0 refused" in out
    assert remarks(err) == ""
    liken("detect", "--max-file", "10K", names[0], code=1)
    liken("detect", "--max-megapixels", "1", names[0], code=1)


def test_faces_of_a_height_are_looked_for_everywhere(liken, models, tmp_path):
    (tmp_path / "gray.ppm").write_bytes(b"P6 1024 512 255\n" + bytes([128]) * (1024 * 512 * 3))
    for flags in (["--min-face", "9"], ["--min-face", "0"], ["--min-face", "4097"], ["--min-face", "16.5"], ["--min-face", "small"],
                  ["--thorough=perhaps"]):
        for command in ("detect", "add"):
            assert flags[0].split("=")[0] in liken(command, *flags, "gray.ppm", code=2)[1]
    _, err = liken("detect", "--detector", "ssd", "--min-face", "10", "gray.ppm", code=1)
    assert "liken models install yunet" in err

    def sought(*flags):
        [line] = liken.json("detect", *flags, "gray.ppm", code=3)
        return line["smallest_face"]

    if not (MODELS / "yunet" / "pack.json").exists():
        pytest.skip(f"the yunet pack is not in {MODELS} (LIKEN_MODELS)")
    quick = sought()
    assert 16 < quick < 64
    assert sought("--min-face", "4096") == quick
    assert sought("--thorough") == sought("--thorough", "--min-face", "20") == 16
    assert sought("--thorough", "--min-face", "12") == 12
    assert "from 20 pixels on everywhere" in liken("detect", "--min-face", "20", "gray.ppm", code=3)[0]
    [line, _] = liken.json("add", "--min-face", "20", "gray.ppm")
    assert line["smallest_face"] == 20
    [line, _] = liken.json("add", "--thorough", "gray.ppm")
    assert line["status"] == "existed" and "smallest_face" not in line  # it was not looked at


def test_compare(liken, album):
    [c] = liken.json("compare", "album/sample1.jpg", "album/sample1.jpg")
    assert c["same"] is True
    assert c["distance"] < 1e-3
    assert len(c["distances"]) == 3 and len(c["distances"][0]) == 3
    out, err = liken("compare", "album/sample1.jpg", "album/sample1.jpg")
    assert out.startswith("The same person: distance 0.0000") and remarks(err) == ""
    _, err = liken("compare", "album/sample1.jpg", "nowhere.jpg", code=1)
    assert "nowhere.jpg cannot be opened" in err


def test_collections(liken, album):
    [made] = liken.json("collections", "create", "--metric", "l2", "old")
    assert made["metric"] == "l2"
    _, err = liken("collections", "create", "old", code=1)
    assert '"old"' in err
    liken("add", "--collection", "old", "album/sample1.jpg")
    counts = {c["name"]: c["faces"] for c in liken.json("collections", "list")}
    assert counts == {"default": 0, "old": 3}
    _, err = liken("search", "--collection", "none", "album/sample1.jpg", code=1)
    assert '"none"' in err
    assert liken.json("list", code=3) == []
    liken("collections", "rm", "old", code=2)
    assert liken.json("collections", "rm", "--yes", "old") == [{"removed": "old", "images": 1, "faces": 3}]
    liken("collections", "rm", "--yes", "old", code=1)


def many_photos(folder, samples, count):
    """Photos of different bytes: a comment at the end of a JPEG changes no pixel."""
    folder.mkdir()
    for i in range(count):
        data = (samples / f"sample{i % 6 + 1}.jpg").read_bytes()
        (folder / f"{i:03}.jpg").write_bytes(data + b"#%d" % i)


def test_interrupted_and_resumed(liken, samples, tmp_path):
    many_photos(tmp_path / "many", samples, 16)
    run = liken.start("add", "--threads", "2", "--json", "many")
    first = run.stdout.readline()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=300)
    lines = [json.loads(line) for line in (first + out).splitlines()]
    assert run.returncode == 130, err
    assert b"Interrupted after" in err
    done = [line["path"] for line in lines[:-1] if line["status"] == "added"]
    assert summary(lines)["interrupted"] is True
    assert 1 <= len(done) < 16
    # what was acknowledged is there, and nothing else is
    assert sorted(image["file"] for image in liken.json("list")) == sorted(done)
    lines = liken.json("add", "many")
    assert summary(lines)["existed"] == len(done)
    assert summary(lines)["added"] == 16 - len(done)
    assert len({image["sha256"] for image in liken.json("list")}) == 16
    liken("doctor")


def test_second_interrupt_quits(liken, samples, tmp_path):
    many_photos(tmp_path / "many", samples, 16)
    run = liken.start("add", "--json", "many")
    run.stdout.readline()
    run.send_signal(signal.SIGINT)
    while run.poll() is None: # the first may have been the last word already
        time.sleep(0.01)
        run.send_signal(signal.SIGINT)
    assert run.returncode == 130
    run.stdout.close()
    run.stderr.close()
    liken("doctor")


def test_eval(liken, samples, tmp_path):
    """Two people in four crops would need labels; the whole samples do for the plumbing: a photo is the same as itself."""
    rows = ["file_a,file_b,same,source,fold"]
    for i in range(1, 7):
        (tmp_path / f"p{i}").mkdir()
        shutil.copy(samples / f"sample{i}.jpg", tmp_path / f"p{i}" / "1.jpg")
        (tmp_path / f"p{i}" / "2.jpg").write_bytes((samples / f"sample{i}.jpg").read_bytes() + b"#")
        rows.append(f"p{i}/1.jpg,p{i}/2.jpg,1,whole,{i % 2}")
    rows.append("p1/1.jpg,p5/1.jpg,0,whole,0")
    rows.append("p5/2.jpg,p1/2.jpg,0,whole,1")
    (tmp_path / "pairs.csv").write_text("\n".join(rows) + "\n")
    [[report]] = liken.json("eval", "--det", "det.svg", "pairs.csv")
    assert report["source"] == "whole"
    assert (report["pairs"], report["same"], report["different"], report["used"]) == (8, 6, 2, 8)
    assert report["accuracy"] == report["accuracy_used"] == 1
    assert report["auc"] == 1
    assert report["eer"] == 0
    assert report["strangers_pairs"] == 60  # 12 photos, 66 pairs, 6 of one person
    assert set(report["tmr_at_fmr"]) == {"0.01", "0.001", "0.0001", "0.00001"}
    assert report["strangers_at_fmr"]["0.0001"] == {"set": "all", "pairs": 60}
    assert report["tmr_at_fmr"]["0.0001"] is None
    assert report["files_without_face"] == [] and report["unreadable"] == []
    assert report["metric"] == "normalized" and report["model"].startswith(best_pack() + "-")
    xml.etree.ElementTree.parse(tmp_path / "det.svg")
    out, _ = liken("eval", "--metric", "l2", "pairs.csv")
    assert out.splitlines()[1].split()[:4] == ["whole", "8", "8", "1.0000"]


def test_eval_counts_what_is_missing(liken, samples, tmp_path):
    shutil.copy(samples / "sample1.jpg", tmp_path / "a.jpg")
    (tmp_path / "gray.ppm").write_bytes(b"P6 64 64 255\n" + bytes([128]) * (64 * 64 * 3))
    (tmp_path / "pairs.csv").write_text("file_a,file_b,same\na.jpg,a.jpg,1\na.jpg,gray.ppm,1\na.jpg,gone.jpg,0\n")
    [[report]] = liken.json("eval", "pairs.csv", code=1)
    assert report["files_without_face"] == ["gray.ppm"]
    assert report["unreadable"] == ["gone.jpg"]
    assert (report["pairs"], report["used"]) == (3, 1)
    assert report["accuracy"] is None  # no strangers' pair is left


def test_eval_refuses_bad_files(liken, tmp_path):
    (tmp_path / "bad.csv").write_text('file_a,file_b,same\na,b,1\na,"b,1\n')
    _, err = liken("eval", "bad.csv", code=1)
    assert "bad.csv: line 4: a quoted field does not end." in err


def test_calibrate(liken, samples, tmp_path):
    """For the plumbing: one photo, over and over."""
    (tmp_path / "many").mkdir()
    photo = (samples / "sample1.jpg").read_bytes()
    for i in range(50):
        (tmp_path / "many" / f"{i}.jpg").write_bytes(photo + b"#" * i)
    liken("add", "many/0.jpg")
    _, err = liken("calibrate", code=1)
    assert "takes at least 50" in err
    liken("add", "many")
    out, _ = liken("calibrate", "--svg", "curve.svg")
    [[curve]] = [liken.json("calibrate", "default")]
    assert curve["compared"] == curve["faces"] >= 50 and curve["photos"] == 50
    assert out.startswith(f"default: {curve['faces']} good faces, {curve['weak']} weak ones left out")
    assert sum(line.endswith("  threshold") for line in out.splitlines()) == 1
    assert [point["nearest"] for point in curve["points"]] == [1] * len(curve["points"])
    distances = [point["distance"] for point in curve["points"]]
    assert distances == sorted(distances) and curve["threshold"] in distances
    root = xml.etree.ElementTree.parse(tmp_path / "curve.svg").getroot()
    words = " ".join(root.itertext())
    for word in ("distance", "share within the distance", "pack: strangers", "nearest of a face", "threshold"):
        assert word in words
    liken("calibrate", "nowhere", code=1)


def test_a_collection_that_is_not_there_is_said_once(liken, album):
    out, err = liken("add", "--collection", "party", str(album), code=1)
    assert out == "" and err.count("There is no collection") == 1 and "liken collections create party" in err
