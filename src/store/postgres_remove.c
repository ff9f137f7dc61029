/* Removing: a face, an image, a whole collection. Each face that goes leaves its line in the feed of removals, and the
 * counts of its collection go with it.
 *
 * ONLY: where descriptors are spread over shards this removes none of them here; they go after the commit
 * (pg_cluster.h). */
#include "store/postgres_int.h"

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

/* The rows that the one asked statement of a pipeline touched; what was said besides is done too. */
static int touched(lk_pg_conn *c, int rc, int64_t *count, liken_error *err) {
    lk_pg_result *r = NULL;
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &r, err);
    rc = lk_pg_finish(c, rc, err);
    if (rc == LIKEN_OK)
        *count = lk_pg_touched(r);
    lk_pg_clear(r);
    return rc;
}

static int forget(lk_store *s, int rc) {
    if (rc == LIKEN_OK)
        lk_postgres_forget(of(s));
    return rc;
}

/* ---- one face ---- */

static int remove_face(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const int64_t id = *(const int64_t *)arg;
    int64_t found = 0;
    int rc = lk_pg_say(c, "DELETE FROM ONLY liken.vectors WHERE face = $1", LK_PG_ARGS(lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "WITH gone AS (DELETE FROM liken.faces WHERE id = $1 RETURNING id, image),"
                         " told AS (INSERT INTO liken.deletions (seq, face) SELECT $2, id FROM gone)"
                         " UPDATE liken.collections c SET faces = c.faces - 1 FROM gone JOIN liken.images i"
                         " ON i.id = gone.image WHERE c.id = i.collection",
                         LK_PG_ARGS(lk_pg_int8(id), lk_pg_int8(w->deletion + 1)), err);
    rc = touched(c, rc, &found, err);
    if (rc == LIKEN_OK && found == 0)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld.", (long long)id);
    w->deletion += found;
    w->changed = true;
    return rc;
}

int lk_postgres_face_remove(lk_store *s, int64_t id, liken_error *err) {
    return forget(s, lk_postgres_write(of(s), remove_face, &id, err));
}

/* ---- one image ---- */

struct image_remove {
    int64_t collection, id;
};

static int remove_image(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct image_remove *r = arg;
    int64_t collection = 0, faces = 0;
    int rc = lk_pg_number(c, "SELECT collection FROM liken.images WHERE id = $1", LK_PG_ARGS(lk_pg_int8(r->id)), 0,
                          &collection, err);
    if (rc == LIKEN_OK && (collection == 0 || (r->collection != 0 && r->collection != collection)))
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)r->id,
                     r->collection == 0 ? "" : " in this collection");
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_say(
        c, "DELETE FROM ONLY liken.vectors WHERE face = ANY (ARRAY(SELECT id FROM liken.faces WHERE image = $1))",
        LK_PG_ARGS(lk_pg_int8(r->id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c,
                       "UPDATE liken.collections SET images = images - 1,"
                       " faces = faces - (SELECT count(*) FROM liken.faces WHERE image = $2) WHERE id = $1",
                       LK_PG_ARGS(lk_pg_int8(collection), lk_pg_int8(r->id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "WITH gone AS (DELETE FROM liken.faces WHERE image = $1 RETURNING id)"
                         " INSERT INTO liken.deletions (seq, face)"
                         " SELECT $2 + row_number() OVER (ORDER BY id), id FROM gone",
                         LK_PG_ARGS(lk_pg_int8(r->id), lk_pg_int8(w->deletion)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM liken.images WHERE id = $1", LK_PG_ARGS(lk_pg_int8(r->id)), err);
    rc = touched(c, rc, &faces, err);
    w->deletion += faces;
    w->changed = true;
    return rc;
}

int lk_postgres_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err) {
    struct image_remove r = {.collection = collection, .id = id};
    return forget(s, lk_postgres_write(of(s), remove_image, &r, err));
}

/* ---- a collection ---- */

struct collection_remove {
    int64_t id;
    bool keep_row;
};

#define ITS_FACES "SELECT f.id FROM liken.faces f JOIN liken.images i ON i.id = f.image WHERE i.collection = $1"

static int empty_collection(lk_pg_conn *c, lk_postgres_write_state *w, int64_t id, liken_error *err) {
    int64_t faces = 0;
    int rc = lk_pg_say(c, "DELETE FROM ONLY liken.vectors WHERE collection = $1 AND face = ANY (ARRAY(" ITS_FACES "))",
                       LK_PG_ARGS(lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "WITH gone AS (DELETE FROM liken.faces WHERE id IN (" ITS_FACES ") RETURNING id)"
                         " INSERT INTO liken.deletions (seq, face)"
                         " SELECT $2 + row_number() OVER (ORDER BY id), id FROM gone",
                         LK_PG_ARGS(lk_pg_int8(id), lk_pg_int8(w->deletion)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM liken.images WHERE collection = $1", LK_PG_ARGS(lk_pg_int8(id)), err);
    rc = touched(c, rc, &faces, err);
    w->deletion += faces;
    w->changed = true;
    return rc;
}

static int remove_collection(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct collection_remove *r = arg;
    int64_t found = 0;
    int rc = lk_pg_patience(c, LK_POSTGRES_LONG_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "UPDATE liken.collections SET images = 0, faces = 0 WHERE id = $1",
                         LK_PG_ARGS(lk_pg_int8(r->id)), err);
    rc = touched(c, rc, &found, err);
    if (rc == LIKEN_OK && found == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
    if (rc == LIKEN_OK)
        rc = empty_collection(c, w, r->id, err);
    if (rc == LIKEN_OK && !r->keep_row)
        rc = lk_pg_exec(c, "DELETE FROM liken.collections WHERE id = $1", LK_PG_ARGS(lk_pg_int8(r->id)), NULL, err);
    return rc;
}

int lk_postgres_collection_remove(lk_store *s, int64_t id, bool keep_row, liken_error *err) {
    struct collection_remove r = {.id = id, .keep_row = keep_row};
    return forget(s, lk_postgres_write(of(s), remove_collection, &r, err));
}
