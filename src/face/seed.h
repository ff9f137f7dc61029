/* seed.h - a face's chip as the seed system cut it, so that descriptors match those in its tables.
 *
 * It cut the bare box of the face out of the photo, searched the cut-out for a face again, placed dlib's five points
 * there and cut the chip from the cut-out: whatever lies outside the box is black, and the chip (its face with a
 * quarter more on every side) reaches beyond it. And it had read its photos blue first, which its network took for red.
 * Where the second search found nothing the seed lost the face; here the whole cut-out stands in. */
#ifndef LK_FACE_SEED_H
#define LK_FACE_SEED_H

#include "face/hog.h"
#include "face/models.h"
#include "face/source.h"

typedef struct lk_seed lk_seed; /* one thread's */

/* `m` has dlib's five points. UNSUPPORTED never: in a build without dlib every face is cut from its whole cut-out. */
int lk_seed_new(lk_seed **out, const lk_models *m, liken_error *err);
void lk_seed_free(lk_seed *s);

/* chip: side x side x 3, comes with the face's ordinary chip and goes with the seed's; where there is nothing to cut it
 * goes as it came, but blue first. `source` is decoded at full size. */
int lk_seed_chip(lk_seed *s, const lk_source *source, const lk_detection *face, uint8_t *chip, liken_error *err);

#endif
