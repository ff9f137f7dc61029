"""tools/check_layers.py refuses what src/layers.map does not allow, and nothing else."""
import pathlib
import subprocess
import sys

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"
MAP = "base:  # the ground\nstore: base\nstore/sqlite: base store\napi: base store\n"
GOOD = {
    "layers.map": MAP,
    "base/a.c": '#include "liken.h"\n#include <stdio.h>\n#include "base/a_int.h"\n',
    "base/a_int.h": "",
    "base/child/c.c": '#include "base/a_int.h"\n',  # no line of its own: a part of base/
    "store/s.h": '#include "base/b.h"\n',
    "store/sqlite/q.c": '#include "store/s.h"\n',
    "api/a.c": '#include "store/s.h"\n',
}


def check(folder, **changes):
    """`changes`: contents of files, by their path with __ for the slash and _DOT_ for the dot."""
    files = GOOD | {name.replace("__", "/").replace("_DOT_", "."): text for name, text in changes.items()}
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    stamp = folder / "stamp"
    run = subprocess.run([sys.executable, TOOL, folder, "--stamp", stamp], capture_output=True, text=True)
    assert stamp.exists() == (run.returncode == 0)
    return run.returncode, run.stdout + run.stderr


def test_a_tree_as_it_should_be(tmp_path):
    assert check(tmp_path) == (0, "")


@pytest.mark.parametrize("name,text,why", [
    ("base__a_DOT_c", '#include "store/s.h"\n', "base/ may not include store/"),
    ("base__a_DOT_cc", '  #  include "store/s.h"\n', "base/ may not include store/"),
    ("store__s_DOT_h", '#include "store/sqlite/q.h"\n', "store/ may not include store/sqlite/"),
    ("api__a_DOT_c", '#include "store/sqlite/q.h"\n', "api/ may not include store/sqlite/"),
    ("api__a_DOT_c", '\n\n#include "base/a_int.h"\n', "a.c:3: base/a_int.h is private to base/"),
    ("api__a_DOT_c", '#include "a.h"\n', 'write "folder/file.h"'),
    ("api__a_DOT_c", '#include "base/../store/s.h"\n', 'write "folder/file.h"'),
    ("api__a_DOT_c", '#include "nowhere/s.h"\n', "nowhere/s.h: its folder is not in the map"),
    ("crawl__a_DOT_c", "", "a.c: its folder is not in the map"),
    ("main_DOT_c", "", "main.c: its folder is not in the map"),
])
def test_what_is_refused(tmp_path, name, text, why):
    status, told = check(tmp_path, **{name: text})
    assert status != 0 and why in told


def test_the_map_holds_no_cycle(tmp_path):
    status, told = check(tmp_path, layers_DOT_map="store: base\nbase: store\nstore/sqlite:\napi:\n")
    assert status != 0 and "store names base, which no earlier line defines" in told
