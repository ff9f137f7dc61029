/* Which strangers? The pairs of the CSV file are the protocol, but few: at a false match rate of 1e-4, 1,200 pairs say
 * nothing. A rate is taken from them as long as at least STEADY of them lie within the distance, else from all pairs of
 * different people among the source's files, of which there are thousands of times as many. */
#include "eval/report.h"

#include "eval/eval.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEADY 10
#define STRANGERS_CEILING ((size_t)32 << 20) /* kept of all pairs of different people: 128 MiB */

/* The distances of one source, each array sorted. */
typedef struct distances {
    float *same, *different, *all;
    size_t same_count, different_count, all_count;
    size_t all_pairs; /* before thinning to the ceiling */
    lk_scored *scored;
    size_t scored_count;
} distances;

static void free_distances(distances *d) {
    free(d->same);
    free(d->different);
    free(d->all);
    free(d->scored);
}

static float distance_of(const lk_subject *a, const lk_subject *b) {
    return lk_distance(a->vector, b->vector, (size_t)a->dimension);
}

static int measure_pairs(distances *d, lk_report *r, const lk_pairs *p, const lk_subject *s, uint16_t source,
                         liken_error *err) {
    d->same = malloc((p->count + 1) * sizeof *d->same);
    d->different = malloc((p->count + 1) * sizeof *d->different);
    d->scored = malloc((p->count + 1) * sizeof *d->scored);
    if (d->same == NULL || d->different == NULL || d->scored == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < p->count; i++) {
        const lk_pair *pair = &p->pairs[i];
        if (pair->source != source)
            continue;
        r->pairs++;
        r->same += pair->same;
        r->dealt |= pair->fold == LK_NO_FOLD;
        if (s[pair->a].vector == NULL || s[pair->b].vector == NULL)
            continue;
        const float distance = distance_of(&s[pair->a], &s[pair->b]);
        d->scored[d->scored_count++] = (lk_scored){distance, pair->same, pair->fold};
        if (pair->same)
            d->same[d->same_count++] = distance;
        else
            d->different[d->different_count++] = distance;
    }
    r->different = r->pairs - r->same;
    r->used = d->scored_count;
    r->used_same = d->same_count;
    lk_eval_sort(d->same, d->same_count);
    lk_eval_sort(d->different, d->different_count);
    return LIKEN_OK;
}

/* Files of the source that have a vector, ascending. */
static uint32_t *described_of(const lk_pairs *p, const lk_subject *s, uint16_t source, size_t *count) {
    bool *in = lk_pairs_files_of(p, source);
    uint32_t *files = malloc((p->file_count + 1) * sizeof *files);
    *count = 0;
    for (size_t i = 0; in != NULL && files != NULL && i < p->file_count; i++)
        if (in[i] && s[i].vector != NULL)
            files[(*count)++] = (uint32_t)i;
    if (in == NULL) {
        free(files);
        files = NULL;
    }
    free(in);
    return files;
}

static size_t count_strangers(const lk_pairs *p, const uint32_t *files, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            count += p->people[files[i]] != p->people[files[j]];
    return count;
}

