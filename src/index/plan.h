/* plan.h - how a sealed segment is coded: what is learnt from a sample of its rows.
 *
 * Rotating (about the mean) keeps distances; principal axes put most of a distance into the first dimensions. The
 * coarse code keeps some leading dimensions in 4 bits each and is read whole by every search; the fine record keeps
 * more of them in 8 bits and is read for the survivors. How many of each is decided by what they cost and prune on the
 * sample: a plan decides speed only, never an answer. */
#ifndef LK_INDEX_PLAN_H
#define LK_INDEX_PLAN_H

#include "base/error.h"

#define LK_PLAN_MAX_COARSE 1024
#define LK_PLAN_MAX_RECORD 1024
#define LK_RECORD_TAIL 4 /* bytes at the end of a fine record: error and rest, 16 bits each */

typedef struct lk_plan {
    uint32_t dimension, stride;
    uint32_t coarse; /* dimensions of the coarse code: a multiple of 8 */
    uint32_t record; /* bytes of a fine record: a multiple of 64; record - LK_RECORD_TAIL dimensions */
    uint32_t axes;   /* rows of the rotation: as many as the longer of the two needs */
    float usual;     /* distance of the 10th neighbour, roughly */
    double stretch;  /* no vector gets longer than this times itself by the rotation; at least 1 */
    double squeeze;  /* no vector of the axes' span gets shorter than this times itself; at most 1 */
    float *mean;     /* stride */
    float *step;     /* coarse: half the distance between two levels */
    float *scale;    /* record, zero for the tail */
    float *rotation; /* axes x stride; rows past the dimension are zero */
} lk_plan;

/* Floats that mean, step, scale and rotation take together, each part rounded up to 16. */
size_t lk_plan_floats(const lk_plan *p);
/* Points the four into `block` (aligned to 64 bytes). */
void lk_plan_place(lk_plan *p, float *block);

/* Learns from `count` >= 1 rows; `total` is how many rows the segment has. The plan owns its block: lk_plan_free. */
int lk_plan_learn(lk_plan *out, int dimension, const float *const *rows, size_t count, size_t total, liken_error *err);
void lk_plan_free(lk_plan *p);

#endif
