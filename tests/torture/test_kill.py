"""kill -9 at random moments: what was acknowledged is there, nothing is there by half, and doctor finds nothing. With
either store, SQLite and PostgreSQL.

An acknowledged photo is one whose line `liken add --json` had written, or whose 201 had been read. LIKEN_SOAK=1 does it
ten times as often."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from postgres import postgres  # noqa: E402,F401  a fixture

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
SOAK = bool(os.environ.get("LIKEN_SOAK"))
ROUNDS = {"sqlite": 250 if SOAK else 25, "postgres": 250 if SOAK else 8}
SEED = 20261124


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Many distinct small files: shrunk sample photos, each with a tail that only its hash sees."""
    models = os.environ.get("LIKEN_MODELS", "")
    samples = sorted(pathlib.Path(models, "faceapi", "samples").glob("*.jpg")) if models else []
    if not samples:
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack, whose sample photos this test adds")
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for i in range(max(ROUNDS.values()) * 40):
        path = folder / f"{i:05d}.jpg"
        path.write_bytes(samples[i % len(samples)].read_bytes() + b"\0%d" % i)
        paths.append(path)
    return paths


class Gallery:
    """A data folder and its store, as flags of every command."""

    def __init__(self, kind, where, data):
        self.flags, self.rounds = ["--data", str(data), "--store", where], ROUNDS[kind]


@pytest.fixture(params=["sqlite", "postgres"])
def gallery(request, tmp_path):
    if request.param == "sqlite":
        return Gallery("sqlite", "sqlite", tmp_path / "data")
    server = request.getfixturevalue("postgres")
    return Gallery("postgres", server.url(server.of(tmp_path)), tmp_path / "data")


