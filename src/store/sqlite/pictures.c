/* What is kept of photos to be looked at: rows that come and go with their image, and how much a collection keeps. */
#include "store/sqlite/sqlite_int.h"

#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* ---- writing ---- */

static int add_one(lk_sqlite_conn *c, int64_t collection, int64_t id, const liken_picture *p, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c,
                           "INSERT INTO pictures (collection, image, kind, type, width, height, bytes)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (image, kind) DO NOTHING",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, collection);
    (void)sqlite3_bind_int64(stmt, 2, id);
    (void)sqlite3_bind_int(stmt, 3, (int)p->kind);
    lk_sqlite_text(stmt, 4, p->type);
    (void)sqlite3_bind_int(stmt, 5, p->width);
    (void)sqlite3_bind_int(stmt, 6, p->height);
    (void)sqlite3_bind_blob64(stmt, 7, p->bytes, p->size, SQLITE_STATIC);
    rc = lk_sqlite_run(c, stmt, err);
    (void)sqlite3_clear_bindings(stmt); /* the bytes are the caller's */
    return rc;
}

int lk_sqlite_pictures_add(lk_sqlite_conn *c, int64_t collection, int64_t id, const liken_picture *pictures,
                           size_t count, liken_keep keep, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        if (pictures[i].kind <= keep)
            rc = add_one(c, collection, id, &pictures[i], err);
    }
    return rc;
}

struct put {
    int64_t image;
    const liken_picture *pictures;
    size_t count;
};

static int put(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct put *p = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c,
                           "SELECT c.id, c.keep FROM images i JOIN collections c ON c.id = i.collection"
                           " WHERE i.id = ?1 AND " LK_SQLITE_LIVE,
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, p->image);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && !row)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld.", (long long)p->image);
    const int64_t collection = rc == LIKEN_OK ? sqlite3_column_int64(stmt, 0) : 0;
    const liken_keep keep = rc == LIKEN_OK ? (liken_keep)sqlite3_column_int(stmt, 1) : LIKEN_KEEP_NOTHING;
    (void)sqlite3_reset(stmt);
    const int before = sqlite3_total_changes(c->db);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_pictures_add(c, collection, p->image, p->pictures, p->count, keep, err);
    return rc == LIKEN_OK && sqlite3_total_changes(c->db) > before
               ? lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, p->image, err)
               : rc;
}

int lk_sqlite_pictures_put(lk_store *s, int64_t image, const liken_picture *pictures, size_t count, liken_error *err) {
    struct put p = {image, pictures, count};
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_store_check_picture(&pictures[i], err);
    return rc == LIKEN_OK ? lk_sqlite_write(of(s), put, &p, err) : rc;
}

/* ---- reading ---- */

/* From the columns (kind, type, width, height, size of the bytes). */
static void read_picture(sqlite3_stmt *stmt, liken_picture *p) {
    const char *type = (const char *)sqlite3_column_text(stmt, 1);
    *p = (liken_picture){.kind = (liken_keep)sqlite3_column_int(stmt, 0),
                         .width = sqlite3_column_int(stmt, 2),
                         .height = sqlite3_column_int(stmt, 3),
                         .size = (size_t)sqlite3_column_int64(stmt, 4)};
    (void)snprintf(p->type, sizeof p->type, "%s", type == NULL ? "" : type);
}

int lk_sqlite_pictures_load(lk_sqlite_conn *c, liken_image *image, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(
        c, "SELECT kind, type, width, height, length(bytes) FROM pictures WHERE image = ?1 ORDER BY kind", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, image->id);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        liken_picture p;
        read_picture(stmt, &p);
        rc = lk_image_picture(image, &p, err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

struct get {
    int64_t collection, image;
    liken_keep kind;
    liken_picture found;
};

static int get(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c,
                           "SELECT p.kind, p.type, p.width, p.height, length(p.bytes), p.bytes FROM pictures p"
                           " JOIN images i ON i.id = p.image JOIN collections c ON c.id = i.collection"
                           " WHERE p.image = ?1 AND p.kind = ?2 AND (?3 = 0 OR c.id = ?3) AND " LK_SQLITE_LIVE,
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, g->image);
    (void)sqlite3_bind_int(stmt, 2, (int)g->kind);
    (void)sqlite3_bind_int64(stmt, 3, g->collection);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && !row)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "No such picture of image %lld is kept.", (long long)g->image);
    if (rc != LIKEN_OK)
        return rc;
    read_picture(stmt, &g->found);
    const void *bytes = sqlite3_column_blob(stmt, 5);
    g->found.bytes = malloc(g->found.size + 1);
    if (bytes == NULL || g->found.bytes == NULL)
        return lk_fail_memory(err);
    memcpy(g->found.bytes, bytes, g->found.size);
    return LIKEN_OK;
}

int lk_sqlite_picture_get(lk_store *s, int64_t collection, int64_t image, liken_keep kind, liken_picture *out,
                          liken_error *err) {
    struct get g = {.collection = collection, .image = image, .kind = kind};
    const int rc = lk_sqlite_read(of(s), get, &g, err);
    if (rc == LIKEN_OK)
        *out = g.found;
    else
        free(g.found.bytes);
    return rc;
}

/* ---- how much a collection keeps ---- */

struct keep {
    int64_t collection;
    liken_keep keep;
    bool more;
};

static int set_keep(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct keep *k = arg;
    return lk_sqlite_collection_set(c, "UPDATE collections SET keep = ?2 WHERE id = ?1 AND keep <> ?2", k->collection,
                                    (int)k->keep, err);
}

int lk_sqlite_keep(lk_store *s, int64_t collection, liken_keep keep, liken_error *err) {
    struct keep k = {.collection = collection, .keep = keep};
    return lk_sqlite_remove(of(s), set_keep, &k, err);
}

static int trim(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct keep *k = arg;
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c,
                           "DELETE FROM pictures WHERE id IN (" LK_SQLITE_PORTION(
                               "p.collection = ?1 AND p.kind > (SELECT c.keep FROM collections c WHERE c.id = ?1)") ")",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, k->collection);
    rc = lk_sqlite_run(c, stmt, err);
    k->more = rc == LIKEN_OK && sqlite3_changes(c->db) > 0;
    return rc;
}

int lk_sqlite_trim(lk_store *s, int64_t collection, bool *more, liken_error *err) {
    struct keep k = {.collection = collection};
    const int rc = lk_sqlite_remove(of(s), trim, &k, err);
    if (rc == LIKEN_OK)
        *more = k.more;
    return rc;
}

/* ---- what links are signed with ---- */

static int read_secret(lk_sqlite_conn *c, void *arg, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT value FROM meta WHERE key = 'secret'", &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    const char *hex = row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (hex == NULL || strlen(hex) != 64 || !lk_sha256_parse(hex, arg))
        return lk_fail(err, LIKEN_E_STORE, "The store %s has lost the secret of its links; restore it from a backup.",
                       c->path);
    return LIKEN_OK;
}

int lk_sqlite_secret(lk_store *s, uint8_t out[32], liken_error *err) {
    return lk_sqlite_read(of(s), read_secret, out, err);
}
