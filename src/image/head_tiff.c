/* head_tiff.c - the first directory of a TIFF or BigTIFF: size, and how much one strip or tile unpacks to.
 *
 * A TIFF may name any compression and may call the whole picture one strip; only compressions that ordinary photos
 * use are let through. libvips does not read YCbCr that is not JPEG: of such a file a copy is made whose directory says
 * one gray byte a sample, and ycc.c makes colours of those bytes. Reference: TIFF 6.0; the BigTIFF design. */
#include "image/tiff_blocks.h"

#include <stdlib.h>
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

enum {
    WIDTH,
    HEIGHT,
    BITS,
    COMPRESSION,
    COLOURS,
    SAMPLES,
    STRIP_ROWS,
    PLANAR,
    PREDICTOR,
    TILE_WIDTH,
    TILE_HEIGHT,
    SUBSAMPLING,
    FIELDS
};

static const uint16_t tags[FIELDS] = {256, 257, 258, 259, 262, 277, 278, 284, 317, 322, 323, 530};

typedef struct directory {
    uint64_t value[FIELDS]; /* of absent fields: the default */
    size_t at[FIELDS];      /* offset of the entry, 0: absent */
    size_t next;            /* offset of the pointer to the next directory, 0: this was the last */
} directory;

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

static int read_directory(const tiff *t, directory *d, liken_error *err) {
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
            if (number(t, p, 2) == tags[f]) {
                d->value[f] = entry_value(t, p);
                d->at[f] = (size_t)(p - t->bytes);
            }
    const size_t end = (size_t)(p - t->bytes), pointer = t->big ? 8 : 4;
    if (t->size - end >= pointer && number(t, p, (int)pointer) != 0)
        d->next = end;
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

/* Overwrites an entry by one 32-bit number; an absent one had the right default. */
static void set_entry(const tiff *t, uint8_t *copy, size_t at, uint64_t value) {
    if (at == 0)
        return;
    const int count_size = t->big ? 8 : 4;
    const struct {
        size_t at;
        int size;
        uint64_t value;
    } parts[] = {{at + 2, 2, 4}, {at + 4, count_size, 1}, {at + 4 + (size_t)count_size, 4, value}};
    for (size_t k = 0; k < LK_LENGTH(parts); k++)
        for (int i = 0; i < parts[k].size; i++)
            copy[parts[k].at + (size_t)(t->big_endian ? parts[k].size - 1 - i : i)] =
                (uint8_t)(parts[k].value >> 8 * i);
}

static int copy_file(const tiff *t, const directory *d, lk_head *head, liken_error *err) {
    head->copy = malloc(t->size);
    if (head->copy == NULL)
        return lk_fail_memory(err);
    memcpy(head->copy, t->bytes, t->size);
    head->copy_size = t->size;
    if (d->next != 0)
        memset(head->copy + d->next, 0, t->big ? 8 : 4);
    return LIKEN_OK;
}

/* The samples of h x v pixels lie together: their luma, row by row, then one Cb and one Cr. */
static int copy_as_gray(const tiff *t, const directory *d, lk_head *head, liken_error *err) {
    uint64_t h = 2, v = 2, rows = d->value[STRIP_ROWS];
    if (d->at[SUBSAMPLING] != 0) {
        const uint8_t *value = t->bytes + d->at[SUBSAMPLING] + (t->big ? 12 : 8);
        h = number(t, value, 2);
        v = number(t, value + 2, 2);
    }
    const uint64_t height = d->value[HEIGHT];
    rows = rows == 0 || rows > height ? height : rows;
    const bool known =
        (h == 1 || h == 2 || h == 4) && (v == 1 || v == 2 || v == 4) && (rows % v == 0 || rows == height);
    if (!known || d->value[BITS] != 8 || d->value[SAMPLES] != 3 || d->value[PLANAR] != 1 || d->value[PREDICTOR] > 1 ||
        d->value[TILE_WIDTH] != 0)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This TIFF keeps its colours as an unusual form of YCbCr, which liken does not read. "
                       "Save it as RGB.");
    const int rc = copy_file(t, d, head, err);
    if (rc != LIKEN_OK)
        return rc;
    head->ycc_across = (int)h;
    head->ycc_down = (int)v;
    const uint64_t gray[][2] = {{WIDTH, (d->value[WIDTH] + h - 1) / h * (h * v + 2)},
                                {HEIGHT, (height + v - 1) / v},
                                {BITS, 8},
                                {COLOURS, 1},
                                {SAMPLES, 1},
                                {STRIP_ROWS, (rows + v - 1) / v}};
    for (size_t i = 0; i < LK_LENGTH(gray); i++)
        set_entry(t, head->copy, d->at[gray[i][0]], gray[i][1]);
    return LIKEN_OK;
}

static int check_samples(const directory *d, liken_error *err) {
    const uint64_t compression = d->value[COMPRESSION], samples = d->value[SAMPLES], bits = d->value[BITS];
    if (!compression_read(compression))
        return lk_fail(
            err, LIKEN_E_FORMAT,
            "This TIFF is compressed in a way liken does not read (%llu, %s). Save it with LZW, Deflate or JPEG.",
            (unsigned long long)compression, compression_name(compression));
    if (samples == 0 || samples > 4 || bits == 0 || bits > 64)
        return lk_fail(err, LIKEN_E_FORMAT,
                       "This TIFF has %llu samples of %llu bits a pixel, which liken does not read.",
                       (unsigned long long)samples, (unsigned long long)bits);
    if (d->value[TILE_WIDTH] > 10000 || d->value[TILE_HEIGHT] > 10000)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "This TIFF has tiles of %llu x %llu pixels; the limit is 10000 x 10000.",
                       (unsigned long long)d->value[TILE_WIDTH], (unsigned long long)d->value[TILE_HEIGHT]);
    return LIKEN_OK;
}

static int read_blocks(const tiff *t, uint64_t *work, liken_error *err) {
    lk_ifd_block block;
    lk_ifd ifd;
    if (!lk_ifd_block_open(&block, t->bytes, t->size) || !lk_ifd_open(&ifd, &block, block.first))
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory lies outside the file.");
    return lk_tiff_blocks(&ifd, work, err);
}

int lk_tiff_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    const tiff t = {bytes, size, bytes[0] == 'M', bytes[2] == '+' || bytes[3] == '+'};
    directory d = {
        .value = {
            [BITS] = 1, [COMPRESSION] = 1, [SAMPLES] = 1, [STRIP_ROWS] = UINT32_MAX, [PLANAR] = 1, [PREDICTOR] = 1}};
    int rc = read_directory(&t, &d, err);
    if (rc != LIKEN_OK)
        return rc;
    const uint64_t width = d.value[WIDTH], height = d.value[HEIGHT];
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory says %llu x %llu pixels.",
                       (unsigned long long)width, (unsigned long long)height);
    rc = check_samples(&d, err);
    if (rc == LIKEN_OK)
        rc = read_blocks(&t, &head->work, err);
    if (rc != LIKEN_OK)
        return rc;
    head->width = (int)width;
    head->height = (int)height;
    head->passes = 1;
    const bool ycc = d.value[COLOURS] == 6 && d.value[COMPRESSION] != 7;
    if (ycc)
        return copy_as_gray(&t, &d, head, err);
    return d.next != 0 ? copy_file(&t, &d, head, err) : LIKEN_OK; /* libvips would read the directory of every page */
}
