"""Reading needs no writing: nothing is made where nothing is, and a gallery that cannot be written is read all the same."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from conftest import BIN, MODELS


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*"))


# ---- where nothing is ----


@pytest.mark.parametrize("words", [
    ("list",), ("edit", "--tag", "a", "1"), ("status",), ("collections", "list"), ("collections", "set", "--search", "memory", "default"),
    ("collections", "rm", "--yes", "default"), ("rm", "--yes", "1"), ("rm", "--yes", "--file", "x"), ("keys", "list"),
    ("keys", "rm", "x")], ids=" ".join)
def test_a_mistyped_folder_is_not_made(liken, tmp_path, words):
    for env in ({}, {"LIKEN_DATA": str(tmp_path / "typo")}):
        out, err = liken(*words, *(() if env else ("--data", str(tmp_path / "typo"))), code=1, env=env)
        assert out == "" and str(tmp_path / "typo") in err and "There is no" in err and " add " in err, err
    assert tree(tmp_path) == []


def test_what_needs_models_makes_nothing(liken, models, samples, tmp_path):
    photo = str(samples / "sample1.jpg")
    _, err = liken("search", photo, code=1)
    assert "There is no gallery in" in err and "liken add PHOTO" in err
    liken("compare", "--collection", "default", photo, photo, code=1)
    liken("compare", photo, photo)
    liken("detect", photo)
    (tmp_path / "pairs.csv").write_text(f"file_a,file_b,same\n{photo},{photo},1\n")
    liken("eval", str(tmp_path / "pairs.csv"))
    out, _ = liken("doctor", "--json")
    assert "There is no gallery in" in out
    assert tree(tmp_path) == ["pairs.csv"]


def test_a_gallery_nearby_is_named(liken, models, tmp_path):
    liken("collections", "create", "a", "--data", str(tmp_path / "gallery"))
    for typo in ("galery", "gallery/liken.db", "."):
        _, err = liken("list", "--data", str(tmp_path / typo), code=1)
        assert err.rstrip().endswith(f"There is one in {tmp_path}/gallery.") or err.rstrip().endswith("/./gallery."), err
    _, err = liken("list", "--data", str(tmp_path / "elsewhere"), code=1)
    assert "There is one" not in err
    assert not (tmp_path / "galery").exists()


# ---- where nothing can be written ----

READS = (("list",), ("status",), ("collections", "list"), ("doctor",))


@pytest.fixture
def gallery(liken, album):
    liken("add", str(album))
    return pathlib.Path(liken.env["LIKEN_DATA"])


def check(run, photo, file):
    """`run` runs the program where the gallery cannot be written; (code, out and err)."""
    for words in READS:
        code, said = run(*words)
        assert code == 0, said
    assert "can only be read" in run("status")[1] and "can only be read" in run("doctor")[1]
    for words in (("rm", "--yes", "1"), ("rm", "--yes", "--file", file), ("collections", "rm", "--yes", "default"),
                  ("collections", "set", "--search", "memory", "default")):
        code, said = run(*words)
        assert code == 1 and "can only be read" in said, (words, said)
    if photo:
        code, said = run("search", photo)
        assert code == 0 and "Compared with" in said
        code, said = run("add", photo, __file__)
        assert code == 1 and said.count("can only be read") == 1, said


def test_another_user_reads(liken, gallery, album):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    try:
        subprocess.run([BIN, "version"], check=True, capture_output=True, cwd="/", **nobody)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("another user cannot run the program here")
    with tempfile.TemporaryDirectory(prefix="liken-tests-") as folder:  # pytest's own are for this user alone
        place = pathlib.Path(folder)
        for name, source in (("data", gallery), ("models", MODELS), ("album", album)):
            shutil.copytree(source, place / name)
        subprocess.run(["chmod", "-R", "a+rX", place], check=True)
        before = tree(place)
        env = {**liken.env, "LIKEN_MODELS": str(place / "models"), "LIKEN_DATA": str(place / "data"),
               "XDG_CONFIG_HOME": str(place), "HOME": str(place)}

        def run(*words):
            done = subprocess.run([BIN, *words], env=env, cwd="/", capture_output=True, text=True, timeout=300, **nobody)
            return done.returncode, done.stdout + done.stderr

        check(run, str(place / "album" / "sample1.jpg"), str(album / "sample1.jpg"))
        assert tree(place) == before


def test_a_disk_mounted_read_only(liken, gallery, album, tmp_path):
    frozen = tmp_path / "frozen"
    frozen.mkdir()
    mount = ["unshare", "-m", "sh", "-c", f"mount --bind {gallery} {frozen} && mount -o remount,ro,bind {frozen} && exec \"$@\"", "sh"]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted read-only here")

    def run(*words):
        done = subprocess.run([*mount, BIN, *words, "--data", frozen], env=liken.env, capture_output=True, text=True, timeout=300)
        return done.returncode, done.stdout + done.stderr

    check(run, str(album / "sample1.jpg"), str(album / "sample1.jpg"))
    assert "mounted read-only" in run("status")[1]
    code, said = run("keys", "add", "x")
    assert code == 1 and "mounted read-only" in said


# ---- packs ----


def test_packs_that_cannot_be_written(liken, models, tmp_path):
    """What is there and intact is used, verified and not installed again."""
    packs = tmp_path / "packs"
    shutil.copytree(MODELS / "faceapi", packs / "faceapi")
    mount = ["unshare", "-m", "sh", "-c", f"mount --bind {packs} {packs} && mount -o remount,ro,bind {packs} && exec \"$@\"", "sh"]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("a disk cannot be mounted read-only here")
    for words in (("list",), ("verify",), ("install", "faceapi")):
        subprocess.run([*mount, BIN, "models", *words, "--models", packs], env=liken.env, check=True, timeout=300)


def test_the_pack_that_is_asked_for_is_the_one_that_is_named(liken, tmp_path):
    """docs/legacy.md, the sentence and the command name one pack."""
    _, err = liken("detect", "--models", str(tmp_path), "--pack", "seed", __file__, code=1)
    assert "The model pack seed" in err and err.rstrip().endswith("liken models install seed"), err
    assert "`liken models install seed` installs that" in (pathlib.Path(__file__).parents[2] / "docs" / "legacy.md").read_text()
    _, err = liken("models", "install", "nobody", "--models", str(tmp_path), code=1)
    assert "dlib, seed" in err
