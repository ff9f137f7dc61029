/* Removing: a face, an image, a whole collection. Faces go first, so that each leaves its line in the feed of removals
 * (a trigger writes it), and the counts of the collection go with them. A collection goes in one moment by being
 * hidden, and what it held is then erased in small transactions, between which everybody else can write. */
#include "store/sqlite/sqlite_int.h"

#include "store/codec.h"
#include "store/upgrade.h"

#include <stdio.h>

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

/* The collection of a row found by ?1 and, where the statement has it, ?2; 0 when there is none. */
static int owner(lk_sqlite_conn *c, const char *sql, int64_t id, const char *in, int64_t *collection,
                 liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, id);
    if (sqlite3_bind_parameter_count(stmt) > 1)
        lk_sqlite_text(stmt, 2, in);
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

struct face_remove {
    const char *in; /* NULL: any */
    int64_t id;
};

/* One that only the collection's other model keeps: it would come back with that. */
static int remove_cold_face(lk_sqlite_conn *c, const struct face_remove *r, liken_error *err) {
    const int64_t id[3] = {r->id, 0, 0};
    int64_t image = 0;
    int rc = owner(c,
                   "SELECT k.image FROM cold k JOIN collections c ON c.id = k.collection WHERE k.face = ?1"
                   " AND k.reason = 0 AND (?2 IS NULL OR c.name = ?2) AND " LK_SQLITE_LIVE,
                   r->id, r->in, &image, err);
    if (rc == LIKEN_OK && image == 0)
        rc = lk_store_no_face(r->id, r->in, err);
    if (rc == LIKEN_OK)
        rc = run3(c,
                  "DELETE FROM refusals WHERE id IN (SELECT r.id FROM cold k JOIN refusals r ON " LK_UPGRADE_SAME_BOX(
                      "r", "k") " WHERE k.face = ?1)",
                  id, NULL, err);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM cold WHERE face = ?1", id, NULL, err);
    return rc == LIKEN_OK ? lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, image, err) : rc;
}

static int remove_face(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct face_remove *r = arg;
    const int64_t id = r->id;
    int64_t collection = 0;
    int rc = owner(c,
                   "SELECT c.id FROM faces f JOIN images i ON i.id = f.image JOIN collections c ON c.id = i.collection"
                   " WHERE f.id = ?1 AND (?2 IS NULL OR c.name = ?2) AND " LK_SQLITE_LIVE,
                   id, r->in, &collection, err);
    if (rc == LIKEN_OK && collection == 0)
        return remove_cold_face(c, r, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_tell_face(c, id, err);
    if (rc == LIKEN_OK)
        rc = run3(c,
                  "DELETE FROM cold WHERE face = ?1 OR id IN (SELECT k.id FROM faces f JOIN cold k"
                  " ON " LK_UPGRADE_SAME_BOX("k", "f") " WHERE f.id = ?1)",
                  (const int64_t[3]){id, 0, 0}, NULL, err);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM faces WHERE id = ?1", (const int64_t[3]){id, 0, 0}, NULL, err);
    return rc == LIKEN_OK ? subtract(c, collection, 0, 1, err) : rc;
}

int lk_sqlite_face_remove(lk_store *s, const char *in, int64_t id, liken_error *err) {
    struct face_remove r = {in, id};
    return lk_sqlite_remove(of(s), remove_face, &r, err);
}

/* ---- one image ---- */

struct image_remove {
    int64_t collection, id;
};

int lk_sqlite_image_erase(lk_sqlite_conn *c, int64_t in, int64_t id, liken_error *err) {
    int64_t collection = 0;
    int faces = 0;
    int rc = owner(
        c, "SELECT c.id FROM images i JOIN collections c ON c.id = i.collection WHERE i.id = ?1 AND " LK_SQLITE_LIVE,
        id, NULL, &collection, err);
    if (rc == LIKEN_OK && (collection == 0 || (in != 0 && in != collection)))
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)id,
                     in == 0 ? "" : " in this collection");
    if (rc == LIKEN_OK)
        rc = lk_sqlite_tell_image(c, LIKEN_IMAGE_REMOVED, id, err);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM faces WHERE image = ?1", (const int64_t[3]){id, 0, 0}, &faces, err);
    if (rc == LIKEN_OK)
        rc = run3(c, "DELETE FROM images WHERE id = ?1", (const int64_t[3]){id, 0, 0}, NULL, err);
    return rc == LIKEN_OK ? subtract(c, collection, 1, faces, err) : rc;
}

static int remove_image(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct image_remove *r = arg;
    return lk_sqlite_image_erase(c, r->collection, r->id, err);
}

int lk_sqlite_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err) {
    struct image_remove r = {.collection = collection, .id = id};
    return lk_sqlite_remove(of(s), remove_image, &r, err);
}

/* ---- a collection ---- */

struct collection_remove {
    int64_t id;
    bool again;
};

