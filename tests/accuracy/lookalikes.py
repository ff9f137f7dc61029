"""Who is taken for whom: how unevenly the false matches of the default threshold fall on people.

    python tests/accuracy/lookalikes.py [PACK]

describes the LFW photos of LIKEN_FACES and counts for each how many photos of other people lie within the pack's default
threshold: on the whole, of the photos that have most, and of the people who have most. Nobody has said here who belongs to
which group; where somebody has, `liken eval` takes the group as a pair's source, and prints each group's own rates.
Needs numpy."""
import collections
import json
import sys

import numpy
import pytest

from faces import MODELS, need, rows
from legacy_treatment import describe
from test_identities import one_name

MOST = 12  # people who are named


def threshold_of(pack):
    known = json.loads((MODELS / pack / "pack.json").read_text(encoding="utf-8"))
    return known["descriptor"]["calibration"]["normalized"]["threshold"]


def within(vectors, people, threshold):
    """Square of bools: photos of different people within the threshold; and how many pairs of different people there are."""
    units = numpy.array(vectors, dtype=numpy.float32)
    units /= numpy.linalg.norm(units, axis=1, keepdims=True)
    apart = people[:, None] != people[None]
    return (units @ units.T >= 1 - threshold ** 2 / 2) & apart, int(apart.sum()) // 2


def unevenness(counts):
    """Lines about how many strangers each photo has."""
    ordered, mean = numpy.sort(counts)[::-1], counts.mean()
    for share in (0.01, 0.1):
        part = ordered[:round(share * len(ordered))].sum() / ordered.sum()
        yield f"the {100 * share:.0f} % of the photos that have most have {100 * part:.0f} % of all"
    yield f"none: {100 * (counts == 0).mean():.0f} % of the photos; mean {mean:.2f}"
    for part in (0.9, 0.99, 1):
        value = numpy.quantile(counts, part)
        yield f"{100 * part:3.0f} % of the photos have at most {value:.0f}, {value / mean:.0f} times the mean"


def most(counts, people, names):
    """[(strangers a photo, person)], those first who have most; of people with two photos and more."""
    each = collections.defaultdict(list)
    for count, person in zip(counts, people, strict=True):
        each[person].append(count)
    return sorted(((float(numpy.mean(c)), names[p]) for p, c in each.items() if len(c) >= 2), reverse=True)[:MOST]


def main(pack):
    need(pack, "yunet")
    same, _ = one_name()
    files = [r["file"] for r in rows("images.csv") if r["section"] == "identities" and r["source"].startswith("lfw")]
    vectors = describe(pack, files, "auto")
    files = sorted(vectors)
    labels = [same.get(f.split("/")[1], f.split("/")[1]) for f in files]
    names, people = numpy.unique(labels, return_inverse=True)
    threshold = threshold_of(pack)
    matched, pairs = within([vectors[f] for f in files], people, threshold)
    counts = matched.sum(1)
    print(f"{pack}: {len(files)} photos of {len(names)} people, {counts.sum() // 2} of {pairs} pairs of strangers within "
          f"{threshold}: {counts.sum() / 2 / pairs:.1e}")
    print("\n".join(unevenness(counts)))
    for mean, name in most(counts, people, names):
        print(f"{mean:6.1f} a photo  {name}")


if __name__ == "__main__":
    try:
        main(sys.argv[1] if len(sys.argv) > 1 else "reid")
    except pytest.skip.Exception as absent:
        sys.exit(str(absent))
