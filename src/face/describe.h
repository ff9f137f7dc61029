/* describe.h - chips to descriptors, several at a time.
 *
 * With a mirroring pack a descriptor is the mean of two: of the chip, and of a second chip of the same face, mirrored.
 * That is about twice the work, and it gains 4 to 6 points of true match rate at a false match rate of 1e-4. The second
 * chip is cut by an estimate of its own (pipeline.c), so that errors of alignment average out as well. */
#ifndef LK_FACE_DESCRIBE_H
#define LK_FACE_DESCRIBE_H

#include "face/models.h"

#define LK_DESCRIBE_BATCH 8 /* faces */

typedef struct lk_describer lk_describer; /* one thread's */

int lk_describer_new(lk_describer **out, const lk_models *m, liken_error *err);
void lk_describer_free(lk_describer *d);

/* Queues a face's chips (side x side x 3 each, copied); its descriptor goes to *descriptor (dimension floats) at the
 * latest with lk_describer_flush. `second`, upright like the first, is used by mirroring packs only. */
void lk_describer_add(lk_describer *d, const uint8_t *chip, const uint8_t *second, float *descriptor);
void lk_describer_flush(lk_describer *d);
/* Forgets what is queued. */
void lk_describer_reset(lk_describer *d);

#endif
