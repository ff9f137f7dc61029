"""kill -9 at random moments, and thousands of faces that another process writes: a search that starts from the cached
index answers as one that has no cache. LIKEN_SOAK=1 does it ten times as often."""
import array
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import time

import pytest

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
ROUNDS = 200 if os.environ.get("LIKEN_SOAK") else 8
SEED = 20261125
FACES = 9000  # written at once; several times that many make the index save itself in the background


@pytest.fixture(scope="module")
def samples():
    models = os.environ.get("LIKEN_MODELS", "")
    found = sorted(pathlib.Path(models, "faceapi", "samples").glob("*.jpg")) if models else []
    if not found:
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack, whose sample photos this test adds")
    return found


def photo(samples, folder, number):
    """A small file like no other: a sample photo with a tail that only its hash sees."""
    path = folder / f"{number:05d}.jpg"
    path.write_bytes(samples[number % len(samples)].read_bytes() + b"\0%d" % number)
    return path


def write_faces(data, chance, count):
    """What another process does to the store: `count` more faces on its first photo, and some of them removed."""
    store = sqlite3.connect(data / "liken.db", timeout=60, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    columns = [c[1] for c in store.execute("PRAGMA table_info(faces)") if c[1] not in ("id", "descriptor")]
    names, kept = ", ".join(columns), store.execute("SELECT min(id) FROM faces").fetchone()[0]
    [old] = store.execute(f"SELECT {names} FROM faces WHERE id = ?", (kept,))
    marks = ", ".join("?" * (len(columns) + 1))
    [[size]] = store.execute("SELECT length(descriptor) / 4 FROM faces WHERE id = ?", (kept,)).fetchall()
    rows = ((*old, array.array("f", [chance.gauss(0, 0.1) for _ in range(size)]).tobytes()) for _ in range(count))
    store.executemany(f"INSERT INTO faces ({names}, descriptor) VALUES ({marks})", rows)
    store.execute("DELETE FROM faces WHERE id > ? AND id % 13 = ? AND image = (SELECT image FROM faces WHERE id = ?)",
                  (kept, chance.randrange(13), kept))
    store.execute("UPDATE collections SET faces = (SELECT count(*) FROM faces f JOIN images i ON i.id = f.image"
                  " WHERE i.collection = collections.id)")
    store.execute("COMMIT")
    store.close()


def stored_faces(data):
    """Some faces to search by: what describes a photo may choose its kernels by time, and then differs in the last bits."""
    store = sqlite3.connect(data / "liken.db", timeout=60)
    ids = [row[0] for row in store.execute("SELECT id FROM faces ORDER BY id")]
    store.close()
    return [ids[0], ids[len(ids) // 3], ids[len(ids) // 2], ids[-1]]


def serve(data, log):
    child = subprocess.Popen([BIN, "serve", "--json", "--log-level", "info", "--port", "0", "--data", str(data)],
                             stdout=subprocess.PIPE, stderr=log, text=True)
    return child, json.loads(child.stdout.readline())["port"]


def post(port, body, kind):
    server = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        server.request("POST", "/v1/collections/default/search", body, {"Content-Type": kind})
        answer = server.getresponse()
        result = json.loads(answer.read())
        assert answer.status == 200, result
        return result
    finally:
        server.close()


def answers(data, faces):
    """What a server that only just started finds, and how many faces it took from the store."""
    with open(data / "log", "w+", encoding="utf-8") as log:
        child, port = serve(data, log)
        with child:
            try:
                results = [post(port, json.dumps({"face_id": face, "limit": 1000, "threshold": 100}), "application/json")
                           for face in faces]
            finally:
                child.send_signal(signal.SIGTERM)
        log.seek(0)
        held, read = map(int, re.search(r"The index is ready: (\d+) faces, (\d+) read", log.read()).groups())
    return results, held, read


def check_same(results, expected, when):
    for face, (got, wanted) in enumerate(zip(results, expected, strict=True)):
        assert got["searched"] == wanted["searched"], when
        [got], [wanted] = ([[(m["face_id"], m["image"], m["distance"]) for m in f["matches"]] for f in r["faces"]]
                           for r in (got, wanted))
        lost, found = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
        assert got == wanted, f"{when}: query {face}: lost {lost[:5]}, found {found[:5]} of {len(wanted)}"


def without_cache(data, folder, faces):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("liken.db", "liken.db-wal"):
        if (data / name).exists():
            shutil.copy(data / name, folder / name)
    results, held, read = answers(folder, faces)
    assert read == held
    return results


def kill_add(data, chance, photos):
    with subprocess.Popen([BIN, "add", "--json", "--data", str(data), *map(str, photos)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        for _ in range(chance.randrange(len(photos) + 1)):
            child.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))  # the last line is soon followed by the closing save
        child.send_signal(signal.SIGKILL)


def search_and_kill(data, chance, query):
    """The server is told of many new faces by a search, and killed while it reads them, seals them or saves."""
    child, port = serve(data, subprocess.DEVNULL)
    with child:
        try:
            for _ in range(chance.randrange(1, 4)):
                write_faces(data, chance, FACES)
                post(port, query.read_bytes(), "image/jpeg")
            time.sleep(chance.uniform(0, 0.5))
        finally:
            child.send_signal(signal.SIGKILL if chance.random() < 0.8 else signal.SIGTERM)


def test_kill_with_cache(samples, tmp_path):
    chance, data, number, saved = random.Random(SEED), tmp_path / "data", 0, 0
    query = photo(samples, tmp_path, 99999)
    subprocess.run([BIN, "add", "--data", str(data), str(photo(samples, tmp_path, number))], check=True,
                   capture_output=True, timeout=300)
    for _ in range(ROUNDS):
        if chance.random() < 0.5:
            photos = [photo(samples, tmp_path, number := number + 1) for _ in range(chance.randrange(1, 5))]
            kill_add(data, chance, photos)
        else:
            search_and_kill(data, chance, query)
        faces = stored_faces(data)
        expected = without_cache(data, tmp_path / "copy", faces)
        results, held, read = answers(data, faces)
        check_same(results, expected, "with the cache as it was left")
        saved += read < held
        results, held, read = answers(data, faces)
        check_same(results, expected, "with a whole cache")
        assert read == 0
    assert saved > ROUNDS // 4, "the cache was hardly ever of use"
    done = subprocess.run([BIN, "doctor", "--data", str(data)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
