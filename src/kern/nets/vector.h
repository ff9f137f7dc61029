/* vector.h - the kernels for any machine with vector registers. A level file (avx2.c, avx512.c, neon.c) first says
 * what a vector is:
 *
 *   vec, LANES            the type, and how many floats it holds (4, 8 or 16)
 *   ROWS, WIDE            the tile of the multiplication: ROWS pixels by WIDE panels of 16 channels
 *   vload vstore vset     memory, and one float in all lanes
 *   vbytes                LANES bytes as floats
 *   vadd vsub vmul vfma   vfma(a, b, c) is a*b + c, rounded once
 *   vabove vbelow         vabove(low, x), vbelow(high, x): x, or the limit that it passes; NaN stays NaN
 *   vmaximum              the larger; NaN when either is
 *
 * and then includes this file, which defines the kernels and LK_KERN_TABLE.
 *
 * Convolution is an "indirect" matrix product. In NHWC the taps of one kernel row are neighbours in memory, so that an
 * output pixel needs only one pointer and the image's row stride: its receptive field is kernel_h runs of kernel_w*in
 * floats. A tile takes ROWS such pointers and one panel (or WIDE of them) of packed weights, keeps ROWS x 16*WIDE sums
 * in registers, and for each weight row broadcasts one float a pixel. Pixels are gathered in blocks of BLOCK over the
 * whole batch, and all panels are run over one block before the next: inputs stay in the level-2 cache and the weights
 * stream through once a block. */
#ifndef LK_KERN_NETS_VECTOR_H
#define LK_KERN_NETS_VECTOR_H

#include <stdbool.h>

#include "kern/nets/levels.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#define INLINE static inline __attribute__((always_inline))
#define VECS (LK_PANEL / LANES) /* vectors a panel */
#define BLOCK (ROWS * (96 / ROWS))
#define AHEAD 8 /* weight rows that are fetched ahead: weights of deep layers come from far away */

/* x, or where it is below zero x * slope. */
INLINE vec leak(vec x, vec slope) {
    return vfma(slope, vbelow(vset(0), x), vabove(vset(0), x));
}

/* `rows` x `columns` values through the activation; a row of x is `row` long. Column i begins with channel `c` + i *
 * step. None, the usual one between two layers, costs nothing. */
INLINE void activate(lk_act act, const float *slope, size_t c, int step, int rows, int columns, vec *x, int row) {
    if (act == LK_ACT_NONE)
        return;
    if (act == LK_ACT_PRELU) {
        UNROLL
        for (int i = 0; i < columns; i++) {
            const vec s = vload(slope + c + (size_t)(i * step));
            UNROLL
            for (int r = 0; r < rows; r++)
                x[r * row + i] = leak(x[r * row + i], s);
        }
        return;
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int i = 0; i < columns; i++)
            x[r * row + i] = vabove(vset(0), x[r * row + i]);
    }
    if (act == LK_ACT_RELU)
        return;
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int i = 0; i < columns; i++)
            x[r * row + i] = vbelow(vset(6), x[r * row + i]);
    }
}

/* ---- matrix product ---- */

/* The runs of floats that one output pixel sees, and the weights of one panel in the same order. */
typedef struct runs {
    int count;
    size_t length;                   /* of a run */
    size_t panel;                    /* floats from a panel to the next: count * length * 16 */
    ptrdiff_t offset[LK_MAX_WINDOW]; /* of each run from the first */
} runs;

/* sums[r][v] += the product of row r with vector v of `panels` panels from b on. */
INLINE void multiply(int rows, int panels, const runs *g, const float *const *a, const float *b,
                     vec sums[ROWS][WIDE * VECS]) {
    for (int run = 0; run < g->count; run++) {
        const float *p[ROWS];
        UNROLL
        for (int r = 0; r < rows; r++)
            p[r] = a[r] + g->offset[run];
        for (size_t k = 0; k < g->length; k++, b += LK_PANEL) {
            vec w[WIDE * VECS];
            UNROLL
            for (int q = 0; q < panels; q++) {
                UNROLL
                for (int v = 0; v < VECS; v++)
                    w[q * VECS + v] = vload(b + (size_t)q * g->panel + v * LANES);
                __builtin_prefetch(b + (size_t)q * g->panel + AHEAD * LK_PANEL);
            }
            UNROLL
            for (int r = 0; r < rows; r++) {
                const vec x = vset(p[r][k]);
                UNROLL
                for (int v = 0; v < panels * VECS; v++)
                    sums[r][v] = vfma(x, w[v], sums[r][v]);
            }
        }
    }
}

