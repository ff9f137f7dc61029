/* Every level that this machine has, against a double-precision reference that shares no code with it: odd sizes,
 * batches of 1 to 33, unaligned memory, zeros, denormals, NaN. One table of cases for all levels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "kern/nets/kern.h"
#include "unit/test.h"

#define TOLERANCE 2e-5 /* of the largest value */
#define FLOOR 1e-41    /* room for the coarse grid of denormals */

static const lk_cpu levels[] = {LK_CPU_SCALAR, LK_CPU_AVX2, LK_CPU_AVX512, LK_CPU_NEON};

/* ---- numbers ---- */

typedef enum kind { ORDINARY, ZEROS, DENORMALS } kind;

static uint64_t state = 88172645463325252u;

static double uniform(void) { /* -1 .. 1 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / (double)((uint64_t)1 << 52) - 1;
}

static float number(kind k) {
    return k == ZEROS ? 0 : (float)(uniform() * (k == DENORMALS ? 1e-39 : 1));
}

static float *numbers(size_t count, kind k) {
    float *p = malloc(count * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < count; i++)
        p[i] = number(k);
    return p;
}

/* ---- maps ---- */

#define BORDER 4

typedef struct image {
    lk_map map;
    float *memory;
    int real; /* channels that are not filling */
    int batch;
} image;

/* One float into a fresh block: not aligned to any vector. */
static image new_image(int height, int width, int real, int batch, kind k) {
    const int channels = real == 3 ? 3 : lk_panels(real);
    const size_t row = (size_t)((width + 2 * BORDER) * channels), whole = row * (size_t)(height + 2 * BORDER);
    image i = {.memory = calloc(whole * (size_t)batch + 1, sizeof(float)), .real = real, .batch = batch};
    assert_non_null(i.memory);
    i.map = (lk_map){.data = i.memory + 1 + BORDER * row + (size_t)(BORDER * channels),
                     .image = whole,
                     .row = row,
                     .height = height,
                     .width = width,
                     .channels = channels};
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int c = 0; c < real; c++)
                    i.map.data[(size_t)n * whole + (size_t)y * row + (size_t)(x * channels + c)] = number(k);
    return i;
}

static float *at(const image *i, int n, int y, int x) {
    return i->map.data + (ptrdiff_t)n * (ptrdiff_t)i->map.image + (ptrdiff_t)y * (ptrdiff_t)i->map.row +
           (ptrdiff_t)x * i->map.channels;
}

static double value(const image *i, int n, int y, int x, int c) {
    const int inside = y >= 0 && x >= 0 && y < i->map.height && x < i->map.width;
    return inside ? (double)at(i, n, y, x)[c] : 0;
}

/* ---- convolution ---- */

typedef struct conv_case {
    int kernel_h, kernel_w, stride, before, in, out, height, width, batch;
    lk_act act;
    int residual; /* 0 none, 1 another map, 2 out itself */
} conv_case;

static const conv_case convs[] = {
    {3, 3, 1, 1, 16, 16, 1, 1, 1, LK_ACT_NONE, 0},    {3, 3, 1, 1, 32, 32, 5, 7, 1, LK_ACT_RELU, 1},
    {3, 3, 1, 1, 32, 48, 9, 4, 3, LK_ACT_RELU, 2},    {3, 3, 1, 1, 64, 64, 17, 17, 2, LK_ACT_RELU, 1},
    {3, 3, 1, 1, 128, 128, 8, 8, 5, LK_ACT_NONE, 0},  {3, 3, 1, 1, 256, 256, 4, 4, 33, LK_ACT_RELU, 1},
    {3, 3, 1, 1, 40, 24, 6, 11, 1, LK_ACT_RELU6, 0},  {3, 3, 2, 0, 32, 64, 35, 35, 1, LK_ACT_RELU, 0},
    {3, 3, 2, 1, 3, 16, 32, 24, 2, LK_ACT_RELU, 0},   {7, 7, 2, 0, 3, 32, 31, 29, 2, LK_ACT_RELU, 0},
    {1, 1, 1, 0, 64, 16, 5, 5, 7, LK_ACT_NONE, 0},    {1, 1, 1, 0, 256, 136, 1, 1, 33, LK_ACT_NONE, 0},
    {1, 1, 1, 0, 16, 144, 3, 13, 1, LK_ACT_RELU6, 1}, {5, 2, 3, 1, 24, 80, 13, 9, 2, LK_ACT_NONE, 1},
    {1, 1, 1, 0, 64, 40, 7, 9, 2, LK_ACT_PRELU, 0},   {1, 1, 1, 0, 128, 64, 5, 5, 3, LK_ACT_PRELU, 2},
    {3, 3, 1, 1, 32, 48, 9, 7, 1, LK_ACT_PRELU, 1},   {3, 3, 2, 1, 3, 64, 32, 24, 2, LK_ACT_PRELU, 0},
};

