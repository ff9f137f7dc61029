/* shape.h - dlib's shape predictors: from a face box to the face's points, by a cascade of regression trees.
 *
 * Method: Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees", CVPR 2014, as
 * dlib's shape_predictor computes it. The points are dlib's own: same arithmetic, and rounded to whole pixels like
 * them, because the descriptors in people's databases come from chips cut by such points. */
#ifndef LK_FACE_SHAPE_H
#define LK_FACE_SHAPE_H

#include "base/error.h"
#include "image/image.h"

#define LK_SHAPE_MAX_BYTES ((size_t)128 << 20)
#define LK_SHAPE_MAX_POINTS 128

typedef struct lk_shape lk_shape; /* immutable: any number of threads may predict with one */

/* Reads dlib's serialisation of a shape_predictor (a .dat file, not compressed). LIKEN_E_MODEL. */
int lk_shape_read(lk_shape **out, const void *bytes, size_t size, liken_error *err);
void lk_shape_free(lk_shape *shape);

int lk_shape_points(const lk_shape *shape); /* 5, 68: at most LK_SHAPE_MAX_POINTS */

/* `box` as a detector of dlib's kind gives it (see hog.h); it is rounded to whole pixels and may reach outside the
 * image. `points` has room for lk_shape_points(shape). */
void lk_shape_predict(const lk_shape *shape, const lk_image *image, liken_box box, liken_point *points);

#endif
