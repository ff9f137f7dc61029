#include "index/bound.h"

#include "kern/search/loops.h"

#include <math.h>
#include <string.h>

#define ROUNDOFF 5.9604644775390625e-8 /* 2^-24 */

/* An inner product of n terms in 16 partial sums is wrong by at most (n/16 + 5) roundoffs of the product of the lengths
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); the difference to the mean costs one more. */
static double product_error(const lk_plan *p) {
    return ((double)p->stride / 16 + 10) * ROUNDOFF;
}

double lk_rotation_error(const lk_plan *p, double length) {
    return (sqrt((double)p->axes) * product_error(p) + 4 * ROUNDOFF) * length * 1.1 + 1e-25;
}

double lk_rest_error(const lk_plan *p, double length) {
    const double e = lk_rotation_error(p, length), gram = p->stretch * p->stretch - p->squeeze * p->squeeze;
    const double squares =
        (product_error(p) + 4 * ROUNDOFF + gram) * length * length + e * (2.1 * p->stretch * length + e);
    return sqrt(squares) * 1.001 + 1e-20;
}

/* Integers for the coarse test; returns the length of what rounding to them changes. */
static double round_query(lk_probe *probe, const lk_sealed *s, const float *turned) {
    const lk_plan *p = &s->plan;
    double most = 0, changed = 0, sum = 0, z2 = 0;
    for (size_t i = 0; i < p->coarse; i++)
        most = fmax(most, fabs((double)turned[i] * (double)p->step[i]));
    const double scale = fmax(most / 127, s->head.losses.value_unit * 1e-7); /* slope stays below 1e7 */
    for (size_t i = 0; i < p->coarse; i++) {
        const double w = (double)turned[i] * (double)p->step[i], n = fmin(127, fmax(-127, rint(w / scale)));
        probe->coarse[i] = (int8_t)n;
        sum += n;
        changed += (w - scale * n) * (w - scale * n);
        z2 += (double)turned[i] * (double)turned[i];
    }
    probe->unit = 4 * scale;
    probe->slope = (float)(s->head.losses.value_unit / probe->unit);
    probe->constant = z2 * (1 - 1e-12) + 30 * scale * sum;
    return sqrt(changed) * (1 + 1e-9) + most * 1e-12;
}

void lk_probe_init(lk_probe *probe, const lk_sealed *s, const float *query) {
    const lk_plan *p = &s->plan;
    const lk_loops *loops = lk_loops_get();
    _Alignas(64) float centred[LK_INDEX_MAX_DIMENSION], turned[LK_PLAN_MAX_COARSE];
    float length2;
    for (size_t i = 0; i < p->stride; i++)
        centred[i] = query[i] - p->mean[i];
    loops->dots(centred, p->rotation, p->stride, p->axes, turned);
    loops->dots(centred, centred, p->stride, 1, &length2);
    const double length = sqrt((double)length2) * (1 + 1e-4);
    const double changed = round_query(probe, s, turned);
    probe->constant -= 2 * changed * s->head.losses.code_norm;
    probe->misplaced = lk_rotation_error(p, length);
    double kept = 0;
    memset(probe->fine, 0, p->record * sizeof *probe->fine);
    for (size_t i = 0; i < p->record - LK_RECORD_TAIL; i++) {
        probe->fine[i] = turned[i];
        kept += (double)turned[i] * (double)turned[i];
    }
    probe->length = sqrt(kept);
    probe->rest = sqrt(fmax(0, (double)length2 - kept));
    probe->rest_error = lk_rest_error(p, length);
}

/* A distance that is reported as `radius` or less is truly at most this. */
static double reach_of(const lk_sealed *s, float radius) {
    return ((double)radius + 1e-19) * (1 + 4 * product_error(&s->plan) + 1e-6);
}

lk_reach lk_probe_reach(const lk_probe *probe, const lk_sealed *s, float radius) {
    const double reach = reach_of(s, radius), errors = probe->misplaced + s->head.losses.fine_unit * 65535;
    const double apart = (reach * s->plan.stretch + errors + 4e-7 * probe->length) / (1 - 2e-5);
    const double sure = apart * apart * (1 + 1e-6);
    return (lk_reach){reach, sure < 1e38 ? (float)sure : INFINITY};
}

float lk_probe_limit(const lk_probe *probe, const lk_sealed *s, float radius) {
    const lk_losses *l = &s->head.losses;
    const double h = reach_of(s, radius) * s->plan.stretch + probe->misplaced;
    const double beyond = fmax(0, h - (double)s->plan.usual) * (l->error_max - l->error_min);
    const double right = h * h + 2 * h * l->error_min + 2 * beyond - probe->constant - l->value_base;
    /* the test itself is done in floats: a product, a difference, an integer rounded to float */
    const double terms = (double)probe->slope * 65536 + 127.0 * 15 * s->plan.coarse + fabs(right / probe->unit);
    const double limit = right / probe->unit + terms * 8 * ROUNDOFF;
    return limit < 1e38 ? (float)fmax(limit, -1e38) : INFINITY; /* also when it is not a number */
}

static double above_zero(double x) {
    return x > 0 ? x : 0;
}

bool lk_probe_may(const lk_probe *probe, const lk_sealed *s, float sum, const uint8_t *tail, const lk_reach *r) {
    if (sum > r->sure)
        return false;
    uint16_t units[2];
    memcpy(units, tail, sizeof units);
    const lk_losses *l = &s->head.losses;
    const double apart =
        sqrt((double)sum) * (1 - 2e-5) - 4e-7 * probe->length - probe->misplaced - l->fine_unit * units[0];
    const double kept = above_zero(apart) / s->plan.stretch;
    const double rests = above_zero(fabs(probe->rest - l->rest_unit * units[1]) - probe->rest_error - l->rest_error);
    return !(kept * kept + rests * rests > r->reach * r->reach);
}