/* Weights as [y][x][in][out], and packed. */
typedef struct weights {
    float *plain, *bias, *packed, *winograd, *slope;
} weights;

/* One a channel, of either sign, in whole panels. */
static float *new_slopes(int channels) {
    float *slope = calloc((size_t)lk_panels(channels), sizeof *slope);
    assert_non_null(slope);
    for (int c = 0; c < channels; c++)
        slope[c] = number(ORDINARY);
    return slope;
}

static weights new_weights(const conv_case *c, int stored, kind k) {
    const size_t out = (size_t)lk_panels(c->out);
    weights w = {.plain = numbers((size_t)(c->kernel_h * c->kernel_w * c->in * c->out), ORDINARY)};
    w.bias = calloc(out, sizeof(float));
    w.packed = malloc(sizeof(float) * lk_kern_conv_floats(c->kernel_h, c->kernel_w, stored, c->out));
    assert_true(w.bias != NULL && w.packed != NULL);
    w.slope = new_slopes(c->out);
    for (int o = 0; o < c->out; o++)
        w.bias[o] = number(k);
    lk_kern_pack_conv(w.packed, w.plain, c->kernel_h, c->kernel_w, c->in, stored, c->out);
    if (c->kernel_h == 3 && c->kernel_w == 3 && c->stride == 1 && stored != 3) {
        w.winograd = malloc(sizeof(float) * lk_kern_winograd_floats_weights(stored, c->out));
        assert_non_null(w.winograd);
        lk_kern_pack_winograd(w.winograd, w.plain, c->in, stored, c->out);
    }
    return w;
}

static void free_weights(weights *w) {
    free(w->plain);
    free(w->bias);
    free(w->packed);
    free(w->winograd);
    free(w->slope);
}

static double activate(double x, lk_act act, float slope) {
    if (act == LK_ACT_PRELU)
        return x < 0 ? x * (double)slope : x;
    if (act != LK_ACT_NONE && x < 0)
        return 0;
    return act == LK_ACT_RELU6 && x > 6 ? 6 : x;
}

static double conv_value(const conv_case *c, const weights *w, const image *in, int n, int y, int x, int o,
                         double add) {
    double sum = (double)w->bias[o];
    for (int ky = 0; ky < c->kernel_h; ky++)
        for (int kx = 0; kx < c->kernel_w; kx++)
            for (int i = 0; i < c->in; i++)
                sum += value(in, n, y * c->stride - c->before + ky, x * c->stride - c->before + kx, i) *
                       (double)w->plain[((ky * c->kernel_w + kx) * c->in + i) * c->out + o];
    return activate(sum + add, c->act, w->slope[o]);
}

/* What is expected, [n][y][x][out]. */
static double *conv_reference(const conv_case *c, const weights *w, const image *in, const image *residual, int height,
                              int width) {
    double *to = malloc(sizeof *to * (size_t)(c->batch * height * width * c->out)), *p = to;
    assert_non_null(to);
    for (int n = 0; n < c->batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int o = 0; o < c->out; o++)
                    *p++ = conv_value(c, w, in, n, y, x, o, c->residual != 0 ? value(residual, n, y, x, o) : 0);
    return to;
}

