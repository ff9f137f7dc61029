/* The list of slots, and the caches that their indexes begin with.
 *
 * A cache is used when it is of this store, model and metric and goes no further than the store does: a store that was
 * restored from a backup is behind the cache of what came after. Everything else is deleted, where no other process has
 * it open, and made anew from the store. */
#include "gallery/gallery_int.h"

#include "base/buf.h"
#include "base/lock.h"
#include "base/log.h"

#include <assert.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the list ---- */

lk_slot *lk_slot_find(const liken *lk, int64_t collection) {
    lk_slot *s = lk->slots;
    while (s != NULL && s->collection != collection)
        s = s->next;
    return s;
}

lk_slot *lk_gallery_slot_take(liken *lk, int64_t collection) {
    pthread_mutex_lock(&lk->slot_lock);
    lk_slot *s = lk_slot_find(lk, collection);
    if (s != NULL)
        s->users++;
    pthread_mutex_unlock(&lk->slot_lock);
    return s;
}

int lk_gallery_slots_take(liken *lk, lk_slot ***slots, size_t *count, liken_error *err) {
    size_t n = 0;
    pthread_mutex_lock(&lk->slot_lock);
    for (const lk_slot *s = lk->slots; s != NULL; s = s->next)
        n++;
    lk_slot **taken = calloc(n + 1, sizeof(lk_slot *));
    n = 0;
    for (lk_slot *s = taken == NULL ? NULL : lk->slots; s != NULL; s = s->next) {
        s->users++;
        taken[n++] = s;
    }
    pthread_mutex_unlock(&lk->slot_lock);
    if (taken == NULL)
        return lk_fail_memory(err);
    *slots = taken;
    *count = n;
    return LIKEN_OK;
}

void lk_gallery_slot_drop(liken *lk, lk_slot *slot) {
    if (slot == NULL)
        return;
    pthread_mutex_lock(&lk->slot_lock);
    assert(slot->users > 0);
    const bool last = --slot->users == 0;
    pthread_mutex_unlock(&lk->slot_lock);
    if (!last)
        return;
    lk_index_free(slot->index);
    free(slot);
}

void lk_slot_replace(liken *lk, lk_slot *old, lk_slot *s) {
    LK_HELD(&lk->sync_lock);
    if (old != NULL)
        lk_index_discard(old->index);
    pthread_mutex_lock(&lk->slot_lock);
    lk_slot **at = &lk->slots;
    while (old != NULL && *at != old)
        at = &(*at)->next;
    lk_slot *rest = old != NULL ? old->next : *at;
    if (s != NULL) {
        s->next = rest;
        rest = s;
    }
    *at = rest;
    pthread_mutex_unlock(&lk->slot_lock);
    lk_gallery_slot_drop(lk, old);
}

void lk_gallery_slots_free(liken *lk) {
    for (;;) {
        pthread_mutex_lock(&lk->slot_lock);
        lk_slot *s = lk->slots;
        lk->slots = s == NULL ? NULL : s->next;
        pthread_mutex_unlock(&lk->slot_lock);
        if (s == NULL)
            return;
        lk_gallery_slot_drop(lk, s);
    }
}

/* ---- caches ---- */

/* "DATA/index", or "DATA/index/STORE": several servers' galleries may have their caches in one data folder. */
static char *caches(const liken *lk) {
    char name[64], store[37];
    (void)snprintf(name, sizeof name, "index");
    if (lk->where != NULL) { /* a store that is open knows its id */
        if (lk->store->ops->id(lk->store, store, NULL) != LIKEN_OK)
            return NULL;
        (void)snprintf(name, sizeof name, "index/%s", store);
    }
    return lk_path_join(lk->data, name);
}

char *lk_cache_folder(const liken *lk, int64_t collection) {
    char name[24];
    LK_FREE char *folder = caches(lk);
    (void)snprintf(name, sizeof name, "%" PRId64, collection);
    return folder == NULL ? NULL : lk_path_join(folder, name);
}

