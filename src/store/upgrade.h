/* upgrade.h - a collection that changes its model, as it lies in the store.
 *
 * While that is prepared, `cold` fills with the faces of its photos as the new model sees them, photo by photo, beside
 * the live ones, which are searched and added to as ever. The switch is one transaction: every live face of the
 * collection goes to `cold`, every cold one comes in, under the id that it had; a face that only one of the models
 * keeps goes or comes with it. The collection has the new model then, and one more in `generation`, by which every
 * reader knows that what it holds of the collection is to be read anew. What lies in `cold` after it is the way back,
 * which is the same once more, until it is forgotten.
 *
 * What a photo or a face that is removed had in `cold` goes with it, and a face that is only there can be removed by
 * its id too; what the other model refused of it, and might keep another time, goes as well. A copy (liken move) takes
 * no cold rows along. */
#ifndef LK_STORE_UPGRADE_H
#define LK_STORE_UPGRADE_H

#include "store/sql.h"

#define LK_UPGRADE_MODEL 128 /* bytes of a model's id, with its end */

typedef struct lk_upgrade {
    int64_t collection;
    char model[LK_UPGRADE_MODEL]; /* of what is in `cold` */
    int dimension;
    liken_metric metric;
    float threshold;
    bool switched; /* it was the collection's own before */
    int64_t began_at, switched_at;
    int64_t ready, missing, waiting; /* photos in `cold`; of those without pixels; that are to be looked at yet */
    int64_t kept, gone, came; /* faces of those photos: live ones that are in `cold`, that are not; others in `cold` */
} lk_upgrade;

/* A photo as the new model sees it; ids of the faces as in the store, 0: none yet. */
typedef struct lk_upgraded {
    int64_t image;
    bool missing;            /* there are no pixels of it */
    const liken_face *faces; /* kept, with descriptors */
    size_t face_count;
    const liken_face *refused;
    size_t refused_count;
} lk_upgraded;

/* A cold face that is kept. */
typedef struct lk_cold_face {
    int64_t face, image; /* face 0: it has no id yet */
    bool weak;
    const float *descriptor;
    int dimension;
} lk_cold_face;
typedef int lk_cold_face_fn(void *ctx, const lk_cold_face *face, liken_error *err);

/* *there false, and *out untouched: none is prepared and there is no way back. UNSUPPORTED: a legacy table; so all
 * others. */
LK_CHECKED int lk_upgrade_get(lk_store *s, int64_t collection, lk_upgrade *out, bool *there, liken_error *err);
/* Can the collection be switched at all? UNSUPPORTED says why not. */
LK_CHECKED int lk_upgrade_may(lk_store *s, int64_t collection, liken_error *err);
/* Begins one to wanted's model, or takes up the one that is there; photos whose pixels were missing are to be looked at
 * again. CONFLICT: that is to another model. */
LK_CHECKED int lk_upgrade_begin(lk_store *s, const lk_upgrade *wanted, liken_error *err);
/* Up to `room` photos with ids above `after` that are to be looked at, ascending. */
LK_CHECKED int lk_upgrade_todo(lk_store *s, int64_t collection, int64_t after, int64_t *ids, size_t room, size_t *count,
                               liken_error *err);
/* Stores photos, in one transaction. Photos and faces that are gone, and photos that are there already, are passed
 * over. CONFLICT: it was ended, or switched, meanwhile. */
LK_CHECKED int lk_upgrade_put(lk_store *s, int64_t collection, const char *model, const lk_upgraded *photos,
                              size_t count, liken_error *err);
/* The kept cold faces, in the order in which they were stored. */
LK_CHECKED int lk_upgrade_faces(lk_store *s, int64_t collection, lk_cold_face_fn *fn, void *ctx, liken_error *err);
/* Switches, in one transaction, unless photos are to be looked at yet: *waiting of them, and nothing has changed. The
 * faces of photos without pixels are among those that go. CONFLICT: it is of another model, or there is none.
 * UNSUPPORTED: the collection is searched in the database, or the gallery is spread over servers. */
LK_CHECKED int lk_upgrade_switch(lk_store *s, int64_t collection, const char *model, int64_t *waiting,
                                 liken_error *err);
/* Forgets what is prepared, or the way back; *faces counts what was in `cold`. */
LK_CHECKED int lk_upgrade_forget(lk_store *s, int64_t collection, int64_t *faces, liken_error *err);

/* ---- for the stores ---- */

/* What a database has its own way for. Its statements get $1, the collection, and, where `bounded`, $2: cold rows up to
 * that id are the ones that come in. */
typedef struct lk_upgrade_statement {
    const char *sql;
    bool bounded;
} lk_upgrade_statement;
typedef struct lk_upgrade_dialect {
    const lk_upgrade_statement *statements; /* the switch, in order */
    size_t count;
} lk_upgrade_dialect;

/* The switch, inside a transaction of the store, which tells of the change. `next`: the last face id that was given;
 * *given: how many more are now. */
LK_CHECKED int lk_upgrade_swap(lk_sql *q, const lk_upgrade_dialect *dialect, int64_t collection, const char *model,
                               int64_t next, int64_t *given, int64_t *waiting, liken_error *err);

/* LK_FACE_NAMES (codec.h) of a row `t`. */
#define LK_UPGRADE_NAMES_OF(t)                                                                                         \
    t ".x, " t ".y, " t ".width, " t ".height, " t ".landmarks, " t ".confidence, " t ".size, " t ".sharpness, " t     \
      ".brightness, " t ".yaw, " t ".pitch, " t ".roll, " t ".score"
/* The same set from a row `k`. */
#define LK_UPGRADE_NAMES_SET                                                                                           \
    "x = k.x, y = k.y, width = k.width, height = k.height, landmarks = k.landmarks, confidence = k.confidence,"        \
    " size = k.size, sharpness = k.sharpness, brightness = k.brightness, yaw = k.yaw, pitch = k.pitch,"                \
    " roll = k.roll, score = k.score"
/* Is a row of one model's what the other makes of the same face? Boxes are taken over as they are. */
#define LK_UPGRADE_SAME_BOX(a, b)                                                                                      \
    a ".image = " b ".image AND " a ".x = " b ".x AND " a ".y = " b ".y AND " a ".width = " b ".width AND " a          \
      ".height = " b ".height"
/* Of cold rows `k`: the kept ones that come in. */
#define LK_UPGRADE_COMING "k.collection = $1 AND k.id <= $2 AND k.reason = 0"

#endif
