/* Moving a bucket from one shard to another while everything goes on.
 *
 * A face's descriptor never changes, and ids are given in the order of commits; so the rows up to the last id that was
 * committed (the mark) can be copied at leisure. Then liken.cluster and liken.vectors are locked, which waits for the
 * writers and searches under way and holds up new ones; the few rows since the mark are copied, the bucket is attached
 * on its new shard, and map, epoch and partitions change in one commit. Afterwards it is dropped from the old shard. A
 * search therefore sees the old place or the new one, and in the moment when both have it, both; searches take a face
 * that comes twice once. Orphans beyond the mark are not copied, and removed from the old shard while nobody writes: an
 * id is never on two shards with different descriptors.
 *
 * Whatever interrupts this, the map says which shard's copy counts; `tidy` drops every other. */
#include "store/postgres/cluster/citus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 5000   /* rows copied and compared in one go */
#define LAST 2000    /* rows that may be left when the locks are taken */
#define LOCK_MS 2000 /* how long everybody else may have to wait for the locks to be had */
#define LOCK_TRIES 100

struct move {
    lk_cluster_job *j;
    int bucket;
    const char *from, *to;
    int64_t done; /* rows up to this id are copied */
};

/* ---- what an interrupted move left ---- */

static int owned_by(lk_cluster_job *j, const char *shard, lk_pg_column *out, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(j->main, "SELECT bucket::bigint FROM liken.buckets WHERE shard = $1",
                        LK_PG_ARGS(lk_pg_text(shard)), &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++)
        rc = lk_pg_column_add(out, lk_pg_int8(lk_pg_get_int(r, i, 0)), err);
    lk_pg_clear(r);
    return rc;
}