/* A gallery that is only used as it is gets no data folder either (its store may be elsewhere). */
static bool keeps_caches(const liken *lk) {
    return !lk->read_only && !(lk->existing && access(lk->data, F_OK) != 0);
}

static int open_index(liken *lk, const liken_collection *c, const char *folder, lk_slot *s, liken_error *err) {
    char model[128], store[64];
    if (lk->store->ops->numbers != NULL) /* an index of such numbers is of no use to the next start */
        return lk_index_new(&s->index, c->dimension, err);
    (void)snprintf(model, sizeof model, "%.100s %s by key", c->model, liken_metric_code(c->metric));
    int rc = lk->store->ops->id(lk->store, store, err);
    if (rc != LIKEN_OK)
        return rc;
    if (c->generation > 0) /* back at a model that it had, it may hold other faces than then */
        (void)snprintf(store + strlen(store), sizeof store - strlen(store), " %" PRId64, c->generation);
    liken_error why = {0};
    rc = (keeps_caches(lk) ? lk_index_open : lk_index_open_read_only)(&s->index, folder, c->dimension, model, store,
                                                                      &s->change, &why);
    if (rc == LIKEN_OK || rc == LIKEN_E_MEMORY)
        return rc == LIKEN_OK ? LIKEN_OK : lk_fail_memory(err);
    lk_log(LIKEN_LOG_WARN, "The index of collection \"%s\" is kept in memory only, and built at every start. %s",
           c->name, why.message);
    return lk_index_new(&s->index, c->dimension, err);
}

/* What another process has open stays as it is, and this one's index stays in memory. */
static int open_empty(liken *lk, const liken_collection *c, const char *folder, lk_slot *s, liken_error *err) {
    if (lk->read_only)
        return lk_index_new(&s->index, c->dimension, err);
    lk_index_remove(folder);
    int rc = open_index(lk, c, folder, s, err);
    if (rc == LIKEN_OK && lk_index_last_id(s->index) != INT64_MIN) {
        lk_index_free(s->index);
        rc = lk_index_new(&s->index, c->dimension, err);
    }
    return rc;
}

static int make(liken *lk, const liken_collection *c, bool cached, lk_slot **out, liken_error *err) {
    LK_FREE char *folder = lk_cache_folder(lk, c->id);
    lk_slot *s = folder == NULL ? NULL : calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    *s = (lk_slot){
        .collection = c->id, .metric = c->metric, .dimension = c->dimension, .generation = c->generation, .users = 1};
    const int rc = (cached ? open_index : open_empty)(lk, c, folder, s, err);
    if (rc != LIKEN_OK) {
        free(s);
        return rc;
    }
    const int64_t last = lk_index_last_id(s->index);
    s->cached = last != INT64_MIN;
    s->last = s->saved = s->cached ? lk_key_face(last) : 0;
    if (lk_index_trouble(s->index) != NULL)
        (void)snprintf(s->trouble, sizeof s->trouble, "%s", lk_index_trouble(s->index));
    *out = s;
    return LIKEN_OK;
}

int lk_slot_open(liken *lk, const liken_collection *c, lk_slot **out, liken_error *err) {
    return make(lk, c, true, out, err);
}

int lk_slot_new(liken *lk, const liken_collection *c, lk_slot **out, liken_error *err) {
    return make(lk, c, false, out, err);
}

void lk_cache_clean(const liken *lk) {
    LK_FREE char *path = caches(lk);
    DIR *folder = path == NULL ? NULL : opendir(path);
    if (folder == NULL)
        return; /* there are no caches yet */
    for (struct dirent *d; (d = readdir(folder)) != NULL;) {
        int64_t collection;
        int end = 0;
        if (sscanf(d->d_name, "%18" SCNd64 "%n", &collection, &end) != 1 || d->d_name[end] != '\0')
            continue;
        LK_FREE char *cache = lk_path_join(path, d->d_name);
        if (cache != NULL && lk_slot_find(lk, collection) == NULL)
            lk_index_remove(cache);
    }
    closedir(folder);
}