static double largest(const double *values, size_t count) {
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

/* Compares the first `height` x `width` pixels; the channels that fill the last panel must be zero. */
static void compare(const char *what, lk_cpu level, const image *out, const double *expected, int height, int width) {
    const double room = TOLERANCE * largest(expected, (size_t)(out->batch * height * width * out->real)) + FLOOR;
    for (int n = 0; n < out->batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const float *p = at(out, n, y, x);
                for (int c = 0; c < out->real; c++, expected++)
                    if (!(fabs((double)p[c] - *expected) <= room))
                        fail_msg("%s, %s: (%d, %d, %d, %d) is %g, should be %g", what, lk_cpu_name(level), n, y, x, c,
                                 (double)p[c], *expected);
                for (int c = out->real; c < out->map.channels; c++)
                    if (p[c] != 0)
                        fail_msg("%s, %s: channel %d is filling and not zero", what, lk_cpu_name(level), c);
            }
}

static void run_conv(const lk_kern *k, const lk_conv *c, int winograd, const image *in, const image *out,
                     const image *residual, int height, int width, int batch) {
    const lk_map *add = residual != NULL ? &residual->map : NULL;
    if (!winograd) {
        k->conv(c, &in->map, &out->map, add, height, width, batch);
        return;
    }
    float *scratch = malloc(sizeof(float) * lk_kern_winograd_floats(c->in, c->out));
    assert_non_null(scratch);
    k->winograd(c, &in->map, &out->map, add, height, width, batch, scratch);
    free(scratch);
}

static lk_conv conv_of(const conv_case *c, const weights *w, int stored) {
    return (lk_conv){.kernel_h = c->kernel_h,
                     .kernel_w = c->kernel_w,
                     .stride = c->stride,
                     .top = c->before,
                     .left = c->before,
                     .in = stored,
                     .out = lk_panels(c->out),
                     .weights = w->packed,
                     .winograd = w->winograd,
                     .bias = w->bias,
                     .act = c->act,
                     .slope = c->act == LK_ACT_PRELU ? w->slope : NULL};
}

static void check_conv(const conv_case *c, kind k) {
    image in = new_image(c->height, c->width, c->in, c->batch, k);
    const int height = (c->height + 2 * c->before - c->kernel_h) / c->stride + 1;
    const int width = (c->width + 2 * c->before - c->kernel_w) / c->stride + 1;
    image add = new_image(height, width, c->out, c->batch, k);
    weights w = new_weights(c, in.map.channels, k);
    const lk_conv conv = conv_of(c, &w, in.map.channels);
    double *expected = conv_reference(c, &w, &in, &add, height, width);
    if (k == DENORMALS) /* or the test would pass where they are flushed */
        assert_true(largest(expected, (size_t)(c->batch * height * width * c->out)) > 100 * FLOOR);
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        for (int winograd = 0; kern != NULL && winograd <= (kern->winograd != NULL && w.winograd != NULL); winograd++) {
            image out = new_image(height, width, c->out, c->batch, ORDINARY);
            if (c->residual == 2)
                memcpy(out.memory + 1, add.memory + 1, out.map.image * (size_t)c->batch * sizeof(float));
            run_conv(kern, &conv, winograd, &in, &out,
                     c->residual == 0   ? NULL
                     : c->residual == 1 ? &add
                                        : &out,
                     height, width, c->batch);
            compare(winograd ? "winograd" : "conv", levels[l], &out, expected, height, width);
            free(out.memory);
        }
    }
    free(expected);
    free_weights(&w);
    free(add.memory);
    free(in.memory);
}

static void test_conv(void **unused) {
    (void)unused;
    for (size_t i = 0; i < LK_LENGTH(convs); i++)
        for (kind k = ORDINARY; k <= DENORMALS; k++)
            check_conv(&convs[i], k);
}

static void test_conv_batches(void **unused) {
    (void)unused;
    for (int batch = 1; batch <= 33; batch++) {
        check_conv(&(conv_case){3, 3, 1, 1, 16, 32, 3, 5, batch, LK_ACT_RELU, 1}, ORDINARY);
        check_conv(&(conv_case){1, 1, 1, 0, 32, 16, 1, 1, batch, LK_ACT_NONE, 0}, ORDINARY);
    }
}

/* An input of NaN makes NaN of every output that sees it. */
static void test_conv_nan(void **unused) {
    (void)unused;
    const conv_case c = {3, 3, 1, 1, 16, 16, 9, 9, 1, LK_ACT_RELU6, 0};
    image in = new_image(c.height, c.width, c.in, 1, ORDINARY);
    weights w = new_weights(&c, in.map.channels, ORDINARY);
    const lk_conv conv = conv_of(&c, &w, in.map.channels);
    at(&in, 0, 4, 6)[5] = NAN;
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        for (int winograd = 0; kern != NULL && winograd <= (kern->winograd != NULL); winograd++) {
            image out = new_image(9, 9, c.out, 1, ORDINARY);
            run_conv(kern, &conv, winograd, &in, &out, NULL, 9, 9, 1);
            for (int y = 3; y <= 5; y++)
                for (int x = 5; x <= 7; x++)
                    for (int o = 0; o < c.out; o++)
                        assert_true(isnan(at(&out, 0, y, x)[o]));
            assert_true(!isnan(at(&out, 0, 0, 0)[0]));
            free(out.memory);
        }
    }
    free_weights(&w);
    free(in.memory);
}

