/* levels.h - what the level files of kern share with each other, and with nobody else. */
#ifndef LK_KERN_NETS_LEVELS_H
#define LK_KERN_NETS_LEVELS_H

#include "kern/nets/kern.h"

extern const lk_kern lk_kern_scalar;
#if defined(__x86_64__)
extern const lk_kern lk_kern_avx2;
extern const lk_kern lk_kern_avx512;
#elif defined(__aarch64__)
extern const lk_kern lk_kern_neon;
#endif

/* The same on every level: they are seldom, or run on single pixels. */
void lk_kern_sigmoid(const lk_map *in, const lk_map *out, int batch);
void lk_kern_pool(const lk_pool *p, const lk_map *in, const lk_map *out, int batch);

/* The part [*first, *last) of a window of `size` from `start` on that lies in 0 ... length. */
static inline void lk_inside(int start, int size, int length, int *first, int *last) {
    *first = start < 0 ? -start : 0;
    *last = start + size > length ? length - start : size;
}

/* Winograd tiles that are transformed, multiplied and transformed back together: few enough that both transformed
 * sides stay in a level-2 cache of 1 MiB, enough that the weights are read seldom. */
static inline int lk_winograd_block(int in, int out) {
    const int fit = 600 * 1024 / (36 * (int)sizeof(float) * (in + out));
    return fit < 12 ? 12 : fit > 96 ? 96 : fit / 12 * 12;
}

/* Floats from one of the 36 places of a block to the next. A line more than they fill, so that the places of one tile
 * do not all fall into the same set of the level-1 cache. */
static inline size_t lk_winograd_step(int block, int channels) {
    return (size_t)block * (size_t)channels + LK_PANEL;
}

#endif
