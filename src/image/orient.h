/* orient.h - turns a stored picture upright. */
#ifndef LK_IMAGE_ORIENT_H
#define LK_IMAGE_ORIENT_H

#include "image/image.h"

/* Replaces *image by itself seen as EXIF orientation 1..8 says. On failure it is unchanged. */
int lk_image_orient(lk_image *image, int orientation, liken_error *err);

#endif
