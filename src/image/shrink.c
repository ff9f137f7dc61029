#include "image/shrink.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

int lk_image_new(lk_image *image, int width, int height, liken_error *err) {
    const size_t stride = (size_t)width * 3;
    uint8_t *rgb = lk_large_alloc(stride * (size_t)height);
    if (rgb == NULL)
        return lk_fail_memory(err);
    *image = (lk_image){.width = width, .height = height, .stride = stride, .rgb = rgb};
    return LIKEN_OK;
}

void lk_image_clear(lk_image *image) {
    free(image->rgb);
    *image = (lk_image){0};
}

int lk_shrink_begin(lk_shrink *s, int in_width, int in_height, int width, int height, liken_error *err) {
    *s = (lk_shrink){.in_width = in_width, .in_height = in_height};
    const int rc = lk_image_new(&s->out, width, height, err);
    if (rc != LIKEN_OK || (width == in_width && height == in_height))
        return rc;
    s->whole = calloc((size_t)in_width * 3, sizeof *s->whole);
    s->column = calloc((size_t)in_width * 3, sizeof *s->column);
    if (s->whole != NULL && s->column != NULL)
        return LIKEN_OK;
    lk_shrink_clear(s);
    return lk_fail_memory(err);
}

void lk_shrink_clear(lk_shrink *s) {
    lk_image_clear(&s->out);
    free(s->whole);
    free(s->column);
    s->whole = NULL;
    s->column = NULL;
}

/* Loops over a row run in blocks of this many, which compilers turn into vector instructions. */
#define BLOCK 16
#define MAX_WHOLES 256 /* as many rows of bytes add up in 16 bits */

static void add_bytes(uint16_t *restrict sum, const uint8_t *restrict rgb, size_t n) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            sum[i + k] = (uint16_t)(sum[i + k] + rgb[i + k]);
    for (; i < n; i++)
        sum[i] = (uint16_t)(sum[i] + rgb[i]);
}

static void add_weighted_bytes(float *restrict sum, const uint8_t *restrict rgb, float weight, size_t n) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            sum[i + k] += weight * (float)rgb[i + k];
    for (; i < n; i++)
        sum[i] += weight * (float)rgb[i];
}

static void add_weighted_sums(float *restrict sum, const uint16_t *restrict sums, float weight, size_t n) {
    size_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK)
        for (size_t k = 0; k < BLOCK; k++)
            sum[i + k] += weight * (float)sums[i + k];
    for (; i < n; i++)
        sum[i] += weight * (float)sums[i];
}

static size_t row_values(const lk_shrink *s) {
    return (size_t)s->in_width * 3;
}

/* Moves the whole rows over to the columns. */
static void count_wholes(lk_shrink *s) {
    if (s->wholes > 0) {
        add_weighted_sums(s->column, s->whole, (float)s->out.height, row_values(s));
        memset(s->whole, 0, row_values(s) * sizeof *s->whole);
    }
    s->wholes = 0;
}

static void add_whole(lk_shrink *s, const uint8_t *rgb) {
    add_bytes(s->whole, rgb, row_values(s));
    if (++s->wholes == MAX_WHOLES)
        count_wholes(s);
}

static void add_part(lk_shrink *s, const uint8_t *rgb, float weight) {
    add_weighted_bytes(s->column, rgb, weight, row_values(s));
}

static inline void add_pixel(double sum[3], const float *pixel, double weight) {
    sum[0] += weight * (double)pixel[0];
    sum[1] += weight * (double)pixel[1];
    sum[2] += weight * (double)pixel[2];
}

/* Sums the columns across. On the grid a source pixel is `width` wide and an output pixel is `in_width` wide. */
static void emit(lk_shrink *s, int y) {
    const int64_t source = s->out.width, target = s->in_width;
    const double scale = 1.0 / ((double)s->in_width * s->in_height);
    const float *column = s->column;
    uint8_t *out = s->out.rgb + (size_t)y * s->out.stride;
    int64_t left = source; /* of the current source pixel, not yet given to an output pixel */
    count_wholes(s);
    for (int x = 0; x < s->out.width; x++, out += 3) {
        double sum[3] = {0}, inner[3] = {0};
        add_pixel(sum, column, (double)left);
        column += 3;
        int64_t need = target - left;
        for (; need >= source; need -= source, column += 3)
            add_pixel(inner, column, 1);
        if (need > 0)
            add_pixel(sum, column, (double)need);
        left = source - need;
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((sum[c] + inner[c] * (double)source) * scale + 0.5);
    }
    memset(s->column, 0, row_values(s) * sizeof *s->column);
}

void lk_shrink_row(lk_shrink *s, const uint8_t *rgb) {
    if (s->column == NULL) {
        memcpy(s->out.rgb + (size_t)s->y++ * s->out.stride, rgb, s->out.stride);
        return;
    }
    /* the row covers [top, bottom) of the grid; output row k covers [k, k+1) * in_height */
    const int64_t top = (int64_t)s->y * s->out.height, bottom = top + s->out.height;
    const int64_t k = top / s->in_height, edge = (k + 1) * s->in_height;
    s->y++;
    if (bottom <= edge)
        add_whole(s, rgb);
    else
        add_part(s, rgb, (float)(edge - top));
    if (bottom >= edge)
        emit(s, (int)k);
    if (bottom > edge)
        add_part(s, rgb, (float)(bottom - edge));
}

void lk_shrink_end(lk_shrink *s, lk_image *out) {
    *out = s->out;
    s->out = (lk_image){0};
    lk_shrink_clear(s);
}
