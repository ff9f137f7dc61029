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

static int fail_without_models(liken_error *err) {
    return lk_fail(err, LIKEN_E_MODEL, "The gallery was opened without models; open it with them to look at photos.");
}

/* What is loaded for `pack`: "auto" is another name for one of those that are there. */
static int name_of(const liken *lk, const char *pack, const char **out, liken_error *err) {
    lk_pack_choice choice;
    const char *name = pack == NULL ? lk->pack : pack;
    if (strcmp(name, LK_PACK_AUTO) == 0) {
        const int rc = lk_pack_choose(&choice, lk->models, err);
        if (rc != LIKEN_OK)
            return rc;
        name = choice.name;
    }
    if (!lk_pack_name_ok(name))
        return lk_fail(err, LIKEN_E_ARG, "\"%.64s\" cannot be the name of a model pack; liken models list shows them.",
                       name);
    *out = name;
    return LIKEN_OK;
}

int lk_gallery_engine(liken *lk, const char *pack, lk_engine **out, liken_error *err) {
    const char *name = NULL;
    if (lk->no_models)
        return fail_without_models(err);
    int rc = name_of(lk, pack, &name, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_loading mine = {.pack = name};
    lk_engine *e = find_or_begin(lk, &mine);
    if (e == NULL) {
        rc = load(lk, name, &e, err);
        end_loading(lk, &mine, e);
    }
    if (rc == LIKEN_OK)
        *out = e;
    return rc;
}

/* ---- the pack that makes a collection's descriptors ---- */

/* A model's id starts with its pack's name and version, "faceapi-1.7.15/...", and both may hold a '-': the longest
 * name that has a pack is the maker's, and `id` what that makes now. NOT_FOUND: `name` (freed with free()) is the
 * likeliest one. */
static int find_maker(const liken *lk, const char *model, char **name, char id[LK_MODEL_ID]) {
    char *head = strndup(model, strcspn(model, "/"));
    if (head == NULL)
        return LIKEN_E_MEMORY;
    int rc = LIKEN_E_NOT_FOUND;
    size_t likeliest = strlen(head);
    for (char *dash = strrchr(head, '-'); dash != NULL && rc == LIKEN_E_NOT_FOUND; dash = strrchr(head, '-')) {
        if (likeliest == strlen(head))
            likeliest = (size_t)(dash - head);
        *dash = '\0';
        rc = lk_pack_name_ok(head) ? lk_models_id_of(lk->models, head, id, NULL) : LIKEN_E_NOT_FOUND;
    }
    if (rc == LIKEN_E_NOT_FOUND)
        (void)snprintf(head, likeliest + 1, "%s", model);
    *name = head;
    return rc;
}

/* Whether the pack in `name` makes descriptors of `model` here, and if not, what the sentence about it ends with. */
static int why_not(const liken *lk, const char *model, int found, const char *name, const char *id, liken_error *err) {
    if (found == LIKEN_E_MEMORY)
        return lk_fail_memory(err);
    if (found == LIKEN_E_NOT_FOUND)
        return lk_fail(err, LIKEN_E_MISMATCH,
                       "the pack that makes them is not in %s. Install it: liken models install %s", lk->models, name);
    if (found == LIKEN_OK && strcmp(id, model) != 0)
        return lk_fail(err, LIKEN_E_MISMATCH,
                       "the installed pack %s makes those of %s; they cannot be compared. Install the former version, "
                       "or describe the collection by this one: liken upgrade COLLECTION --pack %s",
                       name, id, name);
    return LIKEN_OK; /* what else is wrong with the pack is said when it is loaded */
}

static lk_engine *find_model(liken *lk, const char *model) {
    pthread_mutex_lock(&lk->engine_lock);
    lk_engine *e = lk->engines;
    while (e != NULL && strcmp(lk_models_id(e->models), model) != 0)
        e = e->next;
    pthread_mutex_unlock(&lk->engine_lock);
    return e;
}

/* The pack that makes this collection's descriptors, in *name, which is freed with free() also after a fault. */
static int maker_of(const liken *lk, const liken_collection *c, char **name, liken_error *err) {
    char id[LK_MODEL_ID] = "";
    const int found = find_maker(lk, c->model, name, id), rc = why_not(lk, c->model, found, *name, id, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Collection \"%s\" holds descriptors of model %s", c->name, c->model);
    return rc;
}

int lk_gallery_serves(const liken *lk, const liken_collection *c, liken_error *err) {
    LK_FREE char *name = NULL;
    return maker_of(lk, c, &name, err);
}

int lk_gallery_engine_for(liken *lk, const liken_collection *c, lk_engine **out, liken_error *err) {
    LK_FREE char *name = NULL;
    if (lk->no_models)
        return fail_without_models(err);
    lk_engine *own = find_model(lk, c->model);
    int rc = own == NULL ? maker_of(lk, c, &name, err) : LIKEN_OK;
    if (rc == LIKEN_OK && own == NULL)
        rc = lk_gallery_engine(lk, name, &own, err);
    if (rc == LIKEN_OK)
        rc = lk_models_comparable(own->models, c->metric, err);
    if (rc == LIKEN_OK)
        *out = own;
    return rc;
}

static void tell_model(const liken *lk, const liken_collection *c) {
    liken_error why = {0};
    if (lk_gallery_serves(lk, c, &why) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "Photos can be neither added nor searched here. %s", why.message);
    else
        lk_log(LIKEN_LOG_INFO, "Collection \"%s\" keeps the model that it was made with, %s; new ones get the pack %s.",
               c->name, c->model, lk->pack);
}

int lk_gallery_tell_models(liken *lk, liken_error *err) {
    liken_collection **list = NULL;
    size_t count = 0;
    const int rc = lk->store->ops->collections->list(lk->store, &list, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    for (size_t i = 0; i < count; i++) {
        size_t first = 0; /* the first collection of its model speaks for the others */
        while (strcmp(list[first]->model, list[i]->model) != 0)
            first++;
        if (first == i && find_model(lk, list[i]->model) == NULL)
            tell_model(lk, list[i]);
    }
    liken_collections_free(list, count);
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

int lk_gallery_check_min_face(int min_face, liken_error *err) {
    if (min_face == 0 || (min_face >= LK_FACE_LEAST && min_face <= LK_FACE_MOST))
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_ARG, "min_face is %d; use %d to %d pixels, or 0 for what is quick.", min_face,
                   LK_FACE_LEAST, LK_FACE_MOST);
}

int lk_gallery_look(liken *lk, lk_engine *e, const void *bytes, size_t size, int min_face, lk_faces *out,
                    liken_error *err) {
    return lk_gallery_look_and_view(lk, e, bytes, size, true, min_face, 0, out, err);
}

int lk_gallery_look_and_view(liken *lk, lk_engine *e, const void *bytes, size_t size, bool describe, int min_face,
                             int view, lk_faces *out, liken_error *err) {
    lk_photo *photo = NULL;
    lk_pipeline *p = NULL;
    if (bytes == NULL)
        return lk_fail(err, LIKEN_E_ARG, "No photo was given.");
    int rc = lk_gallery_check_min_face(min_face, err);
    if (rc == LIKEN_OK) /* cheap: a bad file does not wait for a pipeline */
        rc = lk_photo_open(&photo, bytes, size, &lk->limits, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = pipeline_take(lk, e, &p, err);
    if (rc == LIKEN_OK) {
        rc = lk_pipeline_run(p, photo, describe, lk->max_faces, min_face > 0 ? min_face : lk->min_face, view, out, err);
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

int lk_gallery_look_again(liken *lk, lk_engine *e, const void *bytes, size_t size, const lk_found *found, lk_faces *out,
                          liken_error *err) {
    lk_photo *photo = NULL;
    lk_pipeline *p = NULL;
    int rc = lk_photo_open(&photo, bytes, size, &lk->limits, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = pipeline_take(lk, e, &p, err);
    if (rc == LIKEN_OK) {
        rc = lk_pipeline_again(p, photo, found, lk->max_faces, out, err);
        pipeline_give(lk, e, p);
    }
    if (rc == LIKEN_OK)
        lk_gallery_classify(e, out);
    lk_photo_free(photo);
    return rc;
}