/* ---- depthwise ---- */

typedef struct depth_case {
    int stride, before, channels, height, width, batch, rectify, pool;
    lk_act act;
} depth_case;

static const depth_case depthwises[] = {
    {1, 1, 16, 1, 1, 1, 0, 0, LK_ACT_NONE},   {1, 1, 64, 7, 19, 2, 0, 0, LK_ACT_RELU},
    {1, 1, 40, 5, 8, 1, 1, 0, LK_ACT_NONE},   {2, 0, 32, 10, 12, 3, 0, 0, LK_ACT_RELU6},
    {2, 1, 128, 9, 9, 1, 1, 0, LK_ACT_RELU6}, {1, 1, 256, 4, 33, 1, 0, 0, LK_ACT_RELU6},
    {1, 1, 64, 8, 18, 2, 0, 1, LK_ACT_RELU},  {1, 1, 40, 5, 7, 1, 0, 1, LK_ACT_NONE},
    {1, 1, 64, 7, 19, 2, 0, 0, LK_ACT_PRELU}, {2, 1, 40, 9, 8, 1, 0, 0, LK_ACT_PRELU},
};

/* Nine weights, a bias and a slope a channel, in whole panels. */
static lk_depthwise depth_of(const depth_case *c, kind k, float **memory) {
    const size_t stored = (size_t)lk_panels(c->channels);
    float *w = calloc(11 * stored, sizeof *w);
    assert_non_null(w);
    *memory = w;
    for (size_t i = 0; i < (size_t)c->channels; i++) {
        w[9 * stored + i] = number(k);
        w[10 * stored + i] = number(ORDINARY);
        for (size_t tap = 0; tap < 9; tap++)
            w[tap * stored + i] = number(ORDINARY);
    }
    return (lk_depthwise){.stride = c->stride,
                          .top = c->before,
                          .left = c->before,
                          .rectify = c->rectify,
                          .pool = c->pool,
                          .weights = w,
                          .bias = w + 9 * stored,
                          .act = c->act,
                          .slope = c->act == LK_ACT_PRELU ? w + 10 * stored : NULL};
}

/* What the convolution itself gives. */
static double depth_value(const lk_depthwise *d, const image *in, int n, int y, int x, int c) {
    double sum = (double)d->bias[c];
    for (int tap = 0; tap < 9; tap++) {
        const double a = value(in, n, y * d->stride - d->top + tap / 3, x * d->stride - d->left + tap % 3, c);
        sum += (d->rectify && a < 0 ? 0 : a) * (double)d->weights[tap * in->map.channels + c];
    }
    return activate(sum, d->act, d->slope != NULL ? d->slope[c] : 0);
}

static double pooled_value(const lk_depthwise *d, const image *in, int n, int y, int x, int c) {
    double most = depth_value(d, in, n, 2 * y, 2 * x, c);
    for (int k = 1; k < 4; k++)
        most = fmax(most, depth_value(d, in, n, 2 * y + k / 2, 2 * x + k % 2, c));
    return most;
}

/* A NaN makes NaN of the first output, which sees it. */
static void check_depthwise_nan(const lk_kern *kern, const lk_depthwise *d, const image *in, const image *out) {
    for (int place = 0; place < (d->pool ? 4 : 1); place++) {
        float *seen = at(in, 0, place / 2, place % 2);
        const float kept = *seen;
        *seen = NAN;
        kern->depthwise(d, &in->map, &out->map, in->batch);
        assert_true(isnan(*at(out, 0, 0, 0)));
        *seen = kept;
    }
}

static void check_depthwise(const depth_case *c, kind k) {
    const int step = c->pool ? 2 : c->stride, short_by = c->pool ? 0 : step - 1; /* a pool drops an odd row */
    const int height = (c->height + short_by) / step, width = (c->width + short_by) / step;
    image in = new_image(c->height, c->width, c->channels, c->batch, k);
    float *memory;
    const lk_depthwise d = depth_of(c, k, &memory);
    double *expected = malloc(sizeof *expected * (size_t)(c->batch * height * width * c->channels)), *p = expected;
    assert_non_null(expected);
    for (int n = 0; n < c->batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int i = 0; i < c->channels; i++)
                    *p++ = c->pool ? pooled_value(&d, &in, n, y, x, i) : depth_value(&d, &in, n, y, x, i);
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(height, width, c->channels, c->batch, ORDINARY);
        kern->depthwise(&d, &in.map, &out.map, c->batch);
        compare(c->pool ? "depthwise and pool" : "depthwise", levels[l], &out, expected, height, width);
        if (k == ORDINARY)
            check_depthwise_nan(kern, &d, &in, &out);
        free(out.memory);
    }
    free(memory);
    free(expected);
    free(in.memory);
}

