"""What waits for the store, or for whoever reads the log, keeps only its own kind waiting: the answers below come while
the lock is held, the pipe is full. (A paused database: test_postgres.py.)"""
import concurrent.futures
import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import termios

import requests

from conftest import BIN, MODELS, soon

IMAGES = "/v1/collections/default/images"
SEARCH = "/v1/collections/default/search"


def busy(server, lane, kind):
    """Requests that a thread of the lane is at."""
    line = next(l for l in server.get("/metrics").json.splitlines()
                if l.startswith(f'liken_lane_running{{lane="{lane}",kind="{kind}"}}'))
    return int(line.split()[-1])


def others_are_served(server, photo, image, stuck):
    assert server.get("/healthz").status == 200
    assert server.get("/metrics").status == 200
    assert server.get(f"{IMAGES}/{image['id']}").status == 200
    assert server.get(IMAGES).status == 200
    assert server.post(SEARCH, json={"face_id": image["faces"][0]["id"]}).status == 200
    assert not any(f.done() for f in stuck)  # milliseconds are over, and they are told 503 after half a minute
    assert server.post(SEARCH, files={"file": photo}).status == 200
    assert server.post("/v1/detect", files={"file": photo}).status == 200
    assert server.get("/healthz").status == 200


def test_another_program_holds_the_store(start, samples):
    """Removals, additions and new collections wait; or get 503 when that takes long. All the rest is answered."""
    server = start("--store", "sqlite", "--threads", "2")
    photos = [photo for _, photo in samples]
    image = server.add(photos[0]).json
    other = sqlite3.connect(server.data / "liken.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        removals = [pool.submit(server.delete, f"{IMAGES}/{1000 + i}") for i in range(8)]
        additions = [pool.submit(server.add, photo) for photo in photos[1:5]]
        makings = [pool.submit(server.post, "/v1/collections", json={"name": f"c{i}"}) for i in range(2)]
        soon(lambda: busy(server, "store", "write") >= 4 and busy(server, "photo", "write") >= 2)
        others_are_served(server, photos[0], image, removals)
        other.execute("ROLLBACK")
        assert {f.result().status for f in removals} <= {404, 503}
        assert {f.result().status for f in additions} <= {201, 503}
        assert {f.result().status for f in makings} <= {201, 503}
    assert server.add(photos[5]).status == 201
    assert server.stop() == 0


def test_another_session_holds_the_rows(start, postgres, samples, tmp_path):
    """The same in PostgreSQL: writers that wait leave reads a connection."""
    database = postgres.of(tmp_path)
    server = start("--store", postgres.url(database), "--threads", "2", "--store-threads", "32")
    image = server.add(samples[0][1]).json
    holder = subprocess.Popen(postgres._psql(database, "BEGIN; SELECT 1 FROM liken.counters FOR UPDATE; SELECT pg_sleep(3600)"))
    soon(lambda: postgres.sql(database, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3600)%'"
                                        " AND query NOT LIKE '%pg_stat%' AND wait_event = 'PgSleep'") == [["1"]])

    def waiting():
        return int(postgres.sql(database, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                          " AND wait_event_type = 'Lock'")[0][0])

    try:
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            removals = [pool.submit(server.delete, f"{IMAGES}/{1000 + i}") for i in range(16)]
            soon(lambda: busy(server, "store", "write") >= 9 and waiting() >= 3)
            assert waiting() <= 3
            others_are_served(server, samples[0][1], image, removals)
            postgres.sql(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
            assert {f.result().status for f in removals} <= {404, 503}
    finally:
        holder.kill()
        holder.wait()
    soon(lambda: server.delete(f"{IMAGES}/{image['id']}").status == 204)
    assert server.stop() == 0


def test_nobody_reads_the_log(samples, tmp_path):
    """A full pipe stops neither the requests nor the end."""
    command = [BIN, "serve", "--port", "0", "--data", str(tmp_path), "--models", str(MODELS), "--json", "--store", "sqlite",
               "--log-level", "info"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        os.set_blocking(server.stderr.fileno(), False)
        url = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
        with requests.Session() as session:
            for i in range(900):  # of about a hundred bytes; a pipe holds 64 KiB
                assert session.get(f"{url}/v1/collections/default/images/{i + 1}", timeout=60).status_code == 404
        unread = int.from_bytes(fcntl.ioctl(server.stderr, termios.FIONREAD, bytes(4)), sys.byteorder)
        assert unread > fcntl.fcntl(server.stderr, fcntl.F_GETPIPE_SZ) // 2  # a full page may hold one line alone
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
        server.stdout.close()
        server.stderr.close()
