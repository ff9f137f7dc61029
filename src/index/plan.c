#include "index/plan.h"

#include "base/eigen.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the choice of lengths goes by, in nanoseconds on the machine it was measured on; only the ratios matter. */
#define BYTE_COST 0.05      /* of one byte that is read in order */
#define RECORD_COST 14.0    /* of 64 bytes of a fine record that is picked out */
#define ROW_COST 20.0       /* of 64 bytes of a row that is picked out */
#define FACE_BYTES 200      /* at most, per 128 dimensions, all but the row itself */
#define TURNS 1024          /* rows of the sample that the choice looks at */
#define QUERIES 32          /* of them, those that play the query */
#define LEVELS_STEP 0.1676  /* half a step of the best uniform 16-level quantiser, in standard deviations */
#define LEVELS_NOISE 0.0118 /* and its mean squared error, in variances */

static size_t up16(size_t n) {
    return (n + 15) / 16 * 16;
}

size_t lk_plan_floats(const lk_plan *p) {
    return p->stride + up16(p->coarse) + up16(p->record) + (size_t)p->axes * p->stride;
}

void lk_plan_place(lk_plan *p, float *block) {
    p->mean = block;
    p->step = p->mean + p->stride;
    p->scale = p->step + up16(p->coarse);
    p->rotation = p->scale + up16(p->record);
}

void lk_plan_free(lk_plan *p) {
    free(p->mean);
    *p = (lk_plan){0};
}

/* The sample while it is looked at. */
typedef struct sample {
    size_t n, count, total;
    size_t turns;                 /* of the rows, the first so many are rotated */
    double *mean, *axes, *values; /* n; n x n, one axis a row; n */
    float *turned;                /* turns x n */
} sample;

static void sample_free(sample *s) {
    free(s->mean);
    free(s->axes);
    free(s->values);
    free(s->turned);
}

static bool sample_new(sample *s, size_t n, size_t count, size_t total) {
    *s = (sample){.n = n, .count = count, .total = total, .turns = count < TURNS ? count : TURNS};
    s->mean = calloc(n, sizeof(double));
    s->axes = calloc(n * n, sizeof(double));
    s->values = calloc(n, sizeof(double));
    s->turned = calloc(n * s->turns, sizeof(float));
    if (s->mean != NULL && s->axes != NULL && s->values != NULL && s->turned != NULL)
        return true;
    sample_free(s);
    return false;
}

/* Covariance into s->axes; `row` is scratch. */
static void covariance(sample *s, const float *const *rows, double *row) {
    for (size_t r = 0; r < s->count; r++)
        for (size_t i = 0; i < s->n; i++)
            s->mean[i] += (double)rows[r][i] / (double)s->count;
    for (size_t r = 0; r < s->count; r++) {
        for (size_t i = 0; i < s->n; i++)
            row[i] = (double)rows[r][i] - s->mean[i];
        for (size_t i = 0; i < s->n; i++)
            for (size_t j = 0; j <= i; j++)
                s->axes[i * s->n + j] += row[i] * row[j] / (double)s->count;
    }
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = i + 1; j < s->n; j++)
            s->axes[i * s->n + j] = s->axes[j * s->n + i];
}

static void turn(sample *s, const float *const *rows) {
    for (size_t r = 0; r < s->turns; r++)
        for (size_t a = 0; a < s->n; a++) {
            double sum = 0;
            for (size_t i = 0; i < s->n; i++)
                sum += s->axes[a * s->n + i] * ((double)rows[r][i] - s->mean[i]);
            s->turned[r * s->n + a] = (float)sum;
        }
}

static bool study(sample *s, const float *const *rows) {
    double *row = malloc(s->n * sizeof *row);
    if (row == NULL)
        return false;
    covariance(s, rows, row);
    free(row);
    if (!lk_eigen(s->axes, s->n, s->values))
        return false;
    turn(s, rows);
    return true;
}

/* Standard deviations below the mean at which a normal sample of `total` has its tenth smallest, about. */
static double tenth_of(size_t total) {
    const double many = fmax(4, (double)total / 10), root = sqrt(2 * log(many));
    return root - (log(log(many)) + log(4 * M_PI)) / (2 * root);
}

/* Squared distance of two rotated rows over the first `dims` axes. */
static double gap(const sample *s, size_t a, size_t b, size_t first, size_t end) {
    double sum = 0;
    for (size_t i = first; i < end; i++) {
        const double d = (double)s->turned[a * s->n + i] - (double)s->turned[b * s->n + i];
        sum += d * d;
    }
    return sum;
}

static size_t first_other(const sample *s) {
    return s->turns > 2 * QUERIES ? QUERIES : s->turns > 1;
}

/* The distance that a search of row q prunes with once it has ten neighbours, as far as the sample tells. */
static double usual_of(const sample *s, size_t q) {
    double sum = 0, squares = 0;
    const size_t first = first_other(s);
    for (size_t r = first; r < s->turns; r++) {
        const double d2 = gap(s, q, r, 0, s->n);
        sum += sqrt(d2);
        squares += d2;
    }
    const double n = (double)(s->turns - first), mean = sum / n;
    const double deviation = sqrt(fmax(0, squares / n - mean * mean));
    return mean > 0 ? mean * exp(-tenth_of(s->total) * deviation / mean)
                    : 0; /* the tail is nearer to a lognormal one */
}

