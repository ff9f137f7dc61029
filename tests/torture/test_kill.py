"""kill -9 at random moments: what was acknowledged is there, nothing is there by half, and doctor finds nothing.

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
import threading
import time

import pytest

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
ROUNDS = 250 if os.environ.get("LIKEN_SOAK") else 25
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
    for i in range(ROUNDS * 40):
        path = folder / f"{i:05d}.jpg"
        path.write_bytes(samples[i % len(samples)].read_bytes() + b"\0%d" % i)
        paths.append(path)
    return paths


def run(data, *args):
    done = subprocess.run([BIN, *args, "--data", str(data)], capture_output=True, text=True, timeout=300)
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


def stored(data):
    """Every stored image by its hash."""
    status, out, err = run(data, "list", "--json")
    assert status == 0, err
    images = {}
    for image in lines(out):
        assert image["sha256"] not in images, "a photo is stored twice"
        images[image["sha256"]] = image
    return images


def same_faces(a, b):
    return [f["id"] for f in a["faces"]] == [f["id"] for f in b["faces"]] and len(a["refused"]) == len(b["refused"])


def verify(data, acknowledged, faces_of):
    images = stored(data)
    for sha, answer in acknowledged.items():
        assert sha in images, f"{answer.get('file')} was acknowledged and is gone"
        assert same_faces(images[sha], answer), f"{answer.get('file')} differs from what was acknowledged"
    for image in images.values():
        wanted = faces_of.setdefault(image["width"] * 100000 + image["height"], len(image["faces"]))
        assert len(image["faces"]) == wanted, f"{image.get('file')} is there by half"
    status, out, err = run(data, "doctor", "--json")
    assert status == 0, out + err


def test_kill_add(photos, tmp_path):
    chance, acknowledged, faces_of = random.Random(SEED), {}, {}
    data = tmp_path / "data"
    for i in range(ROUNDS):
        batch = photos[i * 40:(i + 1) * 40]
        command = [BIN, "add", "--json", "--data", str(data), *map(str, batch)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            out = "".join(child.stdout.readline() for _ in range(chance.randrange(8)))
            time.sleep(chance.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
            out += child.stdout.read()
        for answer in lines(out):
            if answer.get("status") in ("added", "existed"):
                acknowledged[answer["sha256"]] = answer
        if data.exists() and (i % 5 == 4 or i == ROUNDS - 1):
            verify(data, acknowledged, faces_of)
    assert len(acknowledged) > ROUNDS


class Server:
    def __init__(self, data):
        self.child = subprocess.Popen([BIN, "serve", "--json", "--port", "0", "--data", str(data)], stdout=subprocess.PIPE,
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


def check_restarted(data, known):
    """A server started again finds and shows what had been acknowledged."""
    server = Server(data)
    try:
        for answer in known:
            status, found = server.call("POST", "/v1/collections/default/search",
                                        json.dumps({"face_id": answer["faces"][0]["id"], "limit": 5}), "application/json")
            assert status == 200, found
            status, one = server.call("GET", f"/v1/collections/default/images/{answer['id']}")
            assert status == 200 and same_faces(one, answer)
    finally:
        server.kill()


def test_kill_server(photos, tmp_path):
    chance, acknowledged, faces_of = random.Random(SEED + 1), {}, {}
    data = tmp_path / "data"
    for i in range(ROUNDS):
        load = Load(Server(data), acknowledged, chance.randrange(8), chance.uniform(0, 0.3))
        load.run(photos[i * 40:(i + 1) * 40])
        if i % 5 == 4 or i == ROUNDS - 1:
            verify(data, acknowledged, faces_of)
            check_restarted(data, chance.sample(sorted(acknowledged.values(), key=lambda a: a["id"]), 5))
    assert len(acknowledged) > ROUNDS
