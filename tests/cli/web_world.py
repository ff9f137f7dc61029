"""A world without a way out, in which photos are fetched: run by test_addresses.py inside `unshare --net --mount`.

    web_world.py WORK PHOTO LIKEN

All addresses, public and not, lie on the loopback interface of this namespace, which has no other, and one server answers on each of them, so that
whoever was asked is on record; names come from a resolver of our own, which may change its mind. What the attempts came to
is printed as JSON."""
import collections
import http.server
import json
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import threading

PUBLIC, OTHER = "93.184.216.34", "93.184.216.35"
PRIVATE = ["10.0.0.5", "169.254.169.254", "100.64.0.1", "192.168.7.7", "168.63.129.16"]
PRIVATE6 = ["fd00::5", "fec0::5", "64:ff9b::a00:5", "2002:a00:5::1", "fd00:ec2::254"]
NAMES = {"good.test": [PUBLIC], "www.good.test": [PUBLIC], "other.test": [OTHER], "loop.test": ["127.0.0.1"], "ten.test": ["10.0.0.5"],
         "metadata.test": ["169.254.169.254"], "azure.test": ["168.63.129.16"], "provider.test": ["100.64.0.1"], "house.test": ["192.168.7.7"],
         "this.test": ["0.0.0.0"], "many.test": ["224.0.0.1"], "all.test": ["255.255.255.255"], "both.test": ["10.0.0.5", PUBLIC],
         "loop6.test": ["::1"], "mapped.test": ["::ffff:127.0.0.1"], "compatible.test": ["::127.0.0.1"], "ula.test": ["fd00::5"],
         "site.test": ["fec0::5"], "link.test": ["fe80::1"], "nat64.test": ["64:ff9b::a00:5"], "6to4.test": ["2002:a00:5::1"],
         "teredo.test": ["2001:0:a00:5::1"], "ec2.test": ["fd00:ec2::254"], "wrong.test": [PUBLIC], "self.test": [OTHER],
         "alias.test": "ten.test"}  # an alias of a name, and of whatever it leads to
TURNING = {"turning.test": [PUBLIC, "127.0.0.1"], "turned.test": ["127.0.0.1", PUBLIC]}  # another answer each time

asked, queries = collections.Counter(), collections.Counter()


# ---- names ----

def labels(data, at):
    parts = []
    while data[at]:
        parts.append(data[at + 1:at + 1 + data[at]].decode().lower())
        at += 1 + data[at]
    return ".".join(parts), at + 1


def written(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def records(name, kind):
    family, size = (socket.AF_INET, 1) if kind == 1 else (socket.AF_INET6, 28)
    addresses = NAMES.get(name, [])
    if name in TURNING and kind == 1:
        addresses = [TURNING[name][queries[name] % 2]]
        queries[name] += 1
    answers = []
    if isinstance(addresses, str):
        answers.append((name, 5, written(addresses)))
        name, addresses = addresses, NAMES[addresses]
    answers += [(name, size, socket.inet_pton(family, a)) for a in addresses if (":" in a) == (kind == 28)]
    return [written(owner) + struct.pack(">HHIH", what, 1, 0, len(data)) + data for owner, what, data in answers]


def resolve(udp):
    while True:
        data, sender = udp.recvfrom(2048)
        name, end = labels(data, 12)
        kind = struct.unpack(">H", data[end:end + 2])[0]
        found = records(name, kind)
        known = name in NAMES or name in TURNING
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | (0 if known else 3), 1, len(found), 0, 0)
        udp.sendto(head + data[12:end + 4] + b"".join(found), sender)


# ---- sites ----

