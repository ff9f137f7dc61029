"""64 clients at once: adds, searches and deletes beside half requests, hostile photos, giant parameters, keyless uploads,
junk for chunks and a store that is locked for a moment. Others are served, nothing acknowledged is lost, and neither
memory nor descriptors leak. A few rounds each in the check; LIKEN_SOAK=1 goes on for a minute."""
import collections
import http.client
import json
import os
import pathlib
import random
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from conftest import BIN, MODELS, SANITIZED, Server, samples  # noqa: E402,F401  a fixture

SOAK = bool(os.environ.get("LIKEN_SOAK"))
CLIENTS = 64
ROUNDS = 4  # of each client, where it is not a minute
SECONDS = 60
PATIENCE = 120  # for an answer: long, since the machine may be busy; that one comes is what counts
MEGABYTE = 1 << 20
GROWTH = 192 * MEGABYTE  # of server and helpers, after they were warm: caches and arenas settle, leaks do not
# what a client may be told: done, its own fault, gone already, or try again
EXPECTED = {200, 201, 204, 400, 401, 404, 408, 413, 415, 422, 429, 503}



def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


# one picture of a right form, and a list of places that counts 65,535 of them
HOSTILE_HEIC = box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(
    b"meta", bytes(4), box(b"pitm", bytes(4), b"\0\1"),
    box(b"iinf", bytes(4), b"\0\1", box(b"infe", b"\2\0\0\0\0\1\0\0hvc1\0")),
    box(b"iprp", box(b"ipco"), box(b"ipma", bytes(8))),
    box(b"iloc", b"\1\0\0\0\x44\0\xff\xff", bytes(14)))


class Mix:
    def __init__(self, server, key, photos):
        self.server, self.key, self.photos = server, key, photos
        self.lock = threading.Lock()
        self.there, self.gone = {}, set()  # what was acknowledged: ids and their hashes; ids removed
        self.statuses = collections.Counter()
        self.faults = []
        self.number = 0
        _, text = self.ask("search", "GET", "/v1/collections/default")
        self.numbers = json.loads(text)["dimension"]
        self.until = time.monotonic() + SECONDS if SOAK else None

    def fault(self, sentence):
        with self.lock:
            self.faults.append(sentence)

    def fresh(self):
        """Bytes that no photo had: a tail behind a JPEG's end, which only its hash sees."""
        with self.lock:
            self.number += 1
            return self.photos[self.number % len(self.photos)] + b"\0%d" % self.number

    def ask(self, kind, method, path, body=None, headers=None, keyed=True):
        """Status and body; a connection that is shut in our face is what an attack may get, and no other."""
        headers = dict(headers or {})
        if keyed:
            headers["Authorization"] = f"Bearer {self.key}"
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except TimeoutError:
            return self.fault(f"{kind}: {method} {path} had no answer in {PATIENCE} s") or (0, b"")
        except (OSError, http.client.HTTPException) as error:
            if kind in FRIENDS:
                self.fault(f"{kind}: {method} {path}: {error!r}")
            return 0, b""
        finally:
            connection.close()
        with self.lock:
            self.statuses[kind, answer.status] += 1
        if answer.status not in EXPECTED:
            self.fault(f"{kind}: {method} {path} answered {answer.status}: {text[:300]}")
        if answer.status in (429, 503) and not answer.getheader("Retry-After"):
            self.fault(f"{kind}: {method} {path}: {answer.status} without Retry-After")
        return answer.status, text

    # ---- those who are to be served ----

    def add(self, dice):
        status, text = self.ask("add", "POST", "/v1/collections/default/images", self.fresh(), {"Content-Type": "image/jpeg"})
        if status == 201:
            image = json.loads(text)
            with self.lock:
                self.there[image["id"]] = image["sha256"]

    def search(self, dice):
        body = json.dumps({"descriptor": [dice.uniform(-1, 1) for _ in range(self.numbers)], "threshold": 9,
                           "distinct": dice.choice(["face", "image"])})
        self.ask("search", "POST", "/v1/collections/default/search", body, {"Content-Type": "application/json"})

    def remove(self, dice):
        with self.lock:
            if not self.there:
                return
            image = dice.choice(list(self.there))
            digest = self.there.pop(image)  # nobody else removes it
        status, _ = self.ask("remove", "DELETE", f"/v1/collections/default/images/{image}")
        with self.lock:
            if status in (204, 404):
                self.gone.add(image)
            elif status == 503:
                self.there[image] = digest  # it said that it had not
        if status == 404:
            self.fault(f"image {image} was acknowledged and is not there")

    def health(self, dice):
        status, _ = self.ask("health", "GET", "/healthz", keyed=False)
        if status not in (0, 200):
            self.fault(f"/healthz answered {status}")

    # ---- those who attack ----

    def half(self, dice):
        requests = (b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n",
                    b"POST /v1/detect HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + self.key.encode() +
                    b"\r\nContent-Type: image/jpeg\r\nContent-Length: 60000\r\n\r\n" + b"a" * 30000)
        for _ in range(8):
            self.send(dice.choice(requests))

    def send(self, data, read=False):
        try:
            with socket.create_connection(("127.0.0.1", self.server.port), 10) as s:
                s.settimeout(PATIENCE)
                s.sendall(data)
                while read and s.recv(65536):
                    continue
        except OSError:
            pass  # turned away or shut: as it should be

    def hostile(self, dice):
        status, text = self.ask("hostile", "POST", "/v1/detect", HOSTILE_HEIC + dice.randbytes(8), {"Content-Type": "image/heic"})
        if status == 422 and b"where its pictures lie" not in text:
            self.fault(f"the hostile photo is refused for another reason: {text[:300]}")

    def giant(self, dice):
        body = (b"--XX\r\nContent-Disposition: form-data; name=\"threshold\"\r\n\r\n" + b"1" * (8 * MEGABYTE) + b"\r\n--XX--\r\n")
        self.ask("giant", "POST", "/v1/collections/default/search", body, {"Content-Type": "multipart/form-data; boundary=XX"})

    def keyless(self, dice):
        self.ask("keyless", "POST", "/v1/detect", bytes(MEGABYTE), {"Content-Type": "image/jpeg"}, keyed=False)

    def chunks(self, dice):
        self.send(b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: image/jpeg\r\nAuthorization: Bearer " +
                  self.key.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 20000 + b"\r\nhello\r\nzz\r\n", read=True)

    def locked(self, dice):
        db = sqlite3.connect(self.server.data / "liken.db", isolation_level=None, timeout=PATIENCE)
        try:
            db.execute("BEGIN IMMEDIATE")
            time.sleep(0.3)
            db.execute("ROLLBACK")
        except sqlite3.OperationalError:
            pass  # the server's own writes came first
        finally:
            db.close()

    # ---- a client ----

    def client(self, number):
        dice = random.Random(number)
        kind = getattr(self, KINDS[number % len(KINDS)])
        rounds = 0
        try:
            while time.monotonic() < self.until if self.until else rounds < ROUNDS:
                kind(dice)
                rounds += 1
                if KINDS[number % len(KINDS)] == "locked":
                    time.sleep(0.5)
        except Exception as error:  # a client's own fault must not pass for an answer
            self.fault(f"{kind.__name__}: {error!r}")

    def run(self):
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


