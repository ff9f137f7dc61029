"""A folder of photos that lives: files are renamed, edited, deleted, copied, moved away under names that are used again,
and `liken add` is killed in between. After `add` and `add --prune` the gallery is that of a fresh one of the same folder:
photos, labels, faces and the answers to searches of every kind; and a rescan opens those files that changed, no other.

60 files in the check, and with LIKEN_SOAK=1 the 2,000 of which 50 suffer each. LIKEN_FOLDER_SEED=n repeats a run."""
import contextlib
import ctypes
import itertools
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from conftest import BIN, MODELS, Server  # noqa: E402
from postgres import postgres  # noqa: E402,F401  a fixture
from photos import Vips  # noqa: E402

SOAK = bool(os.environ.get("LIKEN_SOAK"))
FILES, CHANGES, MOVES = (2000, 50, 20) if SOAK else (60, 3, 2)
ROUNDS, KILLS, QUERIES = (2, 6, 20) if SOAK else (1, 2, 3)
SEED = int(os.environ.get("LIKEN_FOLDER_SEED") or random.randrange(1 << 30))
ENV = {**os.environ, "LIKEN_MODELS": str(MODELS)}
NEAR = 1e-3  # two looks at the same photo may round differently, by how many are looked at together


# ---- photos that nobody took

def plain(number):
    """A small picture of one colour, of its own for each number."""
    side = 24
    pixels = number.to_bytes(3, "little") * (side * side)
    return b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + struct.pack(
        "<IiiHHIIiiII", 40, side, side, 1, 24, 0, len(pixels), 0, 0, 0, 0) + pixels


def pixels_of(vips, path):
    """(width, height, bytes) of a photo."""
    head, size, depth, data = vips.save(path.read_bytes(), ".ppm").split(b"\n", 3)
    assert (head, depth) == (b"P6", b"255")
    return *map(int, size.split()), data