class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    photo = b""

    def do_GET(self):
        asked[self.connection.getsockname()[0].removeprefix("::ffff:")] += 1
        code, headers, body = 200, {"Content-Type": "image/jpeg"}, self.photo
        if self.path.startswith("/to/"):
            code, headers, body = 302, {"Location": self.path[4:]}, b""
        elif self.path == "/page":
            headers, body = {"Content-Type": "text/html"}, b"<html>"
        elif self.path == "/later":
            code, headers, body = 429, {"Retry-After": "30"}, b""
        elif self.path == "/large":
            body = b"\xff\xd8\xff" * 1000000
        elif self.path == "/loop":
            code, headers, body = 302, {"Location": "/loop"}, b""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # whoever asked has had enough

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def serve(port, context=None):
    server = Server(("::", port), Site)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()


# ---- the world ----

def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def certificates(work):
    """Of an authority that this machine knows: for good.test; of none: for self.test. All on one port, by the name that is asked."""
    (work / "names").write_text("subjectAltName=DNS:good.test,DNS:www.good.test\n")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=liken test",
        "-keyout", str(work / "ca.key"), "-out", str(work / "ca.pem"))
    run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=good.test",
        "-keyout", str(work / "good.key"), "-out", str(work / "good.csr"))
    run("openssl", "x509", "-req", "-in", str(work / "good.csr"), "-CA", str(work / "ca.pem"), "-CAkey", str(work / "ca.key"), "-days", "2",
        "-CAcreateserial", "-extfile", str(work / "names"), "-out", str(work / "good.pem"))
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=self.test",
        "-addext", "subjectAltName=DNS:self.test", "-keyout", str(work / "self.key"), "-out", str(work / "self.pem"))
    by_name = {}
    for name in ("good", "self"):
        by_name[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        by_name[name].load_cert_chain(work / f"{name}.pem", work / f"{name}.key")

    def choose(connection, name, _context):
        connection.context = by_name["self" if name == "self.test" else "good"]

    by_name["good"].sni_callback = choose
    return by_name["good"]


def build(work):
    run("ip", "link", "set", "lo", "up")
    for address in [PUBLIC, OTHER, *PRIVATE]:
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    for address in PRIVATE6:
        run("ip", "-6", "address", "add", f"{address}/128", "dev", "lo", "nodad")
    (work / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n")
    (work / "hosts").write_text("127.0.0.1 localhost\n")
    context = certificates(work)
    bundle = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
    (work / "authorities.pem").write_bytes(bundle.read_bytes() + (work / "ca.pem").read_bytes())
    for ours, theirs in (("resolv.conf", "/etc/resolv.conf"), ("hosts", "/etc/hosts"), ("authorities.pem", str(bundle.resolve()))):
        run("mount", "--bind", str(work / ours), theirs)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 53))
    threading.Thread(target=resolve, args=(udp,), daemon=True).start()
    serve(80)
    serve(443, context)
    serve(8080)


# ---- attempts ----

