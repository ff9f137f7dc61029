/* Opening and closing a handle. */
#include "gallery/gallery_int.h"
#include "gallery/inside.h"
#include "gallery/pictures.h"

#include "base/clock.h"
#include "base/cpu.h"
#include "base/log.h"
#include "base/places.h"
#include "base/sized.h"
#include "base/text.h"
#include "image/decode/decoders.h"
#include "packs/pack.h"
#include "pg/pg.h"

#include <stdlib.h>
#include <string.h>

#define LEGACY_PACK "seed"

int lk_gallery_enter(liken *lk, lk_call *k, const liken_call *call, liken_error *err) {
    (void)pthread_rwlock_rdlock(&lk->calls);
    return lk_call_begin(k, call, err);
}

void lk_gallery_leave(liken *lk, lk_call *k) {
    lk_call_end(k);
    (void)pthread_rwlock_unlock(&lk->calls);
}

static int check_options(const liken_options *o, liken_error *err) {
    if (o->threads < 0 || o->threads > LK_THREADS_MAX)
        return lk_fail(err, LIKEN_E_ARG, "threads is %d; use 1 to %d, or 0 for one a CPU.", o->threads, LK_THREADS_MAX);
    if (lk_gallery_check_min_face(o->min_face, err) != LIKEN_OK)
        return LIKEN_E_ARG;
    if (o->max_faces < 0 || o->max_faces > LK_FACES_MAX)
        return lk_fail(err, LIKEN_E_ARG, "max_faces is %d; use 1 to %d, or 0 for %d.", o->max_faces, LK_FACES_MAX,
                       LK_DEFAULT_FACES);
    if (o->pack != NULL && !lk_pack_name_ok(o->pack))
        return lk_fail(err, LIKEN_E_ARG, "\"%.64s\" cannot be the name of a model pack; liken models list shows them.",
                       o->pack);
    return LIKEN_OK;
}

