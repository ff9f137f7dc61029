/* What the index and a search ask: the feed of vectors and removals, the labels of a match, the faces a filter allows.
 */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"
#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

#define FILTER_SQL_MAX 8192

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* ---- how far the feed goes ---- */

static int read_marks(lk_sqlite_conn *c, void *arg, liken_error *err) {
    int64_t *marks = arg;
    const int rc = lk_sqlite_number(c, "SELECT seq FROM sqlite_sequence WHERE name = 'faces'", &marks[0], err);
    return rc == LIKEN_OK
               ? lk_sqlite_number(c, "SELECT seq FROM sqlite_sequence WHERE name = 'deletions'", &marks[1], err)
               : rc;
}

int lk_sqlite_marks(lk_store *s, int64_t *face, int64_t *deletion, liken_error *err) {
    int64_t marks[2];
    const int rc = lk_sqlite_read(of(s), read_marks, marks, err);
    if (rc != LIKEN_OK)
        return rc;
    *face = marks[0];
    *deletion = marks[1];
    return LIKEN_OK;
}

/* ---- vectors ---- */

struct vectors {
    int64_t after;
    lk_store_vector_fn *fn;
    void *ctx;
};

static int pass_vector(const lk_sqlite_conn *c, sqlite3_stmt *stmt, const struct vectors *v, float *values,
                       liken_error *err) {
    const void *bytes = sqlite3_column_blob(stmt, 3);
    const int size = sqlite3_column_bytes(stmt, 3);
    const int64_t id = sqlite3_column_int64(stmt, 0);
    if (bytes == NULL || size % 4 != 0 || size > 4 * LK_DIMENSION_MAX)
        return lk_fail(err, LIKEN_E_STORE,
                       "The store %s holds a descriptor of %d bytes for face %lld, which cannot be right; "
                       "run liken doctor.",
                       c->path, size, (long long)id);
    lk_floats_decode(bytes, (size_t)size / 4, values);
    const lk_store_vector vector = {
        .id = id,
        .image = sqlite3_column_int64(stmt, 1),
        .collection = sqlite3_column_int64(stmt, 2),
        .descriptor = values,
        .dimension = size / 4,
        .weak = sqlite3_column_int(stmt, 4) != 0,
        .generation = sqlite3_column_int64(stmt, 5),
    };
    const int rc = v->fn(v->ctx, &vector);
    return rc == 0 ? LIKEN_OK : rc;
}

