/* bench_score.c - what it costs to judge a face, against what it costs to describe it. Packs come from $LIKEN_MODELS.
 *
 * make bench-score, or bench_score [PACK]
 *     CPU microseconds a face (reid by default, a pack with classes): the descriptor network, four faces at a time;
 * what is measured of the chip (sharpness and brightness, of any pack); the score from the descriptor; and the score as
 * a share of the descriptor. The best of some rounds. */
#include "base/clock.h"
#include "face/describe.h"
#include "face/quality.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 20, FACES = 4, TIMES = 1000 };

typedef struct bench {
    lk_models *models;
    lk_describer *describer;
    int side, dimension;
    uint8_t *chip;
    float *descriptors; /* FACES of them */
    liken_quality quality;
} bench;

static void describe(bench *b) {
    for (int i = 0; i < FACES; i++)
        lk_describer_add(b->describer, b->chip, b->chip, b->descriptors + (ptrdiff_t)i * b->dimension);
    lk_describer_flush(b->describer);
}

static void measure_chips(bench *b) {
    for (int i = 0; i < FACES; i++)
        lk_quality_chip(b->chip, b->side, &b->quality);
}

static void score(bench *b) {
    for (int i = 0; i < TIMES; i++)
        lk_quality_described(&b->quality, 1, b->descriptors, b->dimension, b->models->classes);
}

static double microseconds(bench *b, void (*work)(bench *), int times) {
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        const double start = lk_clock_cpu();
        work(b);
        best = fmin(best, lk_clock_cpu() - start);
    }
    return best / times * 1e6;
}

static int fill(bench *b, const char *pack, liken_error *err) {
    int rc = lk_models_load(&b->models, &(lk_models_options){.pack = pack}, err);
    rc = rc != LIKEN_OK ? rc : lk_describer_new(&b->describer, b->models, err);
    if (rc != LIKEN_OK)
        return rc;
    b->side = b->models->pack->descriptor.chip;
    b->dimension = lk_models_dimension(b->models);
    b->chip = malloc((size_t)b->side * (size_t)b->side * 3);
    b->descriptors = calloc((size_t)b->dimension * FACES, sizeof *b->descriptors);
    if (b->chip == NULL || b->descriptors == NULL)
        return lk_fail_memory(err);
    for (int i = 0; i < b->side * b->side * 3; i++)
        b->chip[i] = (uint8_t)(128 + 100 * sin(i * 0.01));
    return b->models->classes != NULL ? LIKEN_OK : lk_fail(err, LIKEN_E_ARG, "The pack %s has no classes.", pack);
}

int main(int argc, char **argv) {
    liken_error err;
    bench b = {.quality = {.size = 100}};
    const int rc = fill(&b, argc > 1 ? argv[1] : "reid", &err);
    if (rc == LIKEN_OK) {
        const double face = microseconds(&b, describe, FACES), chip = microseconds(&b, measure_chips, FACES),
                     scored = microseconds(&b, score, TIMES);
        printf("descriptor %.0f, chip %.1f, score %.2f us (%.3f %% of the descriptor)\n", face, chip, scored,
               100 * scored / face);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    free(b.chip);
    free(b.descriptors);
    lk_describer_free(b.describer);
    lk_models_free(b.models);
    return rc == LIKEN_OK ? 0 : 1;
}
