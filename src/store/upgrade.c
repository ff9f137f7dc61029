/* See upgrade.h. All but the switch is sql.h alone; of the switch each database says what it has its own way for. */
#include "store/upgrade.h"

#include "base/clock.h"
#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what there is ---- */

struct get {
    int64_t collection;
    lk_upgrade found;
    bool there;
};

static int take_upgrade(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    struct get *g = ctx;
    lk_upgrade *u = &g->found;
    (void)columns;
    (void)err;
    g->there = true;
    *u = (lk_upgrade){.collection = g->collection,
                      .dimension = (int)row[1].whole,
                      .metric = row[2].whole == LIKEN_L2 ? LIKEN_L2 : LIKEN_NORMALIZED,
                      .threshold = row[3].real,
                      .switched = row[4].whole != 0,
                      .began_at = row[5].whole,
                      .switched_at = row[6].null ? 0 : row[6].whole};
    (void)snprintf(u->model, sizeof u->model, "%s", row[0].bytes);
    return LIKEN_OK;
}

static int read_row(lk_sql *q, struct get *g, liken_error *err) {
    g->there = false;
    return lk_sql_query(q,
                        "SELECT u.model, u.dimension, u.metric, u.threshold, u.switched, u.began_at, u.switched_at FROM"
                        " liken.upgrades u JOIN liken.collections c ON c.id = u.collection WHERE u.collection = $1"
                        " AND substr(c.name, 1, 1) <> '.'", /* of a removed one there is nothing to change */
                        LK_SQL_ARGS(lk_sql_int(g->collection)), take_upgrade, g, err);
}

static const char sql_waiting[] = "SELECT count(*) FROM liken.images i WHERE i.collection = $1"
                                  " AND NOT EXISTS (SELECT 1 FROM liken.upgraded u WHERE u.image = i.id)";

static const char sql_ready[] = "SELECT count(*) FROM liken.upgraded WHERE collection = $1";
static const char sql_missing[] = "SELECT count(*) FROM liken.upgraded WHERE collection = $1 AND missing = 1";
static const char sql_kept[] = "SELECT count(*) FROM liken.cold k WHERE k.collection = $1 AND k.reason = 0"
                               " AND EXISTS (SELECT 1 FROM liken.faces f WHERE f.id = k.face)";
static const char sql_came[] = "SELECT count(*) FROM liken.cold k WHERE k.collection = $1 AND k.reason = 0"
                               " AND NOT EXISTS (SELECT 1 FROM liken.faces f WHERE f.id = k.face)";
static const char sql_gone[] =
    "SELECT count(*) FROM liken.upgraded u JOIN liken.faces f ON f.image = u.image WHERE u.collection = $1"
    " AND NOT EXISTS (SELECT 1 FROM liken.cold k WHERE k.face = f.id AND k.reason = 0)";

static int read_upgrade(lk_sql *q, void *arg, liken_error *err) {
    struct get *g = arg;
    lk_upgrade *u = &g->found;
    const struct {
        const char *sql;
        int64_t *out;
    } counts[] = {{sql_ready, &u->ready}, {sql_missing, &u->missing}, {sql_waiting, &u->waiting},
                  {sql_kept, &u->kept},   {sql_came, &u->came},       {sql_gone, &u->gone}};
    int rc = read_row(q, g, err);
    for (size_t i = 0; rc == LIKEN_OK && g->there && i < LK_LENGTH(counts); i++)
        rc = lk_sql_number(q, counts[i].sql, LK_SQL_ARGS(lk_sql_int(g->collection)), 0, counts[i].out, err);
    return rc;
}

int lk_upgrade_get(lk_store *s, int64_t collection, lk_upgrade *out, bool *there, liken_error *err) {
    struct get g = {.collection = collection};
    const int rc = lk_sql_read(s, read_upgrade, &g, err);
    if (rc != LIKEN_OK)
        return rc;
    *there = g.there;
    if (g.there)
        *out = g.found;
    return LIKEN_OK;
}

/* ---- beginning ---- */

