/* Keeping the indexes true to the store.
 *
 * The handle remembers the last face and the last removal that it has seen. Faces get their ids in commit order, so
 * everything newer has a larger id, whichever process wrote it. Faces are read before removals: a face that was
 * removed between the two readings is then taken out again, and one that was added and removed between them is never
 * met. The first reading needs no old removals, only to know where they end, and that is looked up before the
 * faces are read.
 *
 * For the normalized metric the index holds normalised copies; the store keeps what the network gave. */
#include "gallery/gallery_int.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 256

/* ---- slots ---- */

static lk_slot *slot_find(liken *lk, int64_t collection) {
    lk_slot *s = lk->slots;
    while (s != NULL && s->collection != collection)
        s = s->next;
    return s;
}

lk_slot *lk_gallery_slot_take(liken *lk, int64_t collection) {
    pthread_mutex_lock(&lk->slot_lock);
    lk_slot *s = slot_find(lk, collection);
    if (s != NULL)
        s->users++;
    pthread_mutex_unlock(&lk->slot_lock);
    return s;
}

void lk_gallery_slot_drop(liken *lk, lk_slot *slot) {
    if (slot == NULL)
        return;
    pthread_mutex_lock(&lk->slot_lock);
    const bool last = --slot->users == 0;
    pthread_mutex_unlock(&lk->slot_lock);
    if (!last)
        return;
    lk_index_free(slot->index);
    free(slot);
}

void lk_gallery_slots_free(liken *lk) {
    while (lk->slots != NULL) {
        lk_slot *s = lk->slots;
        lk->slots = s->next;
        lk_gallery_slot_drop(lk, s);
    }
}

static int slot_new(liken *lk, int64_t collection, liken_metric metric, int dimension, lk_slot **out,
                    liken_error *err) {
    lk_slot *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    *s = (lk_slot){.collection = collection, .metric = metric, .dimension = dimension, .users = 1};
    const int rc = lk_index_new(&s->index, dimension, err);
    if (rc != LIKEN_OK) {
        free(s);
        return rc;
    }
    pthread_mutex_lock(&lk->slot_lock);
    s->next = lk->slots;
    lk->slots = s;
    pthread_mutex_unlock(&lk->slot_lock);
    *out = s;
    return LIKEN_OK;
}

/* Takes slots without faces out of the list; searches under way keep theirs. */
static void drop_empty(liken *lk) {
    lk_slot *empty = NULL;
    pthread_mutex_lock(&lk->slot_lock);
    for (lk_slot **at = &lk->slots; *at != NULL;) {
        lk_slot *s = *at;
        if (lk_index_size(s->index) > 0) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        s->next = empty;
        empty = s;
    }
    pthread_mutex_unlock(&lk->slot_lock);
    while (empty != NULL) {
        lk_slot *next = empty->next;
        lk_gallery_slot_drop(lk, empty);
        empty = next;
    }
}

/* ---- faces ---- */

struct feed {
    liken *lk;
    liken_error *err;
    lk_slot *slot;   /* of the vectors that wait */
    int64_t removed; /* a collection that is no more, and whose faces are therefore passed over */
    size_t count;
    int64_t ids[BATCH];
    float *vectors;
};

static int flush_vectors(struct feed *f) {
    if (f->count == 0)
        return LIKEN_OK;
    const int rc = lk_index_add(f->slot->index, f->ids, f->vectors, f->count, f->err);
    if (rc != LIKEN_OK)
        return rc;
    f->lk->seen_face = f->ids[f->count - 1];
    f->count = 0;
    return LIKEN_OK;
}

static int collection_metric(liken *lk, int64_t id, liken_metric *metric, bool *found, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    const int rc = lk->store->ops->collection_list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    *found = false;
    for (size_t i = 0; i < count; i++) {
        if (list[i]->id != id)
            continue;
        *found = true;
        *metric = list[i]->metric;
    }
    liken_collections_free(list, count);
    return LIKEN_OK;
}

/* Turns to the collection of `v`, with room for a batch of its vectors. */
static int turn_to(struct feed *f, const lk_store_vector *v) {
    int rc = flush_vectors(f);
    if (rc != LIKEN_OK)
        return rc;
    bool found = true;
    liken_metric metric = LIKEN_NORMALIZED;
    f->slot = slot_find(f->lk, v->collection); /* only sync changes the list, and sync is what runs here */
    if (f->slot == NULL)
        rc = collection_metric(f->lk, v->collection, &metric, &found, f->err);
    if (rc == LIKEN_OK && !found)
        f->removed = v->collection;
    if (rc == LIKEN_OK && found && f->slot == NULL)
        rc = slot_new(f->lk, v->collection, metric, v->dimension, &f->slot, f->err);
    if (rc != LIKEN_OK || f->slot == NULL)
        return rc;
    float *vectors = realloc(f->vectors, BATCH * (size_t)f->slot->dimension * sizeof *vectors);
    if (vectors == NULL)
        return lk_fail_memory(f->err);
    f->vectors = vectors;
    return LIKEN_OK;
}

