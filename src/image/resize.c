/* resize.c - to a given size: each axis that shrinks is averaged by area, then what is still too small is enlarged
 * bilinearly, edges repeated. */
#include "image/image.h"
#include "image/shrink.h"

#include <stdlib.h>

/* For output i of n: the two source pixels and the weight of the second, in 1/256. */
typedef struct tap {
    int first, second;
    uint32_t weight;
} tap;

static tap tap_at(int i, int n, int in) {
    const int64_t at = ((int64_t)(2 * i + 1) * in * 128 + n / 2) / n - 128; /* centre, in 1/256 source pixels */
    tap t = {0};
    if (at <= 0)
        return t;
    t.first = (int)(at >> 8);
    t.weight = (uint32_t)(at & 255);
    if (t.first >= in - 1)
        return (tap){in - 1, in - 1, 0};
    t.second = t.first + 1;
    return t;
}

static void enlarge_row(const lk_image *in, tap down, const tap *across, lk_image *out, int y) {
    const uint8_t *a = in->rgb + (size_t)down.first * in->stride, *b = in->rgb + (size_t)down.second * in->stride;
    uint8_t *p = out->rgb + (size_t)y * out->stride;
    for (int x = 0; x < out->width; x++, p += 3) {
        const size_t i = (size_t)across[x].first * 3, k = (size_t)across[x].second * 3;
        const uint32_t wx = across[x].weight, wy = down.weight;
        for (size_t c = 0; c < 3; c++) {
            const uint32_t upper = a[i + c] * (256 - wx) + a[k + c] * wx, lower = b[i + c] * (256 - wx) + b[k + c] * wx;
            p[c] = (uint8_t)((upper * (256 - wy) + lower * wy + 32768) >> 16);
        }
    }
}

static int enlarge(const lk_image *in, int width, int height, lk_image *out, liken_error *err) {
    tap *across = malloc((size_t)width * sizeof *across);
    if (across == NULL)
        return lk_fail_memory(err);
    const int rc = lk_image_new(out, width, height, err);
    for (int x = 0; x < width && rc == LIKEN_OK; x++)
        across[x] = tap_at(x, width, in->width);
    for (int y = 0; y < height && rc == LIKEN_OK; y++)
        enlarge_row(in, tap_at(y, height, in->height), across, out, y);
    free(across);
    return rc;
}

int lk_image_resize(const lk_image *source, int width, int height, lk_image *out, liken_error *err) {
    if (width < 1 || height < 1)
        return lk_fail(err, LIKEN_E_ARG, "A picture cannot be resized to %d x %d.", width, height);
    lk_shrink s = {0};
    int rc = lk_shrink_begin(&s, source->width, source->height, width < source->width ? width : source->width,
                             height < source->height ? height : source->height, err);
    if (rc != LIKEN_OK)
        return rc;
    for (int y = 0; y < source->height; y++)
        lk_shrink_row(&s, source->rgb + (size_t)y * source->stride);
    lk_image small;
    lk_shrink_end(&s, &small);
    if (small.width == width && small.height == height) {
        *out = small;
        return LIKEN_OK;
    }
    rc = enlarge(&small, width, height, out, err);
    lk_image_clear(&small);
    return rc;
}
