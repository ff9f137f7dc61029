/* Collections: each has one model and one metric for life, so everything inside it can be compared. */
#include "gallery/gallery_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "packs/pack.h"

#include <stdlib.h>
#include <string.h>

#define ERASE_SECONDS 2.0 /* for which a removal erases itself what a thread in the background can do */

void lk_collection_cleanup(liken_collection **c) {
    liken_collection_free(*c);
}

static int check_name(const char *name, liken_error *err) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const size_t length = name == NULL ? 0 : strnlen(name, LK_NAME_MAX + 1);
    if (length == 0 || length > LK_NAME_MAX || name[0] == '.' || strspn(name, allowed) != length)
        return lk_fail(err, LIKEN_E_ARG,
                       "A collection's name is 1 to %d of A-Z a-z 0-9 . _ - and does not start with a dot.",
                       LK_NAME_MAX);
    return LIKEN_OK;
}

int lk_gallery_collection(liken *lk, const char *name, liken_collection **out, liken_error *err) {
    if (name == NULL)
        name = LK_DEFAULT_COLLECTION;
    int rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK)
        rc = check_name(name, err);
    return rc == LIKEN_OK ? lk->store->ops->collections->get(lk->store, name, out, err) : rc;
}

int lk_gallery_collection_of(liken *lk, int64_t id, liken_collection **out, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    const int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        if (list[i]->id != id)
            continue;
        *out = list[i];
        list[i] = NULL;
    }
    liken_collections_free(list, count);
    return LIKEN_OK;
}

static int check_keep(liken_keep keep, liken_error *err) {
    if (keep >= LIKEN_KEEP_NOTHING && keep <= LIKEN_KEEP_ORIGINAL)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_ARG, "A collection keeps nothing, thumbnail, preview or original.");
}

static int create(liken *lk, const char *name, const char *pack, liken_metric metric, liken_keep keep,
                  liken_collection **out, liken_error *err) {
    lk_engine *engine;
    int rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK)
        rc = check_name(name, err);
    if (rc == LIKEN_OK && metric != LIKEN_NORMALIZED && metric != LIKEN_L2)
        rc = lk_fail(err, LIKEN_E_ARG, "A collection's metric is normalized or l2.");
    if (rc == LIKEN_OK)
        rc = check_keep(keep, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_engine(lk, pack, &engine, err);
    if (rc == LIKEN_OK)
        rc = lk_models_comparable(engine->models, metric, err);
    if (rc != LIKEN_OK)
        return rc;
    if (lk->pack_is_poor && lk_pack_is_auto(pack))
        lk_log(LIKEN_LOG_WARN, "%s", lk->pack_note);
    LK_COLLECTION liken_collection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lk_fail_memory(err);
    c->name = strdup(name);
    c->model = strdup(lk_models_id(engine->models));
    c->dimension = lk_models_dimension(engine->models);
    c->metric = metric;
    c->threshold = lk_models_calibration(engine->models, metric)->threshold;
    c->created_at = lk_clock_now();
    c->keep = keep;
    if (c->name == NULL || c->model == NULL)
        return lk_fail_memory(err);
    rc = lk->store->ops->collections->create(lk->store, c, err);
    if (rc == LIKEN_OK) {
        *out = c;
        c = NULL;
    }
    return rc;
}

int lk_gallery_make_default(liken *lk, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc = lk_gallery_collection(lk, NULL, &c, err);
    if (rc != LIKEN_E_NOT_FOUND)
        return rc;
    lk_engine *engine;
    rc = lk_gallery_engine(lk, NULL, &engine, err);
    if (rc == LIKEN_OK)
        rc = create(lk, LK_DEFAULT_COLLECTION, NULL, lk_models_metric(engine->models), LIKEN_KEEP_THUMBNAIL, &c, err);
    return rc == LIKEN_E_CONFLICT ? LIKEN_OK : rc; /* another process was quicker */
}

/* Where one process does the work that another's searches need, it is done when this returns; else by the tender. */
static int set_search(liken *lk, liken_collection *c, int to, liken_error *err) {
    const liken_search search = (liken_search)to;
    if (search < LIKEN_SEARCH_AUTO || search > LIKEN_SEARCH_HNSW)
        return lk_fail(err, LIKEN_E_ARG, "A collection is searched by auto, memory, cube, pgvector or hnsw.");
    const int rc = lk->store->ops->collections->search_set(lk->store, c->id, search, err);
    if (rc != LIKEN_OK)
        return rc;
    c->search = search;
    if (lk->no_models && lk->store->ops->searching != NULL)
        return lk_tend(lk, err);
    lk_gallery_sync_after_write(lk);
    lk_chore_ask(lk->tender);
    return LIKEN_OK;
}

