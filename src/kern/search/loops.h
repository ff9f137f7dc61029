/* loops.h - the index's hot loops as one table, chosen once by CPU level. The scalar ones are the definition: every
 * level gives the same bits, so that what a search looks at, and what it answers, is the same on every machine.
 *
 * Sums of floats are made as distance.h says: sixteen partial sums, folded in halves, every step rounded. */
#ifndef LK_KERN_SEARCH_LOOPS_H
#define LK_KERN_SEARCH_LOOPS_H

#include "kern/search/distance.h"

#include <stdint.h>

/* out[i] = inner product of `x` and the i-th row; strides are multiples of 16. */
typedef void lk_dots_fn(const float *x, const float *rows, size_t stride, size_t count, float *out);

/* Coarse codes: blocks of 16 rows, each of dims/8 lines of 64 bytes; byte 4*row+j of line l holds dimension 8*l+j in
 * its low half and 8*l+4+j in its high half. Bit r of masks[b] is set when row r of block b survives: its value is 0,
 * or slope * value - (inner product of its codes and `query`) <= limit. */
typedef void lk_coarse_fn(const uint8_t *codes, const uint16_t *values, const int8_t *query, size_t dims, size_t blocks,
                          float slope, float limit, uint16_t *masks);

/* Fine records of `record` bytes (a multiple of 64), of which scale[] and query[] use as many as they are not zero for:
 * out[i] = sum over the bytes j of record rows[i] of (query[j] - scale[j] * (int8_t)byte)^2. */
typedef void lk_fine_fn(const uint8_t *records, size_t record, const float *query, const float *scale,
                        const uint32_t *rows, size_t count, float *out);

/* CRC-32C (Castagnoli), continued from `crc`; start with 0. */
typedef uint32_t lk_crc_fn(uint32_t crc, const void *bytes, size_t size);

typedef struct lk_loops {
    lk_squares_fn *squares;
    lk_dots_fn *dots;
    lk_coarse_fn *coarse;
    lk_fine_fn *fine;
    lk_crc_fn *crc;
} lk_loops;

/* The table of this machine (LIKEN_CPU lowers it, see base/cpu.h). */
const lk_loops *lk_loops_get(void);

lk_dots_fn lk_dots_scalar, lk_dots_avx2, lk_dots_avx512, lk_dots_neon;
lk_coarse_fn lk_coarse_scalar, lk_coarse_avx2, lk_coarse_vnni, lk_coarse_neon; /* vnni: AVX512_VNNI beside avx512 */
lk_fine_fn lk_fine_scalar, lk_fine_avx2, lk_fine_avx512, lk_fine_neon;
lk_crc_fn lk_crc_scalar, lk_crc_sse42, lk_crc_arm; /* arm: needs the CRC32 extension */

#endif
