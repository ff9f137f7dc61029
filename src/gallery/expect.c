/* How many strangers a face that is searched by has to expect. The pack's curve says how rare they are on the whole;
 * where the faces are in memory a sample of them is measured, which says how many look-alikes this face has here
 * (packs/expectation.h), and what is said follows that. Where the store searches, there are few faces, or it was not
 * measured for this pack how one follows from the other, the curve alone is asked.
 *
 * Faces within the collection's own threshold are no strangers for sure, so nothing is learnt from them. */
#include "gallery/search_int.h"

#include <math.h>
#include <stdlib.h>

#define SAMPLE 2048   /* faces */
#define ENOUGH 200    /* fewer tell nothing */
#define NEAR_MOST 0.1 /* a threshold of a larger rate leaves nothing to look at */

/* Strangers are as rare in each class, but that a good face that is none of the best has more of them among good ones.
 */
static const lk_calibration *curve_of(const lk_query *q) {
    return &(q->weak ? q->scope->reach : &q->reach)->calibration[0];
}

static double rate_of(const lk_query *q, float threshold) {
    return isinf(threshold) ? 1 : lk_calibration_fmr(curve_of(q), threshold);
}

/* Where a curve has the rates of the levels: comparing distances with these is what makes counting cheap. */
static void levels_of(const lk_expectation *e, const lk_calibration *c, float at[LK_EXPECT_LEVELS]) {
    for (size_t k = 0; k < e->level_count; k++)
        at[k] = e->levels[k] < c->points[c->count - 1].fmr ? lk_calibration_distance(c, e->levels[k]) : INFINITY;
}

static void count(lk_query *q, const lk_neighbour *sample, size_t n) {
    float at[2][LK_EXPECT_LEVELS];
    for (int weak = 0; weak < 2; weak++)
        levels_of(&q->expectation, &q->reach.calibration[weak], at[weak]);
    for (size_t i = 0; i < n; i++) {
        const float *levels = at[lk_key_weak(sample[i].id)];
        size_t passed = q->expectation.level_count;
        while (passed > 0 && !(sample[i].distance > levels[passed - 1]))
            passed--;
        if (!lk_ids_has(&q->own, lk_key_face(sample[i].id)))
            lk_expectation_count(&q->expectation, passed);
    }
}

/* Counts a sample of the collection. A damaged index is for the search to mend, which comes next. */
static int look_around(lk_query *q, liken_error *err) {
    const lk_scope *s = q->scope;
    size_t found = 0;
    LK_FREE lk_neighbour *sample = malloc(SAMPLE * sizeof *sample);
    if (sample == NULL)
        return lk_fail_memory(err);
    const int rc = lk_index_sample(s->slot->index, q->vector, sample, SAMPLE, &found, err);
    if (rc != LIKEN_OK && rc != LIKEN_E_STORE)
        return rc;
    count(q, sample, found);
    q->learnt = found >= ENOUGH;
    if (q->learnt)
        lk_expectation_learn(&q->expectation);
    return LIKEN_OK;
}

static double share_at(const lk_query *q, double rate) {
    return q->learnt && rate < 1 ? lk_expectation_rate(&q->expectation, rate) : rate;
}

static double share_within(const lk_query *q, float threshold) {
    return share_at(q, rate_of(q, threshold));
}

static void set_threshold(lk_query *q, float threshold) {
    const lk_scope *s = q->scope;
    q->threshold = threshold;
    q->reach = lk_gallery_reach(s->engine, s->collection, q->weak, q->score, threshold);
}

/* The threshold within which so many strangers are expected. */
static float threshold_for(const lk_query *q, double strangers) {
    const double share = strangers / (double)(q->scope->searched > 0 ? q->scope->searched : 1);
    const double rate = q->learnt && share < 1 ? lk_expectation_inverse(&q->expectation, share) : share;
    return lk_scope_held(q->scope, lk_calibration_distance(curve_of(q), rate));
}

int lk_query_expect(lk_query *q, const liken_face *face, liken_error *err) {
    const lk_scope *s = q->scope;
    q->weak = face != NULL && face->weak;
    q->score = face != NULL ? face->quality.score : 1;
    set_threshold(q, s->threshold);
    const lk_expectation_model *model = lk_models_expectation(s->engine->models, s->collection->metric);
    const double near = rate_of(q, s->collection->threshold);
    int rc = LIKEN_OK;
    if (model != NULL && near < NEAR_MOST && s->slot != NULL) {
        lk_expectation_init(&q->expectation, model, near);
        rc = look_around(q, err);
    }
    if (rc == LIKEN_OK && s->wanted > 0)
        set_threshold(q, threshold_for(q, s->wanted));
    return rc;
}

void lk_query_say_expected(const lk_query *q) {
    liken_answer *a = q->out;
    const double n = (double)q->searched;
    a->threshold = q->threshold;
    a->expected_by = q->learnt ? LIKEN_EXPECTED_BY_GALLERY : LIKEN_EXPECTED_BY_PACK;
    a->expected_false_matches = share_within(q, q->threshold) * n;
    a->expected_at_default = share_within(q, q->scope->collection->threshold) * n;
    for (size_t i = 0; i < a->match_count; i++) { /* each by the curve of its own class */
        liken_match *m = &a->matches[i];
        m->strangers = share_at(q, lk_calibration_fmr(&q->reach.calibration[m->weak], m->distance)) * n;
    }
}
