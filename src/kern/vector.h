/* vector.h - the kernels for any machine with vector registers. A level file (avx2.c, avx512.c, neon.c) first says
 * what a vector is:
 *
 *   vec, LANES            the type, and how many floats it holds (4, 8 or 16)
 *   ROWS, WIDE            the tile of the multiplication: ROWS pixels by WIDE panels of 16 channels
 *   vload vstore vset     memory, and one float in all lanes
 *   vadd vsub vmul vfma   vfma(a, b, c) is a*b + c, rounded once
 *   vrelu vmin6           max(x, 0) and min(x, 6), NaN stays NaN
 *   vmaximum              the larger; NaN when either is
 *
 * and then includes this file, which defines `static const lk_kern_parts`-style functions and the table's body.
 *
 * Convolution is an "indirect" matrix product. In NHWC the taps of one kernel row are neighbours in memory, so that an
 * output pixel needs only one pointer and the image's row stride: its receptive field is kernel_h runs of kernel_w*in
 * floats. A tile takes ROWS such pointers and one panel (or WIDE of them) of packed weights, keeps ROWS x 16*WIDE sums
 * in registers, and for each weight row broadcasts one float a pixel. Pixels are gathered in blocks of BLOCK over the
 * whole batch, and all panels are run over one block before the next: inputs stay in the level-2 cache and the weights
 * stream through once a block. */
#ifndef LK_KERN_VECTOR_H
#define LK_KERN_VECTOR_H

#include "kern/levels.h"

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#define INLINE static inline __attribute__((always_inline))
#define VECS (LK_PANEL / LANES) /* vectors a panel */
#define BLOCK (ROWS * (96 / ROWS))

INLINE vec activate(vec x, lk_act act) {
    if (act != LK_ACT_NONE)
        x = vrelu(x);
    return act == LK_ACT_RELU6 ? vmin6(x) : x;
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
    UNROLL
    for (int r = 0; r < rows; r++) {
        UNROLL
        for (int v = 0; v < panels * VECS; v++) {
            const int at = o + v * LANES;
            const vec sum = add != NULL ? vadd(sums[r][v], vload(add[r] + at)) : sums[r][v];
            vstore(to[r] + at, activate(sum, f->act));
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
    const size_t length = (size_t)c->kernel_w * (size_t)c->in;
    const runs g = {c->kernel_h, length, in->row, (size_t)c->kernel_h * length * LK_PANEL};
    const finish f = {c->bias, c->act};
    const float *a[BLOCK], *add[BLOCK];
    float *to[BLOCK];
    int count = 0;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                a[count] = lk_map_at(in, n, y * c->stride - c->top, x * c->stride - c->left);
                to[count] = lk_map_at(out, n, y, x);
                add[count] = residual != NULL ? lk_map_at(residual, n, y, x) : NULL;
                if (++count == BLOCK) {
                    product(&g, count, c->out, c->weights, &f, a, to, residual != NULL ? add : NULL);
                    count = 0;
                }
            }
    if (count > 0)
        product(&g, count, c->out, c->weights, &f, a, to, residual != NULL ? add : NULL);
}

#include "kern/winograd.h"

/* ---- depthwise ---- */

/* Columns done for one vector of channels before the next vector: their three rows stay in the level-1 cache, where
 * walking a whole image row for each vector would not. */
#define COLUMNS 8

INLINE void depthwise_run(const lk_depthwise *d, const float *in, size_t row, size_t pixel, float *to, size_t step,
                          int count, int c, int channels, int rectify) {
    vec w[9];
    UNROLL
    for (int k = 0; k < 9; k++)
        w[k] = vload(d->weights + k * channels + c);
    const vec bias = vload(d->bias + c);
    for (int x = 0; x < count; x++, in += (size_t)d->stride * pixel, to += step) {
        vec sum = bias;
        UNROLL
        for (int k = 0; k < 9; k++) {
            const vec a = vload(in + (size_t)(k / 3) * row + (size_t)(k % 3) * pixel);
            sum = vfma(rectify ? vrelu(a) : a, w[k], sum);
        }
        vstore(to, activate(sum, d->act));
    }
}

static void depthwise(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    const int channels = in->channels;
    const size_t pixel = (size_t)channels;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x += COLUMNS) {
                const float *a = lk_map_at(in, n, y * d->stride - d->top, x * d->stride - d->left);
                float *to = lk_map_at(out, n, y, x);
                const int count = out->width - x < COLUMNS ? out->width - x : COLUMNS;
                for (int c = 0; c < channels; c += LANES) {
                    if (d->rectify)
                        depthwise_run(d, a + c, in->row, pixel, to + c, pixel, count, c, channels, 1);
                    else
                        depthwise_run(d, a + c, in->row, pixel, to + c, pixel, count, c, channels, 0);
                }
            }
}

/* ---- the rest: bound by memory ---- */

static void max_pool(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++) {
                const float *a = lk_map_at(in, n, y * stride, x * stride);
                float *to = lk_map_at(out, n, y, x);
                for (int c = 0; c < in->channels; c += LANES) {
                    vec best = vload(a + c);
                    for (int k = 1; k < size * size; k++)
                        best = vmaximum(
                            best, vload(a + (size_t)(k / size) * in->row + (size_t)(k % size * in->channels + c)));
                    vstore(to + c, best);
                }
            }
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
                    for (int k = 0; k < size * size; k++)
                        sum = vadd(sum,
                                   vload(a + (size_t)(k / size) * in->row + (size_t)(k % size * in->channels + c)));
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
        .level = (cpu), .conv = conv, .winograd = winograd, .depthwise = depthwise, .max_pool = max_pool,              \
        .avg_pool = avg_pool, .add_upsampled = add_upsampled, .load_row = load_row                                     \
    }

#endif