int lk_upgrade_may(lk_store *s, int64_t collection, liken_error *err) {
    if (s->ops->upgrading == NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "A legacy table keeps the model that it was made with.");
    return s->ops->upgrading->may == NULL ? LIKEN_OK : s->ops->upgrading->may(s, collection, err);
}

static int check_model(const struct get *g, const char *model, liken_error *err) {
    if (g->there && strcmp(g->found.model, model) == 0)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_CONFLICT, "The upgrade to model %s was ended or switched meanwhile.", model);
}

static int begin(lk_sql *q, void *arg, liken_error *err) {
    const lk_upgrade *w = arg;
    struct get g = {.collection = w->collection};
    int rc =
        lk_sql_run(q,
                   "INSERT INTO liken.upgrades (collection, model, dimension, metric, threshold, switched,"
                   " began_at) VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT DO NOTHING",
                   LK_SQL_ARGS(lk_sql_int(w->collection), lk_sql_text(w->model), lk_sql_int(w->dimension),
                               lk_sql_int((int64_t)w->metric), lk_sql_real(w->threshold), lk_sql_int(lk_clock_now())),
                   NULL, err);
    if (rc == LIKEN_OK)
        rc = read_row(q, &g, err);
    if (rc == LIKEN_OK && g.there && strcmp(g.found.model, w->model) != 0)
        return lk_fail(err, LIKEN_E_CONFLICT,
                       g.found.switched
                           ? "The way back to model %s is still kept; say liken upgrade --finish before another change."
                           : "An upgrade to model %s is under way; go on with it, or end it with liken upgrade "
                             "--finish.",
                       g.found.model);
    return rc == LIKEN_OK ? lk_sql_run(q, "DELETE FROM liken.upgraded WHERE collection = $1 AND missing = 1",
                                       LK_SQL_ARGS(lk_sql_int(w->collection)), NULL, err)
                          : rc;
}

int lk_upgrade_begin(lk_store *s, const lk_upgrade *wanted, liken_error *err) {
    lk_upgrade w = *wanted;
    return lk_sql_write(s, begin, &w, err);
}

/* ---- what is to be done ---- */

struct todo {
    int64_t collection, after;
    int64_t *ids;
    size_t room, count;
};

static int take_id(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    struct todo *t = ctx;
    (void)columns;
    (void)err;
    if (t->count < t->room)
        t->ids[t->count++] = row[0].whole;
    return LIKEN_OK;
}

static int read_todo(lk_sql *q, void *arg, liken_error *err) {
    struct todo *t = arg;
    t->count = 0;
    return lk_sql_query(q,
                        "SELECT i.id FROM liken.images i WHERE i.collection = $1 AND i.id > $2 AND NOT EXISTS"
                        " (SELECT 1 FROM liken.upgraded u WHERE u.image = i.id) ORDER BY i.id LIMIT $3",
                        LK_SQL_ARGS(lk_sql_int(t->collection), lk_sql_int(t->after), lk_sql_int((int64_t)t->room)),
                        take_id, t, err);
}

int lk_upgrade_todo(lk_store *s, int64_t collection, int64_t after, int64_t *ids, size_t room, size_t *count,
                    liken_error *err) {
    struct todo t = {.collection = collection, .after = after, .ids = ids, .room = room};
    const int rc = lk_sql_read(s, read_todo, &t, err);
    if (rc == LIKEN_OK)
        *count = t.count;
    return rc;
}

/* ---- photos ---- */

struct put {
    int64_t collection;
    const char *model;
    const lk_upgraded *photos;
    size_t count;
};

