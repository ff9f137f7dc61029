/* calibration.c - what a distance means.
 *
 * The curve of a model and metric was measured on strangers and on same-person pairs. The logarithm of the false match
 * rate is close to a straight line in the distance between neighbouring points, so that is how points are joined. */
#include "packs/calibration.h"

#include <math.h>

/* How fast the similarity falls around the threshold: a distance of 0.8 thresholds is 0.86, one of 1.25 is 0.14. */
#define STEEPNESS 8.0

double lk_calibration_fmr(const lk_calibration *c, float distance) {
    const lk_calibration_point *p = c->points;
    const int last = c->count - 1;
    if (!(distance > p[0].distance)) /* NaN too: nothing is known to be nearer */
        return p[0].fmr;
    if (distance >= p[last].distance)
        return p[last].fmr;
    int i = 1;
    while (distance > p[i].distance)
        i++;
    const double t =
        ((double)distance - (double)p[i - 1].distance) / ((double)p[i].distance - (double)p[i - 1].distance);
    return exp((1 - t) * log(p[i - 1].fmr) + t * log(p[i].fmr));
}

double lk_calibration_tmr(const lk_calibration *c, float distance) {
    const lk_calibration_point *p = c->points;
    const int last = c->count - 1;
    if (!(distance > 0))
        return 0;
    if (distance >= p[last].distance)
        return 1;
    int i = 0;
    while (distance > p[i].distance)
        i++;
    const double from = i > 0 ? (double)p[i - 1].distance : 0, before = i > 0 ? p[i - 1].tmr : 0;
    return before + (p[i].tmr - before) * ((double)distance - from) / ((double)p[i].distance - from);
}

float lk_calibration_distance(const lk_calibration *c, double fmr) {
    const lk_calibration_point *p = c->points;
    const int last = c->count - 1;
    if (!(fmr > p[0].fmr))
        return p[0].distance;
    if (fmr >= p[last].fmr)
        return p[last].distance;
    int i = 1;
    while (fmr > p[i].fmr)
        i++;
    const double t = log(fmr / p[i - 1].fmr) / log(p[i].fmr / p[i - 1].fmr);
    return (float)((1 - t) * (double)p[i - 1].distance + t * (double)p[i].distance);
}

float lk_calibration_as_rare(const lk_calibration *of, const lk_calibration *usual, float distance) {
    const float first = usual->points[0].distance, last = usual->points[usual->count - 1].distance;
    if (of == usual || !(distance < last))
        return distance;
    const float found = lk_calibration_distance(of, lk_calibration_fmr(usual, distance));
    return distance < first ? found * distance / first : found;
}

float lk_calibration_similarity(const lk_calibration *c, float distance) {
    if (!(distance > 0))
        return distance == 0 ? 1.0f : 0.0f;
    return (float)(1 / (1 + pow((double)distance / (double)c->threshold, STEEPNESS)));
}
