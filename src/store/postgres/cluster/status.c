/* Looking at a cluster, and removing the descriptors that belong to no face. */
#include "store/postgres/cluster/citus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEP_MS (3600 * 1000) /* what reading every id of a shard may take */
#define ORPHANS 10000         /* descriptors removed in one go */

void liken_cluster_free(liken_cluster *c) {
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->shard_count; i++) {
        free(c->shards[i].name);
        free(c->shards[i].where);
        free(c->shards[i].trouble);
    }
    free(c->shards);
    free(c);
}

/* ---- one shard ---- */

static int look_at(lk_cluster *k, const char *name, liken_shard *out, liken_error *err) {
    static const char sql[] = "SELECT CASE WHEN bool_or(c.reltuples < 0 AND pg_relation_size(c.oid) > 0) THEN -1"
                              " ELSE coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint END, "
                              "coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint"
                              " FROM pg_class c WHERE c.relnamespace = 'liken'::regnamespace AND c.relkind = 'r' AND "
                              "c.relname ~ '^vectors_b'";
    lk_pg *db = NULL;
    lk_pg_conn *c = NULL;
    lk_pg_result *r = NULL;
    int rc = lk_cluster_shard(k, name, &db, err);
    if (rc != LIKEN_OK)
        return rc;
    out->where = strdup(lk_pg_name(db));
    rc = lk_pg_take(db, &c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, sql, LK_PG_NO_ARGS, &r, err);
    if (rc == LIKEN_OK) {
        out->faces = lk_pg_get_int(r, 0, 0);
        out->bytes = (uint64_t)lk_pg_get_int(r, 0, 1);
    } else {
        lk_error_prefix(err, "Shard \"%s\"", name);
    }
    lk_pg_clear(r);
    lk_pg_give(db, c);
    return rc;
}

/* Orphans beyond the mark may be of an upload that is under way, so they do not count. */
static int look_deep(lk_pg_conn *c, liken_shard *out, liken_error *err) {
    static const char sql[] =
        "SELECT format('SELECT count(*), count(*) FILTER (WHERE f.id IS NULL AND v.face <= (SELECT face FROM"
        " liken.counters)), (SELECT count(*) FROM liken.faces g WHERE g.id %% 64 = ANY ((SELECT array_agg(bucket) FROM"
        " liken.buckets WHERE shard = %1$L)::bigint[]) AND NOT EXISTS (SELECT FROM liken.%2$I w WHERE w.face = g.id))"
        " FROM liken.%2$I v LEFT JOIN liken.faces f ON f.id = v.face', $1::text, 'vectors_on_' || $1::text)";
    lk_pg_result *text = NULL, *r = NULL;
    int rc = lk_pg_exec(c, sql, LK_PG_ARGS(lk_pg_text(out->name)), &text, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, lk_pg_get_bytes(text, 0, 0, NULL), LK_PG_NO_ARGS, &r, err);
    if (rc == LIKEN_OK) {
        out->faces = lk_pg_get_int(r, 0, 0);
        out->orphans = lk_pg_get_int(r, 0, 1);
        out->missing = lk_pg_get_int(r, 0, 2);
    }
    lk_pg_clear(text);
    lk_pg_clear(r);
    return rc;
}

static int read_shard(lk_cluster *k, lk_pg_conn *c, const char *name, bool deep, liken_shard *out, liken_error *err) {
    liken_error why = {0};
    int64_t buckets = 0;
    int rc = lk_pg_number(c, "SELECT count(*) FROM liken.buckets WHERE shard = $1", LK_PG_ARGS(lk_pg_text(name)), 0,
                          &buckets, err);
    if (rc != LIKEN_OK)
        return rc;
    *out = (liken_shard){.name = strdup(name), .buckets = (int)buckets, .orphans = -1, .missing = -1};
    const bool up = look_at(k, name, out, &why) == LIKEN_OK;
    if (!up)
        out->trouble = strdup(why.message);
    if (out->name == NULL || (up ? out->where : out->trouble) == NULL)
        return lk_fail_memory(err);
    return up && deep ? look_deep(c, out, err) : LIKEN_OK;
}

/* ---- all of them ---- */

static int read_all(lk_cluster *k, lk_pg_conn *c, bool deep, liken_cluster *out, liken_error *err) {
    lk_cluster_map map;
    int rc = lk_cluster_look(k, c, &map, err);
    if (rc == LIKEN_OK && map.epoch == 0 && !map.citus)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "This gallery is not spread; make it so with liken cluster create.");
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT coalesce(sum(faces), 0)::bigint FROM liken.collections", LK_PG_NO_ARGS, 0,
                          &out->faces, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT count(*) FROM liken.vectors_gone", LK_PG_NO_ARGS, 0, &out->gone, err);
    if (rc != LIKEN_OK || map.citus)
        return rc == LIKEN_OK ? lk_citus_status(c, deep, out, err) : rc;
    out->shards = calloc(map.count, sizeof *out->shards);
    if (out->shards == NULL)
        return lk_fail_memory(err);
    out->buckets = LK_CLUSTER_BUCKETS;
    for (size_t i = 0; rc == LIKEN_OK && i < map.count; i++) {
        out->shard_count = i + 1;
        rc = read_shard(k, c, map.names[i], deep, &out->shards[i], err);
    }
    return rc;
}

