/* Keeping the columns filled in and the approximate indexes measured, a step at a time, by any number of processes:
 * each step holds an advisory lock of its collection, and whoever does not get it leaves the step to the one who has
 * it. */
#include "store/postgres/search/search_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/codec.h"
#include "store/postgres/cluster/citus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_NUMBERS (1 << 18) /* filled in at a time: 2048 faces of 128 */
#define BUILD_MS (24 * 3600 * 1000)
#define SAMPLES 32 /* searches by which an approximate index is measured, */
#define NEAREST 10 /* each for so many */
#define STALE_SECONDS 86400

/* *mine: nobody else works on the collection until the transaction ends. */
static int lock(lk_pg_conn *c, int64_t collection, bool *mine, liken_error *err) {
    int64_t got = 0;
    const int rc = lk_pg_number(c, "SELECT pg_try_advisory_xact_lock(" LK_SEARCH_LOCK ", $1::bigint::int)::int",
                                LK_PG_ARGS(lk_pg_int8(collection % INT32_MAX)), 0, &got, err);
    *mine = got != 0;
    return rc;
}

/* ---- filling in ---- */

/* What is filled in with one commit: rows in this database, or on shards, which are written to all at once. */
struct batch {
    lk_pg_conn *c;
    lk_cluster *k;
    const lk_search_plan *plan;
    lk_cluster_map map;
    size_t count; /* parts: one for each shard, or one */
    struct part {
        lk_search_rows rows;
        lk_cluster_ask ask;
    } * parts;
};

static int batch_init(struct batch *b, liken_error *err) {
    const int rc = lk_cluster_look(b->k, b->c, &b->map, err);
    if (rc != LIKEN_OK)
        return rc;
    b->count = b->map.epoch == 0 ? 1 : b->map.count;
    b->parts = calloc(b->count, sizeof *b->parts);
    for (size_t i = 0; b->parts != NULL && i < b->count; i++)
        lk_search_rows_init(&b->parts[i].rows, b->plan);
    return b->parts == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static void batch_free(struct batch *b) {
    for (size_t i = 0; b->parts != NULL && i < b->count; i++)
        lk_search_rows_free(&b->parts[i].rows);
    free(b->parts);
}

static int gather(struct batch *b, const lk_pg_result *rows, liken_error *err) {
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(rows); i++) {
        size_t size = 0;
        const int64_t face = lk_pg_get_int(rows, i, 0);
        const char *bytes = lk_pg_get_bytes(rows, i, 1, &size);
        struct part *part = &b->parts[b->map.epoch == 0 ? 0 : lk_cluster_owner(b->k, face)];
        rc = lk_search_rows_add(&part->rows, face, b->plan->collection, bytes, size, err);
    }
    return rc;
}

static int update(struct batch *b, struct part *part, const char *shard, liken_error *err) {
    lk_search_statement t;
    if (part->rows.columns[LK_SEARCH_FACES].count == 0)
        return LIKEN_OK;
    int rc = lk_search_rows_update(&part->rows, &t, err);
    if (rc == LIKEN_OK && shard == NULL) {
        rc = lk_pg_exec(b->c, t.sql.data, t.values, t.count, NULL, err);
    } else if (rc == LIKEN_OK) {
        lk_cluster_start(b->k, &part->ask, shard);
        lk_cluster_queue(&part->ask, t.sql.data, t.values, t.count);
        lk_cluster_send(&part->ask);
    }
    lk_search_statement_free(&t);
    return rc;
}

/* What shards are told is committed there. */
static int update_all(struct batch *b, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < b->count; i++)
        rc = update(b, &b->parts[i], b->map.epoch == 0 ? NULL : b->map.names[i], err);
    for (size_t i = 0; i < b->count; i++) {
        lk_cluster_ask *a = &b->parts[i].ask;
        if (a->name == NULL)
            continue;
        lk_cluster_end(a);
        if (a->status != LIKEN_OK && rc == LIKEN_OK)
            rc = lk_fail(err, a->status, "%s", a->err.message);
    }
    return rc;
}

static int fill_rows(lk_pg_conn *c, lk_cluster *k, const lk_search_plan *p, const lk_pg_result *rows,
                     liken_error *err) {
    struct batch b = {.c = c, .k = k, .plan = p};
    if (lk_pg_rows(rows) == 0)
        return LIKEN_OK;
    int rc = batch_init(&b, err);
    if (rc == LIKEN_OK)
        rc = gather(&b, rows, err);
    if (rc == LIKEN_OK)
        rc = update_all(&b, err);
    batch_free(&b);
    return rc;
}

