"""What a face's score is worth: poor versions of labelled photos, among each other and against the photos as they are.

    python tests/accuracy/quality.py [--people N] [--half 0|1] [--pack P] [KIND ...]

takes one lfw-view2 photo of each of N people of LIKEN_FACES (half 1 of them by default: half 0 chose the figures in
src/packs/classes.c), makes it small, blurred, dark, noisy, compressed, turned and covered, and prints

- for each kind: how many were found, good, weak and refused (with reasons); strangers found / told when each is searched
  among the others of its kind, and among the photos as they are, with the default threshold; and how many find their
  own photo as it is;
- error against rejection: of pairs of strangers of one kind, how many in 10,000 lie within the default threshold when
  the worst part of the faces is left out, by the score and by other measures.

Needs the packs and numpy and Pillow."""
import argparse
import base64
import collections
import hashlib
import io
import json
import pathlib
import tempfile
import urllib.request

import numpy
from PIL import Image, ImageDraw, ImageFilter

from faces import FACES, need, rows, run
from legacy_treatment import subject as describe_subject
from test_identities import served, subject

SHARES = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
THRESHOLD = 1.073  # of the pack reid: one pair of sharp strangers in 10,000


def to_height(pixels):
    def shrink(image, box, _):
        scale = pixels / box["height"]
        size = max(8, round(image.width * scale)), max(8, round(image.height * scale))
        return image.resize(size, Image.BOX if scale < 0.2 else Image.BICUBIC)
    return shrink


def blurred(share):
    return lambda image, box, _: image.filter(ImageFilter.GaussianBlur(share * box["height"]))


def changed(light, sigma):
    def change(image, _, rng):
        values = numpy.asarray(image, dtype=numpy.float32) * light
        values = values + (rng.normal(0, sigma, values.shape) if sigma else 0.5)
        return Image.fromarray(numpy.clip(values, 0, 255).astype(numpy.uint8))
    return change


def compressed(image, _, __):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=5)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def covered(left, top, right, bottom):
    def cover(image, box, _):
        image = image.copy()
        x, y, w, h = (box[k] for k in ("x", "y", "width", "height"))
        ImageDraw.Draw(image).rectangle([x + left * w, y + top * h, x + right * w, y + bottom * h], (90, 90, 110))
        return image
    return cover


KINDS = {
    "as it is": lambda image, _, __: image,
    "32 pixels": to_height(32), "24 pixels": to_height(24), "16 pixels": to_height(16),
    "blur 2 %": blurred(0.02), "blur 4 %": blurred(0.04), "blur 7 %": blurred(0.07),
    "light 0.25": changed(0.25, 0), "light 0.1": changed(0.1, 0),
    "noise 20": changed(1, 20), "noise 40": changed(1, 40), "jpeg 5": compressed,
    "turned 30": lambda image, _, __: image.rotate(-30, Image.BICUBIC),
    "turned 90": lambda image, _, __: image.transpose(Image.ROTATE_270),
    "turned 180": lambda image, _, __: image.transpose(Image.ROTATE_180),
    "mouth covered": covered(-0.1, 0.55, 1.1, 1.05), "eyes covered": covered(-0.1, 0.25, 1.1, 0.5),
}


def one_of_each(half, people):
    """{person: photo}; people under two names are left out."""
    twice = {r[k] for r in rows("aliases.csv") for k in ("identity_a", "identity_b")}
    files = sorted({r[k] for r in rows("pairs.csv") if r["source"] == "lfw-view2" for k in ("file_a", "file_b")})
    out = {}
    for file in files:
        name = file.split("/")[1]
        if name not in twice and hashlib.sha256(name.encode()).digest()[0] & 1 == half:
            out.setdefault(name, file)
    return dict(list(out.items())[:people])


def add(data, folder, pack):
    """{person: the photo as it was added}."""
    lines = run(data, "add", "--pack", pack, str(folder))
    return {pathlib.Path(line["path"]).stem: line for line in lines if "path" in line}


