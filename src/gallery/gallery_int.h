/* gallery_int.h - the inside of a `liken` handle and what the files of this folder share.
 *
 * The store is the truth. For each collection that has faces there is a slot with an index, fed only from the store
 * (sync.c): before a search the store's version is compared with the one last seen, and what is new is read, whoever
 * wrote it. An index has a cache below DATA/index, which a start reads instead of the store (slots.c) and which a
 * thread in the background writes (save.c). A store that can search by itself does so for the collections that
 * place.c says (database.c), and is kept quick in the background (tend.c). An engine is one loaded pack with its idle
 * pipelines (engine.c).
 *
 * Locks, in the order in which they may be taken: calls (read) > engine_lock; calls > sync_lock >
 * slot_lock, the lock of a chore. The store and the index have their own and call back only from inside
 * sync. */
#ifndef LK_GALLERY_GALLERY_INT_H
#define LK_GALLERY_GALLERY_INT_H

#include "base/call.h"
#include "base/chore.h"
#include "base/limits.h"
#include "base/vector.h"
#include "face/face.h"
#include "image/image.h"
#include "index/index.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct lk_engine {
    char *pack;
    lk_models *models;  /* shared and immutable */
    lk_pipeline **idle; /* room for liken.threads */
    int idle_count;     /* engine_lock */
    struct lk_engine *next;
} lk_engine;

/* A pack that a thread is loading; lives on that thread's stack. */
typedef struct lk_loading {
    const char *pack;
    struct lk_loading *next;
} lk_loading;

/* The index of one collection; made with its first face, dropped with its last. */
typedef struct lk_slot {
    int64_t collection;
    liken_metric metric;
    int dimension;
    int64_t generation; /* of the collection (liken_collection): all in it is of that one's model */
    lk_index *index;
    char trouble[256];       /* why its cache was of no use, or empty */
    bool cached;             /* it began with what a cache held */
    bool spoilt;             /* sync_lock: its index turned out to be damaged */
    int64_t last;            /* sync_lock: the last face that it has taken; 0: none */
    int64_t change;          /* the last removal that its cache knew of */
    int64_t saved;           /* the saver's: how far its cache goes */
    _Atomic int64_t unsaved; /* faces that came and went since */
    int users;               /* slot_lock: searches under way, and one for being in the list */
    struct lk_slot *next;
} lk_slot;

struct liken {
    char *data, *models, *detector;
    char *pack;            /* the handle's own: "auto" only where no pack is there to take */
    const char *pack_note; /* why auto took it; NULL: it was named */
    bool pack_is_poor;     /* and there is a better one to install */
    char *where;           /* the PostgreSQL server; NULL: SQLite in `data` */
    char *address;         /* the same as it may be shown, without a password */
    char *legacy_table;    /* served in place; NULL: liken's own tables */
    size_t index_memory;   /* bytes for the indexes of LIKEN_SEARCH_AUTO */
    int threads, max_faces, min_face;
    lk_photo_limits limits;
    char **photo_folders; /* of which files may be shown (photo_file.c) */
    size_t photo_folder_count;
    bool read_only, existing, no_store, no_models;
    bool tended;        /* the store takes writes, and what it needs in the background is done by this process */
    bool sandbox;       /* as asked for; limits.decoders is NULL where it is off */
    const char *no_box; /* why there is none although it was asked for, or NULL */
    lk_store *store;
    const struct lk_inside *inside; /* who acts in its transactions (store/inside.h), or NULL */
    pthread_rwlock_t calls;         /* held for reading by every call, for writing by liken_free */

    pthread_mutex_t engine_lock; /* the lists, idle pipelines, `running`; never held while a pack is loaded */
    pthread_cond_t engine_room, engine_loaded;
    lk_engine *engines;
    lk_loading *loading;
    int running; /* pipelines in use, at most `threads` */

    _Atomic int searching; /* searches under way */

    pthread_mutex_t sync_lock;                /* whoever feeds the indexes */
    _Atomic int64_t seen_face, seen_deletion; /* every index holds the store's changes up to here */
    bool primed;                              /* the caches were opened, the cursors are set */
    bool begun;                               /* the first catching up is done */
    uint64_t fed, pending;                    /* faces taken from the store; changes since a save was last asked for */
    _Atomic int64_t seen_version;

    pthread_mutex_t slot_lock; /* the list; it changes under sync_lock only */
    lk_slot *slots;
    int64_t *remote; /* slot_lock, changed under sync_lock: the collections that the store searches, ascending */
    size_t remote_count;

    pthread_mutex_t secret_lock; /* guards the next two */
    bool secret_known;
    uint8_t secret[32]; /* that links are signed with: the store's, and never another */

    lk_chore *saver, *tender, *eraser; /* NULL: not here */
};

