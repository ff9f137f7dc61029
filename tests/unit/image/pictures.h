/* pictures.h - pictures made by the tests, and how far two of them are apart. */
#ifndef LK_TESTS_PICTURES_H
#define LK_TESTS_PICTURES_H

#include "unit/test.h"

#include "image/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Smooth, coloured, and different in every corner: what a lossy format and a shrink keep, and a wrong turn does not. */
static inline void pixel_of(int x, int y, int width, int height, uint8_t rgb[3]) {
    const double u = (double)x / width, v = (double)y / height;
    rgb[0] = (uint8_t)(40 + 180 * u);
    rgb[1] = (uint8_t)(30 + 190 * v);
    rgb[2] = (uint8_t)(128 + 90 * sin(5 * u + 3 * v * v));
}

static inline lk_image picture(int width, int height) {
    lk_image image = {.width = width, .height = height, .stride = (size_t)width * 3};
    image.rgb = malloc(image.stride * (size_t)height);
    assert_non_null(image.rgb);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            pixel_of(x, y, width, height, image.rgb + (size_t)y * image.stride + (size_t)x * 3);
    return image;
}

/* Mean absolute difference of all samples; the sizes must agree. */
static inline double difference(const lk_image *a, const lk_image *b) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int i = 0; i < a->width * 3; i++)
            sum += abs(a->rgb[(size_t)y * a->stride + (size_t)i] - b->rgb[(size_t)y * b->stride + (size_t)i]);
    return sum / (3.0 * a->width * a->height);
}

/* Opens and decodes, failing the test with liken's own sentence. */
static inline lk_image decode(const void *bytes, size_t size, int want, const char *kind, double *scale) {
    liken_error err = {0};
    lk_photo *photo = NULL;
    lk_image image = {0};
    assert_ok(lk_photo_open(&photo, bytes, size, NULL, &err), err);
    assert_string_equal(lk_photo_kind(photo), kind);
    assert_ok(lk_photo_decode(photo, want, &image, scale, &err), err);
    lk_photo_free(photo);
    return image;
}

/* The code of the first call that fails, LIKEN_OK when none does; the sentence must not be empty. */
static inline int try_decode(const void *bytes, size_t size, int want, const lk_photo_limits *limits,
                             liken_error *err) {
    lk_photo *photo = NULL;
    lk_image image = {0};
    int rc = lk_photo_open(&photo, bytes, size, limits, err);
    if (rc == LIKEN_OK)
        rc = lk_photo_decode(photo, want, &image, NULL, err);
    if (rc != LIKEN_OK) {
        assert_null(image.rgb);
        assert_int_equal(err->code, rc);
        assert_true(strlen(err->message) > 10);
    }
    lk_image_clear(&image);
    lk_photo_free(photo);
    return rc;
}

#endif
