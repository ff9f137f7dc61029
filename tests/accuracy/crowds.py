"""How many pairs of different people within one photo are taken for one person: the hardest strangers, who share a place,
an hour, a light, and often a family.

    python tests/accuracy/crowds.py [--pack P] [--all]

adds the photos of `groups` of LIKEN_FACES, searches with each face that was kept, at the default threshold, and prints for
each photo with an exact count how many of its pairs match, and each of those pairs with its distance. Weak faces count.
A pair matches when either of its two finds the other. Told apart: the Solvay photo of 1927, children, all others; with
--all, the crowds whose faces nobody counted exactly. dlib_bald_guys.jpg shows people more than once, and is left out."""
import argparse
import collections
import json
import sys
import tempfile
import urllib.request

import faces
import pytest
from test_identities import served

REPEATS = "groups/dlib_bald_guys.jpg"


def kind_of(row):
    """The part of the table a photo belongs to."""
    if "solvay" in row["file"]:
        return "Solvay 1927"
    if row["how_counted"] != "exact":
        return "crowds"
    return "children" if any(word in row["notes"] for word in ("child", "baby", "Daughter")) else "others"


def add(data, names, pack):
    """{file: the photo as it was added}."""
    flags = ["--pack", pack] if pack else []
    lines = faces.run(data, "add", *flags, "-", input="\n".join(str(faces.FACES / n) for n in names))
    photos = {line["path"]: line for line in lines if "path" in line}
    return {name: photos[str(faces.FACES / name)] for name in names}


def near(url, face):
    """{face: distance} of all that the default threshold takes for this one."""
    body = json.dumps({"face_id": face["id"], "limit": 1000}).encode()
    request = urllib.request.Request(url + "/v1/collections/default/search", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return {m["face_id"]: m["distance"] for m in json.load(reply)["faces"][0]["matches"]}


def pairs_within(url, photo):
    """[(distance, face, face)] of the photo's own faces that match, nearest first."""
    kept, found = {f["id"]: f for f in photo["faces"]}, {}
    for id_, face in kept.items():
        for other, distance in near(url, face).items():
            if other in kept and other != id_:
                found[frozenset((id_, other))] = distance
    return sorted((d, *(kept[i] for i in sorted(pair))) for pair, d in found.items())


def text_of(face):
    box = face["box"]
    return f"{box['x']:.0f},{box['y']:.0f} ({box['height']:.0f} px{', weak' if face['weak'] else ''})"


def show(name, photo, matching):
    kept = photo["faces"]
    pairs = len(kept) * (len(kept) - 1) // 2
    print(f"{name:70} {len(kept):4} {sum(f['weak'] for f in kept):5} {len(matching):4} of {pairs}")
    for distance, one, other in matching:
        print(f"    {distance:.3f}  {text_of(one)}  {text_of(other)}")
    return pairs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pack")
    parser.add_argument("--all", action="store_true", help="also photos whose faces were not counted exactly")
    asked = parser.parse_args()
    faces.need(asked.pack or "faceapi", "yunet")
    wanted = [r for r in faces.rows("groups.csv") if r["file"] != REPEATS and (asked.all or r["how_counted"] == "exact")]
    parts = collections.defaultdict(lambda: [0, 0])
    with tempfile.TemporaryDirectory() as data:
        photos = add(data, [r["file"] for r in wanted], asked.pack)
        print(f"{'':70} kept  weak pairs that match")
        with served(data) as url:
            for row in wanted:
                photo = photos[row["file"]]
                if len(photo["faces"]) < 2:
                    continue
                matching = pairs_within(url, photo)
                total = show(row["file"], photo, matching)
                for part in (kind_of(row), "all together"):
                    parts[part][0] += len(matching)
                    parts[part][1] += total
    print()
    for part in sorted(parts, key=lambda p: (p == "all together", p)):
        matched, pairs = parts[part]
        print(f"{part:14} {matched:5} of {pairs:6} pairs  {100 * matched / max(1, pairs):.2f} %")


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as absent:
        sys.exit(str(absent))
