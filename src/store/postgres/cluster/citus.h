/* citus.h - a gallery whose descriptors Citus keeps on several servers.
 *
 * Where the coordinator's server has the Citus extension loaded, a cluster is Citus's own: liken.vectors is a
 * distributed table, hashed by face, and everything else stays a table of the coordinator. The store then speaks to it
 * as to one database: Citus sends a search to all nodes at once with its limit, and commits what is written on several
 * of them together (two-phase commit). liken.citus names the nodes; it exists only in such a gallery, whose
 * liken.cluster is empty. Of cluster.h the operator's calls lead here, and so does the question which shards answer.
 */
#ifndef LK_STORE_POSTGRES_CLUSTER_CITUS_H
#define LK_STORE_POSTGRES_CLUSTER_CITUS_H

#include "store/postgres/cluster/cluster_int.h"

/* *loaded: the server can do it (citus is among its shared_preload_libraries). */
int lk_citus_is_loaded(lk_pg_conn *c, bool *loaded, liken_error *err);
/* *spread: this gallery lies in a distributed table. */
int lk_citus_is_spread(lk_pg_conn *c, bool *spread, liken_error *err);

/* As the calls of cluster.h of the same names, in a job that is open. */
int lk_citus_create(lk_cluster_job *j, const liken_shard_address *shards, size_t count, liken_error *err);
int lk_citus_add(lk_cluster_job *j, const liken_shard_address *shard, liken_error *err);
int lk_citus_balance(lk_cluster_job *j, liken_error *err);
/* The parts of *out that lk_cluster_status does not fill in itself. */
int lk_citus_status(lk_pg_conn *c, bool deep, liken_cluster *out, liken_error *err);

/* ---- citus_search.c ---- */

/* Asks Citus which nodes answer, but for those that did not a moment ago, and notes it (lk_cluster_note). */
int lk_citus_probe(lk_cluster *k, liken_error *err);

/* A statement that gives face, descriptor and a number g of each row of one table. */
typedef struct lk_citus_statement {
    const char *sql;
    size_t size, table, table_end; /* where the text names the table */
    const char *order;             /* "face" or "g" */
    size_t rows;                   /* at most */
    int left_out;                  /* the parameter with the names of the shards that are not asked */
    const char *faces; /* an array of ids that the nodes cannot work out; to them it is LK_CITUS_FACES. NULL: none */
} lk_citus_statement;
#define LK_CITUS_FACES "(SELECT given.list FROM given)"
/* Writes the statement that asks each of the other nodes for all of its parts. When one of them did not answer the
 * first row has no face, and the reason as its descriptor. */
int lk_citus_spread(lk_buf *out, const lk_citus_statement *t, liken_error *err);

#endif
