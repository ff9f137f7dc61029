/* Counting is by levels, rates of the curve, and what is learnt is learnt at some of these: at the least, within which
 * nothing is looked at, and at those of the model's nodes that are larger. Each asks only what lies beyond it. There
 * the logarithm of the share of strangers within it, for each one that the curve tells, is a weighted sum of
 *
 *   1; for each level up to 0.4, the logarithm of (faces up to there + 3) / (faces that the curve has there + 3), so
 * that a few faces more or less mean little in a small gallery; how far the mean and the spread of all that is beyond
 * lie from the curve's, on the scale on which its rates are normal;
 *
 * and of the same times the binary logarithm of the sample's size in thousands. The weights were fitted (a Poisson
 * regression on the strangers that were found) to the queries of half of the people of a labelled set, in galleries of
 * 250 to 4,000 faces: so the sum of what is told is right on such people, and so it is among those who are told much
 * and those who are told little. tests/accuracy/expectation.py shows how it does with the other half. Below the least
 * level the factor is that of the level; between two the logarithm of the share is straight in that of the rate.
 *
 * Some belong to a group that is a small part of a gallery, near each other and far from all else, which nothing beyond
 * the distance asked for tells. Where that is more than the least one, what lies between the two is seen: not the
 * face's own person, by the measure of the collection, but mostly strangers. So no less is told than half of these, if
 * there are several. */
#include "packs/expectation.h"
#include "packs/normal.h"

#include <math.h>
#include <string.h>

#define APART 1.5   /* a level is so many times the nearest that is looked at, or left out */
#define BELIEF 3    /* faces that are added to both sides of a comparison */
#define UNUSUAL 4.0 /* no factor is larger than exp of it, or smaller than exp of its negative */
#define SEVERAL 8   /* faces between the least level and another */
#define FAR 4.0     /* where, on the normal scale, nothing is learnt any more */

static const double usual_levels[LK_EXPECT_LEVELS - 1] = {3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95};

const lk_expectation_model lk_expectation_reid = {{
    {0.0001,
     {-0.7155, 1.09, 1.024, 0.8141, 0.9492, 0.5993, 0.4053, 2.665, -0.3614, 3.792, -12.31},
     {-0.03583, 0.07634, 0.15, -0.1582, -0.08428, -0.3131, -0.4506, 0.05685, 0.3567, 0.1878, 0.8335}},
    {0.0003,
     {-0.4815, 0, 1.017, 0.7951, 0.9113, 0.8442, 0.6933, 3.115, 1.33, 7.746, -13.64},
     {-0.04326, 0, 0.03665, 0.02347, 0.01675, -0.07959, -0.3988, 0.5049, 0.2864, 1.254, -1.249}},
    {0.001,
     {-0.1735, 0, 0, 0.7206, 0.8393, 0.9072, 0.9986, 1.803, 2.239, 7.324, -10.36},
     {-0.04663, 0, 0, 0.1112, 0.1037, 0.06384, -0.172, 0.2148, 0.3351, 1.366, -2.045}},
    {0.003,
     {-0.1098, 0, 0, 0, 0.6654, 0.838, 0.9704, 1.109, 0.951, 4.388, -5.922},
     {-0.0379, 0, 0, 0, 0.1549, 0.1353, 0.06741, 0.0529, -0.1011, 0.86, -1.838}},
}};

const lk_expectation_model lk_expectation_mobilefacenet = {{
    {0.0001,
     {0.0124, 0.6042, 0.6265, 0.4013, 0.5874, 0.1838, 1.566, -0.9859, -1.817, 0.8024, -0.04808},
     {-0.02722, -0.09906, 0.1574, 0.103, -0.02231, -0.2249, 0.4646, -0.6605, 0.07443, 0.2122, -0.2619}},
    {0.0003,
     {0.08898, 0, 0.5573, 0.4459, 0.5133, 0.4012, 1.504, -0.1311, 0.2079, 3.605, -1.634},
     {0.006049, 0, 0.09371, 0.06334, 0.02773, -0.1293, 0.357, -0.4499, 0.008911, 0.5027, -0.3256}},
    {0.001,
     {0.05043, 0, 0, 0.4379, 0.4467, 0.4417, 0.9144, 0.4513, 1.137, 3.301, -0.6934},
     {0.009915, 0, 0, 0.04871, 0.09416, 0.0004101, 0.1137, -0.2142, 0.05765, 0.5134, -0.2065}},
    {0.003,
     {0.07126, 0, 0, 0, 0.3678, 0.361, 0.5811, 0.2581, -0.1523, 0.2271, 1.712},
     {0.01136, 0, 0, 0, 0.1031, 0.08145, 0.05895, -0.01224, -0.2966, 0.1905, -0.07895}},
}};

void lk_expectation_init(lk_expectation *e, const lk_expectation_model *model, double near) {
    memset(e, 0, sizeof *e);
    e->model = model;
    e->levels[e->level_count++] = near;
    for (size_t i = 0; i < LK_EXPECT_LEVELS - 1; i++)
        if (usual_levels[i] > APART * near)
            e->levels[e->level_count++] = usual_levels[i];
}

void lk_expectation_count(lk_expectation *e, size_t passed) {
    if (passed > 0)
        e->counts[passed - 1]++;
}

/* ---- learning ---- */

static double upper(const lk_expectation *e, size_t level) {
    return level + 1 < e->level_count ? e->levels[level + 1] : 1;
}

