/* Changing the model of a collection while it is in use (store/upgrade.h says how it lies in the store): every photo is
 * described by the other pack beside what is there, the two are compared, and then one transaction switches. Whoever is
 * killed goes on with the same call; photos that were added meanwhile are taken along before the switch, which the
 * store refuses while there are some. The way back is the same call with the pack that was there before. */
#include "gallery/upgrade.h"

#include "base/log.h"
#include "base/sized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE 200

struct upgrade {
    liken *lk;
    const liken_upgrade_options *options;
    liken_collection *collection;
    lk_engine *engine; /* of the other model */
    lk_upgrade now;    /* as it is in the store */
    bool there;        /* it is */
};

static void clear_matches(liken_upgrade_match *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(list[i].file);
        free(list[i].match_file);
    }
    free(list);
}

void liken_upgrade_free(liken_upgrade *u) {
    if (u == NULL)
        return;
    clear_matches(u->lost, u->lost_shown);
    clear_matches(u->gained, u->gained_shown);
    free(u->collection);
    free(u->model);
    free(u->other);
    free(u);
}

/* ---- the report ---- */

static int read_state(struct upgrade *g, const char *name, liken_error *err) {
    int rc = lk_gallery_collection(g->lk, name, &g->collection, err);
    return rc == LIKEN_OK ? lk_upgrade_get(g->lk->store, g->collection->id, &g->now, &g->there, err) : rc;
}

static int report(const struct upgrade *g, liken_upgrade **out, liken_error *err) {
    const liken_collection *c = g->collection;
    liken_upgrade *r = calloc(1, sizeof *r);
    if (r != NULL) {
        r->collection = strdup(c->name);
        r->model = strdup(c->model);
        r->other = g->there ? strdup(g->now.model) : NULL;
    }
    if (r == NULL || r->collection == NULL || r->model == NULL || (g->there && r->other == NULL)) {
        liken_upgrade_free(r);
        return lk_fail_memory(err);
    }
    r->photos = c->images;
    r->faces = c->faces;
    if (g->there) {
        r->former = g->now.switched;
        r->ready = g->now.ready;
        r->missing = g->now.missing;
        r->kept = g->now.kept;
        r->gone = g->now.gone;
        r->came = g->now.came;
    }
    *out = r;
    return LIKEN_OK;
}

/* After the switch: what was the one is the other, and the comparison is that of before. */
static int turn_round(const struct upgrade *g, liken_upgrade *r, liken_error *err) {
    LK_COLLECTION liken_collection *now = NULL;
    const int rc = lk_gallery_collection(g->lk, g->collection->name, &now, err);
    if (rc != LIKEN_OK)
        return rc;
    char *model = r->model;
    r->model = r->other;
    r->other = model;
    r->former = r->done = true;
    r->photos = now->images;
    r->faces = now->faces;
    return LIKEN_OK;
}

/* ---- what it is to be described by ---- */

static int no_way_back(const struct upgrade *g, liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND,
                   "Collection \"%s\" has no former model to go back to; name the pack that is to describe it.",
                   g->collection->name);
}

static int find_engine(struct upgrade *g, liken_error *err) {
    if (g->options->pack != NULL)
        return lk_gallery_engine(g->lk, g->options->pack, &g->engine, err);
    if (!g->there || !g->now.switched)
        return no_way_back(g, err);
    const liken_collection former = {
        .name = g->collection->name, .model = g->now.model, .metric = g->now.metric, .dimension = g->now.dimension};
    return lk_gallery_engine_for(g->lk, &former, &g->engine, err);
}

/* The collection's metric stays where the pack can be compared by it. */
static int wanted_of(const struct upgrade *g, lk_upgrade *w, liken_error *err) {
    const lk_models *m = g->engine->models;
    *w = (lk_upgrade){.collection = g->collection->id, .dimension = lk_models_dimension(m)};
    w->metric =
        lk_models_comparable(m, g->collection->metric, NULL) == LIKEN_OK ? g->collection->metric : lk_models_metric(m);
    const int rc = lk_models_comparable(m, w->metric, err);
    if (rc != LIKEN_OK)
        return rc;
    w->threshold = lk_models_calibration(m, w->metric)->threshold;
    (void)snprintf(w->model, sizeof w->model, "%s", lk_models_id(m));
    return LIKEN_OK;
}

/* ---- the steps ---- */