/* What becomes of the sums. */
typedef struct finish {
    const float *bias; /* NULL: nothing is added */
    lk_act act;
    const float *slope; /* of LK_ACT_PRELU */
} finish;

/* One tile: `rows` pixels, `panels` panels at channel `o`. */
INLINE void tile(int rows, int panels, const runs *g, const float *const *a, const float *b, const finish *f, int o,
                 float *const *to, const float *const *add) {
    vec sums[ROWS][WIDE * VECS];
    UNROLL
    for (int v = 0; v < panels * VECS; v++) {
        const vec start = f->bias != NULL ? vload(f->bias + o + v * LANES) : vset(0);
        UNROLL
        for (int r = 0; r < rows; r++)
            sums[r][v] = start;
    }
    multiply(rows, panels, g, a, b, sums);
    if (add != NULL) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            UNROLL
            for (int v = 0; v < panels * VECS; v++)
                sums[r][v] = vadd(sums[r][v], vload(add[r] + o + v * LANES));
        }
    }
    activate(f->act, f->slope, (size_t)o, LANES, rows, panels * VECS, sums[0], WIDE * VECS);
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < panels * VECS; v++)
            vstore(to[r] + o + v * LANES, sums[r][v]);
    }
}

/* `count` pixels by `panels` panels at channel `o`, `rows` at a time. */
INLINE void strip(int rows, int panels, const runs *g, int count, const float *b, const finish *f, int o,
                  const float *const *a, float *const *to, const float *const *add) {
    for (int r = 0; r + rows <= count; r += rows)
        tile(rows, panels, g, a + r, b, f, o, to + r, add != NULL ? add + r : NULL);
}

typedef void strip_fn(const runs *g, int count, const float *b, const finish *f, int o, const float *const *a,
                      float *const *to, const float *const *add);

/* The count of rows is a constant to the compiler, so that every sum is in a register: a function for each. */
#define STRIP(rows)                                                                                                    \
    static void strip_##rows(const runs *g, int count, const float *b, const finish *f, int o, const float *const *a,  \
                             float *const *to, const float *const *add) {                                              \
        strip(rows, 1, g, count, b, f, o, a, to, add);                                                                 \
    }                                                                                                                  \
    static void wide_##rows(const runs *g, int count, const float *b, const finish *f, int o, const float *const *a,   \
                            float *const *to, const float *const *add) {                                               \
        strip(rows, WIDE, g, count, b, f, o, a, to, add);                                                              \
    }

STRIP(1)
STRIP(2)
STRIP(3)
STRIP(4)
STRIP(5)
STRIP(6)
#if ROWS > 6
STRIP(7)
STRIP(8)
#endif

static strip_fn *const strips[2][ROWS] = {
#if ROWS > 6
    {strip_1, strip_2, strip_3, strip_4, strip_5, strip_6, strip_7, strip_8},
    {wide_1, wide_2, wide_3, wide_4, wide_5, wide_6, wide_7, wide_8},
#else
    {strip_1, strip_2, strip_3, strip_4, strip_5, strip_6},
    {wide_1, wide_2, wide_3, wide_4, wide_5, wide_6},
#endif
};

/* `count` rows by `out` channels. */
static void product(const runs *g, int count, int out, const float *weights, const finish *f, const float *const *a,
                    float *const *to, const float *const *add) {
    const int whole = count / ROWS * ROWS;
    for (int o = 0; o < out;) {
        const int wide = o + WIDE * LK_PANEL <= out;
        const float *b = weights + (size_t)(o / LK_PANEL) * g->panel;
        strips[wide][ROWS - 1](g, count, b, f, o, a, to, add);
        if (whole < count)
            strips[wide][count - whole - 1](g, count - whole, b, f, o, a + whole, to + whole,
                                            add != NULL ? add + whole : NULL);
        o += wide ? WIDE * LK_PANEL : LK_PANEL;
    }
}

/* Pixels on their way to `product`, a block at most. */
typedef struct pixels {
    int count;
    const float *a[BLOCK], *add[BLOCK];
    float *to[BLOCK];
} pixels;

