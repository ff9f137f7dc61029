/* legacy.c - see legacy.h. */
#include "face/legacy.h"

#include "face/landmarks.h"

#include <math.h>
#include <stdlib.h>

#define ENLARGEMENTS 1 /* of the cut-out, for the second search */

struct lk_legacy_cut {
    const lk_models *models;
    lk_hog *hog; /* NULL in a build without dlib */
};

int lk_legacy_cut_new(lk_legacy_cut **out, const lk_models *m, liken_error *err) {
    lk_legacy_cut *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->models = m;
    const int rc = lk_hog_new(&s->hog, err);
    if (rc != LIKEN_OK && rc != LIKEN_E_UNSUPPORTED) {
        free(s);
        return rc;
    }
    *out = s;
    return LIKEN_OK;
}

void lk_legacy_cut_free(lk_legacy_cut *s) {
    if (s == NULL)
        return;
    lk_hog_free(s->hog);
    free(s);
}

/* The box in pixels of the decoded picture, as a view into it. Its last row and column are left out, because the legacy
 * system took the inclusive right and bottom of dlib's boxes for exclusive ones. */
static bool cut_out(const lk_source *source, const liken_box *box, lk_image *out) {
    const double sx = source->scale_x, sy = source->scale_y;
    const double left = fmax(0, round(box->x * sx)), top = fmax(0, round(box->y * sy));
    const double right = fmin(source->image.width, round((box->x + box->width) * sx) - 1);
    const double bottom = fmin(source->image.height, round((box->y + box->height) * sy) - 1);
    if (!(right - left >= 1 && bottom - top >= 1))
        return false;
    const lk_image *in = &source->image;
    *out = (lk_image){.width = (int)(right - left),
                      .height = (int)(bottom - top),
                      .stride = in->stride,
                      .rgb = in->rgb + (size_t)top * in->stride + (size_t)left * 3};
    return true;
}

/* The best face of the cut-out, or all of it. */
static int search_again(lk_legacy_cut *s, const lk_image *image, liken_box *box, liken_error *err) {
    lk_hog_face *faces = NULL;
    size_t count = 0;
    const int rc = s->hog == NULL ? LIKEN_OK : lk_hog_detect(s->hog, image, ENLARGEMENTS, &faces, &count, err);
    if (rc != LIKEN_OK && rc != LIKEN_E_TOO_LARGE)
        return rc;
    *box = count > 0 ? faces[0].box : (liken_box){0, 0, (float)image->width, (float)image->height};
    free(faces);
    return LIKEN_OK;
}

static void blue_first(uint8_t *chip, size_t pixels) {
    for (size_t i = 0; i < pixels; i++, chip += 3) {
        const uint8_t red = chip[0];
        chip[0] = chip[2];
        chip[2] = red;
    }
}

/* Positions of the chip -> the cut-out. *found: false when the points are of no use. */
static int align(lk_legacy_cut *s, const lk_image *image, double map[6], bool *found, liken_error *err) {
    const lk_pack_descriptor *d = &s->models->pack->descriptor;
    liken_point points[LK_SHAPE_MAX_POINTS];
    liken_box box;
    const int rc = search_again(s, image, &box, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_shape_predict(s->models->landmarks_shape, image, box, points);
    for (int i = 0; i < 5; i++) /* a pixel's index -> its middle */
        points[i] = (liken_point){points[i].x + 0.5f, points[i].y + 0.5f};
    *found = lk_align(points, LK_POINTS_DLIB5, d->chip, d->padding, map);
    return LIKEN_OK;
}

int lk_legacy_cut_chip(lk_legacy_cut *s, const lk_source *source, const lk_detection *face, uint8_t *chip,
                       liken_error *err) {
    const int side = s->models->pack->descriptor.chip;
    const liken_box box = lk_landmarks_box(face, s->models->detector);
    lk_source part = {.scale_x = 1, .scale_y = 1};
    double map[6];
    bool found = false;
    const int rc = cut_out(source, &box, &part.image) ? align(s, &part.image, map, &found, err) : LIKEN_OK;
    if (rc != LIKEN_OK)
        return rc;
    part.width = part.image.width;
    part.height = part.image.height;
    if (found)
        lk_source_warp(&part, map, side, side, chip);
    blue_first(chip, (size_t)side * (size_t)side);
    return LIKEN_OK;
}
