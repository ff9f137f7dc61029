/* describe.c - see describe.h. */
#include "face/describe.h"

#include <stdlib.h>
#include <string.h>

#define MOST_CHIPS 4

_Static_assert(MOST_CHIPS *LK_DESCRIBE_BATCH <= LK_MICROBATCH_MOST, "a full queue is one batch");

struct lk_describer {
    lk_net_state *state;
    lk_microbatch *batch; /* borrowed */
    bool mirror;
    int side, dimension;
    uint8_t *chips; /* each face's one after the other */
    float *values;  /* each chip's */
    float *descriptors[LK_DESCRIBE_BATCH];
    int queued;
};

static size_t chip_bytes(const lk_describer *d) {
    return (size_t)d->side * (size_t)d->side * 3;
}

/* How many chips make a descriptor. */
static int each(const lk_describer *d) {
    return d->mirror ? MOST_CHIPS : 1;
}

int lk_describer_new(lk_describer **out, const lk_models *m, liken_error *err) {
    lk_describer *d = calloc(1, sizeof *d);
    if (d == NULL)
        return lk_fail_memory(err);
    d->mirror = m->pack->descriptor.mirror;
    d->side = m->pack->descriptor.chip;
    d->dimension = m->pack->descriptor.dimension;
    d->batch = m->batch;
    const size_t chips = LK_DESCRIBE_BATCH * (size_t)each(d);
    d->chips = malloc(chip_bytes(d) * chips);
    d->values = malloc(chips * (size_t)d->dimension * sizeof *d->values);
    int rc = d->chips == NULL || d->values == NULL ? lk_fail_memory(err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = lk_net_state_new(&d->state, m->descriptor_net, LK_MICROBATCH_MOST, 0, 0, err);
    if (rc != LIKEN_OK) {
        lk_describer_free(d);
        return rc;
    }
    *out = d;
    return LIKEN_OK;
}

void lk_describer_free(lk_describer *d) {
    if (d == NULL)
        return;
    lk_net_state_free(d->state);
    free(d->chips);
    free(d->values);
    free(d);
}

static void mirror_chip(const uint8_t *in, int side, uint8_t *out) {
    const size_t row = (size_t)side * 3;
    for (int y = 0; y < side; y++, in += row, out += row)
        for (size_t x = 0; x < row; x += 3)
            memcpy(out + row - 3 - x, in + x, 3);
}

void lk_describer_add(lk_describer *d, const uint8_t *chip, const uint8_t *second, float *descriptor) {
    const size_t bytes = chip_bytes(d);
    uint8_t *to = d->chips + bytes * (size_t)(d->queued * each(d));
    memcpy(to, chip, bytes);
    if (d->mirror) {
        mirror_chip(chip, d->side, to + bytes);
        memcpy(to + 2 * bytes, second, bytes);
        mirror_chip(second, d->side, to + 3 * bytes);
    }
    d->descriptors[d->queued++] = descriptor;
    if (d->queued == LK_DESCRIBE_BATCH)
        lk_describer_flush(d);
}

static void mean_of(const float *in, int count, int dimension, float *out) {
    for (int k = 0; k < dimension; k++) {
        float sum = 0;
        for (int i = 0; i < count; i++)
            sum += in[i * dimension + k];
        out[k] = sum / (float)count;
    }
}

static const float *forward(void *state, const lk_net_input *inputs, int count) {
    size_t floats; /* the dimension */
    lk_net_forward(state, inputs, count);
    return lk_net_output(state, 0, &floats);
}

void lk_describer_flush(lk_describer *d) {
    if (d->queued == 0)
        return;
    lk_net_input inputs[MOST_CHIPS * LK_DESCRIBE_BATCH] = {{NULL, 0}};
    const int count = d->queued * each(d);
    for (int i = 0; i < count; i++)
        inputs[i] = (lk_net_input){d->chips + chip_bytes(d) * (size_t)i, (size_t)d->side * 3};
    lk_microbatch_run(d->batch, forward, d->state, inputs, count, d->values);
    for (int i = 0; i < d->queued; i++)
        mean_of(d->values + (size_t)i * (size_t)each(d) * (size_t)d->dimension, each(d), d->dimension,
                d->descriptors[i]);
    d->queued = 0;
}

void lk_describer_reset(lk_describer *d) {
    d->queued = 0;
}
