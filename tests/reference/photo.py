"""The synthetic photos of tests/unit/nn/models.h, in numpy, and how tables of reference values are written."""
import numpy

SAMPLES = 128  # values kept of a large output


def photo(n, height, width):
    """Photo number n, uint8 [height][width][3], RGB; the same bytes as photo_value() in models.h."""
    y, x, c = numpy.meshgrid(numpy.arange(height), numpy.arange(width), numpy.arange(3), indexing="ij")
    cy, cx = y * 256 // height, x * 256 // width
    wave = (cx * (3 + n % 5) + cy * (2 + c) + 40 * n) & 255
    fold = numpy.where(wave < 128, wave, 255 - wave)
    dy, dx = cy - 128 - 9 * (n % 3), cx - 120 + 7 * c
    disc = numpy.where(dy * dy + dx * dx < 6000 + 500 * (n % 4), 90 + 12 * c, 20)
    mask = 0xFFFFFFFF
    mixed = (x * 73856093 & mask) ^ (y * 19349663 & mask) ^ (c * 83492791 & mask) ^ (n * 40503 & mask)
    noise = (mixed * 2654435761 & mask) >> 27
    return (fold // 2 + disc + noise).astype(numpy.uint8)


def sample(values):
    """SAMPLES values, evenly spread over a large output: number i of the sample is value i * (count / SAMPLES)."""
    flat = values.reshape(-1)
    return flat[:: max(1, len(flat) // SAMPLES)][:SAMPLES]


def table(name, values):
    print(f"static const float {name}[] = {{")
    for i in range(0, len(values), 8):
        print("    " + " ".join(f"{v:#.9g}f," for v in values[i : i + 8]))
    print("};")
