/* segment.h - a run of rows in ascending id order, written once and never moved: open (still being filled, or too small
 * to be coded) or sealed.
 *
 * One writer appends (it holds the index's lock); readers see only as many rows as the view they hold says. Deletion
 * keeps the row: it is stamped with the deletion's version, then its bit is set. A reader of version v that sees the
 * bit compares the stamp; one that does not see it holds a version from before the deletion. So every reader sees
 * exactly the deletions up to its version, and nothing is copied. */
#ifndef LK_INDEX_SEGMENT_H
#define LK_INDEX_SEGMENT_H

#include "index/sealed.h"

typedef struct lk_segment {
    int refs;      /* views that hold it; under the index's lock */
    size_t stride; /* floats from row to row */
    size_t capacity;
    size_t count;   /* rows written, published or not; under the index's lock */
    size_t deleted; /* under the index's lock */
    int64_t *ids;
    float *rows;                        /* aligned to 64 bytes */
    lk_sealed *sealed;                  /* owns ids and rows; NULL: open */
    _Atomic uint64_t *dead;             /* one bit a row */
    _Atomic(_Atomic uint64_t *) stamps; /* version of the deletion of each row; NULL before the first */
} lk_segment;

/* Open, empty. NULL when out of memory; refs is 0. */
lk_segment *lk_segment_new(int dimension, size_t capacity);
/* Takes the sealed region, also when it returns NULL for want of memory. */
lk_segment *lk_segment_of(lk_sealed *sealed);
void lk_segment_free(lk_segment *s);

/* Copies rows behind those that are there; there must be room. */
void lk_segment_append(lk_segment *s, const int64_t *ids, const float *vectors, int dimension, size_t count);

/* The row of `id` among the first `rows`, or SIZE_MAX. */
size_t lk_segment_find(const lk_segment *s, size_t rows, int64_t id);
/* Id of a row; INT64_MAX when its block is damaged. */
int64_t lk_segment_id(const lk_segment *s, size_t row);

/* Makes room for stamps; false when out of memory. */
bool lk_segment_prepare_delete(lk_segment *s);
/* After prepare; under the index's lock. */
void lk_segment_mark(lk_segment *s, size_t row, uint64_t version);
/* The version of a dead row's deletion. */
uint64_t lk_segment_stamp(const lk_segment *s, size_t row);

/* Is the row alive for a reader of this version? */
static inline bool lk_segment_alive(const lk_segment *s, size_t row, uint64_t version) {
    const uint64_t word = atomic_load_explicit(&s->dead[row / 64], memory_order_acquire);
    return (word >> (row % 64) & 1) == 0 || lk_segment_stamp(s, row) > version;
}

/* Rows of the first `rows` that are alive for that version. */
size_t lk_segment_live(const lk_segment *s, size_t rows, uint64_t version);
/* Bytes but for the float32 rows, and those. */
uint64_t lk_segment_bytes(const lk_segment *s, uint64_t *row_bytes);

#endif
