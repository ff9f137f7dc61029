/* expectation.c - see expectation.h.
 *
 * The model: on a scale where the pack's curve is that of a normal distribution, z = quantile(rate), the strangers of
 * one face are distributed normally too, with another mean and another spread: their share at z is
 * normal(PIVOT + shift + slope * (z - PIVOT)). A small slope is a face whose own group is a small part of the gallery,
 * so that more are very near than those at some distance let one think. Shift and slope of faces are taken to vary
 * normally; that prior, and the share of faces of which one had better not believe it, were chosen by the likelihood of
 * what half of the people of the development set find among galleries of 500 to 4,000 (tests/unit/packs). What is
 * told is the mean over what shift and slope may be, given the counts, so it is right on the whole when the prior is.
 */
#include "packs/expectation.h"

#include <math.h>
#include <string.h>

#define PIVOT (-3.6)
#define SHIFT (-0.1)
#define SHIFT_SPREAD 0.2
#define SLOPE 1.02
#define SLOPE_SPREAD 0.042
#define UNLEARNT 0.2 /* weight of the curve itself */
#define REACH 3.3    /* of the grid, in spreads */
#define WEIGHTS ((size_t)LK_EXPECT_SHIFTS * LK_EXPECT_SLOPES)
#define APART 1.5 /* the first level is so many times the nearest that is looked at */

static double normal(double z) {
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* z with normal(z) = p. */
static double quantile(double p) {
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (normal(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static double step(size_t i, size_t count) {
    return REACH * (2 * (double)i / (double)(count - 1) - 1);
}

/* The share at z by point `i` of the grid. */
static double share_at(size_t i, double z) {
    const double shift = SHIFT + SHIFT_SPREAD * step(i / LK_EXPECT_SLOPES, LK_EXPECT_SHIFTS);
    const double slope = SLOPE + SLOPE_SPREAD * step(i % LK_EXPECT_SLOPES, LK_EXPECT_SLOPES);
    return normal(PIVOT + shift + slope * (z - PIVOT));
}

static double prior(size_t i) {
    const double a = step(i / LK_EXPECT_SLOPES, LK_EXPECT_SHIFTS), b = step(i % LK_EXPECT_SLOPES, LK_EXPECT_SLOPES);
    return -(a * a + b * b) / 2;
}

/* Logarithms of weights become weights. */
static void settle(double weights[WEIGHTS]) {
    double best = -INFINITY, sum = 0;
    for (size_t i = 0; i < WEIGHTS; i++)
        best = fmax(best, weights[i]);
    for (size_t i = 0; i < WEIGHTS; i++)
        sum += weights[i] = exp(weights[i] - best);
    for (size_t i = 0; i < WEIGHTS; i++)
        weights[i] /= sum;
}

void lk_expectation_init(lk_expectation *e, double near) {
    static const double levels[] = {3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 0.6};
    memset(e, 0, sizeof *e);
    e->levels[e->level_count++] = near;
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (levels[i] > APART * near)
            e->levels[e->level_count++] = levels[i];
    for (size_t i = 0; i < WEIGHTS; i++)
        e->weights[i] = prior(i);
    settle(e->weights);
}

void lk_expectation_count(lk_expectation *e, size_t passed) {
    if (passed > 0)
        e->counts[passed - 1]++;
}

/* The logarithm of the chance of the counts, but for what is the same everywhere. */
static double likelihood(const lk_expectation *e, size_t point, const double *z) {
    double shares[LK_EXPECT_LEVELS + 1], sum = 0;
    for (size_t k = 0; k < e->level_count; k++)
        shares[k] = share_at(point, z[k]);
    shares[e->level_count] = 1;
    for (size_t k = 0; k < e->level_count; k++)
        if (e->counts[k] > 0)
            sum += e->counts[k] * log(fmax(1e-300, (shares[k + 1] - shares[k]) / (1 - shares[0])));
    return sum;
}

void lk_expectation_learn(lk_expectation *e) {
    double z[LK_EXPECT_LEVELS];
    for (size_t k = 0; k < e->level_count; k++)
        z[k] = quantile(e->levels[k]);
    for (size_t i = 0; i < WEIGHTS; i++)
        e->weights[i] = prior(i) + likelihood(e, i, z);
    settle(e->weights);
}

double lk_expectation_rate(const lk_expectation *e, double rate) {
    if (rate >= 1)
        return 1;
    const double z = quantile(rate);
    double sum = 0;
    for (size_t i = 0; i < WEIGHTS; i++)
        sum += e->weights[i] * share_at(i, z);
    return (1 - UNLEARNT) * sum + UNLEARNT * rate;
}

double lk_expectation_inverse(const lk_expectation *e, double share) {
    double low = log(1e-12), high = 0;
    for (int i = 0; i < 40; i++) {
        const double middle = (low + high) / 2;
        if (lk_expectation_rate(e, exp(middle)) < share)
            low = middle;
        else
            high = middle;
    }
    return exp(high);
}
