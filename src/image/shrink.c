#include "image/shrink.h"

#include <stdlib.h>
#include <string.h>

int lk_image_new(lk_image *image, int width, int height, liken_error *err) {
    const size_t stride = (size_t)width * 3;
    uint8_t *rgb = malloc(stride * (size_t)height);
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
    if (rc != LIKEN_OK)
        return rc;
    s->line = malloc((size_t)width * 3 * sizeof *s->line);
    s->sums = calloc((size_t)width * 3, sizeof *s->sums);
    if (s->line != NULL && s->sums != NULL)
        return LIKEN_OK;
    lk_shrink_clear(s);
    return lk_fail_memory(err);
}

void lk_shrink_clear(lk_shrink *s) {
    lk_image_clear(&s->out);
    free(s->line);
    free(s->sums);
    s->line = NULL;
    s->sums = NULL;
}

/* On the grid a source pixel is `width` wide and an output pixel is `in_width` wide. */
static void sum_across(lk_shrink *s, const uint8_t *rgb) {
    const uint64_t source = (uint64_t)s->out.width, target = (uint64_t)s->in_width;
    uint64_t left = source; /* of the current source pixel, not yet given to an output pixel */
    for (int x = 0; x < s->out.width; x++) {
        uint32_t r = 0, g = 0, b = 0, inner[3] = {0};
        uint64_t need = target;
        if (left < source) { /* the rest of a pixel that was begun before */
            const uint32_t take = (uint32_t)(left < need ? left : need);
            r = take * rgb[0], g = take * rgb[1], b = take * rgb[2];
            need -= take;
            left -= take;
            if (left == 0) {
                rgb += 3;
                left = source;
            }
        }
        for (; need >= source; need -= source, rgb += 3) {
            inner[0] += rgb[0];
            inner[1] += rgb[1];
            inner[2] += rgb[2];
        }
        r += inner[0] * (uint32_t)source, g += inner[1] * (uint32_t)source, b += inner[2] * (uint32_t)source;
        if (need > 0) {
            r += (uint32_t)need * rgb[0], g += (uint32_t)need * rgb[1], b += (uint32_t)need * rgb[2];
            left = source - need;
        }
        uint32_t *line = s->line + (size_t)x * 3;
        line[0] = r, line[1] = g, line[2] = b;
    }
}

static void emit(lk_shrink *s, int y) {
    const double scale = 1.0 / ((double)s->in_width * s->in_height);
    uint8_t *out = s->out.rgb + (size_t)y * s->out.stride;
    const size_t n = (size_t)s->out.width * 3;
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)((double)s->sums[i] * scale + 0.5);
    memset(s->sums, 0, n * sizeof *s->sums);
}

static void add(lk_shrink *s, uint32_t weight) {
    const size_t n = (size_t)s->out.width * 3;
    for (size_t i = 0; i < n; i++)
        s->sums[i] += (uint64_t)s->line[i] * weight;
}

void lk_shrink_row(lk_shrink *s, const uint8_t *rgb) {
    if (s->out.width == s->in_width && s->out.height == s->in_height) {
        memcpy(s->out.rgb + (size_t)s->y++ * s->out.stride, rgb, s->out.stride);
        return;
    }
    sum_across(s, rgb);
    /* the row covers [top, bottom) of the grid; output row k covers [k, k+1) * in_height */
    const int64_t top = (int64_t)s->y * s->out.height, bottom = top + s->out.height;
    const int64_t first = top / s->in_height, edge = (first + 1) * s->in_height;
    s->y++;
    if (bottom < edge) {
        add(s, (uint32_t)(bottom - top));
        return;
    }
    add(s, (uint32_t)(edge - top));
    emit(s, (int)first);
    if (bottom > edge)
        add(s, (uint32_t)(bottom - edge));
}

void lk_shrink_end(lk_shrink *s, lk_image *out) {
    *out = s->out;
    s->out = (lk_image){0};
    lk_shrink_clear(s);
}
