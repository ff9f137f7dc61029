/* What is asked of a search, resolved once: collection, threshold, filters. */
#include "gallery/search_int.h"

#include "base/sized.h"
#include "store/codec.h"

#include <math.h>
#include <stdlib.h>

static int check_options(const liken_search_options *o, liken_error *err) {
    if (o->distinct == LIKEN_DISTINCT_PERSON)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "This liken does not know people yet; use distinct=image or distinct=face.");
    if (o->distinct != LIKEN_DISTINCT_FACE && o->distinct != LIKEN_DISTINCT_IMAGE)
        return lk_fail(err, LIKEN_E_ARG, "distinct is face or image.");
    if (o->limit < 0 || o->limit > LK_MATCHES_MAX)
        return lk_fail(err, LIKEN_E_ARG, "limit is %d; use 1 to %d.", o->limit, LK_MATCHES_MAX);
    if (!(o->threshold >= 0))
        return lk_fail(err, LIKEN_E_ARG, "The threshold is a distance, 0 or more.");
    if (!(o->max_false_matches >= 0) || isinf(o->max_false_matches))
        return lk_fail(err, LIKEN_E_ARG, "max_false_matches is a number above 0.");
    if (o->threshold > 0 && o->max_false_matches > 0)
        return lk_fail(err, LIKEN_E_ARG, "Give threshold or max_false_matches, not both: each decides the other.");
    if (!(o->max_threshold >= 0))
        return lk_fail(err, LIKEN_E_ARG, "max_threshold is a distance, 0 or more.");
    for (size_t i = 0; i < o->tag_count; i++) {
        if (o->tags[i] == NULL)
            return lk_fail(err, LIKEN_E_ARG, "A tag is missing its text.");
    }
    return LIKEN_OK;
}

int lk_scope_open(lk_scope *s, liken *lk, const liken_search_options *options, liken_error *err) {
    *s = (lk_scope){.lk = lk, .exact = true, .recall = 1, .attempts = s->attempts};
    s->options = &s->asked;
    int rc = lk_sized_take(&s->asked, sizeof s->asked, options, "liken_search_options", err);
    if (rc == LIKEN_OK)
        rc = check_options(s->options, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, s->options->collection, &s->collection, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_engine_for(lk, s->collection, &s->engine, err);
    if (rc != LIKEN_OK)
        return rc;
    if (s->asked.one_per_photo)
        s->asked.distinct = LIKEN_DISTINCT_IMAGE;
    s->limit = s->options->limit == 0 ? LK_DEFAULT_MATCHES : (size_t)s->options->limit;
    return LIKEN_OK;
}

void lk_scope_close(lk_scope *s) {
    lk_gallery_slot_drop(s->lk, s->slot);
    liken_collection_free(s->collection);
    free(s->allowed);
}

#define ATTEMPTS 5

bool lk_scope_again(lk_scope *s, int rc) {
    if (rc == LIKEN_OK || !s->switched || s->attempts + 1 >= ATTEMPTS)
        return false;
    const int attempts = s->attempts + 1;
    liken *lk = s->lk;
    lk_scope_close(s);
    *s = (lk_scope){.lk = lk, .attempts = attempts};  /* to be closed once more in any case */
    return lk_gallery_sync_now(lk, NULL) == LIKEN_OK; /* the news of the switch may still be on its way */
}

static int switched(lk_scope *s, liken_error *err) {
    s->switched = true;
    return lk_fail(err, LIKEN_E_BUSY, "Collection \"%s\" is changing its model; try again in a moment.",
                   s->collection->name);
}

int lk_scope_still(lk_scope *s, liken_error *err) {
    LK_COLLECTION liken_collection *now = NULL;
    const int rc = lk_gallery_collection(s->lk, s->collection->name, &now, err);
    if (rc != LIKEN_OK)
        return rc;
    return now->id == s->collection->id && now->generation != s->collection->generation ? switched(s, err) : LIKEN_OK;
}

static int scope_filter(lk_scope *s, liken_error *err) {
    const liken_search_options *o = s->options;
    s->filtered = o->tag_count > 0 || lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to);
    if (!s->filtered)
        return LIKEN_OK;
    lk_store *store = s->lk->store;
    if (s->remote)
        return LIKEN_OK;
    const int rc = store->ops->faces->where(store, s->collection->id, o, &s->allowed, &s->allowed_count, err);
    s->searched = s->allowed_count;
    return rc;
}

float lk_scope_held(const lk_scope *s, float threshold) {
    const float most = s->options->max_threshold;
    return most > 0 && threshold > most ? most : threshold;
}

/* Settles the threshold, and what it means for each class. */
static void set_threshold(lk_scope *s, size_t views) {
    const liken_search_options *o = s->options;
    s->wanted = o->max_false_matches / (double)(views > 0 ? views : 1);
    const lk_calibration *usual = lk_models_between(s->engine->models, s->collection->metric, false, false);
    if (o->threshold > 0)
        s->threshold = o->threshold;
    else if (o->max_false_matches > 0)
        s->threshold = lk_calibration_distance(usual, s->wanted / (double)(s->searched > 0 ? s->searched : 1));
    else
        s->threshold = s->collection->threshold;
    s->threshold = lk_scope_held(s, s->threshold);
    for (int weak = 0; weak < 2; weak++)
        s->reach[weak] = lk_gallery_reach(s->engine, s->collection, weak == 1, 1, s->threshold);
}

int lk_scope_ready(lk_scope *s, size_t views, liken_error *err) {
    int rc = lk_gallery_sync(s->lk, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_store *store = s->lk->store;
    s->slot = lk_gallery_slot_take(s->lk, s->collection->id);
    if (s->slot != NULL && s->slot->generation != s->collection->generation)
        return switched(s, err);
    s->remote = s->slot == NULL && lk_place_is_remote(s->lk, s->collection->id);
    s->searched = s->slot == NULL ? 0 : lk_index_size(s->slot->index);
    rc = scope_filter(s, err);
    if (rc == LIKEN_OK && s->remote)
        rc = store->ops->searching->count(store, s->collection->id, s->options, 0, &s->searched, err);
    if (rc == LIKEN_OK)
        set_threshold(s, views);
    return rc;
}

/* Unit vectors are at most 2 apart. */
bool lk_scope_takes_all(const lk_scope *s) {
    return isinf(s->threshold) || (s->collection->metric == LIKEN_NORMALIZED && s->threshold > 2.001f);
}