/* All pairs of different people; above the ceiling every k-th of them, which is as good as all. */
static int measure_strangers(distances *d, const lk_pairs *p, const lk_subject *s, uint16_t source, liken_error *err) {
    size_t n = 0, seen = 0;
    LK_FREE uint32_t *files = described_of(p, s, source, &n);
    if (files == NULL)
        return lk_fail_memory(err);
    d->all_pairs = count_strangers(p, files, n);
    const size_t step = d->all_pairs / STRANGERS_CEILING + 1;
    d->all = malloc((d->all_pairs / step + 2) * sizeof *d->all);
    if (d->all == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            if (p->people[files[i]] != p->people[files[j]] && seen++ % step == 0)
                d->all[d->all_count++] = distance_of(&s[files[i]], &s[files[j]]);
    lk_eval_sort(d->all, d->all_count);
    return LIKEN_OK;
}

static void rate_at(lk_rate *rate, const distances *d, const lk_report *r, double fmr) {
    const bool enough = fmr * (double)d->different_count >= STEADY;
    rate->all = !enough && d->all_count > d->different_count;
    const float *strangers = rate->all ? d->all : d->different;
    rate->fmr = fmr;
    rate->strangers = rate->all ? d->all_count : d->different_count;
    rate->tmr = rate->tmr_used = rate->threshold = NAN;
    if (fmr * (double)rate->strangers < 1 || d->same_count == 0)
        return;
    const float threshold = lk_eval_threshold_at(strangers, rate->strangers, fmr);
    rate->threshold = (double)threshold;
    rate->tmr_used = lk_eval_rate(d->same, d->same_count, threshold);
    rate->tmr = rate->tmr_used * (double)d->same_count / (double)r->same;
}

static void draw_curve(lk_report *r, const distances *d) {
    const bool all = d->all_count > d->different_count;
    const float *strangers = all ? d->all : d->different;
    const size_t n = all ? d->all_count : d->different_count;
    if (n < 2 || d->same_count == 0)
        return;
    const double lowest = fmax(log10(1.0 / (double)n), LK_CURVE_LOWEST);
    for (int i = 0; i < LK_CURVE_POINTS; i++) {
        const double fmr = pow(10, lowest * i / (LK_CURVE_POINTS - 1));
        const float threshold = lk_eval_threshold_at(strangers, n, fmr);
        const double found = lk_eval_rate(d->same, d->same_count, threshold) * (double)d->same_count / (double)r->same;
        r->curve_fmr[r->curve_points] = fmr;
        r->curve_miss[r->curve_points++] = 1 - found;
    }
}

static void measure_time(lk_report *r, const lk_pairs *p, const lk_subject *s, const bool *in) {
    double seconds = 0;
    size_t photos = 0, faces = 0;
    for (size_t i = 0; i < p->file_count; i++) {
        if (!in[i] || s[i].unreadable)
            continue;
        seconds += s[i].seconds;
        faces += (size_t)s[i].faces;
        photos++;
    }
    r->ms_per_photo = photos == 0 ? NAN : 1000 * seconds / (double)photos;
    r->ms_per_face = faces == 0 ? NAN : 1000 * seconds / (double)faces;
}

static void judge(lk_report *r, distances *d) {
    if (r->dealt)
        lk_eval_deal_folds(d->scored, d->scored_count);
    r->threshold = (double)lk_eval_best_threshold(d->scored, d->scored_count, -1);
    size_t judged = 0;
    const size_t right = lk_eval_cross_validate(d->scored, d->scored_count, &judged);
    r->accuracy_used = judged == 0 ? NAN : (double)right / (double)judged;
    r->accuracy = judged == 0 ? NAN : (double)right / (double)(judged + r->pairs - r->used);
    r->auc = lk_eval_auc(d->same, d->same_count, d->different, d->different_count);
    r->equal_error = lk_eval_equal_error(d->same, d->same_count, d->different, d->different_count);
}

int lk_report_make(lk_report *out, const lk_pairs *p, const lk_subject *subjects, uint16_t source, liken_error *err) {
    static const double rates[LK_REPORT_RATES] = {1e-2, 1e-3, 1e-4, 1e-5};
    lk_report r = {.source = p->sources[source]};
    distances d = {0};
    LK_FREE bool *in = lk_pairs_files_of(p, source);
    int rc = in == NULL ? lk_fail_memory(err) : measure_pairs(&d, &r, p, subjects, source, err);
    if (rc == LIKEN_OK)
        rc = measure_strangers(&d, p, subjects, source, err);
    if (rc == LIKEN_OK) {
        r.strangers_all = d.all_pairs;
        judge(&r, &d);
        for (size_t i = 0; i < LK_REPORT_RATES; i++)
            rate_at(&r.rates[i], &d, &r, rates[i]);
        draw_curve(&r, &d);
        measure_time(&r, p, subjects, in);
        *out = r;
    }
    free_distances(&d);
    return rc;
}
