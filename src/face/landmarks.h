/* landmarks.h - the points of a face inside its box. */
#ifndef LK_FACE_LANDMARKS_H
#define LK_FACE_LANDMARKS_H

#include "face/models.h"

typedef struct lk_landmarks {
    liken_point points[68]; /* photo coordinates; as many as lk_points_count(kind) */
    lk_points_kind kind;
} lk_landmarks;

typedef struct lk_landmarker lk_landmarker; /* one thread's */

int lk_landmarker_new(lk_landmarker **out, const lk_models *m, liken_error *err);
void lk_landmarker_free(lk_landmarker *l);

/* Of one face of the photo, decoded as large as it needs to be. `widen`: the network sees the box that many times as
 * wide (1: as it is), which gives an estimate of its own; what is not found by a network ignores it. */
void lk_landmarker_find(lk_landmarker *l, const lk_source *source, const lk_detection *face, double widen,
                        lk_landmarks *out);

/* The box that dlib's own detector would give, because its shape predictors know faces only in such boxes: a square of
 * nearly the same area, a little lower. */
liken_box lk_landmarks_box(const lk_detection *d, lk_detector_kind detector);

/* The five of liken_face: from 68, or (they do not hold all five) through the mean face's alignment by them. */
void lk_landmarks_five(const lk_landmarks *in, liken_point five[5]);

#endif
