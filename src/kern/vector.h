/* vector.h - the kernels for any machine with vector registers. A level file (avx2.c, avx512.c, neon.c) first says
 * what a vector is:
 *
 *   vec, LANES            the type, and how many floats it holds (4, 8 or 16)
 *   ROWS, WIDE            the tile of the multiplication: ROWS pixels by WIDE panels of 16 channels
 *   vload vstore vset     memory, and one float in all lanes
 *   vadd vsub vmul vfma   vfma(a, b, c) is a*b + c, rounded once
 *   vclamp                vclamp(low, x, high): x in between, NaN stays NaN
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
#ifndef LK_KERN_VECTOR_H
#define LK_KERN_VECTOR_H

#include <math.h>

#include "kern/levels.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#define INLINE static inline __attribute__((always_inline))
#define VECS (LK_PANEL / LANES) /* vectors a panel */
#define BLOCK (ROWS * (96 / ROWS))
#define AHEAD 8 /* weight rows that are fetched ahead: weights of deep layers come from far away */

/* Every activation is a range. */
typedef struct range {
    vec low, high;
} range;

INLINE range range_of(lk_act act) {
    return (range){vset(act == LK_ACT_NONE ? -INFINITY : 0), vset(act == LK_ACT_RELU6 ? 6 : INFINITY)};
}

/* ---- matrix product ---- */

/* The runs of floats that one output pixel sees, and the weights of one panel in the same order. */
typedef struct runs {
    int count;
    size_t length, stride; /* of a run; from run to run */
    size_t panel;          /* floats from a panel to the next: count * length * 16 */
} runs;

/* sums[r][v] += the product of row r with vector v of `panels` panels from b on. */
INLINE void multiply(int rows, int panels, const runs *g, const float *const *a, const float *b,
                     vec sums[ROWS][WIDE * VECS]) {
    for (int run = 0; run < g->count; run++) {
        const size_t start = (size_t)run * g->stride;
        const float *p[ROWS];
        UNROLL
        for (int r = 0; r < rows; r++)
            p[r] = a[r] + start;
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
    const range act = range_of(f->act);
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < panels * VECS; v++) {
            const int at = o + v * LANES;
            const vec sum = add != NULL ? vadd(sums[r][v], vload(add[r] + at)) : sums[r][v];
            vstore(to[r] + at, vclamp(act.low, sum, act.high));
        }
    }
}

typedef void tile_fn(const runs *g, const float *const *a, const float *b, const finish *f, int o, float *const *to,
                     const float *const *add);

/* A tile with fewer rows is a function of its own, so that every sum is in a register whatever the count. */
#define TILE(rows)                                                                                                     \
    static void tile_##rows(const runs *g, const float *const *a, const float *b, const finish *f, int o,              \
                            float *const *to, const float *const *add) {                                               \
        tile(rows, 1, g, a, b, f, o, to, add);                                                                         \
    }                                                                                                                  \
    static void wide_##rows(const runs *g, const float *const *a, const float *b, const finish *f, int o,              \
                            float *const *to, const float *const *add) {                                               \
        tile(rows, WIDE, g, a, b, f, o, to, add);                                                                      \
    }

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
#if ROWS > 6
TILE(7)
TILE(8)
#endif

static tile_fn *const tiles[2][ROWS] = {
#if ROWS > 6
    {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8},
    {wide_1, wide_2, wide_3, wide_4, wide_5, wide_6, wide_7, wide_8},
#else
    {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6},
    {wide_1, wide_2, wide_3, wide_4, wide_5, wide_6},
#endif
};

/* `count` rows by `out` channels. */
static void product(const runs *g, int count, int out, const float *weights, const finish *f, const float *const *a,
                    float *const *to, const float *const *add) {
    for (int o = 0; o < out;) {
        const int wide = o + WIDE * LK_PANEL <= out;
        const float *b = weights + (size_t)(o / LK_PANEL) * g->panel;
        for (int r = 0; r < count; r += ROWS) {
            const int rows = count - r < ROWS ? count - r : ROWS;
            tiles[wide][rows - 1](g, a + r, b, f, o, to + r, add != NULL ? add + r : NULL);
        }
        o += wide ? WIDE * LK_PANEL : LK_PANEL;
    }
}

