"""Do searches find as many strangers as they are told?

    python tests/accuracy/expectation.py [--data FOLDER] [--pack P] [--size N ...] [--threshold D ...] [--half 0|1]

puts the photos of LIKEN_FACES/identities into a gallery, and N of them (500, 2,000 and 4,000; chosen by a hash) into
galleries of N photos, then searches each gallery by every labelled face of half 1 of the people (the weights in
src/packs/expectation.c were fitted to half 0), at the default threshold and at those given. It prints how many
strangers were found and told, altogether and by tenths of the queries in the order of what they were told; of those
that were told 5 or more how many found under 3 times that; and the worst ten. A match counts when it is of the subject
of its photo, since nobody has said who the others are, and what is told is taken in the same proportion. With --data
what was added is kept in that folder, and used again. Needs the packs and Python alone."""
import argparse
import hashlib
import json
import pathlib
import tempfile
import urllib.request

from faces import FACES, rows, run
from test_identities import served, subject


def half_of(person):
    """The half of the people to which one belongs: FNV-1a, as tests/unit/packs/test_expectation.c has it."""
    value = 2166136261
    for byte in person.encode():
        value = (value ^ byte) * 16777619 % 2 ** 32
    return (value >> 7) % 2


def fill(data, name, pack, files):
    run(data, "collections", "create", name, "--pack", pack, "--keep", "nothing", ok=(0, 1))  # 1: it is there
    run(data, "add", "--collection", name, "-", ok=(0, 1), input="\n".join(files) + "\n")
    return run(data, "list", "--collection", name)


def ask(url, collection, body):
    request = urllib.request.Request(f"{url}/v1/collections/{collection}/search", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def outcomes(url, name, photos, queries, people, unsure, threshold):
    """[(told, found, person, expected_by)] of every query."""
    subjects = {face["id"]: people[photo["file"]] for photo in photos if (face := subject(photo)) is not None}
    body = {"limit": 10000} if threshold is None else {"limit": 10000, "threshold": threshold}
    out = []
    for face, person in queries:
        result = ask(url, name, {**body, "face_id": face})
        [answer] = result["faces"]
        shown = [subjects[m["face_id"]] for m in answer["matches"] if m["face_id"] in subjects]
        found = sum(other != person and frozenset((other, person)) not in unsure for other in shown)
        told = answer["expected_false_matches"] * len(subjects) / max(1, result["searched"])
        out.append((told, found, person, answer["expected_by"]))
    return out


def show(name, threshold, out):
    out.sort(key=lambda o: o[0])
    told, found = sum(o[0] for o in out), sum(o[1] for o in out)
    print(f"{name}, threshold {threshold or 'default'}: {len(out)} queries found {found} of {told:.0f} told, "
          f"{found / told:.2f}; expected by {', '.join(sorted({o[3] for o in out}))}")
    tenths = [out[i * len(out) // 10:(i + 1) * len(out) // 10] for i in range(10)]
    print("  tenths  " + "  ".join(f"{sum(o[1] for o in t)}/{sum(o[0] for o in t):.1f} "
                                   f"{sum(o[1] for o in t) / sum(o[0] for o in t):.2f}" for t in tenths))
    many = [o for o in out if o[0] >= 5]
    under = sum(o[1] < 3 * o[0] for o in many)
    print(f"  told 5 or more: {len(many)}, of whom {under} found under 3 times that"
          + (f" ({100 * under / len(many):.1f} %)" if many else ""))
    worst = sorted(out, key=lambda o: -o[1] / max(o[0], 1))[:10]
    print("  worst   " + "; ".join(f"{o[2]} {o[1]} of {o[0]:.2f}" for o in worst), flush=True)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--data")
    parser.add_argument("--pack", default="auto")
    parser.add_argument("--size", type=int, nargs="*", default=[500, 2000, 4000])
    parser.add_argument("--threshold", type=float, nargs="*", default=[])
    parser.add_argument("--half", type=int, default=1)
    args = parser.parse_args()
    same = {r["identity_b"]: r["identity_a"] for r in rows("aliases.csv") if r["verdict"] == "same"}
    unsure = {frozenset((r["identity_a"], r["identity_b"])) for r in rows("aliases.csv") if r["verdict"] != "same"}
    files = sorted((str(f) for f in (FACES / "identities").glob("*/*")), key=lambda f: hashlib.sha256(f.encode()).digest())
    people = {f: same.get(pathlib.Path(f).parent.name, pathlib.Path(f).parent.name) for f in files}
    with tempfile.TemporaryDirectory() as made:
        data = args.data or made
        every = fill(data, "all", args.pack, files)
        galleries = {n: fill(data, f"g{n}", args.pack, files[:n]) for n in args.size}
        queries = [(face["id"], people[photo["file"]]) for photo in every
                   if half_of(people[photo["file"]]) == args.half and (face := subject(photo)) is not None]
        with served(data) as url:
            for n, photos in galleries.items():
                for threshold in [None, *args.threshold]:
                    show(f"gallery of {n} photos", threshold,
                         outcomes(url, f"g{n}", photos, queries, people, unsure, threshold))


if __name__ == "__main__":
    main()
