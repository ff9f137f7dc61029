/* letters.h - words on a picture. */
#ifndef LK_IMAGE_LETTERS_H
#define LK_IMAGE_LETTERS_H

#include "image/image.h"

#define LK_LETTER_WIDTH 6 /* dots, with the gap to the next */
#define LK_LETTER_HEIGHT 9

/* UTF-8 with its top left corner at (x, y), `scale` pixels a dot, clipped to the picture. */
void lk_image_draw_text(lk_image *image, int x, int y, int scale, const char *text, const uint8_t rgb[3]);
size_t lk_image_text_letters(const char *text);
/* What follows the first `letters` of the text. */
const char *lk_image_text_skip(const char *text, size_t letters);

#endif
