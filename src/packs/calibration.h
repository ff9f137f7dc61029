/* calibration.h - what a distance means. Pure functions; a curve is immutable. */
#ifndef LK_PACKS_CALIBRATION_H
#define LK_PACKS_CALIBRATION_H

/* One distance on the calibration curve of a model and metric, measured on strangers (fmr) and same-person pairs. */
typedef struct lk_calibration_point {
    float distance;
    double fmr;
    double tmr;
} lk_calibration_point;

typedef struct lk_calibration {
    float threshold; /* default for searching */
    lk_calibration_point points[24];
    int count; /* points, by rising distance */
} lk_calibration;

/* Share of strangers' pairs within `distance`; log-linear between points, clamped outside. */
double lk_calibration_fmr(const lk_calibration *c, float distance);
/* Share of pairs of one person within `distance`; straight between points and from nothing at 0, 1 from the last on. */
double lk_calibration_tmr(const lk_calibration *c, float distance);
/* The distance at which the false match rate is `fmr`. */
float lk_calibration_distance(const lk_calibration *c, double fmr);
/* The distance at which strangers are as rare by `of` as within `distance` by `usual`. Where the latter ends with its
 * last point nothing is known, and the distance is kept. The same curve twice: the distance itself. */
float lk_calibration_as_rare(const lk_calibration *of, const lk_calibration *usual, float distance);
/* 0..1, falling with distance, 0.5 at the threshold. */
float lk_calibration_similarity(const lk_calibration *c, float distance);

#endif
