"""What the accuracy tests share: the photo set, and the program that is measured."""
import csv
import json
import os
import pathlib
import subprocess

import pytest

BIN = os.environ.get("LIKEN_BIN", str(pathlib.Path(__file__).resolve().parents[2] / "build" / "liken"))
FACES = pathlib.Path(os.environ.get("LIKEN_FACES") or "/nonexistent")
MODELS = pathlib.Path(os.environ.get("LIKEN_MODELS") or "/nonexistent")


def need(*packs):
    """Skips the test when the photo set or a pack is absent."""
    if not (FACES / "boxes.csv").exists():
        pytest.skip("LIKEN_FACES does not name the folder of labelled photos")
    for pack in packs:
        if not (MODELS / pack / "pack.json").exists():
            pytest.skip(f"LIKEN_MODELS names no folder with the {pack} pack")


def rows(name):
    with open(FACES / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(data, *args, ok=(0,), **more):
    """liken ARGS --data DATA, its output read as one JSON value a line."""
    argv = [BIN, *args, "--json", "--data", str(data)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **more)
    assert done.returncode in ok, f"liken {' '.join(args)[:200]}: {done.stderr[-2000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]
