/* jpeg.h - what more is to be known of a JPEG than its head. */
#ifndef LK_IMAGE_JPEG_H
#define LK_IMAGE_JPEG_H

#include "image/head.h"

/* Of the markers 0xffc0..0xffcf, given without 0xff, those of frame headers. */
static inline bool lk_jpeg_is_frame(unsigned marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

typedef struct lk_jpeg_extent {
    bool whole;   /* every block is there, with all its bits */
    bool counted; /* rows is known: a baseline file */
    int rows;     /* of pixels, from the top, that are there */
    size_t end;   /* whole: where the coded data ends */
} lk_jpeg_extent;

/* Walks the coded data of a file that lk_jpeg_head accepted and whose size and scans are within the limits. Time: a
 * pass over the bytes, and scans x blocks. Errors: MEMORY. */
int lk_jpeg_measure(const uint8_t *bytes, size_t size, lk_jpeg_extent *out, liken_error *err);

/* A file without an end marker that lacks nothing else gets a copy with one; any other is DECODE, and the sentence says
 * how many rows are there. A file with an end marker passes as it is. */
int lk_jpeg_mend(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);

#endif
