#!/usr/bin/env python3
"""The benchmark of the stores: starts a PostgreSQL server of its own (durable: fsync on) and lets bench_store measure.

usage: run.py BUILD        (a build folder configured with -Dbench=true; packs in $LIKEN_MODELS; N="100000 1000000")

Times are wall times, since the work is spread over processes: run it on an idle machine, and read ratios. Writes
BUILD/bench/store.json.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "api"))


def main():
    from postgres import Postgres, missing
    build = pathlib.Path(sys.argv[1]).resolve()
    if missing():
        sys.exit(f"bench-store needs a PostgreSQL server: {missing()}.")
    server = Postgres(fsync="on", shared_buffers="2GB", max_wal_size="8GB", checkpoint_timeout="15min")
    try:
        print("PostgreSQL", server.sql("postgres", "SHOW server_version")[0][0])
        host = urllib.parse.quote(str(server.folder), safe="")
        with tempfile.TemporaryDirectory(prefix="liken-bench-") as folder:
            done = subprocess.run([build / "bench/store/bench_store", f"postgres://liken@{host}:{server.port}", folder,
                                   build / "bench/store.json"])
        return done.returncode
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
