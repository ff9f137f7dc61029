/* shrink.h - area-averaging shrink of rows as they come, so that only the small picture is ever held.
 *
 * Source and output pixels are laid on a common grid (source width x output width), so every overlap is a whole number.
 * Rows are first added up by column, which is quick, and the columns across once an output row is complete. All sums
 * are whole numbers that fit their type exactly (columns in floats, up to 65,793 source rows; sums in doubles); only
 * the last division is rounded. Output never larger than the source. */
#ifndef LK_IMAGE_SHRINK_H
#define LK_IMAGE_SHRINK_H

#include "image/image.h"

typedef struct lk_shrink {
    int in_width, in_height;
    lk_image out;
    int y; /* source rows taken */
    uint16_t
        *whole;    /* sums of those that lie whole in the output row in the making; NULL, like column, where nothing */
    int wholes;    /* is to be shrunk. How many they are */
    float *column; /* the same row's sums so far, in grid units */
} lk_shrink;

/* 1 <= width <= in_width, and so for height. */
int lk_shrink_begin(lk_shrink *s, int in_width, int in_height, int width, int height, liken_error *err);
void lk_shrink_row(lk_shrink *s, const uint8_t *rgb);
/* Gives the picture away once all rows were taken. */
void lk_shrink_end(lk_shrink *s, lk_image *out);
void lk_shrink_clear(lk_shrink *s); /* accepts {0} */

int lk_image_new(lk_image *image, int width, int height, liken_error *err);

#endif
