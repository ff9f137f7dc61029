/* Which shard a face belongs to, and removing from shards what is gone: each gets its own part in one statement, all at
 * the same time, and commits it. */
#include "store/postgres/cluster/cluster.h"

#include <stdlib.h>

#define DRAIN 2000 /* descriptors removed a call */

bool lk_cluster_is_known(lk_cluster *k) {
    pthread_mutex_lock(&k->lock);
    const bool is_known = k->epoch != 0;
    pthread_mutex_unlock(&k->lock);
    return is_known;
}

size_t lk_cluster_owner(lk_cluster *k, int64_t face) {
    pthread_mutex_lock(&k->lock);
    const size_t owner = k->owner[face % LK_CLUSTER_BUCKETS];
    pthread_mutex_unlock(&k->lock);
    return owner;
}

/* ---- removing ---- */

/* What one shard is to remove. */
struct part {
    lk_cluster_ask ask;
    lk_pg_column faces;
};

/* One for each shard of the map; NULL: out of memory. */
static struct part *parts_new(const lk_cluster_map *map) {
    struct part *parts = calloc(map->count, sizeof *parts);
    for (size_t i = 0; parts != NULL && i < map->count; i++)
        lk_pg_column_init(&parts[i].faces, LK_PG_INT8);
    return parts;
}

static void parts_free(struct part *parts, size_t count) {
    for (size_t i = 0; i < count; i++)
        lk_pg_column_free(&parts[i].faces);
    free(parts);
}

static int buckets_of(lk_cluster *k, size_t shard, lk_pg_column *out, liken_error *err) {
    int rc = LIKEN_OK;
    lk_pg_column_init(out, LK_PG_INT8);
    pthread_mutex_lock(&k->lock);
    for (int i = 0; rc == LIKEN_OK && i < LK_CLUSTER_BUCKETS; i++) {
        if (k->owner[i] == shard)
            rc = lk_pg_column_add(out, lk_pg_int8(i), err);
    }
    pthread_mutex_unlock(&k->lock);
    return rc;
}

/* For each shard on its own, so that one that is away does not hold up the others. */
static int gather_gone(lk_cluster *k, lk_pg_conn *c, size_t shard, struct part *p, liken_error *err) {
    lk_pg_column buckets;
    lk_pg_result *rows = NULL;
    int rc = buckets_of(k, shard, &buckets, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "SELECT face FROM liken.vectors_gone WHERE face % 64 = ANY ($1::bigint[]) LIMIT $2",
                        LK_PG_ARGS(lk_pg_array(&buckets), lk_pg_int4(DRAIN)), &rows, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(rows); i++)
        rc = lk_pg_column_add(&p->faces, lk_pg_int8(lk_pg_get_int(rows, i, 0)), err);
    lk_pg_clear(rows);
    lk_pg_column_free(&buckets);
    return rc;
}

static void drop_parts(lk_cluster *k, const lk_cluster_map *map, struct part *parts) {
    for (size_t i = 0; i < map->count; i++) {
        if (parts[i].faces.count == 0)
            continue;
        lk_cluster_start(k, &parts[i].ask, map->names[i]);
        lk_cluster_queue(&parts[i].ask, "DELETE FROM liken.vectors WHERE face = ANY ($1::bigint[])",
                         LK_PG_ARGS(lk_pg_array(&parts[i].faces)));
        lk_cluster_send(&parts[i].ask);
    }
    for (size_t i = 0; i < map->count; i++)
        lk_cluster_end(&parts[i].ask);
}

/* *more: a shard that answered has others. */
static int forget_gone(lk_pg_conn *c, const struct part *parts, size_t count, bool *more, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        if (parts[i].faces.count == 0 || parts[i].ask.status != LIKEN_OK)
            continue;
        rc = lk_pg_exec(c, "DELETE FROM liken.vectors_gone WHERE face = ANY ($1::bigint[])",
                        LK_PG_ARGS(lk_pg_array(&parts[i].faces)), NULL, err);
        *more = *more || parts[i].faces.count == DRAIN;
    }
    return rc;
}

int lk_cluster_still(lk_pg_conn *c, bool *still, liken_error *err) {
    int64_t got = 0;
    const int rc = lk_pg_number(c, "SELECT pg_try_advisory_xact_lock_shared($1)::int",
                                LK_PG_ARGS(lk_pg_int8(LK_CLUSTER_MOVING)), 0, &got, err);
    *still = got != 0;
    return rc;
}

static int drain(lk_cluster *k, lk_pg_conn *c, bool *more, liken_error *err) {
    lk_cluster_map map;
    bool still = false;
    int rc = lk_cluster_still(c, &still, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_look(k, c, &map, err);
    if (rc != LIKEN_OK || !still || map.epoch == 0)
        return rc;
    struct part *parts = parts_new(&map);
    if (parts == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; rc == LIKEN_OK && i < map.count; i++)
        rc = gather_gone(k, c, i, &parts[i], err);
    if (rc == LIKEN_OK) {
        drop_parts(k, &map, parts);
        rc = forget_gone(c, parts, map.count, more, err);
    }
    parts_free(parts, map.count);
    return rc;
}

int lk_cluster_drain(lk_cluster *k, lk_pg_conn *c, bool *more, liken_error *err) {
    bool left = false;
    int rc = lk_pg_script(c, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = drain(k, c, &left, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(c, "COMMIT", err);
    else if (!lk_pg_lost(c))
        (void)lk_pg_script(c, "ROLLBACK", NULL);
    if (rc == LIKEN_OK)
        *more = left;
    return rc;
}
