/* remote.h - a photo that is open in a helper. As lk_photo_open and lk_photo_decode (image.h), whose bytes, limits and
 * kind have been looked at. */
#ifndef LK_IMAGE_DECODE_REMOTE_H
#define LK_IMAGE_DECODE_REMOTE_H

#include "image/head.h"
#include "image/image.h"

typedef struct lk_remote lk_remote;

/* `limits` complete (no zeros), with decoders. */
int lk_remote_open(lk_remote **out, const void *bytes, size_t size, lk_kind kind, const lk_photo_limits *limits,
                   liken_error *err);
int lk_remote_width(const lk_remote *r);
int lk_remote_height(const lk_remote *r);
lk_kind lk_remote_kind(const lk_remote *r); /* as it turned out to be */
int64_t lk_remote_captured_at(const lk_remote *r);
const char *lk_remote_note(const lk_remote *r); /* "" for none */
int lk_remote_decode(lk_remote *r, int want, lk_image *out, double *scale, liken_error *err);
void lk_remote_free(lk_remote *r); /* accepts NULL */

#endif
