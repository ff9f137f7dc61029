/* warp.c - a picture seen through an affine map, without aliasing.
 *
 * The part of the source that is looked at is first averaged in whole k x k boxes, k being how many source pixels lie
 * side by side in one output pixel (rounded down); then each output pixel is the mean of bilinear samples, one where it
 * enlarges, 2 x 2 where the remaining shrink is between 1 and 2: they then lie less than a box apart. Boxes are
 * anchored at the source's origin, so the result does not depend on what part was looked at. Plain float arithmetic in
 * a fixed order: the same bytes on every machine. */
#include "image/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BOX 256
#define SUBSAMPLES 2

/* Pixels looked at: those of `source` itself, or boxes of it. Everything outside is black. */
typedef struct view {
    const uint8_t *rgb;
    size_t stride;
    int left, top, right, bottom; /* in boxes; half open */
    int box;
    uint8_t *owned;
} view;

/* The larger singular value of the linear part: source pixels an output pixel covers along its longer way. */
static double shrink_of(const double m[6]) {
    const double a = m[0], b = m[1], c = m[3], d = m[4];
    const double sum = a * a + b * b + c * c + d * d, det = a * d - b * c;
    const double rest = sum * sum - 4 * det * det;
    return sqrt((sum + sqrt(rest > 0 ? rest : 0)) / 2);
}

static int clamp(double v, int low, int high) {
    return v < low ? low : v > high ? high : (int)v; /* NaN fails both: kept out by lk_image_warp */
}

/* The box of source pixels that the output can touch. */
static void bounds(const lk_image *s, const double m[6], int width, int height, double margin, int out[4]) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int corner = 0; corner < 4; corner++) {
        const double x = corner & 1 ? width - 0.5 : -0.5, y = corner & 2 ? height - 0.5 : -0.5;
        for (int axis = 0; axis < 2; axis++) {
            const double v = m[3 * axis] * x + m[3 * axis + 1] * y + m[3 * axis + 2];
            low[axis] = fmin(low[axis], v);
            high[axis] = fmax(high[axis], v);
        }
    }
    out[0] = clamp(floor(low[0] - margin), 0, s->width);
    out[1] = clamp(floor(low[1] - margin), 0, s->height);
    out[2] = clamp(ceil(high[0] + margin) + 1, 0, s->width);
    out[3] = clamp(ceil(high[1] + margin) + 1, 0, s->height);
}

/* Sums `rows` source rows into boxes; what a box lacks at the right edge counts as black. */
static void sum_boxes(const lk_image *s, int y, int rows, const view *v, uint32_t *sums) {
    memset(sums, 0, (size_t)(v->right - v->left) * 3 * sizeof *sums);
    for (int k = 0; k < rows; k++) {
        const uint8_t *p = s->rgb + (size_t)(y + k) * s->stride + (size_t)v->left * (size_t)v->box * 3;
        for (int x = v->left; x < v->right; x++) {
            uint32_t *sum = sums + (size_t)(x - v->left) * 3;
            const int begin = x * v->box, n = begin + v->box <= s->width ? v->box : s->width - begin;
            for (int i = 0; i < n; i++, p += 3) {
                sum[0] += p[0];
                sum[1] += p[1];
                sum[2] += p[2];
            }
        }
    }
}

/* False when out of memory. */
static bool average_boxes(const lk_image *s, const int area[4], int box, view *v) {
    *v = (view){.box = box,
                .left = area[0] / box,
                .top = area[1] / box,
                .right = (area[2] + box - 1) / box,
                .bottom = (area[3] + box - 1) / box};
    if (v->right <= v->left || v->bottom <= v->top) {
        v->right = v->left;
        return true;
    }
    v->stride = (size_t)(v->right - v->left) * 3;
    uint32_t *sums = malloc(v->stride * sizeof *sums);
    v->owned = malloc(v->stride * (size_t)(v->bottom - v->top));
    if (sums == NULL || v->owned == NULL) {
        free(sums);
        free(v->owned);
        return false;
    }
    const uint32_t whole = (uint32_t)box * (uint32_t)box;
    for (int y = v->top; y < v->bottom; y++) {
        const int begin = y * box, rows = begin + box <= s->height ? box : s->height - begin;
        sum_boxes(s, begin, rows, v, sums);
        uint8_t *out = v->owned + (size_t)(y - v->top) * v->stride;
        for (size_t i = 0; i < v->stride; i++)
            out[i] = (uint8_t)((sums[i] + whole / 2) / whole);
    }
    free(sums);
    v->rgb = v->owned;
    return true;
}

