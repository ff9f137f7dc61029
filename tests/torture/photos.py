"""Photos made for the tests: every format that libvips writes here and those that liken reads by itself, small and large."""
import ctypes
import ctypes.util
import struct
import zlib

WRITERS = {  # by suffix of libvips; what this machine has no encoder for is left out
    "jpeg": [".jpg[Q=85]", ".jpg[Q=80,interlace=true]", ".jpg[Q=70,optimize_coding=true,restart_interval=4]"],
    "png": [".png[compression=1]", ".png[compression=1,interlace=true]", ".png[compression=1,palette=true]"],
    "webp": [".webp[Q=60,effort=0]", ".webp[lossless=true,effort=0]"],
    "gif": [".gif[effort=1]", ".gif[effort=1,interlace=true]"],
    "tiff": [".tif", ".tif[compression=deflate,tile=true]", ".tif[compression=jpeg]", ".tif[bigtiff=true,compression=lzw]"],
    "heic": [".heic[Q=40,effort=0]"],
    "avif": [".avif[Q=40,effort=0]"],
}
SLOW = ("heic", "avif")  # to encode: their large ones are of fewer pixels


def rows(width, height):
    """Pixels with detail everywhere, cheap to make: a row of noise, shifted and tinted from row to row."""
    noise = bytes((i * i * 31 + (i >> 3) * 17 + i * 7) & 255 for i in range(width * 3))
    smooth = bytes((i * 255) // (width * 3) for i in range(width * 3))
    out = []
    for y in range(height):
        line = noise if y % 16 == 0 else smooth
        shift = (y * 3 * 7) % len(line)
        out.append(line[shift:] + line[:shift])
    return out


def ppm(width, height):
    return b"P6\n%d %d\n255\n" % (width, height) + b"".join(rows(width, height))


def bmp(width, height, icon=False):
    pad = -(width * 3) % 4
    pixels = b"".join(line + bytes(pad) for line in reversed(rows(width, height)))
    if icon:
        pixels += bytes((width + 31) // 32 * 4 * height)
    info = struct.pack("<IiiHHIIiiII", 40, width, height * (2 if icon else 1), 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    return info + pixels if icon else b"BM" + struct.pack("<IHHI", 54 + len(pixels), 0, 0, 54) + info + pixels


def ico(*pictures):
    """Pictures: (width, height, bytes of a PNG or of a bitmap without its file header)."""
    at, entries, body = 6 + 16 * len(pictures), b"", b""
    for width, height, data in pictures:
        entries += struct.pack("<BBBBHHII", width & 255, height & 255, 0, 0, 1, 24, len(data), at + len(body))
        body += data
    return struct.pack("<HHH", 0, 1, len(pictures)) + entries + body


class Vips:
    """libvips' writers, straight from its library; OSError when it is not there."""

    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("vips") or "libvips.so.42")
        self.lib.vips_init(b"liken-tests")
        self.lib.vips_image_new_from_buffer.restype = ctypes.c_void_p
        self.glib = ctypes.CDLL("libglib-2.0.so.0")
        self.gobject = ctypes.CDLL("libgobject-2.0.so.0")

    def save(self, source, suffix):
        """A file's bytes as another format; None when there is no encoder for it."""
        image = self.lib.vips_image_new_from_buffer(source, ctypes.c_size_t(len(source)), b"", None)
        if not image:
            return None
        out, size = ctypes.c_void_p(), ctypes.c_size_t()
        status = self.lib.vips_image_write_to_buffer(ctypes.c_void_p(image), suffix.encode(), ctypes.byref(out),
                                                     ctypes.byref(size), None)
        self.gobject.g_object_unref(ctypes.c_void_p(image))
        if status != 0:
            self.lib.vips_error_clear()
            return None
        data = ctypes.string_at(out, size.value)
        self.glib.g_free(out)
        return data
