/* head_tiff.c - one page of a TIFF or BigTIFF: size, and how much one strip or tile unpacks to.
 *
 * A TIFF may name any compression and may call the whole picture one strip; only what ordinary photos use and libvips
 * reads is let through. libvips does not read YCbCr that is not JPEG: of such a file a copy is made whose directory
 * says one gray byte a sample, and ycc.c makes colours of those bytes. Which page is taken is decided in tiff_pages.c.
 * Reference: TIFF 6.0; the BigTIFF design. */
#include "image/tiff.h"
#include "image/tiff_blocks.h"

#include <stdlib.h>
#include <string.h>

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
    SAMPLE_FORMAT,
    SUBSAMPLING,
    FIELDS
};

static const uint16_t tags[FIELDS] = {256, 257, 258, 259, 262, 277, 278, 284, 317, 322, 323, 339, 530};

typedef struct directory {
    uint64_t value[FIELDS]; /* of absent fields: the default */
    size_t at[FIELDS];      /* offset of the entry, 0: absent */
} directory;

static directory read_directory(const lk_ifd *ifd) {
    directory d = {.value = {[BITS] = 1,
                             [COMPRESSION] = 1,
                             [SAMPLES] = 1,
                             [STRIP_ROWS] = UINT32_MAX,
                             [PLANAR] = 1,
                             [PREDICTOR] = 1,
                             [SAMPLE_FORMAT] = 1}};
    for (size_t i = 0; i < ifd->count; i++) {
        const lk_ifd_entry e = lk_ifd_at(ifd, i);
        for (size_t f = 0; f < FIELDS; f++)
            if (e.tag == tags[f] && d.at[f] == 0) { /* of two with one tag libtiff takes the first */
                d.value[f] = lk_ifd_number(ifd, &e, 0);
                d.at[f] = e.at;
            }
    }
    return d;
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

static void put(const lk_ifd_block *b, uint8_t *at, int size, uint64_t value) {
    for (int i = 0; i < size; i++)
        at[b->big_endian ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* Overwrites an entry by one 32-bit number; an absent one had the right default. */
static void set_entry(const lk_ifd_block *b, uint8_t *copy, size_t at, uint64_t value) {
    if (at == 0)
        return;
    const int wide = b->big ? 8 : 4;
    put(b, copy + at + 2, 2, 4);
    put(b, copy + at + 4, wide, 1);
    put(b, copy + at + 4 + wide, 4, value);
}

/* With that page alone: the header leads to its directory, which leads no further. */
static int copy_file(const lk_ifd *ifd, lk_head *head, liken_error *err) {
    const lk_ifd_block *b = ifd->block;
    head->copy = malloc(b->size);
    if (head->copy == NULL)
        return lk_fail_memory(err);
    memcpy(head->copy, b->bytes, b->size);
    head->copy_size = b->size;
    put(b, head->copy + (b->big ? 8 : 4), b->big ? 8 : 4, ifd->at - (b->big ? 8 : 2));
    if (lk_ifd_next(ifd) != 0)
        put(b, head->copy + lk_ifd_next(ifd), b->big ? 8 : 4, 0);
    return LIKEN_OK;
}

/* The samples of h x v pixels lie together: their luma, row by row, then one Cb and one Cr. */
static int copy_as_gray(const lk_ifd *ifd, const directory *d, lk_head *head, liken_error *err) {
    uint64_t h = 2, v = 2, rows = d->value[STRIP_ROWS];
    if (d->at[SUBSAMPLING] != 0) {
        const lk_ifd_entry e = lk_ifd_find(ifd, tags[SUBSAMPLING]);
        h = lk_ifd_number(ifd, &e, 0);
        v = lk_ifd_number(ifd, &e, 1);
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
    const int rc = copy_file(ifd, head, err);
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
        set_entry(ifd->block, head->copy, d->at[gray[i][0]], gray[i][1]);
    return LIKEN_OK;
}

/* What libvips takes: whole bytes, and few bits packed when there is one sample a pixel. */
static bool bits_read(const directory *d) {
    const uint64_t bits = d->value[BITS];
    const bool real = d->value[SAMPLE_FORMAT] == 3;
    return bits == 32 || ((bits == 8 || bits == 16) && !real) ||
           (d->value[SAMPLES] == 1 && (bits == 1 || bits == 2 || bits == 4) && !real);
}

static int check_samples(const directory *d, liken_error *err) {
    static const char advice[] = "which liken does not read. Save it with 8 or 16 bits a sample, in one plane.";
    const uint64_t compression = d->value[COMPRESSION], samples = d->value[SAMPLES], bits = d->value[BITS];
    if (!compression_read(compression))
        return lk_fail(
            err, LIKEN_E_FORMAT,
            "This TIFF is compressed in a way liken does not read (%llu, %s). Save it with LZW, Deflate or JPEG.",
            (unsigned long long)compression, compression_name(compression));
    if (samples == 0 || samples > 4 || !bits_read(d))
        return lk_fail(err, LIKEN_E_FORMAT, "This TIFF has %llu samples of %llu bits a pixel%s, %s",
                       (unsigned long long)samples, (unsigned long long)bits,
                       d->value[SAMPLE_FORMAT] == 3 ? " (floating point)" : "", advice);
    if (d->value[PLANAR] == 2 && d->value[TILE_WIDTH] != 0 && samples > 1)
        return lk_fail(err, LIKEN_E_FORMAT, "This TIFF keeps each colour in tiles of its own (planar), %s", advice);
    if (d->value[TILE_WIDTH] > 10000 || d->value[TILE_HEIGHT] > 10000)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "This TIFF has tiles of %llu x %llu pixels; the limit is 10000 x 10000.",
                       (unsigned long long)d->value[TILE_WIDTH], (unsigned long long)d->value[TILE_HEIGHT]);
    return LIKEN_OK;
}

int lk_tiff_page(const lk_ifd *ifd, lk_head *head, liken_error *err) {
    const directory d = read_directory(ifd);
    const uint64_t width = d.value[WIDTH], height = d.value[HEIGHT];
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory says %llu x %llu pixels.",
                       (unsigned long long)width, (unsigned long long)height);
    int rc = check_samples(&d, err);
    if (rc == LIKEN_OK)
        rc = lk_tiff_blocks(ifd, &head->work, err);
    if (rc != LIKEN_OK)
        return rc;
    head->width = (int)width;
    head->height = (int)height;
    head->passes = 1;
    return LIKEN_OK;
}

int lk_tiff_take(const lk_ifd *ifd, bool others, lk_head *head, liken_error *err) {
    const directory d = read_directory(ifd);
    if (d.value[COLOURS] == 6 && d.value[COMPRESSION] != 7)
        return copy_as_gray(ifd, &d, head, err);
    const bool one_plane = d.value[PLANAR] == 2 && d.value[SAMPLES] == 1;
    const int rc = others || one_plane ? copy_file(ifd, head, err) : LIKEN_OK;
    if (rc == LIKEN_OK && one_plane) /* it is the same, and libvips reads it */
        set_entry(ifd->block, head->copy, d.at[PLANAR], 1);
    return rc;
}
