/* ycc.c - RGB from YCbCr samples as a TIFF packs them: groups of across x down luma, row by row, then one Cb and one
 * Cr. Full range, the coefficients of ITU-R BT.601, as TIFF 6.0 section 21 has them by default. */
#include "image/reader.h"

#include <stdlib.h>

typedef struct ycc_reader {
    lk_reader base;
    lk_reader *inner;
    int across, down;
    uint8_t *rgb; /* the `down` rows of one row of groups */
} ycc_reader;

static uint8_t clip(int v) {
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* Fixed point, 16 bits behind the point. */
static void convert(int luma, int cb, int cr, uint8_t rgb[3]) {
    const int y = luma * 65536 + 32768;
    rgb[0] = clip((y + 91881 * (cr - 128)) >> 16);
    rgb[1] = clip((y - 22554 * (cb - 128) - 46802 * (cr - 128)) >> 16);
    rgb[2] = clip((y + 116130 * (cb - 128)) >> 16);
}

static void unpack_groups(ycc_reader *r, const uint8_t *gray) {
    const int luma = r->across * r->down;
    const size_t stride = (size_t)r->base.width * 3;
    for (int x = 0; x < r->base.width; x++) {
        const uint8_t *group = gray + (size_t)(x / r->across) * (size_t)(luma + 2) * 3; /* three equal bytes a sample */
        for (int k = 0; k < r->down; k++)
            convert(group[(k * r->across + x % r->across) * 3], group[luma * 3], group[luma * 3 + 3],
                    r->rgb + (size_t)k * stride + (size_t)x * 3);
    }
}

static const uint8_t *row(lk_reader *base, int y) {
    ycc_reader *r = (ycc_reader *)base;
    if (y % r->down == 0) {
        const uint8_t *gray = r->inner->row(r->inner, y / r->down);
        if (gray == NULL) {
            base->starved = r->inner->starved;
            return NULL;
        }
        unpack_groups(r, gray);
    }
    return r->rgb + (size_t)(y % r->down) * (size_t)base->width * 3;
}

static void close_reader(lk_reader *base) {
    ycc_reader *r = (ycc_reader *)base;
    r->inner->close(r->inner);
    free(r->rgb);
    free(r);
}

int lk_ycc_open(lk_reader **out, lk_reader *inner, const lk_head *head, liken_error *err) {
    const int groups = (head->width + head->ycc_across - 1) / head->ycc_across,
              lines = (head->height + head->ycc_down - 1) / head->ycc_down;
    if (inner->width != groups * (head->ycc_across * head->ycc_down + 2) || inner->height != lines) {
        inner->close(inner);
        return lk_fail(err, LIKEN_E_DECODE, "This TIFF is damaged: its directory contradicts itself.");
    }
    ycc_reader *r = calloc(1, sizeof *r);
    uint8_t *rgb = malloc((size_t)head->width * 3 * (size_t)head->ycc_down);
    if (r == NULL || rgb == NULL) {
        free(r);
        free(rgb);
        inner->close(inner);
        return lk_fail_memory(err);
    }
    *r = (ycc_reader){.base = {.width = head->width, .height = head->height, .row = row, .close = close_reader},
                      .inner = inner,
                      .across = head->ycc_across,
                      .down = head->ycc_down,
                      .rgb = rgb};
    *out = &r->base;
    return LIKEN_OK;
}