/* One of the same name, model and way to search, while the old one has the name of a removed one. */
static int make_again(lk_sqlite_conn *c, int64_t id, const char *name, liken_error *err) {
    sqlite3_stmt *stmt;
    const int rc =
        lk_sqlite_use(c,
                      "INSERT INTO collections (name, model, metric, threshold, created_at, search, keep)"
                      " SELECT ?2, model, metric, threshold, created_at, search, keep FROM collections WHERE id = ?1",
                      &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, id);
    lk_sqlite_text(stmt, 2, name);
    const int made = lk_sqlite_run(c, stmt, err);
    return made == LIKEN_OK
               ? lk_sqlite_tell_collection(c, LIKEN_COLLECTION_CREATED, sqlite3_last_insert_rowid(c->db), name, err)
               : made;
}

/* Whoever reads looks for the name, or asks for it beside what it finds, so the new name hides all the collection has.
 */
static int remove_collection(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct collection_remove *r = arg;
    const int64_t id[3] = {r->id, 0, 0};
    sqlite3_stmt *stmt;
    bool row = false;
    char name[65] = "";
    int rc = lk_sqlite_use(c, "SELECT c.name FROM collections c WHERE c.id = ?1 AND " LK_SQLITE_LIVE, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, r->id);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && row)
        (void)snprintf(name, sizeof name, "%s", (const char *)sqlite3_column_text(stmt, 0));
    (void)sqlite3_reset(stmt);
    if (rc == LIKEN_OK && !row)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
    if (rc == LIKEN_OK)
        rc = run3(c, "UPDATE collections SET name = '.' || id WHERE id = ?1", id, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_tell_collection(c, LIKEN_COLLECTION_REMOVED, r->id, name, err);
    return rc == LIKEN_OK && r->again ? make_again(c, r->id, name, err) : rc;
}

int lk_sqlite_collection_remove(lk_store *s, int64_t id, bool again, liken_error *err) {
    struct collection_remove r = {.id = id, .again = again};
    return lk_sqlite_remove(of(s), remove_collection, &r, err);
}

/* ---- erasing what it held ---- */

#define ERASE_IMAGES 256 /* at most, in one transaction, */
#define ERASE_FACES 1024 /* and so many faces */
#define ITS_IMAGES "SELECT id FROM images WHERE collection = ?1 ORDER BY id LIMIT ?2"

/* Images go once they have no face and no picture left; *gone: how much went. */
static int erase(lk_sqlite_conn *c, int64_t collection, int *gone, liken_error *err) {
    const int64_t numbers[3] = {collection, ERASE_IMAGES, ERASE_FACES};
    int faces = 0, images = 0;
    int rc = run3(c, "DELETE FROM pictures WHERE id IN (" LK_SQLITE_PORTION("p.image IN (" ITS_IMAGES ")") ")", numbers,
                  gone, err);
    if (rc != LIKEN_OK || *gone > 0)
        return rc;
    rc = run3(c, "DELETE FROM faces WHERE id IN (SELECT f.id FROM faces f WHERE f.image IN (" ITS_IMAGES ") LIMIT ?3)",
              numbers, &faces, err);
    if (rc == LIKEN_OK && faces < ERASE_FACES)
        rc = run3(c, "DELETE FROM images WHERE id IN (" ITS_IMAGES ")", numbers, &images, err);
    if (rc == LIKEN_OK)
        rc = subtract(c, collection, images, faces, err);
    *gone = images + faces;
    return rc;
}

static int erase_some(lk_sqlite_conn *c, void *arg, liken_error *err) {
    bool *more = arg;
    int64_t collection = 0;
    int gone = 0;
    int rc = lk_sqlite_number(c, "SELECT c.id FROM collections c WHERE " LK_SQLITE_REMOVED " ORDER BY c.id LIMIT 1",
                              &collection, err);
    *more = rc == LIKEN_OK && collection != 0;
    if (rc == LIKEN_OK && *more)
        rc = erase(c, collection, &gone, err);
    if (rc == LIKEN_OK && *more && gone == 0)
        rc = run3(c, "DELETE FROM collections WHERE id = ?1", (const int64_t[3]){collection, 0, 0}, NULL, err);
    return rc;
}

static int find_removed(lk_sqlite_conn *c, void *arg, liken_error *err) {
    return lk_sqlite_number(c, "SELECT count(*) FROM collections c WHERE " LK_SQLITE_REMOVED, arg, err);
}

int lk_sqlite_erase(lk_store *s, bool *more, liken_error *err) {
    int64_t removed = 0;
    bool left = false;
    int rc = lk_sqlite_read(of(s), find_removed, &removed, err); /* so that nobody writes for nothing */
    if (rc == LIKEN_OK && removed > 0)
        rc = lk_sqlite_remove(of(s), erase_some, &left, err);
    if (rc == LIKEN_OK)
        *more = left;
    return rc;
}

static int count_erasing(lk_sqlite_conn *c, void *arg, liken_error *err) {
    return lk_sqlite_number(c, "SELECT coalesce(sum(c.images), 0) FROM collections c WHERE " LK_SQLITE_REMOVED, arg,
                            err);
}

int lk_sqlite_erasing(lk_store *s, int64_t *images, liken_error *err) {
    return lk_sqlite_read(of(s), count_erasing, images, err);
}
