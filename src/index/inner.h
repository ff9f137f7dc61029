/* inner.h - what the files of this folder share: the index as an append-only list of segments, seen through views.
 *
 * A view lists the segments and says how many rows of each exist; of the last one, which is still being filled, the
 * number stands in `state` together with the version of the last deletion, so that one load gives a reader both: a
 * state that existed at one moment. Writers hold the lock, write where no reader looks, then publish by storing
 * `state`, or by replacing the whole view when the list changes. Replaced views are freed when the readers that may
 * hold them have left (epoch.h). Ids ascend over the segments, so that a binary search finds an id and the order of
 * rows is that of ids.
 *
 * One background thread a busy index (compact.c) turns runs of segments into one sealed segment without the rows that
 * were deleted, and replaces them in a new view; deletions that came meanwhile are carried over with their versions. */
#ifndef LK_INDEX_INNER_H
#define LK_INDEX_INNER_H

#include "index/epoch.h"
#include "index/index.h"
#include "index/segment.h"

#include <pthread.h>

typedef struct lk_view {
    struct lk_view *next;   /* in the list of retired ones */
    uint64_t epoch;         /* it was retired with */
    _Atomic uint64_t state; /* version of the last deletion << 24 | rows of the last segment */
    size_t count;
    struct {
        lk_segment *segment;
        size_t rows;
    } parts[];
} lk_view;

struct lk_index {
    lk_epoch epoch;
    _Atomic(lk_view *) current;
    _Atomic size_t live;
    _Atomic bool damaged; /* a block of the cache turned out to be spoilt */
    int dimension;
    size_t stride;
    char *folder;      /* NULL: in memory only */
    int owner;         /* the lock on the folder, or -1 */
    char trouble[256]; /* why the cache could not be used, or empty */
    lk_identity identity;
    pthread_mutex_t lock; /* writers; all below */
    lk_view *retired;
    int64_t last_id;
    uint64_t next_number;      /* of a sealed file */
    uint64_t building;         /* number of the one that is being made, or 0 */
    pthread_t keeper;          /* the background thread */
    bool keeping, keeper_runs; /* there is one to join; it has not decided to end */
    bool failed_to_seal;       /* no more tries: memory or disk is full */
    _Atomic bool closing;
    pthread_mutex_t saving; /* one save at a time */
    struct {
        size_t open_rows;    /* capacity at most of an open segment */
        size_t fewest_rows;  /* worth sealing */
        size_t learn_rows;   /* from here on a sealed segment has a plan of its own */
        size_t largest_rows; /* of a sealed segment */
    } sizes;                 /* set once; tests make them small */
};

static inline uint64_t lk_state_of(uint64_t version, size_t rows) {
    return version << 24 | rows;
}

static inline uint64_t lk_state_version(uint64_t state) {
    return state >> 24;
}

/* Rows of part `i` of a view in that state. */
static inline size_t lk_view_rows(const lk_view *v, size_t i, uint64_t state) {
    return i + 1 < v->count ? v->parts[i].rows : (size_t)(state & 0xffffff);
}

lk_view *lk_view_new(size_t count);
/* Replaces the current view, under the lock; the segments' references are counted here. */
void lk_view_publish(lk_index *ix, lk_view *v);
/* Drops the references of a view that nobody can hold any more. */
void lk_view_free(lk_view *v);
/* Where `id` is; NULL when nowhere. */
lk_segment *lk_view_find(const lk_view *v, uint64_t state, int64_t id, size_t *row);
void lk_free_retired(lk_index *ix);

/* All components are numbers within what the bounds are proven for. */
bool lk_vector_usable(const float *v, size_t count);

/* Starts the background thread if there is work for it; under the lock. */
void lk_keep(lk_index *ix);
/* Ends it. */
void lk_keep_stop(lk_index *ix);
/* malloc'd path of a sealed file. */
char *lk_sealed_path(const char *folder, uint64_t number);

/* The lock on a folder; -1 when another process has it, or the folder cannot be written. */
int lk_cache_own(const char *folder);

/* A segment's flag as the index's own; LIKEN_E_STORE once there was damage. */
int lk_index_intact(lk_index *ix, const lk_view *v, liken_error *err);

#endif
