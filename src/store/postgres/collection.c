/* Collections: rows that name a model, and with it what may be compared inside them. */
#include "store/postgres/postgres_int.h"

#include <stdlib.h>

#define SELECT_COLLECTION                                                                                              \
    "SELECT c.id, c.name, m.name, m.dimension, c.metric, c.threshold, c.created_at, c.images, c.faces, c.search, "     \
    "c.keep, c.generation"                                                                                             \
    " FROM liken.collections c JOIN liken.models m ON m.id = c.model"

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

static int read_row(const lk_pg_result *r, int row, liken_collection **out, liken_error *err) {
    liken_collection *c = calloc(1, sizeof *c);
    if (c == NULL || !lk_pg_copy(r, row, 1, &c->name) || !lk_pg_copy(r, row, 2, &c->model)) {
        liken_collection_free(c);
        return lk_fail_memory(err);
    }
    c->id = lk_pg_get_int(r, row, 0);
    c->dimension = (int)lk_pg_get_int(r, row, 3);
    c->metric = lk_pg_get_int(r, row, 4) == LIKEN_L2 ? LIKEN_L2 : LIKEN_NORMALIZED;
    c->threshold = (float)lk_pg_get_real(r, row, 5);
    c->created_at = lk_pg_get_int(r, row, 6);
    c->images = lk_pg_get_int(r, row, 7);
    c->faces = lk_pg_get_int(r, row, 8);
    c->search = (liken_search)lk_pg_get_int(r, row, 9);
    c->keep = (liken_keep)lk_pg_get_int(r, row, 10);
    c->generation = lk_pg_get_int(r, row, 11);
    *out = c;
    return LIKEN_OK;
}

/* ---- get and list ---- */

struct get {
    const char *name;
    lk_pg_result *rows;
};

static int get(lk_pg_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    return lk_pg_exec(c, SELECT_COLLECTION " WHERE c.name = $1 AND " LK_POSTGRES_LIVE, LK_PG_ARGS(lk_pg_text(g->name)),
                      &g->rows, err);
}

int lk_postgres_collection_get(lk_store *s, const char *name, liken_collection **out, liken_error *err) {
    struct get g = {.name = name};
    int rc = lk_pg_with(of(s)->db, get, &g, err);
    if (rc != LIKEN_OK)
        return rc;
    if (lk_pg_rows(g.rows) == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no collection \"%.64s\".", name);
    else
        rc = read_row(g.rows, 0, out, err);
    lk_pg_clear(g.rows);
    return rc;
}

static int list(lk_pg_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    return lk_pg_exec(c, SELECT_COLLECTION " WHERE " LK_POSTGRES_LIVE " ORDER BY c.name", LK_PG_NO_ARGS, &g->rows, err);
}

int lk_postgres_collection_list(lk_store *s, liken_collection ***out, size_t *count, liken_error *err) {
    struct get g = {0};
    int rc = lk_pg_with(of(s)->db, list, &g, err);
    if (rc != LIKEN_OK)
        return rc;
    const int rows = lk_pg_rows(g.rows);
    liken_collection **found = calloc((size_t)rows + 1, sizeof(*found));
    if (found == NULL)
        rc = lk_fail_memory(err);
    for (int i = 0; rc == LIKEN_OK && i < rows; i++)
        rc = read_row(g.rows, i, &found[i], err);
    lk_pg_clear(g.rows);
    if (rc != LIKEN_OK) {
        liken_collections_free(found, (size_t)rows);
        return rc;
    }
    *out = found;
    *count = (size_t)rows;
    return LIKEN_OK;
}

/* ---- create ---- */

struct create {
    const liken_collection *wanted;
    int64_t id;
};

/* The row of a model, made when it is new; a model's dimension never changes. */
static int model_id(lk_pg_conn *c, const liken_collection *wanted, int64_t *id, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_say(c, "INSERT INTO liken.models (name, dimension) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
                       LK_PG_ARGS(lk_pg_text(wanted->model), lk_pg_int4(wanted->dimension)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT id, dimension FROM liken.models WHERE name = $1",
                         LK_PG_ARGS(lk_pg_text(wanted->model)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &r, err);
    rc = lk_pg_finish(c, rc, err);
    if (rc == LIKEN_OK && lk_pg_get_int(r, 0, 1) != wanted->dimension)
        rc = lk_fail(err, LIKEN_E_MISMATCH,
                     "The store knows model %s with %d numbers a face, not %d; reinstall its pack.", wanted->model,
                     (int)lk_pg_get_int(r, 0, 1), wanted->dimension);
    if (rc == LIKEN_OK)
        *id = lk_pg_get_int(r, 0, 0);
    lk_pg_clear(r);
    return rc;
}

static int create(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct create *job = arg;
    const liken_collection *k = job->wanted;
    int64_t model = 0;
    int rc = model_id(c, k, &model, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c,
                          "INSERT INTO liken.collections (name, model, metric, threshold, created_at, search, keep)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING RETURNING id",
                          LK_PG_ARGS(lk_pg_text(k->name), lk_pg_int8(model), lk_pg_int2((int)k->metric),
                                     lk_pg_float4(k->threshold), lk_pg_int8(k->created_at), lk_pg_int2((int)k->search),
                                     lk_pg_int2((int)k->keep)),
                          0, &job->id, err);
    if (rc == LIKEN_OK && job->id == 0)
        rc = lk_fail(err, LIKEN_E_CONFLICT, "There is a collection \"%.64s\" already.", k->name);
    if (rc == LIKEN_OK)
        rc = lk_postgres_tell_collection(c, w, LIKEN_COLLECTION_CREATED, job->id, k->name, err);
    w->changed = true;
    return rc;
}

int lk_postgres_collection_create(lk_store *s, liken_collection *c, liken_error *err) {
    struct create job = {.wanted = c};
    const int rc = lk_postgres_write(of(s), create, &job, err);
    if (rc == LIKEN_OK)
        c->id = job.id;
    return rc;
}
