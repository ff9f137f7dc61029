/* scalar.c - the definition of every kernel, in plain C: the oracle of the tests and the level of last resort. */
#include "kern/nets/levels.h"

/* `slope`: of the value's channel. A NaN is not below zero and passes. */
static float activate(float x, lk_act act, const float *slope) {
    if (act == LK_ACT_PRELU)
        return x < 0 ? x * *slope : x;
    if (act != LK_ACT_NONE && x < 0)
        return 0;
    return act == LK_ACT_RELU6 && x > 6 ? 6 : x;
}

static const float *slope_of(const float *slopes, int channel) {
    return slopes != NULL ? slopes + channel : NULL;
}

/* One output pixel, one panel; `in`: the rows that it sees. */
static void conv_pixel(const lk_conv *c, const float *const *in, const float *panel, const float *bias, float *sum) {
    for (int o = 0; o < LK_PANEL; o++)
        sum[o] = bias[o];
    const size_t taps = (size_t)c->kernel_w * (size_t)c->in;
    for (int ky = 0; ky < c->kernel_h; ky++) {
        const float *a = in[ky];
        for (size_t k = 0; k < taps; k++, panel += LK_PANEL)
            for (int o = 0; o < LK_PANEL; o++)
                sum[o] += a[k] * panel[o];
    }
}

static void conv(const lk_conv *c, const lk_map *in, const lk_map *out, const lk_map *residual, int height, int width,
                 int batch) {
    const size_t panel = (size_t)c->kernel_h * (size_t)c->kernel_w * (size_t)c->in * LK_PANEL;
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const float *a[LK_MAX_WINDOW];
                for (int ky = 0; ky < c->kernel_h; ky++)
                    a[ky] = lk_map_at(in, n, y * c->stride - c->top + ky, x * c->stride - c->left);
                float *to = lk_map_at(out, n, y, x);
                const float *add = residual != NULL ? lk_map_at(residual, n, y, x) : NULL;
                for (int o = 0; o < c->out; o += LK_PANEL) {
                    float sum[LK_PANEL];
                    conv_pixel(c, a, c->weights + (size_t)(o / LK_PANEL) * panel, c->bias + o, sum);
                    for (int i = 0; i < LK_PANEL; i++)
                        to[o + i] =
                            activate(add != NULL ? sum[i] + add[o + i] : sum[i], c->act, slope_of(c->slope, o + i));
                }
            }
}

/* Channel c of the convolution at (y, x). */
static float depthwise_value(const lk_depthwise *d, const lk_map *in, int n, int y, int x, int c) {
    float sum = d->bias[c];
    for (int k = 0; k < 9; k++) {
        const float a = lk_map_at(in, n, y * d->stride - d->top + k / 3, x * d->stride - d->left + k % 3)[c];
        sum += (d->rectify && a < 0 ? 0 : a) * d->weights[k * in->channels + c];
    }
    return activate(sum, d->act, slope_of(d->slope, c));
}

/* NaN when either is. */
static float larger(float a, float b) {
    return a > b || a != a ? a : b;
}

static float pooled_value(const lk_depthwise *d, const lk_map *in, int n, int y, int x, int c) {
    const float above =
        larger(depthwise_value(d, in, n, 2 * y, 2 * x, c), depthwise_value(d, in, n, 2 * y, 2 * x + 1, c));
    return larger(above, larger(depthwise_value(d, in, n, 2 * y + 1, 2 * x, c),
                                depthwise_value(d, in, n, 2 * y + 1, 2 * x + 1, c)));
}

static void depthwise(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < in->channels; c++)
                    lk_map_at(out, n, y, x)[c] =
                        d->pool ? pooled_value(d, in, n, y, x, c) : depthwise_value(d, in, n, y, x, c);
}

static void separable(const lk_depthwise *d, const lk_conv *c, const lk_map *in, const lk_map *out,
                      const lk_map *residual, int height, int width, int batch, float *scratch) {
    const lk_map pixel = {.data = scratch, .height = 1, .width = 1, .channels = in->channels};
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                const lk_map to = {.data = lk_map_at(out, n, y, x), .channels = out->channels};
                const lk_map add = {.data = residual != NULL ? lk_map_at(residual, n, y, x) : NULL};
                for (int k = 0; k < in->channels; k++)
                    scratch[k] = depthwise_value(d, in, n, y, x, k);
                conv(c, &pixel, &to, residual != NULL ? &add : NULL, 1, 1, 1);
            }
}