int lk_cluster_status(lk_pg *db, bool deep, liken_cluster **out, liken_error *err) {
    lk_cluster *k = NULL;
    lk_pg_conn *c = NULL;
    liken_cluster *status = calloc(1, sizeof *status);
    int rc = status == NULL ? lk_fail_memory(err) : lk_cluster_new(&k, db, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(db, &c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(c, "BEGIN READ ONLY", err);
    if (rc == LIKEN_OK && deep)
        rc = lk_pg_patience(c, DEEP_MS, err);
    if (rc == LIKEN_OK)
        rc = read_all(k, c, deep, status, err);
    lk_pg_give(db, c);
    lk_cluster_free(k);
    if (rc == LIKEN_OK)
        *out = status;
    else
        liken_cluster_free(status);
    return rc;
}

/* ---- cleaning ---- */

/* Up to the mark an id is a face's, or nobody's for ever. */
static int find_orphans(lk_cluster_job *j, const char *shard, int64_t mark, lk_pg_column *out, liken_error *err) {
    static const char sql[] =
        "SELECT format('SELECT v.face FROM liken.%I v LEFT JOIN liken.faces f ON f.id = v.face WHERE f.id IS NULL"
        " AND v.face <= $1 LIMIT $2', 'vectors_on_' || $1::text)";
    lk_pg_result *text = NULL, *r = NULL;
    int rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(j->main, DEEP_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(j->main, sql, LK_PG_ARGS(lk_pg_text(shard)), &text, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(j->main, lk_pg_get_bytes(text, 0, 0, NULL), LK_PG_ARGS(lk_pg_int8(mark), lk_pg_int4(ORPHANS)),
                        &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        rc = lk_pg_column_add(out, lk_pg_int8(lk_pg_get_int(r, i, 0)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "COMMIT", err);
    lk_pg_clear(text);
    lk_pg_clear(r);
    return rc;
}

/* One statement of one parameter on a shard; counts what it removed. */
static int remove_on(lk_cluster_job *j, const char *shard, const char *sql, lk_pg_value value, int64_t *removed,
                     liken_error *err) {
    lk_cluster_ask a;
    int64_t touched = 0;
    lk_cluster_start(j->k, &a, shard);
    lk_cluster_queue(&a, sql, LK_PG_ARGS(value));
    lk_cluster_send(&a);
    lk_cluster_answer(&a, &touched);
    lk_cluster_end(&a);
    if (a.status == LIKEN_OK)
        *removed += touched;
    else if (err != NULL)
        *err = a.err;
    return a.status;
}

static int clean_below(lk_cluster_job *j, const char *shard, int64_t mark, int64_t *removed, liken_error *err) {
    int rc = LIKEN_OK;
    bool more = true;
    while (rc == LIKEN_OK && more) {
        lk_pg_column orphans;
        lk_pg_column_init(&orphans, LK_PG_INT8);
        rc = find_orphans(j, shard, mark, &orphans, err);
        more = orphans.count == ORPHANS;
        if (rc == LIKEN_OK && orphans.count > 0)
            rc = remove_on(j, shard, "DELETE FROM liken.vectors WHERE face = ANY ($1::bigint[])", lk_pg_array(&orphans),
                           removed, err);
        lk_pg_column_free(&orphans);
    }
    return rc;
}

/* Beyond the mark lies what uploads under way have sent; once nobody writes, all of it is orphans. */
static int clean_beyond(lk_cluster_job *j, int64_t *mark, int64_t *removed, liken_error *err) {
    int rc = lk_cluster_lock_out(j, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_mark(j->side, mark, err);
    for (size_t i = 0; rc == LIKEN_OK && i < j->map.count; i++)
        rc =
            remove_on(j, j->map.names[i], "DELETE FROM liken.vectors WHERE face > $1", lk_pg_int8(*mark), removed, err);
    if (!lk_pg_lost(j->main))
        (void)lk_pg_script(j->main, "ROLLBACK", NULL);
    return rc;
}

int lk_cluster_clean(lk_pg *db, int64_t *removed, liken_error *err) {
    lk_cluster_job j;
    int64_t mark = 0, count = 0;
    int rc = lk_cluster_job_open(&j, db, true, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t shards = j.map.citus ? 0 : j.map.count; /* Citus commits a face and its descriptor together */
    if (shards > 0)
        rc = clean_beyond(&j, &mark, &count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < shards; i++) {
        lk_call_say("cluster", "shard %s: looking for descriptors of no face", j.map.names[i]);
        rc = clean_below(&j, j.map.names[i], mark, &count, err);
    }
    lk_cluster_job_close(&j);
    if (rc == LIKEN_OK)
        *removed = count;
    return rc;
}
