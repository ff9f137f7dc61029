/* distance.h - the only distance that is ever reported, defined to the bit.
 *
 * Sixteen partial sums: sum j takes the components j, j+16, j+32, ... in that order; each step rounds three times, to
 * float: the difference, its square, the addition. The sums are then folded: j += j+8, then j+4, j+2, j+1. The distance
 * is the correctly rounded square root. Every CPU level does exactly this, so that an answer, ties included, is the
 * same on every machine.
 *
 * Rows and queries are padded with zeros to lk_row_stride() floats and aligned to 64 bytes. */
#ifndef LK_KERN_SEARCH_DISTANCE_H
#define LK_KERN_SEARCH_DISTANCE_H

#include <stddef.h>

#define LK_INDEX_MAX_DIMENSION 1024

/* Floats from one row to the next: the dimension rounded up to 16. */
static inline size_t lk_row_stride(int dimension) {
    return ((size_t)dimension + 15) / 16 * 16;
}

/* out[i] = squared distance of `query` to the i-th of `count` rows that lie one after the other. */
typedef void lk_squares_fn(const float *query, const float *rows, size_t stride, size_t count, float *out);

/* The distance of two that are neither padded nor aligned, the same to the bit: for comparing a few. */
float lk_distance(const float *a, const float *b, size_t dimension);

lk_squares_fn lk_squares_scalar;
lk_squares_fn lk_squares_avx2;
lk_squares_fn lk_squares_avx512;
lk_squares_fn lk_squares_neon;

#endif
