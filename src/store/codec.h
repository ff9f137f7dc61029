/* codec.h - what may go into a store and how it lies there, the same for every database. */
#ifndef LK_STORE_CODEC_H
#define LK_STORE_CODEC_H

#include "base/error.h"

#define LK_STORE_LABEL_MAX 65536 /* bytes of an image_id or a file label */
#define LK_STORE_TAG_MAX 1024
#define LK_STORE_PAGE_FACES 10000 /* a page of images ends once it holds so many */
#define LK_STORE_TAGS_MAX 64
#define LK_STORE_DIMENSION_MAX 4096 /* numbers of a descriptor */

/* ARG: not UTF-8; TOO_LARGE: more than `most` bytes. NULL is fine. `what` names it: "file label". */
int lk_store_text(const char *what, const char *text, size_t most, liken_error *err);

/* float32 little-endian, whatever the machine; `bytes` need no alignment. */
void lk_floats_encode(const float *values, size_t count, unsigned char *bytes);
void lk_floats_decode(const void *bytes, size_t count, float *values);
/* Numbers that can be squared and summed: finite, at most 1e15 in size. */
bool lk_floats_sane(const float *values, size_t count);

/* 64 lower-case hex digits to 32 bytes; false when it is anything else. */
bool lk_sha256_parse(const char *hex, unsigned char out[32]);

/* May this photo be stored at all: its labels, its tags, its faces' numbers? Also gives its hash as bytes. ARG, TOO_LARGE;
 * INTERNAL for what only liken itself can have got wrong. */
int lk_store_check_image(const liken_image *image, unsigned char sha256[32], liken_error *err);

#endif