/* Those without their columns. */
static int read_rows(lk_pg_conn *c, const lk_search_plan *p, int64_t end, lk_pg_result **out, liken_error *err) {
    char sql[256], last[LK_SEARCH_NAME];
    const int rc = lk_search_last_column(p, last, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)snprintf(sql, sizeof sql,
                   "SELECT face, descriptor FROM liken.vectors WHERE collection = $1 AND face > $2 AND face <= $3"
                   " AND %s IS NULL ORDER BY face LIMIT $4",
                   last);
    return lk_pg_exec(c, sql,
                      LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_int8(p->filled), lk_pg_int8(end),
                                 lk_pg_int8(BATCH_NUMBERS / p->dimension)),
                      out, err);
}

/* The nodes of Citus show what was committed one after the other: does every face up to `end` have its descriptor? */
static int check_all_there(lk_pg_conn *c, const lk_search_plan *p, int64_t end, liken_error *err) {
    int64_t faces = 0, vectors = 0;
    int rc =
        lk_pg_number(c,
                     "SELECT count(*) FROM liken.faces f JOIN liken.images i ON i.id = f.image"
                     " WHERE i.collection = $1 AND f.id > $2 AND f.id <= $3",
                     LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_int8(p->filled), lk_pg_int8(end)), 0, &faces, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT count(*) FROM liken.vectors WHERE collection = $1 AND face > $2 AND face <= $3",
                          LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_int8(p->filled), lk_pg_int8(end)), 0, &vectors,
                          err);
    if (rc == LIKEN_OK && faces != vectors)
        return lk_fail(err, LIKEN_E_BUSY,
                       "Of %lld faces %lld have their descriptor so far; try again in a minute, and if it stays so run "
                       "liken doctor.",
                       (long long)faces, (long long)vectors);
    return rc;
}

/* The rows to fill in next, and up to which face all are done with them. */
static int choose_rows(lk_pg_conn *c, const lk_search_plan *p, int64_t end, lk_pg_result **rows, int64_t *filled,
                       liken_error *err) {
    bool citus = false;
    int rc = read_rows(c, p, end, rows, err);
    if (rc != LIKEN_OK)
        return rc;
    const int count = lk_pg_rows(*rows);
    *filled = count == BATCH_NUMBERS / p->dimension ? lk_pg_get_int(*rows, count - 1, 0) : end;
    rc = lk_citus_is_spread(c, &citus, err);
    if (rc == LIKEN_OK && !citus)
        return LIKEN_OK;
    lk_pg_clear(*rows);
    *rows = NULL;
    if (rc == LIKEN_OK)
        rc = check_all_there(c, p, *filled, err);
    return rc == LIKEN_OK ? read_rows(c, p, *filled, rows, err) : rc;
}

/* `end`: the last face that was given; all up to it are committed. */
static int fill(lk_pg_conn *c, lk_cluster *k, const lk_search_plan *p, int64_t end, liken_error *err) {
    lk_pg_result *rows = NULL;
    int64_t filled = 0;
    int rc = choose_rows(c, p, end, &rows, &filled, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = fill_rows(c, k, p, rows, err);
    lk_pg_clear(rows);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "UPDATE liken.near SET filled = greatest(filled, $2) WHERE collection = $1",
                        LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_int8(filled)), NULL, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "COMMIT", err) : rc;
}

/* ---- the approximate index ---- */

/* On a connection of its own, which may take its time: whoever holds its lock until it is closed builds. What a build
 * that was broken off has left is in the way. */