/* A face that was removed while it was described stays removed. */
static int put_face(lk_sql *q, int64_t collection, int64_t image, const liken_face *f, liken_error *err) {
    unsigned char bytes[4 * LK_DIMENSION_MAX];
    lk_face_row r;
    if (f->descriptor != NULL && (f->dimension < 1 || f->dimension > LK_DIMENSION_MAX))
        return lk_fail(err, LIKEN_E_INTERNAL, "A descriptor has %d numbers.", f->dimension);
    const size_t size = f->descriptor == NULL ? 0 : 4 * (size_t)f->dimension;
    lk_face_to_row(f, &r);
    if (f->descriptor != NULL)
        lk_floats_encode(f->descriptor, (size_t)f->dimension, bytes);
    const float *n = r.numbers;
    return lk_sql_run(q,
                      "INSERT INTO liken.cold (collection, image, face, reason, weak, " LK_FACE_NAMES ", descriptor)"
                      " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19"
                      " WHERE $3 IS NULL OR EXISTS (SELECT 1 FROM liken.faces f WHERE f.id = $3)",
                      LK_SQL_ARGS(lk_sql_int(collection), lk_sql_int(image),
                                  f->id == 0 ? lk_sql_null(LK_SQL_INT) : lk_sql_int(f->id),
                                  lk_sql_int((int64_t)f->reason), lk_sql_int(f->weak), lk_sql_real(n[0]),
                                  lk_sql_real(n[1]), lk_sql_real(n[2]), lk_sql_real(n[3]),
                                  lk_sql_blob(r.landmarks, sizeof r.landmarks), lk_sql_real(n[4]), lk_sql_real(n[5]),
                                  lk_sql_real(n[6]), lk_sql_real(n[7]), lk_sql_real(n[8]), lk_sql_real(n[9]),
                                  lk_sql_real(n[10]), lk_sql_real(n[11]), lk_sql_blob(size == 0 ? NULL : bytes, size)),
                      NULL, err);
}

static int put_photo(lk_sql *q, int64_t collection, const lk_upgraded *p, liken_error *err) {
    int64_t fresh = 0;
    int rc = lk_sql_run(q,
                        "INSERT INTO liken.upgraded (image, collection, missing) SELECT i.id, i.collection, $3"
                        " FROM liken.images i WHERE i.id = $1 AND i.collection = $2 ON CONFLICT DO NOTHING",
                        LK_SQL_ARGS(lk_sql_int(p->image), lk_sql_int(collection), lk_sql_int(p->missing)), &fresh, err);
    if (rc != LIKEN_OK || fresh == 0)
        return rc;
    for (size_t i = 0; rc == LIKEN_OK && i < p->face_count; i++)
        rc = put_face(q, collection, p->image, &p->faces[i], err);
    for (size_t i = 0; rc == LIKEN_OK && i < p->refused_count; i++)
        rc = put_face(q, collection, p->image, &p->refused[i], err);
    return rc;
}

static int put(lk_sql *q, void *arg, liken_error *err) {
    const struct put *p = arg;
    struct get g = {.collection = p->collection};
    int rc = read_row(q, &g, err);
    if (rc == LIKEN_OK)
        rc = check_model(&g, p->model, err);
    for (size_t i = 0; rc == LIKEN_OK && i < p->count; i++)
        rc = put_photo(q, p->collection, &p->photos[i], err);
    return rc;
}

int lk_upgrade_put(lk_store *s, int64_t collection, const char *model, const lk_upgraded *photos, size_t count,
                   liken_error *err) {
    struct put p = {collection, model, photos, count};
    return lk_sql_write(s, put, &p, err);
}

/* ---- what was described ---- */

#define PAGE 2048

struct faces {
    int64_t collection, after;
    lk_cold_face_fn *fn;
    void *ctx;
    float *values;
    size_t count;
};

static int pass_face(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    struct faces *f = ctx;
    (void)columns;
    const size_t size = row[3].null ? 0 : row[3].size;
    if (size == 0 || size % 4 != 0 || size > 4 * LK_DIMENSION_MAX)
        return lk_fail(err, LIKEN_E_STORE,
                       "The upgrade holds a descriptor of %zu bytes, which cannot be right; end it with liken upgrade "
                       "--finish and begin again.",
                       size);
    lk_floats_decode(row[3].bytes, size / 4, f->values);
    const lk_cold_face face = {.face = row[0].null ? 0 : row[0].whole,
                               .image = row[1].whole,
                               .weak = row[2].whole != 0,
                               .descriptor = f->values,
                               .dimension = (int)(size / 4)};
    f->count++;
    f->after = row[4].whole;
    return f->fn(f->ctx, &face, err);
}

