/* quality.h - how usable a face is, and whether to refuse it.
 *
 * The limits are permissive on purpose: soft faces of 20 pixels in group photos stay, and what could only produce false
 * matches (specks, smears, the backs of heads) goes, with its reason. */
#ifndef LK_FACE_QUALITY_H
#define LK_FACE_QUALITY_H

#include "liken.h"

/* Angles from five points (liken_face.landmarks): roll is positive when the face leans clockwise, yaw when it looks to
 * the photo's right, pitch when it looks up. Coarse: within about 15 degrees for |angle| < 45, saturating at 90. */
void lk_quality_pose(const liken_point five[5], liken_quality *q);

/* Sharpness and brightness of a chip (side x side RGB, upright). Sharpness is what a blur takes from it: F. Crete et
 * al., "The blur effect: perception and estimation with a new no-reference perceptual blur metric", 2007. */
void lk_quality_chip(const uint8_t *chip, int side, liken_quality *q);

/* Fills q->score from the rest and the detector's confidence. */
void lk_quality_score(liken_quality *q, float confidence);

/* LIKEN_KEPT, or the first reason to refuse a face of this confidence and quality; `accept` is the detector's. */
liken_reason lk_quality_judge(const liken_quality *q, float confidence, float accept);

#endif
