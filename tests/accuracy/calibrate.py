"""The calibration curves of a pack, as src/packs/known.c holds them.

    python tests/accuracy/calibrate.py PACK

describes the lfw-view2 photos of LIKEN_FACES with the default detector and prints, for both metrics, the distances at
which so many pairs of strangers lie, and how many pairs of one person do. Needs numpy."""
import sys

import numpy

from faces import need, rows
from legacy_treatment import describe, report


def main():
    pack = sys.argv[1]
    need(pack, "yunet")
    lines = [r for r in rows("pairs.csv") if r["source"] == "lfw-view2"]
    files = sorted({r[k] for r in lines for k in ("file_a", "file_b")})
    pairs = [(r["file_a"], r["file_b"]) for r in lines if r["same"] == "1"]
    names = {r["identity_b"]: r["identity_a"] for r in rows("aliases.csv") if r["verdict"] == "same"}
    vectors = describe(pack, files, "auto")
    report(f"{pack}, l2", vectors, pairs, names)
    report(f"{pack}, normalized", {f: v / numpy.linalg.norm(v) for f, v in vectors.items()}, pairs, names)


if __name__ == "__main__":
    main()