static int take_vector(void *ctx, const lk_store_vector *v) {
    struct feed *f = ctx;
    int rc = LIKEN_OK;
    if (v->collection != f->removed && (f->slot == NULL || f->slot->collection != v->collection))
        rc = turn_to(f, v);
    if (rc != LIKEN_OK)
        return rc;
    if (v->collection == f->removed) {
        rc = flush_vectors(f);
        if (rc == LIKEN_OK)
            f->lk->seen_face = v->id;
        return rc;
    }
    const size_t dimension = (size_t)f->slot->dimension;
    if (v->dimension != f->slot->dimension)
        return lk_fail(f->err, LIKEN_E_STORE,
                       "Face %lld has %d numbers where its collection has %zu; run liken doctor.", (long long)v->id,
                       v->dimension, dimension);
    float *to = f->vectors + f->count * dimension;
    if (f->slot->metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(v->descriptor, dimension, to); /* one without direction stays as it is: near nobody */
    else
        memcpy(to, v->descriptor, dimension * sizeof *to);
    f->ids[f->count++] = v->id;
    return f->count == BATCH ? flush_vectors(f) : LIKEN_OK;
}

static int read_faces(liken *lk, liken_error *err) {
    struct feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    f->lk = lk;
    f->err = err;
    int rc = lk->store->ops->vectors_after(lk->store, lk->seen_face, take_vector, f, err);
    if (rc == LIKEN_OK)
        rc = flush_vectors(f);
    free(f->vectors);
    free(f);
    return rc;
}

/* ---- removals ---- */

struct removals {
    liken *lk;
    liken_error *err;
    size_t count;
    int64_t last, faces[BATCH];
};

static int flush_removals(struct removals *r) {
    for (lk_slot *s = r->count == 0 ? NULL : r->lk->slots; s != NULL; s = s->next) {
        const int rc = lk_index_delete(s->index, r->faces, r->count, r->err);
        if (rc != LIKEN_OK)
            return rc;
    }
    r->count = 0;
    r->lk->seen_deletion = r->last;
    return LIKEN_OK;
}

static int take_removal(void *ctx, int64_t seq, int64_t face) {
    struct removals *r = ctx;
    r->faces[r->count++] = face;
    r->last = seq;
    return r->count == BATCH ? flush_removals(r) : LIKEN_OK;
}

static int read_removals(liken *lk, liken_error *err) {
    struct removals r = {.lk = lk, .err = err, .last = lk->seen_deletion};
    const int64_t before = lk->seen_deletion;
    int rc = lk->store->ops->deletions_after(lk->store, before, take_removal, &r, err);
    if (rc == LIKEN_OK)
        rc = flush_removals(&r);
    if (lk->seen_deletion != before)
        drop_empty(lk);
    return rc;
}

static int only_count(void *ctx, int64_t seq, int64_t face) {
    (void)face;
    *(int64_t *)ctx = seq;
    return LIKEN_OK;
}

/* ---- both ---- */

static int catch_up(liken *lk, liken_error *err) {
    int rc = LIKEN_OK;
    if (!lk->primed)
        rc = lk->store->ops->deletions_after(lk->store, 0, only_count, &lk->seen_deletion, err);
    if (rc == LIKEN_OK) {
        lk->primed = true;
        rc = read_faces(lk, err);
    }
    return rc == LIKEN_OK ? read_removals(lk, err) : rc;
}

int lk_gallery_sync(liken *lk, liken_error *err) {
    int64_t version = 0;
    int rc = lk->store->ops->version(lk->store, &version, err);
    if (rc != LIKEN_OK || version == atomic_load(&lk->seen_version))
        return rc;
    pthread_mutex_lock(&lk->sync_lock);
    /* asked again under the lock: another thread may have caught up meanwhile; and asked before reading, so that
     * a commit during the reading is noticed by the next call */
    rc = lk->store->ops->version(lk->store, &version, err);
    if (rc == LIKEN_OK && version != atomic_load(&lk->seen_version)) {
        rc = catch_up(lk, err);
        if (rc == LIKEN_OK)
            atomic_store(&lk->seen_version, version);
    }
    pthread_mutex_unlock(&lk->sync_lock);
    return rc;
}

void lk_gallery_sync_after_write(liken *lk) {
    liken_error err;
    if (!lk->no_models && lk_gallery_sync(lk, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "The index could not follow the store; the next search tries again. %s", err.message);
}
