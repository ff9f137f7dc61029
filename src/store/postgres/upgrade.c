/* The switch of a collection to another model (store/upgrade.h): descriptors lie apart from their faces. Columns that a
 * search inside the database adds to them are of one model, and on shards they are out of this transaction's reach: so
 * both are refused. */
#include "store/upgrade.h"

#include "store/codec.h"
#include "store/postgres/postgres_int.h"

#define ITS_IMAGES "(SELECT i.id FROM liken.images i WHERE i.collection = $1)"

static const lk_upgrade_statement statements[] = {
    {"INSERT INTO liken.cold (collection, image, face, reason, weak, " LK_FACE_NAMES ", descriptor)"
     " SELECT i.collection, f.image, f.id, 0, f.weak, " LK_UPGRADE_NAMES_OF(
         "f") ", v.descriptor FROM liken.faces f"
              " JOIN liken.images i ON i.id = f.image JOIN liken.vectors v ON v.face = f.id WHERE i.collection = $1"
              " ORDER BY f.id",
     false},
    {"INSERT INTO liken.cold (collection, image, reason, weak, " LK_FACE_NAMES ") SELECT i.collection, r.image,"
     " r.reason, 0, " LK_UPGRADE_NAMES_OF("r") " FROM liken.refused r JOIN liken.images i ON i.id = r.image"
                                               " WHERE i.collection = $1 ORDER BY r.id",
     false},
    {"DELETE FROM liken.vectors AS v WHERE v.collection = $1", false},
    {"DELETE FROM liken.faces AS f WHERE f.image IN " ITS_IMAGES " AND NOT EXISTS (SELECT 1 FROM liken.cold k"
     " WHERE k.face = f.id AND " LK_UPGRADE_COMING ")",
     true},
    {"UPDATE liken.faces AS f SET " LK_UPGRADE_NAMES_SET ", weak = k.weak FROM liken.cold k WHERE k.face = f.id"
     " AND " LK_UPGRADE_COMING,
     true},
    {"INSERT INTO liken.faces (id, image, weak, " LK_FACE_NAMES
     ") SELECT k.face, k.image, k.weak, " LK_UPGRADE_NAMES_OF(
         "k") " FROM liken.cold k WHERE " LK_UPGRADE_COMING " AND NOT EXISTS"
              " (SELECT 1 FROM liken.faces f WHERE f.id = k.face) ORDER BY k.face",
     true},
    {"INSERT INTO liken.vectors (face, collection, descriptor) SELECT k.face, k.collection, k.descriptor"
     " FROM liken.cold k WHERE " LK_UPGRADE_COMING,
     true},
    {"DELETE FROM liken.refused AS r WHERE r.image IN " ITS_IMAGES, false},
    {"INSERT INTO liken.refused (image, reason, " LK_FACE_NAMES ") SELECT k.image, k.reason, " LK_UPGRADE_NAMES_OF(
         "k") " FROM liken.cold k WHERE k.collection = $1 AND k.id <= $2 AND k.reason > 0 ORDER BY k.id",
     true},
    {"DELETE FROM liken.cold AS k WHERE k.collection = $1 AND k.id <= $2", true},
};

struct swap {
    const lk_postgres *store;
    int64_t collection;
    const char *model;
    int64_t waiting;
};

/* In a transaction. */
static int check_place(lk_pg_conn *c, const struct swap *s, liken_error *err) {
    lk_cluster_map map;
    int64_t columns = 0;
    int rc = lk_cluster_look(s->store->cluster, c, &map, err);
    if (rc == LIKEN_OK && (map.citus || map.count > 0))
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "The gallery is spread over several servers, where a collection cannot change its model in one "
                       "step. Make a new collection with the other pack, and add the photos to it.");
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT count(*) FROM liken.near WHERE collection = $1",
                          LK_PG_ARGS(lk_pg_int8(s->collection)), 0, &columns, err);
    if (rc == LIKEN_OK && columns > 0)
        rc = lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "The collection is searched inside the database, where its model cannot be changed. Have it "
            "searched in memory (liken collections set NAME --search memory), change it, and then have it searched "
            "in the database again.");
    return rc;
}

static int may(lk_pg_conn *c, void *arg, liken_error *err) {
    int rc = lk_pg_script(c, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = check_place(c, arg, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "COMMIT", err) : rc;
}

int lk_postgres_may_swap(lk_store *base, int64_t collection, liken_error *err) {
    lk_postgres *s = (lk_postgres *)base;
    struct swap w = {.store = s, .collection = collection};
    return lk_pg_with(s->db, may, &w, err);
}

static int swap(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    static const lk_upgrade_dialect dialect = {statements, LK_LENGTH(statements)};
    struct swap *s = arg;
    lk_postgres_statements q = lk_postgres_statements_on(c);
    int64_t given = 0;
    int rc = lk_pg_patience(c, LK_POSTGRES_LONG_MS, err);
    if (rc == LIKEN_OK)
        rc = check_place(c, s, err);
    if (rc == LIKEN_OK)
        rc = lk_upgrade_swap(&q.base, &dialect, s->collection, s->model, w->face, &given, &s->waiting, err);
    if (rc != LIKEN_OK || s->waiting > 0)
        return rc;
    w->face += given;
    w->changed = true;
    return lk_postgres_tell_collection(c, w, LIKEN_COLLECTION_CHANGED, s->collection, NULL, err);
}

int lk_postgres_swap(lk_store *base, int64_t collection, const char *model, int64_t *waiting, liken_error *err) {
    lk_postgres *s = (lk_postgres *)base;
    struct swap w = {.store = s, .collection = collection, .model = model};
    const int rc = lk_postgres_write(s, swap, &w, err);
    if (rc == LIKEN_OK)
        *waiting = w.waiting;
    return rc;
}
