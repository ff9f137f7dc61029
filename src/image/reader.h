/* reader.h - rows of 8-bit sRGB from a decoder, top of the stored picture first: what every kind of file comes down to.
 */
#ifndef LK_IMAGE_READER_H
#define LK_IMAGE_READER_H

#include "image/head.h"

typedef struct lk_reader lk_reader;
struct lk_reader {
    int width, height;
    bool counts; /* `there` is known: how many rows are in the bytes, wherever in the picture they lie */
    int there;
    bool starved; /* the row that did not come was not damaged: memory ran out */
    /* Row y (asked for in order from 0), width*3 bytes that live until the next call. NULL: damaged from here on. */
    const uint8_t *(*row)(lk_reader *r, int y);
    void (*close)(lk_reader *r); /* frees it too */
};

/* `bytes` must outlive the reader. */
int lk_bmp_open(lk_reader **out, const uint8_t *bytes, size_t size, liken_error *err);
/* A bitmap as it lies in an icon: no file header, twice the height, a transparency mask at the end. */
int lk_bmp_open_icon(lk_reader **out, const uint8_t *bytes, size_t size, liken_error *err);
int lk_bmp_head_icon(const uint8_t *bytes, size_t size, lk_head *head, liken_error *err);
int lk_pnm_open(lk_reader **out, const uint8_t *bytes, size_t size, liken_error *err);

/* An ordinary JPEG, without a colour profile, at 1/shrink (1, 2, 4, 8). NULL: it is not one, or damaged where it
 * begins, or memory ran out; libvips opens it or says why not. */
lk_reader *lk_jpeg_open(const uint8_t *bytes, size_t size, int shrink);

/* Colours from the gray bytes of `inner`, in groups of across*down luma, one Cb and one Cr. Takes `inner`, also when it
 * fails. */
int lk_ycc_open(lk_reader **out, lk_reader *inner, const lk_head *head, liken_error *err);

/* ---- vips.c ------------------------------------------------------------------------------------------ */

typedef struct lk_vips_options {
    int shrink;   /* JPEG: 1, 2, 4 or 8 */
    double scale; /* WebP: 0 < scale <= 1 */
} lk_vips_options;

/* Starts libvips, once. Whoever entered leaves when it is done, which frees what libvips keeps for the calling thread,
 * as threads come and go. INTERNAL: it is not installed whole; then there is nothing to leave. */
int lk_vips_enter(liken_error *err);
void lk_vips_leave(void);
/* Did what libvips and its decoders said mean that memory ran out? They have no code for it, only words. A decoder's
 * own limit on what a file may ask for is the file's fault. */
bool lk_vips_ran_out(const char *said);
/* Reads the header with the decoder that will be used: size as stored and EXIF orientation 1-8. */
int lk_vips_head(lk_kind kind, const uint8_t *bytes, size_t size, int *width, int *height, int *orientation,
                 liken_error *err);
int lk_vips_open(lk_reader **out, lk_kind kind, const uint8_t *bytes, size_t size, const lk_vips_options *options,
                 liken_error *err);

#endif
