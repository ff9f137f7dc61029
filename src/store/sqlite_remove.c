/* Removing: a face, an image, a whole collection. Faces go first, so that each leaves its line in the feed of removals
 * (a trigger writes it), and the counts of the collection go with them. */
#include "store/sqlite_int.h"

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* Runs a statement with up to three numbers as its parameters; *changed (optional): rows it touched. */
static int run3(lk_sqlite_conn *c, const char *sql, const int64_t numbers[3], int *changed, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    for (int i = 0; i < sqlite3_bind_parameter_count(stmt); i++)
        (void)sqlite3_bind_int64(stmt, i + 1, numbers[i]);
    rc = lk_sqlite_run(c, stmt, err);
    if (rc == LIKEN_OK && changed != NULL)
        *changed = sqlite3_changes(c->db);
    return rc;
}

/* The collection of a row found by ?1; 0 when there is none. */
static int owner(lk_sqlite_conn *c, const char *sql, int64_t id, int64_t *collection, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, id);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK)
        *collection = row ? sqlite3_column_int64(stmt, 0) : 0;
    (void)sqlite3_reset(stmt);
    return rc;
}

static int subtract(lk_sqlite_conn *c, int64_t collection, int64_t images, int64_t faces, liken_error *err) {
    return run3(c, "UPDATE collections SET images = images - ?2, faces = faces - ?3 WHERE id = ?1",
                (const int64_t[3]){collection, images, faces}, NULL, err);
}

/* ---- one face ---- */

static int remove_face(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const int64_t id = *(const int64_t *)arg;
    int64_t collection = 0;
    int rc = owner(c, "SELECT i.collection FROM faces f JOIN images i ON i.id = f.image WHERE f.id = ?1", id,
                   &collection, err);
    if (rc == LIKEN_OK && collection == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld.", (long long)id);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM faces WHERE id = ?1", (const int64_t[3]){id, 0, 0}, NULL, err);
    return rc == LIKEN_OK ? subtract(c, collection, 0, 1, err) : rc;
}

int lk_sqlite_face_remove(lk_store *s, int64_t id, liken_error *err) {
    return lk_sqlite_write(of(s), remove_face, &id, err);
}

/* ---- one image ---- */

struct image_remove {
    int64_t collection, id;
};

static int remove_image(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct image_remove *r = arg;
    int64_t collection = 0;
    int faces = 0;
    int rc = owner(c, "SELECT collection FROM images WHERE id = ?1", r->id, &collection, err);
    if (rc == LIKEN_OK && (collection == 0 || (r->collection != 0 && r->collection != collection)))
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)r->id,
                     r->collection == 0 ? "" : " in this collection");
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM faces WHERE image = ?1", (const int64_t[3]){r->id, 0, 0}, &faces, err);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM images WHERE id = ?1", (const int64_t[3]){r->id, 0, 0}, NULL, err);
    return rc == LIKEN_OK ? subtract(c, collection, 1, faces, err) : rc;
}

int lk_sqlite_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err) {
    struct image_remove r = {.collection = collection, .id = id};
    return lk_sqlite_write(of(s), remove_image, &r, err);
}

/* ---- a collection ---- */

struct collection_remove {
    int64_t id;
    bool keep_row;
};

static int remove_collection(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct collection_remove *r = arg;
    const int64_t id[3] = {r->id, 0, 0};
    int found = 0;
    int rc = run3(c, "UPDATE collections SET images = 0, faces = 0 WHERE id = ?1", id, &found, err);
    if (rc == LIKEN_OK && found == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM faces WHERE image IN (SELECT id FROM images WHERE collection = ?1)", id, NULL, err);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM images WHERE collection = ?1", id, NULL, err);
    if (rc == LIKEN_OK && !r->keep_row)
        rc = run3(c, "DELETE FROM collections WHERE id = ?1", id, NULL, err);
    return rc;
}

int lk_sqlite_collection_remove(lk_store *s, int64_t id, bool keep_row, liken_error *err) {
    struct collection_remove r = {.id = id, .keep_row = keep_row};
    return lk_sqlite_write(of(s), remove_collection, &r, err);
}
