"""liken move: from one store to another, as an operator does it."""
import pytest


def assert_same(here, there):
    """Two looks at one photo may round differently, by how many faces are looked at together."""
    one, other = ([match for face in result[0]["faces"] for match in face.pop("matches")] for result in (here, there))
    assert here == there and len(one) == len(other) > 0
    for a, b in zip(one, other):
        assert a.pop("distance") == pytest.approx(b.pop("distance"), abs=1e-4)
        assert a.pop("similarity") == pytest.approx(b.pop("similarity"), abs=1e-3)
        assert a == b


def test_move_there_and_back(liken, album):
    liken("add", album)
    liken("keys", "add", "--collection", "default", "one")
    liken("keys", "add", "two")
    keys = liken("keys", "list")[0]
    first = liken("list", "--json")[0]
    out, _ = liken("move", "--from", "sqlite:", "--to", "sqlite:new")
    assert out.startswith("Moved 2 photos with ") and "every one was compared" in out
    assert liken("list", "--json", "--data", "new")[0] == first
    assert_same(liken.json("search", "--data", "new", album / "sample1.jpg"), liken.json("search", album / "sample1.jpg"))
    moved, = liken.json("move", "--from", "sqlite:new", "--to", "sqlite:back")
    assert moved["images"] == 2 and moved["faces"] > 0
    assert liken("keys", "list", "--data", "back")[0] == keys
    again, = liken.json("move", "--from", "sqlite:", "--to", "sqlite:third")
    assert again["checksum"] == moved["checksum"]


def test_move_refuses(liken, album):
    liken("add", album)
    _, err = liken("move", "--from", "sqlite:", "--to", "sqlite:", code=2)
    assert "same gallery twice" in err
    liken("add", "--data", "other", album)
    _, err = liken("move", "--from", "sqlite:", "--to", "sqlite:other", code=1)
    assert "holds photos already" in err
    _, err = liken("move", "--from", "sqlite:", code=2)
    assert "--from and --to" in err
    _, err = liken("move", "--from", "sqlite:nowhere", "--to", "sqlite:x", code=1)
    assert "There is no gallery in nowhere" in err
    _, err = liken("move", "--from", "sqlite:", "--to", "mysql://x:secret@y/z", code=2)
    assert "postgres://" in err and "secret" not in err


@pytest.mark.parametrize("flag", ["--from", "--to"])
def test_move_asks_for_both(liken, flag):
    liken("move", flag, "sqlite:x", code=2)
