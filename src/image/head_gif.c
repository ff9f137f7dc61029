/* head_gif.c - finds the first frame of a GIF and makes a file of it alone, so that no decoder walks the thousands of
 * frames that may follow. Reference: GIF89a specification, CompuServe 1990. */
#include "image/head.h"

#include <stdlib.h>
#include <string.h>

/* Past the data sub-blocks at `at`; when their end is missing, *whole is false: past the last complete one. */
static size_t skip_blocks(const uint8_t *bytes, size_t size, size_t at, bool *whole) {
    while (at < size) {
        const size_t length = bytes[at];
        if (length == 0) {
            *whole = true;
            return at + 1;
        }
        if (length + 1 > size - at)
            break;
        at += length + 1;
    }
    *whole = false;
    return at < size ? at : size;
}

static size_t palette_bytes(uint8_t flags) {
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Offset of the first frame's descriptor, or 0. */
static size_t find_frame(const uint8_t *bytes, size_t size) {
    size_t at = 13 + palette_bytes(bytes[10]);
    while (at < size && bytes[at] == 0x21 && size - at > 2) {
        bool whole;
        at = skip_blocks(bytes, size, at + 2, &whole);
        if (!whole)
            return 0;
    }
    return at < size && bytes[at] == 0x2c && size - at > 10 ? at : 0;
}

int lk_gif_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    const size_t at = size > 13 ? find_frame(bytes, size) : 0;
    if (at == 0)
        return lk_fail(err, LIKEN_E_DECODE, "This GIF is damaged: it holds no frame.");
    const uint8_t *frame = bytes + at;
    const int right = (int)(lk_le16(frame + 1) + lk_le16(frame + 5)),
              bottom = (int)(lk_le16(frame + 3) + lk_le16(frame + 7));
    const int width = (int)lk_le16(bytes + 6), height = (int)lk_le16(bytes + 8);
    head->width = width > right ? width : right; /* a decoder may widen the screen to hold the frame */
    head->height = height > bottom ? height : bottom;
    head->passes = 1;
    head->work = (uint64_t)head->width * (uint64_t)head->height * 5; /* the screen, and the frame */
    const size_t data = at + 10 + palette_bytes(frame[9]) + 1;
    if (data > size)
        return lk_fail(err, LIKEN_E_DECODE, "This GIF is damaged: it ends before its first frame begins.");
    bool whole;
    const size_t end = skip_blocks(bytes, size, data, &whole);
    if (!whole)
        return lk_fail(err, LIKEN_E_DECODE, "This GIF is cut short: its first frame is not all there.");
    head->copy = malloc(end + 1);
    if (head->copy == NULL)
        return lk_fail_memory(err);
    memcpy(head->copy, bytes, end);
    head->copy_size = end;
    head->copy[head->copy_size++] = 0x3b;
    return LIKEN_OK;
}
