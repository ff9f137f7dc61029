/* quality.h - how usable a face is, and whether to refuse it.
 *
 * First by what the photo shows. The limits are permissive on purpose: soft faces of 20 pixels in group photos stay,
 * and what could only produce false matches (specks, smears, the backs of heads) goes, with its reason.
 *
 * Then, for a pack with classes, by the descriptor itself. Of all that was tried on photos made small, blurred, dark,
 * noisy, covered and turned (size, sharpness, angles, light, the detector's confidence, the length of the descriptor,
 * how near it is to poor faces, and all together) the nearness foretells best how many strangers a face will be taken
 * for (docs/accuracy.md). So it makes the score; the rest caps it where a kind of photo is worse than that tells, and
 * says what to call the fault. */
#ifndef LK_FACE_QUALITY_H
#define LK_FACE_QUALITY_H

#include "packs/pack.h"

/* Angles from five points (liken_face.landmarks): roll is positive when the face leans clockwise, yaw when it looks to
 * the photo's right, pitch when it looks up. Coarse: within about 15 degrees for |angle| < 45, saturating at 90. */
void lk_quality_pose(const liken_point five[5], liken_quality *q);

/* Sharpness and brightness of a chip (side x side RGB, upright). Sharpness is what a blur takes from it: F. Crete et
 * al., "The blur effect: perception and estimation with a new no-reference perceptual blur metric", 2007. */
void lk_quality_chip(const uint8_t *chip, int side, liken_quality *q);

/* The share, 0 to 1, of the face in such a chip that shows nothing. 0 where that cannot be told. */
float lk_quality_blank(const uint8_t *chip, int side);

/* Fills q->score from the rest and the detector's confidence: all there is for a pack without classes. */
void lk_quality_score(liken_quality *q, float confidence);

/* Fills q->score for a pack with classes, from the descriptor as the network gave it and the detector's confidence (1
 * where it is not yunet's): 1 for one that lies apart from the places of poor faces, falling to 0 among them; capped by
 * size, brightness, sharpness, grain, the descriptor's length and the confidence as the classes say. 0 for a descriptor
 * that is all zeros or not finite. */
void lk_quality_described(liken_quality *q, float confidence, const float *descriptor, int dimension,
                          const lk_pack_classes *classes);

/* Caps q->score, after that, by the share of the face that shows nothing. */
void lk_quality_covered(liken_quality *q, float blank, const lk_pack_classes *classes);

/* Is the score over the floor for a face of that size? */
bool lk_quality_enough(const liken_quality *q, const lk_pack_classes *classes);

/* What to call the fault of a face whose score is below the floor. */
liken_reason lk_quality_blame(const liken_quality *q);

/* Is it a drawn face? False where the classes do not know, and of a small one. */
bool lk_quality_drawn(const liken_quality *q, const float *descriptor, int dimension, const lk_pack_classes *classes);

/* LIKEN_KEPT, or the first reason to refuse a face of this confidence and quality; `accept` is the detector's. */
liken_reason lk_quality_judge(const liken_quality *q, float confidence, float accept);

#endif
