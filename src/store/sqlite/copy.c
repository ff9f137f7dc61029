/* A store that becomes a copy of another, and one that is copied. While a copy is under way, meta says of which store.
 */
#include "store/sqlite/sqlite_int.h"

#include "store/codec.h"
#include "store/copy.h"

#include <stdlib.h>
#include <string.h>

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* ---- what it is a copy of ---- */

struct mark {
    char source[37];
    int64_t last, face, event;
};

static int read_mark(lk_sqlite_conn *c, char source[37], liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT value FROM meta WHERE key = 'copy of'", &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    const char *value = row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    const size_t size = value == NULL ? 0 : strnlen(value, 36);
    memcpy(source, value == NULL ? "" : value, size);
    source[size] = '\0';
    return LIKEN_OK;
}

static int copy_of(lk_sqlite_conn *c, void *arg, liken_error *err) {
    return read_mark(c, ((struct mark *)arg)->source, err);
}

int lk_sqlite_copy_of(lk_store *s, char source[37], liken_error *err) {
    struct mark m;
    const int rc = lk_sqlite_read(of(s), copy_of, &m, err);
    if (rc == LIKEN_OK)
        memcpy(source, m.source, sizeof m.source);
    return rc;
}

/* ---- reading ---- */

struct page {
    int64_t after;
    int limit;
    liken_image_list *out;
};

static liken_face *face_of(const liken_image *image, int64_t id) {
    for (size_t i = 0; i < image->face_count; i++) {
        if (image->faces[i].id == id)
            return &image->faces[i];
    }
    return NULL;
}

static int take_descriptor(const lk_sqlite_conn *c, sqlite3_stmt *stmt, const liken_image *image, liken_error *err) {
    liken_face *f = face_of(image, sqlite3_column_int64(stmt, 0));
    const void *bytes = sqlite3_column_blob(stmt, 1);
    const int size = sqlite3_column_bytes(stmt, 1);
    if (f == NULL || bytes == NULL || size != 4 * f->dimension)
        return lk_fail(err, LIKEN_E_STORE, "The store %s holds a face that cannot be right; run liken doctor.",
                       c->path);
    f->descriptor = malloc((size_t)size);
    if (f->descriptor == NULL)
        return lk_fail_memory(err);
    lk_floats_decode(bytes, (size_t)f->dimension, f->descriptor);
    return LIKEN_OK;
}

int lk_sqlite_descriptors_load(lk_sqlite_conn *c, const liken_image *image, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT id, descriptor FROM faces WHERE image = ?1", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, image->id);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = take_descriptor(c, stmt, image, err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

static int next_image(lk_sqlite_conn *c, int64_t after, int64_t *id, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(
        c,
        "SELECT i.id FROM images i JOIN collections c ON c.id = i.collection WHERE i.id > ?1 AND " LK_SQLITE_LIVE
        " ORDER BY i.id LIMIT 1",
        &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, after);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK)
        *id = row ? sqlite3_column_int64(stmt, 0) : 0;
    return rc;
}

static int read_page(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct page *p = arg;
    size_t faces = 0;
    int64_t id = p->after;
    while (p->out->count < (size_t)p->limit && faces < LK_STORE_PAGE_FACES) {
        int rc = next_image(c, id, &id, err);
        if (rc != LIKEN_OK || id == 0)
            return rc;
        liken_image **image = &p->out->images[p->out->count];
        rc = lk_sqlite_image_load_all(c, id, image, err);
        if (rc != LIKEN_OK)
            return rc;
        p->out->count++;
        rc = lk_sqlite_descriptors_load(c, *image, err);
        if (rc != LIKEN_OK)
            return rc;
        faces += (*image)->face_count + (*image)->refused_count;
    }
    return LIKEN_OK;
}

int lk_sqlite_copy_page(lk_store *s, int64_t after, int limit, liken_image_list **out, liken_error *err) {
    struct page p = {.after = after, .limit = limit, .out = lk_store_page((size_t)limit)};
    if (p.out == NULL)
        return lk_fail_memory(err);
    const int rc = lk_sqlite_read(of(s), read_page, &p, err);
    if (rc == LIKEN_OK)
        *out = p.out;
    else
        liken_image_list_free(p.out);
    return rc;
}

/* ---- writing ---- */

static int set_mark(lk_sqlite_conn *c, const char *source, liken_error *err) {
    sqlite3_stmt *stmt;
    const int rc = lk_sqlite_use(c, "INSERT INTO meta (key, value) VALUES ('copy of', ?1)", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 1, source);
    return lk_sqlite_run(c, stmt, err);
}

static int begin(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct mark *m = arg;
    char now[37];
    int rc = read_mark(c, now, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_number(c, "SELECT max(id) FROM images", &m->last, err);
    if (rc != LIKEN_OK)
        return rc;
    if (*now == '\0' && m->last == 0) {
        rc = lk_sqlite_exec(c, "DELETE FROM collections", err);
        return rc == LIKEN_OK ? set_mark(c, m->source, err) : rc;
    }
    return strcmp(now, m->source) == 0 ? LIKEN_OK : lk_store_copy_refused(c->path, now, err);
}

int lk_sqlite_copy_begin(lk_store *s, const char *source, int64_t *last, liken_error *err) {
    struct mark m = {0};
    memcpy(m.source, source, strnlen(source, sizeof m.source - 1));
    const int rc = lk_sqlite_write(of(s), begin, &m, err);
    if (rc == LIKEN_OK)
        *last = m.last;
    return rc;
}

struct images {
    const int64_t *collections;
    liken_image *const *images;
    size_t count;
};

static int put(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct images *p = arg;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < p->count; i++)
        rc = lk_sqlite_image_put(c, p->collections[i], p->images[i], err);
    return rc;
}

int lk_sqlite_copy_put(lk_store *s, const int64_t *collections, liken_image *const *images, size_t count,
                       liken_error *err) {
    struct images p = {collections, images, count};
    return lk_sqlite_write(of(s), put, &p, err);
}

/* AUTOINCREMENT goes on from what sqlite_sequence says, which has no row for a table that never had one. */
static int raise_faces(lk_sqlite_conn *c, int64_t face, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c,
                           "INSERT INTO sqlite_sequence (name, seq) SELECT 'faces', 0 WHERE NOT EXISTS"
                           " (SELECT 1 FROM sqlite_sequence WHERE name = 'faces')",
                           &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_run(c, stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_use(c, "UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'faces'", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, face);
    return lk_sqlite_run(c, stmt, err);
}

static int end(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct mark *m = arg;
    int rc = raise_faces(c, m->face, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_events_begin(c, m->event, err);
    return rc == LIKEN_OK ? lk_sqlite_exec(c, "DELETE FROM meta WHERE key = 'copy of'", err) : rc;
}

int lk_sqlite_copy_end(lk_store *s, int64_t face, int64_t event, liken_error *err) {
    struct mark m = {.face = face, .event = event};
    return lk_sqlite_write(of(s), end, &m, err);
}
