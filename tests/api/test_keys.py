"""Keys, made by `liken keys` while the server runs, and the open server's manners towards browsers."""
import hashlib
import json
import signal
import subprocess

import pytest

from conftest import BIN, MODELS, Server


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
