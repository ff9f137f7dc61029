/* expectation.h - how many strangers one face has to expect among others.
 *
 * A pack's curve tells the rate of strangers within a distance on the whole. Some faces have far more look-alikes than
 * others, and in one gallery more than in another; what is near a face without being its own person shows it. So faces
 * of the gallery are counted by where they lie on the curve, those too near to be strangers for sure are left out, and
 * what is learnt from the rest tells of what is nearer. Pure functions; no errors; one thread. */
#ifndef LK_PACKS_EXPECTATION_H
#define LK_PACKS_EXPECTATION_H

#include <stddef.h>

#define LK_EXPECT_LEVELS 9
#define LK_EXPECT_SHIFTS 23
#define LK_EXPECT_SLOPES 13

typedef struct lk_expectation {
    double
        levels[LK_EXPECT_LEVELS]; /* rates of the curve, rising; the faces between two of them are counted together */
    double counts[LK_EXPECT_LEVELS]; /* beyond each, up to the next */
    size_t level_count;
    double weights[LK_EXPECT_SHIFTS * LK_EXPECT_SLOPES]; /* what was learnt; sum 1 */
} lk_expectation;

/* Knows nothing of the gallery yet. `near`: faces within the distance of that rate (above 0, below 1) are not looked
 * at. */
void lk_expectation_init(lk_expectation *e, double near);
/* A face of the gallery lies where the curve of its kind has the rates of so many levels behind it. */
void lk_expectation_count(lk_expectation *e, size_t passed);
void lk_expectation_learn(lk_expectation *e);
/* The share of strangers within the distance at which the curve has `rate`, for this face; rises with it. */
double lk_expectation_rate(const lk_expectation *e, double rate);
/* The rate of the curve at whose distance the share of strangers is `share`. */
double lk_expectation_inverse(const lk_expectation *e, double share);

#endif
