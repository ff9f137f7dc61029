"""Photos of every format, small ones and of 12 megapixels, changed as a broken disk or an attacker would, sent one by one
to a running server: each is answered with a result or a refusal, at a bounded price, and the server is the same one
afterwards. What went wrong is kept, and its path named.

LIKEN_SOAK=1 sends 3000; LIKEN_PHOTOS=n sends n, LIKEN_PHOTOS_FIRST=m begins with the m-th. With LIKEN_FACES some of those
photos, and the cases beside them, are changed too."""
import collections
import http.client
import os
import pathlib
import random
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
import conftest  # noqa: E402
from mutate import mutate  # noqa: E402
from photos import SLOW, WRITERS, Vips, bmp, ico, ppm  # noqa: E402

SOAK = bool(os.environ.get("LIKEN_SOAK"))
COUNT = int(os.environ.get("LIKEN_PHOTOS") or (3000 if SOAK else 60))
FIRST = int(os.environ.get("LIKEN_PHOTOS_FIRST") or 0)
LARGE = (4000, 3000)
SMALL = ((64, 48), (210, 160))
CPU, MEMORY = 2.0, 1 << 30  # of one photo: decoded, looked at for faces, answered
ANSWERS = {200, 400, 413, 415, 422}


def written(vips, width, height, slow):
    """Every format in each of its variants: [bytes]."""
    source, out = ppm(width, height), []
    for kind, suffixes in WRITERS.items():
        if slow or kind not in SLOW:
            out += [vips.save(source, s) for s in suffixes if slow or "palette" not in s]
    out += [source, bmp(width, height)]
    if width <= 256:
        out += [ico((width, height, bmp(width, height, icon=True))), ico((width, height, vips.save(source, ".png")))]
    return [data for data in out if data is not None]


def given():
    """Some of the labelled photos and all cases, where they are."""
    faces = os.environ.get("LIKEN_FACES")
    if not faces:
        return []
    photos = sorted(p for p in pathlib.Path(faces).rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    cases = [p for p in sorted((pathlib.Path(faces).parent / "cases").glob("*")) if p.suffix.lower() in (".heic", ".avif", ".tif", ".jpg")]
    return [p.read_bytes() for p in photos[::max(1, len(photos) // 20)] + cases if p.stat().st_size < 8 << 20]


@pytest.fixture(scope="module")
def originals():
    vips = Vips()
    small = [data for width, height in SMALL for data in written(vips, width, height, True)]
    large = written(vips, *LARGE, False) if SOAK else [vips.save(ppm(*LARGE), ".jpg[Q=50]")]
    if SOAK:
        large += [vips.save(ppm(2000, 1500), suffix) for kind in SLOW for suffix in WRITERS[kind]]
    return small + given(), [data for data in large if data is not None]


def photo(originals, n):
    """The n-th: from a small one, and now and then from a large one."""
    rng = random.Random(20261130 + n)
    small, large = originals
    among = large if rng.random() < (0.2 if SOAK else 0.05) else small
    return mutate(rng, rng.choice(among), rng.choice(small))


class Watched:
    """The server and all it has started."""

    def __init__(self, server):
        self.server = server

    def processes(self):
        found, waiting = [], [self.server.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    waiting += [int(word) for word in task.read_text().split()]
                except OSError:
                    pass  # ended since
        return found

    def read(self, pid, name):
        try:
            return pathlib.Path(f"/proc/{pid}/{name}").read_text()
        except OSError:
            return ""  # ended since

    def cpu(self):
        """Processor seconds so far, those of ended helpers included."""
        ticks = 0
        for pid in self.processes():
            text = self.read(pid, "stat")
            if text:
                ticks += sum(int(word) for word in text.rsplit(")", 1)[1].split()[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def forget_peaks(self):
        for pid in self.processes():
            try:
                pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
            except OSError:
                pass

    def peak(self):
        """The largest memory of a process since forget_peaks, bytes."""
        lines = [line for pid in self.processes() for line in self.read(pid, "status").splitlines() if line.startswith("VmHWM:")]
        return max((int(line.split()[1]) * 1024 for line in lines), default=0)


def send(server, data):
    """The status; 0 when the connection broke."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    try:
        connection.request("POST", "/v1/detect", body=data, headers={"Content-Type": "application/octet-stream"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def test_changed_photos_cost_little_and_break_nothing(originals, tmp_path):
    (tmp_path / "data").mkdir()
    server = conftest.Server(tmp_path / "data")
    kept = pathlib.Path(os.environ.get("LIKEN_PHOTOS_KEEP") or tmp_path)
    watched, wrong, statuses, dearest, largest = Watched(server), [], collections.Counter(), 0.0, 0
    try:
        assert send(server, originals[0][0]) == 200  # the models are loaded
        for n in range(FIRST, FIRST + COUNT):
            data = photo(originals, n)
            watched.forget_peaks()
            before = watched.cpu()
            status = send(server, data)
            cost, peak = watched.cpu() - before, watched.peak()
            statuses[status] += 1
            dearest, largest = max(dearest, cost), max(largest, peak)
            bad = status not in ANSWERS or not server.running()
            if bad or (not conftest.SANITIZED and (cost > CPU or peak > MEMORY)):
                path = kept / f"photo-{n}"
                path.write_bytes(data)
                wrong.append(f"{path}: status {status}, {cost:.2f} s of CPU, {peak >> 20} MiB")
            assert server.running(), wrong
    finally:
        print(f"{COUNT} photos: {dict(statuses)}, at most {dearest:.2f} s of CPU and {largest >> 20} MiB")
        server.stop()
    assert not wrong, "\n".join(wrong)
    assert statuses[200] >= COUNT // 20 and statuses[422] + statuses[400] >= COUNT // 4, statuses  # both are reached
