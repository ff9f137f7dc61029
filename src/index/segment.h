/* segment.h - a run of rows in ascending id order, written once and never moved.
 *
 * One writer appends (it holds the index's lock); readers see only as many rows as the view they hold says. Deletion
 * keeps the row: it is stamped with the deletion's version, then its bit is set. A reader of version v that sees the bit
 * compares the stamp; one that does not see it holds a version from before the deletion. So every reader sees exactly
 * the deletions up to its version, and nothing is copied. */
#ifndef LK_INDEX_SEGMENT_H
#define LK_INDEX_SEGMENT_H

#include "base/error.h"

#include <stdatomic.h>

#define LK_SEGMENT_ROWS 32768 /* capacity at most of a segment that is being filled */

typedef struct lk_segment {
    int refs;        /* views that hold it; under the index's lock */
    size_t stride;   /* floats from row to row */
    size_t capacity;
    size_t count;    /* rows written, published or not; under the index's lock */
    int64_t *ids;
    float *rows;     /* aligned to 64 bytes */
    _Atomic uint64_t *dead;              /* one bit a row */
    _Atomic(_Atomic uint64_t *) stamps;  /* version of the deletion of each row; NULL before the first */
} lk_segment;

/* NULL when out of memory; refs is 0. */
lk_segment *lk_segment_new(int dimension, size_t capacity);
void lk_segment_free(lk_segment *s);

/* Copies rows behind those that are there; there must be room. */
void lk_segment_append(lk_segment *s, const int64_t *ids, const float *vectors, int dimension, size_t count);

/* The row of `id` among the first `rows`, or SIZE_MAX. */
size_t lk_segment_find(const lk_segment *s, size_t rows, int64_t id);

/* Makes room for stamps; false when out of memory. */
bool lk_segment_prepare_delete(lk_segment *s);
/* After prepare. */
void lk_segment_mark(lk_segment *s, size_t row, uint64_t version);

/* Is the row alive for a reader of this version? */
static inline bool lk_segment_alive(const lk_segment *s, size_t row, uint64_t version) {
    const uint64_t word = atomic_load_explicit(&s->dead[row / 64], memory_order_acquire);
    if ((word >> (row % 64) & 1) == 0)
        return true;
    _Atomic uint64_t *stamps = atomic_load_explicit(&s->stamps, memory_order_acquire);
    return atomic_load_explicit(&stamps[row], memory_order_relaxed) > version;
}

/* Rows of the first `rows` that are alive for that version. */
size_t lk_segment_live(const lk_segment *s, size_t rows, uint64_t version);
uint64_t lk_segment_bytes(const lk_segment *s);

#endif