/* Drops the buckets that lie on this shard and are another's. */
static int tidy(lk_cluster_job *j, const char *shard, liken_error *err) {
    lk_pg *db = NULL;
    lk_pg_conn *c = NULL;
    lk_pg_column owned;
    lk_pg_column_init(&owned, LK_PG_INT8);
    int rc = owned_by(j, shard, &owned, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_take(j, shard, &db, &c, err);
    if (rc == LIKEN_OK) {
        rc = lk_cluster_run(
            c,
            "SELECT coalesce(string_agg(CASE WHEN i.inhrelid IS NULL THEN '' ELSE format('ALTER TABLE"
            " liken.vectors DETACH PARTITION liken.%1$I;', t.relname) END || format('DROP TABLE"
            " liken.%1$I;', t.relname), ' '), '') FROM pg_class t LEFT JOIN pg_inherits i ON i.inhrelid ="
            " t.oid WHERE t.relnamespace = 'liken'::regnamespace AND t.relkind = 'r' AND"
            " t.relname ~ '^vectors_b[0-9]+$' AND NOT substr(t.relname, 10)::bigint = ANY ($1::bigint[])",
            LK_PG_ARGS(lk_pg_array(&owned)), c, err);
        if (rc != LIKEN_OK)
            lk_error_prefix(err, "Shard \"%s\"", shard);
    }
    lk_pg_give(db, c);
    lk_pg_column_free(&owned);
    return rc;
}

/* ---- copying ---- */

int lk_cluster_mark(lk_pg_conn *c, int64_t *mark, liken_error *err) {
    return lk_pg_number(c, "SELECT face FROM liken.counters", LK_PG_NO_ARGS, 0, mark, err);
}

/* Two foreign tables of the coordinator, one on each end of the move. */
static int open_ends(const struct move *m, liken_error *err) {
    static const char sql[] =
        "SELECT format('DROP FOREIGN TABLE IF EXISTS liken.move_from, liken.move_to;"
        " CREATE FOREIGN TABLE liken.move_from (%1$s) SERVER %2$I OPTIONS (schema_name ''liken'', table_name %4$L);"
        " CREATE FOREIGN TABLE liken.move_to (%1$s) SERVER %3$I OPTIONS (schema_name ''liken'', table_name "
        "%4$L);', " LK_CLUSTER_COLUMNS("liken.vectors") ", 'liken_' || $1, 'liken_' || $2, 'vectors_b' || $3)";
    return lk_cluster_run(m->j->side, sql, LK_PG_ARGS(lk_pg_text(m->from), lk_pg_text(m->to), lk_pg_int4(m->bucket)),
                          m->j->side, err);
}

/* The CHECK tells the shard that attaching need not read the rows. */
static int make_room(const struct move *m, liken_error *err) {
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE liken.vectors_b%d (LIKE liken.vectors INCLUDING STORAGE, PRIMARY KEY (face),"
                   " CHECK (face %% 64 IS NOT NULL AND face %% 64 = %d))",
                   m->bucket, m->bucket);
    return lk_cluster_script_on(m->j, m->to, sql, err);
}

struct digest {
    int64_t rows, sum;
};

static int read_digest(const struct move *m, const char *shard, int64_t after, int64_t last, struct digest *out,
                       liken_error *err) {
    char sql[256];
    lk_pg *db = NULL;
    lk_pg_conn *c = NULL;
    lk_pg_result *r = NULL;
    (void)snprintf(sql, sizeof sql,
                   "SELECT count(*), coalesce(bit_xor(hashtextextended(encode(descriptor, 'base64'), face)), 0)"
                   " FROM liken.vectors_b%d WHERE face > $1 AND face <= $2",
                   m->bucket);
    int rc = lk_cluster_take(m->j, shard, &db, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_exec(c, sql, LK_PG_ARGS(lk_pg_int8(after), lk_pg_int8(last)), &r, err);
    if (rc == LIKEN_OK)
        *out = (struct digest){lk_pg_get_int(r, 0, 0), lk_pg_get_int(r, 0, 1)};
    else
        lk_error_prefix(err, "Shard \"%s\"", shard);
    lk_pg_clear(r);
    lk_pg_give(db, c);
    return rc;
}

static int copy_chunk(struct move *m, int64_t last, liken_error *err) {
    struct digest a, b;
    int rc =
        lk_pg_exec(m->j->side, "INSERT INTO liken.move_to SELECT * FROM liken.move_from WHERE face > $1 AND face <= $2",
                   LK_PG_ARGS(lk_pg_int8(m->done), lk_pg_int8(last)), NULL, err);
    if (rc == LIKEN_OK)
        rc = read_digest(m, m->from, m->done, last, &a, err);
    if (rc == LIKEN_OK)
        rc = read_digest(m, m->to, m->done, last, &b, err);
    if (rc == LIKEN_OK && (a.rows != b.rows || a.sum != b.sum))
        rc = lk_fail(
            err, LIKEN_E_STORE,
            "Bucket %d differs between shard \"%s\" and its copy on \"%s\"; nothing was changed. Run this again.",
            m->bucket, m->from, m->to);
    if (rc == LIKEN_OK)
        m->done = last;
    return rc;
}

/* A bucket holds every 64th id. */
static int copy_until(struct move *m, int64_t mark, liken_error *err) {
    const int64_t step = (int64_t)CHUNK * LK_CLUSTER_BUCKETS;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && m->done < mark)
        rc = copy_chunk(m, mark - m->done > step ? m->done + step : mark, err);
    return rc;
}

static int copy_most(struct move *m, liken_error *err) {
    int64_t mark = 0;
    int rc = lk_cluster_mark(m->j->side, &mark, err);
    while (rc == LIKEN_OK && mark - m->done > (int64_t)LAST * LK_CLUSTER_BUCKETS) {
        rc = copy_until(m, mark, err);
        if (rc == LIKEN_OK)
            rc = lk_cluster_mark(m->j->side, &mark, err);
    }
    return rc == LIKEN_OK ? copy_until(m, mark, err) : rc;
}

/* ---- switching ---- */

int lk_cluster_lock_out(lk_cluster_job *j, liken_error *err) {
    liken_error why = {0};
    for (int i = 0; i < LOCK_TRIES; i++) {
        int rc = lk_pg_script(j->main, "BEGIN", &why);
        if (rc == LIKEN_OK)
            rc = lk_pg_patience(j->main, LOCK_MS, &why);
        if (rc == LIKEN_OK)
            rc = lk_pg_script(j->main, "LOCK TABLE liken.cluster, liken.vectors IN ACCESS EXCLUSIVE MODE", &why);
        if (rc == LIKEN_OK)
            return LIKEN_OK;
        if (rc != LIKEN_E_BUSY || lk_pg_lost(j->main))
            break;
        (void)lk_pg_script(j->main, "ROLLBACK", NULL);
        lk_cluster_pause(200 + 50L * i);
    }
    if (err != NULL)
        *err = why;
    return why.code;
}

/* What lies beyond the mark has no face, and nobody writes now. */
static int drop_beyond(const struct move *m, liken_error *err) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "DELETE FROM liken.vectors_b%d WHERE face > %lld", m->bucket, (long long)m->done);
    return lk_cluster_script_on(m->j, m->from, sql, err);
}

static int attach(const struct move *m, liken_error *err) {
    char sql[128];
    (void)snprintf(sql, sizeof sql, "ALTER TABLE liken.vectors ATTACH PARTITION liken.vectors_b%d FOR VALUES IN (%d)",
                   m->bucket, m->bucket);
    return lk_cluster_script_on(m->j, m->to, sql, err);
}

