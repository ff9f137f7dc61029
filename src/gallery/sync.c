/* Keeping the indexes true to the store.
 *
 * The handle remembers the last face and the last removal that it has seen. Faces get their ids in commit order, so
 * everything newer has a larger id, whichever process wrote it. Faces are read before removals: a face that was
 * removed between the two readings is then taken out again, and one that was added and removed between them is never
 * met.
 *
 * The first reading begins where the caches end: at the least that all of them have, so a face may come that an index
 * has already, and is passed over. An index without a cache needs every face and no old removals, only to know where
 * they end, and that is looked up before the faces are read. When that is done each index must hold as many faces as
 * the store counts; one that does not had a cache that was wrong, and is made anew.
 *
 * A collection that changed its model (liken_upgrade) has one more in `generation`, and other descriptors, and perhaps
 * other faces, under ids that were read long ago. So each slot knows the generation that it is of and is made anew when
 * the store tells another; a face of another generation ends the reading before it gets in. A search asks for the slot
 * of the generation that its query was described for, and begins again when there is another (scope.c).
 *
 * What the store itself searches (place.c) is left out of all this; a collection that comes back from there is read
 * anew.
 *
 * For the normalized metric the index holds normalised copies; the store keeps what the network gave. The index calls a
 * face by its key (lk_face_key), which says whether it is weak. */
#include "gallery/gallery_int.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256
#define PROGRESS 100000 /* faces between two lines that say how far it is */

/* ---- faces ---- */

struct feed {
    liken *lk;
    liken_error *err;
    lk_slot *slot;       /* of the vectors that wait */
    const lk_slot *only; /* not NULL: just this one is fed, apart from the others */
    bool switched;       /* a face was of another generation than its slot, or has none yet, and the reading ended */
    int64_t removed;     /* a collection that is no more, and whose faces are therefore passed over */
    int64_t reached;     /* the last face that was read */
    int64_t until;       /* about the last one that there is; 0: not known */
    uint64_t read;
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
    f->slot->last = lk_key_face(f->ids[f->count - 1]);
    f->lk->fed += f->count;
    if (f->only == NULL)
        atomic_store(&f->lk->seen_face, f->slot->last);
    lk_saver_count(f->lk, f->slot, f->count);
    f->count = 0;
    return LIKEN_OK;
}

static int end_at_switch(struct feed *f) {
    f->switched = true;
    return lk_fail(f->err, LIKEN_E_BUSY, "A collection changes its model again and again; try again later.");
}

/* The slot of a collection's first face; NULL when the collection was removed meanwhile. One that has changed its model
 * may just have got faces back whose ids were passed long ago (follow_one). */
static int first_face(struct feed *f, int64_t collection) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc = lk_gallery_collection_of(f->lk, collection, &c, f->err);
    if (rc == LIKEN_OK && c != NULL && c->generation > 0)
        return end_at_switch(f);
    if (rc == LIKEN_OK && c != NULL)
        rc = lk_slot_new(f->lk, c, &f->slot, f->err);
    if (rc == LIKEN_OK && c != NULL)
        lk_slot_replace(f->lk, NULL, f->slot);
    return rc;
}

static int make_room(struct feed *f) {
    float *vectors = realloc(f->vectors, BATCH * (size_t)f->slot->dimension * sizeof *vectors);
    if (vectors == NULL)
        return lk_fail_memory(f->err);
    f->vectors = vectors;
    return LIKEN_OK;
}

/* Turns to a collection, with room for a batch of its vectors. */
static int turn_to(struct feed *f, int64_t collection) {
    int rc = flush_vectors(f);
    if (rc != LIKEN_OK)
        return rc;
    f->slot = lk_slot_find(f->lk, collection); /* only sync changes the list, and sync is what runs here */
    if (f->slot == NULL)
        rc = first_face(f, collection);
    if (rc != LIKEN_OK)
        return rc;
    if (f->slot == NULL) {
        f->removed = collection;
        return LIKEN_OK;
    }
    return make_room(f);
}

static void tell_progress(struct feed *f) {
    if (++f->read % PROGRESS != 0)
        return;
    const int64_t percent = f->until > 0 && f->reached < f->until ? 100 * f->reached / f->until : 100;
    lk_log(LIKEN_LOG_INFO, "The index is brought up to the store: %" PRIu64 " faces read, %" PRId64 " %%.", f->read,
           percent);
}

