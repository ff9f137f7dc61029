/* expectation.h - how many strangers one face has to expect among others.
 *
 * A pack's curve tells the rate of strangers within a distance on the whole. Some faces have far more look-alikes than
 * others, and in one gallery more than in another; what is near a face without being its own person shows it. So faces
 * of the gallery are counted by where they lie on the curve, those too near to be strangers for sure are left out, and
 * what is learnt from the rest tells of what is nearer. Pure functions; no errors; one thread. */
#ifndef LK_PACKS_EXPECTATION_H
#define LK_PACKS_EXPECTATION_H

#include <stddef.h>

#define LK_EXPECT_LEVELS 12
#define LK_EXPECT_NEAR 8 /* levels whose counts are looked at one by one */
#define LK_EXPECT_TERMS (1 + LK_EXPECT_NEAR + 2)
#define LK_EXPECT_NODES 4

/* What the counts beyond a rate tell of what is within it: the logarithm of how many times the curve's strangers there
 * are is a sum of the terms (expectation.c) with these weights; those by size are for each doubling of the sample. */
typedef struct lk_expectation_node {
    double rate, weights[LK_EXPECT_TERMS], by_size[LK_EXPECT_TERMS];
} lk_expectation_node;

typedef struct lk_expectation_model {
    lk_expectation_node nodes[LK_EXPECT_NODES]; /* by rising rate */
} lk_expectation_model;

/* Measured for each network. */
extern const lk_expectation_model lk_expectation_reid, lk_expectation_mobilefacenet;

typedef struct lk_expectation {
    const lk_expectation_model *model;
    double
        levels[LK_EXPECT_LEVELS]; /* rates of the curve, rising; the faces between two of them are counted together */
    double counts[LK_EXPECT_LEVELS]; /* beyond each, up to the next */
    size_t level_count;
    double rates[LK_EXPECT_NODES], shares[LK_EXPECT_NODES]; /* what was learnt; both rise */
    size_t learnt;                                          /* of these; 0: the curve is all there is */
} lk_expectation;

/* Knows nothing of the gallery yet. `near`: faces within the distance of that rate (above 0, below 0.3) may be the
 * face's own person, and are not looked at. The model must outlive it. */
void lk_expectation_init(lk_expectation *e, const lk_expectation_model *model, double near);
/* A face of the gallery lies where the curve of its kind has the rates of so many levels behind it. */
void lk_expectation_count(lk_expectation *e, size_t passed);
void lk_expectation_learn(lk_expectation *e);
/* The share of strangers within the distance at which the curve has `rate`, for this face; rises with it. */
double lk_expectation_rate(const lk_expectation *e, double rate);
/* The rate of the curve at whose distance the share of strangers is `share`. */
double lk_expectation_inverse(const lk_expectation *e, double share);

#endif
