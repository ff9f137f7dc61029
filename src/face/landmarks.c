/* landmarks.c - points by the 68-point network, by dlib's shape predictors, or the detector's own.
 *
 * The network is that of face-api.js: the face's box, padded to a square about its middle, at 112 pixels. Faces that
 * are not upright are turned upright first by the detector's eyes, because the network has only seen upright ones. It
 * runs on one face after the other: batches are no faster. */
#include "face/landmarks.h"

#include <math.h>
#include <stdlib.h>

#define SIDE 112

struct lk_landmarker {
    const lk_models *models;
    lk_net_state *state; /* NULL without a network */
    uint8_t *crop;       /* SIDE x SIDE x 3 */
};

int lk_landmarker_new(lk_landmarker **out, const lk_models *m, liken_error *err) {
    lk_landmarker *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    l->models = m;
    int rc = LIKEN_OK;
    if (m->landmarks_net != NULL) {
        l->crop = malloc((size_t)SIDE * SIDE * 3);
        rc = l->crop == NULL ? lk_fail_memory(err) : lk_net_state_new(&l->state, m->landmarks_net, 1, 0, 0, err);
    }
    if (rc != LIKEN_OK) {
        lk_landmarker_free(l);
        return rc;
    }
    *out = l;
    return LIKEN_OK;
}

void lk_landmarker_free(lk_landmarker *l) {
    if (l == NULL)
        return;
    lk_net_state_free(l->state);
    free(l->crop);
    free(l);
}

/* ---- the network ---- */

/* Positions of the crop -> the photo: a square about the middle of the box, its side `widen` times the box's longer
 * one, turned so that the eyes are level. */
static void crop_map(const lk_detection *d, double widen, double out[6]) {
    const double scale = fmax(d->box.width, d->box.height) * widen / SIDE;
    const double roll = d->pointed ? atan2(d->points[1].y - d->points[0].y, d->points[1].x - d->points[0].x) : 0;
    const double a = scale * cos(roll), b = scale * sin(roll);
    const double x = d->box.x + d->box.width / 2, y = d->box.y + d->box.height / 2;
    out[0] = a;
    out[1] = -b;
    out[2] = x - (a - b) * SIDE / 2;
    out[3] = b;
    out[4] = a;
    out[5] = y - (a + b) * SIDE / 2;
}

static void find_by_net(lk_landmarker *l, const lk_source *source, const lk_detection *face, double widen,
                        lk_landmarks *out) {
    double map[6];
    crop_map(face, widen, map);
    lk_source_warp(source, map, SIDE, SIDE, l->crop);
    lk_net_forward(l->state, &(lk_net_input){l->crop, (size_t)SIDE * 3}, 1);
    size_t floats;
    const float *points = lk_net_output(l->state, 0, &floats);
    out->kind = LK_POINTS_68;
    for (int k = 0; k < 68; k++)
        out->points[k] = lk_map_point(map, (liken_point){points[2 * k] * SIDE, points[2 * k + 1] * SIDE});
}

/* ---- dlib's shape predictors ---- */

/* Both numbers are means over 398 photos that both detectors saw. */
liken_box lk_landmarks_box(const lk_detection *d, lk_detector_kind detector) {
    if (detector == LK_DETECT_HOG)
        return d->box;
    const float side = 0.96f * sqrtf(d->box.width * d->box.height);
    const float x = d->box.x + d->box.width / 2, y = d->box.y + d->box.height * 0.55f;
    return (liken_box){x - side / 2, y - side / 2, side, side};
}

static void find_by_shape(const lk_landmarker *l, const lk_source *source, const lk_detection *face,
                          lk_landmarks *out) {
    const liken_box b = lk_landmarks_box(face, l->models->detector);
    const float sx = (float)source->scale_x, sy = (float)source->scale_y;
    liken_point points[LK_SHAPE_MAX_POINTS];
    lk_shape_predict(l->models->landmarks_shape, &source->image,
                     (liken_box){b.x * sx, b.y * sy, b.width * sx, b.height * sy}, points);
    out->kind = l->models->points;
    for (int i = 0; i < lk_points_count(out->kind); i++) /* a pixel's index -> its middle */
        out->points[i] = (liken_point){(points[i].x + 0.5f) / sx, (points[i].y + 0.5f) / sy};
}

static void take_detectors(const lk_detection *face, lk_landmarks *out) {
    out->kind = LK_POINTS_DETECTOR5;
    for (int i = 0; i < 5; i++)
        out->points[i] = face->points[i];
}

/* Looks again with the eyes level that the first look found: a detector without points says nothing of a head that
 * leans. Only for packs that live by five points: others have their descriptors from one look. */
static void find_twice(lk_landmarker *l, const lk_source *source, const lk_detection *face, double widen,
                       lk_landmarks *out) {
    lk_detection pointed = *face;
    find_by_net(l, source, face, widen, out);
    lk_landmarks_five(out, pointed.points);
    pointed.pointed = true;
    find_by_net(l, source, &pointed, widen, out);
}

void lk_landmarker_find(lk_landmarker *l, const lk_source *source, const lk_detection *face, double widen,
                        lk_landmarks *out) {
    if (l->state != NULL && !face->pointed && l->models->pack->descriptor.placed)
        find_twice(l, source, face, widen, out);
    else if (l->state != NULL)
        find_by_net(l, source, face, widen, out);
    else if (l->models->landmarks_shape != NULL)
        find_by_shape(l, source, face, out);
    else
        take_detectors(face, out);
}

/* ---- five points ---- */

static liken_point mean_of(const liken_point *p, int count) {
    liken_point sum = {0};
    for (int i = 0; i < count; i++) {
        sum.x += p[i].x / (float)count;
        sum.y += p[i].y / (float)count;
    }
    return sum;
}

void lk_landmarks_five(const lk_landmarks *in, liken_point five[5]) {
    if (in->kind == LK_POINTS_DLIB5) {
        lk_align_mean_five(in->points, five);
        return;
    }
    if (in->kind == LK_POINTS_DETECTOR5) {
        for (int i = 0; i < 5; i++)
            five[i] = in->points[i];
        return;
    }
    five[0] = mean_of(in->points + 36, 6);
    five[1] = mean_of(in->points + 42, 6);
    five[2] = in->points[30];
    five[3] = in->points[48];
    five[4] = in->points[54];
}
