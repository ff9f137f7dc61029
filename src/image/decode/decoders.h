/* decoders.h - a pool of helper processes that photos are decoded in (lk_photo_limits.decoders).
 *
 * A helper is lent to one photo at a time, from lk_photo_open to lk_photo_free, and kept for the next. What a photo
 * does to its helper, by a fault of a decoder or on purpose, ends with that helper and that photo: the caller gets
 * DECODE with a sentence, and the next photo a fresh one. A helper that was killed from outside is replaced, and its
 * photo tried once more. */
#ifndef LK_IMAGE_DECODE_DECODERS_H
#define LK_IMAGE_DECODE_DECODERS_H

#include "image/image.h"

/* Why a helper was lost. */
typedef enum lk_loss {
    LK_LOST_NOT,
    LK_LOST_TIME,    /* it computed for longer than a photo may */
    LK_LOST_STILL,   /* it neither computed nor answered */
    LK_LOST_MEMORY,  /* it wanted more memory than a photo may */
    LK_LOST_CRASH,   /* a fault of the decoder */
    LK_LOST_ANSWER,  /* it answered what no helper answers */
    LK_LOST_OUTSIDE, /* killed by somebody else, perhaps for want of memory in the machine */
    LK_LOST_IDLE,    /* it left, having had nothing to do: no loss */
    LK_LOSSES
} lk_loss;

/* "time", "still", "memory", "crash", "answer", "outside", "idle". */
const char *lk_loss_name(lk_loss loss);

typedef struct lk_decoders_state {
    int running, most;
    uint64_t lost[LK_LOSSES];
    bool limits_memory; /* false under a sanitizer */
    const char *path;   /* of the program; borrowed from the pool */
} lk_decoders_state;

/* At most `most` helpers at once, for photos within `limits`. The first is started and not waited for. UNSUPPORTED:
 * there is no program liken-decode, and the sentence says where it was looked for. */
int lk_decoders_new(lk_decoders **out, int most, const lk_photo_limits *limits, liken_error *err);
/* Waits until one stands ready. UNSUPPORTED: it does not start, or the kernel refuses to confine it. */
int lk_decoders_ready(lk_decoders *d, liken_error *err);
void lk_decoders_get(lk_decoders *d, lk_decoders_state *out);
/* Ends all helpers; no photo may be open. NULL is accepted. */
void lk_decoders_free(lk_decoders *d);

/* Path of the program: $LIKEN_DECODE, else beside the library or program that this code is in, else where both were
 * installed to. UNSUPPORTED names where it was looked for. */
int lk_decoder_find(char *path, size_t room, liken_error *err);

#endif