/* Adds `count` pixels of a row: inputs a_step floats apart, outputs and residuals (NULL: none) to_step. */
INLINE void gather(pixels *p, int count, const float *a, size_t a_step, float *to, size_t to_step, const float *add) {
    for (size_t i = 0; i < (size_t)count; i++)
        p->a[(size_t)p->count + i] = a + i * a_step;
    for (size_t i = 0; i < (size_t)count; i++)
        p->to[(size_t)p->count + i] = to + i * to_step;
    for (size_t i = 0; add != NULL && i < (size_t)count; i++)
        p->add[(size_t)p->count + i] = add + i * to_step;
    p->count += count;
}

/* The product for all pixels gathered. */
static void flush(const lk_conv *c, const runs *g, pixels *p, bool residual) {
    const finish f = {c->bias, c->act, c->slope};
    product(g, p->count, c->out, c->weights, &f, p->a, p->to, residual ? p->add : NULL);
    p->count = 0;
}

static void conv(const lk_conv *c, const lk_map *in, const lk_map *out, const lk_map *residual, int height, int width,
                 int batch) {
    const size_t length = (size_t)c->kernel_w * (size_t)c->in, step = (size_t)c->stride * (size_t)c->in;
    runs g = {.count = c->kernel_h, .length = length, .panel = (size_t)c->kernel_h * length * LK_PANEL};
    pixels p;
    p.count = 0;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++) {
            const int top = y * c->stride - c->top;
            if (in->ring > 0)
                flush(c, &g, &p, residual != NULL); /* the next row's runs may lie otherwise */
            for (int run = 0; run < g.count; run++)
                g.offset[run] = lk_map_at(in, n, top + run, 0) - lk_map_at(in, n, top, 0);
            for (int x = 0, count; x < width; x += count) {
                count = width - x < BLOCK - p.count ? width - x : BLOCK - p.count;
                gather(&p, count, lk_map_at(in, n, top, x * c->stride - c->left), step, lk_map_at(out, n, y, x),
                       (size_t)out->channels, residual != NULL ? lk_map_at(residual, n, y, x) : NULL);
                if (p.count == BLOCK)
                    flush(c, &g, &p, residual != NULL);
            }
        }
    flush(c, &g, &p, residual != NULL);
}

#include "kern/nets/winograd.h"

/* ---- depthwise ---- */

/* Pointers to `count` rows of a map from (y, x) on. */
INLINE void rows_from(const lk_map *m, int n, int y, int x, int count, float **rows) {
    for (int v = 0; v < count; v++)
        rows[v] = lk_map_at(m, n, y + v, x);
}

/* One vector of channels of `rows` x `columns` outputs, so that an input and a weight are loaded once for all that need
 * them: `at` floats into the rows `in`. `weights`: at the vector's first channel. */
INLINE void depthwise_tile(int rows, int columns, int stride, int rectify, float *const *in, size_t at, size_t pixel,
                           const float *weights, vec bias, vec sum[2][2]) {
    UNROLL
    for (int y = 0; y < rows; y++) {
        UNROLL
        for (int x = 0; x < columns; x++)
            sum[y][x] = bias;
    }
    UNROLL
    for (int v = 0; v < (rows - 1) * stride + 3; v++) {
        UNROLL
        for (int u = 0; u < (columns - 1) * stride + 3; u++) {
            vec a = vload(in[v] + at + (size_t)u * pixel);
            a = rectify ? vabove(vset(0), a) : a;
            UNROLL
            for (int y = 0; y < rows; y++) {
                UNROLL
                for (int x = 0; x < columns; x++) {
                    const int ky = v - y * stride, kx = u - x * stride;
                    if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3)
                        sum[y][x] = vfma(a, vload(weights + (size_t)(3 * ky + kx) * pixel), sum[y][x]);
                }
            }
        }
    }
}

/* `rows` x `columns` outputs from column x on. Channels are the innermost loop: memory is then walked in order, and the
 * nine weights of each channel come from the level-1 cache. */