static int build_on(lk_pg_conn *c, const lk_search_plan *p, bool *mine, liken_error *err) {
    int64_t got = 0;
    char drop[96], make[768];
    (void)snprintf(drop, sizeof drop, "DROP INDEX IF EXISTS liken.near_%lld", (long long)p->collection);
    (void)snprintf(
        make, sizeof make,
        "CREATE INDEX CONCURRENTLY near_%lld ON liken.vectors USING hnsw ((v::%s.vector(%d)) %s.vector_l2_ops) "
        "WHERE collection = %lld",
        (long long)p->collection, p->space, p->dimension, p->space, (long long)p->collection);
    int rc = lk_pg_number(c, "SELECT pg_try_advisory_lock(" LK_SEARCH_LOCK ", $1::bigint::int)::int",
                          LK_PG_ARGS(lk_pg_int8(p->collection % INT32_MAX)), 0, &got, err);
    *mine = got != 0;
    if (rc != LIKEN_OK || !*mine)
        return rc;
    lk_log(LIKEN_LOG_INFO, "The approximate index over %lld faces is built.", (long long)p->faces);
    rc = lk_pg_script(c, drop, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(c, make, err);
    /* at once, and not some time after the connection is closed: it is to be measured now */
    return rc == LIKEN_OK ? lk_pg_exec(c, "SELECT pg_advisory_unlock_all()", LK_PG_NO_ARGS, NULL, err) : rc;
}

/* Built while others write, which has to be outside a transaction, and waits for those that are under way. */
static int build(lk_pg *db, const lk_search_plan *p, bool *mine, liken_error *err) {
    lk_pg *own = NULL;
    lk_pg_conn *c = NULL;
    int rc = lk_pg_open_again(&own, db, &(lk_pg_options){.connections = 1, .statement_ms = BUILD_MS}, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(own, &c, err);
    if (rc == LIKEN_OK)
        rc = build_on(c, p, mine, err);
    if (c != NULL)
        lk_pg_give(own, c);
    lk_pg_close(own);
    return rc;
}

/* ---- measuring it ---- */

/* Of the nearest that brute force finds, how many does the index find, or others as near? */
static int measure_one(lk_pg_conn *c, const lk_search_plan *p, const float *vector, int *found, int *wanted,
                       liken_error *err) {
    const lk_store_query query = {.collection = p->collection,
                                  .vector = vector,
                                  .dimension = p->dimension,
                                  .radius = INFINITY,
                                  .weak_radius = INFINITY,
                                  .k = NEAREST};
    lk_pg_result *truth = NULL, *answer = NULL;
    int rc = lk_search_ranked(c, p, &(lk_search_query){.query = &query, .rows = NEAREST}, &truth, err);
    if (rc == LIKEN_OK)
        rc = lk_search_ranked(c, p, &(lk_search_query){.query = &query, .approximate = true, .rows = NEAREST}, &answer,
                              err);
    const int n = rc == LIKEN_OK ? lk_pg_rows(truth) : 0;
    for (int i = 0; n > 0 && i < lk_pg_rows(answer); i++)
        *found += lk_pg_get_real(answer, i, 2) <= lk_pg_get_real(truth, n - 1, 2) * (1 + 1e-6);
    *wanted += n;
    lk_pg_clear(truth);
    lk_pg_clear(answer);
    return rc;
}

/* Places from all over the collection, */
static int sample(lk_pg_conn *c, const lk_search_plan *p, lk_pg_result **out, liken_error *err) {
    return lk_pg_exec(
        c,
        "SELECT b.low + ((b.high - b.low) * random())::bigint FROM (SELECT min(face) AS low, max(face) AS high"
        " FROM liken.vectors WHERE collection = $1) b, generate_series(1, $2)",
        LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_int8(SAMPLES)), out, err);
}

/* and the face at one of them. *found: there is one, and as long as it should be. */
static int take_sample(lk_pg_conn *c, const lk_search_plan *p, int64_t place, float *numbers, bool *found,
                       liken_error *err) {
    lk_pg_result *r = NULL;
    size_t size = 0;
    const int rc =
        lk_pg_exec(c, "SELECT descriptor FROM liken.vectors WHERE collection = $1 AND face >= $2 ORDER BY face LIMIT 1",
                   LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_int8(place)), &r, err);
    const char *bytes = rc == LIKEN_OK && lk_pg_rows(r) == 1 ? lk_pg_get_bytes(r, 0, 0, &size) : NULL;
    *found = bytes != NULL && size == 4 * (size_t)p->dimension;
    if (*found) {
        lk_floats_decode(bytes, (size_t)p->dimension, numbers);
        lk_search_prepare(p, numbers);
    }
    lk_pg_clear(r);
    return rc;
}

static int measure(lk_pg_conn *c, const lk_search_plan *p, liken_error *err) {
    LK_FREE float *numbers = malloc(LK_DIMENSION_MAX * sizeof *numbers);
    lk_pg_result *rows = NULL;
    int found = 0, wanted = 0;
    int rc = numbers == NULL ? lk_fail_memory(err) : sample(c, p, &rows, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(rows); i++) {
        bool there = false;
        rc = take_sample(c, p, lk_pg_get_int(rows, i, 0), numbers, &there, err);
        if (rc == LIKEN_OK && there)
            rc = measure_one(c, p, numbers, &found, &wanted, err);
    }
    lk_pg_clear(rows);
    if (rc != LIKEN_OK)
        return rc;
    const double recall = wanted == 0 ? 1 : (double)found / wanted;
    lk_log(LIKEN_LOG_INFO, "The approximate index over %lld faces finds %.1f %% of the nearest %d.",
           (long long)p->faces, 100 * recall, NEAREST);
    return lk_pg_exec(
        c,
        "UPDATE liken.near SET ready = true, recall = $2, recall_at = $3, recall_faces = $4"
        " WHERE collection = $1 AND method = 4",
        LK_PG_ARGS(lk_pg_int8(p->collection), lk_pg_float8(recall), lk_pg_int8(lk_clock_now()), lk_pg_int8(p->faces)),
        NULL, err);
}

/* ---- what is due ---- */

enum due { NOTHING, FILL, BUILD, MEASURE };

