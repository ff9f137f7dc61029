/* plan.h - a state: one network planned for one input size and batch ceiling. Inside src/nn only. */
#ifndef LK_NN_PLAN_H
#define LK_NN_PLAN_H

#include "nn/flow.h"

/* A node with its sizes known. */
typedef struct lk_step {
    int height, width; /* of what it writes */
    int top, left;     /* rows and columns of border before its first window */
    lk_conv conv;
    lk_depthwise depthwise;
    lk_pool pool;
    int winograd_from; /* the smallest batch for which Winograd is faster */
    int before;        /* the depthwise node that this one, a 1x1 convolution or a pool, does as well; LK_NONE */
    bool done;         /* by the node behind it: never run alone */
} lk_step;

struct lk_net_state {
    const lk_net *net;
    const lk_kern *kern;
    int max_batch;
    int together; /* images that the workspace has room for: a larger batch runs in parts */
    lk_map map[LK_MAX_TENSORS];
    lk_step step[LK_MAX_NODES];
    int chains;
    lk_chain *chain; /* which together hold all nodes, in order; a chain of one node is simply run */
    float *scratch;  /* of Winograd and separable convolutions */
    float *output[LK_MAX_OUTPUTS];
    size_t output_floats[LK_MAX_OUTPUTS]; /* of one image */
    float *memory;                        /* everything above lies in here */
    size_t bytes;
};

/* Chooses between direct convolution and Winograd for each node (measure.c). */
void lk_measure(lk_net_state *s);

/* Runs node i, which is in no longer chain, on the first `batch` images; does nothing where the node behind does it. */
void lk_run_node(lk_net_state *s, int i, int batch);

#endif