static void test_depthwise(void **unused) {
    (void)unused;
    for (size_t i = 0; i < LK_LENGTH(depthwises); i++)
        for (kind k = ORDINARY; k <= DENORMALS; k++)
            check_depthwise(&depthwises[i], k);
}

/* ---- depthwise and 1x1 in one ---- */

static const struct {
    int stride, channels, out, height, width, batch, rectify, residual;
    lk_act act; /* of the depthwise one */
} separables[] = {
    {1, 16, 16, 1, 1, 1, 0, 0, LK_ACT_RELU6},    {1, 64, 48, 7, 100, 1, 0, 0, LK_ACT_RELU6},
    {1, 32, 64, 6, 7, 3, 1, 1, LK_ACT_RELU6},    {2, 32, 136, 12, 10, 2, 0, 1, LK_ACT_RELU6},
    {1, 512, 32, 5, 5, 1, 1, 0, LK_ACT_RELU6},   {2, 16, 16, 9, 97, 1, 0, 0, LK_ACT_RELU6},
    {1, 128, 64, 32, 32, 1, 0, 0, LK_ACT_PRELU}, {2, 40, 24, 9, 11, 2, 0, 1, LK_ACT_PRELU},
};

/* Both steps by the reference of each. */
static double *separable_reference(const lk_depthwise *d, const conv_case *point, const weights *w, const image *in,
                                   const image *add) {
    double *expected = malloc(sizeof *expected * (size_t)(point->batch * point->height * point->width * point->out));
    double *seen = malloc(sizeof *seen * (size_t)point->in), *p = expected;
    assert_true(expected != NULL && seen != NULL);
    for (int n = 0; n < point->batch; n++)
        for (int y = 0; y < point->height; y++)
            for (int x = 0; x < point->width; x++) {
                for (int c = 0; c < point->in; c++)
                    seen[c] = depth_value(d, in, n, y, x, c);
                for (int o = 0; o < point->out; o++) {
                    double sum = (double)w->bias[o] + (point->residual ? value(add, n, y, x, o) : 0);
                    for (int c = 0; c < point->in; c++)
                        sum += seen[c] * (double)w->plain[c * point->out + o];
                    *p++ = activate(sum, point->act, w->slope[o]);
                }
            }
    free(seen);
    return expected;
}

static void check_separable(size_t i, kind k) {
    const int channels = separables[i].channels, stored = lk_panels(channels), outs = separables[i].out;
    const int stride = separables[i].stride, batch = separables[i].batch;
    const int height = (separables[i].height + stride - 1) / stride,
              width = (separables[i].width + stride - 1) / stride;
    const depth_case depth = {stride, 1, channels, 0, 0, 0, separables[i].rectify, 0, separables[i].act};
    const conv_case point = {1, 1, 1, 0, channels, outs, height, width, batch, LK_ACT_RELU, separables[i].residual};
    image in = new_image(separables[i].height, separables[i].width, channels, batch, k);
    image add = new_image(height, width, outs, batch, k);
    weights w = new_weights(&point, stored, k);
    float *memory, *scratch = malloc(sizeof *scratch * LK_SEPARABLE_PIXELS * (size_t)stored);
    assert_non_null(scratch);
    const lk_depthwise d = depth_of(&depth, k, &memory);
    const lk_conv c = conv_of(&point, &w, stored);
    double *expected = separable_reference(&d, &point, &w, &in, &add);
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(height, width, outs, batch, ORDINARY);
        kern->separable(&d, &c, &in.map, &out.map, point.residual ? &add.map : NULL, height, width, batch, scratch);
        compare("separable", levels[l], &out, expected, height, width);
        free(out.memory);
    }
    free(scratch);
    free(expected);
    free(memory);
    free_weights(&w);
    free(add.memory);
    free(in.memory);
}

