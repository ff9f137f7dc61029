/* The switch of a collection to another model (store/upgrade.h): descriptors lie with their faces. */
#include "store/upgrade.h"

#include "store/codec.h"
#include "store/sqlite/sqlite_int.h"

#define ITS_IMAGES "(SELECT i.id FROM liken.images i WHERE i.collection = $1)"

static const lk_upgrade_statement statements[] = {
    {"INSERT INTO liken.cold (collection, image, face, reason, weak, " LK_FACE_NAMES ", descriptor)"
     " SELECT i.collection, f.image, f.id, 0, f.weak, " LK_UPGRADE_NAMES_OF(
         "f") ", f.descriptor FROM liken.faces f"
              " JOIN liken.images i ON i.id = f.image WHERE i.collection = $1 ORDER BY f.id",
     false},
    {"INSERT INTO liken.cold (collection, image, reason, weak, " LK_FACE_NAMES ") SELECT i.collection, r.image,"
     " r.reason, 0, " LK_UPGRADE_NAMES_OF("r") " FROM liken.refusals r JOIN liken.images i ON i.id = r.image"
                                               " WHERE i.collection = $1 ORDER BY r.id",
     false},
    {"DELETE FROM liken.faces AS f WHERE f.image IN " ITS_IMAGES " AND NOT EXISTS (SELECT 1 FROM liken.cold k"
     " WHERE k.face = f.id AND " LK_UPGRADE_COMING ")",
     true},
    {"UPDATE liken.faces AS f SET " LK_UPGRADE_NAMES_SET ", weak = k.weak, descriptor = k.descriptor FROM liken.cold k"
     " WHERE k.face = f.id AND " LK_UPGRADE_COMING,
     true},
    {"INSERT INTO liken.faces (id, image, weak, " LK_FACE_NAMES
     ", descriptor) SELECT k.face, k.image, k.weak, " LK_UPGRADE_NAMES_OF(
         "k") ", k.descriptor FROM liken.cold k WHERE " LK_UPGRADE_COMING " AND NOT EXISTS"
              " (SELECT 1 FROM liken.faces f WHERE f.id = k.face) ORDER BY k.face",
     true},
    {"DELETE FROM liken.refusals AS r WHERE r.image IN " ITS_IMAGES, false},
    {"INSERT INTO liken.refusals (image, reason, " LK_FACE_NAMES ") SELECT k.image, k.reason, " LK_UPGRADE_NAMES_OF(
         "k") " FROM liken.cold k WHERE k.collection = $1 AND k.id <= $2 AND k.reason > 0"
              " ORDER BY k.id",
     true},
    {"DELETE FROM liken.cold AS k WHERE k.collection = $1 AND k.id <= $2", true},
};

struct swap {
    int64_t collection;
    const char *model;
    int64_t waiting;
};

/* A face that goes may come back, under its id, with the next switch: so its going is not in the feed of removals,
 * which says that an id is gone for good. Who holds such a face learns of it by the generation. */
static int unfeed(lk_sql *q, int64_t last, liken_error *err) {
    return lk_sql_run(q, "DELETE FROM liken.deletions WHERE seq > $1", LK_SQL_ARGS(lk_sql_int(last)), NULL, err);
}

static int swap(lk_sqlite_conn *c, void *arg, liken_error *err) {
    static const lk_upgrade_dialect dialect = {statements, LK_LENGTH(statements)};
    struct swap *s = arg;
    lk_sqlite_statements q = lk_sqlite_statements_on(c);
    int64_t next = 0, deletion = 0, given = 0;
    int rc = lk_sqlite_number(c, "SELECT seq FROM sqlite_sequence WHERE name = 'faces'", &next, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_number(c, "SELECT seq FROM sqlite_sequence WHERE name = 'deletions'", &deletion, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_swap(&q.base, &dialect, s->collection, s->model, next, &given, &s->waiting, err);
    if (rc != LIKEN_OK || s->waiting > 0)
        return rc;
    rc = unfeed(&q.base, deletion, err);
    return rc == LIKEN_OK ? lk_sqlite_tell_collection(c, LIKEN_COLLECTION_CHANGED, s->collection, NULL, err) : rc;
}

int lk_sqlite_swap(lk_store *s, int64_t collection, const char *model, int64_t *waiting, liken_error *err) {
    struct swap w = {collection, model, 0};
    const int rc = lk_sqlite_write((lk_sqlite_store *)s, swap, &w, err);
    if (rc == LIKEN_OK)
        *waiting = w.waiting;
    return rc;
}
