/* index.h - exact nearest neighbours by Euclidean distance over (id, vector) pairs.
 *
 * An answer is what brute force over float32 would give, ids and order, ties by id, always: with filters, while
 * other threads add and delete. Readers never wait for a writer; a search sees a state that existed at one moment; an
 * id is found by the first search that starts after its add returned. Ids are of two kinds, even and odd, and a search
 * may give each its own radius; then the answer is that of two searches, merged. Cosine similarity is the same order on
 * normalised vectors. The index is a cache: the store is the truth. Distances are defined to the bit in distance.h. */
#ifndef LK_INDEX_INDEX_H
#define LK_INDEX_INDEX_H

#include "base/error.h"

#define LK_INDEX_MAX_NEIGHBOURS ((size_t)1 << 18) /* of one search; each of its threads holds as many */

typedef struct lk_index lk_index;

typedef struct lk_neighbour {
    int64_t id;
    float distance;
} lk_neighbour;

/* In memory only. dimension 16..1024. */
LK_CHECKED int lk_index_new(lk_index **out, int dimension, liken_error *err);
void lk_index_free(lk_index *ix);

/* With a folder for its cache (made if it is not there; one index a folder). `model` (at most 127 bytes) and `store`
 * (at most 63) say whose vectors these are. A cache that is missing, damaged, of another model or store, or written by
 * a newer liken gives an empty index and a log line. *change: what the last lk_index_save was told, 0 for an empty
 * index; the caller then adds what has an id beyond lk_index_last_id and repeats the deletions after *change. Nothing
 * but the table of contents is read: the rest is checked when it is first looked at. */
LK_CHECKED int lk_index_open(lk_index **out, const char *folder, int dimension, const char *model, const char *store,
                             int64_t *change, liken_error *err);
/* The same, but nothing is written, not even a lock: what happens to the index stays in memory. */
LK_CHECKED int lk_index_open_read_only(lk_index **out, const char *folder, int dimension, const char *model,
                                       const char *store, int64_t *change, liken_error *err);
/* Why the cache in the folder could not be used; NULL when it was, or there was none. */
const char *lk_index_trouble(const lk_index *ix);
/* No id up to `id` will be added any more: lk_index_last_id is at least `id` from now on, also after a save. */
void lk_index_pass(lk_index *ix, int64_t id);
/* Reads all of the cache that was not read yet. STORE: a block is damaged (see lk_index_search). */
LK_CHECKED int lk_index_check(lk_index *ix, liken_error *err);
/* Deletes the cache of this index, if it owns one, and lets go of the folder; the index can still be searched. No other
 * thread may write to the index meanwhile. */
void lk_index_discard(lk_index *ix);
/* Deletes a cache, unless somebody has it open. */
void lk_index_remove(const char *folder);
/* Writes what is there now, with `change` beside it: all changes of the store up to it must have been applied. Atomic:
 * after a crash the next open finds this state or the one saved before. Searches and writers go on meanwhile. */
LK_CHECKED int lk_index_save(lk_index *ix, int64_t change, liken_error *err);

/* `vectors`: count x dimension. Ids must be new and larger than all before (else CONFLICT); components must be numbers
 * of at most 1e15 in size (else ARG). All or nothing. */
LK_CHECKED int lk_index_add(lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err);
/* Ids not there are ignored. */
LK_CHECKED int lk_index_delete(lk_index *ix, const int64_t *ids, size_t count, liken_error *err);

/* Says whether `id` may be in the answer; called from any thread; the same id must get the same answer. */
typedef bool lk_index_filter_fn(void *ctx, int64_t id);

typedef struct lk_index_query {
    const float *vector;
    float radius;               /* neighbours with distance <= radius, not negative; INFINITY: all */
    bool apart;                 /* odd ids have a radius of their own: */
    float odd_radius;           /* this; the nearest k of both kinds together are what is found */
    size_t k;                   /* at most so many, the nearest; 1..LK_INDEX_MAX_NEIGHBOURS */
    lk_index_filter_fn *filter; /* NULL: all */
    void *filter_ctx;
    const int64_t *only; /* NULL: all; else just these ids, ascending (only_count of them), and the filter */
    size_t only_count;
    uint64_t *within; /* optional: receives how many are within the radius, beyond k too; then each of these is
                         measured, where else the radius shrinks to the k-th best */
    int threads;      /* threads that share the work of a large search; 0: one */
} lk_index_query;

/* Writes neighbours, nearest first, ties by id; `neighbours` has room for k. `*searched` (optional): vectors that
 * passed the filter. LIKEN_E_STORE: a block of the cache is damaged; free the index, remove its folder, make it anew
 * from the store. */
LK_CHECKED int lk_index_search(lk_index *ix, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                               uint64_t *searched, liken_error *err);

/* Several queries in one pass over the vectors, all on the same state; `threads` of the first one counts. neighbours[i]
 * has room for queries[i].k. All or nothing. */
LK_CHECKED int lk_index_search_many(lk_index *ix, const lk_index_query *queries, size_t n,
                                    lk_neighbour *const *neighbours, size_t *counts, liken_error *err);

/* Measures the query against at most `room` (above 0) of the vectors, all where there are no more, else about half of
 * that at least, evenly chosen; in the order of ids. STORE (as above). */
LK_CHECKED int lk_index_sample(lk_index *ix, const float *vector, lk_neighbour *neighbours, size_t room, size_t *count,
                               liken_error *err);

/* The vector of an id, `dimension` floats; NOT_FOUND, STORE (as above). */
LK_CHECKED int lk_index_get(lk_index *ix, int64_t id, float *vector, liken_error *err);
/* The largest id that is there, and its vector; NOT_FOUND, STORE (as above). */
LK_CHECKED int lk_index_newest(lk_index *ix, int64_t *id, float *vector, liken_error *err);
size_t lk_index_size(const lk_index *ix);    /* live ids */
int64_t lk_index_last_id(lk_index *ix);      /* largest id ever added or passed; INT64_MIN when none */
uint64_t lk_index_bytes(const lk_index *ix); /* memory held, or mapped */
/* Waits until the background work that is due now (coding, compaction) is done. For tests, benchmarks and shutdown. */
void lk_index_settle(lk_index *ix);

#endif
