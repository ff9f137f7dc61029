/* How many matches there are, beyond those that are given too.
 *
 * Where the limit was not reached that is known. Else the index in memory counted what lies within the threshold while
 * it looked for the nearest, which costs nothing until more than the limit do, and then the measuring of each of them.
 * A database is asked once more, in one statement, for the ids of all. To count images, or what several views found
 * together, the ids are needed in any case; then there are at most LK_INDEX_MAX_NEIGHBOURS of them, and of more the
 * total is not known. Of an approximate index it never is, because nobody can tell what it misses. */
#include "gallery/search_int.h"

#include <stdlib.h>

#define ASKED_MAX 10000 /* images asked of the store at once */

/* ---- the faces within the threshold ---- */

static bool not_excluded(void *ctx, int64_t key) {
    const lk_query *q = ctx;
    return !lk_ids_has(&q->own, lk_key_face(key));
}

static int add_neighbours(lk_ids *faces, const lk_neighbour *neighbours, size_t count, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_ids_add(faces, lk_key_face(neighbours[i].id), err);
    return rc;
}

static int gather_from_index(lk_query *q, lk_ids *faces, bool *known, liken_error *err) {
    const uint64_t wanted = lk_scope_takes_all(q->scope) ? q->searched : q->within;
    *known = wanted <= LK_INDEX_MAX_NEIGHBOURS;
    if (!*known || q->scope->slot == NULL)
        return LIKEN_OK;
    const size_t k = wanted > 0 ? (size_t)wanted : 1;
    LK_FREE lk_neighbour *neighbours = malloc(k * sizeof *neighbours);
    if (neighbours == NULL)
        return lk_fail_memory(err);
    const lk_index_query query = {.k = k, .filter = q->own.count == 0 ? NULL : not_excluded, .filter_ctx = q};
    size_t count = 0;
    const int rc = lk_query_index(q, &query, neighbours, &count, NULL, err);
    return rc == LIKEN_OK ? add_neighbours(faces, neighbours, count, err) : rc;
}

static int gather_from_store(lk_query *q, lk_ids *faces, bool *known, liken_error *err) {
    lk_scope *s = q->scope;
    *known = s->exact;
    if (!*known)
        return LIKEN_OK;
    const lk_store_query query = {.collection = s->collection->id,
                                  .vector = q->vector,
                                  .dimension = s->collection->dimension,
                                  .radius = q->reach.radius[0],
                                  .weak_radius = q->reach.radius[1],
                                  .k = LK_INDEX_MAX_NEIGHBOURS,
                                  .all = true,
                                  .except = q->own.list,
                                  .except_count = q->own.count,
                                  .filter = s->options,
                                  .missing = s->options->partial ? &s->missing : NULL};
    const int rc = lk_database_within(s->lk, s->collection, &query, faces, known, err);
    return rc == LIKEN_OK ? lk_scope_still(s, err) : rc;
}

int lk_query_gather(lk_query *q, lk_ids *faces, bool *known, liken_error *err) {
    int rc = LIKEN_OK;
    *known = q->scope->exact && !q->scope->options->uncounted;
    if (!*known || !q->asked)
        return LIKEN_OK;
    if (q->all == NULL)
        return (q->scope->remote ? gather_from_store : gather_from_index)(q, faces, known, err);
    for (size_t i = 0; rc == LIKEN_OK && i < q->all_count; i++)
        rc = lk_ids_add(faces, q->all[i], err);
    return rc;
}

/* ---- their images ---- */

static int count_images(lk_store *store, const lk_ids *faces, int64_t *total, liken_error *err) {
    lk_ids images = {0};
    int rc = LIKEN_OK;
    LK_FREE int64_t *some = malloc(ASKED_MAX * sizeof *some);
    if (some == NULL)
        return lk_fail_memory(err);
    for (size_t at = 0; rc == LIKEN_OK && at < faces->count; at += ASKED_MAX) {
        const size_t n = faces->count - at < ASKED_MAX ? faces->count - at : ASKED_MAX;
        rc = store->ops->members->images_of(store, faces->list + at, n, some, err);
        for (size_t i = 0; rc == LIKEN_OK && i < n; i++)
            if (some[i] != 0)
                rc = lk_ids_add(&images, some[i], err);
    }
    if (rc == LIKEN_OK)
        *total = (int64_t)images.count;
    lk_ids_free(&images);
    return rc;
}

int lk_total_of(lk_scope *s, const lk_ids *faces, int64_t *total, liken_error *err) {
    lk_store *store = s->lk->store;
    if (s->options->distinct == LIKEN_DISTINCT_IMAGE && store->ops->members != NULL)
        return count_images(store, faces, total, err);
    *total = (int64_t)faces->count;
    return LIKEN_OK;
}

/* ---- of one query ---- */

/* Where a match is a face, and faces need no names to be counted. */
static bool is_counted(const lk_query *q, int64_t *total) {
    const lk_scope *s = q->scope;
    if (s->options->distinct == LIKEN_DISTINCT_IMAGE || q->all != NULL)
        return false;
    if (lk_scope_takes_all(s) && s->missing.count == 0)
        *total = (int64_t)q->searched;
    else if (!s->remote)
        *total = (int64_t)q->within;
    else
        return false;
    return true;
}

int lk_query_total(lk_query *q, liken_error *err) {
    const lk_scope *s = q->scope;
    const int64_t given = (int64_t)q->out->match_count;
    int64_t total = -1;
    bool known = s->exact && !s->options->uncounted;
    lk_ids faces = {0};
    int rc = LIKEN_OK;
    if (q->complete) {
        total = given;
    } else if (known && !is_counted(q, &total)) {
        rc = lk_query_gather(q, &faces, &known, err);
        if (rc == LIKEN_OK && known)
            rc = lk_total_of(q->scope, &faces, &total, err);
    }
    lk_ids_free(&faces);
    if (rc == LIKEN_OK) /* somebody may have added or removed faces meanwhile */
        q->out->total = total >= 0 && total < given ? given : total;
    return rc;
}
