"""Keys, made by `liken keys` while the server runs, and the open server's manners towards browsers."""
import hashlib
import json
import signal
import subprocess
import time

import pytest

from conftest import BIN, MODELS, Server, soon


@pytest.fixture
def make_key(tmp_path):
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)

    def keys(*args):
        done = run_keys(data, *args)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    return keys


def run_keys(data, *args):
    where = ["--store", Server.postgres.url(Server.postgres.of(data))] if Server.postgres else []
    return subprocess.run([BIN, "keys", *args, "--data", str(data), "--json", *where], capture_output=True, text=True, timeout=60)


def listed(data):
    done = run_keys(data, "list")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_another_address_needs_a_key(samples, tmp_path):
    done = subprocess.run([BIN, "serve", "--address", "0.0.0.0", "--port", "0", "--data", str(tmp_path), "--models", str(MODELS)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "liken keys add" in done.stderr


def test_scopes(start, make_key, samples):
    reader = make_key("add", "reader", "--scope", "read")["key"]
    writer = make_key("add", "writer", "--scope", "add,search", "--collection", "party", "--yes")["key"]
    boss = make_key("add", "boss", "--scope", "admin")["key"]
    server = start("--address", "0.0.0.0")
    photo = samples[0][1]

    def status(key, method, path, **options):
        server.key = key
        return server.call(method, path, **options).status

    server.key = None
    answer = server.get("/v1/status")
    assert (answer.status, answer.json["code"], answer.headers["www-authenticate"]) == (401, "no_key", "Bearer")
    assert status(None, "GET", "/healthz") == status(None, "GET", "/readyz") == 200
    assert status("lk_" + "0" * 64, "GET", "/v1/status") == 401
    assert status(reader, "GET", "/v1/status") == 200 and not server.get("/v1/status").json["open"]
    assert status(reader, "POST", "/v1/collections", json={"name": "party"}) == 403
    assert status(boss, "POST", "/v1/collections", json={"name": "party"}) == 201
    images = "/v1/collections/party/images"
    assert status(writer, "POST", images, files={"file": photo}) == 201
    assert status(writer, "GET", images) == 403
    assert status(writer, "POST", "/v1/collections/default/images", files={"file": photo}) == 403
    assert status(writer, "POST", "/v1/collections/party/search", files={"file": photo}) == 200
    assert status(writer, "POST", "/faces", files={"file": photo}, data={"url": "x"}) == 403
    assert status(reader, "POST", images, files={"file": photo}) == 403
    assert status(reader, "GET", images) == 200
    assert status(reader, "DELETE", images + "/1") == 403
    assert status(boss, "DELETE", images + "/1") == 204
    make_key("rm", "reader")
    assert status(reader, "GET", "/v1/status") == 401
    late = make_key("add", "late", "--scope", "read")["key"]
    assert status(late, "GET", "/v1/status") == 200
    assert server.stop() == 0
    assert not any(key in (server.data.parent / "data.log").read_text() for key in (reader, writer, boss, late))
    assert not any(key in path.read_text(errors="replace") for key in (reader, writer, boss, late)
                   for path in server.data.rglob("*") if path.is_file())


def test_the_first_key_closes_the_server_for_good(start, make_key):
    server = start()
    assert server.get("/v1/status").json["open"]
    boss = make_key("add", "boss", "--scope", "admin")["key"]
    assert server.get("/v1/status").status == 401
    server.key = boss
    assert not server.get("/v1/status").json["open"]
    make_key("rm", "boss")
    assert server.get("/v1/status").status == 401
    server.key = None
    assert server.get("/v1/status").status == 401


def test_an_open_server_and_browsers(server, samples):
    path, photo = "/v1/collections/default/images", samples[0][1]

    def status(**headers):
        return server.call("POST", path, files={"file": photo}, headers=headers).status

    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "evil.example:80", ""):
        answer = server.get("/v1/status", headers={"Host": host})
        assert (answer.status, answer.json["code"]) == (403, "foreign_host")
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:9000", "[::1]:9000"):
        assert server.get("/v1/status", headers={"Host": host}).status == 200
    for origin in ("http://evil.example", "null", "https://localhost", f"http://localhost:{server.port}", "http://127.0.0.1"):
        assert status(Origin=origin) == 403
    assert status(**{"Sec-Fetch-Site": "cross-site"}) == 403
    assert server.get("/v1/status").json["images"] == 0
    assert status(Origin=server.url, **{"Sec-Fetch-Site": "same-origin"}) == 201
    assert status() == 200


def test_a_damaged_key_file_opens_nothing(start, make_key, tmp_path):
    """--key-file: keys are in that file alone, as they were before stores had them."""
    file = tmp_path / "own-keys"
    key = make_key("add", "one", "--scope", "read", "--key-file", str(file))["key"]
    other = make_key("add", "two", "--scope", "read")["key"]
    server = start("--key-file", str(file))
    server.key = other
    assert server.get("/v1/status").status == 401
    server.key = key
    assert server.get("/v1/status").status == 200
    file.write_text("garbage\n")
    assert server.get("/v1/status").status == 401
    server.key = None
    assert server.get("/v1/status").status == 401
    assert server.stop() == 0 and file.exists()


def old_line(name, secret, scopes="read"):
    return f"{name} {scopes} * {hashlib.sha256(secret.encode()).hexdigest()}\n"


def test_an_old_file_is_taken_over(start, make_key, tmp_path):
    data = tmp_path / "data"
    first, second = "lk_" + "1" * 64, "lk_" + "2" * 64
    old = "# keys of liken: NAME SCOPES COLLECTION SHA256\n" + old_line("phone", first) + old_line("cms", second, "admin")
    (data / "keys").write_text(old)
    server = start()
    assert not (data / "keys").exists() and (data / "keys.taken-over").read_text() == old
    for key in (first, second):
        server.key = key
        assert server.get("/v1/status").status == 200
    assert [key["name"] for key in listed(data)] == ["phone", "cms"]
    make_key("rm", "phone")
    server.key = first
    assert server.get("/v1/status").status == 401
    (data / "keys").write_text(old)  # a backup comes back while the server runs
    assert server.get("/v1/status").status == 401
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    (data / "keys").write_text(old)  # as if it had not been renamed, or came back from a backup: nothing is resurrected
    server = start()
    server.key = first
    assert server.get("/v1/status").status == 401 and not (data / "keys").exists()
    (data / "keys").write_text(old_line("late", first))  # one that is put there counts at once, and then goes the same way
    assert server.get("/v1/status").status == 200
    assert [key["name"] for key in listed(data)] == ["cms", "late"]
    make_key("rm", "late")
    assert server.get("/v1/status").status == 401
    assert [key["name"] for key in listed(data)] == ["cms"]
    server.stop()
    make_key("rm", "cms")  # a store that lost its keys, or another store in the same folder: it had some, so it does not open
    done = subprocess.run([BIN, "serve", "--port", "0", "--models", MODELS, "--data", data], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and "keys.taken-over" in done.stderr, done.stderr


def test_a_damaged_old_file_stops_the_start(tmp_path):
    (tmp_path / "keys").write_text("garbage\n")
    for words in (["serve", "--port", "0", "--models", str(MODELS)], ["keys", "add", "x"], ["keys", "list"]):
        done = subprocess.run([BIN, *words, "--data", str(tmp_path)], capture_output=True, text=True, timeout=60)
        assert done.returncode in (1, 2) and "keys line 1" in done.stderr, done.stderr


# ---- what holds a key back ----

SEARCH = "/v1/collections/default/search"


def test_a_search_key_cannot_list_the_gallery(start, make_key, samples):
    """One call with a distance that every face is within would be a list of what the key may not read."""
    web = make_key("add", "web", "--scope", "search")
    kiosk = make_key("add", "kiosk", "--scope", "search", "--max-threshold", "0.9", "--max-limit", "2")
    reader = make_key("add", "reader", "--scope", "search,read")
    boss = make_key("add", "boss", "--scope", "admin")
    assert (web["max_threshold"], kiosk["max_threshold"], reader["max_threshold"]) == ("collection", 0.9, None)
    server = start()
    server.key = boss["key"]
    for name, photo in samples:
        assert server.add((name, photo)).status == 201
    own = server.get("/v1/collections/default").json["threshold"]
    everything = server.post(SEARCH, files={"file": samples[0][1]}, data={"threshold": 100}).json["faces"][0]
    assert everything["total"] == server.get("/v1/status").json["faces"] >= 6

    def search(key, **fields):
        server.key = key["key"]
        return server.post(SEARCH, files={"file": samples[0][1]}, data=fields)

    assert search(reader, threshold=100).json["faces"][0]["total"] == everything["total"]
    for key, most in ((web, own), (kiosk, 0.9)):
        answer = search(key, threshold=100, limit=2)
        assert (answer.status, answer.json["code"], answer.json["parameter"]) == (403, "over_cap", "threshold")
        assert answer.json["limit"] == pytest.approx(most, rel=1e-6)
        for fields in ({}, {"max_false_matches": 1e9}, {"threshold": most * 0.999}):
            assert search(key, **fields).json["threshold"] <= most * 1.000001, fields
    assert search(web, limit=10000).status == 200
    answer = search(kiosk, limit=3)
    assert (answer.status, answer.json["code"], answer.json["parameter"], answer.json["limit"]) == (403, "over_cap", "limit", 2)
    assert all(len(face["matches"]) <= 2 for face in search(kiosk).json["faces"])
    assert server.post("/faces/searches", files={"file": samples[0][1]}).status == 200  # of the old system, within the same
    by_descriptor = server.post(SEARCH, json={"descriptor": [1.0] * server_dimension(server, boss), "threshold": 100, "limit": 1})
    assert (by_descriptor.status, by_descriptor.json["code"]) == (403, "over_cap")


def test_a_key_that_adds_is_not_shown_what_is_said_of_a_photo(start, make_key, samples):
    camera = make_key("add", "camera", "--scope", "add")["key"]
    server = start()
    server.key = make_key("add", "boss", "--scope", "admin")["key"]
    one = f"/v1/collections/default/images/{server.add(samples[0][1], tags='secret').json['id']}"
    server.key = camera
    assert server.get(one).status == 403
    changed = server.call("PATCH", one, json={"source": None}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.body, changed.headers["etag"]) == (204, b"", '"1"')  # which changes nothing
    assert server.call("PATCH", one, json={"tags": []}).headers["etag"] == '"2"'


def server_dimension(server, boss):
    before, server.key = server.key, boss["key"]
    dimension = server.get("/v1/collections/default").json["dimension"]
    server.key = before
    return dimension


def test_a_key_ends(start, make_key):
    make_key("add", "boss", "--scope", "admin")
    short = make_key("add", "short", "--scope", "read", "--expires", "4s")
    server = start()
    server.key = short["key"]
    answer = server.get("/v1/status")
    assert answer.status == 200 or answer.json["code"] == "key_expired"  # a machine that is busy may come too late for the first
    answer = soon(lambda: next((a for a in [server.get("/v1/status")] if a.status == 401), None), "the key does not end")
    assert answer.json["code"] == "key_expired" and short["expires_at"] in answer.json["detail"]
    assert "short, which has expired, came from 127.0.0.1" in (server.data.parent / "data.log").read_text()


def test_rates_of_keys_and_addresses(start, make_key):
    slow = make_key("add", "slow", "--scope", "read", "--rate", "3/d")["key"]
    free = make_key("add", "free", "--scope", "read")["key"]
    server = start("--address-rate", "12/d")
    server.key = slow
    assert [server.get("/v1/status").status for _ in range(4)] == [200, 200, 200, 429]
    answer = server.get("/v1/status")
    assert (answer.json["code"], answer.json["limit"]) == ("rate_limited", 3) and "3/d" in answer.json["detail"]
    assert 0 < int(answer.headers["retry-after"]) <= 86400 / 3
    server.key = free
    statuses = [server.get("/v1/status").status for _ in range(12)]  # five of the address's twelve are gone
    assert statuses == [200] * 7 + [429] * 5
    assert "this address" in server.get("/v1/status").json["detail"]
    assert server.get("/healthz").status == server.get("/readyz").status == 200  # probes cost nothing


def test_guessing_keys_is_slow_and_heard(start, make_key):
    good = make_key("add", "good", "--scope", "read")["key"]
    server = start("--store-threads", "1")
    log = server.data.parent / "data.log"
    began = time.monotonic()
    server.key = "lk_" + "0" * 64
    assert server.get("/v1/status").status == 401
    assert time.monotonic() - began >= 1  # held back, however quick the machine is
    connections = []
    for i in range(60):  # many at once, which would tie up the only thread of the store for a minute
        c = server.connect()
        c.sendall(f"GET /v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lk_{i:064d}\r\nConnection: close\r\n\r\n".encode())
        connections.append(c)
    server.key = good
    assert server.get("/v1/status").status == 200  # whoever has a key goes on meanwhile, from the same address
    answers = []
    for c in connections:
        c.settimeout(60)
        text = b""
        while chunk := c.recv(65536):
            text += chunk
        c.close()
        answers.append(text)
    statuses = [int(a.split()[1]) for a in answers]
    most = 20 + (time.monotonic() - began) / 3 + 1  # of a minute, and as many again in the next
    assert set(statuses) == {401, 429} and 15 <= statuses.count(401) <= most
    refused = next(a for a in answers if a.split()[1] == b"429")
    assert b"too_many_wrong_keys" in refused and b"Retry-After" in refused
    assert server.get("/v1/status").status == 200
    text = log.read_text()
    assert text.count("A key that is not known came from 127.0.0.1") == 1 + statuses.count(401) and "lk_000" not in text
    assert 'liken_guard_refused_total{why="wrong_keys"}' in server.get("/metrics").body.decode()
    assert server.stop() == 0


def test_a_server_that_stops_does_not_wait_for_refusals(start, make_key):
    make_key("add", "good", "--scope", "read")
    server = start()
    c = server.connect()
    c.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lk_no\r\nContent-Length: 100\r\n\r\n")
    soon(lambda: "is not known" in (server.data.parent / "data.log").read_text())
    assert server.stop() == 0


def test_last_use(start, make_key, tmp_path):
    key = make_key("add", "seen", "--scope", "read")
    make_key("add", "unseen", "--scope", "read")
    assert key["last_used_at"] is None
    server = start()
    server.key = key["key"]
    assert server.get("/v1/status").status == 200
    assert server.get("/v1/collections").status == 200
    assert server.stop() == 0  # what was noted in the last minute is written down at the end
    seen, unseen = listed(tmp_path / "data")
    assert seen["last_used_at"].startswith("20") and unseen["last_used_at"] is None


def test_limits_in_a_file(start, make_key, tmp_path):
    """--key-file has them in its lines, and a file that is taken over brings them along."""
    data = tmp_path / "data"
    secret = "lk_" + "3" * 64
    (data / "keys").write_text(old_line("kiosk", secret, "search").rstrip() + " rate=2/d max_limit=7 expires=2999-01-01 max_threshold=0.5\n")
    server = start()
    kiosk, = listed(data)
    assert (kiosk["rate"], kiosk["max_limit"], kiosk["max_threshold"]) == ("2/d", 7, 0.5) and kiosk["expires_at"].startswith("2999-01-01")
    server.key = secret
    assert [server.get("/metrics").status for _ in range(2)] == [403, 403]  # refused for its scope: that costs nothing
    made = make_key("add", "other", "--rate", "5/min", "--key-file", str(tmp_path / "own"))
    assert made["rate"] == "5/min" and " rate=5/min" in (tmp_path / "own").read_text()


def test_bad_limits(tmp_path):
    for words, sentence in ((["--rate", "60"], "like 60/min"), (["--expires", "2001-01-01"], "is over"), (["--expires", "30"], "a span, like 30d"),
                            (["--max-limit", "0"], "--max-limit"), (["--max-threshold", "-1"], "--max-threshold")):
        done = run_keys(tmp_path, "add", "x", *words)
        assert done.returncode == 2 and sentence in done.stderr, done.stderr
