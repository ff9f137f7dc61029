#include "eval/eval.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void lk_eval_sort(float *values, size_t n) {
    if (n > 1)
        qsort(values, n, sizeof *values, by_value);
}

/* How many of `sorted` are at most `threshold`. */
static size_t count_within(const float *sorted, size_t n, float threshold) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (sorted[middle] <= threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

double lk_eval_rate(const float *sorted, size_t n, float threshold) {
    return n == 0 ? 0 : (double)count_within(sorted, n, threshold) / (double)n;
}

float lk_eval_threshold_at(const float *sorted, size_t n, double fmr) {
    /* 1e-9: 0.001 * 1000 must allow one */
    const size_t allowed = (size_t)(fmr * (double)n + 1e-9);
    return allowed >= n ? sorted[n - 1] : nextafterf(sorted[allowed], -INFINITY);
}

static int by_distance(const void *a, const void *b) {
    const lk_scored *x = a, *y = b;
    return (x->distance > y->distance) - (x->distance < y->distance);
}

/* A cut between two distances, and what is right with it. */
typedef struct cut {
    float below, above; /* the neighbours; `below` is -INFINITY before the first */
    size_t right;
} cut;

/* The cuts of the sorted pairs outside fold `without`; returns how many. Of each kind `kinds` counts the pairs. */
static size_t make_cuts(const lk_scored *sorted, size_t n, int without, cut *cuts, size_t kinds[2]) {
    kinds[0] = kinds[1] = 0;
    for (size_t i = 0; i < n; i++)
        if (sorted[i].fold != without)
            kinds[sorted[i].same]++;
    size_t right = kinds[0], count = 0; /* nothing is called same: every different pair is right */
    float before = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (sorted[i].fold == without)
            continue;
        if (sorted[i].distance > before)
            cuts[count++] = (cut){before, sorted[i].distance, right};
        before = sorted[i].distance;
        right = sorted[i].same ? right + 1 : right - 1;
    }
    cuts[count++] = (cut){before, INFINITY, right};
    return count;
}

static float middle_of(const cut *c) {
    if (c->below == -INFINITY)
        return nextafterf(c->above, -INFINITY);
    return c->above == INFINITY ? c->below : c->below + (c->above - c->below) / 2;
}

/* `sorted` by distance; `cuts` has room for n + 1. */
static float best_of_sorted(const lk_scored *sorted, size_t n, int without, cut *cuts) {
    size_t kinds[2];
    const size_t count = make_cuts(sorted, n, without, cuts, kinds);
    if (kinds[0] == 0 || kinds[1] == 0)
        return NAN;
    size_t best = 0, ties = 0;
    for (size_t i = 0; i < count; i++) {
        ties = cuts[i].right > best ? 1 : ties + (cuts[i].right == best);
        best = cuts[i].right > best ? cuts[i].right : best;
    }
    size_t wanted = (ties - 1) / 2, i = 0;
    while (cuts[i].right != best || wanted-- > 0)
        i++;
    return middle_of(&cuts[i]);
}

float lk_eval_best_threshold(const lk_scored *pairs, size_t n, int without) {
    lk_scored *sorted = malloc((n + 1) * sizeof *sorted);
    cut *cuts = malloc((n + 1) * sizeof *cuts);
    float best = NAN;
    if (sorted != NULL && cuts != NULL) {
        for (size_t i = 0; i < n; i++)
            sorted[i] = pairs[i];
        qsort(sorted, n, sizeof *sorted, by_distance);
        best = best_of_sorted(sorted, n, without, cuts);
    }
    free(sorted);
    free(cuts);
    return best;
}

void lk_eval_deal_folds(lk_scored *pairs, size_t n) {
    int next[2] = {0, 0};
    for (size_t i = 0; i < n; i++)
        pairs[i].fold = next[pairs[i].same]++ % 10;
}

size_t lk_eval_cross_validate(lk_scored *pairs, size_t n, size_t *judged) {
    size_t right = 0, count = 0;
    int highest = -1;
    cut *cuts = malloc((n + 1) * sizeof *cuts);
    if (cuts != NULL && n > 1)
        qsort(pairs, n, sizeof *pairs, by_distance);
    for (size_t i = 0; i < n; i++)
        highest = pairs[i].fold > highest ? pairs[i].fold : highest;
    for (int fold = 0; cuts != NULL && fold <= highest; fold++) {
        const float threshold = best_of_sorted(pairs, n, fold, cuts);
        for (size_t i = 0; !isnan(threshold) && i < n; i++) {
            if (pairs[i].fold != fold)
                continue;
            count++;
            right += (pairs[i].distance <= threshold) == pairs[i].same;
        }
    }
    free(cuts);
    *judged = count;
    return right;
}

double lk_eval_auc(const float *same, size_t n_same, const float *strangers, size_t n_strangers) {
    if (n_same == 0 || n_strangers == 0)
        return NAN;
    double won = 0;
    size_t nearer = 0, up_to = 0; /* strangers below, and at most at, the same pair's distance */
    for (size_t i = 0; i < n_same; i++) {
        while (nearer < n_strangers && strangers[nearer] < same[i])
            nearer++;
        while (up_to < n_strangers && strangers[up_to] <= same[i])
            up_to++;
        won += (double)(n_strangers - up_to) + 0.5 * (double)(up_to - nearer);
    }
    return won / ((double)n_same * (double)n_strangers);
}

/* Of all thresholds that are distances of `of`, looks for the one where the two rates are nearest; keeps what is better
 * than *gap. */
static void nearest_rates(const float *of, size_t n, const float *same, size_t n_same, const float *strangers,
                          size_t n_strangers, double *gap, double *error) {
    for (size_t i = 0; i < n; i++) {
        const double is_false = lk_eval_rate(strangers, n_strangers, of[i]);
        const double missed = 1 - lk_eval_rate(same, n_same, of[i]);
        if (fabs(is_false - missed) < *gap) {
            *gap = fabs(is_false - missed);
            *error = (is_false + missed) / 2;
        }
    }
}

double lk_eval_equal_error(const float *same, size_t n_same, const float *strangers, size_t n_strangers) {
    double gap = 2, error = NAN;
    if (n_same == 0 || n_strangers == 0)
        return NAN;
    nearest_rates(same, n_same, same, n_same, strangers, n_strangers, &gap, &error);
    nearest_rates(strangers, n_strangers, same, n_same, strangers, n_strangers, &gap, &error);
    return error;
}
