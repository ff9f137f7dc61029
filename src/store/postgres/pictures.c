/* What is kept of photos to be looked at: rows that come and go with their image, and how much a collection keeps. */
#include "store/postgres/rows.h"

#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

/* ---- reading ---- */

struct get {
    int64_t collection, image;
    liken_keep kind;
    lk_pg_result *rows;
};

static int get(lk_pg_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    return lk_pg_exec(
        c,
        "SELECT p.type, p.width, p.height, p.bytes FROM liken.pictures p JOIN liken.images i ON i.id = p.image"
        " JOIN liken.collections c ON c.id = i.collection WHERE p.image = $1 AND p.kind = $2 AND ($3 = 0 OR c.id = $3)"
        " AND " LK_POSTGRES_LIVE,
        LK_PG_ARGS(lk_pg_int8(g->image), lk_pg_int2((int)g->kind), lk_pg_int8(g->collection)), &g->rows, err);
}

int lk_postgres_picture_get(lk_store *s, int64_t collection, int64_t image, liken_keep kind, liken_picture *out,
                            liken_error *err) {
    struct get g = {.collection = collection, .image = image, .kind = kind};
    int rc = lk_pg_with(of(s)->db, get, &g, err);
    if (rc != LIKEN_OK)
        return rc;
    if (lk_pg_rows(g.rows) == 0) {
        lk_pg_clear(g.rows);
        return lk_fail(err, LIKEN_E_NOT_FOUND, "No such picture of image %lld is kept.", (long long)image);
    }
    size_t size = 0;
    const char *bytes = lk_pg_get_bytes(g.rows, 0, 3, &size);
    liken_picture p = {.kind = kind,
                       .width = (int)lk_pg_get_int(g.rows, 0, 1),
                       .height = (int)lk_pg_get_int(g.rows, 0, 2),
                       .bytes = malloc(size + 1),
                       .size = size};
    (void)snprintf(p.type, sizeof p.type, "%s", lk_pg_get_bytes(g.rows, 0, 0, NULL));
    if (p.bytes == NULL) {
        rc = lk_fail_memory(err);
    } else {
        memcpy(p.bytes, bytes, size);
        *out = p;
    }
    lk_pg_clear(g.rows);
    return rc;
}

/* ---- writing ---- */

struct put {
    int64_t image;
    const liken_picture *pictures;
    size_t count;
};

/* The collection of the image and what it keeps; *collection 0: there is no such image. */
static int owner(lk_pg_conn *c, int64_t image, int64_t *collection, liken_keep *keep, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c,
                              "SELECT c.id, c.keep FROM liken.images i JOIN liken.collections c ON c.id = i.collection"
                              " WHERE i.id = $1 AND " LK_POSTGRES_LIVE,
                              LK_PG_ARGS(lk_pg_int8(image)), &r, err);
    const bool there = rc == LIKEN_OK && lk_pg_rows(r) == 1;
    *collection = there ? lk_pg_get_int(r, 0, 0) : 0;
    *keep = there ? (liken_keep)lk_pg_get_int(r, 0, 1) : LIKEN_KEEP_NOTHING;
    lk_pg_clear(r);
    return rc;
}

static int put(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct put *p = arg;
    int64_t collection = 0;
    liken_keep keep;
    lk_postgres_tables t;
    int rc = owner(c, p->image, &collection, &keep, err);
    if (rc == LIKEN_OK && collection == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld.", (long long)p->image);
    if (rc != LIKEN_OK)
        return rc;
    lk_postgres_tables_init(&t, NULL);
    for (size_t i = 0; rc == LIKEN_OK && i < p->count; i++)
        if (p->pictures[i].kind <= keep)
            rc = lk_postgres_tables_picture(&t, collection, p->image, &p->pictures[i], err);
    if (rc == LIKEN_OK)
        rc = lk_pg_finish(c, lk_postgres_tables_queue(c, &t, false, err), err);
    lk_postgres_tables_free(&t);
    w->changed = true;
    return rc == LIKEN_OK ? lk_postgres_tell_image(c, w, LIKEN_IMAGE_CHANGED, p->image, err) : rc;
}

int lk_postgres_pictures_put(lk_store *s, int64_t image, const liken_picture *pictures, size_t count,
                             liken_error *err) {
    struct put p = {image, pictures, count};
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_store_check_picture(&pictures[i], err);
    return rc == LIKEN_OK ? lk_postgres_write(of(s), put, &p, err) : rc;
}

/* ---- how much a collection keeps ---- */

struct keep {
    int64_t collection;
    liken_keep keep;
    bool more;
};

static int set_keep(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    const struct keep *k = arg;
    int64_t was = -1;
    int rc = lk_pg_number(c, "SELECT c.keep FROM liken.collections c WHERE c.id = $1 AND " LK_POSTGRES_LIVE,
                          LK_PG_ARGS(lk_pg_int8(k->collection)), -1, &was, err);
    if (rc == LIKEN_OK && was < 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
    if (rc != LIKEN_OK || was == (int64_t)k->keep)
        return rc;
    w->changed = true;
    rc = lk_pg_exec(c, "UPDATE liken.collections SET keep = $2 WHERE id = $1",
                    LK_PG_ARGS(lk_pg_int8(k->collection), lk_pg_int2((int)k->keep)), NULL, err);
    return rc == LIKEN_OK ? lk_postgres_tell_collection(c, w, LIKEN_COLLECTION_CHANGED, k->collection, NULL, err) : rc;
}

int lk_postgres_keep(lk_store *s, int64_t collection, liken_keep keep, liken_error *err) {
    struct keep k = {.collection = collection, .keep = keep};
    return lk_postgres_write(of(s), set_keep, &k, err);
}

static int trim(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct keep *k = arg;
    int64_t gone = 0;
    const int rc =
        lk_pg_number(c,
                     LK_POSTGRES_PICTURES_GO(
                         "p.collection = $1 AND p.kind > (SELECT c.keep FROM liken.collections c WHERE c.id = $1)"),
                     LK_PG_ARGS(lk_pg_int8(k->collection)), 0, &gone, err);
    w->changed = gone > 0;
    k->more = gone > 0;
    return rc;
}

int lk_postgres_trim(lk_store *s, int64_t collection, bool *more, liken_error *err) {
    struct keep k = {.collection = collection};
    const int rc = lk_postgres_write(of(s), trim, &k, err);
    if (rc == LIKEN_OK)
        *more = k.more;
    return rc;
}

/* ---- what links are signed with ---- */

struct secret {
    const lk_postgres *store;
    uint8_t bytes[32];
};

static int read_secret(lk_pg_conn *c, void *arg, liken_error *err) {
    struct secret *k = arg;
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, "SELECT value FROM liken.meta WHERE key = 'secret'", LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    size_t size = 0;
    const char *hex = lk_pg_rows(r) == 1 ? lk_pg_get_bytes(r, 0, 0, &size) : NULL;
    if (hex == NULL || size != 64 || !lk_sha256_parse(hex, k->bytes))
        rc = lk_fail(err, LIKEN_E_STORE, "The store in %s has lost the secret of its links; restore it from a backup.",
                     lk_pg_name(k->store->db));
    lk_pg_clear(r);
    return rc;
}

int lk_postgres_secret(lk_store *s, uint8_t out[32], liken_error *err) {
    struct secret k = {.store = of(s)};
    const int rc = lk_pg_with(of(s)->db, read_secret, &k, err);
    if (rc == LIKEN_OK)
        memcpy(out, k.bytes, sizeof k.bytes);
    return rc;
}
