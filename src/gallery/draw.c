/* Drawing what was found: a box and five dots for each face, with its confidence in percent; kept faces green, refused
 * ones orange. */
#include "gallery/gallery_int.h"

#include "image/letters.h"

#include <math.h>
#include <stdio.h>

#define JPEG_QUALITY 90

/* "97%" above the line y, or below it where there is no room above. */
static void draw_percent(lk_image *image, float confidence, int x, int y, int scale, const uint8_t rgb[3]) {
    const int percent = confidence <= 0 ? 0 : confidence >= 1 ? 100 : (int)lrintf(confidence * 100);
    char text[8];
    (void)snprintf(text, sizeof text, "%d%%", percent);
    lk_image_draw_text(image, x, y >= LK_LETTER_HEIGHT * scale ? y - LK_LETTER_HEIGHT * scale : y + scale, scale, text,
                       rgb);
}

/* A box far outside the picture must not become an undefined number. */
static int whole(float x) {
    return x >= -1e6f && x <= 1e6f ? (int)lrintf(x) : -1000000;
}

static void draw_face(lk_image *image, const liken_face *f) {
    static const uint8_t green[3] = {40, 220, 80}, orange[3] = {255, 150, 30};
    const uint8_t *colour = f->reason == LIKEN_KEPT ? green : orange;
    const float longer = (float)(image->width > image->height ? image->width : image->height);
    const int scale = longer < 800 ? 2 : (int)(longer / 400);
    lk_image_draw_box(image, f->box.x, f->box.y, f->box.width, f->box.height, colour);
    for (size_t i = 0; i < LK_LENGTH(f->landmarks); i++)
        lk_image_draw_dot(image, f->landmarks[i].x, f->landmarks[i].y, (float)scale, colour);
    draw_percent(image, f->confidence, whole(f->box.x), whole(f->box.y), scale, colour);
}

static int draw(liken *lk, const void *bytes, size_t size, const liken_image *faces, void **jpeg, size_t *jpeg_size,
                liken_error *err) {
    lk_photo *photo = NULL;
    lk_image image = {0};
    if (bytes == NULL || faces == NULL)
        return lk_fail(err, LIKEN_E_ARG, "Drawing needs a photo and its faces.");
    int rc = lk_photo_open(&photo, bytes, size, &lk->limits, err);
    if (rc == LIKEN_OK)
        rc = lk_photo_decode(photo, 0, &image, NULL, err);
    lk_photo_free(photo);
    if (rc == LIKEN_OK) {
        for (size_t i = 0; i < faces->refused_count; i++)
            draw_face(&image, &faces->refused[i]);
        for (size_t i = 0; i < faces->face_count; i++)
            draw_face(&image, &faces->faces[i]);
        rc = lk_image_encode_jpeg(&image, JPEG_QUALITY, jpeg, jpeg_size, err);
    }
    lk_image_clear(&image);
    return rc;
}

int liken_draw(liken *lk, const liken_call *call, const void *bytes, size_t size, const liken_image *faces, void **jpeg,
               size_t *jpeg_size, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = draw(lk, bytes, size, faces, jpeg, jpeg_size, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
