"""The PostgreSQL server is killed (kill -9) and paused, as by a cut network, while a liken server on it is used: what was
acknowledged is there, once and whole; meanwhile requests get 503 with Retry-After; afterwards liken goes on by itself.
LIKEN_SOAK=1 does it for a minute."""
import http.client
import json
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from postgres import postgres  # noqa: E402,F401  a fixture

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
SECONDS = 60 if os.environ.get("LIKEN_SOAK") else 12
LIMIT = 120 if os.environ.get("LIKEN_SANITIZED") else 40  # no request waits longer for its answer
SEED = 20261125
CLIENTS = 4


@pytest.fixture(scope="module")
def samples():
    models = os.environ.get("LIKEN_MODELS", "")
    found = sorted(pathlib.Path(models, "faceapi", "samples").glob("*.jpg")) if models else []
    if not found:
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack, whose sample photos this test adds")
    return [path.read_bytes() for path in found]


class Server:
    def __init__(self, data, store):
        self.flags = ["--data", str(data), "--store", store]
        self.child = subprocess.Popen([BIN, "serve", "--json", "--port", "0", *self.flags], stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)
        self.port = json.loads(self.child.stdout.readline())["port"]

    def call(self, method, path, body=None, kind="application/json"):
        """(status, answer, headers); any fault of the connection is the test's failure: liken itself stays."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null"), answer.headers
        finally:
            connection.close()

    def stop(self):
        self.child.terminate()
        assert self.child.wait(60) == 0
        self.child.stdout.close()


class Client(threading.Thread):
    """Adds photos of its own, each until it is acknowledged, and between them searches by what it has added."""

    def __init__(self, server, samples, number, end):
        super().__init__()
        self.server, self.samples, self.number, self.end = server, samples, number, end
        self.added, self.away, self.fault = [], 0, None
        self.chance = random.Random(SEED + number)

    def ask(self, *request):
        status, answer, headers = self.server.call(*request)
        if status == 503:
            assert int(headers["Retry-After"]) > 0
            self.away += 1
        return status, answer

    def add(self, number):
        """A file like no other: a sample photo with a tail that only its hash sees."""
        photo = self.samples[number % len(self.samples)] + b"\0%d-%d" % (self.number, number)
        status = 503
        while status == 503:
            status, answer = self.ask("POST", "/v1/collections/default/images", photo, "image/jpeg")
            if status == 503:
                time.sleep(0.1)
        assert status in (200, 201), answer
        self.added.append({**answer, "sample": number % len(self.samples)})

    def look(self):
        one = self.chance.choice(self.added)
        status, answer = self.ask("GET", f"/v1/collections/default/images/{one['id']}")
        assert status in (200, 503), json.dumps(answer)
        if status == 200:
            assert [f["id"] for f in answer["faces"]] == [f["id"] for f in one["faces"]]
        wanted = json.dumps({"face_id": one["faces"][0]["id"], "limit": 3})
        status, answer = self.ask("POST", "/v1/collections/default/search", wanted)
        assert status in (200, 503), json.dumps(answer)

    def run(self):
        try:
            number = 0
            while not self.end.is_set():
                self.add(number)
                self.look()
                number += 1
        except BaseException as fault:  # told by the test itself
            self.fault = fault


def trouble(postgres, chance, until):
    """Kills and pauses the database until it is time; returns how often."""
    times = 0
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.3, 1.5))
        if times % 2 == 0:
            postgres.kill()
            time.sleep(chance.uniform(0, 1.5))
            postgres.start()
        else:
            postgres.pause()
            time.sleep(chance.choice([0.5, 3, 13]) if SECONDS > 12 else chance.uniform(0.5, 4))
            postgres.go_on()
        times += 1
    return times


def verify(server, acknowledged):
    out = subprocess.run([BIN, "list", "--json", *server.flags], capture_output=True, text=True, timeout=LIMIT)
    assert out.returncode == 0, out.stderr
    images = [json.loads(line) for line in out.stdout.splitlines()]
    stored = {image["sha256"]: image for image in images}
    assert len(stored) == len(images), "a photo is stored twice"
    faces = [face["id"] for image in images for face in image["faces"]]
    assert len(set(faces)) == len(faces), "a face is stored twice"
    for one in acknowledged:
        assert one["sha256"] in stored, "an acknowledged photo is gone"
        assert [f["id"] for f in stored[one["sha256"]]["faces"]] == [f["id"] for f in one["faces"]]
    assert len(images) == len(acknowledged), "there are photos that nobody was told of"
    doctor = subprocess.run([BIN, "doctor", "--json", *server.flags], capture_output=True, text=True, timeout=LIMIT)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr


def check_found(server, one, acknowledged):
    """The first face of every other photo made from the same sample is found, by a server that was never restarted."""
    status, answer, _ = server.call("POST", "/v1/collections/default/search",
                                    json.dumps({"face_id": one["faces"][0]["id"], "limit": 10000}))
    assert status == 200, answer
    found = {match["face_id"] for match in answer["faces"][0]["matches"] if match["distance"] < 1e-3}
    assert found >= {other["faces"][0]["id"] for other in acknowledged if other["sample"] == one["sample"]} - \
        {one["faces"][0]["id"]}


def test_database_goes_and_comes(samples, postgres, tmp_path):  # noqa: F811
    server, end = Server(tmp_path / "data", postgres.url("torture")), threading.Event()
    clients = [Client(server, samples, number, end) for number in range(CLIENTS)]
    try:
        for client in clients:
            client.start()
        times = trouble(postgres, random.Random(SEED), time.monotonic() + SECONDS)
        end.set()
        for client in clients:
            client.join(2 * LIMIT)
            assert not client.is_alive()
            if client.fault:
                raise client.fault
        assert times >= 2 and sum(client.away for client in clients) > 0
        acknowledged = [one for client in clients for one in client.added]
        assert len(acknowledged) > CLIENTS
        verify(server, acknowledged)
        for one in acknowledged[:: max(1, len(acknowledged) // 20)]:
            check_found(server, one, acknowledged)
    finally:
        end.set()
        server.stop()
