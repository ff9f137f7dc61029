/* hog.h - the frontal face detector of dlib (histograms of oriented gradients), through the installed libdlib.
 *
 * The legacy system found its faces with this one; boxes and scores are libdlib's own, to the bit. */
#ifndef LK_FACE_HOG_H
#define LK_FACE_HOG_H

#include "base/error.h"
#include "image/image.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LK_HOG_MAX_PIXELS ((size_t)64 << 20) /* after enlarging */

typedef struct lk_hog lk_hog;

typedef struct lk_hog_face {
    liken_box box; /* whole pixels; dlib's rectangle, whose right and bottom are inside: width = right - left + 1 */
    double score;  /* margin over the detector's threshold, > 0, about 0.1 to 3; not a probability */
} lk_hog_face;

/* One detector for one thread at a time. LIKEN_E_UNSUPPORTED in a build without libdlib. */
int lk_hog_new(lk_hog **out, liken_error *err);
void lk_hog_free(lk_hog *hog);

/* Faces of about 80 pixels and more in the image doubled `enlargements` (0 to 2) times. *faces is freed with free(),
 * best score first; NULL with *count 0. LIKEN_E_ARG, LIKEN_E_TOO_LARGE (more than LK_HOG_MAX_PIXELS). */
int lk_hog_detect(lk_hog *hog, const lk_image *image, int enlargements, lk_hog_face **faces, size_t *count,
                  liken_error *err);

#ifdef __cplusplus
}
#endif
#endif
