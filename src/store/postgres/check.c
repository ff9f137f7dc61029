/* The doctor's look at the store: its schema, what its tables promise each other, and whether the server itself keeps
 * what it acknowledges. */
#include "store/postgres/postgres_int.h"

#include <stdio.h>

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

struct check {
    lk_postgres *store;
    lk_check_fn *fn;
    void *ctx;
    int bad;
};

static void blame(struct check *k, const char *what, const char *fault, const char *mend) {
    char message[640];
    k->bad++;
    (void)snprintf(message, sizeof message, "%.400s %s", fault, mend);
    k->fn(k->ctx, what, LIKEN_BAD, message);
}

/* A promise of the tables: `sql` counts the rows that break it. */
struct promise {
    const char *what, *sql, *kept, *broken, *mend;
    liken_verdict verdict; /* of one that is broken */
};

static const char restore[] = "Restore the database from a backup, or add the photos again.";

/* OFFSET: gathered first. Where Citus has spread them it cannot send such a join to its nodes. */
#define VECTORS "(SELECT face, collection FROM liken.vectors OFFSET 0)"

static const struct promise promises[] = {
    {"store faces",
     "SELECT count(*) FROM liken.faces f WHERE NOT EXISTS (SELECT 1 FROM liken.images i WHERE i.id = f.image)",
     "each belongs to an image", "faces belong to no image.", restore, LIKEN_BAD},
    {"store vectors",
     "SELECT count(*) FROM liken.faces f JOIN liken.images i ON i.id = f.image"
     " LEFT JOIN " VECTORS " v ON v.face = f.id WHERE v.collection IS DISTINCT FROM i.collection",
     "each face has its vector", "faces have no vector, or one of another collection.",
     "Where Citus spreads them, look again in a minute: it may be settling what was added before a server went away. "
     "Else "
     "restore the database from a backup, or add the photos again.",
     LIKEN_BAD},
    {"store orphans",
     "SELECT count(*) FROM " VECTORS " v WHERE NOT EXISTS (SELECT 1 FROM liken.faces f WHERE f.id = v.face)",
     "each vector belongs to a face",
     "vectors belong to no face, as an interrupted write may leave them; they are never found and only take room.",
     "In a cluster, liken cluster clean removes them; else, while nothing is added, DELETE FROM liken.vectors v"
     " WHERE NOT EXISTS (SELECT 1 FROM liken.faces f WHERE f.id = v.face).",
     LIKEN_NOTE},
    {"store descriptors",
     "SELECT count(*) FROM liken.vectors v JOIN liken.collections c ON c.id = v.collection"
     " JOIN liken.models m ON m.id = c.model WHERE length(v.descriptor) <> 4 * m.dimension",
     "each is as long as its model makes them", "descriptors have the wrong length.", restore, LIKEN_BAD},
    {"store labels",
     "SELECT count(*) FROM liken.labels l LEFT JOIN liken.images i ON i.id = l.image"
     " WHERE i.collection IS DISTINCT FROM l.collection OR (l.kind = 3 AND EXISTS"
     " (SELECT 1 FROM liken.labels o WHERE o.image = l.image AND o.kind < 3)) OR (l.kind < 2 AND EXISTS"
     " (SELECT 1 FROM liken.labels o WHERE o.collection = l.collection AND hashtextextended(o.label, 0) ="
     " hashtextextended(l.label, 0) AND o.label = l.label AND o.kind < 2 AND o.id <> l.id))",
     "each names a photo of its collection", "labels name no photo of their collection, or two.", restore, LIKEN_BAD},
    {"store image_ids",
     "SELECT count(*) FROM liken.image_ids l LEFT JOIN liken.images i ON i.id = l.image"
     " WHERE i.collection IS DISTINCT FROM l.collection",
     "each names a photo of its collection", "image_ids name no photo of their collection.", restore, LIKEN_BAD},
    {"store counts",
     "SELECT count(*) FROM liken.collections c LEFT JOIN (SELECT i.collection, count(*) AS images, coalesce(sum(n), 0)"
     " AS faces FROM liken.images i LEFT JOIN (SELECT image, count(*) AS n FROM liken.faces GROUP BY image) f"
     " ON f.image = i.id GROUP BY i.collection) r ON r.collection = c.id"
     " WHERE c.images <> coalesce(r.images, 0) OR c.faces <> coalesce(r.faces, 0)",
     "every collection counts its photos and faces rightly", "collections count their photos wrongly.", restore,
     LIKEN_BAD},
    {"store numbers",
     "SELECT count(*) FROM liken.counters k WHERE k.face < (SELECT coalesce(max(id), 0) FROM liken.faces)"
     " OR k.image < (SELECT coalesce(max(id), 0) FROM liken.images)"
     " OR k.deletion < (SELECT coalesce(max(seq), 0) FROM liken.deletions)",
     "no number will be given twice", "row of counters is behind the tables.", restore, LIKEN_BAD},
    {"store durability",
     "SELECT (current_setting('fsync') = 'off' OR current_setting('full_page_writes') = 'off')::int",
     "the server keeps what it acknowledges", "setting is off of fsync and full_page_writes:",
     "a power cut may lose or damage what was stored. Set both to on in postgresql.conf.", LIKEN_NOTE},
};

