/* cluster.c - the map of a spread gallery and the ways to its shards. The map is read again when its epoch changed;
 * the shards' addresses are those that postgres_fdw uses, read from the coordinator's catalogue. */
#include "store/postgres/cluster/cluster.h"

#include "base/clock.h"
#include "base/lock.h"
#include "store/postgres/cluster/citus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY 3.0     /* seconds until a shard that did not answer is tried again */
#define PROBE_MS 2000 /* what a shard may take to say that it is there */

/* what postgres_fdw adds to libpq's options */
#define OF_THE_WRAPPER                                                                                                 \
    "'use_remote_estimate', 'fdw_startup_cost', 'fdw_tuple_cost', 'extensions', 'fetch_size', 'batch_size',"           \
    " 'async_capable', 'keep_connections', 'updatable', 'truncatable', 'parallel_commit', 'parallel_abort',"           \
    " 'analyze_sampling', 'password_required'"

static const char sql_shards[] =
    "SELECT h.name, (SELECT string_agg(option_name || '=''' || replace(replace(option_value, '\\', '\\\\'), '''',"
    "   '\\''') || '''', ' ') FROM (SELECT * FROM pg_options_to_table(f.srvoptions) UNION ALL"
    "   SELECT * FROM pg_options_to_table(u.umoptions)) o WHERE option_name NOT IN (" OF_THE_WRAPPER "))"
    " FROM liken.shards h JOIN pg_foreign_server f ON f.srvname = 'liken_' || h.name"
    " LEFT JOIN pg_user_mappings u ON u.srvid = f.oid AND u.usename = current_user ORDER BY h.name";

static const char sql_buckets[] = "SELECT bucket, shard FROM liken.buckets";

int lk_cluster_new(lk_cluster **out, lk_pg *coordinator, liken_error *err) {
    lk_cluster *k = calloc(1, sizeof *k);
    if (k == NULL)
        return lk_fail_memory(err);
    k->db = coordinator;
    pthread_cond_init(&k->probed, NULL);
    pthread_mutex_init(&k->lock, NULL);
    *out = k;
    return LIKEN_OK;
}

void lk_cluster_free(lk_cluster *k) {
    if (k == NULL)
        return;
    for (size_t i = 0; i < k->count; i++) {
        lk_pg_close(k->shards[i]->pg);
        free(k->shards[i]->where);
        free(k->shards[i]);
    }
    pthread_cond_destroy(&k->probed);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* ---- the map ---- */

static lk_shard *find(const lk_cluster *k, const char *name) {
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->shards[i]->name, name) == 0)
            return k->shards[i];
    }
    return NULL;
}

/* Under the lock. A known shard keeps its pool, whatever its address is now: a restart takes a new address up. */
static int learn(lk_cluster *k, const char *name, const char *where, liken_error *err) {
    LK_HELD(&k->lock);
    if (find(k, name) != NULL)
        return LIKEN_OK;
    if (k->count == LK_CLUSTER_SHARDS)
        return lk_fail(err, LIKEN_E_STORE, "The cluster has more than %d shards.", LK_CLUSTER_SHARDS);
    if (strlen(name) > LK_CLUSTER_NAME)
        return lk_fail(err, LIKEN_E_STORE, "The cluster has a shard whose name is longer than %d letters.",
                       LK_CLUSTER_NAME);
    lk_shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL || (where != NULL && (shard->where = strdup(where)) == NULL)) {
        free(shard);
        return lk_fail_memory(err);
    }
    (void)snprintf(shard->name, sizeof shard->name, "%s", name);
    k->shards[k->count++] = shard;
    return LIKEN_OK;
}

static int index_of(const lk_cluster *k, const char *name) {
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->shards[i]->name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int assign(lk_cluster *k, const lk_pg_result *rows, liken_error *err) {
    bool seen[LK_CLUSTER_BUCKETS] = {false};
    int count = 0;
    for (int i = 0; i < lk_pg_rows(rows); i++) {
        const int64_t bucket = lk_pg_get_int(rows, i, 0);
        const int shard = index_of(k, lk_pg_get_bytes(rows, i, 1, NULL));
        if (bucket < 0 || bucket >= LK_CLUSTER_BUCKETS || shard < 0 || seen[bucket])
            break;
        k->owner[bucket] = (unsigned char)shard;
        seen[bucket] = true;
        count++;
    }
    if (count != LK_CLUSTER_BUCKETS)
        return lk_fail(err, LIKEN_E_STORE,
                       "liken.buckets does not give every one of %d buckets a shard; run liken cluster status.",
                       LK_CLUSTER_BUCKETS);
    return LIKEN_OK;
}

static int reload(lk_cluster *k, int64_t epoch, const lk_pg_result *shards, const lk_pg_result *buckets,
                  liken_error *err) {
    pthread_mutex_lock(&k->lock);
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(shards); i++)
        rc = learn(k, lk_pg_get_bytes(shards, i, 0, NULL), lk_pg_get_bytes(shards, i, 1, NULL), err);
    if (rc == LIKEN_OK)
        rc = assign(k, buckets, err);
    k->epoch = rc == LIKEN_OK ? epoch : 0;
    pthread_mutex_unlock(&k->lock);
    return rc;
}

