#!/usr/bin/env python3
"""Makes the named seeds of the head readers in ../corpus: small pictures of our own in every variant of each format."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "torture"))
import photos  # noqa: E402

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus"
VIPS = photos.Vips()


def write(target, name, data):
    folder = CORPUS / target
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)


def saved(target, name, suffix, width=20, height=14):
    write(target, name, VIPS.save(photos.ppm(width, height), suffix))


# ---- ISO boxes ----


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind, version, *parts):
    return box(kind, struct.pack(">I", version << 24), *parts)


def ispe(width, height):
    return full(b"ispe", 0, struct.pack(">II", width, height))


def infe(number, kind):
    return full(b"infe", 2, struct.pack(">HH4s", number, 0, kind), b"\0")


def grid(width, height):
    """Two tiles side by side, the grid's own payload in idat; the tiles are no pictures."""
    tile, payload = b"\0\0\0\4none", struct.pack(">BBBBHH", 0, 0, 0, 1, width, height)
    ftyp = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    items = full(b"iinf", 0, struct.pack(">H", 3), infe(1, b"grid"), infe(2, b"hvc1"), infe(3, b"hvc1"))
    ipma = full(b"ipma", 0, struct.pack(">I", 3), b"".join(struct.pack(">HBB", i, 1, 1 if i == 1 else 2) for i in (1, 2, 3)))
    iprp = box(b"iprp", box(b"ipco", ispe(width, height), ispe(width // 2, height), full(b"pixi", 0, b"\3\x08\x08\x08")), ipma)
    iref = full(b"iref", 0, box(b"dimg", struct.pack(">HHHH", 1, 2, 2, 3)))
    hdlr = full(b"hdlr", 0, bytes(4), b"pict", bytes(13))

    def meta(at):
        where = [struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(payload))]
        where += [struct.pack(">HHHHII", i, 0, 0, 1, at, len(tile)) for i in (2, 3)]
        iloc = full(b"iloc", 1, b"\x44\0", struct.pack(">H", 3), *where)
        return full(b"meta", 0, hdlr, full(b"pitm", 0, struct.pack(">H", 1)), items, iprp, iref, box(b"idat", payload), iloc)

    start = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(start) + box(b"mdat", tile)


# ---- the targets ----

for name, suffix in [("plain.jpg", ".jpg"), ("progressive.jpg", ".jpg[interlace=true]"), ("restarts.jpg", ".jpg[restart_interval=1]"),
                     ("gray.jpg", ".jpg[strip=true,subsample_mode=off]")]:
    saved("image_head_jpeg", name, suffix)
for name, suffix in [("plain.png", ".png"), ("interlaced.png", ".png[interlace=true]"), ("palette.png", ".png[palette=true]"),
                     ("deep.png", ".png[bitdepth=8,filter=all]")]:
    saved("image_head_png", name, suffix)
for name, suffix in [("lossy.webp", ".webp"), ("lossless.webp", ".webp[lossless=true]"), ("profile.webp", ".webp[profile=srgb]")]:
    saved("image_head_webp", name, suffix)
for name, suffix in [("plain.gif", ".gif"), ("interlaced.gif", ".gif[interlace=true]"), ("few.gif", ".gif[bitdepth=2]")]:
    saved("image_head_gif", name, suffix)
for name, suffix in [("strips.tif", ".tif"), ("tiles.tif", ".tif[tile=true,tile_width=16,tile_height=16]"), ("big.tif", ".tif[bigtiff=true]"),
                     ("jpeg.tif", ".tif[compression=jpeg]"), ("deflate.tif", ".tif[compression=deflate,pyramid=true]")]:
    saved("image_head_tiff", name, suffix)
saved("image_head_heif", "plain.heic", ".heic[lossless=false]")
saved("image_head_heif", "plain.avif", ".avif")
write("image_head_heif", "grid.heic", grid(40, 20))
write("image_head_bmp", "24.bmp", photos.bmp(9, 7))
write("image_head_bmp", "core.bmp", b"BM" + struct.pack("<IHHI", 26 + 12, 0, 0, 26) + struct.pack("<IHHHH", 12, 2, 2, 1, 24) + bytes(12))
write("image_head_bmp", "v5.bmp", b"BM" + struct.pack("<IHHI", 138 + 4, 0, 0, 138) +
      struct.pack("<IiiHHIIiiII", 124, 1, -1, 1, 32, 3, 4, 0, 0, 0, 0) + struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000) + bytes(68) + b"\1\2\3\4")
for target in ("image_head_pnm", "image_pnm"):
    write(target, "p6.ppm", photos.ppm(5, 4))
    write(target, "p5.pgm", b"P5 3 2 65535\n" + bytes(range(12)))
    write(target, "p4.pbm", b"P4\n# a comment\n9 2\n\xaa\x80\x55\x00")
    write(target, "p3.ppm", b"P3 2 1 9\n1 2 3\n4 5 9 # end\n")
    write(target, "p1.pbm", b"P1\n3 2\n010 1 0 1\n")
png = VIPS.save(photos.ppm(16, 16), ".png")
write("image_head_ico", "png.ico", photos.ico((16, 16, png)))
write("image_head_ico", "bitmap.ico", photos.ico((6, 5, photos.bmp(6, 5, icon=True))))
write("image_head_ico", "both.ico", photos.ico((6, 5, photos.bmp(6, 5, icon=True)), (16, 16, png)))