def run(gallery, *args):
    done = subprocess.run([BIN, *args, *gallery.flags], capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def lines(text):
    """Whole JSON lines; a line cut by the kill was not acknowledged."""
    out = []
    for line in text.split("\n")[:-1]:
        try:
            out.append(json.loads(line))
        except ValueError:
            pass
    return out


def stored(gallery):
    """Every stored image by its hash."""
    status, out, err = run(gallery, "list", "--json")
    assert status == 0, err
    images = {}
    for image in lines(out):
        assert image["sha256"] not in images, "a photo is stored twice"
        images[image["sha256"]] = image
    return images


def same_faces(a, b):
    return [f["id"] for f in a["faces"]] == [f["id"] for f in b["faces"]] and len(a["refused"]) == len(b["refused"])


def kinds(image):
    return [p["kind"] for p in image["pictures"]]


def verify(gallery, acknowledged, faces_of, kept=("thumbnail",)):
    images = stored(gallery)
    for sha, answer in acknowledged.items():
        assert sha in images, f"{answer.get('file')} was acknowledged and is gone"
        assert same_faces(images[sha], answer), f"{answer.get('file')} differs from what was acknowledged"
    for image in images.values():
        wanted = faces_of.setdefault(image["width"] * 100000 + image["height"], len(image["faces"]))
        assert len(image["faces"]) == wanted, f"{image.get('file')} is there by half"
        assert kinds(image) == list(kept), f"{image.get('file')} is there without its pictures"
    status, out, err = run(gallery, "doctor", "--json")
    assert status == 0, out + err


def test_kill_add(photos, gallery):
    chance, acknowledged, faces_of = random.Random(SEED), {}, {}
    for i in range(gallery.rounds):
        batch = photos[i * 40:(i + 1) * 40]
        command = [BIN, "add", "--json", *gallery.flags, *map(str, batch)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            out = "".join(child.stdout.readline() for _ in range(chance.randrange(8)))
            time.sleep(chance.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
            out += child.stdout.read()
        for answer in lines(out):
            if answer.get("status") in ("added", "existed"):
                acknowledged[answer["sha256"]] = answer
        if i % 5 == 4 or i == gallery.rounds - 1:
            verify(gallery, acknowledged, faces_of)
    assert len(acknowledged) > gallery.rounds


class Server:
    def __init__(self, gallery):
        self.child = subprocess.Popen([BIN, "serve", "--json", "--port", "0", *gallery.flags], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.port = json.loads(self.child.stdout.readline())["port"]

    def call(self, method, path, body=None, kind="application/octet-stream"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def picture(self, image, size):
        """Made of all that is kept of it: an original that was cut would not be decoded."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request("GET", f"/v1/collections/default/images/{image}/picture?size={min(size, 4096)}")
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            return answer.read()
        finally:
            connection.close()

    def kill(self):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()
        self.child.stdout.close()


class Load:
    """Posts photos from four clients and kills the server a moment after so many answers."""

    def __init__(self, server, acknowledged, answers, delay):
        self.server, self.acknowledged, self.left, self.delay = server, acknowledged, answers, delay
        self.lock = threading.Lock()
        self.killer = threading.Timer(delay, server.kill) if answers == 0 else None
        if self.killer:
            self.killer.start()

    def post(self, path):
        try:
            status, answer = self.server.call("POST", "/v1/collections/default/images", path.read_bytes(), "image/jpeg")
        except (OSError, http.client.HTTPException, ValueError):
            return  # the server is gone: this photo was not acknowledged
        assert status in (200, 201), answer
        with self.lock:
            self.acknowledged[answer["sha256"]] = answer
            self.left -= 1
            if self.left == 0:
                self.killer = threading.Timer(self.delay, self.server.kill)
                self.killer.start()

    def run(self, batch):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.post, batch))
        self.killer.join()


def check_restarted(gallery, known):
    """A server started again finds and shows what had been acknowledged."""
    server = Server(gallery)
    try:
        for answer in known:
            status, found = server.call("POST", "/v1/collections/default/search",
                                        json.dumps({"face_id": answer["faces"][0]["id"], "limit": 5}), "application/json")
            assert status == 200, found
            status, one = server.call("GET", f"/v1/collections/default/images/{answer['id']}")
            assert status == 200 and same_faces(one, answer)
            assert server.picture(answer["id"], max(answer["width"], answer["height"]))[:3] == b"\xff\xd8\xff"
    finally:
        server.kill()


def test_kill_server(photos, gallery):
    """With originals, so that a photo goes into the store with more than fits one page of it."""
    chance, acknowledged, faces_of = random.Random(SEED + 1), {}, {}
    Server(gallery).kill()  # which makes the gallery
    status, _, err = run(gallery, "collections", "set", "default", "--keep", "original")
    assert status == 0, err
    for i in range(gallery.rounds):
        load = Load(Server(gallery), acknowledged, chance.randrange(8), chance.uniform(0, 0.3))
        load.run(photos[i * 40:(i + 1) * 40])
        if i % 5 == 4 or i == gallery.rounds - 1:
            verify(gallery, acknowledged, faces_of, ("thumbnail", "original"))
            check_restarted(gallery, chance.sample(sorted(acknowledged.values(), key=lambda a: a["id"]), 5))
    assert len(acknowledged) > gallery.rounds


def test_kill_catching_up(photos, gallery):
    """What is kept later is made for one photo after the other, and for each whole or not at all."""
    chance, batch = random.Random(SEED + 3), list(map(str, photos[:16]))
    status, _, err = run(gallery, "add", *batch)
    assert status == 0, err
    for keep, before, after in (("preview", ["thumbnail"], ["thumbnail", "preview"]),
                                ("original", ["thumbnail", "preview"], ["thumbnail", "preview", "original"])):
        status, _, err = run(gallery, "collections", "set", "default", "--keep", keep)
        assert status == 0, err
        for _ in range(20 if SOAK else 2):
            with subprocess.Popen([BIN, "add", "--json", *gallery.flags, *batch], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True) as child:
                for _ in range(chance.randrange(8)):
                    child.stdout.readline()
                child.send_signal(signal.SIGKILL)
            assert all(kinds(image) in (before, after) for image in stored(gallery).values())
        status, out, err = run(gallery, "add", "--json", *batch)
        assert status == 0, err
        assert [kinds(image) for image in stored(gallery).values()] == [after] * len(batch)
        status, out, err = run(gallery, "doctor", "--json")
        assert status == 0, out + err


class Places:
    """Empty places that a gallery is moved to: what `liken move` calls them, and the gallery that is there then."""

    def __init__(self, request, kind, folder):
        self.server = request.getfixturevalue("postgres") if kind == "postgres" else None
        self.kind, self.folder = kind, folder

    def make(self, name):
        data = self.folder / name
        if not self.server:
            return f"sqlite:{data}", Gallery("sqlite", "sqlite", data)
        url = self.server.url(self.server.of(data))
        return url, Gallery("postgres", url, data)


@pytest.fixture
def places(request, tmp_path):
    return Places(request, request.param, tmp_path)


PAIRS = [("sqlite", "postgres"), ("postgres", "sqlite")] + ([("sqlite", "sqlite"), ("postgres", "postgres")] if SOAK else [])


@pytest.mark.parametrize("gallery, places", PAIRS, indirect=True)
def test_kill_move(photos, gallery, places):
    """There under `liken move` that is killed again and again: each photo arrives with its pictures, and they are the same."""
    chance, moves = random.Random(SEED + 2), 20 if SOAK else 2
    status, _, err = run(gallery, "collections", "create", "whole", "--keep", "original")
    assert status == 0, err
    for collection, batch in (("default", photos[:20]), ("whole", photos[20:32])):
        status, _, err = run(gallery, "add", "--collection", collection, *map(str, batch))
        assert status == 0, err
    want = {c: lines(run(gallery, "list", "--json", "--collection", c)[1]) for c in ("default", "whole")}
    assert {len(image["pictures"]) for image in want["whole"]} == {2}
    place = gallery.flags[3] if gallery.flags[3] != "sqlite" else "sqlite:" + gallery.flags[1]
    for i in range(moves):
        to, moved = places.make(f"moved{i}")
        command = [BIN, "move", "--json", "--from", place, "--to", to]
        for _ in range(3 if SOAK else 2):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
                time.sleep(chance.uniform(0, 0.2))
                child.send_signal(signal.SIGKILL)
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0 or "already" in done.stderr, done.stderr  # the last one killed may have been through
        for collection, images in want.items():
            assert lines(run(moved, "list", "--json", "--collection", collection)[1]) == images
        status, out, err = run(moved, "doctor", "--json")
        assert status == 0, out + err
