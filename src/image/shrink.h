/* shrink.h - area-averaging shrink of rows as they come, so that only the small picture is ever held.
 *
 * Exact: source and output pixels are laid on a common grid (source width x output width), every overlap is a whole
 * number, and the sums are integers; only the last division is rounded. Output never larger than the source. */
#ifndef LK_IMAGE_SHRINK_H
#define LK_IMAGE_SHRINK_H

#include "image/image.h"

typedef struct lk_shrink {
    int in_width, in_height;
    lk_image out;
    int y;          /* source rows taken */
    uint32_t *line; /* one source row, summed across: out.width*3 */
    uint64_t *sums; /* the output row in the making */
} lk_shrink;

/* 1 <= width <= in_width, and so for height. */
int lk_shrink_begin(lk_shrink *s, int in_width, int in_height, int width, int height, liken_error *err);
void lk_shrink_row(lk_shrink *s, const uint8_t *rgb);
/* Gives the picture away once all rows were taken. */
void lk_shrink_end(lk_shrink *s, lk_image *out);
void lk_shrink_clear(lk_shrink *s); /* accepts {0} */

int lk_image_new(lk_image *image, int width, int height, liken_error *err);

#endif
