/* warm.h - has libvips and the decoders load whatever they load late, while files can still be opened. */
#ifndef LK_IMAGE_DECODE_WARM_H
#define LK_IMAGE_DECODE_WARM_H

#include "base/error.h"

/* INTERNAL: libvips does not start. */
int lk_decode_warm(liken_error *err);

#endif
