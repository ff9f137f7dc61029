"""Help, manual pages, bad command lines, settings."""
import re
import subprocess

import pytest

from conftest import BIN, ROOT

COMMANDS = ["add", "search", "compare", "detect", "list", "events", "edit", "rm", "collections", "cluster", "export", "import", "move",
            "upgrade", "serve", "models", "keys", "calibrate", "eval", "status", "doctor", "version", "help", "man"]


def test_the_overview_names_every_command(liken):
    out, err = liken("--help")
    assert err == ""
    assert re.findall(r"^  (\w+)  ", out, re.M) == COMMANDS
    assert liken("help")[0] == out
    assert liken("-h")[0] == out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(liken, command):
    out, err = liken("help", command)
    assert err == ""
    assert out.startswith(f"liken {command}: ")
    assert "Usage: liken " + command in out
    for part in ("Flags of every command:", "Exit codes:", "--json", "--help"):
        assert part in out
    assert max(len(line) for line in out.splitlines()) <= 110
    assert liken(command, "--help")[0] == out
    assert liken.json("help", command) == [{"text": out}]


@pytest.mark.parametrize("command", COMMANDS)
def test_manual_of_a_command(liken, command):
    out, err = liken("man", command)
    assert err == ""
    assert out.startswith(f".TH liken-{command} 1")
    for part in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS"):
        assert f".SH {part}\n" in out
    assert command in re.findall(r"'(\w+)'", (ROOT / "docs/man/meson.build").read_text().split("endforeach")[0])


def test_the_manual_lists_every_setting(liken):
    out, _ = liken("man")
    for name in ("LIKEN_MAX_FILE", r"\-\-port PORT", "CONFIGURATION FILE"):
        assert name in out
    for command in COMMANDS:
        assert f"liken\\-{command}(1)" in out


@pytest.mark.parametrize("args, sentence", [
    ([], "say what to do"),
    (["serch"], 'there is no command "serch"; did you mean search?'),
    (["frobnicate"], "liken help lists them"),
    (["make"], 'there is no command "make"; liken help lists them'),
    (["remove"], "did you mean rm?"),
    (["ad"], "did you mean add?"),
    (["list", "--thrshold", "1"], "There is no flag --thrshold; see liken help."),
    (["search", "--thrshold", "1"], "did you mean --threshold?"),
    (["keys", "add", "--collection", "typo", "a"], 'There is no collection "typo"; liken collections list shows them.'),
    (["list", "--data", "~nobody/x"], "--data: of homes only your own, ~/, is understood"),
    (["search", "--limt", "3", "x"], "There is no flag --limt; did you mean --limit?"),
    (["search", "--port", "3", "x"], "liken search does not take --port"),
    (["search"], "Something is missing: liken search PHOTO."),
    (["export", "b"], '"b" is one word too many'),
    (["search", "--limit", "x", "a"], '--limit: "x" is not a whole number.'),
    (["search", "--limit", "0", "a"], "--limit: 0 is out of range; it may be from 1 to 10000."),
    (["search", "--limit"], "--limit needs a value: NUMBER."),
    (["search", "--threshold=1", "--max-false-matches=1", "a"], "not both"),
    (["search", "--detector", "magic", "a"], '--detector: "magic" is not one of auto|yunet|ssd|hog.'),
    (["models", "instal"], "did you mean install?"),
    (["models"], "Something is missing"),
    (["collections", "create"], "create needs a name"),
    (["collections", "list", "x"], '"x" is one too many'),
    (["rm"], "Say what to remove"),
    (["rm", "--face", "1", "2"], "Say what to remove"),
    (["rm", "--yes", "one"], '"one" is not the id of a photo'),
    (["rm", "--face", "0"], "--face: 0 is out of range"),
    (["keys", "add", "--scope", "fly", "a"], '"fly" is no scope'),
    (["help", "nothing"], 'There is no command "nothing".'),
    (["detect", "--draw", "x.jpg", "a", "b"], "--draw takes one photo"),
    (["add", "--file-label", "x", "a", "b"], "--file-label takes one photo"),
    (["serve", "--port", "70000"], "--port: 70000 is out of range"),
    (["add", "--max-file", "1X", "a"], '--max-file: "1X" is not a size'),
    (["list", "--collection", ""], "--collection: the value is empty."),
])
def test_wrong_command_lines(liken, args, sentence):
    _, err = liken(*args, code=2)
    assert sentence in err


def test_control_characters_do_not_reach_the_terminal(liken):
    _, err = liken("\x1b[31mred", code=2)
    assert "\x1b" not in err and "\\x1b[31mred" in err


def test_settings_from_environment_and_file(liken, tmp_path):
    _, err = liken("list", code=2, env={"LIKEN_PORT": "high"})
    assert err == 'liken: LIKEN_PORT: "high" is not a whole number.\n'
    conf = tmp_path / "my.conf"
    conf.write_text("# mine\nport = 9000\nprot = 1\n")
    _, err = liken("list", code=2, env={"LIKEN_CONFIG": str(conf)})
    assert err == f'liken: {conf}:3: there is no setting "prot"; did you mean port?\n'
    _, err = liken("list", "--config", "nowhere.conf", code=2)
    assert "nowhere.conf cannot be opened" in err
    usual = tmp_path / "config" / "liken"
    usual.mkdir(parents=True)
    (usual / "liken.conf").write_text("key-file = elsewhere/keys\n")
    _, err = liken("keys", "list", code=1)
    assert "elsewhere" in err
    # help and version work whatever the settings hold
    for args in (["help", "add"], ["add", "--help"], ["--version"], ["version"], ["man"]):
        liken(*args, env={"LIKEN_PORT": "high"})


def test_version(liken):
    out, err = liken("version")
    assert err == ""
    assert re.match(r"liken \d+\.\d+\.\d+\ncpu: \w+, \d+\nbuilt with: .*vips.*sqlite", out)
    assert liken("--version")[0] == out
    [answer] = liken.json("version")
    assert set(answer) == {"version", "cpu", "cpus", "built_with"}
    assert liken("version", env={"LIKEN_CPU": "scalar"})[0].splitlines()[1].startswith("cpu: scalar")


def test_a_full_disk_is_a_failure(liken):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN, "help"], stdout=full, stderr=subprocess.PIPE, env=liken.env, check=False)
    assert done.returncode == 1
    assert b"standard output could not be written" in done.stderr


def test_an_answer_that_is_lost_is_a_failure(liken, tmp_path):
    photo = tmp_path / "grey.pgm"
    photo.write_bytes(b"P5 64 64 255\n" + b"\x80" * 4096)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BIN, "detect", str(photo)], stdout=full, stderr=subprocess.PIPE, env=liken.env, check=False)
    assert done.returncode == 1  # not 3, "no face": nobody was told
    assert b"standard output could not be written" in done.stderr or b"liken models install" in done.stderr


def test_standard_output_closed(liken):
    done = subprocess.run(["sh", "-c", f'"{BIN}" help >&-'], stderr=subprocess.PIPE, env=liken.env, check=False)
    assert done.returncode == 1
    assert b"standard output could not be written" in done.stderr


def test_an_empty_path(liken, models):
    _, err = liken("add", "", code=2)
    assert "A path is empty" in err
