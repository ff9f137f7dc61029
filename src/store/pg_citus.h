/* pg_citus.h - a gallery whose descriptors Citus keeps on several servers.
 *
 * Where the coordinator's server has the Citus extension loaded, a cluster is Citus's own: liken.vectors is a
 * distributed table, hashed by face, and everything else stays a table of the coordinator. The store then speaks to it
 * as to one database: Citus sends a search to all nodes at once with its limit, and commits what is written on several
 * of them together (two-phase commit). liken.citus names the nodes; it exists only in such a gallery, whose
 * liken.cluster is empty, so that nothing of pg_cluster.h but the operator's calls, which lead here, has to do with it.
 */
#ifndef LK_STORE_PG_CITUS_H
#define LK_STORE_PG_CITUS_H

#include "store/pg_cluster_int.h"

/* *loaded: the server can do it (citus is among its shared_preload_libraries). */
int lk_citus_is_loaded(lk_pg_conn *c, bool *loaded, liken_error *err);
/* *spread: this gallery lies in a distributed table. */
int lk_citus_is_spread(lk_pg_conn *c, bool *spread, liken_error *err);

/* As the calls of pg_cluster.h of the same names, in a job that is open. */
int lk_citus_create(lk_cluster_job *j, const liken_shard_address *shards, size_t count, liken_error *err);
int lk_citus_add(lk_cluster_job *j, const liken_shard_address *shard, liken_error *err);
int lk_citus_balance(lk_cluster_job *j, liken_error *err);
/* The parts of *out that lk_cluster_status does not fill in itself. */
int lk_citus_status(lk_pg_conn *c, bool deep, liken_cluster *out, liken_error *err);

#endif