/* survive[i]: share of the sample that the first 8*(i+1) axes with that noise (standard deviations' share) let pass. */
static void measure(const sample *s, const double *usual, double noise, double *survive) {
    const size_t steps = (s->n + 7) / 8, first = first_other(s);
    memset(survive, 0, steps * sizeof *survive);
    for (size_t q = 0; q < first; q++)
        for (size_t r = first; r < s->turns; r++) {
            double sum = 0, error = 0;
            for (size_t i = 0; i < steps; i++) {
                const size_t end = 8 * i + 8 < s->n ? 8 * i + 8 : s->n;
                sum += gap(s, q, r, 8 * i, end);
                for (size_t a = 8 * i; a < end; a++)
                    error += noise * fmax(0, s->values[a]);
                survive[i] += sqrt(sum) - sqrt(error) <= usual[q];
            }
        }
    for (size_t i = 0; i < steps; i++)
        survive[i] /= (double)(first * (s->turns - first));
}

/* What a row costs with these lengths; `coarse` and `fine`: shares that pass the two tests. */
static double cost_of(const sample *s, uint32_t coarse_dims, uint32_t record, const double *coarse,
                      const double *fine) {
    const size_t fine_dims = record - LK_RECORD_TAIL < s->n ? record - LK_RECORD_TAIL : s->n;
    const double first = coarse[coarse_dims / 8 - 1], second = fmin(first, fine[(fine_dims + 7) / 8 - 1]);
    return BYTE_COST * (coarse_dims / 2 + 2) + first * record / 64 * RECORD_COST +
           second * (double)up16(s->n) / 16 * ROW_COST;
}

/* The cheapest pair of lengths that leaves a face within its bytes (besides the codes: value, id, deletion bit). */
static void choose_lengths(lk_plan *p, const sample *s, const double *coarse, const double *fine) {
    const double room = FACE_BYTES * fmax(1, (double)s->n / 128) - sizeof(uint16_t) - sizeof(int64_t) - 0.125;
    double best = INFINITY;
    for (uint32_t record = 64; record <= LK_PLAN_MAX_RECORD && record < up16(s->n) + 128; record += 64)
        for (uint32_t dims = 8; dims < s->n + 8 && dims / 2 + record <= room; dims += 8) {
            const double cost = cost_of(s, dims, record, coarse, fine);
            if (!(cost < best))
                continue;
            best = cost;
            p->coarse = dims;
            p->record = record;
        }
}

/* Lengths and the usual distance. */
static bool choose(lk_plan *p, const sample *s) {
    const size_t steps = (s->n + 7) / 8;
    double usual[QUERIES], sum = 0, *coarse = malloc(2 * steps * sizeof *coarse);
    if (coarse == NULL)
        return false;
    p->coarse = 8;
    p->record = 64;
    if (s->count > 1) { /* of a single row there is nothing to learn */
        for (size_t q = 0; q < first_other(s); q++)
            sum += usual[q] = usual_of(s, q);
        p->usual = (float)(sum / (double)first_other(s));
        measure(s, usual, LEVELS_NOISE, coarse);
        measure(s, usual, 0, coarse + steps);
        choose_lengths(p, s, coarse, coarse + steps);
    }
    const uint32_t longer = p->record - LK_RECORD_TAIL;
    p->axes = (uint32_t)up16(p->coarse > longer ? p->coarse : longer);
    free(coarse);
    return true;
}

static void write_plan(lk_plan *p, const sample *s) {
    for (size_t i = 0; i < s->n; i++)
        p->mean[i] = (float)s->mean[i];
    for (size_t a = 0; a < s->n && a < p->axes; a++) {
        const double deviation = sqrt(fmax(0, s->values[a]));
        for (size_t i = 0; i < s->n; i++)
            p->rotation[a * p->stride + i] = (float)s->axes[a * s->n + i];
        if (a < p->coarse)
            p->step[a] = (float)(LEVELS_STEP * deviation);
        if (a < p->record - LK_RECORD_TAIL)
            p->scale[a] = (float)(5 * deviation / 127);
    }
}

/* The rotation was rounded to floats: by how much does it stretch? The Gram matrix of the axes is 1 + G, and no
 * eigenvalue of G is larger than its Frobenius norm. */
static void measure_stretch(lk_plan *p) {
    double sum = 0;
    const size_t real = p->axes < p->dimension ? p->axes : p->dimension;
    for (size_t a = 0; a < real; a++)
        for (size_t b = 0; b <= a; b++) {
            double dot = a == b ? -1 : 0;
            for (size_t i = 0; i < p->dimension; i++)
                dot += (double)p->rotation[a * p->stride + i] * (double)p->rotation[b * p->stride + i];
            sum += (a == b ? 1 : 2) * dot * dot;
        }
    const double g = sqrt(sum) * 1.001 + 1e-12;
    p->stretch = sqrt(1 + g);
    p->squeeze = sqrt(fmax(0, 1 - g));
}

int lk_plan_learn(lk_plan *out, int dimension, const float *const *rows, size_t count, size_t total, liken_error *err) {
    lk_plan p = {.dimension = (uint32_t)dimension, .stride = (uint32_t)lk_row_stride(dimension)};
    sample s;
    if (!sample_new(&s, (size_t)dimension, count, total))
        return lk_fail_memory(err);
    float *block = NULL;
    if (study(&s, rows) && choose(&p, &s)) {
        const size_t bytes = lk_plan_floats(&p) * sizeof *block;
        block = aligned_alloc(64, bytes);
        if (block != NULL) {
            memset(block, 0, bytes);
            lk_plan_place(&p, block);
            write_plan(&p, &s);
            measure_stretch(&p);
        }
    }
    sample_free(&s);
    if (block == NULL)
        return lk_fail_memory(err);
    *out = p;
    return LIKEN_OK;
}