static int check_promise(lk_pg_conn *c, struct check *k, const struct promise *p, liken_error *err) {
    int64_t count = 0;
    char text[256], message[512];
    const int rc = lk_pg_number(c, p->sql, LK_PG_NO_ARGS, 0, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)snprintf(text, sizeof text, "%lld %s", (long long)count, p->broken);
    if (count == 0) {
        k->fn(k->ctx, p->what, LIKEN_GOOD, p->kept);
    } else if (p->verdict == LIKEN_BAD) {
        blame(k, p->what, text, p->mend);
    } else {
        (void)snprintf(message, sizeof message, "%s %s", text, p->mend);
        k->fn(k->ctx, p->what, p->verdict, message);
    }
    return LIKEN_OK;
}

static int check_all(lk_pg_conn *c, struct check *k, liken_error *err) {
    int version = 0;
    char text[96];
    int rc = lk_pg_script(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(c, LK_POSTGRES_LONG_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_examine(k->store, c, &version, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)snprintf(text, sizeof text, "schema %d on PostgreSQL %d.%d", version, lk_pg_server(c) / 10000,
                   lk_pg_server(c) % 10000);
    k->fn(k->ctx, "store schema", LIKEN_GOOD, text);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(promises); i++)
        rc = check_promise(c, k, &promises[i], err);
    return rc;
}

/* *whole: every shard answers, or there are none. */
static int check_shards(struct check *k, bool *whole, liken_error *err) {
    liken_cluster *c = NULL;
    liken_error why = {0};
    char what[64], text[64];
    *whole = true;
    const int rc = lk_cluster_status(k->store->db, false, &c, &why);
    if (rc == LIKEN_E_NOT_FOUND)
        return LIKEN_OK;
    if (rc != LIKEN_OK)
        return lk_fail(err, rc, "%s", why.message);
    for (size_t i = 0; i < c->shard_count; i++) {
        const liken_shard *shard = &c->shards[i];
        (void)snprintf(what, sizeof what, "cluster shard %.32s", shard->name);
        (void)snprintf(text, sizeof text, "%d of %d buckets", shard->buckets, c->buckets);
        if (shard->trouble == NULL)
            k->fn(k->ctx, what, LIKEN_GOOD, text);
        else
            blame(k, what, shard->trouble, "The store's tables are looked at once every shard answers.");
        *whole = *whole && shard->trouble == NULL;
    }
    liken_cluster_free(c);
    return LIKEN_OK;
}

int lk_postgres_check(lk_store *s, lk_check_fn *fn, void *ctx, int *bad, liken_error *err) {
    struct check k = {.store = of(s), .fn = fn, .ctx = ctx};
    lk_pg_conn *c = NULL;
    liken_error why;
    bool whole = true;
    int rc = check_shards(&k, &whole, err);
    if (rc == LIKEN_OK && whole)
        rc = lk_pg_take(of(s)->db, &c, err);
    if (rc == LIKEN_OK && !whole)
        *bad = k.bad;
    if (rc != LIKEN_OK || !whole)
        return rc;
    rc = check_all(c, &k, &why);
    lk_pg_give(of(s)->db, c);
    if (rc == LIKEN_E_STORE) /* a statement that cannot even run is a fault of the tables */
        blame(&k, "store integrity", why.message, restore);
    else if (rc != LIKEN_OK)
        return lk_fail(err, rc, "%s", why.message);
    *bad = k.bad;
    return LIKEN_OK;
}
