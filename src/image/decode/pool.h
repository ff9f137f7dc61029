/* pool.h - what remote.c wants of the pool. */
#ifndef LK_IMAGE_DECODE_POOL_H
#define LK_IMAGE_DECODE_POOL_H

#include "image/decode/helper.h"

/* Waits until one is free. UNSUPPORTED, BUSY. */
int lk_decoders_take(lk_decoders *d, lk_helper **out, liken_error *err);
void lk_decoders_give(lk_decoders *d, lk_helper *h);
/* Ends a helper that is lost, and counts it. */
void lk_decoders_lose(lk_decoders *d, lk_helper *h, lk_loss why);

#endif
