/* hog_absent.c - takes the place of hog.cc in a build without libdlib. */
#include "face/hog.h"

static int absent(liken_error *err) {
    return lk_fail(
        err, LIKEN_E_UNSUPPORTED,
        "This liken was built without the hog detector. Use the detector auto, or install libdlib-dev and build "
        "again.");
}

int lk_hog_new(lk_hog **out, liken_error *err) {
    (void)out;
    return absent(err);
}

void lk_hog_free(lk_hog *hog) {
    (void)hog;
}

int lk_hog_detect(lk_hog *hog, const lk_image *image, int enlargements, lk_hog_face **faces, size_t *count,
                  liken_error *err) {
    (void)hog;
    (void)image;
    (void)enlargements;
    (void)faces;
    (void)count;
    return absent(err);
}
