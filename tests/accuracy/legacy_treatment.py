"""What the legacy treatment of photos (docs/legacy.md) does to distances.

    python tests/accuracy/legacy_treatment.py

describes the lfw-view2 photos of LIKEN_FACES twice, as the legacy system did (pack seed) and properly (pack dlib, the same
detector), and prints: how far the two descriptors of one photo are apart; how many pairs of strangers and of one person
lie within 0.6; and the curves that src/packs/known.c holds for the pack seed. Needs the pack dlib and numpy."""
import json
import math
import subprocess

import numpy

from faces import BIN, FACES, need, rows

RATES = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 0.6, 0.9, 0.99)


def subject(image):
    """Of the faces at least half as tall as the tallest, the one nearest the centre, as liken eval has it."""
    tallest = max((f["box"]["height"] for f in image.get("faces", [])), default=0)
    best = [(math.hypot(f["box"]["x"] + f["box"]["width"] / 2 - image["width"] / 2,
                        f["box"]["y"] + f["box"]["height"] / 2 - image["height"] / 2), i)
            for i, f in enumerate(image.get("faces", [])) if 2 * f["box"]["height"] >= tallest]
    return numpy.array(image["faces"][min(best)[1]]["descriptor"]) if best else None


def describe(pack, files, detector):
    out = {}
    argv = [BIN, "detect", "--json", "--describe", "--pack", pack, "--detector", detector]
    for start in range(0, len(files), 500):
        done = subprocess.run([*argv, *files[start:start + 500]], cwd=FACES, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            image = json.loads(line)
            out[image["file"]] = subject(image)
    return {file: vector for file, vector in out.items() if vector is not None}


def strangers(vectors, names):
    """Distances of all pairs of different people, sorted; names: {folder of a person: the folder of the same person}."""
    files = sorted(vectors)
    folders = [file.split("/")[-2] for file in files]
    people = numpy.array([names.get(folder, folder) for folder in folders])
    all_ = numpy.array([vectors[file] for file in files], dtype=numpy.float32)
    square, out = (all_ ** 2).sum(1), []
    for i in range(len(files) - 1):
        other = people[i + 1:] != people[i]
        d = square[i] + square[i + 1:] - 2 * all_[i + 1:] @ all_[i]
        out.append(numpy.sqrt(numpy.maximum(d[other], 0)))
    return numpy.sort(numpy.concatenate(out))


def report(name, vectors, pairs, names=None):
    same = numpy.sort([numpy.linalg.norm(vectors[a] - vectors[b]) for a, b in pairs if a in vectors and b in vectors])
    apart = strangers(vectors, names or {})
    within = [numpy.searchsorted(d, 0.6, "right") / len(d) for d in (apart, same)]
    print(f"{name}: {len(vectors)} photos, {len(apart)} pairs of strangers, {len(same)} of one person")
    print(f"  within 0.6: {100 * within[0]:.2f} % of strangers, {100 * within[1]:.1f} % of one person")
    for rate in RATES:
        d = apart[min(int(rate * len(apart)), len(apart) - 1)]
        print(f"  {{{d:.3f}f, {rate:g}, {numpy.searchsorted(same, d, 'right') / len(same):.4f}}},")


def main():
    need("dlib")
    lines = [r for r in rows("pairs.csv") if r["source"] == "lfw-view2"]
    files = sorted({r[k] for r in lines for k in ("file_a", "file_b")})
    pairs = [(r["file_a"], r["file_b"]) for r in lines if r["same"] == "1"]
    seed, proper = describe("seed", files, "hog"), describe("dlib", files, "hog")
    both = numpy.array([numpy.linalg.norm(seed[f] - proper[f]) for f in seed if f in proper])
    print(f"one photo, seed against proper: median {numpy.median(both):.3f}, 95 % within {numpy.quantile(both, .95):.3f}, "
          f"largest {both.max():.3f} ({len(both)} photos)")
    cross = numpy.array([numpy.linalg.norm(seed[a] - proper[b]) for a, b in pairs if a in seed and b in proper])
    print(f"two photos of one person, one each way: {100 * (cross <= 0.6).mean():.1f} % within 0.6")
    for name, vectors in (("seed", seed), ("proper", proper)):
        report(f"{name}, l2", vectors, pairs)
        report(f"{name}, normalized", {f: v / numpy.linalg.norm(v) for f, v in vectors.items()}, pairs)


if __name__ == "__main__":
    main()
