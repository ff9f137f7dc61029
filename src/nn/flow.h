/* flow.h - chains of nodes that are run in bands of rows. Inside src/nn only.
 *
 * A tensor that is larger than a level-2 cache would be written to memory by one node and read back by the next. Where
 * only the next node reads it, the two form a chain: a few rows of what the first node reads go in, and each node makes
 * the rows that it can from what the one before it has made. Every row is made once. Between two nodes only the rows
 * that are still needed are kept, in a ring (lk_map), so that what a whole chain keeps fits the cache. No node makes
 * more rows at a time than go in at the pace of its stride: else all would wait at the start, for rows below theirs,
 * and hurry at the end, and the rings would have to hold that. A chain may begin with the photo itself, whose rows are
 * then loaded as they are needed. Chains run one image after the other. */
#ifndef LK_NN_FLOW_H
#define LK_NN_FLOW_H

#include "nn/net.h"

#define LK_MAX_LINKS 32

/* Tensors of a chain: link 0 is what its first node reads, each other what a node writes. All but the last (and the
 * first, unless it is the photo) are rings. */
typedef struct lk_link {
    int tensor;
    int maker;             /* node that writes it */
    int height;            /* of the whole tensor */
    int size, stride, top; /* of the maker: output row y sees input rows y*stride - top ... + size */
    int above, below;      /* rows of border that its reader needs */
    int ring;              /* rows kept, with border; 0: it is whole */
} lk_link;

typedef struct lk_chain {
    int first, last; /* nodes */
    int links;
    int load; /* link 0 is the photo */
    int band; /* rows of link 0 at a time; 0: no chain, a node that is simply run */
    lk_link link[LK_MAX_LINKS];
} lk_chain;

/* How far a chain has come with one image. */
typedef struct lk_flow {
    int made[LK_MAX_LINKS]; /* rows */
    int want[LK_MAX_LINKS]; /* rows to have made after this band */
} lk_flow;

void lk_flow_start(const lk_chain *c, lk_flow *f);
/* Says in want[] what the next band makes, and gives true; false when all is made. */
bool lk_flow_next(const lk_chain *c, lk_flow *f);
/* Sets the rings to the rows that a run with this band has to keep. */
void lk_flow_size_rings(lk_chain *c);

#endif
