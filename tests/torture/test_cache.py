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
ROUNDS = 200 if os.environ.get("LIKEN_SOAK") else 20
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
    rows = ((*old, array.array("f", [chance.gauss(0, 0.1) for _ in range(128)]).tobytes()) for _ in range(count))
    store.executemany(f"INSERT INTO faces ({names}, descriptor) VALUES ({marks})", rows)
    store.execute("DELETE FROM faces WHERE id > ? AND id % 13 = ? AND image = (SELECT image FROM faces WHERE id = ?)",
                  (kept, chance.randrange(13), kept))
    store.execute("UPDATE collections SET faces = (SELECT count(*) FROM faces f JOIN images i ON i.id = f.image"
                  " WHERE i.collection = collections.id)")
    store.execute("COMMIT")
    store.close()


def answers(data, query):
    """The matches of a search by another process that only just starts, and how many faces it took from the store."""
    done = subprocess.run([BIN, "search", "--json", "--log-level", "info", "--limit", "1000", "--threshold", "100",
                           "--data", str(data), str(query)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    faces, read = re.search(r"The index is ready: (\d+) faces, (\d+) read", done.stderr).groups()
    [line] = done.stdout.splitlines()
    result = json.loads(line)
    assert result["searched"] == int(faces)
    return result, int(faces), int(read)


def matches(result):
    return [[(m["face_id"], m["image"], m["distance"]) for m in face["matches"]] for face in result["faces"]]


def check_same(result, expected, when):
    for i, (got, wanted) in enumerate(zip(matches(result), matches(expected), strict=True)):
        lost, found = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
        assert got == wanted, f"{when}: face {i}: lost {lost[:5]}, found {found[:5]} of {len(wanted)}"
    assert result["searched"] == expected["searched"], when


def without_cache(data, query, folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("liken.db", "liken.db-wal"):
        if (data / name).exists():
            shutil.copy(data / name, folder / name)
    result, faces, read = answers(folder, query)
    assert read == faces
    return result


def kill_add(data, chance, photos):
    with subprocess.Popen([BIN, "add", "--json", "--data", str(data), *map(str, photos)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        for _ in range(chance.randrange(len(photos) + 1)):
            child.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))  # the last line is soon followed by the closing save
        child.send_signal(signal.SIGKILL)


def search_and_kill(data, chance, query):
    """The server is told of many new faces by a search, and killed while it reads them, seals them or saves."""
    with subprocess.Popen([BIN, "serve", "--json", "--port", "0", "--data", str(data)], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as child:
        port = json.loads(child.stdout.readline())["port"]
        for _ in range(chance.randrange(1, 4)):
            write_faces(data, chance, FACES)
            try:
                server = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
                server.request("POST", "/v1/collections/default/search", query.read_bytes(), {"Content-Type": "image/jpeg"})
                assert server.getresponse().status == 200
            finally:
                server.close()
        time.sleep(chance.uniform(0, 0.5))
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
        expected = without_cache(data, query, tmp_path / "copy")
        result, faces, read = answers(data, query)
        check_same(result, expected, "with the cache as it was left")
        saved += read < faces
        result, faces, read = answers(data, query)
        check_same(result, expected, "with a whole cache")
        assert read == 0
    assert saved > ROUNDS // 4, "the cache was hardly ever of use"
    done = subprocess.run([BIN, "doctor", "--data", str(data)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