static void conv(const lk_conv *c, const lk_map *in, const lk_map *out, const lk_map *residual, int height, int width,
                 int batch) {
    const size_t length = (size_t)c->kernel_w * (size_t)c->in, step = (size_t)c->stride * (size_t)c->in;
    const runs g = {c->kernel_h, length, in->row, (size_t)c->kernel_h * length * LK_PANEL};
    const finish f = {c->bias, c->act};
    const float *a[BLOCK], *add[BLOCK];
    float *to[BLOCK];
    int count = 0;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++) {
            const float *from = lk_map_at(in, n, y * c->stride - c->top, -c->left);
            const float *sum = residual != NULL ? lk_map_at(residual, n, y, 0) : from;
            const size_t sum_step = residual != NULL ? (size_t)residual->channels : 0;
            float *made = lk_map_at(out, n, y, 0);
            for (int x = 0; x < width; x++, from += step, sum += sum_step, made += out->channels) {
                a[count] = from;
                to[count] = made;
                if (residual != NULL)
                    add[count] = sum;
                if (++count == BLOCK) {
                    product(&g, count, c->out, c->weights, &f, a, to, residual != NULL ? add : NULL);
                    count = 0;
                }
            }
        }
    if (count > 0)
        product(&g, count, c->out, c->weights, &f, a, to, residual != NULL ? add : NULL);
}

#include "kern/winograd.h"

/* ---- depthwise ---- */

/* `rows` x `columns` outputs at once, so that an input and a weight are loaded once for all that need them. Channels
 * are the innermost loop: memory is then walked in order, and the nine weights of each channel come from the level-1
 * cache. */
INLINE void depthwise_tile(int rows, int columns, int stride, int rectify, const lk_depthwise *d, int channels,
                           const float *in, size_t row, float *to, size_t to_row) {
    const size_t pixel = (size_t)channels;
    const range act = range_of(d->act);
    const vec zero = vset(0), most = vset(INFINITY);
    for (int c = 0; c < channels; c += LANES) {
        vec sum[2][2];
        UNROLL
        for (int y = 0; y < rows; y++) {
            UNROLL
            for (int x = 0; x < columns; x++)
                sum[y][x] = vload(d->bias + c);
        }
        UNROLL
        for (int v = 0; v < (rows - 1) * stride + 3; v++) {
            UNROLL
            for (int u = 0; u < (columns - 1) * stride + 3; u++) {
                vec a = vload(in + (size_t)v * row + (size_t)u * pixel + c);
                a = rectify ? vclamp(zero, a, most) : a;
                UNROLL
                for (int y = 0; y < rows; y++) {
                    UNROLL
                    for (int x = 0; x < columns; x++) {
                        const int ky = v - y * stride, kx = u - x * stride;
                        if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3)
                            sum[y][x] = vfma(a, vload(d->weights + (size_t)(3 * ky + kx) * pixel + c), sum[y][x]);
                    }
                }
            }
        }
        UNROLL
        for (int y = 0; y < rows; y++) {
            UNROLL
            for (int x = 0; x < columns; x++)
                vstore(to + (size_t)y * to_row + (size_t)x * pixel + c, vclamp(act.low, sum[y][x], act.high));
        }
    }
}

/* `rows` output rows of `width` pixels, for inputs from `in` on. */
INLINE void depthwise_rows(int rows, int stride, int rectify, const lk_depthwise *d, int channels, const float *in,
                           size_t row, float *to, size_t to_row, int width) {
    const size_t step = (size_t)channels;
    int x = 0;
    for (; x + 2 <= width; x += 2, in += 2 * (size_t)stride * step, to += 2 * step)
        depthwise_tile(rows, 2, stride, rectify, d, channels, in, row, to, to_row);
    if (x < width)
        depthwise_tile(rows, 1, stride, rectify, d, channels, in, row, to, to_row);
}

typedef void depthwise_fn(const lk_depthwise *d, int channels, const float *in, size_t row, float *to, size_t to_row,
                          int width);

