"""A gallery changes its model (liken upgrade) while it is searched and added to, is killed five times in it with
kill -9, and ends with the answers of a gallery that was made with the new model: the same matches of the same faces at
the same distances. Every answer on the way is of one model: a photo that is in the gallery finds itself.

The photos are the pack's samples, cut in ways that make them many; with LIKEN_SOAK=1 and LIKEN_FACES they are 4,000 of
its people."""
import http.client
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
MODELS = os.environ.get("LIKEN_MODELS", "")
PEOPLE = pathlib.Path(os.environ.get("LIKEN_FACES", "/nonexistent"), "identities")
SOAK = bool(os.environ.get("LIKEN_SOAK")) and PEOPLE.is_dir()
PHOTOS, LATER, ASKED = (4000, 160, 400) if SOAK else (24, 6, 10)
KILLS = 5
SEED = 20261201
FORMER = "faceapi"
NEAR = 0.02  # two looks at one photo may round differently, by how many faces are looked at together


def newer():
    for pack in ("reid", "mobilefacenet"):
        if pathlib.Path(MODELS, pack, "pack.json").exists():
            return pack
    pytest.skip("neither the pack reid nor mobilefacenet is in LIKEN_MODELS, to one of which this test changes")


def sample_photos(folder):
    samples = sorted(pathlib.Path(MODELS, FORMER, "samples").glob("*.jpg")) if MODELS else []
    if not samples:
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack, whose sample photos this test adds")
    for i in range(PHOTOS + LATER):
        path = folder / f"{i:05d}.jpg"
        path.write_bytes(samples[i % len(samples)].read_bytes() + b"\0%d" % i)
        yield path


@pytest.fixture
def photos(tmp_path):
    if SOAK:
        paths = sorted(PEOPLE.rglob("*.jpg"))
        random.Random(SEED).shuffle(paths)
        return paths[: PHOTOS + LATER]
    folder = tmp_path / "photos"
    folder.mkdir()
    return list(sample_photos(folder))


def run(data, *args, code=0, stdin=None):
    done = subprocess.run([BIN, *args, "--data", str(data)], input=stdin, capture_output=True, text=True, timeout=7200)
    assert done.returncode == code, f"liken {args}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def add(data, pack, paths):
    run(data, "add", "--pack", pack, "-", stdin="".join(f"{p}\n" for p in paths))


class Server:
    def __init__(self, data):
        self.child = subprocess.Popen([BIN, "serve", "--json", "--port", "0", "--data", str(data), "--pack", FORMER],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = json.loads(self.child.stdout.readline())["port"]

    def ask(self, path, limit):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request("POST", f"/v1/collections/default/search?limit={limit}", path.read_bytes(),
                               {"Content-Type": "image/jpeg"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def stop(self):
        self.child.terminate()
        self.child.wait()


class Load:
    """Searches by photos that are there, through a server, and adds others, by another process, until it is stopped."""

    def __init__(self, data, there, later, pause):
        self.data, self.there, self.later, self.pause = data, there, later, pause
        self.server, self.stopped, self.wrong, self.models = Server(data), threading.Event(), [], []
        self.threads = [threading.Thread(target=self.search), threading.Thread(target=self.grow)]
        for thread in self.threads:
            thread.start()

    def search(self):
        chance = random.Random(SEED)
        while not self.stopped.is_set():
            path = chance.choice(self.there)
            try:
                status, answer = self.server.ask(path, 5)
                if status != 200:
                    self.wrong.append((path, status, answer))
                    continue
                self.models.append(answer["model"])
                self.wrong += [(path, answer["model"], face["matches"][:2]) for face in answer["faces"]
                               if not face["matches"] or face["matches"][0]["distance"] > NEAR]
            except (OSError, ValueError, KeyError, http.client.HTTPException) as fault:
                self.wrong.append((path, fault))

    def grow(self):
        for path in self.later:
            try:
                add(self.data, FORMER, [path])
            except AssertionError as fault:
                self.wrong.append((path, fault))
            if self.stopped.wait(self.pause):
                self.pause = 0  # the rest without delay

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.server.stop()


def described(data):
    """How many photos the new model has seen."""
    try:
        with sqlite3.connect(f"file:{data / 'liken.db'}?mode=ro", uri=True, timeout=60) as db:
            return db.execute("SELECT count(*) FROM upgraded").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def upgrade_and_kill(data, pack, goal):
    """Starts it, and kills it once so many photos are described. False: it was done before."""
    child = subprocess.Popen([BIN, "upgrade", "--pack", pack, "--yes", "--threads", "2", "--data", str(data)], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    end = time.monotonic() + 3600
    while child.poll() is None and described(data) < goal and time.monotonic() < end:
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def box_of(face):
    return tuple(round(face["box"][k], 2) for k in ("x", "y", "width", "height"))


def answers(data, paths):
    """Of each photo, for each of its faces the matches as (file, box, weak) -> distance, similarity."""
    found, server = [], Server(data)
    try:
        for path in paths:
            status, answer = server.ask(path, 1000)
            assert status == 200, answer
            found += [(path, box_of(face["face"]), face["face"]["weak"],
                       {(m["file"], box_of(m), m["weak"]): (m["distance"], m["similarity"]) for m in face["matches"]})
                      for face in answer["faces"]]
    finally:
        server.stop()
    return found


def expect_same(one, other):
    assert len(one) == len(other) > 0
    for a, b in zip(one, other):
        assert a[:3] == b[:3]
        assert a[3].keys() == b[3].keys()
        for match, (distance, similarity) in a[3].items():
            assert distance == pytest.approx(b[3][match][0], abs=1e-3)
            assert similarity == pytest.approx(b[3][match][1], abs=1e-2)


def test_an_upgrade_that_is_killed_ends_as_a_fresh_gallery(tmp_path, photos):
    pack, data, fresh = newer(), tmp_path / "data", tmp_path / "fresh"
    there, later = photos[:PHOTOS], photos[PHOTOS:]
    add(data, FORMER, there)
    before = run(data, "list", "--json")
    load = Load(data, there[:64], later, 2.0 if SOAK else 0.2)
    killed = 0
    try:
        for goal in [1 + i * PHOTOS // KILLS for i in range(KILLS)] if SOAK else [1, 9, 9, 17, 17]:
            killed += upgrade_and_kill(data, pack, goal)
        started = time.monotonic()
        done = json.loads(run(data, "upgrade", "--pack", pack, "--yes", "--json"))
        print(f"killed {killed} times; the last run took {time.monotonic() - started:.1f} s; {len(load.models)} searches, "
              f"{load.wrong[:3]}; {done['kept']} faces stay, {done['gone']} go, {done['came']} come")
        assert done["done"] and done["missing"] == 0
        end = time.monotonic() + 300
        while not load.wrong and not (load.models and load.models[-1].startswith(pack)) and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        load.stop()
    assert not load.wrong, load.wrong[:3]
    assert load.models and load.models[-1].startswith(pack)
    assert killed == KILLS
    add(fresh, pack, photos)
    asked = photos[:: max(1, len(photos) // ASKED)]
    expect_same(answers(data, asked), answers(fresh, asked))
    run(data, "doctor")
    ids = {image["sha256"]: (image["id"], image["faces"][0]["id"]) for image in map(json.loads, before.splitlines())
           if image["faces"]}
    for image in map(json.loads, run(data, "list", "--json").splitlines()):
        if image["sha256"] in ids and image["faces"]:
            assert image["id"] == ids[image["sha256"]][0]
            assert ids[image["sha256"]][1] in {face["id"] for face in image["faces"]} or done["gone"] > 0