static int read_vectors(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct vectors *v = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc =
        lk_sqlite_use(c,
                      "SELECT f.id, f.image, i.collection, f.descriptor, f.weak, c.generation FROM faces f JOIN images "
                      "i ON i.id = f.image"
                      " JOIN collections c ON c.id = i.collection WHERE f.id > ?1 AND " LK_SQLITE_LIVE " ORDER BY f.id",
                      &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    LK_FREE float *values = malloc(LK_DIMENSION_MAX * sizeof *values);
    if (values == NULL)
        return lk_fail_memory(err);
    (void)sqlite3_bind_int64(stmt, 1, v->after);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = pass_vector(c, stmt, v, values, err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_vectors_after(lk_store *s, int64_t after_face, lk_store_vector_fn *fn, void *ctx, liken_error *err) {
    struct vectors v = {.after = after_face, .fn = fn, .ctx = ctx};
    return lk_sqlite_read(of(s), read_vectors, &v, err);
}

/* ---- removals ---- */

struct deletions {
    int64_t after;
    lk_store_deletion_fn *fn;
    void *ctx;
};

static int read_deletions(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct deletions *d = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT seq, face FROM deletions WHERE seq > ?1 ORDER BY seq", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, d->after);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = d->fn(d->ctx, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_deletions_after(lk_store *s, int64_t after_seq, lk_store_deletion_fn *fn, void *ctx, liken_error *err) {
    struct deletions d = {.after = after_seq, .fn = fn, .ctx = ctx};
    return lk_sqlite_read(of(s), read_deletions, &d, err);
}

/* ---- labels of matches ---- */

struct matches {
    const int64_t *faces;
    size_t count;
    lk_store_match *out;
};

static int read_match(lk_sqlite_conn *c, int64_t face, lk_store_match *match, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c,
                           "SELECT i.id, i.width, i.height, f.x, f.y, f.width, f.height, i.captured_at, f.weak"
                           " FROM faces f JOIN images i ON i.id = f.image JOIN collections c ON c.id = i.collection"
                           " WHERE f.id = ?1 AND " LK_SQLITE_LIVE,
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, face);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK || !row)
        return rc;
    match->face = face;
    match->image = sqlite3_column_int64(stmt, 0);
    match->width = sqlite3_column_int(stmt, 1);
    match->height = sqlite3_column_int(stmt, 2);
    match->box = (liken_box){(float)sqlite3_column_double(stmt, 3), (float)sqlite3_column_double(stmt, 4),
                             (float)sqlite3_column_double(stmt, 5), (float)sqlite3_column_double(stmt, 6)};
    match->captured_at = sqlite3_column_type(stmt, 7) == SQLITE_NULL ? LIKEN_NO_TIME : sqlite3_column_int64(stmt, 7);
    match->weak = sqlite3_column_int(stmt, 8) != 0;
    return lk_sqlite_names_match(c, match, err);
}

static int read_matches(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct matches *h = arg;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < h->count; i++)
        rc = read_match(c, h->faces[i], &h->out[i], err);
    return rc;
}

int lk_sqlite_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches, liken_error *err) {
    LK_FREE lk_store_match *own = calloc(count + 1, sizeof *own);
    if (own == NULL)
        return lk_fail_memory(err);
    struct matches h = {.faces = faces, .count = count, .out = own};
    const int rc = lk_sqlite_read(of(s), read_matches, &h, err);
    if (rc == LIKEN_OK && count > 0)
        memcpy(matches, own, count * sizeof *own);
    for (size_t i = 0; rc != LIKEN_OK && i < count; i++)
        lk_store_match_clear(&own[i]);
    return rc;
}

/* ---- lists of faces ---- */

struct ids {
    int64_t *list;
    size_t count, room;
};

static int keep_id(struct ids *l, int64_t id, liken_error *err) {
    if (l->count == l->room) {
        const size_t room = l->room == 0 ? 256 : 2 * l->room;
        int64_t *ids = realloc(l->list, room * sizeof *ids);
        if (ids == NULL)
            return lk_fail_memory(err);
        l->list = ids;
        l->room = room;
    }
    l->list[l->count++] = id;
    return LIKEN_OK;
}

/* Adds what the statement gives. */
static int keep_all(lk_sqlite_conn *c, sqlite3_stmt *stmt, struct ids *l, liken_error *err) {
    bool row = false;
    int rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = keep_id(l, sqlite3_column_int64(stmt, 0), err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

/* ---- the faces of images ---- */

struct faces_of {
    const int64_t *images;
    size_t count;
    struct ids faces;
};

static int read_faces_of(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct faces_of *f = arg;
    int rc = LIKEN_OK;
    f->faces.count = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < f->count; i++) {
        sqlite3_stmt *stmt;
        rc = lk_sqlite_use(c, "SELECT id FROM faces WHERE image = ?1", &stmt, err);
        if (rc != LIKEN_OK)
            return rc;
        (void)sqlite3_bind_int64(stmt, 1, f->images[i]);
        rc = keep_all(c, stmt, &f->faces, err);
    }
    return rc;
}

int lk_sqlite_faces_of(lk_store *s, const int64_t *images, size_t count, int64_t **out, size_t *faces,
                       liken_error *err) {
    struct faces_of f = {.images = images, .count = count};
    const int rc = lk_sqlite_read(of(s), read_faces_of, &f, err);
    if (rc != LIKEN_OK) {
        free(f.faces.list);
        return rc;
    }
    *out = f.faces.list;
    *faces = f.faces.count;
    return LIKEN_OK;
}

struct images_of {
    const int64_t *faces;
    size_t count;
    int64_t *images;
};

static int read_images_of(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct images_of *o = arg;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < o->count; i++) {
        sqlite3_stmt *stmt;
        bool row = false;
        rc = lk_sqlite_use(c, "SELECT image FROM faces WHERE id = ?1", &stmt, err);
        if (rc != LIKEN_OK)
            return rc;
        (void)sqlite3_bind_int64(stmt, 1, o->faces[i]);
        rc = lk_sqlite_step(c, stmt, &row, err);
        if (rc == LIKEN_OK)
            o->images[i] = row ? sqlite3_column_int64(stmt, 0) : 0;
    }
    return rc;
}

