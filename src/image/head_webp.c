/* head_webp.c - how large the first picture of a WebP is.
 *
 * An extended file says the size of its canvas, then the picture says its own: the larger one counts. Pictures after
 * the first, and what follows it, are not looked at. Reference: RFC 9649. */
#include "image/head.h"

#include "base/cursor.h"

#include <string.h>

typedef struct size {
    uint32_t width, height;
} size;

static void widen(size *s, uint32_t width, uint32_t height) {
    s->width = width > s->width ? width : s->width;
    s->height = height > s->height ? height : s->height;
}

static bool is(const uint8_t *type, const char *name) {
    return memcmp(type, name, 4) == 0;
}

/* Whether the chunk is a picture; `there` bytes of it are. */
static bool read_picture(const uint8_t *type, const uint8_t *p, size_t there, size *s) {
    if (is(type, "VP8 ") && there >= 10 && memcmp(p + 3, "\x9d\x01\x2a", 3) == 0) {
        widen(s, lk_le16(p + 6) & 0x3fff, lk_le16(p + 8) & 0x3fff);
        return true;
    }
    if (is(type, "VP8L") && there >= 5 && p[0] == 0x2f) {
        const uint32_t bits = lk_le32(p + 1);
        widen(s, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
        return true;
    }
    return false;
}

/* The chunks up to the first picture; true when there is one. */
static bool read_chunks(lk_cursor c, size *s) {
    while (lk_cursor_left(&c) >= 8) {
        const uint8_t *head = lk_cursor_take(&c, 8);
        const size_t left = lk_cursor_left(&c), length = lk_le32(head + 4), there = length < left ? length : left;
        if (read_picture(head, c.at, there, s))
            return true;
        if (is(head, "VP8X") && there >= 10)
            widen(s, lk_le24(c.at + 4) + 1, lk_le24(c.at + 7) + 1);
        if (is(head, "ANMF") && there >= 16) { /* a frame holds the chunks of its picture */
            widen(s, lk_le24(c.at + 6) + 1, lk_le24(c.at + 9) + 1);
            (void)lk_cursor_take(&c, 16);
            continue;
        }
        (void)lk_cursor_take(&c, there + (there & 1 && there < left));
    }
    return false;
}

int lk_webp_head(const uint8_t *bytes, size_t size_of_file, lk_head *head, liken_error *err) {
    size s = {0};
    lk_cursor c = lk_cursor_of(bytes, size_of_file);
    (void)lk_cursor_take(&c, 12);
    if (!read_chunks(c, &s) || s.width == 0 || s.height == 0)
        return lk_fail(err, LIKEN_E_DECODE, "This WebP is damaged: no picture lies in it.");
    head->width = (int)s.width;
    head->height = (int)s.height;
    head->passes = 1;
    head->work = (uint64_t)s.width * s.height * 8; /* the canvas and the rows made of it */
    return LIKEN_OK;
}