struct step {
    lk_pg *db;
    lk_cluster *cluster;
    int64_t collection;
    enum due due;
    int64_t end;
    bool more, skipped;
    int64_t beyond; /* collections up to this one were left to others */
};

/* The first collection with something to do. */
static int next(lk_pg_conn *c, struct step *s, liken_error *err) {
    lk_pg_result *row = NULL;
    const int rc =
        lk_pg_exec(c,
                   "SELECT n.collection, CASE WHEN n.filled < t.face THEN 1 WHEN n.method <> 4 THEN 0"
                   " WHEN NOT coalesce((SELECT i.indisvalid FROM pg_catalog.pg_index i WHERE i.indexrelid ="
                   "  to_regclass('liken.near_' || n.collection)), false) THEN 2"
                   " WHEN NOT n.ready OR n.recall IS NULL OR abs(k.faces - n.recall_faces) * 10 > n.recall_faces"
                   "  OR (k.faces <> n.recall_faces AND n.recall_at < $2) THEN 3 ELSE 0 END AS due, t.face"
                   " FROM liken.near n JOIN liken.collections k ON k.id = n.collection, liken.counters t"
                   " WHERE n.collection > $1 ORDER BY n.collection",
                   LK_PG_ARGS(lk_pg_int8(s->beyond), lk_pg_int8(lk_clock_now() - STALE_SECONDS)), &row, err);
    if (rc != LIKEN_OK)
        return rc;
    s->due = NOTHING;
    for (int i = 0; i < lk_pg_rows(row) && s->due == NOTHING; i++) {
        s->collection = lk_pg_get_int(row, i, 0);
        s->due = (enum due)lk_pg_get_int(row, i, 1);
        s->end = lk_pg_get_int(row, i, 2);
    }
    lk_pg_clear(row);
    return LIKEN_OK;
}

static int do_fill(lk_pg_conn *c, struct step *s, liken_error *err) {
    lk_search_plan p;
    bool mine = false;
    int rc = lk_pg_script(c, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lock(c, s->collection, &mine, err);
    s->skipped = rc == LIKEN_OK && !mine;
    if (rc != LIKEN_OK || !mine)
        return rc;
    rc = lk_search_plan_read(c, s->collection, &p, err);
    if (rc == LIKEN_OK) /* a bucket that is being moved was copied as it was */
        rc = lk_cluster_still(c, &mine, err);
    s->skipped = rc == LIKEN_OK && (!mine || p.method == LIKEN_SEARCH_MEMORY); /* somebody dropped the extension */
    if (rc != LIKEN_OK || s->skipped || p.filled >= s->end)
        return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
    return fill(c, s->cluster, &p, s->end, err);
}

static int do_build(lk_pg_conn *c, struct step *s, liken_error *err) {
    lk_search_plan p;
    bool mine = false;
    int rc = lk_search_plan_read(c, s->collection, &p, err);
    if (rc == LIKEN_OK)
        rc = build(s->db, &p, &mine, err);
    s->skipped = rc == LIKEN_OK && !mine;
    return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
}

static int do_measure(lk_pg_conn *c, struct step *s, liken_error *err) {
    lk_search_plan p;
    bool mine = false;
    int rc = lk_pg_script(c, "BEGIN; " LK_SEARCH_SETTINGS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(c, BUILD_MS, err);
    if (rc == LIKEN_OK)
        rc = lock(c, s->collection, &mine, err);
    s->skipped = rc == LIKEN_OK && !mine;
    if (rc == LIKEN_OK && mine)
        rc = lk_search_plan_read(c, s->collection, &p, err);
    if (rc == LIKEN_OK && mine)
        rc = measure(c, &p, err);
    return rc == LIKEN_OK && mine ? lk_pg_script(c, "COMMIT", err) : rc;
}

static int step(lk_pg_conn *c, struct step *s, liken_error *err) {
    int rc = next(c, s, err);
    if (rc != LIKEN_OK || s->due == NOTHING)
        return rc;
    rc = s->due == FILL ? do_fill(c, s, err) : s->due == BUILD ? do_build(c, s, err) : do_measure(c, s, err);
    s->more = true;
    if (s->skipped)
        s->beyond = s->collection;
    return rc;
}

int lk_search_tend_in(lk_pg *db, lk_cluster *k, bool *more, liken_error *err) {
    struct step s = {.db = db, .cluster = k};
    lk_pg_conn *c = NULL;
    int rc = lk_pg_take(db, &c, err);
    do {
        s.more = s.skipped = false;
        if (rc == LIKEN_OK)
            rc = step(c, &s, err);
    } while (rc == LIKEN_OK && s.skipped);
    if (c != NULL)
        lk_pg_give(db, c);
    if (rc == LIKEN_OK)
        *more = s.more;
    return rc;
}