int lk_sqlite_images_of(lk_store *s, const int64_t *faces, size_t count, int64_t *images, liken_error *err) {
    struct images_of o = {faces, count, images};
    return lk_sqlite_read(of(s), read_images_of, &o, err);
}

/* ---- filters ---- */

struct where {
    int64_t collection;
    const liken_search_options *options;
    struct ids faces;
};

/* A tag is a condition more, so the statement grows with the number of tags (never with their text). */
static int filter_sql(const liken_search_options *o, lk_buf *sql, liken_error *err) {
    int rc = lk_buf_string(
        sql, "SELECT 2 * f.id + f.weak FROM images i JOIN faces f ON f.image = i.id WHERE i.collection = ?1", err);
    if (rc == LIKEN_OK && lk_store_bound(o->captured_from))
        rc = lk_buf_string(sql, " AND i.captured_at >= ?2", err);
    if (rc == LIKEN_OK && lk_store_bound(o->captured_to))
        rc = lk_buf_string(sql, " AND i.captured_at <= ?3", err);
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_buf_format(sql, err, " AND i.id IN (SELECT image FROM tags WHERE tag = ?%zu)", i + 4);
    return rc == LIKEN_OK ? lk_buf_string(sql, " ORDER BY f.id", err) : rc;
}

static int step_filter(lk_sqlite_conn *c, sqlite3_stmt *stmt, struct where *w, liken_error *err) {
    const liken_search_options *o = w->options;
    /* binding a parameter that the statement lacks is refused by SQLite and harmless */
    (void)sqlite3_bind_int64(stmt, 1, w->collection);
    (void)sqlite3_bind_int64(stmt, 2, o->captured_from);
    (void)sqlite3_bind_int64(stmt, 3, o->captured_to);
    for (size_t i = 0; i < o->tag_count; i++)
        lk_sqlite_text(stmt, (int)i + 4, o->tags[i]);
    return keep_all(c, stmt, &w->faces, err);
}

static int read_where(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct where *w = arg;
    lk_buf sql;
    lk_buf_init(&sql, FILTER_SQL_MAX);
    sqlite3_stmt *stmt = NULL;
    int rc = filter_sql(w->options, &sql, err);
    if (rc == LIKEN_OK) {
        const int code = sqlite3_prepare_v2(c->db, sql.data, (int)sql.size, &stmt, NULL);
        rc = code == SQLITE_OK ? step_filter(c, stmt, w, err) : lk_sqlite_fail(c, code, err);
    }
    (void)sqlite3_finalize(stmt);
    lk_buf_free(&sql);
    return rc;
}

int lk_sqlite_faces_where(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out, size_t *count,
                          liken_error *err) {
    int rc = lk_store_check_search(o, err);
    struct where w = {.collection = collection, .options = o};
    if (rc == LIKEN_OK)
        rc = lk_sqlite_read(of(s), read_where, &w, err);
    if (rc != LIKEN_OK) {
        free(w.faces.list);
        return rc;
    }
    *out = w.faces.list;
    *count = w.faces.count;
    return LIKEN_OK;
}