/* ---- gallery.c ---- */

/* A handle with its options settled and nothing opened yet. ARG. */
int lk_gallery_settings(liken **out, const liken_options *options, liken_error *err);
int lk_gallery_store_open(liken *lk, liken_error *err);
/* ARG: the handle has no store. */
int lk_gallery_needs_store(const liken *lk, liken_error *err);
/* READ_ONLY where the handle was opened so, or its store could not be opened for writing; a database that takes no
 * writes says so by itself. */
int lk_gallery_may_write(const liken *lk, liken_error *err);
/* Starts the first process that photos are decoded in, and waits for it. UNSUPPORTED. */
int lk_gallery_sandbox_begin(liken *lk, liken_error *err);
int lk_gallery_sandbox_ready(liken *lk, liken_error *err);
/* CONFLICT: the store is a copy that is not finished (move.c). */
int lk_gallery_whole(liken *lk, liken_error *err);

/* ---- legacy.c ---- */

/* Opens lk->legacy_table in place. */
int lk_gallery_legacy_open(liken *lk, liken_error *err);

/* ---- gallery.c ---- */

/* What every public call of a handle begins and ends with. `leave` must follow `enter`, also after a fault: those of
 * lk_call_begin. */
LK_CHECKED int lk_gallery_enter(liken *lk, lk_call *k, const liken_call *call, liken_error *err);
void lk_gallery_leave(liken *lk, lk_call *k);

/* ---- engine.c ---- */

/* The engine of a pack (NULL: the handle's own; "auto"), loaded when first asked for. MODEL. */
int lk_gallery_engine(liken *lk, const char *pack, lk_engine **out, liken_error *err);
/* The engine whose descriptors this collection holds. MISMATCH names both when only another version is installed. */
int lk_gallery_engine_for(liken *lk, const liken_collection *c, lk_engine **out, liken_error *err);
/* Is the pack that makes its descriptors here? MISMATCH; loads nothing. */
int lk_gallery_serves(const liken *lk, const liken_collection *c, liken_error *err);
/* Says of each model of the store's collections, in the log, which is not the handle's own: that it is kept, or that
 * no pack here makes it. */
int lk_gallery_tell_models(liken *lk, liken_error *err);
void lk_gallery_engines_free(liken *lk);
/* ARG: a min_face that is neither 0 nor one of liken_options. */
int lk_gallery_check_min_face(int min_face, liken_error *err);
/* Finds and describes the faces of a photo, those of `min_face` pixels everywhere, 0: as the gallery's own
 * (lk_pipeline_run); waits while all pipelines are in use. */
int lk_gallery_look(liken *lk, lk_engine *e, const void *bytes, size_t size, int min_face, lk_faces *out,
                    liken_error *err);
/* The same with out->view, and described or not. */
int lk_gallery_look_and_view(liken *lk, lk_engine *e, const void *bytes, size_t size, bool describe, int min_face,
                             int view, lk_faces *out, liken_error *err);

/* The faces of a photo that were found before, by this engine (lk_pipeline_again). Photo errors. */
int lk_gallery_look_again(liken *lk, lk_engine *e, const void *bytes, size_t size, const lk_found *found, lk_faces *out,
                          liken_error *err);

/* ---- classes.c ---- */

/* What a face is compared by, for stored faces of each class: [0] good ones, [1] weak ones. */
typedef struct lk_reach {
    float radius[2];
    lk_calibration calibration[2]; /* with the collection's threshold, brought to the class */
} lk_reach;

/* Sets ->weak of the kept faces. */
void lk_gallery_classify(const lk_engine *e, lk_faces *faces);
/* For a face that is weak or not, of that score (1: it is not to count), and a threshold for two good ones. */
lk_reach lk_gallery_reach(const lk_engine *e, const liken_collection *c, bool weak, float score, float threshold);

/* ---- sync.c ---- */

/* Brings every index up to the store; cheap when nothing changed. */
int lk_gallery_sync(liken *lk, liken_error *err);
/* The same, whatever the store says about its version. */
int lk_gallery_sync_now(liken *lk, liken_error *err);
/* lk_gallery_sync after a write that the store has acknowledged: a failure is logged, since the next search tries
 * again. */
void lk_gallery_sync_after_write(liken *lk);
/* For an index that turned out to be damaged: *slot becomes one that was made anew from the store (NULL: the collection
 * is gone). */
int lk_gallery_mend(liken *lk, lk_slot **slot, liken_error *err);

/* ---- slots.c ---- */

/* NULL when the collection has no faces. */
lk_slot *lk_gallery_slot_take(liken *lk, int64_t collection);
void lk_gallery_slot_drop(liken *lk, lk_slot *slot);
/* All of them, taken; *slots is the caller's to free. */
int lk_gallery_slots_take(liken *lk, lk_slot ***slots, size_t *count, liken_error *err);
void lk_gallery_slots_free(liken *lk);

