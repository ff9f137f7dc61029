/* cluster.h - a gallery whose descriptors lie on several PostgreSQL servers, the shards.
 *
 * All else (collections, images, faces) stays in one database, the coordinator, and liken.faces there alone says which
 * faces exist. A face's descriptor lies in the bucket `face % 64`; each bucket is a partition of liken.vectors on one
 * shard. On the coordinator liken.vectors is partitioned too: one foreign table of postgres_fdw a shard,
 * liken.vectors_on_<shard>, which holds the buckets that liken.buckets gives it.
 *
 * Reading goes through the coordinator, in one statement, to all shards at once. Writing goes from here to the shards,
 * to all at once, and is committed there before the coordinator commits the faces. So a crash at any point leaves at
 * most a descriptor without a face (an orphan: no search shows it, a face that gets its id replaces it,
 * lk_store_erasing removes it), never a face without its descriptor. Removing goes the other way round: the face goes
 * with the coordinator's commit and its id is noted in liken.vectors_gone, from which the descriptors are removed
 * afterwards.
 *
 * The map (which shards, which buckets) has an epoch in liken.cluster. Whoever reads the epoch in a transaction holds
 * the map still until that transaction ends, because a move of a bucket locks that table before it changes the map.
 *
 * Whoever locks several of these takes them in this order: liken.counters, liken.cluster, liken.vectors, its
 * partitions, liken.faces, and last what lies on shards. */
#ifndef LK_STORE_POSTGRES_CLUSTER_CLUSTER_H
#define LK_STORE_POSTGRES_CLUSTER_CLUSTER_H

#include "pg/pg.h"

#include <pthread.h>

/* Part of the schema (store/postgres/schema.c): empty in a gallery that is not spread. */
#define LK_CLUSTER_TABLES                                                                                              \
    "CREATE TABLE liken.cluster (one boolean PRIMARY KEY DEFAULT true CHECK (one), epoch bigint NOT NULL);"            \
    "CREATE TABLE liken.shards (name text COLLATE \"C\" PRIMARY KEY);"                                                 \
    "CREATE TABLE liken.buckets (bucket integer PRIMARY KEY CHECK (bucket BETWEEN 0 AND 63),"                          \
    " shard text COLLATE \"C\" NOT NULL REFERENCES liken.shards (name));"                                              \
    "CREATE TABLE liken.vectors_gone (face bigint PRIMARY KEY);"

#define LK_CLUSTER_BUCKETS 64
#define LK_CLUSTER_SHARDS 64               /* at most */
#define LK_CLUSTER_NAME 32                 /* bytes of a shard's name */
#define LK_CLUSTER_CUBES 8                 /* columns of search=cube, of 64 numbers each */
#define LK_CLUSTER_WRITE_MS 5000           /* what a shard may take to store a batch */
#define LK_CLUSTER_MOVING 0x6c696b656e6d76 /* the advisory lock of whoever changes what lies where */

typedef struct lk_shard {
    char name[LK_CLUSTER_NAME + 1];
    char *where;  /* connection string, with its password if there is one */
    lk_pg *pg;    /* NULL: not opened yet */
    bool suspect; /* the last time it was asked it did not answer: `why`. It is not asked before retry_at. */
    double retry_at;
    liken_error why;
} lk_shard;

typedef struct lk_cluster {
    lk_pg *db;            /* the coordinator; borrowed */
    pthread_mutex_t lock; /* everything below; a shard that was once there stays where it is until free */
    bool citus;           /* Citus has spread it; its shards have no address here, and are known once one failed */
    bool probing;         /* somebody asks Citus which of them answer; `probed` tells when that is done */
    pthread_cond_t probed;
    int64_t epoch; /* of the map; 0: none was read yet */
    unsigned char owner[LK_CLUSTER_BUCKETS];
    lk_shard *shards[LK_CLUSTER_SHARDS];
    size_t count;
} lk_cluster;

/* What lies on shards now, for one statement. */
typedef struct lk_cluster_map {
    int64_t epoch; /* 0: the gallery is not spread by postgres_fdw */
    bool citus;    /* it is spread by Citus, of whose nodes those are named that are known */
    size_t count;
    char names[LK_CLUSTER_SHARDS][LK_CLUSTER_NAME + 1];
} lk_cluster_map;

/* ---- cluster.c ---- */

int lk_cluster_new(lk_cluster **out, lk_pg *coordinator, liken_error *err);
void lk_cluster_free(lk_cluster *k); /* NULL is accepted */

