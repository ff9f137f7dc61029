/* head_webp.c - the canvas of a WebP: the first chunk says it. Reference: RFC 9649. */
#include "image/head.h"

#include <string.h>

int lk_webp_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    const uint8_t *p = bytes + 12;
    if (size >= 30 && memcmp(p, "VP8X", 4) == 0) {
        head->width = (int)lk_le24(p + 12) + 1;
        head->height = (int)lk_le24(p + 15) + 1;
    } else if (size >= 30 && memcmp(p, "VP8 ", 4) == 0 && memcmp(p + 11, "\x9d\x01\x2a", 3) == 0) {
        head->width = (int)lk_le16(p + 14) & 0x3fff;
        head->height = (int)lk_le16(p + 16) & 0x3fff;
    } else if (size >= 25 && memcmp(p, "VP8L", 4) == 0 && p[8] == 0x2f) {
        const uint32_t bits = lk_le32(p + 9);
        head->width = (int)(bits & 0x3fff) + 1;
        head->height = (int)(bits >> 14 & 0x3fff) + 1;
    } else {
        return lk_fail(err, LIKEN_E_DECODE, "This WebP is damaged: its first chunk is not a picture's.");
    }
    head->passes = 1;
    head->work = (uint64_t)head->width * (uint64_t)head->height * 4;
    return LIKEN_OK;
}
