/* head_jxl.c - how large a JPEG XL is: its codestream, bare or in boxes, begins with it, packed in bits from the lowest
 * on. A codestream may hold any number of layers, whose headers cannot be passed without decoding: what a decode costs
 * is bounded by the limits of the process that decodes. Reference: ISO/IEC 18181-1 (SizeHeader), 18181-2 (boxes). */
#include "image/head.h"

#include "image/boxes.h"

#include <string.h>

typedef struct bits {
    lk_cursor bytes;
    uint64_t held;
    int count;
} bits;

static uint32_t take(bits *b, int n) {
    while (b->count < n) {
        b->held |= lk_cursor_be(&b->bytes, 1) << b->count;
        b->count += 8;
    }
    const uint32_t v = (uint32_t)(b->held & ((UINT64_C(1) << n) - 1));
    b->held >>= n;
    b->count -= n;
    return v;
}

static uint64_t side(bits *b, bool small) {
    static const int widths[] = {9, 13, 18, 30};
    return small ? ((uint64_t)take(b, 5) + 1) * 8 : (uint64_t)take(b, widths[take(b, 2)]) + 1;
}

/* False: cut short. */
static bool read_size(lk_cursor codestream, uint64_t *width, uint64_t *height) {
    static const uint8_t ratios[8][2] = {{0, 1}, {1, 1}, {12, 10}, {4, 3}, {3, 2}, {16, 9}, {5, 4}, {2, 1}};
    bits b = {.bytes = codestream};
    if (take(&b, 16) != 0x0aff)
        return false;
    const bool small = take(&b, 1) == 1;
    *height = side(&b, small);
    const uint32_t ratio = take(&b, 3);
    *width = ratio == 0 ? side(&b, small) : *height * ratios[ratio][0] / ratios[ratio][1];
    return !b.bytes.failed;
}

/* The beginning of the codestream among the boxes. */
static lk_cursor in_boxes(lk_cursor c) {
    for (lk_box b; lk_box_next(&c, true, &b);) {
        if (lk_box_is(&b, "jxlc"))
            return b.body;
        if (lk_box_is(&b, "jxlp") && lk_cursor_left(&b.body) > 4 && lk_cursor_take(&b.body, 4) != NULL) /* its number */
            return b.body;
    }
    return (lk_cursor){0};
}

int lk_jxl_head(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err) {
    lk_cursor c = lk_cursor_of(bytes, size);
    uint64_t width, height;
    if (size > 0 && bytes[0] == 0)
        c = in_boxes(c);
    if (!read_size(c, &width, &height))
        return lk_fail(err, LIKEN_E_DECODE,
                       "This JPEG XL is damaged: it ends before it says how large its picture is.");
    if (width > INT32_MAX || height > INT32_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "This JPEG XL has %llu x %llu pixels, more than liken reads.",
                       (unsigned long long)width, (unsigned long long)height);
    head->width = (int)width;
    head->height = (int)height;
    head->passes = 1;
    head->work = width * height * 10; /* measured: 6 with libjxl 0.7 */
    return LIKEN_OK;
}
