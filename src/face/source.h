/* source.h - one photo, decoded no larger than was needed so far, but the first time already large enough for the chips
 * of ordinary faces: most of the cost of decoding a JPEG is the same at every scale, so that one decode that serves
 * both detector and chips is much cheaper than two.
 *
 * Detectors ask for frames: the whole photo at a given size. Chips are cut from the decoded picture itself, after
 * lk_source_need has made sure that it is large enough. Positions in photo coordinates are continuous: pixel i covers
 * i..i+1, so going from one size to another is a multiplication. */
#ifndef LK_FACE_SOURCE_H
#define LK_FACE_SOURCE_H

#include "base/error.h"
#include "image/image.h"

typedef struct lk_source {
    lk_photo *photo;         /* borrowed */
    int width, height;       /* of the full upright photo */
    lk_image image;          /* {0} until something was needed */
    double scale_x, scale_y; /* image over full */
} lk_source;

lk_source lk_source_of(lk_photo *photo);
void lk_source_clear(lk_source *source);
int lk_source_long_side(const lk_source *source);

/* Decodes again, larger, unless the picture already holds `scale` (of full size; more than 1 is 1). */
int lk_source_need(lk_source *source, double scale, liken_error *err);

/* The whole photo, turned clockwise by `turn` quarters, its longer side `long_side` pixels, in the top left corner
 * of a canvas that is black elsewhere. */
typedef struct lk_frame {
    uint8_t *rgb;                  /* height x width x 3, tightly packed */
    int width, height;             /* of the canvas: multiples of 32 */
    int inner_width, inner_height; /* of the photo in it */
    double scale;                  /* frame pixels a photo pixel */
} lk_frame;

/* `square`: the canvas is long_side x long_side. */
int lk_source_frame(lk_source *source, int long_side, int turn, bool square, lk_frame *out, liken_error *err);
void lk_frame_clear(lk_frame *frame); /* accepts {0} */

/* out (width x height x 3) = the photo seen through `to_photo` (2x3, row-major), which maps positions of the output to
 * positions of the full photo, both continuous. Something must have been decoded. */
void lk_source_warp(const lk_source *source, const double to_photo[6], int width, int height, uint8_t *out);

#endif