INLINE void depthwise_pixels(int rows, int columns, int stride, int rectify, const lk_depthwise *d, int channels,
                             float *const *in, float *const *to, int x) {
    const size_t pixel = (size_t)channels, from = (size_t)(x * stride) * pixel, at = (size_t)x * pixel;
    for (size_t c = 0; c < pixel; c += LANES) {
        vec sum[2][2];
        depthwise_tile(rows, columns, stride, rectify, in, from + c, pixel, d->weights + c, vload(d->bias + c), sum);
        activate(d->act, d->slope, c, 0, rows, columns, sum[0], 2);
        UNROLL
        for (int v = 0; v < rows; v++) {
            UNROLL
            for (int u = 0; u < columns; u++)
                vstore(to[v] + at + (size_t)u * pixel + c, sum[v][u]);
        }
    }
}

/* `rows` output rows of `width` pixels, for the input rows `in`. */
INLINE void depthwise_rows(int rows, int stride, int rectify, const lk_depthwise *d, int channels, float *const *in,
                           float *const *to, int width) {
    int x = 0;
    for (; x + 2 <= width; x += 2)
        depthwise_pixels(rows, 2, stride, rectify, d, channels, in, to, x);
    if (x < width)
        depthwise_pixels(rows, 1, stride, rectify, d, channels, in, to, x);
}

typedef void depthwise_fn(const lk_depthwise *d, int channels, float *const *in, float *const *to, int width);

/* All counts are constants to the compiler: a function for each. */
#define DEPTHWISE(rows, stride, rectify)                                                                               \
    static void depthwise_##rows##stride##rectify(const lk_depthwise *d, int channels, float *const *in,               \
                                                  float *const *to, int width) {                                       \
        depthwise_rows(rows, stride, rectify, d, channels, in, to, width);                                             \
    }

DEPTHWISE(1, 1, 0)
DEPTHWISE(1, 1, 1)
DEPTHWISE(1, 2, 0)
DEPTHWISE(1, 2, 1)
DEPTHWISE(2, 1, 0)
DEPTHWISE(2, 1, 1)
DEPTHWISE(2, 2, 0)
DEPTHWISE(2, 2, 1)

static depthwise_fn *const depthwises[2][2][2] = {
    {{depthwise_110, depthwise_111}, {depthwise_120, depthwise_121}},
    {{depthwise_210, depthwise_211}, {depthwise_220, depthwise_221}},
};

/* `rows` (1 or 2) output rows of `width` pixels to `to`, the first of them (y, x) of image n. */
static void depthwise_band(const lk_depthwise *d, const lk_map *in, int n, int y, int x, int rows, int width,
                           float *const *to) {
    float *from[5];
    rows_from(in, n, y * d->stride - d->top, x * d->stride - d->left, (rows - 1) * d->stride + 3, from);
    depthwises[rows - 1][d->stride - 1][d->rectify != 0](d, in->channels, from, to, width);
}

/* A row of `width` pixels, each the largest of 2x2: what is compared is never stored. */
static void depthwise_pooled(const lk_depthwise *d, int channels, float *const *in, float *to, int width) {
    const size_t pixel = (size_t)channels;
    for (int x = 0; x < width; x++, to += pixel)
        for (size_t c = 0; c < pixel; c += LANES) {
            vec sum[2][2];
            depthwise_tile(2, 2, 1, 0, in, (size_t)(2 * x) * pixel + c, pixel, d->weights + c, vload(d->bias + c), sum);
            vec most = vmaximum(vmaximum(sum[0][0], sum[0][1]), vmaximum(sum[1][0], sum[1][1]));
            activate(d->act, NULL, 0, 0, 1, 1, &most, 1);
            vstore(to + c, most);
        }
}

static void depthwise(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    float *from[4], *to[2];
    for (int n = 0; n < batch; n++)
        for (int y = 0, rows; y < out->height; y += rows) {
            rows = d->pool || y + 2 > out->height ? 1 : 2;
            rows_from(out, n, y, 0, rows, to);
            if (d->pool) {
                rows_from(in, n, 2 * y - d->top, -d->left, 4, from);
                depthwise_pooled(d, in->channels, from, to[0], out->width);
            } else {
                depthwise_band(d, in, n, y, 0, rows, out->width, to);
            }
        }
}

/* ---- depthwise and 1x1 in one ---- */

