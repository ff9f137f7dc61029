/* legacy.h - a face's chip as the legacy system cut it, so that descriptors match those in its tables.
 *
 * It cut the bare box of the face out of the photo, searched the cut-out for a face again, placed dlib's five points
 * there and cut the chip from the cut-out: whatever lies outside the box is black, and the chip (its face with a
 * quarter more on every side) reaches beyond it. And it had read its photos blue first, which its network took for red.
 * Where the second search found nothing the legacy system lost the face; here the whole cut-out stands in. */
#ifndef LK_FACE_LEGACY_H
#define LK_FACE_LEGACY_H

#include "face/hog.h"
#include "face/models.h"
#include "face/source.h"

typedef struct lk_legacy_cut lk_legacy_cut; /* one thread's */

/* `m` has dlib's five points. UNSUPPORTED never: in a build without dlib every face is cut from its whole cut-out. */
int lk_legacy_cut_new(lk_legacy_cut **out, const lk_models *m, liken_error *err);
void lk_legacy_cut_free(lk_legacy_cut *s);

/* chip: side x side x 3, comes with the face's ordinary chip and goes with the legacy system's; where there is nothing
 * to cut it goes as it came, but blue first. `source` is decoded at full size. */
int lk_legacy_cut_chip(lk_legacy_cut *s, const lk_source *source, const lk_detection *face, uint8_t *chip,
                       liken_error *err);

#endif
