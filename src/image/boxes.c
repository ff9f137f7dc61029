#include "image/boxes.h"

#include <string.h>

bool lk_box_next(lk_cursor *c, bool cut, lk_box *b) {
    const size_t left = lk_cursor_left(c);
    if (left == 0)
        return false;
    const uint8_t *start = c->at;
    uint64_t size = lk_cursor_be(c, 4), header = 8;
    (void)lk_cursor_take(c, 4);
    const bool to_end = size == 0;
    if (size == 1) {
        size = lk_cursor_be(c, 8);
        header = 16;
    }
    if (to_end || (cut && size > left))
        size = left;
    if (c->failed || size < header || size > left)
        return lk_cursor_fail(c);
    const size_t inner = (size_t)(size - header);
    *b = (lk_box){start, (size_t)size, lk_cursor_of(c->at, inner), to_end};
    (void)lk_cursor_take(c, inner);
    return true;
}

bool lk_box_is(const lk_box *b, const char *type) {
    return memcmp(b->start + 4, type, 4) == 0;
}

bool lk_box_find(lk_cursor among, const char *type, lk_box *out) {
    for (lk_box b; lk_box_next(&among, false, &b);)
        if (lk_box_is(&b, type)) {
            *out = b;
            return true;
        }
    return false;
}