/* The 1x1 convolution of `rows` x `width` pixels that lie in `seen`, for output from (n, y, x) on. */
static void mix_channels(const lk_conv *c, const float *seen, const lk_map *out, const lk_map *residual, int n, int y,
                         int x, int rows, int width) {
    const runs g = {.count = 1, .length = (size_t)c->in, .panel = (size_t)c->in * LK_PANEL};
    pixels p;
    p.count = 0;
    for (int v = 0; v < rows; v++)
        gather(&p, width, seen + (size_t)(v * width * c->in), (size_t)c->in, lk_map_at(out, n, y + v, x),
               (size_t)out->channels, residual != NULL ? lk_map_at(residual, n, y + v, x) : NULL);
    flush(c, &g, &p, residual != NULL);
}

/* Some rows of some columns at a time, so that what is between the two convolutions stays in the nearest caches, and
 * still so many pixels that the weights of the second are not read too often. */
static void separable(const lk_depthwise *d, const lk_conv *c, const lk_map *in, const lk_map *out,
                      const lk_map *residual, int height, int width, int batch, float *scratch) {
    const int columns = width < LK_SEPARABLE_PIXELS / 2 ? width : LK_SEPARABLE_PIXELS / 2;
    const int rows = LK_SEPARABLE_PIXELS / columns / 2 * 2;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y += rows)
            for (int x = 0; x < width; x += columns) {
                const int high = height - y < rows ? height - y : rows,
                          wide = width - x < columns ? width - x : columns;
                const size_t scratch_row = (size_t)(wide * in->channels);
                for (int v = 0; v < high; v += 2) {
                    float *const seen = scratch + (size_t)v * scratch_row, *const to[] = {seen, seen + scratch_row};
                    depthwise_band(d, in, n, y + v, x, high - v < 2 ? 1 : 2, wide, to);
                }
                mix_channels(c, scratch, out, residual, n, y, x, high, wide);
            }
}

/* ---- a depthwise window as large as the image ---- */

/* Some vectors of channels at `c`, as many as there are sums to keep the multiplier busy. */
INLINE void whole_channels(int vectors, const lk_depthwise *d, const lk_map *in, int n, size_t c, float *to) {
    const size_t pixel = (size_t)in->channels;
    const float *w = d->weights + c;
    vec sum[8];
    UNROLL
    for (int v = 0; v < vectors; v++)
        sum[v] = vload(d->bias + c + (size_t)v * LANES);
    for (int y = 0; y < in->height; y++) {
        const float *a = lk_map_at(in, n, y, 0) + c;
        for (int x = 0; x < in->width; x++, a += pixel, w += pixel) {
            UNROLL
            for (int v = 0; v < vectors; v++)
                sum[v] = vfma(vload(a + v * LANES), vload(w + v * LANES), sum[v]);
        }
    }
    activate(d->act, d->slope, c, LANES, 1, vectors, sum, vectors);
    UNROLL
    for (int v = 0; v < vectors; v++)
        vstore(to + c + (size_t)v * LANES, sum[v]);
}

static void depthwise_whole(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    const size_t pixel = (size_t)in->channels;
    for (int n = 0; n < batch; n++) {
        float *to = lk_map_at(out, n, 0, 0);
        size_t c = 0;
        for (; c + 8 * LANES <= pixel; c += 8 * LANES)
            whole_channels(8, d, in, n, c, to);
        for (; c < pixel; c += LANES)
            whole_channels(1, d, in, n, c, to);
    }
}

/* ---- the rest: bound by memory ---- */

INLINE void max_pool_sized(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    float *rows[LK_MAX_WINDOW];
    const size_t pixel = (size_t)in->channels;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++) {
            rows_from(in, n, y * stride, 0, size, rows);
            float *to = lk_map_at(out, n, y, 0);
            for (int x = 0; x < out->width; x++, to += pixel)
                for (size_t c = 0; c < pixel; c += LANES) {
                    const size_t at = (size_t)(x * stride) * pixel + c;
                    vec best = vload(rows[0] + at);
                    for (int v = 0; v < size; v++)
                        for (int u = v == 0; u < size; u++)
                            best = vmaximum(best, vload(rows[v] + at + (size_t)u * pixel));
                    vstore(to + c, best);
                }
        }
}

static void max_pool(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    if (size == 2)
        max_pool_sized(in, out, 2, stride, batch);
    else if (size == 3)
        max_pool_sized(in, out, 3, stride, batch);
    else
        max_pool_sized(in, out, size, stride, batch);
}