def search(url, body):
    """One query: (people found, strangers told)."""
    request = urllib.request.Request(f"{url}/v1/collections/default/search",
                                     json.dumps({"limit": 1000, **body}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        answers = json.load(reply)["faces"]
    matches = [m for answer in answers for m in answer["matches"]]
    return [pathlib.Path(m["file"]).stem for m in matches], sum(a["expected_false_matches"] for a in answers)


def in_kind(data, added):
    """Each kept subject searched among the others: strangers found and told."""
    found = told = 0
    with served(data) as url:
        for person, photo in added.items():
            face = subject(photo)
            if face is not None:
                people, expected = search(url, {"face_id": face["id"]})
                found += sum(p != person for p in people)
                told += expected
    return found, told


def in_gallery(data, added, folder):
    found = told = own = 0
    with served(data) as url:
        for person, photo in added.items():
            if subject(photo) is not None:
                bytes_ = (folder / f"{person}.png").read_bytes()
                people, expected = search(url, {"file": base64.b64encode(bytes_).decode(), "main_face": True})
                found += sum(p != person for p in people)
                own += person in people
                told += expected
    return found, told, own


def make(kind, photos, boxes, folder):
    folder.mkdir()
    for person, file in photos.items():
        rng = numpy.random.default_rng(int.from_bytes(hashlib.sha256((person + kind).encode()).digest()[:4], "big"))
        image = Image.open(FACES / file).convert("RGB")
        KINDS[kind](image, boxes[person], rng).save(folder / f"{person}.png", compress_level=1)


def ratio(found, told):
    return f"{found:5}/{told:6.1f} {found / told if told else 0:5.2f}"


def show(kind, added, among, against):
    faces = [f for photo in added.values() if (f := subject(photo)) is not None]
    weak = sum(f["weak"] for f in faces)
    reasons = collections.Counter(r["reason"] for p in added.values() for r in p["refused"] if subject(p) is None)
    print(f"{kind:14} {len(added):5} {len(faces) - weak:5} {weak:5}   {ratio(*among)}   {ratio(*against[:2])} "
          f"{against[2]:5}   {', '.join(f'{r} {n}' for r, n in reasons.most_common())}", flush=True)


def measures(face):
    q = face["quality"]
    return {"score": q["score"], "sharpness": q["sharpness"], "size": q["size"], "confidence": face["confidence"],
            "length": float(numpy.linalg.norm(face["descriptor"])), "nothing": 0}


def within(faces):
    """{kind: pairs of strangers within the threshold, as a square of bools}."""
    units = numpy.array([f["descriptor"] for f in faces], dtype=numpy.float32)
    units /= numpy.linalg.norm(units, axis=1, keepdims=True)
    near = units @ units.T > 1 - THRESHOLD ** 2 / 2
    numpy.fill_diagonal(near, False)
    return near


def rejected(kinds):
    """Prints error against rejection over the faces of all kinds; kinds: {kind: faces with descriptors}."""
    values = {kind: [measures(f) for f in faces] for kind, faces in kinds.items()}
    near = {kind: within(faces) for kind, faces in kinds.items()}
    print(f"\nleft out {' '.join(f'{100 * s:5.0f} %' for s in SHARES)}")
    for name in ("score", "length", "confidence", "sharpness", "size"):
        ordered = numpy.sort(numpy.concatenate([[v[name] for v in vs] for vs in values.values()]))
        line = []
        for share in SHARES:
            least = ordered[int(share * len(ordered))]
            found = pairs = 0
            for kind, vs in values.items():
                keep = numpy.array([v[name] >= least for v in vs])
                found += near[kind][numpy.ix_(keep, keep)].sum()
                pairs += int(keep.sum()) * (int(keep.sum()) - 1)
            line.append(f"{1e4 * found / max(1, pairs):7.2f}")
        print(f"{name:10}{''.join(line)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--half", type=int, default=1, choices=(0, 1))
    parser.add_argument("--pack", default="reid")
    parser.add_argument("kinds", nargs="*", default=list(KINDS), metavar="KIND")
    asked = parser.parse_args()
    need(asked.pack, "yunet")
    photos = one_of_each(asked.half, asked.people)
    described = {}
    with tempfile.TemporaryDirectory() as temporary:
        top = pathlib.Path(temporary)
        first = run(top / "none", "detect", "--pack", asked.pack, *[str(FACES / f) for f in photos.values()])
        boxes = {person: subject(image)["box"] for person, image in zip(photos, first, strict=True)}
        print("kind           added  good  weak   among each other     in the gallery     own   no face kept")
        for kind in ["as it is", *[k for k in asked.kinds if k != "as it is"]]:
            folder, data = top / kind, top / f"data of {kind}"
            make(kind, photos, boxes, folder)
            added = add(data, folder, asked.pack)
            show(kind, added, in_kind(data, added), in_gallery(top / "data of as it is", added, folder))
            lines = run(data, "detect", "--describe", "--pack", asked.pack, *map(str, sorted(folder.iterdir())))
            described[kind] = [f for line in lines if describe_subject(line) is not None and (f := subject(line))]
    rejected(described)


if __name__ == "__main__":
    main()
