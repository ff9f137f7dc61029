/* dlib_reference.h - libdlib asked directly, without any code of liken between: what src/face must equal. */
#ifndef LK_TESTS_DLIB_REFERENCE_H
#define LK_TESTS_DLIB_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reference_face { long left, top, right, bottom; double score; } reference_face;

/* get_frontal_face_detector on tightly packed RGB, enlarged as dlib's Python module does. Returns how many it found, at
 * most `room`. */
size_t reference_hog(const uint8_t *rgb, int width, int height, int enlargements, reference_face *faces, size_t room);

typedef struct reference_shape reference_shape;

/* NULL when dlib refuses the bytes. */
reference_shape *reference_shape_read(const void *bytes, size_t size);
void reference_shape_free(reference_shape *shape);
/* The points on the inclusive box {left, top, right, bottom}: x0, y0, x1, ... of at most `room` points; returns how many. */
size_t reference_shape_predict(const reference_shape *shape, const uint8_t *rgb, int width, int height, const long box[4],
                               long *points, size_t room);

#ifdef __cplusplus
}
#endif
#endif
