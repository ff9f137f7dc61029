/* flow.h - chains of nodes that are run in bands of rows. Inside src/nn only.
 *
 * A tensor that is larger than a level-2 cache would be written to memory by one node and read back by the next. Where
 * only the next node reads it, the two form a chain: the last node makes a few rows at a time, and each node before it
 * just the rows that are missing for that. Every row is made once. Between two nodes only a window of rows is kept;
 * when it is full, the rows that are still needed move to its top. A chain may begin with the photo itself, whose rows
 * are then loaded as they are needed. Chains run one image after the other. */
#ifndef LK_NN_FLOW_H
#define LK_NN_FLOW_H

#include "nn/net.h"

#define LK_MAX_LINKS 32

/* Tensors of a chain: link 0 is what its first node reads, each other what a node writes. All but the last (and the
 * first, unless it is the photo) are windows. */
typedef struct lk_link {
    int tensor;
    int maker;             /* node that writes it */
    int height;            /* of the whole tensor */
    int size, stride, top; /* of the maker: output row y sees input rows y*stride - top ... + size */
    int above, below;      /* rows of border that its reader needs */
    int window;            /* rows kept, with border; 0: it is whole */
} lk_link;

typedef struct lk_chain {
    int first, last; /* nodes */
    int links;
    int load; /* link 0 is the photo */
    int band; /* rows of the last link at a time */
    lk_link link[LK_MAX_LINKS];
} lk_chain;

/* How far a chain has come with one image. */
typedef struct lk_flow {
    int made[LK_MAX_LINKS]; /* rows */
    int base[LK_MAX_LINKS]; /* the row at the top of the window */
    int want[LK_MAX_LINKS]; /* rows to have made after this band */
} lk_flow;

void lk_flow_start(const lk_chain *c, lk_flow *f);
/* Says in want[] what the next band takes; false when all is made. */
bool lk_flow_next(const lk_chain *c, lk_flow *f);
/* The first row of link k that is still needed. */
int lk_flow_needed(const lk_chain *c, const lk_flow *f, int k);
/* Sets the windows to the rows that a run with this band needs at most, and some to move less often. */
void lk_flow_size_windows(lk_chain *c);

#endif
