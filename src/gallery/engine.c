/* Loaded packs and their pipelines. A pack is loaded by whoever needs it first, without any lock: only who needs the
 * same one waits for it. A pipeline is one thread's working state and large, so at most `threads` of them
 * work at once, over all packs; a caller that finds none free waits. Pipelines are made when first needed and kept. */
#include "gallery/gallery_int.h"

#include "base/log.h"
#include "packs/pack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- packs ---- */

/* Of the loaded ones; the caller holds engine_lock. */
static lk_engine *find(const liken *lk, const char *pack) {
    lk_engine *e = lk->engines;
    while (e != NULL && strcmp(e->pack, pack) != 0)
        e = e->next;
    return e;
}

static bool is_loading(const liken *lk, const char *pack) {
    const lk_loading *l = lk->loading;
    while (l != NULL && strcmp(l->pack, pack) != 0)
        l = l->next;
    return l != NULL;
}

static void engine_free(lk_engine *e) {
    if (e == NULL)
        return;
    for (int i = 0; i < e->idle_count; i++)
        lk_pipeline_free(e->idle[i]);
    free(e->idle);
    lk_models_free(e->models);
    free(e->pack);
    free(e);
}

static int load(liken *lk, const char *pack, lk_engine **out, liken_error *err) {
    const lk_models_options options = {.folder = lk->models, .pack = pack, .detector = lk->detector};
    lk_engine *e = calloc(1, sizeof *e);
    if (e != NULL) {
        e->pack = strdup(pack);
        e->idle = calloc((size_t)lk->threads, sizeof(*e->idle));
    }
    int rc = e == NULL || e->pack == NULL || e->idle == NULL ? lk_fail_memory(err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = lk_models_load(&e->models, &options, err);
    if (rc != LIKEN_OK) {
        engine_free(e);
        return rc;
    }
    if (lk_models_detector_note(e->models) != NULL)
        lk_log(LIKEN_LOG_WARN, "%s", lk_models_detector_note(e->models));
    *out = e;
    return LIKEN_OK;
}

/* The loaded engine, or NULL: then it is for the caller to load it, while `mine` says so to the others. */
static lk_engine *find_or_begin(liken *lk, lk_loading *mine) {
    pthread_mutex_lock(&lk->engine_lock);
    while (is_loading(lk, mine->pack))
        pthread_cond_wait(&lk->engine_loaded, &lk->engine_lock);
    lk_engine *e = find(lk, mine->pack);
    if (e == NULL) {
        mine->next = lk->loading;
        lk->loading = mine;
    }
    pthread_mutex_unlock(&lk->engine_lock);
    return e;
}

/* `e` NULL: it could not be loaded, and the next who needs it tries again. */
static void end_loading(liken *lk, const lk_loading *mine, lk_engine *e) {
    pthread_mutex_lock(&lk->engine_lock);
    lk_loading **at = &lk->loading;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
    if (e != NULL) {
        e->next = lk->engines;
        lk->engines = e;
    }
    pthread_cond_broadcast(&lk->engine_loaded);
    pthread_mutex_unlock(&lk->engine_lock);
}

int lk_gallery_engine(liken *lk, const char *pack, lk_engine **out, liken_error *err) {
    const char *name = pack == NULL ? lk->pack : pack;
    if (lk->no_models)
        return lk_fail(err, LIKEN_E_MODEL,
                       "The gallery was opened without models; open it with them to look at photos.");
    if (!lk_pack_name_ok(name))
        return lk_fail(err, LIKEN_E_ARG, "\"%.64s\" cannot be the name of a model pack; liken models list shows them.",
                       name);
    lk_loading mine = {.pack = name};
    lk_engine *e = find_or_begin(lk, &mine);
    int rc = LIKEN_OK;
    if (e == NULL) {
        rc = load(lk, name, &e, err);
        end_loading(lk, &mine, e);
    }
    if (rc == LIKEN_OK)
        *out = e;
    return rc;
}

static int mismatch(const liken_collection *c, const char *pack, const char *ours, liken_error *err) {
    return lk_fail(
        err, LIKEN_E_MISMATCH,
        "Collection \"%s\" holds descriptors of model %s, but the installed pack %s makes "
        "those of %s; they cannot be compared. Install the former version, or create a new collection and add the "
        "photos to it again.",
        c->name, c->model, pack, ours);
}

/* A model's id starts with its pack's name and version, "faceapi-1.7.15/...", and both may hold a '-': the longest
 * name that has a pack is tried first. */
int lk_gallery_engine_for(liken *lk, const liken_collection *c, lk_engine **out, liken_error *err) {
    lk_engine *own = NULL;
    int rc = lk_gallery_engine(lk, NULL, &own, err);
    if (rc != LIKEN_OK)
        return rc;
    if (strcmp(lk_models_id(own->models), c->model) == 0) {
        *out = own;
        return LIKEN_OK;
    }
    LK_FREE char *name = strdup(c->model);
    if (name == NULL)
        return lk_fail_memory(err);
    name[strcspn(name, "/")] = '\0';
    rc = LIKEN_E_NOT_FOUND;
    for (char *dash = strrchr(name, '-'); dash != NULL && rc != LIKEN_OK; dash = strrchr(name, '-')) {
        *dash = '\0';
        rc = lk_pack_name_ok(name) ? lk_gallery_engine(lk, name, &own, NULL) : LIKEN_E_NOT_FOUND;
    }
    if (rc != LIKEN_OK)
        return lk_fail(err, LIKEN_E_MISMATCH,
                       "Collection \"%s\" holds descriptors of model %s, and pack %s makes those of "
                       "%s. Install the pack that made the collection: liken models install %s",
                       c->name, c->model, lk->pack, lk_models_id(own->models), name);
    if (strcmp(lk_models_id(own->models), c->model) != 0)
        return mismatch(c, own->pack, lk_models_id(own->models), err);
    *out = own;
    return LIKEN_OK;
}

void lk_gallery_engines_free(liken *lk) {
    for (lk_engine *e = lk->engines, *next; e != NULL; e = next) {
        next = e->next;
        engine_free(e);
    }
    lk->engines = NULL;
}

/* ---- pipelines ---- */

static int pipeline_take(liken *lk, lk_engine *e, lk_pipeline **out, liken_error *err) {
    lk_pipeline *p = NULL;
    int rc = lk_call_check(err);
    pthread_mutex_lock(&lk->engine_lock);
    while (rc == LIKEN_OK && lk->running == lk->threads)
        rc = lk_call_wait(&lk->engine_room, &lk->engine_lock, err);
    if (rc == LIKEN_OK) {
        lk->running++;
        p = e->idle_count > 0 ? e->idle[--e->idle_count] : NULL;
    } else if (lk->running < lk->threads) {
        pthread_cond_signal(&lk->engine_room); /* the signal may have been for this one, who leaves */
    }
    pthread_mutex_unlock(&lk->engine_lock);
    if (rc != LIKEN_OK)
        return rc;
    rc = p == NULL ? lk_pipeline_new(&p, e->models, err) : LIKEN_OK;
    if (rc == LIKEN_OK) {
        *out = p;
        return LIKEN_OK;
    }
    pthread_mutex_lock(&lk->engine_lock);
    lk->running--;
    pthread_cond_signal(&lk->engine_room);
    pthread_mutex_unlock(&lk->engine_lock);
    return rc;
}

static void pipeline_give(liken *lk, lk_engine *e, lk_pipeline *p) {
    pthread_mutex_lock(&lk->engine_lock);
    assert(lk->running > 0 && e->idle_count < lk->threads); /* there are no more pipelines than threads */
    e->idle[e->idle_count++] = p;
    lk->running--;
    pthread_cond_signal(&lk->engine_room);
    pthread_mutex_unlock(&lk->engine_lock);
}

int lk_gallery_look(liken *lk, lk_engine *e, const void *bytes, size_t size, bool describe, lk_faces *out,
                    liken_error *err) {
    return lk_gallery_look_and_view(lk, e, bytes, size, describe, 0, out, err);
}

int lk_gallery_look_and_view(liken *lk, lk_engine *e, const void *bytes, size_t size, bool describe, int view,
                             lk_faces *out, liken_error *err) {
    lk_photo *photo = NULL;
    lk_pipeline *p = NULL;
    if (bytes == NULL)
        return lk_fail(err, LIKEN_E_ARG, "No photo was given.");
    int rc = lk_photo_open(&photo, bytes, size, &lk->limits, err); /* cheap: a bad file does not wait for a pipeline */
    if (rc != LIKEN_OK)
        return rc;
    rc = pipeline_take(lk, e, &p, err);
    if (rc == LIKEN_OK) {
        rc = lk_pipeline_run(p, photo, describe, lk->max_faces, view, out, err);
        pipeline_give(lk, e, p);
    }
    if (rc == LIKEN_OK) {
        lk_gallery_classify(e, out);
        out->captured_at = lk_photo_captured_at(photo);
        out->kind = lk_photo_kind(photo);
        (void)snprintf(out->note, sizeof out->note, "%s", lk_photo_note(photo) == NULL ? "" : lk_photo_note(photo));
    }
    lk_photo_free(photo);
    return rc;
}
