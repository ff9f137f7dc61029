/* microbatch.h - chips of several photos through the descriptor network in one batch.
 *
 * Under load several pipelines want to describe faces at the same time, and the network is faster on one batch of 8
 * than on two of 4. A batch is the place where the pipelines of one lk_models meet. It has as many slots as there are
 * cores. Who comes while a slot is free goes at once, so nobody waits on an idle machine; who finds all slots taken
 * waits. A pipeline that goes takes along, oldest first, all that wait and fit; one that is done hands its slot to the
 * oldest that still waits. So batches form by themselves where there is a queue, and there is no clock: who waits,
 * waits until those before it have gone, which takes one pass of the network for each at most.
 *
 * Results do not depend on who shares a batch but for the last bits, where the network computes a layer another way
 * from a certain batch size on (nn/measure.c): less than 1e-6 of the largest value. */
#ifndef LK_FACE_MICROBATCH_H
#define LK_FACE_MICROBATCH_H

#include "nn/nn.h"

/* Runs inputs[0..count) through the network; gives count x floats values that live until its next call with the same
 * `state`. Cannot fail, as lk_net_forward. */
typedef const float *lk_microbatch_forward_fn(void *state, const lk_net_input *inputs, int count);

typedef struct lk_microbatch lk_microbatch;

#define LK_MICROBATCH_MOST 16 /* inputs; larger batches are no faster, and need more memory */

/* `slots`: batches at once. `floats`: the network's values for one input. */
int lk_microbatch_new(lk_microbatch **out, int slots, size_t floats, liken_error *err);
void lk_microbatch_free(lk_microbatch *b); /* accepts NULL; when nobody is in lk_microbatch_run */

/* out = the values of inputs[0..count), count <= LK_MICROBATCH_MOST. For any number of threads, all with the same
 * network, each with a `state` of its own that holds LK_MICROBATCH_MOST inputs: others' may be among them. */
void lk_microbatch_run(lk_microbatch *b, lk_microbatch_forward_fn *forward, void *state, const lk_net_input *inputs,
                       int count, float *out);

typedef struct lk_microbatch_count {
    uint64_t passes, inputs; /* of the network so far, and in them */
    int waiting;             /* callers, now */
} lk_microbatch_count;

lk_microbatch_count lk_microbatch_counts(lk_microbatch *b);

#endif
