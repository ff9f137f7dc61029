/* detect_hog.c - dlib's frontal face detector on the photo enlarged once, which is what the legacy system did: the same
 * boxes for photos of up to LK_HOG_MAX_PIXELS / 4; larger ones are seen shrunk to that. */
#include "face/detect.h"
#include "face/hog.h"

#include <math.h>
#include <stdlib.h>

#define ENLARGEMENTS 1
#define SEEN 40.0f /* the sides of its smallest face, enlarged once */
#define ACCEPT 0.5f

typedef struct hog {
    lk_detector base;
    lk_hog *hog;
} hog;

/* Full size, or what lets the enlarged picture stay within the limit. */
static int look_at(lk_source *source, lk_image *out, liken_error *err) {
    const double pixels = (double)source->width * source->height, most = (double)LK_HOG_MAX_PIXELS / 4 * 0.99;
    const double scale = pixels <= most ? 1 : sqrt(most / pixels);
    const int rc = lk_source_need(source, scale, err);
    if (rc != LIKEN_OK)
        return rc;
    const int width = (int)fmax(1, source->width * scale), height = (int)fmax(1, source->height * scale);
    return lk_image_resize(&source->image, width, height, out, err);
}

static int hog_find(lk_detector *base, lk_source *source, lk_detections *out, liken_error *err) {
    lk_image image;
    int rc = look_at(source, &image, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_detector_one_look(base, "hog", SEEN * (float)source->height / (float)image.height, err);
    if (rc != LIKEN_OK) {
        lk_image_clear(&image);
        return rc;
    }
    lk_hog_face *faces = NULL;
    size_t count = 0;
    rc = lk_hog_detect(((hog *)base)->hog, &image, ENLARGEMENTS, &faces, &count, err);
    const float sx = (float)source->width / (float)image.width, sy = (float)source->height / (float)image.height;
    for (size_t i = 0; i < count && rc == LIKEN_OK; i++) {
        const liken_box b = faces[i].box;
        const lk_detection d = {.box = {b.x * sx, b.y * sy, b.width * sx, b.height * sy},
                                .score = (float)(1 / (1 + exp(-2 * faces[i].score)))}; /* a margin over 0: above 0.5 */
        rc = lk_detections_add(out, &d, err);
    }
    free(faces);
    lk_image_clear(&image);
    return rc;
}

static void hog_free(lk_detector *base) {
    lk_hog_free(((hog *)base)->hog);
    free(base);
}

int lk_detector_hog(lk_detector **out, liken_error *err) {
    hog *h = calloc(1, sizeof *h);
    if (h == NULL)
        return lk_fail_memory(err);
    const int rc = lk_hog_new(&h->hog, err);
    if (rc != LIKEN_OK) {
        free(h);
        return rc;
    }
    h->base = (lk_detector){.accept = ACCEPT, .find = hog_find, .free = hog_free};
    *out = &h->base;
    return LIKEN_OK;
}
