/* fit.c - a picture made smaller to be looked at, many times for each photo that is added, so it is to cost little.
 *
 * Each output pixel is the mean over the area that it covers, first down, then across, as in shrink.c, but by weights
 * in 1/256 that add up to 256: a row of sums then fits 16 bits, and eight values are done at a time. What is rounded is
 * seen by nobody (two of 255 at most). The networks look at what shrink.c makes, which is exact. */
#include "image/image.h"
#include "image/shrink.h"

#include <stdlib.h>
#include <string.h>

#define ONE 256
#define MOST_SHRUNK 16 /* times; beyond that the weights are too coarse */
#define BLOCK 16       /* values of a row at once, which compilers turn into vector instructions */

/* The source pixels of an output pixel: `count` from `first` on, by weights that add up to ONE. */
typedef struct area {
    int first, count;
    uint16_t weights[MOST_SHRUNK + 2];
} area;

/* Output pixel `i` of `n`, of `in` source pixels. */
static area area_of(int i, int n, int in) {
    const int64_t start = (int64_t)i * in, end = start + in; /* on a grid on which a source pixel is n wide */
    area a = {.first = (int)(start / n)};
    int64_t given = 0;
    for (int64_t at = a.first; at * n < end; at++) {
        const int64_t reached = (at + 1) * n < end ? (at + 1) * n : end;
        const int64_t share = ((reached - start) * ONE + in / 2) / in;
        a.weights[a.count++] = (uint16_t)(share - given);
        given = share;
    }
    return a;
}

static void add_row(uint16_t *restrict sum, const uint8_t *restrict rgb, uint16_t weight, size_t n) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            sum[i + k] = (uint16_t)(sum[i + k] + weight * rgb[i + k]);
    for (; i < n; i++)
        sum[i] = (uint16_t)(sum[i] + weight * rgb[i]);
}

typedef float colour __attribute__((vector_size(16))); /* R, G, B and something; whole numbers below 2^24 */
typedef uint16_t four __attribute__((vector_size(8)));
typedef int32_t whole __attribute__((vector_size(16)));

/* Sums across; reads one value past the last pixel. */
static void join(const uint16_t *sums, const area *across, int width, uint8_t *out) {
    for (int x = 0; x < width; x++, out += 3) {
        const area *a = &across[x];
        const uint16_t *p = sums + (size_t)a->first * 3;
        colour sum = {0.5f * ONE * ONE, 0.5f * ONE * ONE, 0.5f * ONE * ONE, 0};
        for (int i = 0; i < a->count; i++, p += 3) {
            four values;
            memcpy(&values, p, sizeof values);
            sum += __builtin_convertvector(__builtin_convertvector(values, whole), colour) * (float)a->weights[i];
        }
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((int)sum[c] >> 16);
    }
}

static int shrink(const lk_image *source, int width, int height, lk_image *out, liken_error *err) {
    const size_t values = (size_t)source->width * 3;
    area *across = malloc((size_t)width * sizeof *across);
    uint16_t *sums = malloc((values + 1) * sizeof *sums);
    int rc = across == NULL || sums == NULL ? lk_fail_memory(err) : lk_image_new(out, width, height, err);
    for (int x = 0; rc == LIKEN_OK && x < width; x++)
        across[x] = area_of(x, width, source->width);
    for (int y = 0; rc == LIKEN_OK && y < height; y++) {
        const area down = area_of(y, height, source->height);
        memset(sums, 0, (values + 1) * sizeof *sums);
        for (int i = 0; i < down.count; i++)
            add_row(sums, source->rgb + (size_t)(down.first + i) * source->stride, down.weights[i], values);
        join(sums, across, width, out->rgb + (size_t)y * out->stride);
    }
    free(across);
    free(sums);
    return rc;
}

int lk_image_fit(const lk_image *source, int long_side, lk_image *out, liken_error *err) {
    const int longer = source->width > source->height ? source->width : source->height;
    if (longer <= long_side)
        return lk_image_resize(source, source->width, source->height, out, err);
    const int64_t wide = ((int64_t)source->width * long_side + longer / 2) / longer,
                  high = ((int64_t)source->height * long_side + longer / 2) / longer;
    const int width = wide < 1 ? 1 : (int)wide, height = high < 1 ? 1 : (int)high;
    if (source->width > MOST_SHRUNK * width || source->height > MOST_SHRUNK * height)
        return lk_image_resize(source, width, height, out, err);
    return shrink(source, width, height, out, err);
}
