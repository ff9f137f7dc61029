/* cursor.h - a place in bytes from outside that cannot be left and whose failure sticks.
 *
 * Once something that is not there was asked for, `failed` is true for good, nothing is left, and every read gives zero
 * or NULL; so a loop that asks lk_cursor_left, or `failed`, ends whatever a count in the bytes says. A count is held
 * against the bytes that are left (lk_cursor_holds) before it drives a loop or an allocation. */
#ifndef LK_BASE_CURSOR_H
#define LK_BASE_CURSOR_H

#include "base/error.h"

typedef struct lk_cursor {
    const uint8_t *at, *end; /* borrowed */
    bool failed;
} lk_cursor;

static inline lk_cursor lk_cursor_of(const uint8_t *bytes, size_t size) {
    return size > 0 ? (lk_cursor){bytes, bytes + size, false} : (lk_cursor){0};
}

/* Always false, so that a reader can end with it. */
static inline bool lk_cursor_fail(lk_cursor *c) {
    c->at = c->end;
    c->failed = true;
    return false;
}

static inline size_t lk_cursor_left(const lk_cursor *c) {
    return (size_t)(c->end - c->at);
}

/* The next `size` bytes, NULL when they are not all there (or none were asked for). */
static inline const uint8_t *lk_cursor_take(lk_cursor *c, size_t size) {
    if (size > lk_cursor_left(c))
        lk_cursor_fail(c);
    if (c->failed || size == 0)
        return NULL;
    const uint8_t *p = c->at;
    c->at += size;
    return p;
}

/* A whole number of at most 8 bytes, the most significant first. */
static inline uint64_t lk_cursor_be(lk_cursor *c, size_t size) {
    const uint8_t *p = lk_cursor_take(c, size);
    uint64_t v = 0;
    for (size_t i = 0; p != NULL && i < size; i++)
        v = v << 8 | p[i];
    return v;
}

/* Whether `count` things of at least `each` (> 0) bytes can lie ahead; fails when not. */
static inline bool lk_cursor_holds(lk_cursor *c, uint64_t count, size_t each) {
    return count <= lk_cursor_left(c) / each && !c->failed ? true : lk_cursor_fail(c);
}

#endif
