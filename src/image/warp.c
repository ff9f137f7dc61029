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

#define MAX_BOX 256 /* rows of bytes still add up in 16 bits */
#define MAX_SAMPLES 4

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

/* Adds up `rows` rows of `count` bytes, column by column. */
static void sum_rows(const uint8_t *p, size_t stride, int rows, size_t count, uint16_t *sums) {
    enum { BLOCK = 32 };
    memset(sums, 0, count * sizeof *sums);
    for (int k = 0; k < rows; k++, p += stride) {
        size_t i = 0;
        for (; i + BLOCK <= count; i += BLOCK)
            for (size_t c = 0; c < BLOCK; c++)
                sums[i + c] = (uint16_t)(sums[i + c] + p[i + c]);
        for (; i < count; i++)
            sums[i] = (uint16_t)(sums[i] + p[i]);
    }
}

/* The means of a row of boxes, from the sums of its columns; what a box lacks at the right edge counts as black. */
static void mean_boxes(const uint16_t *sums, int pixels, const view *v, uint8_t *out) {
    const float share = 1.0f / (float)(v->box * v->box);
    for (; pixels > 0; pixels -= v->box, out += 3) {
        const int n = pixels < v->box ? pixels : v->box;
        uint32_t sum[3] = {0};
        for (int i = 0; i < n; i++, sums += 3)
            for (int c = 0; c < 3; c++)
                sum[c] += sums[c];
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((float)sum[c] * share + 0.5f);
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
    const int x = v->left * box, columns = (v->right * box < s->width ? v->right * box : s->width) - x;
    uint16_t *sums = malloc((size_t)columns * 3 * sizeof *sums);
    v->owned = malloc(v->stride * (size_t)(v->bottom - v->top));
    if (sums == NULL || v->owned == NULL) {
        free(sums);
        free(v->owned);
        return false;
    }
    for (int k = v->top; k < v->bottom; k++) {
        const int y = k * box, rows = y + box <= s->height ? box : s->height - y;
        sum_rows(s->rgb + (size_t)y * s->stride + (size_t)x * 3, s->stride, rows, (size_t)columns * 3, sums);
        mean_boxes(sums, columns, v, v->owned + (size_t)(k - v->top) * v->stride);
    }
    free(sums);
    v->rgb = v->owned;
    return true;
}

/* ---- sampling ---- */

typedef float colour __attribute__((vector_size(16))); /* R, G, B and something */

static const uint8_t *pixel_at(const view *v, int x, int y) {
    return v->rgb + (size_t)(y - v->top) * v->stride + (size_t)(x - v->left) * 3;
}

/* Three bytes of the low end, as numbers. (Written with whole registers and zeros between, which is what processors
 * have an instruction for.) */
static inline colour widen(uint64_t bytes) {
    typedef uint64_t u64 __attribute__((vector_size(16)));
    typedef uint8_t u8 __attribute__((vector_size(16)));
    typedef uint16_t u16 __attribute__((vector_size(16)));
    typedef int32_t i32 __attribute__((vector_size(16)));
    const u8 b = (u8)(u64){bytes, 0}, none8 = {0};
    const u16 w = (u16)__builtin_shufflevector(b, none8, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
              none16 = {0};
    return __builtin_convertvector((i32)__builtin_shufflevector(w, none16, 0, 8, 1, 9, 2, 10, 3, 11), colour);
}

/* Two pixels side by side. Reads two bytes past them. */
static inline void load_two(const uint8_t *p, colour *left, colour *right) {
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    *left = widen(bytes);
    *right = widen(bytes >> 24);
}

static inline colour load3(const uint8_t *p) {
    return (colour){p[0], p[1], p[2], 0};
}

/* Nothing where it is outside. */
static colour load_if_inside(const view *v, int x, int y) {
    return x < v->left || x >= v->right || y < v->top || y >= v->bottom ? (colour){0} : load3(pixel_at(v, x, y));
}

static inline colour blend(float fx, float fy, colour p00, colour p10, colour p01, colour p11) {
    const float gx = 1 - fx, gy = 1 - fy;
    return p00 * (gx * gy) + p10 * (fx * gy) + p01 * (gx * fy) + p11 * (fx * fy);
}

/* Anywhere. */
static colour sample_at(const view *v, double x, double y) {
    if (!(x > v->left - 1 && x < v->right && y > v->top - 1 && y < v->bottom))
        return (colour){0};
    const int ix = (int)(x + 1) - 1, iy = (int)(y + 1) - 1; /* floor, as both are above -1 */
    return blend((float)(x - ix), (float)(y - iy), load_if_inside(v, ix, iy), load_if_inside(v, ix + 1, iy),
                 load_if_inside(v, ix, iy + 1), load_if_inside(v, ix + 1, iy + 1));
}

/* Has every place that the output is sampled at four pixels inside, and one more on the right? The map is affine: its
 * corners tell. */
static bool all_inside(const view *v, const double m[6], int width, int height) {
    const double margin = 0.01 + width * 1e-6; /* more than sample_inside's fixed point can be off */
    for (int corner = 0; corner < 4; corner++) {
        const double x = corner & 1 ? width - 0.5 : -0.5, y = corner & 2 ? height - 0.5 : -0.5;
        const double u = m[0] * x + m[1] * y + m[2], w = m[3] * x + m[4] * y + m[5];
        if (!(u >= v->left + margin && u < v->right - 2 - margin && w >= v->top + margin && w < v->bottom - 1 - margin))
            return false;
    }
    return true;
}

#define FRACTION 20 /* bits behind the point of a position inside */

/* The sum of samples at (x, y) and at each of the offsets from it, all inside. */
static inline colour sum_inside(const view *v, int64_t x, int64_t y, const int64_t (*offset)[2], int samples) {
    colour sum = {0};
    for (int i = 0; i < samples; i++) {
        const int64_t sx = x + offset[i][0], sy = y + offset[i][1], mask = (1 << FRACTION) - 1;
        const float part = 1.0f / (1 << FRACTION), fx = (float)(int)(sx & mask) * part,
                    fy = (float)(int)(sy & mask) * part;
        const uint8_t *p = pixel_at(v, (int)(sx >> FRACTION), (int)(sy >> FRACTION));
        colour p00, p10, p01, p11;
        load_two(p, &p00, &p10);
        load_two(p + v->stride, &p01, &p11);
        sum += blend(fx, fy, p00, p10, p01, p11);
    }
    return sum;
}

static inline void store_mean(colour sum, float weight, uint8_t *out) {
    sum = sum * weight + 0.5f;
    for (int c = 0; c < 3; c++)
        out[c] = (uint8_t)(sum[c] > 255 ? 255 : sum[c]);
}

static int64_t fixed(double v) {
    return llround(v * (1 << FRACTION));
}

static void sample_inside(const view *v, const double m[6], const double (*at)[2], int samples, int width, int height,
                          uint8_t *out) {
    int64_t offset[MAX_SAMPLES][2];
    for (int i = 0; i < samples; i++)
        for (int axis = 0; axis < 2; axis++)
            offset[i][axis] = fixed(m[3 * axis] * at[i][0] + m[3 * axis + 1] * at[i][1]);
    const int64_t dx = fixed(m[0]), dy = fixed(m[3]);
    for (int y = 0; y < height; y++) {
        int64_t sx = fixed(m[1] * y + m[2]), sy = fixed(m[4] * y + m[5]);
        for (int x = 0; x < width; x++, sx += dx, sy += dy, out += 3)
            store_mean(sum_inside(v, sx, sy, offset, samples), 1.0f / (float)samples, out);
    }
}

static void sample_careful(const view *v, const double m[6], const double (*at)[2], int samples, int width, int height,
                           uint8_t *out) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, out += 3) {
            colour sum = {0};
            for (int i = 0; i < samples; i++) {
                const double u = x + at[i][0], w = y + at[i][1];
                sum += sample_at(v, m[0] * u + m[1] * w + m[2], m[3] * u + m[4] * w + m[5]);
            }
            store_mean(sum, 1.0f / (float)samples, out);
        }
}

/* `m` maps output pixel centres to the centres of the view's boxes. */
static void sample(const view *v, const double m[6], bool shrinks, int width, int height, uint8_t *out) {
    static const double four[][2] = {{-0.25, -0.25}, {0.25, -0.25}, {-0.25, 0.25}, {0.25, 0.25}}, one[][2] = {{0, 0}};
    (all_inside(v, m, width, height) ? sample_inside : sample_careful)(v, m, shrinks ? four : one, shrinks ? 4 : 1,
                                                                       width, height, out);
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
    sample(&v, m, shrink > 1.0001, width, height, out);
    free(v.owned);
}
