/* cluster_int.h - what the operator's side of a cluster shares: making, moving, looking. */
#ifndef LK_STORE_POSTGRES_CLUSTER_CLUSTER_INT_H
#define LK_STORE_POSTGRES_CLUSTER_CLUSTER_INT_H

#include "base/call.h"
#include "store/postgres/cluster/cluster.h"

/* SQL: the columns of a table, as CREATE TABLE wants them. */
#define LK_CLUSTER_COLUMNS(table)                                                                                      \
    "(SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)) ||"                                 \
    " CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY attnum)"                                        \
    " FROM pg_attribute WHERE attrelid = '" table "'::regclass AND attnum > 0 AND NOT attisdropped)"

/* Someone who changes what lies where: the coordinator, asked on two connections, and the shards. */
typedef struct lk_cluster_job {
    lk_pg *db;
    lk_pg_conn *main; /* holds LK_CLUSTER_MOVING and, where a change must be one, the transaction */
    lk_pg_conn *side; /* works while `main` holds locks */
    lk_cluster *k;
    lk_cluster_map map;
} lk_cluster_job;

/* Takes LK_CLUSTER_MOVING: one at a time. BUSY when another has it. `spread`: the gallery must be spread; CONFLICT. */
int lk_cluster_job_open(lk_cluster_job *j, lk_pg *db, bool spread, liken_error *err);
void lk_cluster_job_close(lk_cluster_job *j);
/* Reads the map anew. */
int lk_cluster_job_look(lk_cluster_job *j, liken_error *err);

/* A statement whose text the server writes, so that it quotes what comes from outside: `select` gives one text, which
 * is then run on `on` (which may be another database). */
int lk_cluster_run(lk_pg_conn *from, const char *select, const lk_pg_value *values, int count, lk_pg_conn *on,
                   liken_error *err);
/* A connection to a shard; give it back to *db. */
int lk_cluster_take(lk_cluster_job *j, const char *shard, lk_pg **db, lk_pg_conn **out, liken_error *err);
/* Constant statements on a shard. */
int lk_cluster_script_on(lk_cluster_job *j, const char *shard, const char *sql, liken_error *err);
void lk_cluster_pause(long ms);
/* The last face that was committed. */
int lk_cluster_mark(lk_pg_conn *c, int64_t *mark, liken_error *err);
/* Begins a transaction on j->main during which nobody else writes or searches; waits for those under way, giving way
 * again and again when that takes long. */
int lk_cluster_lock_out(lk_cluster_job *j, liken_error *err);

#endif
