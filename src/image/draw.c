/* draw.c - boxes and dots on a picture, clipped to it. */
#include "image/image.h"

#include <string.h>

static int whole(float v, int most) {
    return v > 0 ? (v < (float)most ? (int)v : most) : 0; /* NaN: 0 */
}

static void fill(lk_image *image, int left, int top, int right, int bottom, const uint8_t rgb[3]) {
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            memcpy(image->rgb + (size_t)y * image->stride + (size_t)x * 3, rgb, 3);
}

static void fill_clipped(lk_image *image, float left, float top, float right, float bottom, const uint8_t rgb[3]) {
    fill(image, whole(left, image->width), whole(top, image->height), whole(right, image->width),
         whole(bottom, image->height), rgb);
}

void lk_image_draw_box(lk_image *image, float x, float y, float width, float height, const uint8_t rgb[3]) {
    const int longer = image->width > image->height ? image->width : image->height;
    const float t = (float)(longer / 400 > 2 ? longer / 400 : 2);
    const float right = x + width, bottom = y + height;
    fill_clipped(image, x, y, right, y + t, rgb);
    fill_clipped(image, x, bottom - t, right, bottom, rgb);
    fill_clipped(image, x, y, x + t, bottom, rgb);
    fill_clipped(image, right - t, y, right, bottom, rgb);
}

void lk_image_draw_dot(lk_image *image, float x, float y, float radius, const uint8_t rgb[3]) {
    const int left = whole(x - radius, image->width), right = whole(x + radius + 1, image->width);
    const int top = whole(y - radius, image->height), bottom = whole(y + radius + 1, image->height);
    for (int j = top; j < bottom; j++)
        for (int i = left; i < right; i++) {
            const float dx = (float)i - x, dy = (float)j - y;
            if (dx * dx + dy * dy <= radius * radius)
                fill(image, i, j, i + 1, j + 1, rgb);
        }
}
