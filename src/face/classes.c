/* classes.c - good faces and weak ones: what a distance means between them.
 *
 * Poor faces gather about a few places of the descriptor space (packs/classes.c), so that two of them are near each
 * other whoever they are of. A weak face therefore has a curve of its own with others of its kind, and where two faces
 * are of one class the query's score says how many times the strangers of that curve it will meet. Of a weak face and a
 * good one it does not matter: a good face is nowhere near those places. */
#include "face/models.h"

#include <math.h>

const lk_calibration *lk_models_calibration(const lk_models *m, liken_metric metric) {
    return metric == LIKEN_L2 ? &m->pack->descriptor.l2 : &m->pack->descriptor.normalized;
}

float lk_models_good(const lk_models *m) {
    return m->classes == NULL ? 0 : m->classes->good;
}

const lk_calibration *lk_models_between(const lk_models *m, liken_metric metric, bool a_weak, bool b_weak) {
    if (m->classes == NULL || !(a_weak || b_weak))
        return lk_models_calibration(m, metric);
    return a_weak && b_weak ? &m->classes->weak[metric] : &m->classes->mixed[metric];
}

/* Between two points the logarithm is straight. */
static double excess_at(const lk_pack_excess *p, int count, float score) {
    if (!(score > p[0].score))
        return (double)p[0].times;
    int i = 1;
    while (i < count && score > p[i].score)
        i++;
    if (i == count)
        return (double)p[count - 1].times;
    const double t = ((double)score - (double)p[i - 1].score) / ((double)p[i].score - (double)p[i - 1].score);
    return exp((1 - t) * log((double)p[i - 1].times) + t * log((double)p[i].times));
}

static double excess(const lk_models *m, float score, bool other_weak) {
    const lk_pack_classes *c = m->classes;
    return c == NULL || (score < c->good) != other_weak ? 1 : excess_at(c->excess, c->excess_count, score);
}

static bool is_weak(const lk_models *m, float score) {
    return score < lk_models_good(m);
}

float lk_models_radius(const lk_models *m, liken_metric metric, float score, bool other_weak, double fmr) {
    return lk_calibration_distance(lk_models_between(m, metric, is_weak(m, score), other_weak),
                                   fmr / excess(m, score, other_weak));
}

double lk_models_fmr(const lk_models *m, liken_metric metric, float score, bool other_weak, float distance) {
    return fmin(1, lk_calibration_fmr(lk_models_between(m, metric, is_weak(m, score), other_weak), distance) *
                       excess(m, score, other_weak));
}