HOSTS = [name for name in [*NAMES, *TURNING] if name not in ("other.test", "www.good.test")]
EVERY = [flag for host in [*HOSTS, "*.good.test"] for flag in ("--allow-host", host)]
PLAIN = {
    "http://good.test/photo": "added",
    "https://good.test/photo?tls": "existed",
    "https://www.good.test/photo": "existed",
    "http://GOOD.test./photo": "existed",
    "http://both.test/photo": "existed",  # of two addresses the public one
    "http://good.test/to/http://good.test/photo": "existed",
    "http://good.test/to/https://good.test/photo": "existed",
    "http://good.test:8080/photo": "host_not_allowed",
    "http://other.test/photo": "host_not_allowed",
    "http://sub.other.test/photo": "host_not_allowed",
    "http://good.test.other.test/photo": "host_not_allowed",
    f"http://{PUBLIC}/photo": "host_not_allowed",
    "http://127.0.0.1/photo": "host_not_allowed",
    "http://2130706433/photo": "host_not_allowed",
    "http://0x7f.1/photo": "host_not_allowed",
    "http://0177.0.0.1/photo": "host_not_allowed",
    "http://[::1]/photo": "host_not_allowed",
    "http://[::ffff:10.0.0.5]/photo": "host_not_allowed",
    "http://169.254.169.254/latest/meta-data/": "host_not_allowed",
    "http://localhost/photo": "host_not_allowed",
    "http://[fe80::1%25lo]/photo": "bad_url",
    "http://good.test@10.0.0.5/photo": "credentials_in_url",
    "http://good.test:x@10.0.0.5/photo": "credentials_in_url",
    "http://loop.test/photo": "address_refused",
    "http://ten.test/photo": "address_refused",
    "http://alias.test/photo": "address_refused",
    "http://metadata.test/latest/meta-data/": "address_refused",
    "http://azure.test/photo": "address_refused",
    "http://provider.test/photo": "address_refused",
    "http://house.test/photo": "address_refused",
    "http://this.test/photo": "address_refused",
    "http://many.test/photo": "address_refused",
    "http://all.test/photo": "address_refused",
    "http://loop6.test/photo": "address_refused",
    "http://mapped.test/photo": "address_refused",
    "http://compatible.test/photo": "address_refused",
    "http://ula.test/photo": "address_refused",
    "http://site.test/photo": "address_refused",
    "http://link.test/photo": "address_refused",
    "http://nat64.test/photo": "address_refused",
    "http://6to4.test/photo": "address_refused",
    "http://teredo.test/photo": "address_refused",
    "http://ec2.test/photo": "address_refused",
    "https://ten.test/photo": "address_refused",
    "http://good.test/to/http://10.0.0.5/photo": "host_not_allowed",
    "http://good.test/to/http://169.254.169.254/latest/meta-data/": "host_not_allowed",
    "http://good.test/to/http://ten.test/photo": "address_refused",
    "http://good.test/to/http://good.test/to/http://loop6.test/photo": "address_refused",
    "http://good.test/to/http://other.test/photo": "host_not_allowed",
    "http://good.test/to///10.0.0.5/photo": "host_not_allowed",
    "http://good.test/to/http://[::1]/photo": "host_not_allowed",
    "http://good.test/to/http://0x0a000005/photo": "host_not_allowed",
    "http://good.test/to/http://user:word@good.test/photo": "credentials_in_url",
    "http://good.test/to/file:///etc/passwd": "scheme_not_allowed",
    "http://good.test/to/gopher://10.0.0.5:80/x": "scheme_not_allowed",
    "https://good.test/to/http://good.test/photo": "redirect_to_http",
    "http://good.test/loop": "too_many_redirects",
    "https://wrong.test/photo": "tls_failed",
    "https://self.test/photo": "tls_failed",
    "http://nobody.good.test/photo": "host_not_found",
    "http://good.test/page": "type_not_wanted",
    "http://good.test/large": "too_large",
    "http://good.test/later": "http_status",
}


def outcome(line):
    return line["error"].get("reason", line["error"]["code"]) if "error" in line else line["status"]


def add(liken, flags, urls):
    done = subprocess.run([liken, "add", "--json", "--max-file", "1M", *flags, "-"], input="\n".join(urls), capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["path"]: outcome(line) for line in lines if "path" in line}, done.stderr


def main():
    work, photo, liken = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    Site.photo = photo.read_bytes()
    build(work)
    told = {}
    told["plain"], told["said"] = add(liken, ["--threads", "1", *EVERY], PLAIN)
    told["asked"] = dict(asked)
    asked.clear()
    # each process asks the resolver anew, which says another thing each time
    told["turning"] = [add(liken, EVERY, [f"http://{name}/photo?{i}"])[0] for i in range(3) for name in TURNING]
    told["turned"] = dict(asked)
    asked.clear()
    told["named"], _ = add(liken, [*EVERY, "--allow-host", "10.0.0.5", "--allow-host", "127.0.0.0/8", "--allow-host", "[::1]:8080"],
                           ["http://ten.test/photo", "http://loop.test/photo", "http://127.0.0.1/photo", "http://[::1]:8080/photo",
                            "http://loop6.test/photo", "http://house.test/photo", "http://127.0.0.1:8080/photo"])
    told["expected"] = PLAIN
    print(json.dumps(told))


main()
