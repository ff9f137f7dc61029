/* Where each collection is searched: by an index in this process, or by the store where it can.
 *
 * A collection of LIKEN_SEARCH_AUTO is searched in memory while the indexes of all such collections fit into
 * index_memory; the older ones are placed first, so that a new collection never drives out one that is in use. One that
 * had to leave comes back when there is room to spare, so that it does not come and go with every photo. */
#include "gallery/gallery_int.h"

#include "base/lock.h"
#include "base/log.h"
#include "kern/search/distance.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BESIDE 64 /* bytes an index takes for a face beside its vector and its codes */

static int by_id(const void *a, const void *b) {
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_age(const void *a, const void *b) {
    return by_id(&(*(liken_collection *const *)a)->id, &(*(liken_collection *const *)b)->id);
}

static bool holds(const int64_t *ids, size_t count, int64_t id) {
    return count > 0 && bsearch(&id, ids, count, sizeof id, by_id) != NULL;
}

bool lk_place_is_remote(liken *lk, int64_t collection) {
    pthread_mutex_lock(&lk->slot_lock);
    const bool remote = holds(lk->remote, lk->remote_count, collection);
    pthread_mutex_unlock(&lk->slot_lock);
    return remote;
}

static double index_bytes(const liken_collection *c) {
    const size_t stride = lk_row_stride(c->dimension);
    return (double)c->faces * (double)(stride * sizeof(float) + stride + BESIDE);
}

static size_t budget(const liken *lk) {
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return lk->index_memory > 0 || pages < 1 || size < 1 ? lk->index_memory : (size_t)pages * (size_t)size / 2;
}

/* *used: what the collections of LIKEN_SEARCH_AUTO that are in memory take. */
static bool is_remote(const liken *lk, const liken_collection *c, double *used) {
    if (c->search != LIKEN_SEARCH_AUTO)
        return c->search != LIKEN_SEARCH_MEMORY;
    const double room = (double)budget(lk), bytes = index_bytes(c);
    const bool was = holds(lk->remote, lk->remote_count, c->id);
    if (*used + bytes > (was ? 0.9 * room : room))
        return true;
    *used += bytes;
    return false;
}

/* What LIKEN_SEARCH_AUTO does not find room for is made quick in the database; until then it is only slow there. */
static void want(liken *lk, const liken_collection *c) {
    liken_error err = {0};
    if (c->search != LIKEN_SEARCH_AUTO || holds(lk->remote, lk->remote_count, c->id))
        return;
    lk_log(LIKEN_LOG_INFO, "Collection \"%s\" (%lld faces) does not fit into index-memory; the database searches it.",
           c->name, (long long)c->faces);
    if (!lk->read_only && lk->store->ops->searching->want(lk->store, c->id, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "Searches of collection \"%s\" will be slow. %s", c->name, err.message);
}

/* A search under way keeps the slot that it has. */
static void let_go(liken *lk, const int64_t *ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        lk_slot *s = lk_slot_find(lk, ids[i]);
        if (s != NULL)
            lk_slot_replace(lk, s, NULL);
    }
}

static void publish(liken *lk, int64_t *remote, size_t count) {
    for (size_t i = 1; i < count; i++)
        assert(remote[i - 1] < remote[i]); /* they are looked for by halves */
    pthread_mutex_lock(&lk->slot_lock);
    int64_t *before = lk->remote;
    lk->remote = remote;
    lk->remote_count = count;
    pthread_mutex_unlock(&lk->slot_lock);
    free(before);
}

void lk_place_leave(liken *lk, int64_t collection) {
    size_t kept = 0;
    LK_HELD(&lk->sync_lock);
    pthread_mutex_lock(&lk->slot_lock);
    for (size_t i = 0; i < lk->remote_count; i++)
        if (lk->remote[i] != collection)
            lk->remote[kept++] = lk->remote[i];
    lk->remote_count = kept;
    pthread_mutex_unlock(&lk->slot_lock);
}

int lk_place_settle(liken *lk, int64_t **joined, size_t *joined_count, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0, n = 0, gone = 0, back = 0;
    double used = 0;
    LK_HELD(&lk->sync_lock);
    int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    int64_t *remote = malloc((count + 1) * sizeof *remote), *leaving = malloc((count + 1) * sizeof *leaving);
    int64_t *came = malloc((count + 1) * sizeof *came);
    if (remote == NULL || leaving == NULL || came == NULL)
        rc = lk_fail_memory(err);
    if (rc == LIKEN_OK && count > 0)
        qsort(list, count, sizeof(*list), by_age);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        const bool goes = is_remote(lk, list[i], &used), was = holds(lk->remote, lk->remote_count, list[i]->id);
        if (goes)
            want(lk, list[i]);
        if (goes || was)
            remote[n++] = list[i]->id;
        if (goes)
            leaving[gone++] = list[i]->id;
        else if (was)
            came[back++] = list[i]->id;
    }
    liken_collections_free(list, count);
    if (rc == LIKEN_OK) {
        publish(lk, remote, n); /* before their slots go: a search looks for the slot first */
        let_go(lk, leaving, gone);
        *joined = came;
        *joined_count = back;
        remote = came = NULL;
    }
    free(remote);
    free(leaving);
    free(came);
    return rc;
}
