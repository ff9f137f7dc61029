/* bound.h - when may a row be passed over? Only when its reported distance is certain to be beyond the radius.
 *
 * Let y be a rotated row and z the rotated query, as computed, and d the row's distance as distance.h reports it.
 *  - Rounding in d: d <= radius only if the true distance is <= H0, the radius with some millionths added.
 *  - The rotation is one of floats: it stretches by at most `stretch`, and computing it misplaces row and query by at
 *    most lk_rotation_error each. The row's share is part of its stored error.
 *  - A code stands for a point y' with |y - y'| <= e, e stored and rounded up. So the row can only matter if
 *    |z - y'| <= H + e, where H = H0 * stretch + the query's share.
 *  - Coarse test: |z - y'|^2 = |z|^2 + |y'|^2 - 2 z.y', where y' = step * (2*code - 15). z*step is rounded to 8-bit
 *    integers times a scale; what that can change is at most |rounding| * |2*code - 15|, by Cauchy and Schwarz. The
 * rest is one integer product per row, one stored value per row, (H + e)^2 and constants. To have one value a row, e
 * stands in it at a usual H (plan.h); what another H can change is at most the spread of e times the difference.
 *  - Fine test: the same without the integers, and the dimensions left out have lengths |rest of z| and |rest of y|,
 *    whose difference is added in squares.
 * All of this is rounded so that it errs to the side of looking at a row once too often. */
#ifndef LK_INDEX_BOUND_H
#define LK_INDEX_BOUND_H

#include "index/sealed.h"

/* By how much the computed rotation of a vector of that length (about the mean) may be misplaced. */
double lk_rotation_error(const lk_plan *p, double length);
/* The same for the computed length of what the fine dimensions leave out. */
double lk_rest_error(const lk_plan *p, double length);

/* A query as one sealed segment sees it. */
typedef struct lk_probe {
    _Alignas(64) float fine[LK_PLAN_MAX_RECORD];
    int8_t coarse[LK_PLAN_MAX_COARSE];
    float slope;      /* of the coarse test */
    double unit;      /* what one step of the integer product stands for */
    double constant;  /* |z|^2 and all that the integers leave out */
    double misplaced; /* the query's own rotation error */
    double length, rest, rest_error;
} lk_probe;

/* `query` padded and aligned as rows are. */
void lk_probe_init(lk_probe *probe, const lk_sealed *s, const float *query);
/* The limit for the coarse test (loops.h) at this radius. */
float lk_probe_limit(const lk_probe *probe, const lk_sealed *s, float radius);

/* A radius as the fine test wants it. */
typedef struct lk_reach {
    double reach; /* H0 */
    float sure;   /* a sum above this is beyond it whatever the record's tail says */
} lk_reach;

lk_reach lk_probe_reach(const lk_probe *probe, const lk_sealed *s, float radius);
/* May a row with that sum (lk_fine_fn) and record tail be within the radius? */
bool lk_probe_may(const lk_probe *probe, const lk_sealed *s, float sum, const uint8_t *tail, const lk_reach *r);

#endif
