/* A cluster by Citus. A shard of liken's is a node of Citus; what liken calls buckets are Citus's shards. */
#include "store/postgres/cluster/citus.h"

#include <stdlib.h>
#include <string.h>

#define MOVE_MS (24 * 3600 * 1000) /* what copying descriptors may take */

static int has(lk_pg_conn *c, const char *sql, bool *out, liken_error *err) {
    int64_t n = 0;
    const int rc = lk_pg_number(c, sql, LK_PG_NO_ARGS, 0, &n, err);
    *out = n != 0;
    return rc;
}

int lk_citus_is_loaded(lk_pg_conn *c, bool *loaded, liken_error *err) {
    return has(c, "SELECT count(*) FROM pg_catalog.pg_settings WHERE name = 'citus.shard_count'", loaded, err);
}

int lk_citus_is_spread(lk_pg_conn *c, bool *spread, liken_error *err) {
    return has(c, "SELECT (to_regclass('liken.citus') IS NOT NULL)::int", spread, err);
}

/* ---- nodes ---- */

/* Citus comes to a node by host and port, under the coordinator's names of database and user. */
static int check_address(const lk_cluster_job *j, const lk_pg_conn *node, liken_error *err) {
    const lk_pg_place there = lk_pg_where(node), here = lk_pg_where(j->main);
    if (there.host == NULL || *there.host == '\0' || *there.host == '/')
        return lk_fail(err, LIKEN_E_ARG,
                       "Citus reaches its nodes over the network; give the shard's address a host and a port.");
    if (strcmp(there.database, here.database) != 0 || strcmp(there.user, here.user) != 0)
        return lk_fail(err, LIKEN_E_ARG,
                       "Citus wants the same database and user on every node: %s and %s, as on the coordinator.",
                       here.database, here.user);
    return LIKEN_OK;
}

static int check_settings(lk_pg_conn *c, liken_error *err) {
    bool few = false;
    const int rc = has(c, "SELECT (current_setting('max_prepared_transactions')::int = 0)::int", &few, err);
    if (rc == LIKEN_OK && few)
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "%s: Citus commits on several servers at once by prepared transactions, and max_prepared_transactions is "
            "0; set it to 100 or more on every server.",
            lk_pg_conn_name(c));
    return rc;
}

static int check_node(const lk_cluster_job *j, lk_pg_conn *node, liken_error *err) {
    bool loaded = false, used = false;
    int rc = check_address(j, node, err);
    if (rc == LIKEN_OK)
        rc = lk_citus_is_loaded(node, &loaded, err);
    if (rc == LIKEN_OK && !loaded)
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "Its server has no Citus, and the coordinator's has; put citus into its shared_preload_libraries.");
    if (rc == LIKEN_OK)
        rc = check_settings(node, err);
    if (rc == LIKEN_OK)
        rc = has(node, "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'liken'", &used, err);
    if (rc == LIKEN_OK && used)
        return lk_fail(
            err, LIKEN_E_CONFLICT,
            "The database %s holds another gallery or another's shard; give the shard a database of its own.",
            lk_pg_conn_name(node));
    return rc;
}

