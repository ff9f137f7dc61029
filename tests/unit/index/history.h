/* history.h - an index with a folder, and beside it what it must hold: vectors, deletions, and (as a store would) the
 * order in which they came, from which the index is brought up to date after each restart. */
#ifndef LK_TESTS_INDEX_HISTORY_H
#define LK_TESTS_INDEX_HISTORY_H

#include "oracle.h"

/* The vector that gets this id. */
typedef void history_source(const void *ctx, int64_t id, dice *d, float *vector, int dimension);

typedef struct history {
    oracle *o;
    lk_index *ix;
    history_source *source;
    const void *ctx;
    int64_t last_id, *deletions;
    size_t deletion_count, deletion_room;
    uint64_t small;          /* 0: segments as they are; else seeds sizes so small that a short history has many */
    uint64_t asked, vectors; /* questions answered, vectors that they were compared with */
    char folder[40], why[WHY];
} history;

/* Each: false, with a sentence in `why`, when the index did what it must not. `seed` decides everything but `n`. */
bool history_begin(history *h, int dimension, history_source *source, const void *ctx, uint64_t small);
void history_end(history *h);
bool history_add(history *h, size_t n, uint64_t seed);
bool history_delete(history *h, size_t n, uint64_t seed); /* some of them ids that are nowhere */
void history_settle(history *h);
bool history_save(history *h);
bool history_restart(history *h);                       /* without saving */
bool history_ask(history *h, size_t n, uint64_t seed);  /* n of at most QUESTIONS */
bool history_read(history *h, size_t n, uint64_t seed); /* vectors by their ids, sizes */

#endif
