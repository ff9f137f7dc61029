/* tiff_blocks.h - the strips or tiles of a page of a TIFF. */
#ifndef LK_IMAGE_TIFF_BLOCKS_H
#define LK_IMAGE_TIFF_BLOCKS_H

#include "image/ifd.h"

/* *work: bytes a decoder holds to unpack them. DECODE: what they say cannot be, or can be read in two ways. TOO_LARGE:
 * they cover or repeat far more than the page. Time in proportion to the directory and its lists. */
int lk_tiff_blocks(const lk_ifd *ifd, uint64_t *work, liken_error *err);

#endif