static void add_pixel(const view *v, int x, int y, float weight, float sum[3]) {
    if (x < v->left || x >= v->right || y < v->top || y >= v->bottom)
        return;
    const uint8_t *p = v->rgb + (size_t)(y - v->top) * v->stride + (size_t)(x - v->left) * 3;
    for (int c = 0; c < 3; c++)
        sum[c] += weight * p[c];
}

static void add_sample(const view *v, double x, double y, float weight, float sum[3]) {
    if (!(x > v->left - 1 && x < v->right && y > v->top - 1 && y < v->bottom))
        return;
    const int ix = (int)(x + 1) - 1, iy = (int)(y + 1) - 1; /* floor, as both are above -1 */
    const float fx = (float)(x - ix), fy = (float)(y - iy);
    const float w00 = weight * (1 - fx) * (1 - fy), w10 = weight * fx * (1 - fy), w01 = weight * (1 - fx) * fy,
                w11 = weight * fx * fy;
    if (ix >= v->left && ix + 1 < v->right && iy >= v->top && iy + 1 < v->bottom) {
        const uint8_t *p = v->rgb + (size_t)(iy - v->top) * v->stride + (size_t)(ix - v->left) * 3, *q = p + v->stride;
        for (int c = 0; c < 3; c++)
            sum[c] += w00 * p[c] + w10 * p[c + 3] + w01 * q[c] + w11 * q[c + 3];
        return;
    }
    add_pixel(v, ix, iy, w00, sum);
    add_pixel(v, ix + 1, iy, w10, sum);
    add_pixel(v, ix, iy + 1, w01, sum);
    add_pixel(v, ix + 1, iy + 1, w11, sum);
}

/* `m` maps output pixel centres to the centres of the view's boxes. */
static void sample(const view *v, const double m[6], int subsamples, int width, int height, uint8_t *out) {
    const float weight = 1.0f / (float)(subsamples * subsamples);
    const double step = 1.0 / subsamples, first = (step - 1) / 2;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, out += 3) {
            float sum[3] = {0};
            for (int j = 0; j < subsamples; j++)
                for (int i = 0; i < subsamples; i++) {
                    const double u = x + first + i * step, w = y + first + j * step;
                    add_sample(v, m[0] * u + m[1] * w + m[2], m[3] * u + m[4] * w + m[5], weight, sum);
                }
            for (int c = 0; c < 3; c++)
                out[c] = (uint8_t)(sum[c] + 0.5f > 255 ? 255 : sum[c] + 0.5f);
        }
}

void lk_image_warp(const lk_image *source, const double to_source[6], int width, int height, uint8_t *out) {
    double shrink = shrink_of(to_source);
    view v = {.rgb = source->rgb, .stride = source->stride, .right = source->width, .bottom = source->height, .box = 1};
    if (!isfinite(shrink) || !isfinite(to_source[2]) || !isfinite(to_source[5])) {
        memset(out, 0, (size_t)width * (size_t)height * 3);
        return;
    }
    const int box = shrink < 2 ? 1 : shrink > MAX_BOX ? MAX_BOX : (int)shrink;
    int area[4];
    bounds(source, to_source, width, height, 2.0 * box, area);
    if (box > 1 && !average_boxes(source, area, box, &v)) /* no memory for boxes: sample the source as it is */
        v = (view){
            .rgb = source->rgb, .stride = source->stride, .right = source->width, .bottom = source->height, .box = 1};
    double m[6];
    for (int i = 0; i < 6; i++)
        m[i] = to_source[i] / v.box;
    m[2] -= (v.box - 1) / 2.0 / v.box; /* from source pixel centres to box centres */
    m[5] -= (v.box - 1) / 2.0 / v.box;
    sample(&v, m, shrink > 1.0001 ? SUBSAMPLES : 1, width, height, out);
    free(v.owned);
}