/* One panel, the mean of size x size pixels; even and odd columns apart, so that no sum waits for the one before. */
INLINE void window_mean(const float *a, size_t row, size_t pixel, int size, vec share, float *to) {
    vec sum[2][VECS];
    UNROLL
    for (int v = 0; v < VECS; v++)
        sum[0][v] = sum[1][v] = vset(0);
    for (int y = 0; y < size; y++) {
        const float *p = a + (size_t)y * row;
        int x = 0;
        for (; x + 2 <= size; x += 2, p += 2 * pixel) {
            UNROLL
            for (int v = 0; v < VECS; v++) {
                sum[0][v] = vadd(sum[0][v], vload(p + v * LANES));
                sum[1][v] = vadd(sum[1][v], vload(p + pixel + v * LANES));
            }
        }
        for (int v = 0; x < size && v < VECS; v++)
            sum[0][v] = vadd(sum[0][v], vload(p + v * LANES));
    }
    UNROLL
    for (int v = 0; v < VECS; v++)
        vstore(to + v * LANES, vmul(vadd(sum[0][v], sum[1][v]), share));
}

static void avg_pool(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    const vec share = vset(1.0f / (float)(size * size));
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) {
                const float *a = lk_map_at(in, n, y * stride, x * stride);
                float *to = lk_map_at(out, n, y, x);
                for (int c = 0; c < in->channels; c += LK_PANEL)
                    window_mean(a + c, in->row, (size_t)in->channels, size, share, to + c);
                for (int c = in->channels; c < out->channels; c += LANES)
                    vstore(to + c, vset(0));
            }
}

static void add_upsampled(const lk_map *fine, const lk_map *coarse, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) {
                const float *a = lk_map_at(fine, n, y, x), *b = lk_map_at(coarse, n, y / 2, x / 2);
                float *to = lk_map_at(out, n, y, x);
                for (int c = 0; c < out->channels; c += LANES)
                    vstore(to + c, vadd(vload(a + c), vload(b + c)));
            }
}

static void scale(const lk_map *in, const lk_map *gate, const lk_map *residual, const lk_map *out, int batch) {
    const size_t pixel = (size_t)out->channels;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++) {
            const float *a = lk_map_at(in, n, y, 0), *g = lk_map_at(gate, n, 0, 0);
            const float *add = residual != NULL ? lk_map_at(residual, n, y, 0) : NULL;
            float *to = lk_map_at(out, n, y, 0);
            for (int x = 0; x < out->width; x++, a += pixel, to += pixel)
                for (size_t c = 0; c < pixel; c += LANES) {
                    const vec scaled = vmul(vload(a + c), vload(g + c));
                    vstore(to + c, add != NULL ? vadd(scaled, vload(add + (size_t)x * pixel + c)) : scaled);
                }
        }
}

#include "kern/nets/plain.h"

/* Three vectors at a time, so that each starts at the same channel in every round. */
static void load_row(float *to, const uint8_t *from, size_t count, const float mean[3]) {
    float means[3 * LANES];
    for (int i = 0; i < 3 * LANES; i++)
        means[i] = mean[i % 3];
    const vec m[] = {vload(means), vload(means + LANES), vload(means + 2 * LANES)};
    size_t i = 0;
    for (; i + 3 * LANES <= count; i += 3 * LANES) {
        UNROLL
        for (size_t k = 0; k < 3; k++)
            vstore(to + i + k * LANES, vsub(vbytes(from + i + k * LANES), m[k]));
    }
    for (size_t k = 0; i + k < count; k++)
        to[i + k] = (float)from[i + k] - means[k];
}

#define LK_KERN_TABLE(cpu)                                                                                             \
    {                                                                                                                  \
        .level = (cpu), .conv = conv, .winograd = winograd, .depthwise = depthwise, .separable = separable,            \
        .depthwise_whole = depthwise_whole, .depthwise_any = depthwise_any, .max_pool = max_pool,                      \
        .avg_pool = avg_pool, .pool = lk_kern_pool, .affine = affine, .pair = pair, .add_upsampled = add_upsampled,    \
        .scale = scale, .sigmoid = lk_kern_sigmoid, .load_row = load_row                                               \
    }

#endif
