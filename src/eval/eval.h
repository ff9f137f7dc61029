/* eval.h - the statistics of telling same from different people by a distance: pure functions over numbers.
 *
 * A pair is called "same" when its distance is at most the threshold. The true match rate is the share of same pairs
 * called same, the false match rate the share of strangers' pairs called same. Arrays called sorted are ascending. */
#ifndef LK_EVAL_EVAL_H
#define LK_EVAL_EVAL_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lk_scored {
    float distance;
    bool same;
    int fold; /* >= 0 */
} lk_scored;

/* Sorts ascending. */
void lk_eval_sort(float *values, size_t n);

/* Share of `sorted` that is at most `threshold`; 0 for n = 0. */
double lk_eval_rate(const float *sorted, size_t n, float threshold);

/* The largest threshold at which at most the share `fmr` of the strangers is called same; n > 0. */
float lk_eval_threshold_at(const float *sorted, size_t n, double fmr);

/* The threshold with the fewest errors on all pairs but those of fold `without` (-1: on all), half-way between two
 * distances; of several equally good ones the middle one. NAN when those pairs are not of both kinds. */
float lk_eval_best_threshold(const lk_scored *pairs, size_t n, int without);

/* Deals the pairs out to ten folds, same and different ones in turn, each kind on its own. */
void lk_eval_deal_folds(lk_scored *pairs, size_t n);

/* Pairs judged rightly, each with the best threshold of the other folds. *judged: how many could be (the other folds
 * held both kinds). Sorts `pairs` by distance. */
size_t lk_eval_cross_validate(lk_scored *pairs, size_t n, size_t *judged);

/* Chance that a same pair is nearer than a strangers' pair, ties count half; NAN when either is empty. */
double lk_eval_auc(const float *same, size_t n_same, const float *strangers, size_t n_strangers);

/* The error where false and missed matches are equally frequent: their mean at the distance where they are nearest to
 * each other; NAN when either is empty. */
double lk_eval_equal_error(const float *same, size_t n_same, const float *strangers, size_t n_strangers);

#endif
