"""Bytes that no HTTP library would send. The server answers 4xx or closes, and goes on."""
import json
import re
import socket
import threading
import time

import pytest

from conftest import SANITIZED

HOST = b"Host: localhost\r\n"
IMAGES = b"/v1/collections/default/images"


def talk(server, *pieces, pause=0.0):
    """Sends the pieces; returns status (None: closed without an answer) and body."""
    with server.connect() as s:
        try:
            for piece in pieces:
                s.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass  # the server has heard enough; its answer may still be there
        return read(s)


def read(s):
    answer = b""
    while True:
        try:
            more = s.recv(65536)
        except ConnectionError:
            more = b""
        answer += more
        whole = re.match(rb"HTTP/1\.1 (\d+) .*?\r\n\r\n", answer, re.S)
        length = whole and re.search(rb"\r\ncontent-length: (\d+)\r\n", whole[0], re.I)
        if not more or (length and len(answer) - whole.end() >= int(length[1])):
            return (int(whole[1]), answer[whole.end():]) if whole else (None, answer)


def to_the_end(s):
    """All that comes, and whether a reset ended it: with bytes unread the kernel may send that, and lose the answer."""
    answer = b""
    try:
        while more := s.recv(65536):
            answer += more
    except ConnectionError:
        return answer, True
    return answer, False


def post(path, headers, body):
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("request_bytes", [
    b"\r\n\r\n\r\n\r\n", b"GARBAGE\r\n\r\n", b"GET\r\n\r\n", b"GET /healthz\r\n\r\n", b"GET /healthz HTTP/9.9\r\n" + HOST + b"\r\n",
    b"GET /healthz HTTP/1.1\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /healthz FTP/1.1\r\n" + HOST + b"\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 100, b"\xff" * 5000 + b"\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: y\r\n" % i for i in range(10_000)) + b"\r\n",
    b"GET /healthz HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n", b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\nxx",
    b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", b"CONNECT x:1 HTTP/1.1\r\n" + HOST + b"\r\n", b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
], ids=range(24))
def test_malformed_http(shared, request_bytes):
    with shared.connect() as s:
        try:
            s.sendall(request_bytes)
            s.settimeout(0.5)  # what is not yet a whole request is waited for: a real client would have to send more
            status, _ = read(s)
        except (TimeoutError, ConnectionError):
            status = None
    assert status is None or 200 <= status < 500 or status in (501, 505)
    assert shared.get("/healthz").status == 200