FRIENDS = ("add", "search", "remove", "health")
# 16 kinds of places, four clients each; the store is locked by one at a time
KINDS = ("add", "search", "health", "half", "add", "search", "remove", "hostile", "add", "search", "giant", "keyless", "health",
         "remove", "chunks", "locked")


def family(pid):
    """The server and its helpers."""
    found, line = [pid], subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
    for child in line.split():
        found += family(int(child))
    return found


def resident(pid):
    pages = 0
    for one in family(pid):
        try:
            pages += int(pathlib.Path(f"/proc/{one}/statm").read_text().split()[1])
        except OSError:
            continue  # a helper that ended just now
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def all_images(server):
    found, after = {}, 0
    while after is not None:
        page = server.get(f"/v1/collections/default/images?limit=1000&after={after}").json
        found.update({image["id"]: image["sha256"] for image in page["images"]})
        after = page["next"]
    return found


def check(mix, server):
    stored = all_images(server)
    lost = {image: digest for image, digest in mix.there.items() if stored.get(image) != digest}
    assert not lost, f"acknowledged and lost: {lost}"
    assert not mix.gone & set(stored), "removed, and there again"


def settled(read, bound):
    """Waits for a figure to come down to its bound."""
    deadline = time.monotonic() + PATIENCE
    while (now := read()) > bound and time.monotonic() < deadline:
        time.sleep(0.5)
    return now


def test_friends_are_served_among_attackers(samples, tmp_path):  # noqa: F811
    data = tmp_path / "data"
    data.mkdir()
    made = subprocess.run([BIN, "keys", "add", "all", "--scope", "admin", "--data", str(data), "--json"], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    server = Server(data, "--store", "sqlite")
    server.key = json.loads(made.stdout)["key"]
    mix = Mix(server, server.key, [photo for _, photo in samples])
    try:
        warm = Mix(server, server.key, mix.photos)
        warm.number, warm.until = 10**9, time.monotonic() + 5 if SOAK else None
        for number in range(len(KINDS)):
            warm.client(number)
        mix.there, mix.gone = warm.there, warm.gone  # for the removers to begin with
        memory, files = resident(server.process.pid), descriptors(server.process.pid)
        mix.run()
        assert not (warm.faults + mix.faults), "\n".join((warm.faults + mix.faults)[:20])
        served = {kind: sum(n for (who, status), n in mix.statuses.items() if who == kind and status < 300) for kind in FRIENDS}
        print(dict(mix.statuses))
        assert all(served.values()), f"not served: {served} of {dict(mix.statuses)}"
        check(mix, server)
        assert settled(lambda: descriptors(server.process.pid), files + 16) <= files + 16, "descriptors leak"
        if not SANITIZED:
            now = settled(lambda: resident(server.process.pid), memory + GROWTH)
            assert now <= memory + GROWTH, f"{memory >> 20} MB became {now >> 20} MB"
        assert server.stop() == 0
        again = Server(data, "--store", "sqlite")
        again.key = server.key
        check(mix, again)
        assert again.stop() == 0
    finally:
        for one in (server, locals().get("again")):
            if one is not None and one.running():
                one.stop(9)