/* What a removed collection held. The thread in the background does what takes long; without one all is done here. */
static int erase(liken *lk, liken_error *err) {
    const double end = lk_clock_monotonic() + ERASE_SECONDS;
    bool more = lk->store->ops->erasing != NULL;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && more && (lk->eraser == NULL || lk_clock_monotonic() < end))
        rc = lk->store->ops->erasing->step(lk->store, &more, err);
    if (lk->eraser == NULL || (rc == LIKEN_OK && !more))
        return rc;
    lk_chore_ask(lk->eraser);
    return LIKEN_OK;
}

/* One that cannot be searched as it should is not made. */
static int create_searched(liken *lk, const char *name, const char *pack, liken_metric metric, liken_search search,
                           liken_keep keep, liken_collection **out, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc = create(lk, name, pack, metric, keep, &c, err);
    if (rc == LIKEN_OK && search != LIKEN_SEARCH_AUTO) {
        rc = set_search(lk, c, (int)search, err);
        if (rc != LIKEN_OK && lk->store->ops->collections->remove(lk->store, c->id, false, NULL) == LIKEN_OK)
            (void)erase(lk, NULL);
    }
    if (rc == LIKEN_OK) {
        *out = c;
        c = NULL;
    }
    return rc;
}

int liken_collection_create(liken *lk, const liken_call *call, const char *name, const char *pack, liken_metric metric,
                            liken_search search, liken_keep keep, liken_collection **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = create_searched(lk, name, pack, metric, search, keep, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* Lets `set` change a collection in one thing, and hands it over as it is then. */
static int change(liken *lk, const liken_call *call, const char *name,
                  int (*set)(liken *lk, liken_collection *c, int to, liken_error *err), int to, liken_collection **out,
                  liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, name, &c, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_may_write(lk, err);
    if (rc == LIKEN_OK)
        rc = set(lk, c, to, err);
    lk_gallery_leave(lk, &k);
    if (rc == LIKEN_OK) {
        *out = c;
        c = NULL;
    }
    return rc;
}

int liken_collection_set_search(liken *lk, const liken_call *call, const char *name, liken_search search,
                                liken_collection **out, liken_error *err) {
    return change(lk, call, name, set_search, (int)search, out, err);
}

/* What is kept beyond that is erased before this returns. An earlier call may have been cut off in the middle of that,
 * so it is looked for whatever was kept until now. */
static int set_keep(liken *lk, liken_collection *c, int to, liken_error *err) {
    const liken_keep keep = (liken_keep)to;
    const lk_store_pictures *ops = lk->store->ops->pictures;
    bool more = true;
    int rc = check_keep(keep, err);
    if (rc == LIKEN_OK && ops == NULL)
        rc = lk_fail(err, LIKEN_E_UNSUPPORTED, "A legacy table has no room for pictures.");
    if (rc == LIKEN_OK)
        rc = ops->keep(lk->store, c->id, keep, err);
    while (rc == LIKEN_OK && more) {
        rc = lk_call_check(err);
        rc = rc != LIKEN_OK ? rc : ops->trim(lk->store, c->id, &more, err);
    }
    c->keep = keep;
    return rc;
}

int liken_collection_set_keep(liken *lk, const liken_call *call, const char *name, liken_keep keep,
                              liken_collection **out, liken_error *err) {
    return change(lk, call, name, set_keep, (int)keep, out, err);
}

int liken_collection_get(liken *lk, const liken_call *call, const char *name, liken_collection **out,
                         liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, name, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

int liken_collection_list(liken *lk, const liken_call *call, liken_collection ***out, size_t *count, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->collections->list(lk->store, out, count, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* What this process and no other one had open. */
static void remove_cache(const liken *lk, int64_t collection) {
    LK_FREE char *folder = lk_cache_folder(lk, collection);
    if (folder != NULL)
        lk_index_remove(folder);
}

int liken_collection_remove(liken *lk, const liken_call *call, const char *name, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, name, &c, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->collections->remove(lk->store, c->id, strcmp(c->name, LK_DEFAULT_COLLECTION) == 0, err);
    if (rc == LIKEN_OK) {
        rc = erase(lk, err);
        if (rc != LIKEN_OK)
            lk_error_prefix(err, "The collection is removed, but not all of it is erased yet; a server does the rest");
        lk_gallery_sync_after_write(lk);
        remove_cache(lk, c->id);
    }
    lk_gallery_leave(lk, &k);
    return rc;
}
