"""Photos as a broken disk or an attacker would make them, from good ones: the n-th is always the same.

Bits flipped, ends cut off, chunks of the format taken out, doubled or repeated, numbers in headers set to extremes, two
files spliced. Half of the changed PNG get right checksums again, as an attacker would have it."""
import struct
import zlib

EXTREMES = (0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x10000, 24000, 65500, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff)
LARGEST = 40 << 20  # bytes of a changed photo


def chunks(data):
    """Where the format's own pieces lie: [(begin, end), ...]; of unknown ones, none."""
    if data[:4] == b"\x89PNG":
        return list(walk(data, 8, lambda at: 12 + int.from_bytes(data[at:at + 4], "big")))
    if data[:4] == b"RIFF":
        return list(walk(data, 12, lambda at: 8 + (int.from_bytes(data[at + 4:at + 8], "little") + 1) // 2 * 2))
    if data[4:8] == b"ftyp":
        return boxes(data, 0, len(data))
    if data[:2] == b"\xff\xd8":
        return list(walk(data, 2, lambda at: 2 + int.from_bytes(data[at + 2:at + 4], "big") if data[at] == 0xff else 0))
    return []


def walk(data, at, size):
    while at + 8 <= len(data):
        n = size(at)
        if n < 4 or at + n > len(data):
            break
        yield at, at + n
        at += n


def boxes(data, at, end):
    """Of ISO files, with those inside meta, iprp and ipco."""
    found = []
    for begin, stop in walk(data[:end], at, lambda p: int.from_bytes(data[p:p + 4], "big")):
        found.append((begin, stop))
        inner = {b"meta": 12, b"iprp": 8, b"ipco": 8, b"iinf": 14, b"iref": 12}.get(bytes(data[begin + 4:begin + 8]))
        if inner is not None:
            found += boxes(data, begin + inner, stop)
    return found


def right_checksums(data):
    out = bytearray(data)
    for begin, end in walk(data, 8, lambda at: 12 + int.from_bytes(data[at:at + 4], "big")):
        out[end - 4:end] = struct.pack(">I", zlib.crc32(out[begin + 4:end - 4]))
    return bytes(out)


def place(rng, data):
    """Anywhere, but half of the time in the first bytes, which decide most."""
    return rng.randrange(min(len(data), 400) if rng.random() < 0.5 else len(data))


def flip(rng, data, _):
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        out[place(rng, out)] ^= 1 << rng.randrange(8)
    return bytes(out)


def cut(rng, data, _):
    return data[:place(rng, data)] if rng.random() < 0.3 else data[:rng.randrange(len(data) // 2, len(data))]


def extreme(rng, data, _):
    out = bytearray(data)
    pieces = chunks(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        begin, end = rng.choice(pieces) if pieces and rng.random() < 0.7 else (0, min(len(data), 200))
        at, size = rng.randrange(begin, min(end, begin + 60)), rng.choice((1, 2, 2, 4, 4))
        value = rng.choice(EXTREMES) & ((1 << 8 * size) - 1)
        out[at:at + size] = value.to_bytes(size, rng.choice(("big", "little")))
    return bytes(out)


def piece(rng, data):
    pieces = chunks(data)
    if pieces and rng.random() < 0.8:
        return rng.choice(pieces)
    begin = place(rng, data)
    return begin, min(len(data), begin + rng.choice((1, 4, 16, 100, 5000)))


def take_out(rng, data, _):
    begin, end = piece(rng, data)
    return data[:begin] + data[end:]


def repeat(rng, data, _):
    begin, end = piece(rng, data)
    times = min(rng.choice((1, 1, 2, 50, 1000)), max(1, (LARGEST - len(data)) // max(1, end - begin)))
    return data[:end] + data[begin:end] * times + data[end:]


def exchange(rng, data, _):
    (a, b), (c, d) = sorted((piece(rng, data), piece(rng, data)))
    return data if b > c else data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def splice(rng, data, other):
    a, b = rng.randrange(len(data)), rng.randrange(len(other))
    return data[:a] + other[b:b + LARGEST - a]


def fill(rng, data, _):
    begin, end = piece(rng, data)
    return data[:begin] + bytes([rng.choice((0, 0xff, 0x55, rng.randrange(256)))]) * (end - begin) + data[end:]


MUTATIONS = (flip, flip, flip, cut, extreme, extreme, extreme, take_out, repeat, repeat, exchange, splice, fill)


def mutate(rng, data, other):
    """`data` changed once or a few times; `other` is a photo to splice with."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if len(data) > 16:
            data = rng.choice(MUTATIONS)(rng, data, other)
    return right_checksums(data) if data[:4] == b"\x89PNG" and rng.random() < 0.5 else data
