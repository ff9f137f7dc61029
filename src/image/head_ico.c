/* head_ico.c - a Windows icon holds one picture in several sizes, each a PNG or a bitmap; the largest is the photo. */
#include "image/reader.h"

#include <string.h>

static bool is_png(const uint8_t *p, size_t size) {
    return size >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0;
}

/* Index of the entry with the largest area, then the most bits, that lies inside the file; -1 when there is none. */
static int largest_entry(const uint8_t *bytes, size_t size) {
    const size_t count = size >= 6 ? lk_le16(bytes + 4) : 0;
    int best = -1;
    uint32_t best_rank = 0;
    for (size_t i = 0; i < count && 6 + 16 * (i + 1) <= size; i++) {
        const uint8_t *e = bytes + 6 + 16 * i;
        const uint32_t width = e[0] == 0 ? 256 : e[0], height = e[1] == 0 ? 256 : e[1];
        const uint32_t length = lk_le32(e + 8), at = lk_le32(e + 12);
        if (at >= size || length > size - at || length < 16)
            continue;
        const uint32_t rank = width * height << 8 | (lk_le16(e + 6) & 0xff);
        if (best < 0 || rank > best_rank) {
            best = (int)i;
            best_rank = rank;
        }
    }
    return best;
}

int lk_ico_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    const int i = largest_entry(bytes, size);
    if (i < 0)
        return lk_fail(err, LIKEN_E_DECODE, "This icon is damaged: no picture lies inside the file.");
    const uint8_t *e = bytes + 6 + 16 * (size_t)i;
    const size_t at = lk_le32(e + 12), length = lk_le32(e + 8);
    const bool png = is_png(bytes + at, length);
    const int rc = png ? lk_png_head(bytes + at, length, head, err) : lk_bmp_head_icon(bytes + at, length, head, err);
    if (rc != LIKEN_OK)
        return rc;
    head->inner = png ? LK_KIND_PNG : LK_KIND_BMP;
    head->from = at;
    head->size = length;
    return LIKEN_OK;
}
