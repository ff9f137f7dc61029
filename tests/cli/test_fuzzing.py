"""libFuzzer is led by what it sees covered: a fuzzing build must instrument all of liken, not only the targets."""
import json
import shutil
import subprocess

import pytest

from conftest import BIN, ROOT

OPTIONS = ["-Dfuzzer=true", "-Db_lundef=false", "-Ddlib=disabled", "-Dweb=disabled"]


def test_every_file_of_liken_is_instrumented(tmp_path, monkeypatch):
    for tool in ("clang", "clang++"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    monkeypatch.setenv("CC", "clang")
    monkeypatch.setenv("CXX", "clang++")
    done = subprocess.run(["meson", "setup", tmp_path / "build", *OPTIONS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    commands = json.loads((tmp_path / "build" / "compile_commands.json").read_text())
    library = [c for c in commands if "/src/" in c["file"]]
    assert len(library) > 100
    blind = [c["file"] for c in library if "-fsanitize=fuzzer-no-link,address,undefined" not in c["command"]]
    assert not blind


def test_every_target_has_seeds_and_every_dictionary_a_target():
    corpus, dictionaries = ROOT / "fuzz" / "corpus", ROOT / "fuzz" / "dictionary"
    plan = BIN.parent / "meson-info" / "intro-tests.json"
    if not plan.exists():
        pytest.skip(f"{BIN} does not lie in its build folder")
    targets = {test["name"].removeprefix("fuzz/") for test in json.loads(plan.read_text()) if test["name"].startswith("fuzz/")}
    assert len(targets) > 20
    assert {p.name for p in corpus.iterdir()} == targets
    assert {p.stem for p in dictionaries.iterdir()} <= targets
    for target in targets:
        assert len(list((corpus / target).iterdir())) >= 3, target