static void test_separable(void **unused) {
    (void)unused;
    for (size_t i = 0; i < LK_LENGTH(separables); i++)
        for (kind k = ORDINARY; k <= DENORMALS; k++)
            check_separable(i, k);
}

/* ---- a window as large as the image ---- */

static void check_whole(int height, int width, int channels, int batch, lk_act act, kind k) {
    const size_t stored = (size_t)lk_panels(channels), taps = (size_t)(height * width);
    image in = new_image(height, width, channels, batch, k);
    float *w = calloc(taps * stored, sizeof *w), *bias = calloc(stored, sizeof *bias), *slope = new_slopes(channels);
    double *expected = malloc(sizeof *expected * (size_t)(batch * channels)), *p = expected;
    assert_true(w != NULL && bias != NULL && expected != NULL);
    for (size_t c = 0; c < (size_t)channels; c++) {
        bias[c] = number(k);
        for (size_t tap = 0; tap < taps; tap++)
            w[tap * stored + c] = number(ORDINARY);
    }
    const lk_depthwise d = {.weights = w, .bias = bias, .act = act, .slope = act == LK_ACT_PRELU ? slope : NULL};
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < channels; c++) {
            double sum = (double)bias[c];
            for (int tap = 0; tap < height * width; tap++)
                sum += value(&in, n, tap / width, tap % width, c) * (double)w[(size_t)tap * stored + (size_t)c];
            *p++ = activate(sum, act, slope[c]);
        }
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(1, 1, channels, batch, ORDINARY);
        kern->depthwise_whole(&d, &in.map, &out.map, batch);
        compare("depthwise_whole", levels[l], &out, expected, 1, 1);
        float *seen = at(&in, 0, height - 1, width - 1);
        const float kept = *seen;
        *seen = NAN;
        kern->depthwise_whole(&d, &in.map, &out.map, batch);
        assert_true(isnan(*at(&out, 0, 0, 0)));
        *seen = kept;
        free(out.memory);
    }
    free(w);
    free(bias);
    free(slope);
    free(expected);
    free(in.memory);
}

static void test_depthwise_whole(void **unused) {
    (void)unused;
    for (kind k = ORDINARY; k <= DENORMALS; k++) {
        check_whole(8, 8, 512, 2, LK_ACT_NONE, k);
        check_whole(7, 7, 40, 1, LK_ACT_PRELU, k);
        check_whole(1, 3, 144, 3, LK_ACT_RELU, k);
    }
}

/* ---- pooling, enlarging, loading ---- */

static double pool_value(const image *in, int average, int size, int stride, int n, int y, int x, int c) {
    double best = -INFINITY, sum = 0;
    for (int k = 0; k < size * size; k++) {
        const double a = value(in, n, y * stride + k / size, x * stride + k % size, c);
        best = fmax(best, a);
        sum += a;
    }
    return average ? sum / (size * size) : best;
}

static void check_pool(int average, int size, int stride, int side, int channels, int wider, int batch, kind k) {
    const int made = (side - size) / stride + 1, total = channels + wider;
    image in = new_image(side, side, channels, batch, k);
    double *expected = malloc(sizeof *expected * (size_t)(batch * made * made * total)), *p = expected;
    assert_non_null(expected);
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < made; y++)
            for (int x = 0; x < made; x++)
                for (int c = 0; c < total; c++)
                    *p++ = c < channels ? pool_value(&in, average, size, stride, n, y, x, c) : 0;
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(made, made, total, batch, ORDINARY);
        (average ? kern->avg_pool : kern->max_pool)(&in.map, &out.map, size, stride, batch);
        compare(average ? "avg_pool" : "max_pool", levels[l], &out, expected, made, made);
        for (int place = 0; place < size * size; place++) { /* a NaN anywhere in the window is kept */
            float *seen = at(&in, 0, place / size, place % size);
            const float kept = *seen;
            *seen = NAN;
            (average ? kern->avg_pool : kern->max_pool)(&in.map, &out.map, size, stride, batch);
            assert_true(isnan(*at(&out, 0, 0, 0)));
            *seen = kept;
        }
        free(out.memory);
    }
    free(expected);
    free(in.memory);
}

static void test_pools(void **unused) {
    (void)unused;
    for (kind k = ORDINARY; k <= DENORMALS; k++) {
        check_pool(0, 3, 2, 9, 32, 0, 2, k);
        check_pool(0, 2, 2, 6, 16, 0, 1, k);
        check_pool(1, 2, 2, 7, 16, 16, 3, k);
        check_pool(1, 7, 7, 7, 256, 0, 33, k);
        check_pool(1, 32, 32, 32, 64, 0, 1, k);
    }
}

