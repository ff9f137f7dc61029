"""Keys, made by `liken keys` while the server runs, and the open server's manners towards browsers."""
import json
import subprocess

import pytest

from conftest import BIN, MODELS


@pytest.fixture
def make_key(tmp_path):
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)

    def keys(*args):
        done = subprocess.run([BIN, "keys", *args, "--data", str(data), "--json"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    return keys


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
    (server.data / "keys").unlink()
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
    key = make_key("add", "one", "--scope", "read")["key"]
    server = start()
    server.key = key
    assert server.get("/v1/status").status == 200
    files = [path for path in server.data.iterdir() if "keys" in path.name]
    files[0].write_text("garbage\n")
    assert server.get("/v1/status").status == 401
    server.key = None
    assert server.get("/v1/status").status == 401
    assert server.stop() == 0