static int read_map(lk_cluster *k, lk_pg_conn *c, int64_t epoch, liken_error *err) {
    lk_pg_result *shards = NULL, *buckets = NULL;
    int rc = lk_pg_exec(c, sql_shards, LK_PG_NO_ARGS, &shards, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, sql_buckets, LK_PG_NO_ARGS, &buckets, err);
    if (rc == LIKEN_OK)
        rc = reload(k, epoch, shards, buckets, err);
    lk_pg_clear(shards);
    lk_pg_clear(buckets);
    return rc;
}

/* False when another thread has read a map of another epoch meanwhile. */
static bool copy_map(lk_cluster *k, int64_t epoch, lk_cluster_map *out) {
    pthread_mutex_lock(&k->lock);
    const bool same = k->epoch == epoch;
    if (same) {
        *out = (lk_cluster_map){.epoch = epoch, .count = k->count};
        for (size_t i = 0; i < k->count; i++)
            memcpy(out->names[i], k->shards[i]->name, sizeof out->names[i]);
    }
    pthread_mutex_unlock(&k->lock);
    return same;
}

/* The lock comes before the snapshot of a transaction that has one for all of it: else it could wait for a move and
 * then read what was before. */
static int read_epoch(lk_pg_conn *c, int64_t *epoch, bool *citus, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_say(c, "LOCK TABLE liken.cluster IN ACCESS SHARE MODE", LK_PG_NO_ARGS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT (SELECT epoch FROM liken.cluster), to_regclass('liken.citus') IS NOT NULL",
                         LK_PG_NO_ARGS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &r, err);
    rc = lk_pg_finish(c, rc, err);
    if (rc == LIKEN_OK) {
        *epoch = lk_pg_get_int(r, 0, 0);
        *citus = lk_pg_get_int(r, 0, 1) != 0;
    }
    lk_pg_clear(r);
    return rc;
}

static bool is_citus(lk_cluster *k) {
    pthread_mutex_lock(&k->lock);
    const bool citus = k->citus;
    pthread_mutex_unlock(&k->lock);
    return citus;
}

static void copy_nodes(lk_cluster *k, lk_cluster_map *out) {
    pthread_mutex_lock(&k->lock);
    k->citus = true;
    *out = (lk_cluster_map){.citus = true, .count = k->count};
    for (size_t i = 0; i < k->count; i++)
        memcpy(out->names[i], k->shards[i]->name, sizeof out->names[i]);
    pthread_mutex_unlock(&k->lock);
}

int lk_cluster_look(lk_cluster *k, lk_pg_conn *c, lk_cluster_map *out, liken_error *err) {
    int64_t epoch = 0;
    bool citus = false;
    int rc = read_epoch(c, &epoch, &citus, err);
    if (rc == LIKEN_OK && citus)
        copy_nodes(k, out);
    else if (rc == LIKEN_OK && epoch == 0)
        *out = (lk_cluster_map){.epoch = 0};
    while (rc == LIKEN_OK && epoch != 0 && !copy_map(k, epoch, out))
        rc = read_map(k, c, epoch, err);
    if (rc == LIKEN_OK && (epoch != 0 || citus))
        lk_cluster_watch(k, c);
    return rc;
}

/* ---- the shards ---- */

static int open_shard(lk_cluster *k, lk_shard *shard, lk_pg **out, liken_error *err) {
    static const lk_pg_options options = {
        .connections = 4, .connect_s = 2, .statement_ms = LK_CLUSTER_WRITE_MS, .own_names = true};
    liken_error why = {0};
    lk_pg *pg = NULL;
    int rc = lk_pg_open(&pg, shard->where, &options, &why);
    if (rc != LIKEN_OK)
        lk_error_prefix(&why, "Shard \"%s\"", shard->name);
    pthread_mutex_lock(&k->lock);
    if (shard->pg == NULL) { /* else another thread was first */
        shard->pg = pg;
        pg = NULL;
        shard->why = why;
        shard->suspect = rc != LIKEN_OK;
        shard->retry_at = rc == LIKEN_OK ? 0 : lk_clock_monotonic() + RETRY;
    }
    if (shard->pg != NULL) {
        *out = shard->pg;
        rc = LIKEN_OK;
    } else if (err != NULL) {
        *err = why;
    }
    pthread_mutex_unlock(&k->lock);
    lk_pg_close(pg);
    return rc;
}