static int change_map(const struct move *m, liken_error *err) {
    static const char sql_detach[] =
        "SELECT coalesce(string_agg(format('ALTER TABLE liken.vectors DETACH PARTITION %s', inhrelid::regclass), '; "
        "'), '')"
        " FROM pg_inherits WHERE inhparent = 'liken.vectors'::regclass AND inhrelid IN"
        " (to_regclass('liken.vectors_on_' || $1), to_regclass('liken.vectors_on_' || $2))";
    static const char sql_attach[] =
        "SELECT coalesce(string_agg(format('ALTER TABLE liken.vectors ATTACH PARTITION liken.%I FOR VALUES IN (%s)',"
        " 'vectors_on_' || shard, buckets), '; '), '') FROM (SELECT shard, string_agg(bucket::text, ', ') AS buckets"
        " FROM liken.buckets WHERE shard IN ($1, $2) GROUP BY shard) s";
    lk_pg_conn *c = m->j->main;
    int rc = lk_cluster_run(c, sql_detach, LK_PG_ARGS(lk_pg_text(m->from), lk_pg_text(m->to)), c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "UPDATE liken.buckets SET shard = $2 WHERE bucket = $1",
                        LK_PG_ARGS(lk_pg_int4(m->bucket), lk_pg_text(m->to)), NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_run(c, sql_attach, LK_PG_ARGS(lk_pg_text(m->from), lk_pg_text(m->to)), c, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "UPDATE liken.cluster SET epoch = epoch + 1; COMMIT", err) : rc;
}

static int switch_over(struct move *m, liken_error *err) {
    int64_t mark = 0;
    int rc = lk_cluster_lock_out(m->j, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_cluster_mark(m->j->side, &mark, err);
    if (rc == LIKEN_OK)
        rc = copy_until(m, mark, err);
    if (rc == LIKEN_OK)
        rc = drop_beyond(m, err);
    if (rc == LIKEN_OK)
        rc = attach(m, err);
    if (rc == LIKEN_OK)
        rc = change_map(m, err);
    if (rc != LIKEN_OK && !lk_pg_lost(m->j->main))
        (void)lk_pg_script(m->j->main, "ROLLBACK", NULL);
    return rc;
}

static int move_bucket(lk_cluster_job *j, int bucket, const char *from, const char *to, liken_error *err) {
    struct move m = {.j = j, .bucket = bucket, .from = from, .to = to};
    int rc = make_room(&m, err);
    if (rc == LIKEN_OK)
        rc = open_ends(&m, err);
    if (rc == LIKEN_OK)
        rc = copy_most(&m, err);
    if (rc == LIKEN_OK)
        rc = switch_over(&m, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->side, "DROP FOREIGN TABLE liken.move_from, liken.move_to", err);
    if (rc == LIKEN_OK)
        rc = tidy(j, from, err);
    if (rc == LIKEN_OK)
        lk_call_say("cluster", "bucket %d: %s -> %s", bucket, from, to);
    return rc;
}

/* ---- evening out ---- */

/* The fullest and the emptiest shard, and a bucket of the former; *found false: they are even. */
static int next_move(lk_cluster_job *j, int *bucket, char *from, char *to, bool *found, liken_error *err) {
    static const char sql[] =
        "WITH n AS (SELECT h.name, count(b.bucket) AS held, min(b.bucket) AS one FROM liken.shards h"
        " LEFT JOIN liken.buckets b ON b.shard = h.name GROUP BY h.name)"
        " SELECT a.one, a.name, z.name FROM (SELECT * FROM n ORDER BY held DESC, name LIMIT 1) a,"
        " (SELECT * FROM n ORDER BY held, name LIMIT 1) z WHERE a.held - z.held > 1";
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(j->main, sql, LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    *found = lk_pg_rows(r) > 0;
    if (*found) {
        *bucket = (int)lk_pg_get_int(r, 0, 0);
        (void)snprintf(from, LK_CLUSTER_NAME + 1, "%s", lk_pg_get_bytes(r, 0, 1, NULL));
        (void)snprintf(to, LK_CLUSTER_NAME + 1, "%s", lk_pg_get_bytes(r, 0, 2, NULL));
    }
    lk_pg_clear(r);
    return LIKEN_OK;
}

static int balance(lk_cluster_job *j, liken_error *err) {
    char from[LK_CLUSTER_NAME + 1], to[LK_CLUSTER_NAME + 1];
    int bucket = 0, rc = LIKEN_OK;
    bool found = true;
    for (size_t i = 0; rc == LIKEN_OK && i < j->map.count; i++)
        rc = tidy(j, j->map.names[i], err);
    while (rc == LIKEN_OK && found) {
        rc = next_move(j, &bucket, from, to, &found, err);
        if (rc == LIKEN_OK)
            rc = lk_call_check(err);
        if (rc == LIKEN_OK && found)
            rc = move_bucket(j, bucket, from, to, err);
    }
    return rc;
}

int lk_cluster_balance(lk_pg *db, liken_error *err) {
    lk_cluster_job j;
    int rc = lk_cluster_job_open(&j, db, true, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = j.map.citus ? lk_citus_balance(&j, err) : balance(&j, err);
    lk_cluster_job_close(&j);
    return rc;
}
