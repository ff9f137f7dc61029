"""models, keys, doctor, serve."""
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import urllib.error
import urllib.request

from conftest import BIN, MODELS, best_pack


def test_models(liken, models):
    packs = {pack["name"]: pack for pack in liken.json("models", "list")[0]}
    assert {"faceapi", "yunet", "dlib"} <= set(packs)
    assert packs["faceapi"]["installed"] is True
    assert [name for name, pack in packs.items() if pack["default"]] == [best_pack()]
    assert os.path.isdir(packs["faceapi"]["path"])
    assert liken.json("models", "verify", "faceapi") == [{"pack": "faceapi", "status": "intact"}]
    liken("models", "verify")
    _, err = liken("models", "verify", "nothing", code=1)
    assert "nothing" in err


def test_without_models(liken, tmp_path):
    empty = {"LIKEN_MODELS": str(tmp_path / "empty")}
    (tmp_path / "photo.ppm").write_bytes(b"P6 1 1 255\n\0\0\0")
    _, err = liken("add", "photo.ppm", code=1, env=empty)
    assert "liken models install" in err
    _, err = liken("models", "verify", code=1, env=empty)
    assert "liken models install" in err
    out, _ = liken("doctor", code=1, env=empty)
    assert "liken models install" in out


def test_a_damaged_pack_is_found(liken, models, tmp_path):
    shutil.copytree(MODELS / "faceapi", tmp_path / "packs" / "faceapi")
    weights = max((tmp_path / "packs" / "faceapi").glob("**/*.bin"), key=lambda path: path.stat().st_size)
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.chmod(0o600)
    weights.write_bytes(data)
    damaged = {"LIKEN_MODELS": str(tmp_path / "packs")}
    _, err = liken("models", "verify", "faceapi", code=1, env=damaged)
    assert weights.name in err
    out, _ = liken("doctor", code=1, env=damaged)
    assert re.search(r"^bad  .*faceapi", out, re.M)


def test_keys(liken):
    _, err = liken("keys", "list", code=1)
    assert "There is no gallery" in err and "liken keys add" in err
    out, err = liken("keys", "add", "--scope", "search,add", "website")
    assert re.fullmatch(r"lk_[0-9a-f]{64}\n", out)
    assert "not shown again" in err
    liken("keys", "add", "website", code=1)
    [key] = liken.json("keys", "add", "--collection", "default", "other")
    assert key["scopes"] == "read,search" and key["collection"] == "default" and key["key"].startswith("lk_")
    listed = liken.json("keys", "list")
    assert [key["name"] for key in listed] == ["website", "other"]
    assert all("key" not in key for key in listed)
    [key] = liken.json("keys", "add", "--collection", "later", "--yes", "planned")
    assert key["collection"] == "later"
    liken("keys", "rm", "planned")
    liken("keys", "rm", "website")
    liken("keys", "rm", "website", code=3)
    liken("keys", "add", "--key-file", "elsewhere", "a")
    assert "\na read,search * " in (liken.folder / "elsewhere").read_text()


def test_doctor(liken, album):
    liken("add", "album")
    out, err = liken("doctor")
    assert err == "" and out.endswith("All is well.\n")
    [answer] = liken.json("doctor")
    assert answer["bad"] == 0
    assert all(set(f) == {"what", "verdict", "message"} for f in answer["findings"])


def test_doctor_finds_damage(liken, album):
    liken("add", "album")
    [path] = [p for p in (liken.folder / "data").iterdir() if p.is_file() and p.read_bytes()[:15] == b"SQLite format 3"]
    db = sqlite3.connect(path)
    db.execute("PRAGMA foreign_keys = off")
    [table] = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'") if name.startswith("image")][:1]
    db.execute(f"DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table})")
    db.commit()
    db.close()
    [answer] = liken.json("doctor", code=1)
    bad = [f for f in answer["findings"] if f["verdict"] == "bad"]
    assert len(bad) == answer["bad"] >= 1
    assert all(f["message"] for f in bad)