static int take_vector(void *ctx, const lk_store_vector *v) {
    struct feed *f = ctx;
    int rc = LIKEN_OK;
    f->reached = v->id;
    tell_progress(f);
    if (v->collection == f->removed || (f->only != NULL && v->collection != f->only->collection))
        return LIKEN_OK;
    if (f->slot == NULL || f->slot->collection != v->collection)
        rc = turn_to(f, v->collection);
    if (rc == LIKEN_OK && f->slot != NULL && v->generation >= 0 && v->generation != f->slot->generation)
        return end_at_switch(f);
    if (rc != LIKEN_OK || f->slot == NULL || v->id <= f->slot->last)
        return rc;
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
    f->ids[f->count++] = lk_face_key(v->id, v->weak);
    return f->count == BATCH ? flush_vectors(f) : LIKEN_OK;
}

/* The collections of which nothing is read: those that the store searches, or, where `only` is given, all others. */
static int left_out(liken *lk, const lk_slot *only, int64_t **out, size_t *count, liken_error *err) {
    liken_collection **list = NULL;
    size_t n = 0;
    int rc = only == NULL ? LIKEN_OK : lk->store->ops->collections->list(lk->store, &list, &n, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t room = only == NULL ? lk->remote_count : n;
    int64_t *ids = malloc((room + 1) * sizeof *ids);
    size_t kept = 0;
    for (size_t i = 0; ids != NULL && i < room; i++)
        if (only == NULL || list[i]->id != only->collection)
            ids[kept++] = only == NULL ? lk->remote[i] : list[i]->id;
    liken_collections_free(list, n);
    if (ids == NULL)
        return lk_fail_memory(err);
    *out = ids;
    *count = kept;
    return LIKEN_OK;
}

static int read_feed(liken *lk, struct feed *f, liken_error *err) {
    const lk_store_ops *ops = lk->store->ops;
    if (ops->searching == NULL)
        return ops->feed->vectors_after(lk->store, f->reached, take_vector, f, err);
    LK_FREE int64_t *out = NULL;
    size_t count = 0;
    const int rc = left_out(lk, f->only, &out, &count, err);
    return rc == LIKEN_OK ? ops->searching->vectors_except(lk->store, f->reached, out, count, take_vector, f, err) : rc;
}

/* Feeds all slots what they have not seen, or, where `only` is given, that one slot everything. *switched: it failed
 * where a slot turned out to be of an earlier generation. */
static int read_faces(liken *lk, lk_slot *only, int64_t until, bool *switched, liken_error *err) {
    struct feed *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    f->lk = lk;
    f->err = err;
    f->slot = only;
    f->only = only;
    f->until = until;
    f->reached = only == NULL ? atomic_load(&lk->seen_face) : 0;
    int rc = only == NULL ? LIKEN_OK : make_room(f);
    if (rc == LIKEN_OK)
        rc = read_feed(lk, f, err);
    if (rc == LIKEN_OK)
        rc = flush_vectors(f);
    if (rc == LIKEN_OK && only == NULL)
        atomic_store(&lk->seen_face, f->reached);
    *switched = f->switched;
    free(f->vectors);
    free(f);
    return rc;
}

/* ---- making an index anew ---- */

#define SWITCHES 5 /* of a collection, while it is read, before that is given up */

/* One attempt of build. *switched: there has to be another. */
static int build_once(liken *lk, int64_t collection, lk_slot *old, const char *reason, lk_slot **out, bool *switched,
                      liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    lk_slot *s = NULL;
    *switched = false;
    int rc = lk_gallery_collection_of(lk, collection, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    if (c != NULL) {
        const bool damaged = old != NULL && old->generation == c->generation;
        lk_log(damaged ? LIKEN_LOG_WARN : LIKEN_LOG_INFO,
               "The index of collection \"%s\" is made anew from the store (%lld faces): %s.", c->name,
               (long long)c->faces, reason);
        if (old != NULL)
            lk_index_discard(old->index);
        rc = lk_slot_new(lk, c, &s, err);
        if (rc == LIKEN_OK && damaged)
            (void)snprintf(s->trouble, sizeof s->trouble, "%s", reason);
    }
    if (rc == LIKEN_OK && s != NULL)
        rc = read_faces(lk, s, 0, switched, err);
    if (rc != LIKEN_OK) {
        lk_gallery_slot_drop(lk, s);
        return rc;
    }
    *out = s;
    return LIKEN_OK;
}

/* A slot for the list, complete: it holds the faces of now, and thereby also removals that are still to be read. *out:
 * NULL when the collection was removed meanwhile. */
static int build(liken *lk, int64_t collection, lk_slot *old, const char *reason, lk_slot **out, liken_error *err) {
    bool switched = true;
    int rc = LIKEN_OK;
    for (int i = 0; switched && i < SWITCHES; i++)
        rc = build_once(lk, collection, old, reason, out, &switched, err);
    return rc;
}

static int rebuild(liken *lk, lk_slot *old, const char *reason, liken_error *err) {
    lk_slot *s = NULL;
    const int rc = build(lk, old->collection, old, reason, &s, err);
    if (rc == LIKEN_OK)
        lk_slot_replace(lk, old, s);
    return rc;
}

static int rebuild_spoilt(liken *lk, liken_error *err) {
    int rc = LIKEN_OK;
    for (lk_slot *s = lk->slots, *next; rc == LIKEN_OK && s != NULL; s = next) {
        next = s->next;
        if (s->spoilt)
            rc = rebuild(lk, s, "its cache is damaged", err);
    }
    return rc;
}

/* The slot of a collection, if there is one, is to be of the generation that the collection has. One without a slot may
 * have got faces whose ids were passed long ago. */
static int follow_one(liken *lk, const liken_collection *c, liken_error *err) {
    static const char reason[] = "its faces are described by another model now";
    lk_slot *old = lk_slot_find(lk, c->id), *s = NULL;
    if (old != NULL ? old->generation == c->generation
                    : c->generation == 0 || c->faces == 0 || lk_place_is_remote(lk, c->id))
        return LIKEN_OK;
    const int rc = build(lk, c->id, old, reason, &s, err);
    if (rc == LIKEN_OK && (old != NULL || s != NULL))
        lk_slot_replace(lk, old, s);
    return rc;
}

static int follow_switches(liken *lk, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = follow_one(lk, list[i], err);
    liken_collections_free(list, count);
    return rc;
}

static int read_news(liken *lk, int64_t until, liken_error *err) {
    bool switched = true;
    int rc = LIKEN_OK;
    for (int i = 0; switched && i < SWITCHES; i++) {
        switched = false;
        rc = follow_switches(lk, err);
        if (rc == LIKEN_OK)
            rc = read_faces(lk, NULL, until, &switched, err);
    }
    return rc;
}

int lk_gallery_mend(liken *lk, lk_slot **slot, liken_error *err) {
    const int64_t collection = (*slot)->collection;
    int rc = LIKEN_OK;
    pthread_mutex_lock(&lk->sync_lock);
    if (lk_slot_find(lk, collection) == *slot) { /* else another thread has done it */
        (*slot)->spoilt = true;
        rc = rebuild_spoilt(lk, err);
    }
    pthread_mutex_unlock(&lk->sync_lock);
    if (rc != LIKEN_OK)
        return rc;
    lk_gallery_slot_drop(lk, *slot);
    *slot = lk_gallery_slot_take(lk, collection);
    return LIKEN_OK;
}

/* ---- removals ---- */

struct removals {
    liken *lk;
    liken_error *err;
    bool begun;
    size_t count;
    int64_t last, keys[BATCH];
};

_Static_assert(BATCH % 2 == 0, "a removal takes two keys");

/* A collection that was removed goes as a whole; its faces' removals, which come bit by bit, are then nobody's. */
static int drop_removed(liken *lk, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    const int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    for (lk_slot *s = lk->slots, *next; s != NULL; s = next) {
        next = s->next;
        bool listed = false;
        for (size_t i = 0; i < count && !listed; i++)
            listed = list[i]->id == s->collection;
        if (!listed)
            lk_slot_replace(lk, s, NULL);
    }
    liken_collections_free(list, count);
    return LIKEN_OK;
}

static int flush_removals(struct removals *r) {
    for (lk_slot *s = r->count == 0 ? NULL : r->lk->slots; s != NULL; s = s->next) {
        const size_t before = lk_index_size(s->index);
        const int rc = lk_index_delete(s->index, r->keys, r->count, r->err);
        if (rc == LIKEN_E_STORE)
            s->spoilt = true;
        else if (rc != LIKEN_OK)
            return rc;
        if (lk_index_size(s->index) != before)
            lk_saver_count(r->lk, s, before - lk_index_size(s->index));
    }
    r->count = 0;
    atomic_store(&r->lk->seen_deletion, r->last);
    return LIKEN_OK;
}

static int take_removal(void *ctx, int64_t seq, int64_t face) {
    struct removals *r = ctx;
    const int rc = r->begun ? LIKEN_OK : drop_removed(r->lk, r->err);
    if (rc != LIKEN_OK)
        return rc;
    r->begun = true;
    r->keys[r->count++] = lk_face_key(face, false); /* of which class it was is not told */
    r->keys[r->count++] = lk_face_key(face, true);
    r->last = seq;
    return r->count == BATCH ? flush_removals(r) : LIKEN_OK;
}

/* Searches under way keep their slot. */
static void drop_empty(liken *lk) {
    for (lk_slot *s = lk->slots, *next; s != NULL; s = next) {
        next = s->next;
        if (lk_index_size(s->index) == 0 && !s->spoilt)
            lk_slot_replace(lk, s, NULL);
    }
}

static int read_removals(liken *lk, liken_error *err) {
    const int64_t before = atomic_load(&lk->seen_deletion);
    struct removals r = {.lk = lk, .err = err, .last = before};
    int rc = lk->store->ops->feed->deletions_after(lk->store, before, take_removal, &r, err);
    if (rc == LIKEN_OK)
        rc = flush_removals(&r);
    if (atomic_load(&lk->seen_deletion) != before)
        drop_empty(lk);
    return rc;
}

/* ---- the beginning ---- */

/* Does the newest face of a cache look as the store has it? One that was removed since says nothing. */
static int newest_is_right(liken *lk, lk_slot *s, bool *right, liken_error *err) {
    const size_t dimension = (size_t)s->dimension;
    LK_FREE float *cached = malloc(2 * dimension * sizeof *cached);
    liken_face *face = NULL;
    int64_t id = 0, home = 0;
    if (cached == NULL)
        return lk_fail_memory(err);
    int rc = lk_index_newest(s->index, &id, cached, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->faces->get(lk->store, NULL, lk_key_face(id), &face, NULL, &home, err);
    if (rc == LIKEN_OK) {
        float *stored = cached + dimension;
        *right = home == s->collection && face->dimension == s->dimension && face->weak == lk_key_weak(id);
        if (*right && s->metric == LIKEN_NORMALIZED)
            (void)lk_vector_normalize(face->descriptor, dimension, stored);
        else if (*right)
            memcpy(stored, face->descriptor, dimension * sizeof *stored);
        *right = *right && memcmp(cached, stored, dimension * sizeof *stored) == 0;
    }
    liken_face_free(face);
    return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
}

/* Whether a cache tells of this store's past: not when the store was restored from a backup, and is behind it or has
 * gone another way since. */
static int check_cache(liken *lk, lk_slot *s, int64_t face, int64_t removal, liken_error *err) {
    bool right = true;
    if (s->last > face || s->change > removal)
        return rebuild(lk, s, "its cache is ahead of the store", err);
    const int rc = newest_is_right(lk, s, &right, err);
    if (rc == LIKEN_E_STORE)
        return rebuild(lk, s, "its cache is damaged", err);
    return rc == LIKEN_OK && !right ? rebuild(lk, s, "its cache is of another store", err) : rc;
}

static int check_caches(liken *lk, int64_t face, int64_t removal, liken_error *err) {
    int rc = LIKEN_OK;
    for (lk_slot *s = lk->slots, *next; rc == LIKEN_OK && s != NULL; s = next) {
        next = s->next;
        if (s->cached)
            rc = check_cache(lk, s, face, removal, err);
    }
    return rc;
}

static int open_slots(liken *lk, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        lk_slot *s = NULL;
        if (list[i]->faces == 0 || lk_place_is_remote(lk, list[i]->id))
            continue; /* what an empty one gets has a larger id than any cache knows */
        rc = lk_slot_open(lk, list[i], &s, err);
        if (rc != LIKEN_OK)
            break;
        lk_slot_replace(lk, NULL, s);
        if (!s->cached)
            lk_log(LIKEN_LOG_INFO, "The index of collection \"%s\" is built from the store: %lld faces.", list[i]->name,
                   (long long)list[i]->faces);
    }
    liken_collections_free(list, count);
    return rc;
}

/* Which collections the store searches may change with every commit. One that comes back from there gets its index
 * before its new faces are read. */
static int settle_places(liken *lk, liken_error *err) {
    LK_FREE int64_t *joined = NULL;
    size_t count = 0;
    int rc = lk->store->ops->searching == NULL ? LIKEN_OK : lk_place_settle(lk, &joined, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        lk_slot *s = NULL;
        rc = build(lk, joined[i], NULL, "it is searched in memory now", &s, err);
        if (rc == LIKEN_OK && s != NULL)
            lk_slot_replace(lk, NULL, s);
        if (rc == LIKEN_OK)
            lk_place_leave(lk, joined[i]);
    }
    return rc;
}

/* Opens the caches and sets the cursors to where the least of them ends, and no further than the store's feed went
 * before: a collection that had no faces may get some at any moment. *end: where the feed ends now. */
static int prime(liken *lk, int64_t *end, liken_error *err) {
    int64_t first = 0, removal = 0, last_removal = 0;
    int rc = lk->store->ops->feed->marks(lk->store, &first, &removal, err);
    if (rc == LIKEN_OK)
        rc = settle_places(lk, err);
    if (rc == LIKEN_OK)
        rc = open_slots(lk, err);
    if (rc == LIKEN_OK) /* once more: the caches may have grown meanwhile */
        rc = lk->store->ops->feed->marks(lk->store, end, &last_removal, err);
    if (rc == LIKEN_OK)
        rc = check_caches(lk, *end, last_removal, err);
    if (rc != LIKEN_OK) {
        lk_gallery_slots_free(lk);
        return rc;
    }
    for (const lk_slot *s = lk->slots; s != NULL; s = s->next) {
        first = s->last < first ? s->last : first;
        removal = s->cached && s->change < removal ? s->change : removal;
    }
    atomic_store(&lk->seen_face, first);
    atomic_store(&lk->seen_deletion, removal);
    if (!lk->read_only)
        lk_cache_clean(lk);
    lk->primed = true;
    return LIKEN_OK;
}

/* Whether the caches were right. Says nothing when faces came or went since these were the ends of the feed: then the
 * counts are of different moments. */
static int verify(liken *lk, int64_t face, int64_t removal, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    int64_t face_now = 0, removal_now = 0;
    int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk->store->ops->feed->marks(lk->store, &face_now, &removal_now, err);
    const bool same = face_now == face && removal_now == removal;
    for (size_t i = 0; rc == LIKEN_OK && same && i < count; i++) {
        lk_slot *s = lk_slot_find(lk, list[i]->id);
        if (s != NULL && s->cached && lk_index_size(s->index) != (size_t)list[i]->faces)
            rc = rebuild(lk, s, "its cache does not hold what the store holds", err);
    }
    liken_collections_free(list, count);
    return rc;
}

static int catch_up(liken *lk, int64_t until, liken_error *err) {
    int rc = settle_places(lk, err);
    if (rc == LIKEN_OK)
        rc = read_news(lk, until, err);
    if (rc == LIKEN_OK)
        rc = read_removals(lk, err);
    if (rc == LIKEN_OK && lk->remote_count > 0)
        lk_chore_ask(lk->tender);
    return rc == LIKEN_OK ? rebuild_spoilt(lk, err) : rc;
}

static int begin(liken *lk, liken_error *err) {
    const double start = lk_clock_monotonic();
    int64_t until = 0, face = 0, removal = 0;
    size_t size = 0;
    int rc = lk->primed ? LIKEN_OK : prime(lk, &until, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->feed->marks(lk->store, &face, &removal, err);
    if (rc == LIKEN_OK)
        rc = catch_up(lk, until, err);
    if (rc == LIKEN_OK)
        rc = verify(lk, face, removal, err);
    if (rc != LIKEN_OK)
        return rc;
    for (const lk_slot *s = lk->slots; s != NULL; s = s->next)
        size += lk_index_size(s->index);
    lk_log(LIKEN_LOG_INFO, "The index is ready: %zu faces, %" PRIu64 " read from the store, %.3f s.", size, lk->fed,
           lk_clock_monotonic() - start);
    lk->begun = true;
    return LIKEN_OK;
}

static int sync_all(liken *lk, bool always, liken_error *err) {
    int64_t version = 0;
    pthread_mutex_lock(&lk->sync_lock);
    /* asked again under the lock: another thread may have caught up meanwhile; and asked before reading, so that
     * a commit during the reading is noticed by the next call */
    int rc = lk->store->ops->feed->version(lk->store, &version, err);
    if (rc == LIKEN_OK && (always || version != atomic_load(&lk->seen_version))) {
        rc = lk->begun ? catch_up(lk, 0, err) : begin(lk, err);
        if (rc == LIKEN_OK)
            atomic_store(&lk->seen_version, version);
    }
    pthread_mutex_unlock(&lk->sync_lock);
    return rc;
}

int lk_gallery_sync(liken *lk, liken_error *err) {
    int64_t version = 0;
    const int rc = lk->store->ops->feed->version(lk->store, &version, err);
    if (rc != LIKEN_OK || version == atomic_load(&lk->seen_version))
        return rc;
    return sync_all(lk, false, err);
}

int lk_gallery_sync_now(liken *lk, liken_error *err) {
    return sync_all(lk, true, err);
}

void lk_gallery_sync_after_write(liken *lk) {
    liken_error err;
    if (!lk->no_models && lk_gallery_sync(lk, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "The index could not follow the store; the next search tries again. %s", err.message);
}