int lk_cluster_shard(lk_cluster *k, const char *name, lk_pg **out, liken_error *err) {
    liken_error why = {0};
    pthread_mutex_lock(&k->lock);
    lk_shard *shard = find(k, name);
    lk_pg *pg = shard == NULL ? NULL : shard->pg;
    if (shard != NULL && lk_clock_monotonic() < shard->retry_at)
        why = shard->why;
    pthread_mutex_unlock(&k->lock);
    if (shard == NULL)
        return lk_fail(err, LIKEN_E_STORE, "The cluster has no shard \"%s\".", name);
    if (why.code != LIKEN_OK) {
        if (err != NULL)
            *err = why;
        return why.code;
    }
    if (pg == NULL)
        return open_shard(k, shard, out, err);
    *out = pg;
    return LIKEN_OK;
}

/* ---- asking all of them at once ---- */

/* A shard that did not answer is left alone for a while: it must not hold up everybody again and again. */
static void rest(lk_cluster *k, const char *name, const liken_error *why) {
    pthread_mutex_lock(&k->lock);
    lk_shard *shard = find(k, name);
    if (shard != NULL) {
        shard->suspect = true;
        shard->why = *why;
        shard->retry_at = lk_clock_monotonic() + RETRY;
    }
    pthread_mutex_unlock(&k->lock);
}

static void trust(lk_cluster *k, const char *name) {
    pthread_mutex_lock(&k->lock);
    lk_shard *shard = find(k, name);
    if (shard != NULL) {
        shard->suspect = false;
        shard->retry_at = 0;
    }
    pthread_mutex_unlock(&k->lock);
}

static void settle(lk_cluster_ask *a, int rc) {
    if (rc == LIKEN_OK || a->status != LIKEN_OK)
        return;
    lk_error_prefix(&a->err, "Shard \"%s\"", a->name);
    a->status = rc;
    if (rc == LIKEN_E_BUSY)
        rest(a->k, a->name, &a->err);
}

void lk_cluster_start(lk_cluster *k, lk_cluster_ask *a, const char *name) {
    *a = (lk_cluster_ask){.k = k, .name = name};
    a->status = lk_cluster_shard(k, name, &a->pg, &a->err);
    if (a->status == LIKEN_OK)
        settle(a, lk_pg_take(a->pg, &a->c, &a->err));
}

void lk_cluster_queue(lk_cluster_ask *a, const char *sql, const lk_pg_value *values, int count) {
    if (a->status == LIKEN_OK)
        settle(a, lk_pg_queue(a->c, sql, values, count, &a->err));
}

void lk_cluster_send(lk_cluster_ask *a) {
    if (a->status == LIKEN_OK)
        settle(a, lk_pg_send(a->c, &a->err));
}

void lk_cluster_answer(lk_cluster_ask *a, int64_t *touched) {
    lk_pg_result *r = NULL;
    if (a->status == LIKEN_OK)
        settle(a, lk_pg_answer(a->c, &r, &a->err));
    if (a->status == LIKEN_OK)
        *touched = lk_pg_touched(r);
    lk_pg_clear(r);
}

void lk_cluster_end(lk_cluster_ask *a) {
    if (a->c == NULL)
        return;
    liken_error late = {0};
    const int rc = lk_pg_finish(a->c, a->status, &late);
    if (a->status == LIKEN_OK && rc != LIKEN_OK) {
        a->err = late;
        settle(a, rc);
    }
    lk_pg_give(a->pg, a->c);
    a->c = NULL;
    if (a->status == LIKEN_OK)
        trust(a->k, a->name);
}

int lk_cluster_note(lk_cluster *k, const char *name, const liken_error *why, liken_error *err) {
    pthread_mutex_lock(&k->lock);
    const int rc = learn(k, name, NULL, err);
    pthread_mutex_unlock(&k->lock);
    if (rc == LIKEN_OK && why == NULL)
        trust(k, name);
    else if (rc == LIKEN_OK)
        rest(k, name, why);
    return rc;
}

/* The nodes that Citus has, and down[i]: this one does not answer. */
static int tell_nodes(lk_cluster *k, lk_cluster_map *map, bool *down, liken_error *err) {
    int rc = LIKEN_OK;
    copy_nodes(k, map);
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < map->count; i++) {
        down[i] = k->shards[i]->suspect;
        if (down[i] && rc == LIKEN_OK)
            rc = lk_fail(err, LIKEN_E_BUSY, "%s", k->shards[i]->why.message);
    }
    pthread_mutex_unlock(&k->lock);
    return rc;
}