def get(url, key=None):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def is_caught(pid, number):
    """By the kernel's book: sooner or later is no question then."""
    mask = re.search(r"^SigCgt:\s*([0-9a-f]+)$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_serve_and_stop(liken, models):
    for stop in (signal.SIGTERM, signal.SIGINT):
        server = liken.start("serve", "--port", "0", "--json")
        ready = json.loads(server.stdout.readline())
        assert ready["open"] is True
        assert ready["url"] == f"http://127.0.0.1:{ready['port']}"
        assert "detector" in get(ready["url"] + "/v1/status")
        server.send_signal(signal.SIGHUP)  # a closed terminal is no reason to end
        assert is_caught(server.pid, signal.SIGHUP)
        server.send_signal(stop)
        out, err = server.communicate(timeout=60)
        assert server.returncode == 0, err
        assert out == b""
        assert b"finishing what was accepted" in err


def test_serve_with_a_key(liken, models):
    key = liken("keys", "add", "a")[0].strip()
    server = liken.start("serve", "--port", "0", "--log-json", "--log-level", "debug")
    url = re.fullmatch(r"Serving on (\S+)\n", server.stdout.readline().decode())[1]
    try:
        get(url + "/v1/status")
        refused = None
    except urllib.error.HTTPError as e:
        refused = e.code
        e.close()
    assert refused == 401
    assert "detector" in get(url + "/v1/status", key)
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=60)
    assert server.returncode == 0
    for line in err.decode().splitlines():
        if line.startswith("{"):
            assert set(json.loads(line)) == {"time", "level", "message"}
    assert key.encode() not in err


def test_serve_refuses(liken, models):
    _, err = liken("serve", "--address", "0.0.0.0", "--port", "0", code=2)
    assert "key" in err
    server = liken.start("serve", "--port", "0", "--json")
    port = json.loads(server.stdout.readline())["port"]
    _, err = liken("serve", "--port", str(port), code=1)
    assert str(port) in err
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=60)


def test_every_finding_of_the_doctor_says_something(liken, album):
    liken("add", str(album))
    [report] = liken.json("doctor")
    assert {"store integrity", "store references", "store faces", "store descriptors", "store counts"} <= {
        finding["what"] for finding in report["findings"]}
    assert all(finding["message"] for finding in report["findings"])


def test_the_doctor_writes_nothing(liken, album):
    liken("add", str(album))
    shutil.rmtree(liken.folder / "data" / "index", ignore_errors=True)
    liken("doctor")
    assert not (liken.folder / "data" / "index").exists()


def test_the_spare_detector_is_named_once(liken, album, tmp_path):
    shutil.copytree(MODELS / "faceapi", tmp_path / "packs" / "faceapi")
    alone = {"LIKEN_MODELS": str(tmp_path / "packs")}
    for args in (["add", str(album)], ["search", str(album / "sample1.jpg")], ["detect", str(album / "sample1.jpg")]):
        _, err = liken(*args, env=alone)
        assert err.count("The yunet pack is not installed") == 1
    _, err = liken("detect", "--detector", "ssd", str(album / "sample1.jpg"), env=alone)
    assert "yunet" not in err  # what was asked for is no surprise


def test_closed_streams_are_no_place_for_sockets(liken, models):
    server = subprocess.Popen(["sh", "-c", f'exec "{BIN}" serve --port 0 --json 0<&- 2>&-'], stdout=subprocess.PIPE,
                              env=liken.env)
    try:
        json.loads(server.stdout.readline())
        for number in (0, 2):
            assert os.readlink(f"/proc/{server.pid}/fd/{number}") == "/dev/null"
    finally:
        server.terminate()
        server.stdout.close()
        assert server.wait(60) == 0


def test_what_is_said_of_photos_is_edited_and_listed_by(liken, models, samples):
    names = [str(samples / f"sample{i}.jpg") for i in (1, 2, 3)]
    for name in names:
        liken("add", name)

    def listed(*flags):
        return [json.loads(line)["id"] for line in liken("list", "--json", *flags)[0].splitlines()]

    out, _ = liken("edit", "--tag", "trip", "--tag", "a", "--source", "a card", "--metadata", '{"album": 7}', "--captured-at", "2024-05-01", "1", "3")
    assert out == "Changed 2 photos.\n"
    first = json.loads(liken("list", "--json", "--tag", "trip", "--tag", "a", "--limit", "1")[0])
    assert (first["tags"], first["source"], first["metadata"], first["captured_at"]) == (["a", "trip"], "a card", {"album": 7}, "2024-05-01T00:00:00Z")
    assert (listed("--newest"), listed("--tag", "trip"), listed("--newest", "--tag", "trip", "--limit", "1")) == ([3, 2, 1], [1, 3], [3])
    assert listed("--file-prefix", names[1][:-1]) == [2] and listed("--has-face", "yes") == [1, 2, 3]
    out, err = liken("edit", "--clear", "tags", "--clear", "metadata", "1", "9", code=1)
    assert out == "Changed 1 photo.\n" and "There is no image 9" in err
    for flags, said in (((), "Say what to change"), (("--metadata", "[1]"), "JSON object"), (("--metadata", "{"), "not valid JSON"),
                        (("--clear", "everything"), "takes tags"), (("--tag", "x", "--clear", "tags"), "say one")):
        assert said in liken("edit", *flags, "1", code=2)[1]
    assert listed("--tag", "trip") == [3]
