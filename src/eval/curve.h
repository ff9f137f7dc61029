/* curve.h - what a distance means, measured on pairs of photos: the calibration of a descriptor. */
#ifndef LK_EVAL_CURVE_H
#define LK_EVAL_CURVE_H

#include "eval/report.h"

#define LK_CURVE_LEVELS 15
#define LK_CURVE_WANTED 1e-4  /* false match rate of the threshold, where so many strangers are there */
#define LK_CURVE_NEEDED 1e-3  /* no curve without that one */
#define LK_CURVE_STRANGERS 10 /* pairs that must lie within a distance for its rate to be believed */
#define LK_CURVE_SAME 10      /* pairs of one person, at least */

typedef struct lk_curve {
    liken_curve_point points[LK_CURVE_LEVELS];
    size_t count;
    float threshold;
    double rate;            /* of false matches at the threshold */
    size_t same, strangers; /* pairs with a face in both photos */
} lk_curve;

/* By the same pairs of the file and by all pairs of different people among its files (pairs.h: `people`). ARG: there
 * are too few of either for a curve; the sentence says how many there are, and how many are needed. */
int lk_curve_make(lk_curve *out, const lk_pairs *p, const lk_subject *subjects, liken_error *err);

#endif
