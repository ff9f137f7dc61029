/* dlib_writer.h - writes dlib's serialisation, to make small shape predictors for tests. */
#ifndef LK_TESTS_FACE_DLIB_WRITER_H
#define LK_TESTS_FACE_DLIB_WRITER_H

#include "base/buf.h"

void dlib_write_integer(lk_buf *b, int64_t value);
void dlib_write_float(lk_buf *b, float value);

/* What a made-up shape predictor is like; its numbers are pseudo-random. */
typedef struct shape_plan {
    int points, stages, trees, splits, pixels;
} shape_plan;

/* The bytes of such a shape_predictor. */
void dlib_write_shape(lk_buf *b, const shape_plan *plan, uint32_t seed);

#endif
