"""Clients that hang up, stall, flood or have no key: their places, their memory and their work go to others.

The idle timeout is an hour here: nothing below is freed because it ran out."""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

import pytest

from conftest import soon
from test_keys import make_key  # a fixture
from test_raw import HOST, read, talk

ALIVE = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
HALF_HEAD = b"GET /healthz HTTP/1.1\r\n" + HOST
HALF_BODY = b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\nContent-Length: 60000\r\n\r\n" + b"a" * 30000
HALF_CHUNK = b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc"
HALVES = [b"", b"\r\n", b"GET /heal", HALF_HEAD, HALF_HEAD + b"X: y", HALF_BODY, HALF_CHUNK]
EXPECT = b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 60000\r\n\r\n"


def places(server):
    """Connections that the server holds, from the kernel's table: open, or closed by the client alone."""
    count = 0
    for line in pathlib.Path(f"/proc/{server.process.pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        count += fields[1].endswith(f":{server.port:04X}") and fields[3] in ("01", "08")
    return count


def hang_up(s, how):
    if how == "reset":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "half":
        s.shutdown(socket.SHUT_WR)
        return s
    s.close()


@pytest.fixture
def patient(start):
    server = start("--idle-timeout", "3600", "--max-connections", "40")
    yield server
    assert server.running() and server.stop() == 0


@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_half_requests_that_hang_up_free_their_places(patient, how):
    held = []
    for i in range(70):
        s = patient.connect()
        s.sendall((HALVES + [EXPECT])[i % 8])
        held.append(hang_up(s, how))
    assert talk(patient, ALIVE)[0] == 200
    soon(lambda: places(patient) == 0, "half requests whose clients have hung up keep their places")
    for s in filter(None, held):
        s.close()


def test_a_flood_that_stays_locks_nobody_out(patient):
    held = []
    for i in range(120):
        s = patient.connect()
        s.sendall(HALVES[i % len(HALVES)])
        held.append(s)
        if i % 10 == 9:
            assert talk(patient, ALIVE)[0] == 200
    held[0].settimeout(30)
    assert read(held[0]) == (None, b"")  # the oldest made room
    for s in held:
        s.close()


def test_idle_connections_make_room_too(patient):
    held = [patient.connect() for _ in range(60)]
    answers = []
    for s in held[::-1]:
        try:
            s.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            answers.append(read(s)[0])
        except ConnectionError:
            answers.append(None)
    assert answers[0] == 200 and set(answers) == {200, None}  # the early ones made room for the late
    assert talk(patient, ALIVE)[0] == 200
    for s in held:
        s.close()


def test_stopping_does_not_wait_for_who_is_gone(start):
    server = start("--idle-timeout", "3600")
    held = []
    for i in range(40):
        s = server.connect()
        s.sendall(HALVES[i % len(HALVES)])
        held.append(hang_up(s, "half") if i % 2 else s)
    assert server.stop() == 0
    for s in held:
        s.close()


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_client_may_close_its_sending_side_and_wait(shared, samples, version):
    photo = samples[0][1]
    post = b"POST /v1/detect HTTP/%s\r\n%sContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (version, HOST, len(photo)) + photo
    for request in (b"GET /healthz HTTP/" + version + b"\r\n" + HOST + b"\r\n", post):
        with shared.connect() as s:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(120)
            answer = b""
            while more := s.recv(65536):
                answer += more
        while answer.startswith(b"HTTP/1.1 100 "):  # asks whether anybody is there; nothing for HTTP/1.0
            assert version == b"1.1"
            answer = answer.partition(b"\r\n\r\n")[2]
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_bodies_without_a_key_cost_nothing(start, make_key, samples):
    """8 x (2 x 1 MiB + 1 MiB) may be held, half of it for one address; these would be four times as much as that."""
    key = make_key("add", "me", "--scope", "search")["key"]
    server = start("--idle-timeout", "3600", "--max-file", "1MiB")
    held = []
    for i in range(60):
        s = server.connect()
        s.settimeout(30)
        path = [b"GET /healthz", b"HEAD /readyz", b"POST /v1/detect", b"DELETE /v1/collections/default/images/1", b"GET /nothing"][i % 5]
        length = [b"Content-Length: 1000000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nf4240\r\n"][i // 5 % 2]
        try:
            s.sendall(path + b" HTTP/1.1\r\n" + HOST + length + bytes(900_000))
        except OSError:
            pass
        held.append(s)
    server.key = key
    assert server.post("/v1/detect", data=samples[0][1], headers={"Content-Type": "image/jpeg"}).status == 200
    for s in held:
        assert read(s)[0] in (401, 404, 413)
        s.close()
    assert server.stop() == 0


def test_who_has_the_wrong_key_is_told_behind_the_body(start, make_key):
    make_key("add", "me")
    server = start()
    request = b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Authorization: Bearer lk_0\r\nContent-Length: 4000000\r\n\r\n"
    held = []
    for _ in range(50):  # more strangers than may linger at once: those who came last find their answer
        held.append(server.connect())
        held[-1].sendall(request + bytes(4_000_000))
    assert {read(s)[0] for s in held[-16:]} <= {401, 429}  # 429 where so many wrong keys came from one address
    for s in held:
        s.close()
    assert server.stop() == 0


def test_an_address_has_its_share(start, make_key):
    """Loopback has no limit, so server and clients meet in a network namespace of their own that has one more address."""
    own = os.environ.get("LIKEN_TEST_ADDRESS")
    if own is None:
        within_a_namespace("192.0.2.7", "test_an_address_has_its_share")
        return
    make_key("add", "me")
    server = start("--address", "0.0.0.0", "--max-per-address", "5", "--idle-timeout", "3600")
    held = [socket.create_connection((own, server.port), timeout=30) for _ in range(12)]
    local = [server.connect() for _ in range(12)]
    for s in local:
        s.sendall(ALIVE)
        assert read(s)[0] == 200
        s.close()

    def is_served():
        with socket.create_connection((own, server.port), timeout=30) as s:
            s.sendall(ALIVE)
            return read(s)[0] == 200

    for _ in range(3):  # one of its own that says nothing makes room
        soon(is_served, "who holds idle connections is not served any more")
    soon(lambda: places(server) <= 5, "an address has more than its share")
    for s in held:
        s.close()
    assert server.stop() == 0


def within_a_namespace(address, test):
    """Runs one test of this file again where this address is the machine's own, and no other machine is to be reached."""
    inner = (f"ip link set lo up && ip addr add {address}/32 dev lo && exec \"$0\" -m pytest -q -p no:cacheprovider"
             f" '{__file__}::{test}'")
    if shutil.which("ip") is None or subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespace can be made here (root and iproute2 are needed)")
    done = subprocess.run(["unshare", "--net", "sh", "-c", inner, sys.executable], capture_output=True, text=True, check=False,
                          timeout=600, env={**os.environ, "LIKEN_TEST_ADDRESS": address})
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]


def test_who_asks_before_the_body_is_told_before_it(start, make_key):
    make_key("add", "me")
    server = start()
    with server.connect() as s:
        s.sendall(EXPECT)
        assert s.recv(100).startswith(b"HTTP/1.1 401 ")
    assert server.stop() == 0
