/* topk.h - the k best neighbours so far: a heap with the worst on top, in the caller's own array.
 * Order: distance, then id. */
#ifndef LK_INDEX_TOPK_H
#define LK_INDEX_TOPK_H

#include "index/index.h"

typedef struct lk_topk {
    lk_neighbour *neighbours;
    size_t count, k;
    float radius; /* what a neighbour may be away at most: the caller's; once k are there the worst of them; it may be
                   * lowered
                   */
} lk_topk;

void lk_topk_init(lk_topk *t, lk_neighbour *neighbours, size_t k, float radius);
/* Takes the neighbour if it is among the k best so far. */
void lk_topk_offer(lk_topk *t, int64_t id, float distance);
/* Sorts the array, nearest first. The heap is spent. */
void lk_topk_sort(lk_topk *t);

#endif
