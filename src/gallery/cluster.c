/* The operator's calls for a gallery that is spread over several PostgreSQL servers. Each opens the store first, so
 * that its tables are there and as this liken knows them. */
#include "gallery/gallery_int.h"

#include "store/postgres/cluster/cluster.h"

#define CONNECTIONS 4

typedef struct cluster_call {
    liken *lk; /* its settings */
    lk_pg *db;
    lk_call call;
} cluster_call;

static void cluster_close(cluster_call *k) {
    lk_pg_close(k->db);
    liken_free(k->lk);
    lk_call_end(&k->call);
}

static int cluster_open(cluster_call *k, const liken_options *options, const liken_call *call, liken_error *err) {
    static const lk_pg_options pool = {.connections = CONNECTIONS};
    *k = (cluster_call){0};
    int rc = lk_call_begin(&k->call, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_settings(&k->lk, options, err);
    if (rc == LIKEN_OK && k->lk->where == NULL)
        rc = lk_fail(
            err, LIKEN_E_ARG,
            "A cluster keeps its gallery in PostgreSQL; name the server: --store postgres://user@host/database.");
    if (rc == LIKEN_OK)
        rc = lk_gallery_store_open(k->lk, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_open(&k->db, k->lk->where, &pool, err);
    if (rc != LIKEN_OK)
        cluster_close(k);
    return rc;
}

int liken_cluster_create(const liken_options *options, const liken_call *call, const liken_shard_address *shards,
                         size_t count, liken_error *err) {
    cluster_call k;
    int rc = cluster_open(&k, options, call, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_cluster_create(k.db, shards, count, err);
    cluster_close(&k);
    return rc;
}

int liken_cluster_add(const liken_options *options, const liken_call *call, const liken_shard_address *shard,
                      liken_error *err) {
    cluster_call k;
    int rc = cluster_open(&k, options, call, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_cluster_add(k.db, shard, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_balance(k.db, err);
    cluster_close(&k);
    return rc;
}

int liken_cluster_balance(const liken_options *options, const liken_call *call, liken_error *err) {
    cluster_call k;
    int rc = cluster_open(&k, options, call, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_cluster_balance(k.db, err);
    cluster_close(&k);
    return rc;
}

int liken_cluster_status(const liken_options *options, const liken_call *call, bool deep, liken_cluster **out,
                         liken_error *err) {
    cluster_call k;
    int rc = cluster_open(&k, options, call, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_cluster_status(k.db, deep, out, err);
    cluster_close(&k);
    return rc;
}

int liken_cluster_clean(const liken_options *options, const liken_call *call, int64_t *removed, liken_error *err) {
    cluster_call k;
    int rc = cluster_open(&k, options, call, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_cluster_clean(k.db, removed, err);
    cluster_close(&k);
    return rc;
}
