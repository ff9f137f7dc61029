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

/* Where the rate comes to 1 the curve ends. */
static void times(lk_calibration *c, double factor) {
    const float end = lk_calibration_distance(c, 1 / factor);
    for (int i = 0; i < c->count; i++) {
        c->points[i].fmr *= factor;
        if (c->points[i].fmr >= 1) {
            c->points[i].fmr = 1;
            c->points[i].distance = end;
            c->count = i + 1;
        }
    }
}

lk_calibration lk_models_curve(const lk_models *m, liken_metric metric, bool weak, float score, bool other_weak) {
    lk_calibration c = *lk_models_between(m, metric, weak, other_weak);
    if (m->classes != NULL && weak == other_weak)
        times(&c,
              excess_at(m->classes->excess, m->classes->excess_count, weak ? score : fmaxf(score, m->classes->good)));
    return c;
}

const lk_expectation_model *lk_models_expectation(const lk_models *m, liken_metric metric) {
    return metric == LIKEN_NORMALIZED ? lk_known_expectation(m->pack) : NULL;
}
