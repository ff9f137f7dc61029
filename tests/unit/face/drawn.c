#include "unit/test.h"

#include "unit/face/drawn.h"

#include "base/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lk_image drawn_image(int width, int height, int noise) {
    lk_image image = {.width = width, .height = height, .stride = (size_t)width * 3 + 5};
    image.rgb = malloc(image.stride * (size_t)height);
    assert_non_null(image.rgb);
    uint32_t state = 12345;
    for (size_t i = 0; i < image.stride * (size_t)height; i++) {
        state = state * 1664525u + 1013904223u;
        image.rgb[i] = (uint8_t)(60 + (noise == 0 ? 0 : (int)((state >> 16) % (uint32_t)noise)));
    }
    return image;
}

static void ellipse(lk_image *image, double cx, double cy, double rx, double ry, double value) {
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            const double inside = 1 / (1 + exp((hypot((x - cx) / rx, (y - cy) / ry) - 1) * 12));
            uint8_t *p = image->rgb + (size_t)y * image->stride + 3 * (size_t)x;
            for (int c = 0; c < 3; c++)
                p[c] = (uint8_t)(p[c] * (1 - inside) + value * inside);
        }
}

void drawn_face(lk_image *image, double x, double y, double scale) {
    static const struct {
        double x, y, rx, ry, value;
    } parts[] = {
        {0, 0, 80, 105, 200}, {-32, -20, 20, 9, 90}, {32, -20, 20, 9, 90}, {-32, -18, 8, 8, 20},
        {32, -18, 8, 8, 20},  {-32, -42, 24, 6, 70}, {32, -42, 24, 6, 70}, {0, 15, 9, 26, 170},
        {-10, 38, 5, 4, 90},  {10, 38, 5, 4, 90},    {0, 40, 16, 6, 140},  {0, 65, 32, 9, 100},
    };
    for (size_t i = 0; i < LK_LENGTH(parts); i++)
        ellipse(image, x + parts[i].x * scale, y + parts[i].y * scale, parts[i].rx * scale, parts[i].ry * scale,
                parts[i].value);
}

uint8_t *drawn_packed(const lk_image *image) {
    const size_t row = (size_t)image->width * 3;
    uint8_t *packed = malloc(row * (size_t)image->height);
    assert_non_null(packed);
    for (int y = 0; y < image->height; y++)
        memcpy(packed + (size_t)y * row, image->rgb + (size_t)y * image->stride, row);
    return packed;
}

lk_image drawn_sample(const char *models, int i) {
    liken_error err = {0};
    char path[4096], *bytes = NULL;
    size_t size = 0;
    lk_photo *photo = NULL;
    lk_image image = {0};
    (void)snprintf(path, sizeof path, "%s/faceapi/samples/sample%d.jpg", models, i);
    assert_ok(lk_file_read(path, (size_t)16 << 20, &bytes, &size, &err), err);
    assert_ok(lk_photo_open(&photo, bytes, size, NULL, &err), err);
    assert_ok(lk_photo_decode(photo, 640, &image, NULL, &err), err);
    lk_photo_free(photo);
    free(bytes);
    return image;
}

void drawn_free(lk_image *image) {
    lk_image_clear(image);
}