/* A page; `fn` is not called again for what it was given. */
static int read_faces(lk_sql *q, void *arg, liken_error *err) {
    struct faces *f = arg;
    f->count = 0;
    return lk_sql_query(q,
                        "SELECT k.face, k.image, k.weak, k.descriptor, k.id FROM liken.cold k WHERE k.collection = $1"
                        " AND k.id > $2 AND k.reason = 0 ORDER BY k.id LIMIT $3",
                        LK_SQL_ARGS(lk_sql_int(f->collection), lk_sql_int(f->after), lk_sql_int(PAGE)), pass_face, arg,
                        err);
}

int lk_upgrade_faces(lk_store *s, int64_t collection, lk_cold_face_fn *fn, void *ctx, liken_error *err) {
    LK_FREE float *values = malloc(LK_DIMENSION_MAX * sizeof *values);
    struct faces f = {.collection = collection, .fn = fn, .ctx = ctx, .values = values, .count = PAGE};
    int rc = values == NULL ? lk_fail_memory(err) : LIKEN_OK;
    while (rc == LIKEN_OK && f.count == PAGE)
        rc = lk_sql_read(s, read_faces, &f, err);
    return rc;
}

/* ---- the switch ---- */

int lk_upgrade_switch(lk_store *s, int64_t collection, const char *model, int64_t *waiting, liken_error *err) {
    const int rc = lk_upgrade_may(s, collection, err);
    return rc == LIKEN_OK ? s->ops->upgrading->swap(s, collection, model, waiting, err) : rc;
}

/* Faces that come in and had no id get theirs, in the order in which an add would have given them. */
static int give_ids(lk_sql *q, int64_t collection, int64_t bound, int64_t next, int64_t *given, liken_error *err) {
    return lk_sql_run(q,
                      "UPDATE liken.cold AS k SET face = n.face FROM (SELECT c.id, $3 + row_number() OVER"
                      " (ORDER BY c.image, c.id) AS face FROM liken.cold c WHERE c.collection = $1 AND c.id <= $2"
                      " AND c.reason = 0 AND c.face IS NULL) n WHERE n.id = k.id",
                      LK_SQL_ARGS(lk_sql_int(collection), lk_sql_int(bound), lk_sql_int(next)), given, err);
}

static int run_statements(lk_sql *q, const lk_upgrade_dialect *d, int64_t collection, int64_t bound, liken_error *err) {
    const lk_sql_value values[2] = {lk_sql_int(collection), lk_sql_int(bound)};
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < d->count; i++)
        rc = lk_sql_run(q, d->statements[i].sql, values, d->statements[i].bounded ? 2 : 1, NULL, err);
    return rc;
}