int lk_cluster_probe(lk_cluster *k, lk_cluster_map *map, bool down[LK_CLUSTER_SHARDS], liken_error *err) {
    if (map->citus) {
        liken_error ignored;
        (void)lk_citus_probe(k, &ignored);
        return tell_nodes(k, map, down, err);
    }
    lk_cluster_ask *asks = calloc(map->count, sizeof *asks);
    if (asks == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < map->count; i++) {
        lk_cluster_start(k, &asks[i], map->names[i]);
        if (asks[i].c != NULL)
            lk_pg_hurry(asks[i].c, PROBE_MS);
        lk_cluster_queue(&asks[i], "SELECT 1", LK_PG_NO_ARGS);
        lk_cluster_send(&asks[i]);
    }
    int rc = LIKEN_OK;
    for (size_t i = 0; i < map->count; i++) {
        lk_cluster_end(&asks[i]);
        down[i] = asks[i].status != LIKEN_OK;
        if (down[i] && rc == LIKEN_OK)
            rc = lk_fail(err, LIKEN_E_BUSY, "%s", asks[i].err.message);
    }
    free(asks);
    return rc;
}

int lk_cluster_check(lk_cluster *k, lk_cluster_map *map, bool down[LK_CLUSTER_SHARDS], liken_error *err) {
    const double now = lk_clock_monotonic();
    bool suspect = false, due = false;
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < map->count; i++) {
        const lk_shard *shard = find(k, map->names[i]);
        suspect = suspect || shard == NULL || shard->suspect;
        due = due || shard == NULL || (shard->suspect && now >= shard->retry_at);
        down[i] = false;
    }
    pthread_mutex_unlock(&k->lock);
    if (suspect && !due && map->citus)
        return tell_nodes(k, map, down, err);
    return suspect ? lk_cluster_probe(k, map, down, err) : LIKEN_OK;
}

/* Those that were not there before are left out of what is asked, or it was refused. */
static int doubt(void *ctx, liken_error *err) {
    lk_cluster *k = ctx;
    bool down[LK_CLUSTER_SHARDS];
    lk_cluster_map map = {.epoch = 1};
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++) {
        if (!k->shards[i]->suspect)
            memcpy(map.names[map.count++], k->shards[i]->name, sizeof map.names[0]);
    }
    pthread_mutex_unlock(&k->lock);
    return map.count == 0 ? LIKEN_OK : lk_cluster_probe(k, &map, down, err);
}

/* The same of Citus, which is asked for all that were not known to be away a moment ago. */
static int doubt_nodes(void *ctx, liken_error *err) {
    lk_cluster *k = ctx;
    bool before[LK_CLUSTER_SHARDS] = {false};
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->count; i++)
        before[i] = k->shards[i]->suspect;
    pthread_mutex_unlock(&k->lock);
    liken_error ignored;
    int rc = LIKEN_OK;
    (void)lk_citus_probe(k, &ignored); /* that the coordinator is there was asked before */
    pthread_mutex_lock(&k->lock);
    for (size_t i = 0; rc == LIKEN_OK && i < k->count; i++) {
        if (k->shards[i]->suspect && !before[i])
            rc = lk_fail(err, LIKEN_E_BUSY, "%s", k->shards[i]->why.message);
    }
    pthread_mutex_unlock(&k->lock);
    return rc;
}

void lk_cluster_watch(lk_cluster *k, lk_pg_conn *c) {
    if (is_citus(k))
        lk_pg_doubt(c, doubt_nodes, k);
    else if (lk_cluster_is_known(k))
        lk_pg_doubt(c, doubt, k);
}

int lk_cluster_explain(lk_cluster *k, int rc, liken_error *err) {
    bool down[LK_CLUSTER_SHARDS];
    liken_error why = {0};
    lk_cluster_map map = {.citus = is_citus(k)};
    if (rc != LIKEN_E_BUSY && rc != LIKEN_E_STORE)
        return rc;
    pthread_mutex_lock(&k->lock);
    const int64_t epoch = k->epoch;
    pthread_mutex_unlock(&k->lock);
    if (!map.citus && (epoch == 0 || !copy_map(k, epoch, &map)))
        return rc;
    if (lk_cluster_probe(k, &map, down, &why) != LIKEN_E_BUSY)
        return rc;
    return lk_fail(err, LIKEN_E_BUSY, "%s", why.message);
}
