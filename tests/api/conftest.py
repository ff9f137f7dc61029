"""The real server, started on port 0 over an empty store, and a client that checks every answer against the contract.

With LIKEN_TEST_STORE=postgres every gallery is a database of a PostgreSQL server that the tests start."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

import pytest
import requests

import contract
from postgres import postgres  # a fixture

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.environ.get("LIKEN_BIN", str(ROOT / "build" / "liken"))
MODELS = pathlib.Path(os.environ.get("LIKEN_MODELS") or
                      pathlib.Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "liken" / "models")
FACES = os.environ.get("LIKEN_FACES")
HOME = tempfile.TemporaryDirectory(prefix="liken-tests-")  # instead of the user's own gallery, where a test names none
os.environ["LIKEN_DATA"] = HOME.name
SANITIZED = bool(os.environ.get("LIKEN_SANITIZED"))  # then time and memory say nothing


def soon(ask, what="it did not come true", seconds=120):
    """Waits until the answer is true, and returns it: a matter of moments, and of more on a machine that is busy."""
    end = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < end, what
        time.sleep(0.05)
    return answer


class Answer:
    def __init__(self, method, path, response):
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}
        self.body = response.content
        self.json = contract.check(method, path, self.status, self.headers, self.body)


class Server:
    postgres = None  # where the galleries are, instead of the data folders

    def __init__(self, data, *flags, env=None):
        self.data = pathlib.Path(data)
        if Server.postgres and "--store" not in flags:
            flags = (*flags, "--store", Server.postgres.url(Server.postgres.of(data)))
        self.log = open(self.data.parent / (self.data.name + ".log"), "ab")
        command = [BIN, "serve", "--port", "0", "--data", str(data), "--models", str(MODELS), "--json", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **(env or {})})
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(60)
            raise RuntimeError(f"the server did not start: {pathlib.Path(self.log.name).read_text()[-2000:]}")
        self.port = json.loads(line)["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = None

    def call(self, method, path, **options):
        headers = dict(options.pop("headers", {}))
        if self.key:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        response = requests.request(method, self.url + path, headers=headers, timeout=options.pop("timeout", 120), **options)
        return Answer(method, path, response)

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, **options):
        return self.call("POST", path, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def add(self, photo, collection="default", **fields):
        return self.post(f"/v1/collections/{collection}/images", files={"file": photo}, data=fields)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def running(self):
        return self.process.poll() is None

    def rss(self):
        """Peak resident memory, bytes."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")

    def cpu(self):
        """Processor seconds so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, how=signal.SIGTERM, timeout=60):
        if self.running():
            self.process.send_signal(how)
        code = self.process.wait(timeout)
        self.process.stdout.close()
        self.log.close()
        return code


@pytest.fixture(scope="session", autouse=True)
def store(request):
    if os.environ.get("LIKEN_TEST_STORE") == "postgres":
        Server.postgres = request.getfixturevalue("postgres")
    yield
    Server.postgres = None


@pytest.fixture(scope="session")
def samples():
    """The six sample photos of the faceapi pack: path, bytes."""
    photos = sorted((MODELS / "faceapi" / "samples").glob("*.jpg"))
    if not photos:
        pytest.skip(f"the faceapi pack with its sample photos is not in {MODELS} (LIKEN_MODELS)")
    return [(path.name, path.read_bytes()) for path in photos]


@pytest.fixture(scope="session")
def faces_dir():
    if not FACES:
        pytest.skip("LIKEN_FACES, the labelled photos, is not set")
    return pathlib.Path(FACES)


@pytest.fixture
def start(samples, tmp_path):
    """Starts servers that are gone when the test ends."""
    servers = []

    def start_one(*flags, data=None, **options):
        folder = tmp_path / (data or "data")
        folder.mkdir(exist_ok=True)
        servers.append(Server(folder, *flags, **options))
        return servers[-1]

    yield start_one
    for server in servers:
        if server.running():
            server.stop(signal.SIGKILL)


@pytest.fixture
def server(start):
    """A server of the test's own, over an empty store."""
    one = start()
    yield one
    assert one.running(), "the server died during the test"
    assert one.stop() == 0


@pytest.fixture(scope="module")
def shared(samples, tmp_path_factory):
    """One server for all tests of a module, which must leave nothing behind that another would see."""
    data = tmp_path_factory.mktemp("shared") / "data"
    data.mkdir()
    one = Server(data)
    yield one
    assert one.running(), "the server died during the tests"
    assert one.stop() == 0
