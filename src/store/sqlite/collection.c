/* Collections: rows that name a model, and with it what may be compared inside them. */
#include "store/sqlite/sqlite_int.h"

#include <stdlib.h>
#include <string.h>

#define SELECT_COLLECTION                                                                                              \
    "SELECT c.id, c.name, m.name, m.dimension, c.metric, c.threshold, c.created_at, c.images, c.faces, c.search, "     \
    "c.keep, c.generation"                                                                                             \
    " FROM collections c JOIN models m ON m.id = c.model"

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

static int read_row(sqlite3_stmt *stmt, liken_collection **out, liken_error *err) {
    liken_collection *c = calloc(1, sizeof *c);
    if (c == NULL || !lk_sqlite_copy(stmt, 1, &c->name) || !lk_sqlite_copy(stmt, 2, &c->model)) {
        liken_collection_free(c);
        return lk_fail_memory(err);
    }
    c->id = sqlite3_column_int64(stmt, 0);
    c->dimension = sqlite3_column_int(stmt, 3);
    c->metric = sqlite3_column_int(stmt, 4) == LIKEN_L2 ? LIKEN_L2 : LIKEN_NORMALIZED;
    c->threshold = (float)sqlite3_column_double(stmt, 5);
    c->created_at = sqlite3_column_int64(stmt, 6);
    c->images = sqlite3_column_int64(stmt, 7);
    c->faces = sqlite3_column_int64(stmt, 8);
    c->search = sqlite3_column_int(stmt, 9) == LIKEN_SEARCH_MEMORY ? LIKEN_SEARCH_MEMORY : LIKEN_SEARCH_AUTO;
    c->keep = (liken_keep)sqlite3_column_int(stmt, 10);
    c->generation = sqlite3_column_int64(stmt, 11);
    *out = c;
    return LIKEN_OK;
}

/* ---- get and list ---- */

struct get {
    const char *name;
    liken_collection *found;
};

static int get(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, SELECT_COLLECTION " WHERE c.name = ?1 AND " LK_SQLITE_LIVE, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, g->name);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && !row)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no collection \"%.64s\".", g->name);
    return rc == LIKEN_OK ? read_row(stmt, &g->found, err) : rc;
}

int lk_sqlite_collection_get(lk_store *s, const char *name, liken_collection **out, liken_error *err) {
    struct get g = {.name = name};
    const int rc = lk_sqlite_read(of(s), get, &g, err);
    if (rc == LIKEN_OK)
        *out = g.found;
    return rc;
}

struct list {
    liken_collection **rows;
    size_t count, room;
};

static int append(struct list *l, sqlite3_stmt *stmt, liken_error *err) {
    if (l->count == l->room) {
        const size_t room = l->room == 0 ? 16 : 2 * l->room;
        liken_collection **rows = realloc(l->rows, room * sizeof(*rows));
        if (rows == NULL)
            return lk_fail_memory(err);
        l->rows = rows;
        l->room = room;
    }
    const int rc = read_row(stmt, &l->rows[l->count], err);
    if (rc == LIKEN_OK)
        l->count++;
    return rc;
}

static int list(lk_sqlite_conn *c, void *arg, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, SELECT_COLLECTION " WHERE " LK_SQLITE_LIVE " ORDER BY c.name", &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = append(arg, stmt, err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_collection_list(lk_store *s, liken_collection ***out, size_t *count, liken_error *err) {
    struct list l = {0};
    const int rc = lk_sqlite_read(of(s), list, &l, err);
    if (rc != LIKEN_OK) {
        liken_collections_free(l.rows, l.count);
        return rc;
    }
    *out = l.rows;
    *count = l.count;
    return LIKEN_OK;
}

/* ---- create ---- */

/* The row of a model, made when it is new; a model's dimension never changes. */
static int model_id(lk_sqlite_conn *c, const liken_collection *wanted, int64_t *id, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "INSERT INTO models (name, dimension) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, wanted->model);
    (void)sqlite3_bind_int(stmt, 2, wanted->dimension);
    rc = lk_sqlite_run(c, stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_use(c, "SELECT id, dimension FROM models WHERE name = ?1", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, wanted->model);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    const int dimension = sqlite3_column_int(stmt, 1);
    *id = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_reset(stmt);
    if (dimension != wanted->dimension)
        return lk_fail(err, LIKEN_E_MISMATCH,
                       "The store knows model %s with %d numbers a face, not %d; reinstall its pack.", wanted->model,
                       dimension, wanted->dimension);
    return LIKEN_OK;
}

struct create {
    const liken_collection *wanted;
    int64_t id;
};

static int create(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct create *job = arg;
    const liken_collection *w = job->wanted;
    int64_t model = 0;
    sqlite3_stmt *stmt;
    int rc = model_id(c, w, &model, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_use(c,
                           "INSERT INTO collections (name, model, metric, threshold, created_at, keep) VALUES"
                           " (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO NOTHING",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, w->name);
    (void)sqlite3_bind_int64(stmt, 2, model);
    (void)sqlite3_bind_int(stmt, 3, (int)w->metric);
    (void)sqlite3_bind_double(stmt, 4, (double)w->threshold);
    (void)sqlite3_bind_int64(stmt, 5, w->created_at);
    (void)sqlite3_bind_int(stmt, 6, (int)w->keep);
    rc = lk_sqlite_run(c, stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    if (sqlite3_changes(c->db) == 0)
        return lk_fail(err, LIKEN_E_CONFLICT, "There is a collection \"%.64s\" already.", w->name);
    job->id = sqlite3_last_insert_rowid(c->db);
    return lk_sqlite_tell_collection(c, LIKEN_COLLECTION_CREATED, job->id, w->name, err);
}

int lk_sqlite_collection_create(lk_store *s, liken_collection *c, liken_error *err) {
    struct create job = {.wanted = c};
    const int rc = lk_sqlite_write(of(s), create, &job, err);
    if (rc == LIKEN_OK)
        c->id = job.id;
    return rc;
}

/* ---- changing one ---- */

static int is_there(lk_sqlite_conn *c, int64_t collection, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT 1 FROM collections c WHERE c.id = ?1 AND " LK_SQLITE_LIVE, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, collection);
    rc = lk_sqlite_step(c, stmt, &row, err);
    (void)sqlite3_reset(stmt);
    return rc != LIKEN_OK || row ? rc : lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
}

int lk_sqlite_collection_set(lk_sqlite_conn *c, const char *sql, int64_t collection, int to, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = is_there(c, collection, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, collection);
    (void)sqlite3_bind_int(stmt, 2, to);
    rc = lk_sqlite_run(c, stmt, err);
    return rc == LIKEN_OK && sqlite3_changes(c->db) > 0
               ? lk_sqlite_tell_collection(c, LIKEN_COLLECTION_CHANGED, collection, NULL, err)
               : rc;
}

/* ---- how it is searched ---- */

struct search {
    int64_t collection;
    liken_search search;
};

static int set_search(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct search *job = arg;
    return lk_sqlite_collection_set(c, "UPDATE collections SET search = ?2 WHERE id = ?1 AND search <> ?2",
                                    job->collection, (int)job->search, err);
}

int lk_sqlite_search_set(lk_store *s, int64_t collection, liken_search search, liken_error *err) {
    struct search job = {.collection = collection, .search = search};
    if (search != LIKEN_SEARCH_AUTO && search != LIKEN_SEARCH_MEMORY)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "SQLite does not compare faces, so a collection in it is searched in memory; \"%s\" needs a "
                       "PostgreSQL store (--store postgres://...).",
                       liken_search_code(search));
    return lk_sqlite_write(of(s), set_search, &job, err);
}