/* The map, which then holds until the transaction of `c` (the coordinator) ends: it must be in one, and where that is
 * REPEATABLE READ this must be its first statement. */
int lk_cluster_look(lk_cluster *k, lk_pg_conn *c, lk_cluster_map *out, liken_error *err);
/* What is asked on `c` (the coordinator) from now on is given up, naming the shard, once one that was there does not
 * answer any more, which the coordinator itself would notice late. lk_cluster_look does this too. */
void lk_cluster_watch(lk_cluster *k, lk_pg_conn *c);
/* The database of one shard, opened when it was not yet. BUSY: `Shard "b": ...`; at once when it just failed. */
int lk_cluster_shard(lk_cluster *k, const char *name, lk_pg **out, liken_error *err);
/* Asks all shards of the map at once whether they are there. down[i]: not. BUSY: *err names the first that is not.
 * Where Citus has spread the gallery it is Citus that is asked, but for nodes that did not answer a moment ago; the map
 * gets its nodes from this; and when Citus cannot be asked, what was known before is told. */
int lk_cluster_probe(lk_cluster *k, lk_cluster_map *map, bool down[LK_CLUSTER_SHARDS], liken_error *err);
/* The same, asking only when one of them did not answer when it was last asked. */
int lk_cluster_check(lk_cluster *k, lk_cluster_map *map, bool down[LK_CLUSTER_SHARDS], liken_error *err);
/* What was learnt of a shard: it answers (`why` NULL), or why it does not. */
int lk_cluster_note(lk_cluster *k, const char *name, const liken_error *why, liken_error *err);

/* One of several shards that are asked at the same time: start, queue, send each; then answer and end each. Once one
 * has failed the rest does nothing, and `status` and `err` (which names the shard) say why. */
typedef struct lk_cluster_ask {
    lk_cluster *k;
    const char *name; /* borrowed */
    lk_pg *pg;
    lk_pg_conn *c;
    int status;
    liken_error err;
} lk_cluster_ask;
void lk_cluster_start(lk_cluster *k, lk_cluster_ask *a, const char *name);
void lk_cluster_queue(lk_cluster_ask *a, const char *sql, const lk_pg_value *values, int count);
void lk_cluster_send(lk_cluster_ask *a); /* what was queued is one transaction */
/* The rows that the next statement touched. */
void lk_cluster_answer(lk_cluster_ask *a, int64_t *touched);
void lk_cluster_end(lk_cluster_ask *a); /* in any case */

/* ---- write.c ---- */

/* Removes descriptors of faces that are gone, some thousand a call; *more: there are others, and their shards answer.
 * A transaction of its own on `c`, a connection to the coordinator. Does nothing while buckets move. A shard that does
 * not answer keeps its own until it does. */
int lk_cluster_drain(lk_cluster *k, lk_pg_conn *c, bool *more, liken_error *err);

/* After a fault of the coordinator, which does not always say what it is about: when it is that a shard does not
 * answer, *err names that one. Returns the status. */
int lk_cluster_explain(lk_cluster *k, int rc, liken_error *err);
/* Was there a map when it was last looked for? */
bool lk_cluster_is_known(lk_cluster *k);
/* The shard (of the map last read) that a face belongs to. */
size_t lk_cluster_owner(lk_cluster *k, int64_t face);
/* *still: no bucket moves until the transaction of `c` ends. */
int lk_cluster_still(lk_pg_conn *c, bool *still, liken_error *err);

/* ---- make.c, move.c, status.c: for the operator ---- */

/* Spreads the gallery of this database. Its descriptors are copied; nobody can write meanwhile. CONFLICT: it is spread
 * already, or a shard's database holds something else. When it fails nothing has changed. */
int lk_cluster_create(lk_pg *db, const liken_shard_address *shards, size_t count, liken_error *err);
/* Makes a further shard known. It has no bucket yet. */
int lk_cluster_add(lk_pg *db, const liken_shard_address *shard, liken_error *err);
/* Moves buckets until all shards have the same number, give or take one, and clears away what an interrupted call left.
 * Everything goes on meanwhile; for each bucket writes and searches wait once, for as long as its last rows take. */
int lk_cluster_balance(lk_pg *db, liken_error *err);
/* Removes orphans; *removed counts them. */
int lk_cluster_clean(lk_pg *db, int64_t *removed, liken_error *err);
/* `deep` also reads every id, on the shards and here. */
int lk_cluster_status(lk_pg *db, bool deep, liken_cluster **out, liken_error *err);

#endif
