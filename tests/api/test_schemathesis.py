"""schemathesis reads the contract, makes requests that fit it and requests that do not, and finds no answer that the
contract does not have. More by hand: `LIKEN_SCHEMATHESIS=200 pytest tests/api/test_schemathesis.py` (examples each)."""
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import ROOT
from test_keys import make_key  # a fixture

EXAMPLES = os.environ.get("LIKEN_SCHEMATHESIS", "8")
SEED = os.environ.get("LIKEN_SCHEMATHESIS_SEED", "1")


def look(server, *flags):
    """What it found, "" for nothing."""
    program = pathlib.Path(sys.executable).with_name("schemathesis")
    run = subprocess.run([program, "--config-file", ROOT / "schemathesis.toml", "run", ROOT / "docs" / "openapi.yaml",
                          "--url", server.url, "--checks", "all", "-n", EXAMPLES, "--seed", SEED, "--no-color",
                          "--generation-database", "none", *flags],
                         capture_output=True, text=True, cwd=server.data.parent, timeout=1200)
    assert "Test cases:" in run.stdout, run.stdout + run.stderr
    return "" if run.returncode == 0 else run.stdout


@pytest.mark.skipif(bool(os.environ.get("LIKEN_SANITIZED")), reason="the same requests as in the ordinary build")
def test_an_open_server(server, samples):
    server.add(samples[0][1])
    assert look(server) == ""


@pytest.mark.skipif(bool(os.environ.get("LIKEN_SANITIZED")), reason="the same requests as in the ordinary build")
def test_a_server_with_keys(start, make_key):
    key = make_key("add", "reader", "--scope", "read,search")["key"]
    server = start()
    assert look(server, "-H", f"Authorization: Bearer {key}", "--phases", "coverage") == ""
    assert server.stop() == 0
