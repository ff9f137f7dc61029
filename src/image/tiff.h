/* tiff.h - the pages of a TIFF, and what camera raw files keep in the same form. */
#ifndef LK_IMAGE_TIFF_H
#define LK_IMAGE_TIFF_H

#include "image/ifd.h"

/* Size and cost of one page into a zeroed *head. FORMAT: a variant that no decoder here reads. */
int lk_tiff_page(const lk_ifd *ifd, lk_head *head, liken_error *err);
/* Makes the copy that a page needs, if any; `others`: the file has other pages too. */
int lk_tiff_take(const lk_ifd *ifd, bool others, lk_head *head, liken_error *err);

/* ---- JPEGs that lie in other files --------------------------------------------------------------------- */

#define LK_PREVIEW_SMALLEST (320 * 200) /* pixels that are of use to find faces in */

typedef struct lk_preview {
    size_t from, size; /* in the file */
    int width, height;
} lk_preview;

/* Keeps in *best the larger of it and a JPEG at `from`, if there is one that liken reads. Reads no further than the
 * frame header. */
void lk_preview_offer(lk_preview *best, const uint8_t *bytes, size_t size, uint64_t from, uint64_t length);
/* Makes it what is decoded: head->inner, from, size. */
int lk_preview_use(const lk_preview *best, const uint8_t *bytes, lk_head *head, liken_error *err);
/* The same with a note. `camera` says what the file is: "Canon CR2". FORMAT when it
 * is too small to find faces in. */
int lk_preview_take(const lk_preview *best, const char *camera, const uint8_t *bytes, lk_head *head, liken_error *err);

/* Those that a maker's notes lead to (Nikon, Olympus), in the block of a TIFF-based file. */
void lk_preview_notes(lk_preview *best, const lk_ifd *first);

#endif