@pytest.mark.parametrize("headers, body", [
    (b"Content-Length: 2\r\nContent-Length: 60\r\n", b"{}"),
    (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    (b"Transfer-Encoding: gzip\r\n", b""),
    (b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n", b"{}"),
    (b"Transfer-Encoding : chunked\r\nContent-Length: 2\r\n", b"{}"),
    (b"Host: elsewhere\r\n", b""),
], ids=range(7))
def test_no_request_hides_in_another(shared, headers, body):
    hidden = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with shared.connect() as s:
        s.sendall(b"POST /v1/collections HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body + hidden)
        status, problem = read(s)
        assert status == 400 and json.loads(problem)["code"] == "bad_request"
        assert s.recv(100) == b""  # nothing more is answered on this connection


@pytest.mark.parametrize("target", [b"/%", b"/%zz", b"/v1/collections/%00", b"/v1/collections/default/images?x=%00", b"/a?%",
                                    b"/" + b"/a" * 40, b"/a?" + b"&".join(b"p%d=1" % i for i in range(100))])
def test_malformed_targets(shared, target):
    status, body = talk(shared, b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n")
    assert status == 400 and json.loads(body)["code"] == "bad_request"


@pytest.mark.parametrize("head", [
    b"GET /healthz\0 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /healthz\0x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /healthz?a\0b=1 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /healthz?a=\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /health\x01 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /health\t HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /healthz\x7f HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /healthz\r HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"G\0ET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /healthz HTTP/1.1\nHost: a\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\n",
    b"GET /healthz HTTP/1.1\nHost: a\n\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n",
    b"GET /healthz HTTP/1.0\n\n", b"GET /healthz HTTP/1.0\r\n\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX:\0 b\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\n\0\r\nX: y\r\n\r\n", b"GET /healthz HTTP/1.0\r\n\0Host: a\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\nX y: b\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n",
], ids=range(31))
def test_heads_with_bytes_that_do_not_belong_there(shared, head):
    """400, also as the second request of a connection, and what follows is not taken for a request."""
    first = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    for before in (b"", first):
        with shared.connect() as s:
            s.sendall(before)
            assert not before or read(s)[0] == 200
            s.sendall(head + b"GET /readyz HTTP/1.1\r\n" + HOST + b"\r\n")
            answer, reset = to_the_end(s)
        assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 400 ") == (not reset or bool(answer)), answer


def test_well_formed_heads_of_every_size(shared):
    for size in (0, 100, 5000, 20_000):
        lines = b"".join(b"X-%d:%s%s\r\n" % (i, b" \t"[: i % 3], b"v" * (i * 7 % 90)) for i in range(size // 50))
        head = b"GET /healthz?" + b"q" * (size // 4) + b"=%20 HTTP/1.1\r\n" + HOST + b"Cookie: a=b; c=d\r\nX:\r\n" + lines + b"\r\n"
        assert talk(shared, head)[0] == 200
        step = max(1, len(head) // 7)
        assert talk(shared, b"\r\n", *[head[i:i + step] for i in range(0, len(head), step)], pause=0.01)[0] == 200
    with shared.connect() as s:
        s.sendall(head * 3)
        both = b""
        while both.count(b"HTTP/1.1 200 ") < 3:
            more = s.recv(65536)
            assert more
            both += more


@pytest.mark.parametrize("request_bytes, status", [
    (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
    (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1e3\r\n\r\n", 400),
    (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
    (b"POST /v1/detect HTTP/1.1\r\n\r\n", 400), (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400),
    (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"e" * 200_000 + b"\r\n", 500),
    (b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", 400),
    (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 414), (b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
], ids=range(9))
def test_what_the_library_decides_alone(shared, request_bytes, status):
    """docs/http.md lists these: the first status line is right, and the connection ends with them."""
    with shared.connect() as s:
        try:
            s.sendall(request_bytes + b"GET /readyz HTTP/1.1\r\n" + HOST + b"\r\n")
        except ConnectionError:
            pass  # the answer may be there all the same
        answer, reset = to_the_end(s)
    assert (reset and not answer) or (answer.startswith(b"HTTP/1.1 %d " % status) and b"HTTP/1.1 200 " not in answer), answer
    assert shared.get("/healthz").status == 200


def test_no_answer_is_sniffed(shared):
    chunk = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
    big = b"POST /v1/collections HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20  # cut off in the middle
    for request in (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n",
                    b"GET /a\0 HTTP/1.1\r\n" + HOST + b"\r\n", big):
        with shared.connect() as s:
            try:
                s.sendall(request)
            except OSError:
                pass
            head = s.recv(65536)
        assert b"\r\nX-Content-Type-Options: nosniff\r\n" in head


MULTIPART = b"Content-Type: multipart/form-data; boundary=XX\r\n"


@pytest.mark.parametrize("headers, body", [
    (b"Content-Type: multipart/form-data\r\n", b"x"), (b"Content-Type: multipart/form-data; boundary=\r\n", b"x"),
    (b"Content-Type: multipart/form-data; boundary=" + b"b" * 5000 + b"\r\n", b"x"),
    (MULTIPART, b"no boundary"), (MULTIPART, b"--XX"), (MULTIPART, b"--XX\r\n"), (MULTIPART, b"--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\ncut off"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--XY--\r\n"),
    (MULTIPART, b"--XX\r\n\r\nno name\r\n--XX--\r\n"), (MULTIPART, b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"file\r\n\r\nx\r\n--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"" + b"n" * 40_000 + b"\"\r\n\r\nx\r\n--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n" * 200 + b"--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nnot a photo\r\n--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"image_id\"\r\n\r\na\x00b\r\n--XX--\r\n"),
    (MULTIPART, b"--XX\r\nContent-Type: multipart/mixed; boundary=YY\r\n\r\n--YY\r\n\r\nx\r\n"),
    (b"Content-Type: application/x-www-form-urlencoded\r\n", b"=&=&==&%&%zz&a=%00"),
    (b"Content-Type: application/x-www-form-urlencoded\r\n", b"a" * 100_000),
    (b"Content-Type: application/json\r\n", b"\x00" * 100), (b"", b""),
], ids=range(21))
def test_malformed_bodies(shared, headers, body):
    for path, problem in ((IMAGES, True), (b"/v1/compare", True), (b"/faces", False)):
        status, answer = talk(shared, post(path, headers, body))
        assert status is not None and 400 <= status < 500, (path, status, answer)
        assert json.loads(answer)["detail" if problem else "error"]
    assert shared.get("/v1/status").json["images"] == 0


def test_too_large_is_said_at_once(shared):
    for path in (IMAGES, b"/v1/compare", b"/v1/collections"):
        status, body = talk(shared, b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 10000000000\r\n\r\n")
        assert status == 413 and json.loads(body)["limit"] > 0


def test_too_large_is_seen_while_streaming(shared):
    """A chunked body has no length to look at, and this client never stops."""
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    before = shared.rss()
    status, body = talk(shared, b"POST " + IMAGES + b" HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 200)
    assert status == 413 and json.loads(body)["code"] == "too_large"
    assert shared.rss() - before < 300 << 20 or SANITIZED


def test_expect_is_answered_before_the_body(shared):
    head = b"POST " + IMAGES + b" HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    assert talk(shared, head % (1 << 40))[0] == 413
    with shared.connect() as s:
        s.sendall(head % 5)
        assert s.recv(1000).startswith(b"HTTP/1.1 100 ")
        s.sendall(b"hello")
        assert read(s)[0] == 415


def test_requests_on_one_connection(shared):
    with shared.connect() as s:
        for _ in range(3):
            s.sendall(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
            assert read(s)[0] == 200
        s.sendall((b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n") * 2)  # pipelined
        both = b""
        while both.count(b"HTTP/1.1 200 ") < 2:
            more = s.recv(65536)
            assert more
            both += more


def test_bytes_one_by_one(shared):
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    assert talk(shared, *[request[i:i + 1] for i in range(len(request))], pause=0.001)[0] == 200


def test_slow_clients_are_dropped_and_disturb_nobody(start):
    server = start("--idle-timeout", "2")
    stuck = []
    for start_of in (b"", b"GET /hea", b"POST /v1/detect HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nabc"):
        for _ in range(20):
            s = server.connect()
            s.sendall(start_of)
            stuck.append(s)
    for _ in range(10):
        assert server.get("/healthz").status == 200
    for s in stuck:
        s.settimeout(30)
        try:
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
        s.close()
    assert server.get("/healthz").status == 200


def test_trickling_clients_do_not_keep_others_out(start):
    server = start("--idle-timeout", "2", "--max-connections", "20")
    trickling = [server.connect() for _ in range(20)]
    for i, s in enumerate(trickling):
        s.sendall(b"GET /heal" if i % 2 else b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: ")
    deadline = time.monotonic() + 60
    while trickling:
        assert time.monotonic() < deadline
        time.sleep(0.5)
        for s in list(trickling):
            try:
                s.sendall(b"a")  # never idle, never done
            except OSError:
                trickling.remove(s)
                s.close()
    assert server.get("/healthz").status == 200


def test_clients_that_vanish(shared, samples):
    head = b"POST " + IMAGES + b" HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\nContent-Length: 100000\r\n\r\n"
    for i in range(50):
        s = shared.connect()
        s.sendall(head + samples[0][1][: 500 * i])
        if i % 2:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset instead of a close
        s.close()
    assert shared.get("/v1/status").json["images"] == 0


def test_many_connections(start):
    server = start("--max-connections", "50")
    held = [server.connect() for _ in range(50)]
    assert talk(server, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")[0] == 200
    for s in held:
        s.close()
    results = []

    def ask():
        results.append(talk(server, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")[0])

    deadline = time.monotonic() + 30
    while not results or results[-1] != 200:  # the closed ones are noticed soon
        assert time.monotonic() < deadline
        ask()
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results[-20:] == [200] * 20