#include "unit/kern/nets/plain_cases.h"

/* ---- rings ---- */

/* The same image as a ring that begins somewhere in the middle. */
static image new_ring(const image *from, int turn) {
    const int rows = from->map.height + 2 * BORDER;
    image to = new_image(from->map.height, from->map.width, from->real, 1, ORDINARY);
    to.map.data -= BORDER * to.map.row; /* where the first place is */
    to.map.ring = rows;
    to.map.turn = turn;
    for (int y = -BORDER; y < from->map.height + BORDER; y++)
        memcpy(lk_map_at(&to.map, 0, y, -BORDER), lk_map_at(&from->map, 0, y, -BORDER), from->map.row * sizeof(float));
    return to;
}

/* What each kernel that takes rings makes of the map `in`, in the map `out`. */
static void run_on_maps(const lk_kern *k, int which, const lk_map *in, const lk_map *out) {
    static float table[9 * 16 * 16], scratch[LK_SEPARABLE_PIXELS * 16];
    for (size_t i = 0; i < LK_LENGTH(table); i++)
        table[i] = (float)(i * i % 17) - 8;
    const lk_conv full = {3, 3, 1, 1, 1, 16, 16, table, NULL, table, LK_ACT_NONE, NULL},
                  point = {1, 1, 1, 0, 0, 16, 16, table, NULL, table, LK_ACT_NONE, NULL};
    const lk_depthwise d = {1, 1, 1, 0, 0, table, table, LK_ACT_PRELU, table, 0},
                       pooled = {1, 1, 1, 0, 1, table, table, LK_ACT_NONE, NULL, 0};
    if (which == 0)
        k->conv(&full, in, out, NULL, out->height, out->width, 1);
    else if (which == 1)
        k->depthwise(&d, in, out, 1);
    else if (which == 2)
        k->separable(&d, &point, in, out, NULL, out->height, out->width, 1, scratch);
    else if (which == 3)
        k->depthwise(&pooled, in, out, 1);
    else
        k->max_pool(in, out, 2, 2, 1);
}

/* A ring is read and written as the whole map is, wherever it begins. */
static void test_rings(void **unused) {
    (void)unused;
    for (size_t l = 0; l < LK_LENGTH(levels); l++)
        for (int which = 0; which < 5 && lk_kern_of(levels[l]) != NULL; which++) {
            const int by = which < 3 ? 1 : 2;
            image in = new_image(10, 50, 16, 1, ORDINARY);
            image expected = new_image(10 / by, 50 / by, 16, 1, ORDINARY);
            run_on_maps(lk_kern_of(levels[l]), which, &in.map, &expected.map);
            for (int turn = 0; turn < 10 + 2 * BORDER; turn++) {
                image in_ring = new_ring(&in, turn), blank = new_image(10 / by, 50 / by, 16, 1, ZEROS);
                image out_ring = new_ring(&blank, turn * 5 % (10 / by + 2 * BORDER));
                run_on_maps(lk_kern_of(levels[l]), which, &in_ring.map, &out_ring.map);
                for (int y = 0; y < 10 / by; y++)
                    assert_memory_equal(lk_map_at(&out_ring.map, 0, y, 0), lk_map_at(&expected.map, 0, y, 0),
                                        sizeof(float) * 16 * (size_t)(50 / by));
                free(in_ring.memory);
                free(blank.memory);
                free(out_ring.memory);
            }
            free(in.memory);
            free(expected.memory);
        }
}

static void test_add_upsampled(void **unused) {
    (void)unused;
    image fine = new_image(6, 10, 64, 2, ORDINARY), coarse = new_image(3, 5, 64, 2, ORDINARY);
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(6, 10, 64, 2, ORDINARY);
        kern->add_upsampled(&fine.map, &coarse.map, &out.map, 2);
        for (int n = 0; n < 2; n++)
            for (int y = 0; y < 6; y++)
                for (int x = 0; x < 10; x++)
                    for (int c = 0; c < 64; c++)
                        assert_true(at(&out, n, y, x)[c] == at(&fine, n, y, x)[c] + at(&coarse, n, y / 2, x / 2)[c]);
        free(out.memory);
    }
    free(fine.memory);
    free(coarse.memory);
}

