"""A disk without room: an add says so and can be tried again, all else goes on, /readyz tells it, and it passes."""
import os
import pathlib
import resource
import signal
import subprocess

import pytest

from conftest import Server, soon


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


def test_a_small_disk_fills(samples, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "liken-test", disk], capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    data = disk / "data"
    data.mkdir()
    server = None
    try:
        server = Server(data)
        kept = server.add(samples[0][1]).json["id"]
        filler = disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)) == 65536:
                    continue
            except OSError:
                pass
        soon(lambda: server.get("/readyz").status == 503, "nobody wrote, but there is no room")
        check_full(server, samples[1][1])
        filler.unlink()
        check_room(server, samples[1][1], kept)
        assert server.stop() == 0
    finally:
        if server is not None and server.running():
            server.stop(signal.SIGKILL)
        subprocess.run(["umount", "-l", disk], check=True)
