"""Collections of another descriptor pack than the default one."""
import re

import pytest

from conftest import MODELS

PACKS = [("reid", 160), ("mobilefacenet", 192)]


def need(pack):
    if not (MODELS / pack / "pack.json").exists():
        pytest.skip(f"LIKEN_MODELS names no folder with the pack {pack}")


@pytest.mark.parametrize("pack, numbers", PACKS)
def test_a_collection_of_a_pack(liken, samples, pack, numbers):
    need(pack)
    photos = [samples / f"sample{i}.jpg" for i in (1, 2)]
    liken("collections", "create", "party", "--pack", pack)
    added = liken.json("add", "--collection", "party", *photos)[:2]
    assert all(photo["model"].startswith(pack + "-") for photo in added)
    [collection] = [c for c in liken.json("collections", "list") if c["name"] == "party"]
    assert collection["dimension"] == numbers
    # a search needs no --pack: the collection knows its own
    [answer] = liken.json("search", "--collection", "party", photos[0])
    for face in answer["faces"]:
        nearest = face["matches"][0]
        assert nearest["image"] == added[0]["id"] and nearest["distance"] < 0.1 and nearest["similarity"] > 0.9
        assert len(face["matches"]) == 1  # nobody else is that near
    [twice] = liken.json("compare", "--collection", "party", photos[0], photos[0])
    assert twice["same"] and twice["threshold"] == collection["threshold"]


@pytest.mark.parametrize("missing, taken", [((), "reid"), (("reid",), "mobilefacenet"), (("reid", "mobilefacenet"), "faceapi")])
def test_the_best_pack_that_is_there_is_taken(liken, samples, tmp_path, missing, taken):
    for pack in ("reid", "mobilefacenet", "yunet"):
        need(pack)
    folder = tmp_path / "packs"
    folder.mkdir()
    for pack in {"reid", "mobilefacenet", "faceapi", "yunet"} - set(missing):
        (folder / pack).symlink_to(MODELS / pack)
    there = {"LIKEN_MODELS": str(folder)}
    _, err = liken("add", samples / "sample1.jpg", env=there)
    assert err.count("liken models install reid") == (taken != "reid")
    [collection] = liken.json("collections", "list")
    assert collection["model"].startswith(taken + "-")
    out, err = liken("doctor", env=there)
    assert f"The pack {taken} describes faces in new collections" in out
    # with all of them installed the collection keeps what it has, and none of this is worth a line
    out, err = liken("search", samples / "sample1.jpg")
    assert err == "" and "sample1.jpg" in out
    # and where its pack is gone, that is said, with the command that mends it
    if taken == "reid":
        (folder / "reid").unlink()
        _, err = liken("search", samples / "sample1.jpg", code=1, env=there)
        assert collection["model"] in err and "liken models install reid" in err
        out, _ = liken("doctor", code=1, env=there)
        assert re.search("^bad  .*collections.*liken models install reid", out, re.M)


def test_packs_are_not_mixed(liken, samples):
    need("reid")
    photo = samples / "sample1.jpg"
    liken("collections", "create", "old", "--pack", "faceapi")
    liken("collections", "create", "new", "--pack", "reid")
    liken("add", "--collection", "old", photo)
    liken("add", "--collection", "new", photo)
    described = liken.json("detect", "--describe", "--pack", "reid", photo)
    assert len(described[0]["faces"][0]["descriptor"]) == 160
    models = {c["name"]: c["model"] for c in liken.json("collections", "list")}
    assert models["old"].startswith("faceapi-") and models["new"].startswith("reid-")
    liken("add", "--pack", "reid", "--collection", "old", samples / "sample2.jpg")  # counts for new collections only
    models = {c["name"]: c["model"] for c in liken.json("collections", "list")}
    assert models["old"].startswith("faceapi-")