def crop(photo, x, y, side, shade):
    width, height, data = photo
    x, y = max(0, min(x, width - side)), max(0, min(y, height - side))
    rows = (data[3 * (width * row + x):3 * (width * row + x + side)] for row in range(y, min(y + side, height)))
    table = bytes(min(255, i * shade // 100) for i in range(256))
    kept = b"".join(rows).translate(table)
    return b"P6\n%d %d\n255\n" % (side, len(kept) // (3 * side)) + kept


class Photos:
    """Numbered photos, each of other bytes and every fifth with a face: LIKEN_FACES' where it is set, and then those in
    other words; else what can be cut from the sample photos."""

    def __init__(self):
        self.vips, self.made = Vips(), itertools.count()
        given = os.environ.get("LIKEN_FACES")
        self.given = sorted(pathlib.Path(given, "identities").glob("*/*.jpg")) if given else []
        random.Random(SEED).shuffle(self.given)
        self.samples = [] if self.given else self.faces()

    def faces(self):
        """(pixels, x, y, side) around each face of the samples."""
        paths = sorted((MODELS / "faceapi" / "samples").glob("*.jpg"))
        done = subprocess.run([BIN, "detect", "--json", *paths], capture_output=True, check=True, env=ENV)
        found = []
        for path, line in zip(paths, done.stdout.splitlines(), strict=True):
            photo = pixels_of(self.vips, path)
            for box in (face["box"] for face in json.loads(line)["faces"]):
                side = int(2 * max(box["width"], box["height"]))
                found.append((photo, int(box["x"] + box["width"] / 2 - side / 2), int(box["y"] + box["height"] / 2 - side / 2), side))
        return found

    def next(self):
        n = next(self.made)
        if n % 5:
            return plain(n)
        if self.given:
            return self.given[n // 5 % len(self.given)].read_bytes() + b"\0%d" % (n // 5 // len(self.given))
        photo, x, y, side = self.samples[n // 5 % len(self.samples)]
        turn = n // 5 // len(self.samples)
        moved = [int(side * f * 0.04) for f in (turn % 5 - 2, turn // 5 % 5 - 2)]
        data = self.vips.save(crop(photo, x + moved[0], y + moved[1], side, 100 - turn % 40), ".jpg[Q=85]")
        return data + b"\0%d" % n


# ---- the folder and what happens to it

class Folder:
    def __init__(self, path, photos, chance):
        self.path, self.photos, self.chance = path, photos, chance
        self.names, self.times = itertools.count(), itertools.count(10**18, 10**9)
        for _ in range(FILES):
            self.write(self.place())

    def place(self):
        """A path that was never there, in one of some folders."""
        n = next(self.names)
        return self.path / ["", "a", "a/b", "c d", "é"][n % 5] / f"{n:05}.jpg"

    def write(self, path):
        """Other bytes, a while ago: what was written a moment ago is read once more."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.photos.next())
        when = next(self.times)
        os.utime(path, ns=(when, when))

    def files(self):
        return sorted(p for p in self.path.rglob("*") if p.is_file())

    def change(self):
        """Returns the files that hold other bytes than those under their name before, and new ones."""
        files = self.files()
        self.chance.shuffle(files)
        renamed, edited, deleted, copied, moved, takers = (
            [files.pop() for _ in range(count)] for count in (CHANGES, CHANGES, CHANGES, CHANGES, MOVES, MOVES))
        for path in deleted:
            path.unlink()
        for path in edited:
            if self.chance.random() < 0.5: # some programs write beside and rename
                path.unlink()
            self.write(path)
        for path in renamed:
            self.rename(path, self.place())
        for path in copied:
            copy = self.place()
            copy.parent.mkdir(parents=True, exist_ok=True)
            self.chance.choice((shutil.copy, shutil.copy2))(path, copy)
        for path, taker in zip(moved, takers):
            self.rename(path, self.place())
            self.rename(taker, path)
        return {*edited, *moved, *(set(self.files()) - set(files) - {*copied, *takers, *edited, *moved})}

    @staticmethod
    def rename(old, new):
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)


class Watch:
    """The files below a folder that are opened or read meanwhile, told by the kernel (inotify)."""
    ACCESS, OPEN, IS_FOLDER = 0x1, 0x20, 0x40000000

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert self.fd >= 0, os.strerror(ctypes.get_errno())
        self.folders = {}
        for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
            mark = libc.inotify_add_watch(self.fd, os.fsencode(path), self.ACCESS | self.OPEN)
            assert mark >= 0, os.strerror(ctypes.get_errno())
            self.folders[mark] = path

    def seen(self):
        found, data = set(), b""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self.fd, 1 << 16):
                data += part
        os.close(self.fd)
        while data:
            mark, mask, _, size = struct.unpack_from("iIII", data)
            name, data = data[16:16 + size].rstrip(b"\0"), data[16 + size:]
            assert mark >= 0, "more happened than the kernel could tell"
            if not mask & self.IS_FOLDER:
                found.add(self.folders[mark] / os.fsdecode(name))
        return found


# ---- galleries

class Gallery:
    """Of the folder, by the name `photos`, which all of them add from the folder above it."""

    def __init__(self, where, data, flags):
        self.where, self.data = where, data
        self.flags = ["--data", str(data), *flags]

    def command(self, *words):
        return [str(w) for w in (BIN, *words, "--json", *self.flags)]

    def lines(self, *words, codes=(0,)):
        done = subprocess.run(self.command(*words), capture_output=True, cwd=self.where, env=ENV, timeout=7000)
        assert done.returncode in codes, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.splitlines()]

    def add(self, *words):
        return self.lines("add", "--tag", "mine", *words, "photos")[-1]["summary"]

    def kill_in_add(self, after):
        """The same with --prune, killed after so many lines."""
        with subprocess.Popen(self.command("add", "--tag", "mine", "--prune", "--yes", "photos"), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, cwd=self.where, env=ENV) as child:
            for _ in range(after):
                child.stdout.readline()
            child.kill()

    def images(self):
        """By hash."""
        images = {}
        for image in self.lines("list", codes=(0, 3)):
            assert image["sha256"] not in images, "a photo is there twice"
            assert image["file"] in image["files"]
            images[image["sha256"]] = image
        return images

    @contextlib.contextmanager
    def server(self):
        one = Server(self.data, *self.flags[2:])
        try:
            yield one
        finally:
            assert one.stop() == 0


def described(image):
    """All of it but ids, when it was added and how often it changed, and which label came first."""
    kept = {name: image[name] for name in image if name not in ("id", "added_at", "revision", "file")}
    return {**kept, "files": sorted(kept["files"]),
            "faces": [{name: face[name] for name in face if name != "id"} for face in kept["faces"]]}


def alike(a, b, path=""):
    """The same, where figures may differ by as much as a face's box does between two looks."""
    if isinstance(a, dict) and isinstance(b, dict):
        assert a.keys() == b.keys(), path
        for name in a:
            alike(a[name], b[name], f"{path}.{name}")
    elif isinstance(a, list) and isinstance(b, list):
        assert len(a) == len(b), path
        for i, (x, y) in enumerate(zip(a, b)):
            alike(x, y, f"{path}[{i}]")
    elif isinstance(a, float) or isinstance(b, float):
        assert a == pytest.approx(b, abs=0.05, rel=1e-3), path
    else:
        assert a == b, path


def answers(server, queries, faces):
    """What each kind of search says: [({what was found: its distance}, the largest distance where the list was cut)]."""
    images = {i: sha for sha, ids in faces.items() for i in ids}
    path, found = "/v1/collections/default/search", []
    everything = {"threshold": 9, "limit": 1000}

    def keep(answer, limit=1000):
        assert answer.status == 200, answer.json
        for face in answer.json["faces"]:
            matches = {}
            for m in face["matches"]:
                key = (images[m["face_id"]], faces[images[m["face_id"]]].index(m["face_id"]))
                assert key not in matches
                matches[key] = (m["distance"], tuple(sorted(m["files"])))
            found.append((matches, max((d for d, _ in matches.values()), default=0) if len(matches) >= limit else None))

    for number, (photo, descriptor, model, face) in enumerate(queries):
        keep(server.post(path, files={"file": photo}))
        keep(server.post(path, json={"face_id": faces[face[0]][face[1]], **everything}))
        if number % 4 == 0:
            keep(server.post(path, files={"file": photo}, data=everything))
            keep(server.post(path, files={"file": photo}, data={**everything, "tags": "mine"}))
            keep(server.post(path, files={"file": photo}, data={**everything, "tags": "another"}))
            keep(server.post(path, json={"descriptor": descriptor, "model": model, **everything, "distinct": "image"}))
            keep(server.post(path, json={"descriptor": descriptor, "model": model, "threshold": 9, "limit": 5}), 5)
    return found


def same_answers(ours, others):
    assert len(ours) == len(others)
    for (a, cut), (b, _) in zip(ours, others):
        for key in a.keys() ^ b.keys(): # of the last places, equals may change
            assert cut is not None and (a.get(key) or b.get(key))[0] == pytest.approx(cut, abs=NEAR)
        for key in a.keys() & b.keys():
            assert a[key][1] == b[key][1]
            assert a[key][0] == pytest.approx(b[key][0], abs=NEAR)


def queries_of(server, folder, chance, count):
    """Photos of the folder with a face, as search takes them: (bytes, descriptor, its model, (hash, place) of the face)."""
    queries, seen = [], set()
    for path in chance.sample(folder.files(), len(folder.files())):
        photo = path.read_bytes()
        got = None if len(queries) >= count else server.post("/v1/detect", files={"file": photo}, data={"descriptors": "true"}).json
        if got and got["faces"] and got["sha256"] not in seen:
            seen.add(got["sha256"])
            queries.append((photo, got["faces"][0]["descriptor"], got["model"], (got["sha256"], 0)))
    assert queries
    return queries


@pytest.fixture(scope="module")
def photos():
    if not (MODELS / "faceapi" / "pack.json").exists():
        pytest.skip(f"the faceapi pack is not in {MODELS} (LIKEN_MODELS)")
    return Photos()


@pytest.fixture(params=["sqlite", "postgres"])
def gallery(request, tmp_path):
    """Makes galleries, each with a store of its own."""
    numbers = itertools.count()
    server = request.getfixturevalue("postgres") if request.param == "postgres" else None

    def make():
        data = tmp_path / f"data{next(numbers)}"
        data.mkdir()
        return Gallery(tmp_path, data, ["--store", server.url(server.of(data)) if server else "sqlite"])
    return make


def compare(ours, folder, fresh, chance):
    """With a gallery that never saw anything else."""
    fresh.add()
    mine, theirs = ours.images(), fresh.images()
    assert mine.keys() == theirs.keys()
    for sha, image in mine.items():
        alike(described(image), described(theirs[sha]), image["file"])
    assert sorted(file for image in mine.values() for file in image["files"]) == sorted(
        str(path.relative_to(folder.path.parent)) for path in folder.files())
    ids = [{sha: [face["id"] for face in image["faces"]] for sha, image in images.items()} for images in (mine, theirs)]
    with ours.server() as one, fresh.server() as other:
        queries = queries_of(other, folder, chance, QUERIES)
        same_answers(answers(one, queries, ids[0]), answers(other, queries, ids[1]))
    ours.lines("doctor")


def watched_add(ours, folder, *words):
    watch = Watch(folder.path)
    return ours.add(*words), watch.seen()


def live(ours, folder):
    """Two runs after what happened, and a third that finds nothing to do."""
    changed = folder.change()
    summary, opened = watched_add(ours, folder)
    assert changed <= opened
    assert len(opened) == summary["added"] + summary["existed"] - summary["unchanged"] <= len(changed) + CHANGES + MOVES
    assert summary["failed"] == summary["skipped"] == 0
    summary, opened = watched_add(ours, folder, "--prune", "--yes")
    assert not opened and summary["pruned"] == 2 * CHANGES + MOVES
    summary, opened = watched_add(ours, folder, "--prune", "--yes")
    assert not opened and summary["unchanged"] == summary["existed"] == len(folder.files()) and summary["pruned"] == 0


def live_and_be_killed(ours, folder, chance):
    """Killed among the last files and while it prunes, with more that happens between."""
    for _ in range(KILLS):
        folder.change()
        ours.kill_in_add(FILES - CHANGES + chance.randrange(3 * CHANGES))
    ours.add("--prune", "--yes")
    summary, opened = watched_add(ours, folder, "--prune", "--yes")
    assert not opened and summary["pruned"] == 0 and summary["unchanged"] == len(folder.files())


def test_a_folder_that_lives(photos, gallery, tmp_path):
    print(f"LIKEN_FOLDER_SEED={SEED}")
    chance = random.Random(SEED)
    folder, ours = Folder(tmp_path / "photos", photos, chance), gallery()
    ours.kill_in_add(chance.randrange(FILES))
    assert ours.add()["failed"] == 0
    for turn in range(ROUNDS):
        live(ours, folder)
        live_and_be_killed(ours, folder, chance)
        if SOAK or turn == ROUNDS - 1:
            compare(ours, folder, gallery(), chance)
