"""A server that is reached from outside: TLS, SIGHUP, proxies, the address that clients know."""
import json
import re
import signal
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
import requests

import contract
from conftest import BIN, MODELS, Server, soon
from test_keys import make_key  # a fixture


def certificate(folder, name, days=30):
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert,
                    "-days", str(days), "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def ask(server, path, trusted, version=None, data=None, headers=None):
    """Over TLS, trusting this certificate only."""
    context = ssl.create_default_context(cafile=trusted)
    if version:
        context.minimum_version = context.maximum_version = version
    request = urllib.request.Request(f"https://localhost:{server.port}{path}", data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, context=context, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def log_of(server):
    return (server.data.parent / (server.data.name + ".log")).read_text()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_tls_and_another_certificate(start, tmp_path, samples):
    one, one_key = certificate(tmp_path, "one")
    two, two_key = certificate(tmp_path, "two")
    cert, key = tmp_path / "now.pem", tmp_path / "now.key"
    cert.write_bytes(one.read_bytes())
    key.write_bytes(one_key.read_bytes())
    key.chmod(0o600)
    server = start("--tls-cert", str(cert), "--tls-key", str(key))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert ask(server, "/healthz", one, version)[0] == 200
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + samples[0][1] + b"\r\n--x--\r\n"
    status, body = ask(server, "/v1/detect", one, data=form, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert status == 200 and json.loads(body)["faces"]
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError), server.connect() as s:
        old.wrap_socket(s)
    with server.connect() as s:  # who speaks no TLS gets nothing
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            assert b"HTTP/1.1" not in s.recv(4096)
        except ConnectionResetError:
            pass
    cert.write_bytes(two.read_bytes())  # half of a pair: refused, and the one before goes on
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: "do not belong together" in log_of(server))
    assert ask(server, "/healthz", one)[0] == 200
    key.write_bytes(two_key.read_bytes())
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: "The settings were read again." in log_of(server))
    assert ask(server, "/healthz", two)[0] == 200
    with pytest.raises(urllib.error.URLError):
        ask(server, "/healthz", one)
    # an answer in the middle of a body is sent through TLS too
    context = ssl.create_default_context(cafile=two)
    with server.connect() as raw, context.wrap_socket(raw, server_hostname="localhost") as s:
        s.sendall(b"POST /v1/detect HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n")
        s.sendall(b"5\r\n--x\r\n\r\n11\r\nno header at all\n\r\n13\r\n\r\n--x--never read--\r\n\r\n")
        assert b" 400 " in s.recv(65536)
    assert server.stop() == 0


def test_bad_certificates_are_told(tmp_path):
    cert, key = certificate(tmp_path, "one")
    other = certificate(tmp_path, "two")[1]
    (tmp_path / "text").write_text("no pem")

    def refused(*flags):
        done = subprocess.run([BIN, "serve", "--port", "0", "--data", tmp_path / "d", "--models", MODELS, *flags], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done.stderr
        return done.stderr

    assert "needs both" in refused("--tls-cert", cert)
    assert "do not belong together" in refused("--tls-cert", cert, "--tls-key", other)
    assert "holds no chain" in refused("--tls-cert", tmp_path / "text", "--tls-key", key)
    key.chmod(0o644)
    assert "may be read by every user" in refused("--tls-cert", cert, "--tls-key", key)
    assert "no address of a proxy" in refused("--trusted-proxies", "proxy.example")
    for url in ("ftp://x", "https://", "https://a b", "https://a/?x", "https://a/../b", "a.example", "https://u@a"):
        assert "no address that clients" in refused("--public-url", url), url
    assert "is no rate" in refused("--address-rate", "often")
    for origin in ("*", "shop.example", "https://shop.example/", "https://a b.example/x", "ftp://a"):
        assert "no origin of pages" in refused("--allowed-origins", origin), origin


def statuses(server, count, **headers):
    return [server.get("/v1/status", headers=headers).status for _ in range(count)]


def test_an_address_cannot_be_forged(start, make_key):
    """A rate for each address, behind a proxy that is trusted: only its own word counts, which stands last."""
    key = make_key("add", "one", "--scope", "read")["key"]
    server = start("--address-rate", "3/d", "--trusted-proxies", "127.0.0.1")
    server.key = key
    forged = [server.get("/v1/status", headers={"X-Forwarded-For": f"198.51.100.{i}, 203.0.113.7"}).status for i in range(5)]
    assert forged == [200] * 3 + [429] * 2
    assert statuses(server, 1, **{"X-Forwarded-For": "203.0.113.8"}) == [200]  # another client of the proxy
    assert statuses(server, 1, **{"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=192.0.2.9"}) == [429]  # the other header is not read
    v6 = [server.get("/v1/status", headers={"X-Forwarded-For": f"2001:db8:0:1::{i}"}).status for i in range(1, 5)]
    assert v6 == [200] * 3 + [429]  # a subscriber has a whole /64
    assert " 203.0.113.7 " in log_of(server)
    assert server.stop() == 0
    server = start("--address-rate", "3/d", data="other") if Server.postgres is None else start("--address-rate", "3/d")
    server.key = key if Server.postgres else None
    direct = [server.get("/v1/status", headers={"X-Forwarded-For": f"198.51.100.{i}"}).status for i in range(4)]
    assert direct == [200] * 3 + [429]  # nobody is trusted: nobody is believed


def test_forwarded_and_sighup(start, make_key, tmp_path):
    key = make_key("add", "one", "--scope", "read")["key"]
    config = tmp_path / "liken.conf"
    config.write_text("trusted-proxies = 127.0.0.1\nforwarded-header = forwarded\naddress-rate = 2/d\nqueue = 50\n")
    server = start("--config", str(config))
    server.key = key
    assert statuses(server, 3, Forwarded='for=1.1.1.1, for="[2001:db8::7]:1";proto=https') == [200, 200, 429]
    config.write_text("address-rate = often\n")
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: "could not be read again" in log_of(server))
    assert statuses(server, 1, Forwarded='for="[2001:db8::7]"') == [429]
    config.write_text("trusted-proxies = 192.0.2.1\nallowed-origins = *\n")  # of which half is right: none of it counts
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: "no origin of pages" in log_of(server))
    assert statuses(server, 1, Forwarded='for="[2001:db8::7]"') == [429]
    config.write_text("trusted-proxies = 127.0.0.1\nforwarded-header = forwarded\nqueue = 51\n")
    server.process.send_signal(signal.SIGHUP)
    soon(lambda: "The settings were read again." in log_of(server))
    assert statuses(server, 3, Forwarded='for="[2001:db8::7]"') == [200] * 3
    assert "queue is changed; that counts when the server is started again." in log_of(server)
    assert server.stop() == 0