/* In place as well; a NaN stays one. */
static void check_scale(int height, int width, int channels, int batch, int residual, kind k) {
    image in = new_image(height, width, channels, batch, k), gate = new_image(1, 1, channels, batch, ORDINARY);
    image add = new_image(height, width, channels, batch, k);
    double *expected = malloc(sizeof *expected * (size_t)(batch * height * width * channels)), *p = expected;
    assert_non_null(expected);
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int c = 0; c < channels; c++)
                    *p++ = value(&in, n, y, x, c) * value(&gate, n, 0, 0, c) +
                           (residual != 0 ? value(&add, n, y, x, c) : 0);
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(height, width, channels, batch, ORDINARY);
        memcpy(out.memory, add.memory, (out.map.image * (size_t)batch + 1) * sizeof(float));
        const lk_map *to_add = residual == 0 ? NULL : residual == 1 ? &add.map : &out.map;
        kern->scale(&in.map, &gate.map, to_add, &out.map, batch);
        compare("scale", levels[l], &out, expected, height, width);
        free(out.memory);
    }
    free(expected);
    free(in.memory);
    free(gate.memory);
    free(add.memory);
}

static void test_scale(void **unused) {
    (void)unused;
    for (kind k = ORDINARY; k <= DENORMALS; k++)
        for (int residual = 0; residual < 3; residual++) {
            check_scale(16, 16, 128, 2, residual, k);
            check_scale(3, 5, 40, 3, residual, k);
        }
}

static void test_sigmoid(void **unused) {
    (void)unused;
    static const float from[] = {0, 1, -1, 20, -20, 1000, -1000, 1e-39f, INFINITY, -INFINITY};
    image in = new_image(1, 1, 16, 1, ZEROS);
    memcpy(in.map.data, from, sizeof from);
    in.map.data[LK_LENGTH(from)] = NAN;
    for (size_t l = 0; l < LK_LENGTH(levels); l++) {
        const lk_kern *kern = lk_kern_of(levels[l]);
        if (kern == NULL)
            continue;
        image out = new_image(1, 1, 16, 1, ORDINARY);
        kern->sigmoid(&in.map, &out.map, 1);
        for (size_t i = 0; i < LK_LENGTH(from); i++)
            assert_true(fabs((double)out.map.data[i] - 1 / (1 + exp(-(double)from[i]))) <= 1e-6);
        assert_true(isnan(out.map.data[LK_LENGTH(from)]));
        free(out.memory);
    }
    free(in.memory);
}

static void test_load_row(void **unused) {
    (void)unused;
    const float mean[] = {122.782f, 117.001f, 104.298f};
    uint8_t from[3 * 75 + 1];
    float to[3 * 75 + 2];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i * 37);
    for (size_t l = 0; l < LK_LENGTH(levels); l++)
        for (size_t count = 0; count <= 225 && lk_kern_of(levels[l]) != NULL; count += 3) {
            to[count + 1] = -7;
            lk_kern_of(levels[l])->load_row(to + 1, from + 1, count, mean);
            for (size_t i = 0; i < count; i++)
                assert_true(to[1 + i] == (float)from[1 + i] - mean[i % 3]);
            assert_true(to[count + 1] == -7);
        }
}

static void test_levels(void **unused) {
    (void)unused;
    assert_non_null(lk_kern_of(LK_CPU_SCALAR));
    assert_int_equal(lk_kern_get()->level, lk_cpu_level());
    const char *how = getenv("LIKEN_EMULATED") != NULL ? "emulated" : "natively"; /* emulate.sh says so */
    for (size_t l = 0; l < LK_LENGTH(levels); l++)
        print_message("%s: %s\n", lk_cpu_name(levels[l]),
                      lk_kern_of(levels[l]) != NULL ? how : "not at all in this run: this machine or build lacks it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),          cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_batches),    cmocka_unit_test(test_conv_nan),
        cmocka_unit_test(test_depthwise),       cmocka_unit_test(test_separable),
        cmocka_unit_test(test_pools),           cmocka_unit_test(test_rings),
        cmocka_unit_test(test_add_upsampled),   cmocka_unit_test(test_load_row),
        cmocka_unit_test(test_depthwise_whole), cmocka_unit_test(test_scale),
        cmocka_unit_test(test_sigmoid),         cmocka_unit_test(test_windows),
        cmocka_unit_test(test_affine),          cmocka_unit_test(test_pair),
    };
    return cmocka_run_group_tests_name("kern/nets", tests, NULL, NULL);
}
