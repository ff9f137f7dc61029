/* oracle.h - what the index must answer, the slow way: a list of vectors, and a search that sorts them all. */
#ifndef LK_TESTS_INDEX_ORACLE_H
#define LK_TESTS_INDEX_ORACLE_H

#include "unit/test.h"

#include "index/index.h"

typedef struct oracle {
    int dimension;
    size_t count, room;
    int64_t *ids;
    float *vectors;
    bool *dead;
} oracle;

oracle *oracle_new(int dimension);
void oracle_free(oracle *o);
void oracle_add(oracle *o, const int64_t *ids, const float *vectors, size_t count);
void oracle_delete(oracle *o, int64_t id);
float oracle_distance(const float *a, const float *b, int dimension);
/* Every live hit that passes, sorted; at most k. The array is the caller's. */
lk_hit *oracle_search(const oracle *o, const lk_index_query *q, size_t *count, uint64_t *searched);
/* Fails the test unless the index answers as the oracle does. */
void oracle_check(const oracle *o, lk_index *ix, const lk_index_query *q);

/* A generator that every platform repeats. */
typedef struct dice {
    uint64_t state;
} dice;
uint32_t dice_roll(dice *d); /* 0 .. 2^32-1 */
uint32_t dice_below(dice *d, uint32_t n);
float dice_unit(dice *d); /* -1 .. 1 */
float dice_normal(dice *d);

#endif
