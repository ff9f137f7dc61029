/* describe.h - chips to descriptors, several at a time.
 *
 * With a mirroring pack a descriptor is the mean of four: of two chips of the face, cut by estimates of their own
 * (pipeline.c), and of both mirrored. Errors of alignment and lighting average out. Against one chip alone that is four
 * times the work; on LFW it took the errors in 2,428 pairs from 31 to 14, and the true match rate at a false match rate
 * of 1e-4 from 0.76 to 0.84 (two chips, one of them mirrored: 19 to 22 errors, 0.82 to 0.83). */
#ifndef LK_FACE_DESCRIBE_H
#define LK_FACE_DESCRIBE_H

#include "face/models.h"

#define LK_DESCRIBE_BATCH 4 /* faces */

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