static int model_id(lk_sql *q, const lk_upgrade *to, int64_t *id, liken_error *err) {
    const lk_sql_value values[2] = {lk_sql_text(to->model), lk_sql_int(to->dimension)};
    int rc = lk_sql_run(
        q, "INSERT INTO liken.models (name, dimension) VALUES ($1, CAST($2 AS bigint)) ON CONFLICT (name) DO NOTHING",
        values, 2, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_sql_number(q, "SELECT id FROM liken.models WHERE name = $1 AND dimension = CAST($2 AS bigint)", values,
                           2, 0, id, err);
    if (rc == LIKEN_OK && *id == 0)
        rc = lk_fail(err, LIKEN_E_MISMATCH,
                     "The store knows model %s with another number of numbers; reinstall its "
                     "pack.",
                     to->model);
    return rc;
}

/* Collection and upgrade change places. */
static int change_rows(lk_sql *q, const lk_upgrade *to, liken_error *err) {
    struct get was = {.collection = to->collection};
    int64_t model = 0;
    int rc = lk_sql_query(q,
                          "SELECT m.name, m.dimension, c.metric, c.threshold, 1, 0, 0 FROM liken.collections c"
                          " JOIN liken.models m ON m.id = c.model WHERE c.id = $1",
                          LK_SQL_ARGS(lk_sql_int(to->collection)), take_upgrade, &was, err);
    if (rc == LIKEN_OK)
        rc = model_id(q, to, &model, err);
    if (rc == LIKEN_OK)
        rc = lk_sql_run(q,
                        "UPDATE liken.collections SET model = $2, metric = CAST($3 AS bigint), threshold = $4, "
                        "generation = generation + 1,"
                        " faces = (SELECT count(*) FROM liken.faces f JOIN liken.images i ON i.id = f.image"
                        " WHERE i.collection = $1) WHERE id = $1",
                        LK_SQL_ARGS(lk_sql_int(to->collection), lk_sql_int(model), lk_sql_int((int64_t)to->metric),
                                    lk_sql_real(to->threshold)),
                        NULL, err);
    const lk_upgrade *w = &was.found;
    if (rc == LIKEN_OK)
        rc = lk_sql_run(q,
                        "UPDATE liken.upgrades SET model = $2, dimension = $3, metric = $4, threshold = $5,"
                        " switched = 1, switched_at = $6 WHERE collection = $1",
                        LK_SQL_ARGS(lk_sql_int(to->collection), lk_sql_text(w->model), lk_sql_int(w->dimension),
                                    lk_sql_int((int64_t)w->metric), lk_sql_real(w->threshold),
                                    lk_sql_int(lk_clock_now())),
                        NULL, err);
    return rc;
}

int lk_upgrade_swap(lk_sql *q, const lk_upgrade_dialect *dialect, int64_t collection, const char *model, int64_t next,
                    int64_t *given, int64_t *waiting, liken_error *err) {
    const lk_sql_value self[1] = {lk_sql_int(collection)};
    struct get g = {.collection = collection};
    int64_t bound = 0;
    *given = 0;
    int rc = read_row(q, &g, err);
    if (rc == LIKEN_OK)
        rc = check_model(&g, model, err);
    if (rc == LIKEN_OK)
        rc = lk_sql_number(q, sql_waiting, self, 1, 0, waiting, err);
    if (rc != LIKEN_OK || *waiting > 0)
        return rc;
    rc = lk_sql_number(q, "SELECT max(id) FROM liken.cold WHERE collection = $1", self, 1, 0, &bound, err);
    if (rc == LIKEN_OK)
        rc = give_ids(q, collection, bound, next, given, err);
    if (rc == LIKEN_OK)
        rc = run_statements(q, dialect, collection, bound, err);
    if (rc == LIKEN_OK) /* what had no pixels for the one has none for the other: 1 becomes 2, and 2 becomes 1 */
        rc = lk_sql_run(q, "UPDATE liken.upgraded SET missing = 2 * missing % 3 WHERE collection = $1 AND missing > 0",
                        self, 1, NULL, err);
    if (rc == LIKEN_OK) /* its faces are others now */
        rc = lk_sql_run(q, "UPDATE liken.images SET revision = revision + 1 WHERE collection = $1", self, 1, NULL, err);
    return rc == LIKEN_OK ? change_rows(q, &g.found, err) : rc;
}

/* ---- the end ---- */

struct forget {
    int64_t collection, faces;
};

static int forget(lk_sql *q, void *arg, liken_error *err) {
    struct forget *f = arg;
    const lk_sql_value self[1] = {lk_sql_int(f->collection)};
    int rc = lk_sql_run(q, "DELETE FROM liken.cold WHERE collection = $1", self, 1, &f->faces, err);
    if (rc == LIKEN_OK)
        rc = lk_sql_run(q, "DELETE FROM liken.upgraded WHERE collection = $1", self, 1, NULL, err);
    return rc == LIKEN_OK ? lk_sql_run(q, "DELETE FROM liken.upgrades WHERE collection = $1", self, 1, NULL, err) : rc;
}

int lk_upgrade_forget(lk_store *s, int64_t collection, int64_t *faces, liken_error *err) {
    struct forget f = {.collection = collection};
    const int rc = lk_sql_remove(s, forget, &f, err);
    if (rc == LIKEN_OK)
        *faces = f.faces;
    return rc;
}
