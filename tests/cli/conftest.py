"""What the tests of the command line share: the program under LIKEN_BIN (else build/liken), each test with its own data
folder, and the sample photos of the faceapi pack where LIKEN_MODELS names the folder of packs."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("LIKEN_BIN") or ROOT / "build" / "liken")
MODELS = pathlib.Path(os.environ.get("LIKEN_MODELS") or "/nonexistent")
SAMPLES = MODELS / "faceapi" / "samples"
KEPT = ("PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH")


def best_pack():
    """What describes faces in new collections."""
    return next(pack for pack in ("reid", "mobilefacenet", "faceapi") if (MODELS / pack / "pack.json").exists())


def remarks(err):
    """Standard error without the lines, one each, that say what stands in for a pack that is not installed."""
    for there, remark, always in (((MODELS / "yunet" / "pack.json").exists(), "The yunet pack is not installed", True),
                                  (best_pack() == "reid", "describes faces in new collections, since", False)):
        lines = err.splitlines(keepends=True)
        rest = [line for line in lines if remark not in line]
        assert len(lines) - len(rest) <= (not there) and (there or not always or len(rest) < len(lines)), err
        err = "".join(rest)
    return err


class Liken:
    """Runs the program; every answer is checked for what holds of all: a known exit code, and no word on standard output
    when it fails on its arguments."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {name: os.environ[name] for name in KEPT if name in os.environ}
        self.env.update(LIKEN_DATA=str(folder / "data"), LIKEN_MODELS=str(MODELS), XDG_CONFIG_HOME=str(folder / "config"))

    def start(self, *args, **more):
        env = {**self.env, **more.pop("env", {})}
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen([BIN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=self.folder,
                                bufsize=0, **more)

    def __call__(self, *args, code=0, stdin=None, env=None):
        """(standard output, standard error), as text."""
        done = subprocess.run([BIN, *args], input=b"" if stdin is None else stdin, capture_output=True, check=False,
                              env={**self.env, **(env or {})}, cwd=self.folder, timeout=300)
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == code, f"liken {args}: exit code {done.returncode}\n{out}\n{err}"
        if code == 2:
            assert out == ""
            assert err.strip()
        return out, err

    def json(self, *args, code=0, stdin=None):
        """Standard output as one JSON value a line."""
        out, _ = self(*args, "--json", code=code, stdin=stdin)
        return [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def liken(tmp_path):
    if not BIN.exists():
        pytest.skip(f"{BIN} is not built")
    return Liken(tmp_path)


@pytest.fixture
def samples():
    """The sample photos: sample1.jpg .. sample6.jpg, 22 faces."""
    if not (SAMPLES / "sample1.jpg").exists():
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack and its sample photos")
    return SAMPLES


@pytest.fixture
def album(tmp_path, samples):
    """A folder with the first two sample photos."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("sample1.jpg", "sample2.jpg"):
        shutil.copy(samples / name, folder / name)
    return folder


@pytest.fixture
def models():
    if not (MODELS / "faceapi" / "pack.json").exists():
        pytest.skip("LIKEN_MODELS names no folder with the faceapi pack")
