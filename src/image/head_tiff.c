/* head_tiff.c - the first directory of a TIFF or BigTIFF: size, and how much one strip or tile unpacks to.
 *
 * A TIFF may name any compression and may call the whole picture one strip; only compressions that ordinary photos
 * use are let through. Reference: TIFF 6.0; the BigTIFF design. */
#include "image/head.h"

#include <string.h>

typedef struct tiff {
    const uint8_t *bytes;
    size_t size;
    bool big_endian, big;
} tiff;

static uint64_t number(const tiff *t, const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = 0; i < n; i++)
        v = v << 8 | p[t->big_endian ? i : n - 1 - i];
    return v;
}

enum { WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, STRIP_ROWS, PLANAR, TILE_WIDTH, TILE_HEIGHT, FIELDS };

static const uint16_t tags[FIELDS] = {256, 257, 258, 259, 277, 278, 284, 322, 323};

/* First value of an entry of `entry_size` bytes at p; 0 when its type is not a plain integer or it lies outside. */
static uint64_t entry_value(const tiff *t, const uint8_t *p) {
    const uint64_t type = number(t, p + 2, 2);
    const int width = type == 1 ? 1 : type == 3 ? 2 : type == 4 ? 4 : type == 16 && t->big ? 8 : 0;
    if (width == 0)
        return 0;
    const uint64_t count = number(t, p + 4, t->big ? 8 : 4);
    const uint8_t *value = p + (t->big ? 12 : 8);
    const uint64_t room = t->big ? 8 : 4;
    if (count > room / (uint64_t)width) {
        const uint64_t at = number(t, value, t->big ? 8 : 4);
        if (at > t->size || t->size - at < (uint64_t)width)
            return 0;
        value = t->bytes + at;
    }
    return number(t, value, width);
}

static int read_directory(const tiff *t, uint64_t field[FIELDS], liken_error *err) {
    const size_t count_size = t->big ? 8 : 2, entry_size = t->big ? 20 : 12, first = t->big ? 16 : 8;
    if (t->size < first)
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its header is cut short.");
    const uint64_t at = number(t, t->bytes + (t->big ? 8 : 4), t->big ? 8 : 4);
    if (at < 8 || at > t->size || t->size - at < count_size)
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory lies outside the file.");
    uint64_t count = number(t, t->bytes + at, (int)count_size);
    const uint8_t *p = t->bytes + at + count_size;
    const uint64_t room = (t->size - at - count_size) / entry_size;
    count = count < room ? count : room;
    for (uint64_t i = 0; i < count; i++, p += entry_size)
        for (size_t f = 0; f < FIELDS; f++)
            if (number(t, p, 2) == tags[f])
                field[f] = entry_value(t, p);
    return LIKEN_OK;
}

static const char *compression_name(uint64_t c) {
    switch (c) {
    case 6:
        return "old-style JPEG";
    case 34712:
    case 33003:
    case 33005:
        return "JPEG 2000";
    case 34676:
    case 34677:
        return "SGI LogLuv";
    case 34925:
        return "LZMA";
    case 50001:
        return "WebP";
    case 52546:
        return "JPEG XL";
    default:
        return "an unusual one";
    }
}

static bool compression_read(uint64_t c) {
    static const uint16_t read[] = {1, 2, 3, 4, 5, 7, 8, 32946, 32773, 50000};
    for (size_t i = 0; i < LK_LENGTH(read); i++)
        if (read[i] == c)
            return true;
    return false;
}

int lk_tiff_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    const tiff t = {bytes, size, bytes[0] == 'M', bytes[2] == '+' || bytes[3] == '+'};
    uint64_t field[FIELDS] = {[BITS] = 1, [COMPRESSION] = 1, [SAMPLES] = 1, [STRIP_ROWS] = UINT32_MAX, [PLANAR] = 1};
    const int rc = read_directory(&t, field, err);
    if (rc != LIKEN_OK)
        return rc;
    const uint64_t width = field[WIDTH], height = field[HEIGHT];
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory says %llu x %llu pixels.",
                       (unsigned long long)width, (unsigned long long)height);
    if (!compression_read(field[COMPRESSION]))
        return lk_fail(err, LIKEN_E_FORMAT, "This TIFF is compressed in a way liken does not read (%llu, %s). Save it with LZW, Deflate or JPEG.",
                       (unsigned long long)field[COMPRESSION], compression_name(field[COMPRESSION]));
    if (field[SAMPLES] == 0 || field[SAMPLES] > 8 || field[BITS] == 0 || field[BITS] > 64)
        return lk_fail(err, LIKEN_E_FORMAT, "This TIFF has %llu samples of %llu bits a pixel, which liken does not read.",
                       (unsigned long long)field[SAMPLES], (unsigned long long)field[BITS]);
    const uint64_t pixel = field[SAMPLES] * (field[BITS] + 7) / 8 + field[SAMPLES];
    const bool tiled = field[TILE_WIDTH] > 0;
    const uint64_t block_width = tiled ? field[TILE_WIDTH] : width;
    uint64_t block_height = tiled ? field[TILE_HEIGHT] : field[STRIP_ROWS];
    if (!tiled && (block_height == 0 || block_height > height))
        block_height = height;
    if (tiled && (block_width > 10000 || block_height == 0 || block_height > 10000))
        return lk_fail(err, LIKEN_E_TOO_LARGE, "This TIFF has tiles of %llu x %llu pixels; the limit is 10000 x 10000.",
                       (unsigned long long)block_width, (unsigned long long)block_height);
    const uint64_t across = (width + block_width - 1) / block_width;
    head->width = (int)width;
    head->height = (int)height;
    head->passes = 1;
    head->work = across * block_width * block_height * pixel; /* a strip, or a row of tiles */
    return LIKEN_OK;
}