/* Citus itself makes all else on a node. */
static int add_node(lk_cluster_job *j, const liken_shard_address *a, liken_error *err) {
    static const lk_pg_options options = {.connections = 1, .statement_ms = 60000};
    lk_pg *db = NULL;
    lk_pg_conn *node = NULL;
    int64_t port = 0;
    lk_call_say("cluster", "shard %s: making it a node of Citus", a->name);
    int rc = lk_pg_open(&db, a->where, &options, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(db, &node, err);
    if (rc == LIKEN_OK)
        rc = check_node(j, node, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(node, "CREATE EXTENSION IF NOT EXISTS citus", err);
    if (rc == LIKEN_OK) {
        const lk_pg_place there = lk_pg_where(node);
        port = strtol(there.port, NULL, 10);
        rc = lk_pg_exec(j->main, "INSERT INTO liken.citus (name, node) VALUES ($1, citus_add_node($2, $3))",
                        LK_PG_ARGS(lk_pg_text(a->name), lk_pg_text(there.host), lk_pg_int4((int)port)), NULL, err);
    }
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Shard \"%s\"", a->name);
    lk_pg_give(db, node);
    lk_pg_close(db);
    return rc;
}

/* ---- create ---- */

static int distribute(lk_cluster_job *j, liken_error *err) {
    lk_call_say("cluster", "copying descriptors");
    return lk_pg_script(j->main,
                        "SELECT create_distributed_table('liken.vectors', 'face', shard_count => 64);"
                        " SELECT truncate_local_data_after_distributing_table('liken.vectors')",
                        err);
}

static int create(lk_cluster_job *j, const liken_shard_address *shards, size_t count, liken_error *err) {
    int rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(j->main, MOVE_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main,
                          "LOCK TABLE liken.cluster, liken.vectors IN ACCESS EXCLUSIVE MODE;"
                          " CREATE TABLE liken.citus (name text COLLATE \"C\" PRIMARY KEY, node integer NOT NULL)",
                          err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = add_node(j, &shards[i], err);
    if (rc == LIKEN_OK)
        rc = distribute(j, err);
    return rc == LIKEN_OK ? lk_pg_script(j->main, "COMMIT", err) : rc;
}

int lk_citus_create(lk_cluster_job *j, const liken_shard_address *shards, size_t count, liken_error *err) {
    bool installed = false;
    int rc = check_settings(j->main, err);
    if (rc == LIKEN_OK)
        rc = has(j->main, "SELECT count(*) FROM pg_extension WHERE extname = 'citus'", &installed, err);
    if (rc == LIKEN_OK && !installed)
        rc = lk_pg_script(j->main, "CREATE EXTENSION citus", err);
    if (rc != LIKEN_OK)
        return rc;
    rc = create(j, shards, count, err);
    if (rc != LIKEN_OK && !installed && !lk_pg_lost(j->main)) /* as it was: liken's own tables are Citus's no more */
        (void)lk_pg_script(j->main, "ROLLBACK; DROP EXTENSION citus", NULL);
    return rc == LIKEN_OK ? lk_pg_script(j->main, "ANALYZE liken.vectors", err) : rc;
}

/* ---- growing ---- */

int lk_citus_add(lk_cluster_job *j, const liken_shard_address *shard, liken_error *err) {
    int64_t known = 0;
    int rc = lk_pg_number(j->main, "SELECT count(*) FROM liken.citus WHERE name = $1",
                          LK_PG_ARGS(lk_pg_text(shard->name)), 0, &known, err);
    if (rc == LIKEN_OK && known != 0)
        return lk_fail(err, LIKEN_E_CONFLICT, "There is a shard \"%s\" already.", shard->name);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = add_node(j, shard, err);
    return rc == LIKEN_OK ? lk_pg_script(j->main, "COMMIT", err) : rc;
}

/* Citus copies by logical replication while everything goes on. */
int lk_citus_balance(lk_cluster_job *j, liken_error *err) {
    bool logical = false;
    int rc = has(j->main, "SELECT (current_setting('wal_level') = 'logical')::int", &logical, err);
    if (rc == LIKEN_OK && !logical)
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "Citus moves descriptors under load by logical replication; set wal_level = logical on every server, "
            "restart them, and say liken cluster balance.");
    lk_call_say("cluster", "Citus moves descriptors until every shard has its part");
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(j->main, MOVE_MS, err);
    return rc == LIKEN_OK ? lk_pg_script(j->main, "SELECT rebalance_table_shards('liken.vectors'); COMMIT", err) : rc;
}

/* ---- status ---- */

/* One row a node: name, address, whether it answers, Citus's shards there, faces, bytes. */
static const char sql_status[] =
    "SELECT c.name, n.nodename || ':' || n.nodeport, citus_check_connection_to_node(n.nodename, n.nodeport)::int,"
    " count(p.shardid), CASE WHEN bool_or(p.result LIKE '-%' AND p.success) THEN -1 ELSE"
    " coalesce(sum(split_part(p.result, ' ', 1)::bigint) FILTER (WHERE p.success), 0)::bigint END,"
    " coalesce(sum(split_part(p.result, ' ', 2)::bigint) FILTER (WHERE p.success), 0)::bigint"
    " FROM liken.citus c JOIN pg_dist_node n ON n.nodeid = c.node LEFT JOIN run_command_on_placements('liken.vectors', "
    "$1)"
    " p ON p.nodename = n.nodename AND p.nodeport = n.nodeport GROUP BY c.name, n.nodename, n.nodeport ORDER BY c.name";
static const char of_a_part[] = "SELECT CASE WHEN pg_relation_size(oid) = 0 THEN 0 ELSE reltuples END::bigint"
                                " || ' ' || pg_total_relation_size(oid) FROM pg_class WHERE oid = '%s'::regclass";
static const char of_a_part_deep[] = "SELECT count(*) || ' ' || pg_total_relation_size('%1$s') FROM %1$s";

static int take_row(const lk_pg_result *r, int row, liken_shard *out, liken_error *err) {
    const bool up = lk_pg_get_int(r, row, 2) != 0;
    *out = (liken_shard){.buckets = (int)lk_pg_get_int(r, row, 3),
                         .faces = lk_pg_get_int(r, row, 4),
                         .bytes = (uint64_t)lk_pg_get_int(r, row, 5),
                         .orphans = -1,
                         .missing = -1};
    if (!up)
        out->trouble = strdup("Citus does not get an answer from it; see to its server.");
    if ((!up && out->trouble == NULL) || !lk_pg_copy(r, row, 0, &out->name) || !lk_pg_copy(r, row, 1, &out->where))
        return lk_fail_memory(err);
    return LIKEN_OK;
}

int lk_citus_status(lk_pg_conn *c, bool deep, liken_cluster *out, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, sql_status, LK_PG_ARGS(lk_pg_text(deep ? of_a_part_deep : of_a_part)), &r, err);
    if (rc != LIKEN_OK)
        return rc;
    const int rows = lk_pg_rows(r);
    out->citus = true;
    out->shards = calloc((size_t)rows + 1, sizeof *out->shards);
    if (out->shards == NULL)
        rc = lk_fail_memory(err);
    for (int i = 0; rc == LIKEN_OK && i < rows; i++) {
        out->shard_count = (size_t)i + 1;
        rc = take_row(r, i, &out->shards[i], err);
        out->buckets += out->shards[i].buckets;
    }
    lk_pg_clear(r);
    return rc;
}
