"""A disk without room: an add says so and can be tried again, all else goes on, /readyz tells it, and it passes."""
import os
import pathlib
import resource
import signal
import subprocess

import pytest

from conftest import BIN, MODELS, Server, soon


@pytest.fixture(autouse=True)
def sqlite_only():
    if os.environ.get("LIKEN_TEST_STORE") == "postgres":
        pytest.skip("the disk of a PostgreSQL server is not filled here")


def check_full(server, photo):
    answer = server.add(photo)
    assert (answer.status, answer.json["code"]) == (503, "store_full"), answer.json
    assert int(answer.headers["retry-after"]) > 0
    soon(lambda: server.get("/readyz").status == 503, "the disk is full, and /readyz is content")
    ready = server.get("/readyz")
    assert ready.json["code"] == "store_full" and int(ready.headers["retry-after"]) > 0
    for told in (answer, ready):
        assert str(server.data) not in told.body.decode() and ".db" not in told.body.decode(), told.body
    assert str(server.data) in pathlib.Path(server.log.name).read_text(), "the log has the place"
    assert server.get("/healthz").status == 200


def check_room(server, photo, kept):
    soon(lambda: server.get("/readyz").status == 200, "there is room again, and /readyz does not tell")
    assert server.add(photo).status == 201
    assert server.get(f"/v1/collections/default/images/{kept}").status == 200
    assert server.post("/v1/collections/default/search", files={"file": photo}).status == 200


def test_files_may_grow_no_more(start, samples):
    """A limit on the size of files stands in for the full disk: it needs no mount. It would count for the memory that the
    decoding helpers share as well, so there are none."""
    server = start("--sandbox", "off")
    kept = server.add(samples[0][1]).json["id"]
    log = server.data / "liken.db-wal"
    size = log.stat().st_size
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    check_full(server, samples[1][1])
    assert server.post("/v1/collections/default/search", files={"file": samples[0][1]}).json["faces"]
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
    check_room(server, samples[1][1], kept)
    assert server.stop() == 0


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "liken-test", disk], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    (disk / "data").mkdir()
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk):
    """To the last page."""
    filler = disk / "filler"
    with open(filler, "ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    continue
            except OSError:
                pass
    return filler


def free(disk):
    room = os.statvfs(disk)
    return room.f_bavail * room.f_frsize


def liken(disk, *words, code=0):
    done = subprocess.run([BIN, *words, "--data", disk / "data"], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "LIKEN_MODELS": str(MODELS)})
    assert done.returncode == code, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def test_a_small_disk_fills(samples, small_disk):
    server = Server(small_disk / "data")
    try:
        kept = server.add(samples[0][1]).json["id"]
        filler = fill(small_disk)
        soon(lambda: server.get("/readyz").status == 503, "nobody wrote, but there is no room")
        check_full(server, samples[1][1])
        filler.unlink()
        check_room(server, samples[1][1], kept)
        assert server.stop() == 0
    finally:
        if server.running():
            server.stop(signal.SIGKILL)


def test_what_makes_room_works_on_a_full_disk(samples, small_disk):
    """Photos, labels, faces and collections can be removed, and what they took goes back to the disk."""
    server = Server(small_disk / "data")
    try:
        assert server.post("/v1/collections", json={"name": "party"}).status == 201
        assert server.post("/v1/collections", json={"name": "whole", "keep": "original"}).status == 201
        large = server.add(samples[0][1] + bytes(3 << 20), "whole").json["id"]  # more than is held in reserve
        many = [server.add(photo + bytes([n]), "party").json["id"] for _, photo in samples[:2] for n in range(2)]
        ids = [server.add(photo, tags=["x"]).json["id"] for _, photo in samples[:2]]
        fill(small_disk)
        check_full(server, samples[0][1] + b"more")
        assert server.delete(f"/v1/collections/whole/images/{large}").status == 204
        assert server.delete(f"/v1/collections/default/images/{ids[0]}").status == 204
        face = server.get(f"/v1/collections/default/images/{ids[1]}").json["faces"][0]["id"]
        assert server.delete(f"/v1/collections/default/faces/{face}").status == 204
        assert server.delete(f"/v1/collections/party/images/{many[0]}").status == 204
        assert server.delete("/v1/collections/party").status == 204
        soon(lambda: server.get("/v1/status").json["erasing"] == 0, "what the collection held is not erased")
        soon(lambda: free(small_disk) > 0, "nothing was given back to the disk")
        assert server.get(f"/v1/collections/default/images/{ids[0]}").status == 404
        assert server.stop() == 0
    finally:
        if server.running():
            server.stop(signal.SIGKILL)


def test_commands_work_on_a_full_disk(samples, small_disk):
    paths = [str(MODELS / "faceapi" / "samples" / name) for name, _ in samples]
    liken(small_disk, "add", *paths)
    before = (small_disk / "data" / "liken.db").stat().st_size
    fill(small_disk)
    assert len(liken(small_disk, "list").splitlines()) == len(paths)
    assert "22 faces, as the store" in liken(small_disk, "doctor", code=1)
    assert "Compared with 22 faces" in liken(small_disk, "search", paths[0])
    liken(small_disk, "rm", "--yes", "--file", paths[0])
    liken(small_disk, "rm", "--yes", "--file", paths[1])
    liken(small_disk, "collections", "rm", "--yes", "default")
    assert (small_disk / "data" / "liken.db").stat().st_size < before
    (small_disk / "filler").unlink()
    liken(small_disk, "add", *paths[:1])
