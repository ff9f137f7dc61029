"""PostgreSQL servers of the tests' own: in a temporary folder, on a Unix socket, gone afterwards.

`postgres` is a server for the whole session; `Postgres()` starts further ones. Where PostgreSQL's programs are not
installed the tests that ask for one are skipped by name."""
import glob
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

try:
    import pytest
except ImportError:  # bench/store takes the class alone
    pytest = None

SETTINGS = {
    "listen_addresses": "''", "max_connections": "200", "shared_buffers": "64MB", "log_min_messages": "warning",
    "fsync": "off",  # the machine does not lose power while it tests; a server that is killed loses nothing by it
}


def programs():
    """The folder of initdb and postgres, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4])) or \
        glob.glob("/usr/pgsql-*/bin/initdb")
    path = found[-1] if found else shutil.which("initdb")
    return pathlib.Path(path).resolve().parent if path else None


def account():
    """Whom the server runs as: it refuses root."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return None


def missing():
    if programs() is None:
        return "PostgreSQL's server programs (initdb, postgres) are not installed"
    if os.getuid() == 0 and account() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return None


class Postgres:
    """One server. `url(database)` is what --store takes; the database is made when it is first named."""

    def __init__(self, port=5432, **settings):
        self.bin, self.port, self.process = programs(), port, None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="liken-pg-"))
        self.data, self.log, self.databases = self.folder / "data", self.folder / "log", set()
        who = account()
        if who:
            os.chown(self.folder, who.pw_uid, who.pw_gid)
        os.chmod(self.folder, 0o755)
        self._call("initdb", "-D", self.data, "-U", "liken", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        lines = [f"{name} = {value}\n" for name, value in {**SETTINGS, **settings}.items()]
        with open(self.data / "postgresql.conf", "a") as file:
            file.writelines([*lines, f"port = {port}\n", f"unix_socket_directories = '{self.folder}'\n"])
        self.start()

    def _options(self):
        who = account()
        return {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if who else {}

    def _call(self, program, *words):
        done = subprocess.run([str(self.bin / program), *map(str, words)], cwd=self.folder, capture_output=True, **self._options())
        assert done.returncode == 0, f"{program}: {done.stderr.decode(errors='replace')}"

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(self.bin / "postgres"), "-D", str(self.data)], cwd=self.folder, stdout=log,
                                            stderr=log, **self._options())
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            if subprocess.run(self._psql("postgres", "SELECT 1"), capture_output=True).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(self.log.read_text(errors="replace")[-2000:])

    def _psql(self, database, sql):
        return [str(self.bin / "psql"), "-h", str(self.folder), "-p", str(self.port), "-U", "liken", "-d", database, "-XAtq",
                "-v", "ON_ERROR_STOP=1", "-c", sql]

    def sql(self, database, sql):
        """The rows of a statement: lists of texts."""
        done = subprocess.run(self._psql(database, sql), capture_output=True, timeout=300)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return [line.split("|") for line in done.stdout.decode().splitlines()]

    def has(self, extension):
        return bool(self.sql("postgres", f"SELECT 1 FROM pg_available_extensions WHERE name = '{extension}'"))

    def database(self, name):
        if name not in self.databases:
            self.sql("postgres", f'CREATE DATABASE "{name}"')
            self.databases.add(name)
        return name

    def url(self, database, password=None):
        host = urllib.parse.quote(str(self.folder), safe="")
        secret = ":" + urllib.parse.quote(password, safe="") if password else ""
        return f"postgres://liken{secret}@{host}:{self.port}/{self.database(database)}"

    def of(self, folder):
        """The database that stands in for a data folder: the same each time."""
        return re.sub(r"[^a-z0-9]+", "_", str(folder).lower())[-60:].strip("_")

    def _signal(self, how):
        """To the server and its children."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True).stdout
        for pid in [self.process.pid, *map(int, children.split())]:
            try:
                os.kill(pid, how)
            except ProcessLookupError:
                pass

    def pause(self):
        """As when the network is cut: connections stay and say nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self):
        self._signal(signal.SIGCONT)

    def kill(self):
        self._signal(signal.SIGKILL)
        self.process.wait(60)

    def stop(self):
        if self.process.poll() is None:
            self.go_on()
            self.process.send_signal(signal.SIGINT)  # a fast shutdown
            self.process.wait(60)

    def remove(self):
        if self.process.poll() is None:
            self.go_on()
            self.process.send_signal(signal.SIGQUIT)  # at once: nobody needs its data any more
            self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)


if pytest:

    @pytest.fixture(scope="session")
    def postgres():
        if missing():
            pytest.skip(missing())
        one = Postgres()
        yield one
        one.remove()
