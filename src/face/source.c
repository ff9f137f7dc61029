/* source.c - see source.h. */
#include "face/source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 1280 /* pixels of the longer side that the first decode has at least, where the photo has them */

lk_source lk_source_of(lk_photo *photo) {
    return (lk_source){.photo = photo, .width = lk_photo_width(photo), .height = lk_photo_height(photo)};
}

void lk_source_clear(lk_source *source) {
    lk_image_clear(&source->image);
    source->image = (lk_image){0};
}

static int long_side_of(int width, int height) {
    return width > height ? width : height;
}

int lk_source_long_side(const lk_source *source) {
    return long_side_of(source->width, source->height);
}

int lk_source_need(lk_source *source, double scale, liken_error *err) {
    const int full = lk_source_long_side(source);
    int want = scale >= 1 ? full : (int)ceil(scale * full);
    if (source->image.rgb == NULL && want < FIRST)
        want = FIRST;
    want = want < 1 ? 1 : want > full ? full : want;
    if (source->image.rgb != NULL && long_side_of(source->image.width, source->image.height) >= want)
        return LIKEN_OK;
    lk_image image = {0};
    const int rc = lk_photo_decode(source->photo, want == full ? 0 : want, &image, NULL, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_image_clear(&source->image);
    source->image = image;
    source->scale_x = (double)image.width / source->width;
    source->scale_y = (double)image.height / source->height;
    return LIKEN_OK;
}

/* Writes `from` into the top left corner of the canvas, turned clockwise by quarters. */
static void paste_turned(const lk_image *from, int turn, lk_frame *to) {
    const int w = from->width, h = from->height;
    for (int y = 0; y < h; y++) {
        const uint8_t *in = from->rgb + (size_t)y * from->stride;
        for (int x = 0; x < w; x++, in += 3) {
            const int u = turn == 1 ? h - 1 - y : turn == 2 ? w - 1 - x : y;
            const int v = turn == 1 ? x : turn == 2 ? h - 1 - y : w - 1 - x;
            memcpy(to->rgb + ((size_t)v * (size_t)to->width + (size_t)u) * 3, in, 3);
        }
    }
}

static void paste(const lk_image *from, lk_frame *to) {
    for (int y = 0; y < from->height; y++)
        memcpy(to->rgb + (size_t)y * (size_t)to->width * 3, from->rgb + (size_t)y * from->stride,
               (size_t)from->width * 3);
}

static int up_to_32(int n) {
    return (n + 31) / 32 * 32;
}

static int scaled(int side, double scale) {
    const int n = (int)lround(side * scale);
    return n < 1 ? 1 : n;
}

int lk_source_frame(lk_source *source, int long_side, int turn, bool square, lk_frame *out, liken_error *err) {
    const double scale = (double)long_side / lk_source_long_side(source);
    int rc = lk_source_need(source, scale, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_image fitted;
    rc = lk_image_resize(&source->image, scaled(source->width, scale), scaled(source->height, scale), &fitted, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_frame f = {.scale = scale,
                  .inner_width = turn & 1 ? fitted.height : fitted.width,
                  .inner_height = turn & 1 ? fitted.width : fitted.height};
    f.width = square ? long_side : up_to_32(f.inner_width);
    f.height = square ? long_side : up_to_32(f.inner_height);
    f.rgb = calloc((size_t)f.width * (size_t)f.height, 3);
    if (f.rgb == NULL) {
        lk_image_clear(&fitted);
        return lk_fail_memory(err);
    }
    if (turn == 0)
        paste(&fitted, &f);
    else
        paste_turned(&fitted, turn, &f);
    lk_image_clear(&fitted);
    *out = f;
    return LIKEN_OK;
}

void lk_frame_clear(lk_frame *frame) {
    free(frame->rgb);
    *frame = (lk_frame){0};
}

void lk_source_warp(const lk_source *source, const double to_photo[6], int width, int height, uint8_t *out) {
    double m[6];
    const double scale[2] = {source->scale_x, source->scale_y};
    for (int axis = 0; axis < 2; axis++) { /* pixel centres lie half a pixel from their index, on both sides */
        const double *in = to_photo + 3 * axis;
        m[3 * axis] = in[0] * scale[axis];
        m[3 * axis + 1] = in[1] * scale[axis];
        m[3 * axis + 2] = (in[2] + (in[0] + in[1]) / 2) * scale[axis] - 0.5;
    }
    lk_image_warp(&source->image, m, width, height, out);
}
