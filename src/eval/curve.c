#include "eval/curve.h"

#include "eval/eval.h"
#include "kern/search/distance.h"

#include <stdlib.h>

#define KEPT ((size_t)32 << 20) /* strangers' distances: 128 MiB; of more, every k-th */

typedef struct distances {
    float *same, *strangers;
    size_t same_count, strangers_count;
    size_t pairs; /* of strangers, before thinning */
} distances;

static float distance_of(const lk_subject *a, const lk_subject *b) {
    return lk_distance(a->vector, b->vector, (size_t)a->dimension);
}

static bool strangers(const lk_pairs *p, const lk_subject *s, size_t i, size_t j) {
    return s[i].vector != NULL && s[j].vector != NULL && p->people[i] != p->people[j];
}

static int measure_strangers(distances *d, const lk_pairs *p, const lk_subject *s, liken_error *err) {
    for (size_t i = 0; i < p->file_count; i++)
        for (size_t j = i + 1; j < p->file_count; j++)
            d->pairs += strangers(p, s, i, j);
    const size_t step = d->pairs / KEPT + 1;
    size_t seen = 0;
    d->strangers = malloc((d->pairs / step + 2) * sizeof *d->strangers);
    if (d->strangers == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->file_count; i++)
        for (size_t j = i + 1; j < p->file_count; j++)
            if (strangers(p, s, i, j) && seen++ % step == 0)
                d->strangers[d->strangers_count++] = distance_of(&s[i], &s[j]);
    lk_eval_sort(d->strangers, d->strangers_count);
    return LIKEN_OK;
}

static int measure_same(distances *d, const lk_pairs *p, const lk_subject *s, liken_error *err) {
    d->same = malloc((p->count + 1) * sizeof *d->same);
    if (d->same == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->count; i++) {
        const lk_pair *pair = &p->pairs[i];
        if (pair->same && s[pair->a].vector != NULL && s[pair->b].vector != NULL)
            d->same[d->same_count++] = distance_of(&s[pair->a], &s[pair->b]);
    }
    lk_eval_sort(d->same, d->same_count);
    return LIKEN_OK;
}

/* Levels that so many strangers can tell, at distances that rise. */
static void draw(lk_curve *c, const distances *d) {
    static const double levels[LK_CURVE_LEVELS] = {1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3,
                                                   1e-2, 3e-2, 0.1,  0.3,  0.6,  0.9,  0.99};
    for (size_t i = 0; i < LK_CURVE_LEVELS; i++) {
        if (levels[i] * (double)d->strangers_count < LK_CURVE_STRANGERS)
            continue;
        const float distance = lk_eval_threshold_at(d->strangers, d->strangers_count, levels[i]);
        if (!(distance > (c->count > 0 ? c->points[c->count - 1].distance : 1e-5f)))
            continue;
        c->points[c->count++] = (liken_curve_point){
            .distance = distance,
            .false_matches = levels[i],
            .true_matches = lk_eval_rate(d->same, d->same_count, distance),
        };
        if (c->count == 1 || levels[i] <= LK_CURVE_WANTED) {
            c->threshold = distance;
            c->rate = levels[i];
        }
    }
}

static int check(const lk_curve *c, liken_error *err) {
    if (c->same < LK_CURVE_SAME)
        return lk_fail(err, LIKEN_E_ARG,
                       "There are %zu pairs of one person with a face in both photos; a curve takes %d, and is worth "
                       "something from some hundreds on.",
                       c->same, LK_CURVE_SAME);
    if (c->count < 2 || c->rate > LK_CURVE_NEEDED)
        return lk_fail(err, LIKEN_E_ARG,
                       "The photos make %zu pairs of different people; a curve takes %.0f (about %d people, each in a "
                       "folder of its own), and %.0f for its threshold to lie at one false match in %.0f.",
                       c->strangers, LK_CURVE_STRANGERS / LK_CURVE_NEEDED, 150, LK_CURVE_STRANGERS / LK_CURVE_WANTED,
                       1 / LK_CURVE_WANTED);
    return LIKEN_OK;
}

int lk_curve_make(lk_curve *out, const lk_pairs *p, const lk_subject *subjects, liken_error *err) {
    lk_curve c = {0};
    distances d = {0};
    int rc = measure_strangers(&d, p, subjects, err);
    if (rc == LIKEN_OK)
        rc = measure_same(&d, p, subjects, err);
    if (rc == LIKEN_OK) {
        c.same = d.same_count;
        c.strangers = d.pairs;
        if (d.strangers_count > 0)
            draw(&c, &d);
        rc = check(&c, err);
    }
    free(d.same);
    free(d.strangers);
    if (rc == LIKEN_OK)
        *out = c;
    return rc;
}