/* The rest is for sync, which holds sync_lock. */
lk_slot *lk_slot_find(const liken *lk, int64_t collection);
/* A slot for the list, with what its cache holds, or empty, with no cache but an empty one. */
int lk_slot_open(liken *lk, const liken_collection *c, lk_slot **out, liken_error *err);
int lk_slot_new(liken *lk, const liken_collection *c, lk_slot **out, liken_error *err);
/* Puts `s` into the list in the place of `old`; either may be NULL. `old` is let go of, and its cache deleted. */
void lk_slot_replace(liken *lk, lk_slot *old, lk_slot *s);
/* malloc'd "DATA/index/ID", or "DATA/index/STORE/ID" for a store that is not in DATA itself; NULL when out of memory.
 */
char *lk_cache_folder(const liken *lk, int64_t collection);
/* Deletes the caches that belong to no slot, unless another process has them open. */
void lk_cache_clean(const liken *lk);

/* ---- save.c ---- */

/* Starts the thread that saves; without it the caches are saved by lk_saver_stop alone. */
void lk_saver_start(liken *lk);
/* Ends it, and saves what was not. */
void lk_saver_stop(liken *lk);
/* So many faces came or went. Under sync_lock. */
void lk_saver_count(liken *lk, lk_slot *slot, size_t changes);

/* ---- place.c ---- */

/* Settles again which collections the store searches. *joined: those that it need not any more, joined_count of them,
 * free(); it goes on searching each until there is a slot, and then lk_place_leave is called. Under sync_lock. */
int lk_place_settle(liken *lk, int64_t **joined, size_t *joined_count, liken_error *err);
void lk_place_leave(liken *lk, int64_t collection);
/* Asked after a slot was looked for and there was none. */
bool lk_place_is_remote(liken *lk, int64_t collection);

/* ---- ids.c ---- */

/* Ids without repetition; list[0..count) is in the order in which they came, also where `list` is read directly. Start
 * from {0}. One thread. */
typedef struct lk_ids {
    int64_t *list;
    size_t count;
    uint32_t *table;
    size_t slots;
} lk_ids;

/* One that is there already is no fault. MEMORY. */
int lk_ids_add(lk_ids *s, int64_t id, liken_error *err);
bool lk_ids_has(const lk_ids *s, int64_t id);
void lk_ids_free(lk_ids *s);

/* ---- database.c ---- */

/* The nearest as the store finds them: as lk_index_search answers, to the bit, when *exact; a key says which class
 * it is where they have different radii. */
int lk_database_search(liken *lk, const liken_collection *c, const lk_store_query *query, lk_neighbour *neighbours,
                       size_t *count, bool *exact, double *recall, liken_error *err);
/* All faces within the radius (query->all), added to *faces; *known false, and nothing added: they are more than
 * query->k, or an approximate index was asked. */
int lk_database_within(liken *lk, const liken_collection *c, const lk_store_query *query, lk_ids *faces, bool *known,
                       liken_error *err);

/* ---- tend.c ---- */

/* Starts lk->tender and lk->eraser, where the store has such work. */
void lk_tend_start(liken *lk);
void lk_tend_stop(liken *lk);
/* Makes the store ready for searches inside it, now and to the end. */
int lk_tend(liken *lk, liken_error *err);

/* ---- collections.c ---- */

/* `name` NULL: "default". */
int lk_gallery_collection(liken *lk, const char *name, liken_collection **out, liken_error *err);
/* *out: NULL when there is none of that id any more. */
int lk_gallery_collection_of(liken *lk, int64_t id, liken_collection **out, liken_error *err);
/* Makes "default" when it is not there and can be made. */
int lk_gallery_make_default(liken *lk, liken_error *err);

/* ---- add.c ---- */

/* An image that is not stored; takes the faces out of *faces. `sha256`: of the photo's bytes. */
int lk_gallery_image(const lk_engine *e, const char sha256[65], lk_faces *faces, liken_image **out, liken_error *err);

/* ---- images.c ---- */

/* The id of the collection `name`; *id 0, any, for NULL. NOT_FOUND. */
int lk_gallery_collection_id(liken *lk, const char *name, int64_t *id, liken_error *err);
/* liken_face_get, inside a call. */
int lk_gallery_face(liken *lk, const char *collection, int64_t id, liken_face **out, int64_t *image, liken_error *err);

void lk_collection_cleanup(liken_collection **c);

/* `LK_COLLECTION liken_collection *c = NULL;` is freed when it goes out of scope. */
#define LK_COLLECTION LK_CLEANUP(lk_collection_cleanup)

#endif