static int describe(struct upgrade *g, liken_error *err) {
    const liken_collection *c = g->collection;
    int rc = lk_redescribe(g->lk, c, g->engine, g->now.ready, g->now.ready + g->now.waiting, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_get(g->lk->store, c->id, &g->now, &g->there, err);
    if (rc == LIKEN_OK && (!g->there || strcmp(g->now.model, lk_models_id(g->engine->models)) != 0))
        rc = lk_fail(err, LIKEN_E_CONFLICT, "The upgrade of collection \"%s\" was ended or switched meanwhile.",
                     c->name);
    return rc;
}

/* What makes the collection's descriptors may not be installed any more: then there is nothing to compare with. */
static int compare(const struct upgrade *g, liken_upgrade *r, liken_error *err) {
    const int sample = g->options->sample == 0 ? SAMPLE : g->options->sample;
    lk_engine *now = NULL;
    liken_error why = {0};
    const int rc = sample < 0 ? LIKEN_OK : lk_gallery_engine_for(g->lk, g->collection, &now, &why);
    if (rc == LIKEN_E_MEMORY)
        return lk_fail_memory(err);
    if (rc != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "The two models are not compared. %s", why.message);
    return now == NULL ? LIKEN_OK : lk_shadow(g->lk, g->collection, now, g->engine, &g->now, (size_t)sample, r, err);
}

static int apply(struct upgrade *g, liken_upgrade *r, liken_error *err) {
    int64_t waiting = 1;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && waiting > 0) {
        rc = lk_upgrade_switch(g->lk->store, g->collection->id, lk_models_id(g->engine->models), &waiting, err);
        if (rc == LIKEN_OK && waiting > 0)
            rc = describe(g, err);
        if (rc == LIKEN_OK && waiting > 0 && g->now.missing > 0 && !g->options->drop_missing) {
            r->missing = g->now.missing;
            return LIKEN_OK;
        }
    }
    if (rc != LIKEN_OK)
        return rc;
    lk_gallery_sync_after_write(g->lk);
    return turn_round(g, r, err);
}

static int prepare(struct upgrade *g, liken_error *err) {
    lk_upgrade wanted;
    int rc = wanted_of(g, &wanted, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_may(g->lk->store, g->collection->id, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_begin(g->lk->store, &wanted, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_get(g->lk->store, g->collection->id, &g->now, &g->there, err);
    return rc == LIKEN_OK ? describe(g, err) : rc;
}

static int run(struct upgrade *g, liken_upgrade **out, liken_error *err) {
    liken_upgrade *r = NULL;
    int rc = lk_gallery_may_write(g->lk, err);
    if (rc == LIKEN_OK)
        rc = read_state(g, g->options->collection, err);
    if (rc == LIKEN_OK)
        rc = find_engine(g, err);
    if (rc != LIKEN_OK)
        return rc;
    const bool there = strcmp(lk_models_id(g->engine->models), g->collection->model) == 0;
    if (!there)
        rc = prepare(g, err);
    if (rc == LIKEN_OK)
        rc = report(g, &r, err);
    if (rc == LIKEN_OK)
        r->done = there;
    if (rc == LIKEN_OK && !there)
        rc = compare(g, r, err);
    if (rc == LIKEN_OK && !there && g->options->apply && (r->missing == 0 || g->options->drop_missing))
        rc = apply(g, r, err);
    if (rc == LIKEN_OK)
        *out = r;
    else
        liken_upgrade_free(r);
    return rc;
}

/* ---- the interface ---- */

static int check_options(const liken_upgrade_options *o, liken_error *err) {
    return o->sample <= 100000 ? LIKEN_OK
                               : lk_fail(err, LIKEN_E_ARG, "sample is %d; use at most 100000 faces.", o->sample);
}

int liken_upgrade_run(liken *lk, const liken_call *call, const liken_upgrade_options *options, liken_upgrade **out,
                      liken_error *err) {
    liken_upgrade_options o;
    struct upgrade g = {.lk = lk, .options = &o};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_sized_take(&o, sizeof o, options, "liken_upgrade_options", err);
    if (rc == LIKEN_OK)
        rc = check_options(&o, err);
    if (rc == LIKEN_OK)
        rc = run(&g, out, err);
    liken_collection_free(g.collection);
    lk_gallery_leave(lk, &k);
    return rc;
}

int liken_upgrade_get(liken *lk, const liken_call *call, const char *collection, liken_upgrade **out,
                      liken_error *err) {
    struct upgrade g = {.lk = lk};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = read_state(&g, collection, err);
    if (rc == LIKEN_OK)
        rc = report(&g, out, err);
    liken_collection_free(g.collection);
    lk_gallery_leave(lk, &k);
    return rc;
}

static int end(struct upgrade *g, const char *collection, int64_t *faces, liken_error *err) {
    int64_t gone = 0;
    int rc = lk_gallery_may_write(g->lk, err);
    if (rc == LIKEN_OK)
        rc = read_state(g, collection, err);
    if (rc == LIKEN_OK && !g->there)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND,
                     "No change of model is prepared for collection \"%s\", and no former one is kept.",
                     g->collection->name);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_forget(g->lk->store, g->collection->id, &gone, err);
    if (rc == LIKEN_OK && faces != NULL)
        *faces = gone;
    return rc;
}

int liken_upgrade_end(liken *lk, const liken_call *call, const char *collection, int64_t *faces, liken_error *err) {
    struct upgrade g = {.lk = lk};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = end(&g, collection, faces, err);
    liken_collection_free(g.collection);
    lk_gallery_leave(lk, &k);
    return rc;
}
