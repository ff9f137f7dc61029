/* tiff_blocks.c - what the strips or tiles of a TIFF cost.
 *
 * A page of a few pixels may be cut into tiles a thousand times its size, and every strip may name the same bytes, all
 * of the file, which the decoder then reads for each of them. So what blocks cover is held against the page, and what
 * they claim against the file. The decoder takes the first of two entries with one tag, and must not be told other than
 * was read here: a directory that says anything of this twice is damaged. */
#include "image/tiff_blocks.h"

#define MOST_BLOCKS (1 << 22) /* a strip a row and colour, or tiles of 16 x 16 */

enum { WIDTH, HEIGHT, BITS, SAMPLES, STRIP_ROWS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT, TILE_BYTES, FIELDS };

static const uint16_t tags[FIELDS] = {256, 257, 258, 277, 278, 279, 322, 323, 325};

static int damaged(liken_error *err, const char *what) {
    return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: %s.", what);
}

static int read_entries(const lk_ifd *ifd, lk_ifd_entry found[FIELDS], liken_error *err) {
    for (size_t i = 0; i < ifd->count; i++) {
        const lk_ifd_entry e = lk_ifd_at(ifd, i);
        for (size_t f = 0; f < FIELDS; f++) {
            if (e.tag != tags[f])
                continue;
            if (found[f].tag == e.tag)
                return damaged(err, "its directory says twice how its pixels lie");
            if (e.type != 1 && e.type != 3 && e.type != 4 && e.type != 16)
                return damaged(err, "its directory says how its pixels lie in numbers of an unknown kind");
            found[f] = e;
        }
    }
    return LIKEN_OK;
}

/* All bytes that the blocks say they have. */
static uint64_t claimed(const lk_ifd *ifd, const lk_ifd_entry *sizes) {
    const uint64_t most = ifd->block->size;
    uint64_t sum = 0;
    for (uint64_t k = 0; sizes->value != NULL && k < sizes->count; k++) {
        const uint64_t size = lk_ifd_number(ifd, sizes, k);
        sum += size < most ? size : most;
    }
    return sum;
}

static uint64_t up(uint64_t n, uint64_t to) {
    return (n + to - 1) / to * to;
}

static uint64_t bytes_of(uint64_t width, uint64_t rows, uint64_t pixel) {
    return width > (UINT64_C(1) << 40) / rows ? UINT64_C(1) << 62 : width * rows * pixel;
}

static int check_claims(const lk_ifd *ifd, const lk_ifd_entry found[FIELDS], liken_error *err) {
    if (found[STRIP_BYTES].count > MOST_BLOCKS || found[TILE_BYTES].count > MOST_BLOCKS)
        return damaged(err, "it has more strips or tiles than a photo has use for");
    const uint64_t sum = claimed(ifd, &found[STRIP_BYTES]) + claimed(ifd, &found[TILE_BYTES]);
    return sum > 2 * (uint64_t)ifd->block->size + (1 << 20)
               ? damaged(err, "its strips or tiles claim far more bytes than it has")
               : LIKEN_OK;
}

int lk_tiff_blocks(const lk_ifd *ifd, uint64_t *work, liken_error *err) {
    lk_ifd_entry found[FIELDS] = {{0}};
    uint64_t v[FIELDS];
    const size_t head = ifd->block->big ? 8 : 2;
    if (lk_ifd_read(ifd->block, ifd->block->bytes + ifd->at - head, (int)head) > LK_IFD_ENTRIES)
        return damaged(err, "its directory has more entries than any has use for");
    int rc = read_entries(ifd, found, err);
    if (rc == LIKEN_OK)
        rc = check_claims(ifd, found, err);
    if (rc != LIKEN_OK)
        return rc;
    for (size_t f = 0; f < FIELDS; f++)
        v[f] = lk_ifd_number(ifd, &found[f], 0);
    const uint64_t samples = found[SAMPLES].tag != 0 ? v[SAMPLES] : 1, bits = found[BITS].tag != 0 ? v[BITS] : 1,
                   pixel = samples * ((bits + 7) / 8), area = v[WIDTH] * v[HEIGHT];
    const bool tiled = found[TILE_WIDTH].tag != 0 || found[TILE_HEIGHT].tag != 0;
    if (v[WIDTH] == 0 || v[HEIGHT] == 0 || v[WIDTH] > INT32_MAX || v[HEIGHT] > INT32_MAX || samples > 64 || bits > 64)
        return damaged(err, "its directory does not say how large it is");
    const uint64_t rows = v[STRIP_ROWS] == 0 || v[STRIP_ROWS] > v[HEIGHT] ? v[HEIGHT] : v[STRIP_ROWS];
    *work = bytes_of(v[WIDTH], rows, pixel);
    if (!tiled)
        return LIKEN_OK;
    if (v[TILE_WIDTH] == 0 || v[TILE_HEIGHT] == 0 || v[TILE_WIDTH] > INT32_MAX || v[TILE_HEIGHT] > INT32_MAX)
        return damaged(err, "its tiles have no size");
    const uint64_t across = up(v[WIDTH], v[TILE_WIDTH]), down = up(v[HEIGHT], v[TILE_HEIGHT]);
    *work = 2 * bytes_of(across, v[TILE_HEIGHT], pixel); /* a row of them as it is unpacked, and as it is handed on */
    if (across * down <= 2 * area + ((uint64_t)1 << 22)) /* tiles reach past the edge, by less than one */
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_TOO_LARGE,
                   "This TIFF of %llu x %llu pixels is cut into tiles of %llu x %llu, far more than it shows. Save it "
                   "anew as an ordinary JPEG.",
                   (unsigned long long)v[WIDTH], (unsigned long long)v[HEIGHT], (unsigned long long)v[TILE_WIDTH],
                   (unsigned long long)v[TILE_HEIGHT]);
}
