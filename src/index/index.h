/* index.h - exact nearest neighbours by Euclidean distance over (id, vector) pairs.
 *
 * An answer is what brute force over float32 would give, ids and order, ties by id, always: with filters, while
 * other threads add and delete. Readers never wait for a writer; a search sees a state that existed at one moment; an
 * id is found by the first search that starts after its add returned. Cosine similarity is the same order on normalised
 * vectors. The index is a cache: the store is the truth. */
#ifndef LK_INDEX_INDEX_H
#define LK_INDEX_INDEX_H

#include "base/error.h"

typedef struct lk_index lk_index;

typedef struct lk_hit { int64_t id; float distance; } lk_hit;

/* dimension 16..1024. */
int lk_index_new(lk_index **out, int dimension, liken_error *err);
void lk_index_free(lk_index *ix);

/* `vectors`: count x dimension. Ids must be new and larger than all before. All or nothing. */
int lk_index_add(lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err);
/* Ids not there are ignored. */
int lk_index_delete(lk_index *ix, const int64_t *ids, size_t count, liken_error *err);

/* Says whether `id` may be in the answer; called from any thread. */
typedef bool lk_index_filter_fn(void *ctx, int64_t id);

typedef struct lk_index_query {
    const float *vector;
    float radius;              /* hits with distance <= radius; INFINITY: all */
    size_t k;                  /* at most so many, the nearest; 1..10000 */
    lk_index_filter_fn *filter;/* NULL: all */
    void *filter_ctx;
} lk_index_query;

/* Writes hits, nearest first, ties by id; `hits` has room for k. `*searched` (optional): vectors that passed the filter. */
int lk_index_search(lk_index *ix, const lk_index_query *query, lk_hit *hits, size_t *count, uint64_t *searched, liken_error *err);

/* The vector of an id, `dimension` floats; NOT_FOUND. */
int lk_index_get(lk_index *ix, int64_t id, float *vector, liken_error *err);
size_t lk_index_size(const lk_index *ix);    /* live ids */
uint64_t lk_index_bytes(const lk_index *ix); /* memory held */

#endif