/* All counts are constants to the compiler: a function for each. */
#define DEPTHWISE(rows, stride, rectify)                                                                               \
    static void depthwise_##rows##stride##rectify(const lk_depthwise *d, int channels, const float *in, size_t row,    \
                                                  float *to, size_t to_row, int width) {                               \
        depthwise_rows(rows, stride, rectify, d, channels, in, row, to, to_row, width);                                \
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

static depthwise_fn *depthwise_for(const lk_depthwise *d, int rows) {
    return depthwises[rows - 1][d->stride - 1][d->rectify != 0];
}

static void depthwise(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y += 2)
            depthwise_for(d, y + 2 <= out->height ? 2 : 1)(d, in->channels,
                                                           lk_map_at(in, n, y * d->stride - d->top, -d->left), in->row,
                                                           lk_map_at(out, n, y, 0), out->row, out->width);
}

/* ---- depthwise and 1x1 in one ---- */

/* The 1x1 convolution of `rows` x `width` pixels that lie in `seen`, for output from (n, y, x) on. */
static void mix_channels(const lk_conv *c, const float *seen, const lk_map *out, const lk_map *residual, int n, int y,
                         int x, int rows, int width) {
    const runs g = {1, (size_t)c->in, 0, (size_t)c->in * LK_PANEL};
    const finish f = {c->bias, c->act};
    const float *a[LK_SEPARABLE_PIXELS], *add[LK_SEPARABLE_PIXELS];
    float *to[LK_SEPARABLE_PIXELS];
    int count = 0;
    for (int v = 0; v < rows; v++)
        for (int u = 0; u < width; u++, seen += c->in, count++) {
            a[count] = seen;
            to[count] = lk_map_at(out, n, y + v, x + u);
            add[count] = residual != NULL ? lk_map_at(residual, n, y + v, x + u) : NULL;
        }
    product(&g, count, c->out, c->weights, &f, a, to, residual != NULL ? add : NULL);
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
                for (int v = 0; v < high; v += 2)
                    depthwise_for(d, high - v < 2 ? 1 : 2)(
                        d, in->channels, lk_map_at(in, n, (y + v) * d->stride - d->top, x * d->stride - d->left),
                        in->row, scratch + (size_t)v * scratch_row, scratch_row, wide);
                mix_channels(c, scratch, out, residual, n, y, x, high, wide);
            }
}

/* ---- the rest: bound by memory ---- */

INLINE void max_pool_sized(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) {
                const float *a = lk_map_at(in, n, y * stride, x * stride);
                float *to = lk_map_at(out, n, y, x);
                for (int c = 0; c < in->channels; c += LANES) {
                    vec best = vload(a + c);
                    for (int v = 0; v < size; v++)
                        for (int u = v == 0; u < size; u++)
                            best = vmaximum(best, vload(a + (size_t)v * in->row + (size_t)(u * in->channels + c)));
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

static void avg_pool(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    const vec share = vset(1.0f / (float)(size * size));
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) {
                const float *a = lk_map_at(in, n, y * stride, x * stride);
                float *to = lk_map_at(out, n, y, x);
                for (int c = 0; c < in->channels; c += LANES) {
                    vec sum = vset(0);
                    for (int v = 0; v < size; v++)
                        for (int u = 0; u < size; u++)
                            sum = vadd(sum, vload(a + (size_t)v * in->row + (size_t)(u * in->channels + c)));
                    vstore(to + c, vmul(sum, share));
                }
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

/* 48 = 3 channels x 16 lanes, so that every vector starts at the same channel in each round. */
static void load_row(float *to, const uint8_t *from, size_t count, const float mean[3]) {
    float means[48];
    for (int i = 0; i < 48; i++)
        means[i] = mean[i % 3];
    size_t i = 0;
    for (; i + 48 <= count; i += 48)
        for (int k = 0; k < 48; k++)
            to[i + (size_t)k] = (float)from[i + (size_t)k] - means[k];
    for (size_t k = 0; i + k < count; k++)
        to[i + k] = (float)from[i + k] - means[k];
}

#define LK_KERN_TABLE(cpu)                                                                                             \
    {                                                                                                                  \
        .level = (cpu), .conv = conv, .winograd = winograd, .depthwise = depthwise, .separable = separable,            \
        .max_pool = max_pool, .avg_pool = avg_pool, .add_upsampled = add_upsampled, .load_row = load_row               \
    }

#endif
