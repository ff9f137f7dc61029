"""How many small faces are found in large photos, and how many boxes are made up there.

The photos of boxes.csv are small, so scenes of 12 to 48 megapixels are made here, the same every time: clouds of colour,
shapes, fine texture and grain, into which labelled photos are pasted whole (enlarged up to three times) and single faces
cut from them (24 to 160 pixels high). By hand, all scenes or the first few, with flags for liken:

    LIKEN_FACES=... LIKEN_MODELS=... python tests/accuracy/pasted.py [SCENES [FLAG...]]

Faces are counted as in test_detection.py; a column is a range of face heights in pixels of the scene.
Needs Pillow."""
import pathlib
import random
import resource
import sys
import tempfile

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

import faces
from test_detection import match

SIZES = ((4000, 3000), (6000, 4000), (3000, 4000), (8000, 6000))
SCENES = 32
WHOLE, SINGLE = 3, 5  # pasted into a scene
BINS = ((16, 32), (32, 64), (64, 128), (128, 1e9))
LEAST = 16
ROOM = 40  # pixels between what is pasted


def boxes_of_photos():
    """{file: [(box, ignored)]}, in the order of the file."""
    out = {}
    for r in faces.rows("boxes.csv"):
        out.setdefault(r["file"], []).append((tuple(float(r[k]) for k in "xywh"), r["ignore"] == "1"))
    return out


# ---- scenes


def noise(rng, width, height):
    return Image.frombytes("L", (width, height), rng.randbytes(width * height))


