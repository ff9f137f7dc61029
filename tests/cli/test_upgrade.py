"""liken upgrade: a collection gets another model, as an operator does it."""
import shutil

import pytest
from conftest import MODELS


@pytest.fixture
def newer():
    for pack in ("reid", "mobilefacenet"):
        if (MODELS / pack / "pack.json").exists():
            return pack
    pytest.skip("neither the pack reid nor mobilefacenet is in LIKEN_MODELS, to one of which this changes")


def state(liken):
    """The model, and every photo with its faces, by their ids."""
    model, = (c["model"] for c in liken.json("collections", "list"))
    return model, {i["file"]: (i["id"], [f["id"] for f in i["faces"]]) for i in liken.json("list")}


def test_there_and_back(liken, album, newer):
    liken("add", "--pack", "faceapi", album)
    before = state(liken)
    out, err = liken("upgrade", "--pack", newer)
    assert "2 of 2 photos of collection default are described by " + newer in out
    assert "Nothing is switched" in err and "--yes" in err
    assert state(liken) == before
    out, err = liken("upgrade", "--pack", newer, "--yes")
    assert "Collection default is described by " + newer in out and "--back" in out and "--finish" in out
    after = state(liken)
    assert after[0].startswith(newer) and after[1] == before[1]
    found = liken.json("search", album / "sample1.jpg")
    assert found[0]["model"] == after[0]
    assert all(face["matches"][0]["distance"] < 0.02 for face in found[0]["faces"])
    again, = liken.json("upgrade", "--pack", newer, "--yes")
    assert again["done"] and again["former"] and again["other"] == before[0]
    back, = liken.json("upgrade", "--back", "--yes")
    assert back["done"] and back["model"] == before[0] and back["comparison"]["sampled"] > 0
    assert state(liken) == before
    out, _ = liken("upgrade", "default", "--finish")
    assert out.startswith("Let go of ")
    _, err = liken("upgrade", "--back", code=1)
    assert "no former model" in err
    _, err = liken("upgrade", "--finish", code=1)
    assert "No change of model is prepared" in err


def test_photos_that_are_gone(liken, album, newer, tmp_path):
    folder = tmp_path / "photos"
    shutil.copytree(album, folder)
    liken("add", "--pack", "faceapi", folder)
    before = state(liken)
    lost = sorted(folder.iterdir())[0]
    lost.rename(tmp_path / "away")
    _, err = liken("upgrade", "--pack", newer, "--yes", code=1)
    assert "1 photo of collection default cannot be described" in err and "--drop-missing" in err
    assert state(liken) == before
    (tmp_path / "away").rename(lost)
    lost.write_bytes(lost.read_bytes() + b"other")  # other bytes than those that were added
    told, = liken.json("upgrade", "--pack", newer, "--yes", code=1)
    assert told["missing"] == 1 and not told["done"]
    told, = liken.json("upgrade", "--pack", newer, "--yes", "--drop-missing")
    assert told["missing"] == 1 and told["done"]
    model, photos = state(liken)
    assert model.startswith(newer) and sorted(len(faces) for _, faces in photos.values())[0] == 0
    liken("upgrade", "--back", "--yes")
    assert state(liken) == before


def test_it_says_what_it_cannot(liken, album):
    liken("add", "--pack", "faceapi", album)
    _, err = liken("upgrade", "nowhere", "--pack", "faceapi", code=1)
    assert 'no collection "nowhere"' in err
    _, err = liken("upgrade", "--pack", "nothing", code=1)
    assert "There is no model pack nothing" in err
    _, err = liken("upgrade", "--back", "--finish", code=2)
    assert "--back or --finish" in err
    told, = liken.json("upgrade", "--pack", "faceapi", "--yes")
    assert told["done"] and told["other"] is None
    _, err = liken("upgrade", "--data", "empty", code=1)
    assert "There is no gallery in empty" in err