static int copy_store(liken *lk, const char *where, const char *legacy_table, liken_error *err) {
    char address[512];
    const bool here = where == NULL || strcmp(where, "sqlite") == 0;
    if (here && legacy_table != NULL)
        return lk_fail(err, LIKEN_E_ARG,
                       "A legacy table is on a PostgreSQL server: say which by --store postgres://...");
    if (here)
        return LIKEN_OK;
    if (strncmp(where, "postgres://", 11) != 0 && strncmp(where, "postgresql://", 13) != 0)
        return lk_fail(
            err, LIKEN_E_ARG,
            "The store is sqlite, or a PostgreSQL server as postgres://user@host/database. What was given is "
            "neither, and not repeated here, since it may hold a password.");
    const int rc = lk_pg_address(where, address, sizeof address, err);
    if (rc != LIKEN_OK)
        return rc;
    lk->where = strdup(where);
    lk->address = strdup(address);
    return lk->where == NULL || lk->address == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

/* Which pack is the handle's own is settled once. */
static const char *own_pack(liken *lk, const liken_options *o) {
    lk_pack_choice choice;
    if (!lk_pack_is_auto(o->pack))
        return o->pack;
    if (o->legacy_table != NULL)
        return LEGACY_PACK;
    if (lk->models == NULL || lk_pack_choose(&choice, lk->models, NULL) != LIKEN_OK)
        return LK_PACK_AUTO;
    lk->pack_note = choice.why;
    lk->pack_is_poor = !choice.best;
    return choice.name;
}

static int copy_options(liken *lk, const liken_options *o, liken_error *err) {
    int rc = check_options(o, err);
    if (rc == LIKEN_OK)
        rc = lk_place_gallery(o->data, &lk->data, err);
    if (rc == LIKEN_OK)
        rc = copy_store(lk, o->store, o->legacy_table, err);
    if (rc == LIKEN_OK && !(o->no_models && o->models == NULL))
        rc = lk_models_folder(o->models, &lk->models, err);
    if (rc != LIKEN_OK)
        return rc;
    lk->legacy_table = o->legacy_table == NULL ? NULL : strdup(o->legacy_table);
    lk->pack = strdup(own_pack(lk, o));
    lk->detector = o->detector == NULL ? NULL : strdup(o->detector);
    if (lk->pack == NULL || (o->detector != NULL && lk->detector == NULL) ||
        (o->legacy_table != NULL && lk->legacy_table == NULL))
        return lk_fail_memory(err);
    lk->index_memory = o->index_memory;
    lk->threads = o->threads == 0 ? lk_cpu_count() : o->threads;
    lk->max_faces = o->max_faces == 0 ? LK_DEFAULT_FACES : o->max_faces;
    lk->min_face = o->min_face;
    lk->limits = (lk_photo_limits){.max_bytes = o->max_file_bytes, .max_pixels = o->max_pixels};
    rc = lk_photo_folders_take(lk, o->photo_folders, err);
    if (rc != LIKEN_OK)
        return rc;
    lk->sandbox = o->sandbox;
    lk->read_only = o->read_only;
    lk->existing = o->existing;
    lk->no_store = o->no_store;
    lk->no_models = o->no_models;
    return LIKEN_OK;
}

static liken *new_handle(void) {
    liken *lk = calloc(1, sizeof *lk);
    if (lk == NULL)
        return NULL;
    pthread_rwlock_init(&lk->calls, NULL);
    pthread_mutex_init(&lk->engine_lock, NULL);
    lk_clock_condition(&lk->engine_room);
    lk_clock_condition(&lk->engine_loaded);
    pthread_mutex_init(&lk->sync_lock, NULL);
    pthread_mutex_init(&lk->slot_lock, NULL);
    pthread_mutex_init(&lk->secret_lock, NULL);
    atomic_init(&lk->seen_version, -1);
    return lk;
}

int lk_gallery_settings(liken **out, const liken_options *options, liken_error *err) {
    liken_options o;
    int rc = lk_sized_take(&o, sizeof o, options, "liken_options", err);
    if (rc != LIKEN_OK)
        return rc;
    liken *lk = new_handle();
    if (lk == NULL)
        return lk_fail_memory(err);
    rc = copy_options(lk, &o, err);
    if (rc != LIKEN_OK) {
        liken_free(lk);
        return rc;
    }
    *out = lk;
    return LIKEN_OK;
}

static int open_store(liken *lk, liken_error *err) {
    if (lk->legacy_table != NULL)
        return lk_gallery_legacy_open(lk, err);
    const lk_store_how how = lk->read_only ? LK_STORE_READ : lk->existing ? LK_STORE_THERE : LK_STORE_MAKE;
    if (lk->where == NULL)
        return lk_store_open_sqlite(&lk->store, lk->data, how, err);
    return lk_store_open_postgres(&lk->store, lk->where, how, err);
}

int lk_gallery_store_open(liken *lk, liken_error *err) {
    const int rc = open_store(lk, err);
    return rc == LIKEN_OK && lk->inside != NULL ? lk_store_inside(lk->store, lk->inside, err) : rc;
}

int lk_gallery_needs_store(const liken *lk, liken_error *err) {
    return lk->store != NULL
               ? LIKEN_OK
               : lk_fail(err, LIKEN_E_ARG, "This needs a gallery, and the handle was opened without one.");
}

int lk_gallery_may_write(const liken *lk, liken_error *err) {
    const int rc = lk_gallery_needs_store(lk, err);
    if (rc != LIKEN_OK || !lk->read_only)
        return rc;
    if (lk->store->ops->writable(lk->store, err) == LIKEN_E_READ_ONLY)
        return LIKEN_E_READ_ONLY;
    return lk_fail(err, LIKEN_E_READ_ONLY, "The gallery was opened read-only; open it for writing to change it.");
}

/* A pack that is missing is a fault of the models, not of something that was asked for. */
static int load_own_engine(liken *lk, liken_error *err) {
    lk_engine *engine;
    const int rc = lk_gallery_engine(lk, NULL, &engine, err);
    if (rc != LIKEN_E_NOT_FOUND)
        return rc;
    if (err != NULL)
        err->code = LIKEN_E_MODEL;
    return LIKEN_E_MODEL;
}

/* What a store that takes no writes now can do without. */
static int begin_writing(liken *lk, liken_error *err) {
    const lk_store_ops *ops = lk->store->ops;
    liken_error why = {0};
    if (lk->read_only)
        return LIKEN_OK;
    if (ops->writable(lk->store, &why) == LIKEN_E_READ_ONLY) {
        lk_log(LIKEN_LOG_INFO, "%s", why.message);
        lk->read_only = lk->where == NULL; /* then its folder takes no cache either; a database may change its mind */
        return LIKEN_OK;
    }
    const int rc = lk->no_models || lk->existing ? LIKEN_OK : lk_gallery_make_default(lk, err);
    lk->tended = rc == LIKEN_OK && !lk->no_models;
    return rc;
}

lk_store *lk_gallery_store(liken *lk) {
    return lk->store;
}

static int open_gallery(liken *lk, liken_error *err) {
    int rc = lk_gallery_store_open(lk, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_whole(lk, err);
    if (rc == LIKEN_OK && !lk->no_models)
        rc = load_own_engine(lk, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_sandbox_ready(lk, err);
    if (rc == LIKEN_OK)
        rc = begin_writing(lk, err);
    if (rc != LIKEN_OK || lk->no_models)
        return rc;
    if (!lk->read_only)
        lk_saver_start(lk);
    rc = lk_gallery_sync(lk, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_tell_models(lk, err);
    if (rc == LIKEN_OK && lk->tended)
        lk_tend_start(lk);
    return rc;
}

static int open_models(liken *lk, liken_error *err) {
    const int rc = load_own_engine(lk, err);
    return rc == LIKEN_OK ? lk_gallery_sandbox_ready(lk, err) : rc;
}

int liken_open(liken **out, const liken_options *options, const liken_call *call, liken_error *err) {
    return lk_gallery_open(out, options, NULL, call, err);
}

int lk_gallery_open(liken **out, const liken_options *options, const lk_inside *inside, const liken_call *call,
                    liken_error *err) {
    liken *lk = NULL;
    lk_call k;
    int rc = lk_call_begin(&k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_settings(&lk, options, err);
    if (rc == LIKEN_OK)
        lk->inside = inside;
    if (rc == LIKEN_OK && lk->no_store && lk->no_models)
        rc = lk_fail(err, LIKEN_E_ARG, "A handle with neither a store nor models can do nothing.");
    if (rc == LIKEN_OK)
        rc = lk_gallery_sandbox_begin(lk, err); /* it gets ready while the store and the models are read */
    if (rc == LIKEN_OK)
        rc = lk->no_store ? open_models(lk, err) : open_gallery(lk, err);
    lk_call_end(&k);
    if (rc != LIKEN_OK) {
        liken_free(lk);
        return rc;
    }
    *out = lk;
    return LIKEN_OK;
}

void liken_free(liken *lk) {
    if (lk == NULL)
        return;
    (void)pthread_rwlock_wrlock(&lk->calls); /* waits for calls in progress */
    (void)pthread_rwlock_unlock(&lk->calls);
    lk_gallery_engines_free(lk);
    lk_decoders_free(lk->limits.decoders);
    lk_tend_stop(lk);
    lk_saver_stop(lk);
    lk_gallery_slots_free(lk);
    if (lk->store != NULL)
        lk->store->ops->close(lk->store);
    pthread_rwlock_destroy(&lk->calls);
    pthread_mutex_destroy(&lk->engine_lock);
    pthread_cond_destroy(&lk->engine_room);
    pthread_cond_destroy(&lk->engine_loaded);
    pthread_mutex_destroy(&lk->sync_lock);
    pthread_mutex_destroy(&lk->slot_lock);
    pthread_mutex_destroy(&lk->secret_lock);
    lk_texts_free(lk->photo_folders, lk->photo_folder_count);
    free(lk->remote);
    free(lk->where);
    free(lk->legacy_table);
    free(lk->address);
    free(lk->data);
    free(lk->models);
    free(lk->pack);
    free(lk->detector);
    free(lk);
}