static void depthwise_whole(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < in->channels; c++) {
            float sum = d->bias[c];
            const float *w = d->weights + c;
            for (int y = 0; y < in->height; y++)
                for (int x = 0; x < in->width; x++, w += in->channels)
                    sum += lk_map_at(in, n, y, x)[c] * *w;
            lk_map_at(out, n, 0, 0)[c] = activate(sum, d->act, slope_of(d->slope, c));
        }
}

static float any_value(const lk_depthwise *d, const lk_map *in, int n, int top, int left, int c) {
    float sum = d->bias[c];
    for (int k = 0; k < d->size * d->size; k++) {
        const int y = top + k / d->size, x = left + k % d->size;
        if (y >= 0 && x >= 0 && y < in->height && x < in->width)
            sum += lk_map_at(in, n, y, x)[c] * d->weights[k * in->channels + c];
    }
    return activate(sum, d->act, slope_of(d->slope, c));
}

static void depthwise_any(const lk_depthwise *d, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < in->channels; c++)
                    lk_map_at(out, n, y, x)[c] =
                        any_value(d, in, n, y * d->stride - d->top, x * d->stride - d->left, c);
}

static void max_pool(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < in->channels; c++) {
                    float best = lk_map_at(in, n, y * stride, x * stride)[c];
                    for (int k = 1; k < size * size; k++)
                        best = larger(best, lk_map_at(in, n, y * stride + k / size, x * stride + k % size)[c]);
                    lk_map_at(out, n, y, x)[c] = best;
                }
}

static void avg_pool(const lk_map *in, const lk_map *out, int size, int stride, int batch) {
    const float share = 1.0f / (float)(size * size);
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++) {
                    float sum = 0;
                    for (int k = 0; k < size * size && c < in->channels; k++)
                        sum += lk_map_at(in, n, y * stride + k / size, x * stride + k % size)[c];
                    lk_map_at(out, n, y, x)[c] = sum * share;
                }
}

static void add_upsampled(const lk_map *fine, const lk_map *coarse, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++)
                    lk_map_at(out, n, y, x)[c] = lk_map_at(fine, n, y, x)[c] + lk_map_at(coarse, n, y / 2, x / 2)[c];
}

static void scale(const lk_map *in, const lk_map *gate, const lk_map *residual, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++) {
                    const float scaled = lk_map_at(in, n, y, x)[c] * lk_map_at(gate, n, 0, 0)[c];
                    lk_map_at(out, n, y, x)[c] = residual != NULL ? scaled + lk_map_at(residual, n, y, x)[c] : scaled;
                }
}

static float affine_value(const lk_affine *a, float x, int c) {
    float y = x * a->factor[c] + a->term[c];
    if (a->slope != NULL && y < 0)
        y *= a->slope[c];
    y = y < a->low ? a->low : y > a->high ? a->high : y;
    return a->gate ? y * x : y;
}

static void affine(const lk_affine *a, const lk_map *in, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++)
                    lk_map_at(out, n, y, x)[c] = affine_value(a, lk_map_at(in, n, y, x)[c], c);
}

static void pair(const lk_map *a, const lk_map *b, bool multiply, const lk_map *out, int batch) {
    for (int n = 0; n < batch; n++)
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++) {
                    const float p = lk_map_at(a, n, y, x)[c], q = lk_map_at(b, n, y, x)[c];
                    lk_map_at(out, n, y, x)[c] = multiply ? p * q : p + q;
                }
}

static void load_row(float *to, const uint8_t *from, size_t count, const float mean[3]) {
    for (size_t i = 0; i < count; i++)
        to[i] = (float)from[i] - mean[i % 3];
}

const lk_kern lk_kern_scalar = {
    .level = LK_CPU_SCALAR,
    .conv = conv,
    .depthwise = depthwise,
    .separable = separable,
    .depthwise_whole = depthwise_whole,
    .depthwise_any = depthwise_any,
    .max_pool = max_pool,
    .avg_pool = avg_pool,
    .pool = lk_kern_pool,
    .affine = affine,
    .pair = pair,
    .add_upsampled = add_upsampled,
    .scale = scale,
    .sigmoid = lk_kern_sigmoid,
    .load_row = load_row,
};
