/* Removing: a face, an image, a whole collection. Each face that goes leaves its line in the feed of removals, and the
 * counts of its collection go with it. A collection goes in one moment by being hidden, and what it held is then erased
 * in small transactions, between which everybody else can write.
 *
 * ONLY: where descriptors are spread over shards this removes none of them here; they go after the commit
 * (store/postgres/cluster/cluster.h). */
#include "store/postgres/search/search.h"
#include "store/postgres/postgres_int.h"

#include "store/codec.h"
#include "store/upgrade.h"

#include <stdio.h>

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

struct face_remove {
    const char *in; /* NULL: any */
    int64_t id;
};

/* One that only the collection's other model keeps: it would come back with that. */
static int remove_cold_face(lk_pg_conn *c, lk_postgres_write_state *w, const struct face_remove *r, liken_error *err) {
    int64_t image = 0;
    int rc = lk_pg_number(c,
                          "SELECT k.image FROM liken.cold k JOIN liken.collections c ON c.id = k.collection"
                          " WHERE k.face = $1 AND k.reason = 0 AND ($2::text IS NULL OR c.name = $2)"
                          " AND " LK_POSTGRES_LIVE,
                          LK_PG_ARGS(lk_pg_int8(r->id), lk_pg_text(r->in)), 0, &image, err);
    if (rc == LIKEN_OK && image == 0)
        rc = lk_store_no_face(r->id, r->in, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(
            c, "DELETE FROM liken.refused r USING liken.cold k WHERE k.face = $1 AND " LK_UPGRADE_SAME_BOX("r", "k"),
            LK_PG_ARGS(lk_pg_int8(r->id)), NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "DELETE FROM liken.cold WHERE face = $1", LK_PG_ARGS(lk_pg_int8(r->id)), NULL, err);
    w->changed = true;
    return rc == LIKEN_OK ? lk_postgres_tell_image(c, w, LIKEN_IMAGE_CHANGED, image, err) : rc;
}

/* Nothing is committed where it turns out not to be there. */
static int remove_face(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct face_remove *r = arg;
    const int64_t id = r->id;
    int64_t found = 0;
    int rc = lk_postgres_tell_face(c, w, id, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM ONLY liken.vectors WHERE face = $1", LK_PG_ARGS(lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM liken.cold k USING liken.faces f WHERE f.id = $1 AND k.face = f.id",
                       LK_PG_ARGS(lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(
            c, "DELETE FROM liken.cold k USING liken.faces f WHERE f.id = $1 AND " LK_UPGRADE_SAME_BOX("k", "f"),
            LK_PG_ARGS(lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(
            c,
            "WITH gone AS (DELETE FROM liken.faces f USING liken.images i, liken.collections c WHERE f.id = $1"
            " AND i.id = f.image AND c.id = i.collection AND " LK_POSTGRES_LIVE
            " AND ($3::text IS NULL OR c.name = $3) RETURNING f.id, f.image),"
            " told AS (INSERT INTO liken.deletions (seq, face) SELECT $2, id FROM gone)"
            " UPDATE liken.collections c SET faces = c.faces - 1 FROM gone JOIN liken.images i"
            " ON i.id = gone.image WHERE c.id = i.collection",
            LK_PG_ARGS(lk_pg_int8(id), lk_pg_int8(w->deletion + 1), lk_pg_text(r->in)), err);
    rc = touched(c, rc, &found, err);
    if (rc == LIKEN_OK && found == 0)
        return remove_cold_face(c, w, r, err);
    w->deletion += found;
    w->changed = true;
    return rc;
}

int lk_postgres_face_remove(lk_store *s, const char *in, int64_t id, liken_error *err) {
    struct face_remove r = {in, id};
    return forget(s, lk_postgres_write(of(s), remove_face, &r, err));
}

/* ---- one image ---- */

struct image_remove {
    int64_t collection, id;
};

int lk_postgres_image_erase(lk_pg_conn *c, lk_postgres_write_state *w, int64_t in, int64_t id, liken_error *err) {
    int64_t collection = 0, faces = 0;
    int rc =
        lk_pg_number(c,
                     "SELECT c.id FROM liken.images i JOIN liken.collections c ON c.id = i.collection WHERE i.id = $1"
                     " AND " LK_POSTGRES_LIVE,
                     LK_PG_ARGS(lk_pg_int8(id)), 0, &collection, err);
    if (rc == LIKEN_OK && (collection == 0 || (in != 0 && in != collection)))
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)id,
                     in == 0 ? "" : " in this collection");
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_postgres_tell_image(c, w, LIKEN_IMAGE_REMOVED, id, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_say(
        c, "DELETE FROM ONLY liken.vectors WHERE face = ANY (ARRAY(SELECT id FROM liken.faces WHERE image = $1))",
        LK_PG_ARGS(lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c,
                       "UPDATE liken.collections SET images = images - 1,"
                       " faces = faces - (SELECT count(*) FROM liken.faces WHERE image = $2) WHERE id = $1",
                       LK_PG_ARGS(lk_pg_int8(collection), lk_pg_int8(id)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "WITH gone AS (DELETE FROM liken.faces WHERE image = $1 RETURNING id)"
                         " INSERT INTO liken.deletions (seq, face)"
                         " SELECT $2 + row_number() OVER (ORDER BY id), id FROM gone",
                         LK_PG_ARGS(lk_pg_int8(id), lk_pg_int8(w->deletion)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM liken.images WHERE id = $1", LK_PG_ARGS(lk_pg_int8(id)), err);
    rc = touched(c, rc, &faces, err);
    w->deletion += faces;
    w->changed = true;
    return rc;
}

static int remove_image(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct image_remove *r = arg;
    return lk_postgres_image_erase(c, w, r->collection, r->id, err);
}

int lk_postgres_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err) {
    struct image_remove r = {.collection = collection, .id = id};
    return forget(s, lk_postgres_write(of(s), remove_image, &r, err));
}

/* ---- a collection ---- */

struct collection_remove {
    int64_t id;
    bool again;
};

/* Whoever reads looks for the name, or asks for it beside what it finds, so the new name hides all the collection has.
 */
static int hide(lk_pg_conn *c, int64_t id, char name[65], liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c,
                              "UPDATE liken.collections k SET name = '.' || k.id FROM liken.collections c"
                              " WHERE c.id = $1 AND k.id = c.id AND " LK_POSTGRES_LIVE " RETURNING c.name",
                              LK_PG_ARGS(lk_pg_int8(id)), &r, err);
    if (rc != LIKEN_OK)
        return rc;
    const bool found = lk_pg_rows(r) == 1;
    if (found)
        (void)snprintf(name, 65, "%s", lk_pg_get_bytes(r, 0, 0, NULL));
    lk_pg_clear(r);
    return found ? LIKEN_OK : lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
}

/* One of the same name, model and way to search. */
static int make_again(lk_pg_conn *c, const lk_postgres_write_state *w, int64_t id, const char *name, liken_error *err) {
    int64_t made = 0;
    int rc = lk_pg_number(c,
                          "INSERT INTO liken.collections (name, model, metric, search, threshold, created_at, keep)"
                          " SELECT $2, model, metric, search, threshold, created_at, keep FROM liken.collections"
                          " WHERE id = $1 RETURNING id",
                          LK_PG_ARGS(lk_pg_int8(id), lk_pg_text(name)), 0, &made, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_tell_collection(c, w, LIKEN_COLLECTION_CREATED, made, name, err);
    return rc == LIKEN_OK ? lk_pg_exec(c,
                                       "INSERT INTO liken.near (collection, method) SELECT $2, method FROM liken.near"
                                       " WHERE collection = $1",
                                       LK_PG_ARGS(lk_pg_int8(id), lk_pg_int8(made)), NULL, err)
                          : rc;
}

static int remove_collection(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct collection_remove *r = arg;
    char name[65];
    int rc = hide(c, r->id, name, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_tell_collection(c, w, LIKEN_COLLECTION_REMOVED, r->id, name, err);
    if (rc == LIKEN_OK && r->again)
        rc = make_again(c, w, r->id, name, err);
    if (rc == LIKEN_OK) /* nothing has to be made ready for its searches any more */
        rc = lk_pg_exec(c, "DELETE FROM liken.near WHERE collection = $1", LK_PG_ARGS(lk_pg_int8(r->id)), NULL, err);
    w->changed = true;
    return rc;
}

int lk_postgres_collection_remove(lk_store *s, int64_t id, bool again, liken_error *err) {
    struct collection_remove r = {.id = id, .again = again};
    return lk_postgres_write(of(s), remove_collection, &r, err);
}

/* ---- erasing what it held ---- */

#define ERASE_IMAGES 256 /* at most, in one transaction, */
#define ERASE_FACES 1024 /* and so many faces */

/* The ids that a statement gives for a list of ids, as such a list. */
static int read_ids(lk_pg_conn *c, const char *sql, lk_pg_value of_what, int limit, lk_pg_column *out,
                    liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, sql, LK_PG_ARGS(of_what, lk_pg_int8(limit)), &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        rc = lk_pg_column_add(out, lk_pg_int8(lk_pg_get_int(r, i, 0)), err);
    lk_pg_clear(r);
    return rc;
}

/* Images go once they have no picture and no face left. */
static int erase(lk_pg_conn *c, lk_postgres_write_state *w, int64_t collection, const lk_pg_column *images,
                 const lk_pg_column *faces, liken_error *err) {
    const bool bare = faces->count < ERASE_FACES;
    int64_t gone = 0;
    int rc = lk_pg_say(c, "DELETE FROM ONLY liken.vectors WHERE face = ANY ($1)", LK_PG_ARGS(lk_pg_array(faces)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM liken.faces WHERE id = ANY ($1)", LK_PG_ARGS(lk_pg_array(faces)), err);
    if (rc == LIKEN_OK && bare)
        rc = lk_pg_say(c, "DELETE FROM liken.images WHERE id = ANY ($1)", LK_PG_ARGS(lk_pg_array(images)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(
            c, "UPDATE liken.collections SET images = images - $2, faces = faces - $3 WHERE id = $1",
            LK_PG_ARGS(lk_pg_int8(collection), lk_pg_int8(bare ? images->count : 0), lk_pg_int8(faces->count)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "INSERT INTO liken.deletions (seq, face) SELECT $2 + n, face FROM unnest($1) WITH ORDINALITY"
                         " g (face, n)",
                         LK_PG_ARGS(lk_pg_array(faces), lk_pg_int8(w->deletion)), err);
    rc = touched(c, rc, &gone, err);
    w->deletion += gone;
    return rc;
}

static int erase_some(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const int64_t collection = *(const int64_t *)arg;
    lk_pg_column images, faces;
    int64_t pictures = 0;
    lk_pg_column_init(&images, LK_PG_INT8);
    lk_pg_column_init(&faces, LK_PG_INT8);
    int rc = read_ids(c, "SELECT id FROM liken.images WHERE collection = $1 ORDER BY id LIMIT $2",
                      lk_pg_int8(collection), ERASE_IMAGES, &images, err);
    if (rc == LIKEN_OK && images.count > 0)
        rc = lk_pg_number(c, LK_POSTGRES_PICTURES_GO("p.image = ANY ($1)"), LK_PG_ARGS(lk_pg_array(&images)), 0,
                          &pictures, err);
    if (rc == LIKEN_OK && pictures == 0)
        rc = read_ids(c, "SELECT id FROM liken.faces WHERE image = ANY ($1) ORDER BY id LIMIT $2", lk_pg_array(&images),
                      ERASE_FACES, &faces, err);
    if (rc == LIKEN_OK && images.count > 0 && pictures == 0)
        rc = erase(c, w, collection, &images, &faces, err);
    else if (rc == LIKEN_OK && images.count == 0) /* another process may have been quicker */
        rc = lk_pg_exec(c, "DELETE FROM liken.collections c WHERE id = $1 AND " LK_POSTGRES_REMOVED,
                        LK_PG_ARGS(lk_pg_int8(collection)), NULL, err);
    w->changed = true;
    lk_pg_column_free(&images);
    lk_pg_column_free(&faces);
    return rc;
}

/* The collection to erase from, 0: none; and whether all that is left of it is its approximate index. */
struct removed {
    int64_t id;
    bool index;
};

static int find_removed(lk_pg_conn *c, void *arg, liken_error *err) {
    struct removed *k = arg;
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c,
                              "SELECT c.id, c.images = 0 AND to_regclass('liken.near_' || c.id) IS NOT NULL"
                              " FROM liken.collections c WHERE " LK_POSTGRES_REMOVED " ORDER BY c.images = 0, c.id"
                              " LIMIT 1",
                              LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    *k = (struct removed){0};
    if (lk_pg_rows(r) == 1)
        *k = (struct removed){lk_pg_get_int(r, 0, 0), lk_pg_get_int(r, 0, 1) != 0};
    lk_pg_clear(r);
    return LIKEN_OK;
}

/* Nobody has to wait for it: searches and writes go on. */
static int drop_index(lk_pg_conn *c, void *arg, liken_error *err) {
    const struct removed *k = arg;
    char sql[96];
    const int rc = lk_search_stop(c, k->id, err);
    (void)snprintf(sql, sizeof sql, "DROP INDEX CONCURRENTLY IF EXISTS liken.near_%lld", (long long)k->id);
    return rc == LIKEN_OK ? lk_pg_script(c, sql, err) : rc;
}

int lk_postgres_erase(lk_store *s, bool *more, liken_error *err) {
    struct removed k;
    int rc = lk_pg_with(of(s)->db, find_removed, &k, err);
    if (rc == LIKEN_OK && k.index)
        rc = lk_pg_with(of(s)->db, drop_index, &k, err);
    else if (rc == LIKEN_OK && k.id != 0)
        rc = forget(s, lk_postgres_write(of(s), erase_some, &k.id, err));
    if (rc == LIKEN_OK)
        *more = k.id != 0;
    return rc;
}

static int count_erasing(lk_pg_conn *c, void *arg, liken_error *err) {
    return lk_pg_number(c, "SELECT sum(c.images)::bigint FROM liken.collections c WHERE " LK_POSTGRES_REMOVED,
                        LK_PG_NO_ARGS, 0, arg, err);
}

int lk_postgres_erasing(lk_store *s, int64_t *images, liken_error *err) {
    return lk_pg_with(of(s)->db, count_erasing, images, err);
}