/* The term of a level is the same whichever levels are left out. */
static size_t term_of(double level) {
    size_t i = 0;
    while (usual_levels[i] < level)
        i++;
    return 1 + i;
}

static double beyond(const lk_expectation *e, size_t from) {
    double n = 0;
    for (size_t k = from; k < e->level_count; k++)
        n += e->counts[k];
    return n;
}

/* Mean and spread of what is beyond a level, less those of the curve. `middles`: of each bin, on the normal scale. */
static void moments(const lk_expectation *e, size_t from, double n, const double *middles, double *out) {
    double mean = 0, square = 0, usual = 0, usual_square = 0;
    for (size_t k = from; k < e->level_count; k++) {
        const double share = e->counts[k] / n, width = (upper(e, k) - e->levels[k]) / (1 - e->levels[from]);
        mean += share * middles[k];
        square += share * middles[k] * middles[k];
        usual += width * middles[k];
        usual_square += width * middles[k] * middles[k];
    }
    out[0] = mean - usual;
    out[1] = sqrt(fmax(0, square - mean * mean)) - sqrt(fmax(0, usual_square - usual * usual));
}

static void terms_at(const lk_expectation *e, size_t from, double n, const double *middles,
                     double out[LK_EXPECT_TERMS]) {
    double got = 0;
    memset(out, 0, LK_EXPECT_TERMS * sizeof *out);
    out[0] = 1;
    for (size_t k = from + 1; k < e->level_count && e->levels[k] <= usual_levels[LK_EXPECT_NEAR - 1]; k++) {
        const double usual = n * (e->levels[k] - e->levels[from]) / (1 - e->levels[from]);
        got += e->counts[k - 1];
        out[term_of(e->levels[k])] = log((got + BELIEF) / (usual + BELIEF));
    }
    moments(e, from, n, middles, out + 1 + LK_EXPECT_NEAR);
}

/* A weight where the model has no node: straight between two in the logarithm of the rate. */
static double weight_at(const lk_expectation_model *m, double rate, size_t term, double size) {
    size_t i = 1;
    while (i + 1 < LK_EXPECT_NODES && rate > m->nodes[i].rate)
        i++;
    const lk_expectation_node *a = &m->nodes[i - 1], *b = &m->nodes[i];
    const double t = fmin(1, fmax(0, log(rate / a->rate) / log(b->rate / a->rate)));
    return (1 - t) * (a->weights[term] + size * a->by_size[term]) + t * (b->weights[term] + size * b->by_size[term]);
}

static void learn_at(lk_expectation *e, size_t level, const double *middles) {
    const double rate = e->levels[level], n = beyond(e, level), size = fmin(1, fmax(-2, log2(n / 1000)));
    double terms[LK_EXPECT_TERMS], sum = 0;
    terms_at(e, level, n, middles, terms);
    for (size_t i = 0; i < LK_EXPECT_TERMS; i++)
        sum += terms[i] * weight_at(e->model, rate, i, size);
    double share = fmin(0.9, rate * exp(fmin(UNUSUAL, fmax(-UNUSUAL, sum))));
    const double all = beyond(e, 0), seen = all - n;
    if (seen >= SEVERAL)
        share = fmax(share, seen / all / 2);
    if (e->learnt > 0)
        share = fmax(share, 1.001 * e->shares[e->learnt - 1]);
    e->rates[e->learnt] = rate;
    e->shares[e->learnt++] = share;
}

void lk_expectation_learn(lk_expectation *e) {
    double middles[LK_EXPECT_LEVELS];
    for (size_t k = 0; k < e->level_count; k++)
        middles[k] = lk_normal_quantile((e->levels[k] + upper(e, k)) / 2);
    e->learnt = 0;
    for (size_t k = 0; k < e->level_count && beyond(e, k) > 0; k++)
        if (k == 0 || (e->levels[k] <= e->model->nodes[LK_EXPECT_NODES - 1].rate && e->learnt < LK_EXPECT_NODES))
            learn_at(e, k, middles);
}

/* ---- asking ---- */

/* Beyond the last node: a straight line on the normal scale, from there to where both are the same. */
static double share_beyond(double rate, double last_rate, double last_share) {
    const double z = lk_normal_quantile(rate), from = lk_normal_quantile(last_rate),
                 share = lk_normal_quantile(last_share);
    return z >= FAR ? rate : lk_normal(share + (FAR - share) * (z - from) / (FAR - from));
}

double lk_expectation_rate(const lk_expectation *e, double rate) {
    if (rate >= 1 || e->learnt == 0)
        return fmin(1, rate);
    const double *r = e->rates, *s = e->shares;
    if (!(rate > r[0]))
        return rate * s[0] / r[0];
    if (rate > r[e->learnt - 1])
        return share_beyond(rate, r[e->learnt - 1], s[e->learnt - 1]);
    size_t i = 1;
    while (rate > r[i])
        i++;
    return s[i - 1] * pow(s[i] / s[i - 1], log(rate / r[i - 1]) / log(r[i] / r[i - 1]));
}

double lk_expectation_inverse(const lk_expectation *e, double share) {
    double low = log(1e-12), high = 0;
    for (int i = 0; i < 50; i++) {
        const double middle = (low + high) / 2;
        if (lk_expectation_rate(e, exp(middle)) < share)
            low = middle;
        else
            high = middle;
    }
    return exp(high);
}
