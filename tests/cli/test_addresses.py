"""Photos by their address on the web: what is fetched, and a table of attacks, each refused with its code. The names and
addresses are those of web_world.py, in a network namespace without a route out."""
import csv
import http.server
import io
import json
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

WORLD = pathlib.Path(__file__).with_name("web_world.py")
PUBLIC = {"93.184.216.34", "93.184.216.35"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What all attempts came to."""
    import conftest
    photo = conftest.SAMPLES / "sample1.jpg"
    if not photo.exists():
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack and its sample photos")
    for program in ("ip", "openssl", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is not installed")
    enter = ["unshare", "--net", "--mount"]
    if subprocess.run([*enter, "sh", "-c", "ip link set lo up && mount --bind /etc/hosts /etc/hosts"],
                      capture_output=True, check=False).returncode != 0:
        pytest.skip("a network namespace of its own is not permitted here (unshare --net --mount)")
    folder = tmp_path_factory.mktemp("world")
    liken = conftest.Liken(folder)
    done = subprocess.run([*enter, sys.executable, WORLD, folder, photo, conftest.BIN], env=liken.env, capture_output=True,
                          text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_attack_is_refused_with_its_code(world):
    wrong = {url: (got, world["plain"].get(url)) for url, got in world["expected"].items() if world["plain"].get(url) != got}
    assert not wrong, (wrong, world["said"])


def test_nobody_was_asked_who_must_not_be(world):
    assert world["asked"]["93.184.216.34"] > 10
    assert not set(world["asked"]) - PUBLIC


def test_a_name_that_turns_to_another_address_gains_nothing(world):
    outcomes = [outcome for answers in world["turning"] for outcome in answers.values()]
    assert "address_refused" in outcomes
    assert set(outcomes) <= {"existed", "address_refused"}
    assert not set(world["turned"]) - PUBLIC


def test_an_address_that_is_named_may_be_asked(world):
    named = {url.removeprefix("http://"): outcome for url, outcome in world["named"].items()}
    assert named == {"ten.test/photo": "existed", "loop.test/photo": "existed", "127.0.0.1/photo": "existed", "[::1]:8080/photo": "existed",
                     "loop6.test/photo": "address_refused", "house.test/photo": "address_refused",
                     "127.0.0.1:8080/photo": "host_not_allowed"}


def test_every_refusal_says_what_to_do(world):
    for url, reason in world["expected"].items():
        said = [line for line in world["said"].splitlines() if line.startswith(url + ": ")]
        assert said or reason in ("added", "existed"), url
        assert all(len(line) > len(url) + 30 for line in said), said
    assert "--allow-host" in world["said"]


@pytest.fixture
def site(samples):
    """The address of a site on loopback that serves the samples."""
    class Site(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(samples))

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def test_addresses_and_files_are_added_together(liken, site, samples):
    urls = [f"http://{site}/sample{i}.jpg" for i in (1, 2, 9)]
    lines = liken.json("add", "--allow-host", site, "--report", "out.csv", "-", str(samples / "sample1.jpg"), stdin="\n".join(urls).encode(), code=1)
    assert [line.get("status") for line in lines[:-1]] == ["added", "added", "failed", "existed"]
    assert lines[2]["error"]["reason"] == "http_status" and lines[2]["error"]["code"] == "not_found"
    assert lines[-1]["summary"]["added"] == 2
    labels = [file for image in liken.json("list") for file in image["files"]]
    assert sorted(labels) == sorted([*urls[:2], str(samples / "sample1.jpg")])
    rows = list(csv.DictReader(io.StringIO((liken.folder / "out.csv").read_text())))
    assert [row["reason"] for row in rows if row["status"] == "failed"] == ["http_status"]
    again = liken.json("add", "--allow-host", site, urls[0])
    assert again[0]["status"] == "existed"


def test_without_a_host_nothing_is_asked(liken, site, samples):
    out, err = liken("add", f"http://{site}/sample1.jpg", code=1)
    assert "--allow-host" in err and "Failed: 1" in out
    _, err = liken("add", "--allow-host", "http://example.org/", str(samples / "sample1.jpg"), code=2)
    assert "names no host" in err
