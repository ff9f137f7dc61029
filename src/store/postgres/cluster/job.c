/* What every change of a cluster begins and ends with: the lock that one at a time may hold, and statements that the
 * server itself words. */
#include "store/postgres/cluster/citus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void lk_cluster_pause(long ms) {
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&t, NULL);
}

/* Removing descriptors holds the lock too, but never for long. */
static int lock(lk_cluster_job *j, liken_error *err) {
    int64_t got = 0;
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && got == 0 && i < 50; i++) {
        if (i > 0)
            lk_cluster_pause(100);
        rc = lk_pg_number(j->main, "SELECT pg_try_advisory_lock($1)::int", LK_PG_ARGS(lk_pg_int8(LK_CLUSTER_MOVING)), 0,
                          &got, err);
    }
    if (rc == LIKEN_OK && got == 0)
        return lk_fail(err, LIKEN_E_BUSY, "Another liken changes this cluster just now; try again when it is done.");
    return rc;
}

static int check_spread(const lk_cluster_job *j, bool spread, liken_error *err) {
    const bool is_spread = j->map.citus || j->map.epoch != 0;
    if (spread && !is_spread)
        return lk_fail(err, LIKEN_E_CONFLICT, "This gallery is not spread; make it so with liken cluster create.");
    if (!spread && is_spread)
        return lk_fail(
            err, LIKEN_E_CONFLICT,
            "This gallery is spread already; liken cluster status shows it, liken cluster add adds a shard.");
    return LIKEN_OK;
}

int lk_cluster_job_open(lk_cluster_job *j, lk_pg *db, bool spread, liken_error *err) {
    *j = (lk_cluster_job){.db = db};
    int rc = lk_cluster_new(&j->k, db, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(db, &j->main, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(db, &j->side, err);
    if (rc == LIKEN_OK)
        rc = lock(j, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_job_look(j, err);
    if (rc == LIKEN_OK)
        rc = check_spread(j, spread, err);
    if (rc != LIKEN_OK)
        lk_cluster_job_close(j);
    return rc;
}

void lk_cluster_job_close(lk_cluster_job *j) {
    if (j->main != NULL && !lk_pg_lost(j->main)) /* a connection that ends takes its lock with it */
        (void)lk_pg_script(j->main,
                           lk_pg_is_idle(j->main) ? "SELECT pg_advisory_unlock_all()"
                                                  : "ROLLBACK; SELECT pg_advisory_unlock_all()",
                           NULL);
    lk_pg_give(j->db, j->main);
    lk_pg_give(j->db, j->side);
    lk_cluster_free(j->k);
    *j = (lk_cluster_job){0};
}

int lk_cluster_job_look(lk_cluster_job *j, liken_error *err) {
    int rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_look(j->k, j->main, &j->map, err);
    if (rc == LIKEN_OK && j->map.citus) /* moving parts takes as long as Citus says */
        lk_pg_doubt(j->main, NULL, NULL);
    return rc == LIKEN_OK ? lk_pg_script(j->main, "COMMIT", err) : rc;
}

int lk_cluster_run(lk_pg_conn *from, const char *select, const lk_pg_value *values, int count, lk_pg_conn *on,
                   liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(from, select, values, count, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    const char *text = lk_pg_rows(r) == 0 ? NULL : lk_pg_get_bytes(r, 0, 0, NULL);
    if (text == NULL)
        rc = lk_fail(err, LIKEN_E_INTERNAL, "A statement for a cluster could not be worded. Please report it.");
    else
        rc = lk_pg_script(on, text, err);
    lk_pg_clear(r);
    return rc;
}

int lk_cluster_take(lk_cluster_job *j, const char *shard, lk_pg **db, lk_pg_conn **out, liken_error *err) {
    int rc = lk_cluster_shard(j->k, shard, db, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_take(*db, out, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Shard \"%s\"", shard);
    return rc;
}

int lk_cluster_script_on(lk_cluster_job *j, const char *shard, const char *sql, liken_error *err) {
    lk_pg *db = NULL;
    lk_pg_conn *c = NULL;
    int rc = lk_cluster_take(j, shard, &db, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_script(c, sql, err);
    lk_pg_give(db, c);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Shard \"%s\"", shard);
    return rc;
}