def clouds(rng, width, height):
    """Colours that change slowly, and patches of finer and finer texture."""
    small = (width // 4, height // 4)
    out = Image.merge("RGB", [noise(rng, 4, 3).resize(small, Image.Resampling.BICUBIC) for _ in range(3)])
    for cells, share in ((12, 0.35), (50, 0.25), (200, 0.15), (700, 0.12)):
        layer = [noise(rng, cells, cells).resize(small, Image.Resampling.BICUBIC) for _ in range(3)]
        there = noise(rng, 5, 4).resize(small, Image.Resampling.BICUBIC).point(lambda v, s=share: int(v * s))
        out = Image.composite(Image.merge("RGB", layer), out, there)
    return out


def shapes(rng, image):
    """Houses, poles, discs: edges and colours, some of them those of skin."""
    draw = ImageDraw.Draw(image)
    for _ in range(120):
        x, y = rng.randrange(image.width), rng.randrange(image.height)
        w, h = (int(rng.lognormvariate(3.3, 1)) + 2 for _ in range(2))
        red = rng.randrange(40, 250)
        skin = (red, int(red * rng.uniform(0.6, 0.85)), int(red * rng.uniform(0.4, 0.75)))
        colour = rng.choice((skin, tuple(rng.randrange(256) for _ in range(3))))
        rng.choice((draw.rectangle, draw.ellipse))((x, y, x + w, y + h), fill=colour)
    return image


def grained(rng, image):
    """With grain of that camera, in every pixel."""
    strength = rng.uniform(0.01, 0.08)
    grain = noise(rng, image.width, image.height).filter(ImageFilter.BoxBlur(rng.choice((0, 0.5))))
    return ImageChops.add(image, Image.merge("RGB", [grain.point(lambda v: int((v - 128) * strength) + 128)] * 3), 1, -128)


def inside(box, region):
    """(x, y, width, height) of `box` as a share of it that lies in `region` (left, top, right, bottom)."""
    x, y, w, h = box
    across = min(x + w, region[2]) - max(x, region[0])
    down = min(y + h, region[3]) - max(y, region[1])
    return max(0, across) * max(0, down) / (w * h)


class Scene:
    def __init__(self, rng, number):
        self.rng = rng
        width, height = SIZES[number % len(SIZES)]
        soft = shapes(rng, clouds(rng, width, height))
        self.image = soft.resize((width, height), Image.Resampling.BICUBIC)
        self.taken, self.labelled, self.ignored = [], [], []

    def place(self, width, height):
        """Where that much is free, or None."""
        for _ in range(200):
            x, y = (self.rng.randrange(max(1, a - b)) for a, b in zip(self.image.size, (width, height), strict=True))
            spot = (x - ROOM, y - ROOM, x + width + ROOM, y + height + ROOM)
            if not any(spot[0] < t[2] and t[0] < spot[2] and spot[1] < t[3] and t[1] < spot[3] for t in self.taken):
                self.taken.append(spot)
                return x, y
        return None

    def paste(self, photo, boxes, region, scale):
        size = tuple(max(1, round((region[i + 2] - region[i]) * scale)) for i in range(2))
        at = self.place(*size)
        if at is None:
            return
        self.image.paste(photo.crop(region).resize(size, Image.Resampling.LANCZOS), at)
        for (x, y, w, h), ignored in boxes:
            there = inside((x, y, w, h), region)
            if there == 0:
                continue
            moved = ((x - region[0]) * scale + at[0], (y - region[1]) * scale + at[1], w * scale, h * scale)
            (self.ignored if ignored or there < 0.7 else self.labelled).append(moved)


def make(number, photos):
    """(picture, labelled boxes, ignored boxes) of one scene."""
    rng = random.Random(number)
    scene = Scene(rng, number)
    names = list(photos)
    for k in range(WHOLE):
        name = names[(number * WHOLE + k) % len(names)]
        with Image.open(faces.FACES / name) as photo:
            scene.paste(photo.convert("RGB"), photos[name], (0, 0, *photo.size), rng.choice((1, 1.5, 2, 3)))
    large = [(name, box) for name in names for box, ignored in photos[name] if not ignored and box[3] >= 40]
    for name, (x, y, w, h) in rng.sample(large, SINGLE):
        with Image.open(faces.FACES / name) as photo:
            around = (max(0, int(x - w * 0.6)), max(0, int(y - h * 0.6)),
                      min(photo.width, int(x + w * 1.6)), min(photo.height, int(y + h * 1.9)))
            scene.paste(photo.convert("RGB"), photos[name], around, rng.choice((24, 32, 48, 64, 96, 160)) / h)
    return grained(rng, scene.image), scene.labelled, scene.ignored


# ---- measuring


def child_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def look(data, folder, scenes, flags):
    """What liken says of each scene, and the CPU seconds it took."""
    before = child_seconds()
    lines = faces.run(data, "detect", *flags, *[str(folder / f"{n}.jpg") for n in range(len(scenes))])
    return lines, child_seconds() - before


def measure(folder, scenes, flags):
    with tempfile.TemporaryDirectory() as data:
        lines, seconds = look(data, folder, scenes, flags)
    found, total, false, smallest = [0] * len(BINS), [0] * len(BINS), 0, []
    for (labelled, ignored), photo in zip(scenes, lines, strict=True):
        kept = sorted(photo["faces"], key=lambda f: -f["confidence"])
        smallest.append(photo.get("smallest_face", 0))
        hits, wrong = match([tuple(f["box"][k] for k in ("x", "y", "width", "height")) for f in kept], labelled, ignored)
        false += wrong
        for i, box in enumerate(labelled):
            for k, (low, high) in enumerate(BINS):
                if low <= box[3] < high:
                    total[k] += 1
                    found[k] += i in hits
    return {"found": found, "total": total, "false": false, "seconds": seconds / len(scenes), "smallest": smallest}


def make_all(folder, count):
    photos, scenes = boxes_of_photos(), []
    for number in range(count):
        path = folder / f"{number}.jpg"
        image, labelled, ignored = make(number, photos)
        image.save(path, quality=88)
        scenes.append((labelled, ignored))
    return scenes


def show(what, m):
    columns = [f"{f}/{t} ({f / max(1, t):.2f})" for f, t in zip(m["found"], m["total"], strict=True)]
    print(f"{what:24}" + "".join(f"{c:>16}" for c in columns) +
          f"{m['false']:>7}{m['seconds']:>8.2f} {min(m['smallest']):.0f} to {max(m['smallest']):.0f}")


if __name__ == "__main__":
    try:
        faces.need("faceapi", "yunet")
    except pytest.skip.Exception as absent:
        sys.exit(str(absent))
    with tempfile.TemporaryDirectory() as made:
        all_scenes = make_all(pathlib.Path(made), int(sys.argv[1]) if len(sys.argv) > 1 else SCENES)
        print(f"{'':24}" + "".join(f"{f'{a}-{b} px' if b < 1e9 else f'{a} px and more':>16}" for a, b in BINS) +
              f"{'false':>7}{'CPU s':>8} smallest_face")
        for given in [sys.argv[2:]] if len(sys.argv) > 2 else [[], ["--min-face", "32"], ["--thorough"]]:
            show(" ".join(given) or "default", measure(pathlib.Path(made), all_scenes, given))
