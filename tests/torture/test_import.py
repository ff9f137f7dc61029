"""liken import and liken move, interrupted: by kill -9 and Ctrl-C at random points, by the death of the database that
is read, and while the table changes. The same command goes on: every row is there once, and what is told is true.
LIKEN_SOAK=1 interrupts ten times as often."""
import json
import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from postgres import Postgres, missing  # noqa: E402

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
MODELS = pathlib.Path(os.environ.get("LIKEN_MODELS", "/nonexistent"))
SOAK = bool(os.environ.get("LIKEN_SOAK"))
ROWS = 2500
KILLS = 30 if SOAK else 2  # and as many times Ctrl-C
SEED = 20261126
INTERRUPTED = 130


@pytest.fixture(scope="module")
def source():
    """A database server of this module's own, since it is killed."""
    if missing():
        pytest.skip(missing())
    one = Postgres()
    yield one
    one.remove()


class Target:
    """A gallery, and a look at it from outside."""

    def __init__(self, where, data, postgres=None, database=None):
        self.flags = ["--data", str(data), "--store", where]
        self.address = where if postgres else f"sqlite:{data}"
        self.data, self.postgres, self.database = data, postgres, database

    def sql(self, text):
        """Rows; none where there is no such table yet."""
        if self.postgres:
            try:
                return self.postgres.sql(self.database, text.replace("FROM ", "FROM liken."))
            except AssertionError:
                return []
        try:
            store = sqlite3.connect(f"file:{self.data}/liken.db?mode=ro", uri=True, timeout=60)
        except sqlite3.OperationalError:
            return []
        try:
            return store.execute(text).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            store.close()

    def count(self):
        rows = self.sql("SELECT count(*) FROM images")
        return int(rows[0][0]) if rows else 0

    def files(self):
        return [row[0] for row in self.sql("SELECT label FROM labels ORDER BY label")]

    def check(self):
        done = subprocess.run([BIN, "doctor", "--json", *self.flags], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.sql("SELECT count(*) FROM faces")[0] == self.sql("SELECT count(*) FROM images")[0]


def target_of(kind, source, folder, name):
    if kind == "sqlite":
        return Target("sqlite", folder / name)
    database = f"{name}_{source.of(folder)[-30:]}"
    return Target(source.url(database), folder / name, source, database)


@pytest.fixture(params=["sqlite", "postgres"])
def target(request, source, tmp_path):
    return target_of(request.param, source, tmp_path, "target")


class Table:
    """A legacy table with made-up descriptors, each row with a file label of its own."""

    def __init__(self, source, name):
        self.source, self.name, self.url, self.made = source, name, source.url(name), 0
        self.sql("CREATE EXTENSION cube;"
                 " CREATE TABLE vectors (id serial, file varchar, image_id numeric, vec_low cube, vec_high cube)")

    def sql(self, text):
        return self.source.sql(self.name, text)

    def grow(self, count):
        half = "(SELECT cube(array_agg(random() * 0.2 - 0.1)) FROM generate_series(n, n + 63))"
        self.sql("INSERT INTO vectors (file, image_id, vec_low, vec_high)"
                 f" SELECT to_char(n, 'FM000000'), n, {half}, {half}"
                 f" FROM generate_series({self.made + 1}, {self.made + count}) n")
        self.made += count

    def spoil(self):
        """Rows that cannot be used, in the midst: their ids."""
        rows = self.sql("UPDATE vectors SET vec_high = NULL WHERE id % 997 = 5 RETURNING id")
        return sorted(int(row[0]) for row in rows)


@pytest.fixture
def table(source, tmp_path):
    if not (MODELS / "dlib" / "pack.json").exists():
        pytest.skip("LIKEN_MODELS names no folder with the dlib pack, which an import of the legacy rows needs")
    one = Table(source, "table_" + source.of(tmp_path)[-30:])
    one.grow(ROWS)
    return one


def start(*words):
    return subprocess.Popen([BIN, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupt(child, how, target, count, delay=0.0):
    """Once so many photos are there. True: it was still at work. Also what it had said."""
    while child.poll() is None and target.count() < count:
        time.sleep(0.02)
    time.sleep(delay)
    atwork = child.poll() is None
    if how is not None:
        child.send_signal(how)
    out, err = child.communicate(timeout=300)
    return atwork, out, err


def summary(out):
    return json.loads(out.splitlines()[-1])["summary"]


def told(out):
    return sorted(row["row"] for row in map(json.loads, out.splitlines()) if "row" in row)


def end(command, code=0):
    out, err = start(*command).communicate(timeout=300)
    result = summary(out)
    assert result["read"] == result["rows"] == result["added"] + result["existed"] + result["unusable"], err
    return result, out


def test_import_goes_on(source, target, table):
    chance, bad, atwork = random.Random(SEED), table.spoil(), 0
    command = ["import", table.url, "--json", *target.flags]
    for how in KILLS * [signal.SIGKILL, signal.SIGINT]:
        before = target.count()
        child = start(*command)
        busy, out, err = interrupt(child, how, target, before + chance.randrange(1, ROWS // (2 * KILLS + 1)))
        atwork += busy
        after = target.count()
        if how == signal.SIGINT and busy and out:  # not before it listened
            got = summary(out)
            assert child.returncode in (INTERRUPTED, 1) and got["interrupted"] == (child.returncode == INTERRUPTED)
            assert got["rows"] == table_rows(table) and got["added"] + got["existed"] + got["unusable"] == got["read"]
            assert got["added"] == after - before and got["existed"] <= before
            assert "goes on from here" in err or child.returncode == 1
        # meanwhile the table changes, before and behind where the import was
        table.sql(f"DELETE FROM vectors WHERE id % 1009 = {chance.randrange(1009)}")
        table.grow(chance.randrange(1, 40))
    assert atwork >= KILLS, "hardly ever interrupted"
    before = target.count()
    there = {row[0] for row in table.sql("SELECT file FROM vectors WHERE vec_high IS NOT NULL")}
    already = set(target.files())
    result, out = end(command)
    assert told(out) == sorted(set(bad) & {int(row[0]) for row in table.sql("SELECT id FROM vectors")})
    assert (result["added"], result["existed"]) == (len(there - already), len(there & already))
    files = target.files()
    assert files == sorted(there | already), "a row is missing, or there twice"
    assert result["added"] == len(files) - before
    again, _ = end(command)
    assert (again["added"], again["existed"], again["unusable"]) == (0, len(there), result["unusable"])
    target.check()


def table_rows(table):
    return int(table.sql("SELECT count(*) FROM vectors")[0][0])


def test_the_database_dies_under_an_import(source, table, tmp_path):
    target = target_of("sqlite", source, tmp_path, "target")
    command = ["import", table.url, "--json", *target.flags]
    child = start(*command)
    while child.poll() is None and target.count() < ROWS // 4:
        time.sleep(0.02)
    source.kill()
    out, err = child.communicate(timeout=300)
    source.start()
    assert child.returncode == 1 and out == "" and "cannot be reached" in err, (out, err)
    before = target.count()
    assert 0 < before < ROWS
    result, _ = end(command)
    assert (result["added"], result["existed"]) == (ROWS - before, before)
    assert len(set(target.files())) == target.count() == ROWS
    target.check()


@pytest.fixture
def photos(tmp_path):
    """Small files like no other: sample photos with a tail that only the hash sees."""
    samples = sorted((MODELS / "faceapi" / "samples").glob("*.jpg"))
    if not samples:
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack, whose sample photos this test adds")
    paths = [tmp_path / f"{i:03d}.jpg" for i in range(16)]
    for i, path in enumerate(paths):
        path.write_bytes(samples[i % len(samples)].read_bytes() + b"\0%d" % i)
    return paths


def test_describing_anew_goes_on(source, photos, tmp_path):
    """--reencode: two rows a photo, as of two faces, and some whose file is gone."""
    target = target_of("postgres", source, tmp_path, "target")
    table = Table(source, "anew_" + source.of(tmp_path)[-30:])
    table.grow(2 * len(photos) + 3)
    for i, path in enumerate(photos):
        table.sql(f"UPDATE vectors SET file = '{path}' WHERE id IN ({2 * i + 1}, {2 * i + 2})")
    command = ["import", table.url, "--reencode", "--json", *target.flags]
    for how, count in ((signal.SIGKILL, 1), (signal.SIGINT, 5)):
        assert interrupt(start(*command), how, target, count)[0]
        assert count <= target.count() < len(photos)
    before = target.count()
    result, out = end(command)
    assert result["added"] == len(photos) - before and result["unusable"] == 3
    assert told(out) == [2 * len(photos) + n for n in (1, 2, 3)]
    assert target.files() == sorted(map(str, photos))


def test_move_goes_on(source, table, tmp_path):
    """There and back; the checksum is of everything that was moved."""
    chance = random.Random(SEED + 1)
    places = [target_of(kind, source, tmp_path, name)
              for kind, name in (("sqlite", "first"), ("postgres", "second"), ("sqlite", "third"))]
    end(["import", table.url, "--json", *places[0].flags])
    sums, atwork = [], 0
    for a, b in zip(places, places[1:]):
        command = ["move", "--json", "--from", a.address, "--to", b.address]
        for i, how in enumerate(KILLS * [signal.SIGKILL, signal.SIGINT]):
            last = i == 2 * KILLS - 1  # while it compares
            goal = ROWS if last else b.count() + chance.randrange(ROWS // (2 * KILLS))
            child = start(*command)
            busy, out, err = interrupt(child, how, b, goal)
            atwork += busy
            if out:
                break  # it was quicker
            status = subprocess.run([BIN, "status", *b.flags], capture_output=True, text=True, timeout=60)
            assert status.returncode == 1 or b.count() == 0, "a gallery by half was opened"
        else:
            out, err = start(*command).communicate(timeout=300)
        moved = json.loads(out)
        assert moved["images"] == moved["faces"] == ROWS == b.count()
        sums.append(moved["checksum"])
        assert b.files() == a.files()
        b.check()
    assert sums[0] == sums[1] and atwork >= KILLS
