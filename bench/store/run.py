#!/usr/bin/env python3
"""The benchmark of the stores: starts a PostgreSQL server of its own (durable: fsync on) and lets bench_store measure.

usage: run.py BUILD        (a build folder configured with -Dbench=true; packs in $LIKEN_MODELS; N="100000 1000000")

Wall times hold only on an idle machine, since the work is spread over processes; CPU times of both sides stand beside
them. A million faces take about 12 GB of $TMPDIR. Writes BUILD/bench/store.json.
"""
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "api"))
ROOM = 12000  # bytes a face, of all engines together, the server's log of changes included


def versions(server):
    found = {"PostgreSQL": server.sql("postgres", "SHOW server_version")[0][0], "SQLite": sqlite3.sqlite_version}
    for name, version in server.sql("postgres", "SELECT name, default_version FROM pg_available_extensions WHERE name IN ('cube', 'vector')"):
        found["pgvector" if name == "vector" else name] = version
    return found


def tell_machine(path, found):
    """Adds the versions to the last row of the report, and shows it."""
    rows = json.loads(path.read_text())
    machine = rows[-1]["machine"]
    machine.update(found)
    path.write_text(json.dumps(rows, indent=1))
    print("; ".join(f"{key} {value}" for key, value in machine.items()))


def main():
    from postgres import Postgres, missing
    build = pathlib.Path(sys.argv[1]).resolve()
    if missing():
        sys.exit(f"bench-store needs a PostgreSQL server: {missing()}.")
    most = max(map(int, (os.environ.get("N") or "100000 1000000").split()))
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < most * ROOM:
        sys.exit(f"bench-store needs {most * ROOM >> 30} GB in {tempfile.gettempdir()} for {most} faces, where {free >> 30} GB are free; "
                 "set TMPDIR, or a smaller N.")
    server = Postgres(fsync="on", shared_buffers="2GB", max_wal_size="4GB", checkpoint_timeout="30min")
    try:
        found = versions(server)
        host = urllib.parse.quote(str(server.folder), safe="")
        with tempfile.TemporaryDirectory(prefix="liken-bench-") as folder:
            done = subprocess.run([build / "bench/store/bench_store", f"postgres://liken@{host}:{server.port}", folder,
                                   build / "bench/store.json", str(server.process.pid)])
        if done.returncode == 0:
            tell_machine(build / "bench/store.json", found)
        return done.returncode
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