def test_an_open_server_is_not_opened_by_a_proxy(start):
    """Without keys it serves its machine alone, whatever stands before it."""
    server = start("--trusted-proxies", "127.0.0.1")
    assert statuses(server, 1) == [200]
    answer = server.get("/v1/status", headers={"X-Forwarded-For": "203.0.113.7"})
    assert (answer.status, answer.json["code"]) == (403, "foreign_host")
    assert server.get("/v1/status", headers={"X-Forwarded-For": "127.0.0.1"}).status == 200
    assert server.get("/v1/status", headers={"X-Forwarded-For": "203.0.113.7, unknown"}).status == 403  # whoever that is


def test_behind_a_path(start, samples):
    server = start("--public-url", "https://faces.example/some/where/")
    public = "https://faces.example/some/where"
    name, photo = samples[0]
    added = server.add((name, photo))
    assert added.status == 201 and added.headers["location"] == f"{public}/v1/collections/default/images/{added.json['id']}"
    for prefix in ("", "/some/where"):  # a proxy may take the path off, or leave it
        status, body = plain(server, prefix + "/v1/collections/default")
        assert status == 200 and json.loads(body)["name"] == "default"
    assert plain(server, "/some/whereabouts/healthz")[0] == plain(server, "/some/healthz")[0] == 404
    made = server.post("/v1/collections", json={"name": "party"})
    assert made.headers["location"] == public + "/v1/collections/party"
    link = server.post("/v1/collections/default/links", json={"images": [1]}).json["images"][0]["url"]
    assert link.startswith(public + "/v1/linked/default/images/1?")
    assert plain(server, link[len("https://faces.example"):])[0] == 200


def plain(server, path):
    try:
        with urllib.request.urlopen(server.url + path, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


# ---- pages of other origins ----

SHOP = "https://shop.example"


def preflight(server, path, origin, method="POST"):
    return requests.options(server.url + path, headers={"Origin": origin, "Access-Control-Request-Method": method,
                                                        "Access-Control-Request-Headers": "authorization,content-type"}, timeout=60)


def test_allowed_origins(start, make_key, samples):
    key = make_key("add", "page", "--scope", "search")["key"]
    server = start("--allowed-origins", f"{SHOP}, http://localhost:3000")
    paths = [re.sub(r"{[a-z]+}", "1", path) for path in contract.SPEC["paths"]]
    for path in paths:
        for origin in (SHOP, "http://localhost:3000"):
            answer = preflight(server, path, origin)
            assert (answer.status_code, answer.content) == (204, b""), path
            assert answer.headers["Access-Control-Allow-Origin"] == origin and "Origin" in answer.headers["Vary"]
            assert {"authorization", "content-type"} <= set(answer.headers["Access-Control-Allow-Headers"].lower().split(", "))
        allowed = set(answer.headers["Access-Control-Allow-Methods"].split(", "))
        has = {re.sub(r"{[a-z]+}", "1", p): {m.upper() for m in item if m in ("get", "post", "put", "patch", "delete")}
               for p, item in contract.SPEC["paths"].items()}
        assert allowed - {"HEAD"} >= has[path], path
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example.evil.example", "https://shop.example:8443", "null",
                   "https://shop.exampl", ""):
        answer = preflight(server, "/v1/detect", origin)
        assert answer.status_code == 403 and answer.json()["code"] == "foreign_origin" and "allowed-origins" in answer.json()["detail"], origin
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert preflight(server, "/v1/nothing", SHOP).status_code == 404
    assert requests.options(server.url + "/v1/detect", timeout=60).status_code == 405  # for its own sake
    server.key = key
    answer = server.post("/v1/detect", files={"file": samples[0][1]}, headers={"Origin": SHOP})
    assert answer.status == 200 and answer.headers["access-control-allow-origin"] == SHOP
    for path in ("/v1/status", "/v1/nothing"):  # a page must see why it was refused
        answer = requests.get(server.url + path, headers={"Origin": SHOP}, timeout=60)
        assert answer.status_code in (401, 404) and answer.headers["Access-Control-Allow-Origin"] == SHOP
    answer = server.post("/v1/detect", files={"file": samples[0][1]}, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers and "origin" in answer.headers["vary"].lower()
    assert log_of(server).count("A page of https://evil.example asked") == 1


def test_an_open_server_and_allowed_origins(start, samples):
    server = start("--allowed-origins", SHOP)
    path = "/v1/collections/default/images"
    assert server.post(path, files={"file": samples[0][1]}, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}).status == 403
    assert server.post(path, files={"file": samples[0][1]}, headers={"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}).status == 201
    assert server.get("/v1/status", headers={"Origin": SHOP, "Host": "evil.example"}).status == 403
