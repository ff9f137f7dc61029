/* Spreading a gallery, and making a further shard known.
 *
 * On a shard there is the schema liken with two tables: `shard`, which says whose it is, and `vectors`, partitioned
 * into its buckets. What cannot be a parameter (names, the options of a server) is quoted by the server's own format().
 */
#include "store/postgres/cluster/cluster_int.h"

#include "store/postgres/cluster/citus.h"

#include <stdlib.h>
#include <string.h>

#define OLDEST 150000
#define COPY_MS (24 * 3600 * 1000) /* what copying all descriptors may take */

/* ---- how to reach a shard: options of its foreign server, and of the mapping of this user ---- */

struct reach {
    lk_pg_column server_keys, server_values, user_keys, user_values;
};

static void reach_init(struct reach *r) {
    lk_pg_column_init(&r->server_keys, LK_PG_TEXT);
    lk_pg_column_init(&r->server_values, LK_PG_TEXT);
    lk_pg_column_init(&r->user_keys, LK_PG_TEXT);
    lk_pg_column_init(&r->user_values, LK_PG_TEXT);
}

static void reach_free(struct reach *r) {
    lk_pg_column_free(&r->server_keys);
    lk_pg_column_free(&r->server_values);
    lk_pg_column_free(&r->user_keys);
    lk_pg_column_free(&r->user_values);
}

static bool is_one_of(const char *word, const char *const list[]) {
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(word, list[i]) == 0)
            return true;
    }
    return false;
}

static int reach_set(struct reach *r, const char *key, const char *value, liken_error *err) {
    static const char *const secret[] = {"user", "password", "sslcert", "sslkey", "sslpassword", NULL};
    if (value == NULL || *value == '\0')
        return LIKEN_OK;
    const bool user = is_one_of(key, secret);
    int rc = lk_pg_column_add(user ? &r->user_keys : &r->server_keys, lk_pg_text(key), err);
    return rc == LIKEN_OK ? lk_pg_column_add(user ? &r->user_values : &r->server_values, lk_pg_text(value), err) : rc;
}

struct reaching {
    struct reach *reach;
    lk_pg_place place;
};

/* What the connection string leaves to this machine's environment is told in full: the coordinator has another. */
static int reach_option(void *ctx, const char *option, const char *value, liken_error *err) {
    static const char *const known[] = {"user", "password", "host", "port", "dbname", NULL};
    static const char *const not_for_it[] = {
        "service",          "passfile",    "client_encoding", "fallback_application_name",
        "application_name", "replication", "connect_timeout", NULL};
    const struct reaching *g = ctx;
    const char *const actual[] = {g->place.user, g->place.password, g->place.host, g->place.port, g->place.database};
    for (size_t i = 0; known[i] != NULL; i++) {
        if (strcmp(known[i], option) == 0 && (value == NULL || *value == '\0'))
            value = actual[i];
    }
    return is_one_of(option, not_for_it) ? LIKEN_OK : reach_set(g->reach, option, value, err);
}

static int reach_read(struct reach *r, lk_pg_conn *c, const char *where, liken_error *err) {
    const int rc = lk_pg_each_option(where, reach_option, &(struct reaching){r, lk_pg_where(c)}, err);
    return rc == LIKEN_OK ? reach_set(r, "connect_timeout", "3", err) : rc;
}

/* ---- a shard's own tables ---- */

static int check_name(const char *name, liken_error *err) {
    const size_t n = strlen(name);
    if (n >= 1 && n <= LK_CLUSTER_NAME && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_ARG, "A shard's name is 1 to %d of a-z 0-9 _, as in a=postgres://...", LK_CLUSTER_NAME);
}

/* The name under which this database was made a shard of this gallery, malloc'd; NULL: it was not. */
static int read_claim(lk_pg_conn *c, const char *store, char **out, liken_error *err) {
    lk_pg_result *r = NULL;
    int64_t there = 0;
    int rc = lk_pg_number(c, "SELECT (to_regclass('liken.shard') IS NOT NULL)::int", LK_PG_NO_ARGS, 0, &there, err);
    if (rc != LIKEN_OK || there == 0)
        return rc;
    rc = lk_pg_exec(c, "SELECT name FROM liken.shard WHERE store = $1", LK_PG_ARGS(lk_pg_text(store)), &r, err);
    if (rc == LIKEN_OK && lk_pg_rows(r) == 1 && !lk_pg_copy(r, 0, 0, out))
        rc = lk_fail_memory(err);
    lk_pg_clear(r);
    return rc;
}

/* An empty database, or what an interrupted attempt of this very gallery left, which is cleared away: then the gallery
 * knows no shard of that name. */
static int check_vacant(lk_cluster_job *j, lk_pg_conn *c, const char *store, const char *where, liken_error *err) {
    LK_FREE char *claim = NULL;
    int64_t schema = 0, used = 1;
    int rc =
        lk_pg_number(c, "SELECT count(*) FROM pg_namespace WHERE nspname = 'liken'", LK_PG_NO_ARGS, 0, &schema, err);
    if (rc != LIKEN_OK || schema == 0)
        return rc;
    rc = read_claim(c, store, &claim, err);
    if (rc == LIKEN_OK && claim != NULL)
        rc = lk_pg_number(j->main, "SELECT count(*) FROM liken.shards WHERE name = $1", LK_PG_ARGS(lk_pg_text(claim)),
                          1, &used, err);
    if (rc == LIKEN_OK && used != 0)
        return lk_fail(
            err, LIKEN_E_CONFLICT,
            "The database %s holds another gallery or another's shard; give the shard a database of its own.", where);
    return rc == LIKEN_OK ? lk_pg_script(c, "DROP SCHEMA liken CASCADE", err) : rc;
}

static int check_version(lk_pg_conn *c, liken_error *err) {
    if (lk_pg_server(c) >= OLDEST)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_UNSUPPORTED, "It is PostgreSQL %d; a cluster needs %d or newer.",
                   lk_pg_server(c) / 10000, OLDEST / 10000);
}

/* `buckets`: those of this shard, an empty list for one that comes later. */
static int make_tables(lk_cluster_job *j, lk_pg_conn *c, const char *store, const char *name,
                       const lk_pg_column *buckets, liken_error *err) {
    int rc = lk_cluster_run(
        j->main,
        "SELECT 'CREATE SCHEMA liken; CREATE TABLE liken.shard (store text NOT NULL, name text NOT NULL);' ||"
        " string_agg(format('CREATE SCHEMA IF NOT EXISTS %1$I;"
        " CREATE EXTENSION IF NOT EXISTS %2$I SCHEMA %1$I;', s.nspname, e.extname), ' ')"
        " FROM pg_extension e JOIN pg_namespace s ON s.oid = e.extnamespace"
        " WHERE e.extname IN ('cube', 'vector')",
        LK_PG_NO_ARGS, c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "INSERT INTO liken.shard (store, name) VALUES ($1, $2)",
                        LK_PG_ARGS(lk_pg_text(store), lk_pg_text(name)), NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_run(
            j->main,
            "SELECT format('CREATE TABLE liken.vectors (%s) PARTITION BY LIST ((face %% 64));', " LK_CLUSTER_COLUMNS(
                "liken.vectors") ") || 'ALTER TABLE liken.vectors ALTER COLUMN descriptor SET STORAGE EXTERNAL;'"
                                 " || coalesce((SELECT string_agg(format('CREATE TABLE liken.vectors_b%s PARTITION OF"
                                 " liken.vectors (PRIMARY KEY (face)) FOR VALUES IN (%s);', b, b), ' ')"
                                 " FROM unnest($1::bigint[]) b), '')",
            LK_PG_ARGS(lk_pg_array(buckets)), c, err);
    return rc;
}

static int make_shard(lk_cluster_job *j, lk_pg_conn *c, const char *store, const char *name,
                      const lk_pg_column *buckets, liken_error *err) {
    int rc = check_version(c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(c, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = check_vacant(j, c, store, lk_pg_conn_name(c), err);
    if (rc == LIKEN_OK)
        rc = make_tables(j, c, store, name, buckets, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "COMMIT", err) : rc;
}

/* ---- the coordinator's side of a shard ---- */

/* use_remote_estimate: only so does the planner know that it pays to let the shard sort and limit. */
static const char sql_server[] =
    "SELECT format('CREATE SERVER %I FOREIGN DATA WRAPPER postgres_fdw OPTIONS (async_capable ''true'',"
    " use_remote_estimate ''true'', batch_size ''1000'', fetch_size ''1000'', parallel_commit ''true'',"
    " extensions %L, %s); CREATE USER MAPPING FOR CURRENT_USER SERVER %I OPTIONS (%s);', 'liken_' || $1,"
    " coalesce((SELECT string_agg(extname, ', ') FROM pg_extension WHERE extname IN ('cube', 'vector')), ''),"
    " (SELECT string_agg(format('%I %L', o, v), ', ') FROM unnest($2::text[], $3::text[]) s(o, v)), 'liken_' || $1,"
    " (SELECT string_agg(format('%I %L', o, v), ', ') FROM unnest($4::text[], $5::text[]) s(o, v)))";

/* A partition without a bucket cannot be, so a shard without one has no partition, only a table beside it. */
static const char sql_table[] =
    "SELECT format('CREATE FOREIGN TABLE liken.%I (%s) SERVER %I OPTIONS (schema_name ''liken'', table_name"
    " ''vectors'');', 'vectors_on_' || $1, " LK_CLUSTER_COLUMNS("liken.vectors") ", 'liken_' || $1)";

static const char sql_attach[] =
    "SELECT format('ALTER TABLE liken.vectors ATTACH PARTITION liken.%I FOR VALUES IN (%s);', 'vectors_on_' || $1,"
    " (SELECT string_agg(bucket::text, ', ') FROM liken.buckets WHERE shard = $1))";

static int make_server(lk_cluster_job *j, const char *name, const struct reach *r, liken_error *err) {
    int rc = lk_cluster_run(j->main, sql_server,
                            LK_PG_ARGS(lk_pg_text(name), lk_pg_array(&r->server_keys), lk_pg_array(&r->server_values),
                                       lk_pg_array(&r->user_keys), lk_pg_array(&r->user_values)),
                            j->main, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_run(j->main, sql_table, LK_PG_ARGS(lk_pg_text(name)), j->main, err);
    return rc == LIKEN_OK ? lk_pg_exec(j->main, "INSERT INTO liken.shards (name) VALUES ($1)",
                                       LK_PG_ARGS(lk_pg_text(name)), NULL, err)
                          : rc;
}

static int read_store_id(lk_cluster_job *j, char **out, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(j->main, "SELECT value FROM liken.meta WHERE key = 'store'", LK_PG_NO_ARGS, &r, err);
    if (rc == LIKEN_OK && (lk_pg_rows(r) == 0 || lk_pg_is_null(r, 0, 0)))
        rc = lk_fail(err, LIKEN_E_STORE, "The gallery has no id; run liken doctor.");
    else if (rc == LIKEN_OK && !lk_pg_copy(r, 0, 0, out))
        rc = lk_fail_memory(err);
    lk_pg_clear(r);
    return rc;
}

/* Both sides of one shard; the coordinator's belongs to the transaction on j->main. */
static int make_both(lk_cluster_job *j, const char *store, const liken_shard_address *a, const lk_pg_column *buckets,
                     liken_error *err) {
    static const lk_pg_options options = {.connections = 1, .statement_ms = 60000};
    lk_pg *db = NULL;
    lk_pg_conn *c = NULL;
    struct reach reach;
    reach_init(&reach);
    int rc = lk_pg_open(&db, a->where, &options, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(db, &c, err);
    if (rc == LIKEN_OK)
        rc = make_shard(j, c, store, a->name, buckets, err);
    if (rc == LIKEN_OK)
        rc = reach_read(&reach, c, a->where, err);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "Shard \"%s\"", a->name);
    lk_pg_give(db, c);
    lk_pg_close(db);
    if (rc == LIKEN_OK)
        rc = make_server(j, a->name, &reach, err);
    reach_free(&reach);
    return rc;
}

/* ---- create ---- */

static const char sql_note_gone[] =
    "CREATE OR REPLACE FUNCTION liken.note_gone() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
    " INSERT INTO liken.vectors_gone (face) SELECT id FROM gone; RETURN NULL; END$$;"
    "CREATE TRIGGER note_gone AFTER DELETE ON liken.faces REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
    " EXECUTE FUNCTION liken.note_gone()";

static int create_shard(lk_cluster_job *j, const char *store, const liken_shard_address *shards, size_t count, size_t i,
                        liken_error *err) {
    lk_pg_column buckets;
    lk_pg_column_init(&buckets, LK_PG_INT8);
    lk_call_say("cluster", "shard %s: making its tables", shards[i].name);
    int rc = LIKEN_OK;
    for (size_t b = i; rc == LIKEN_OK && b < LK_CLUSTER_BUCKETS; b += count)
        rc = lk_pg_column_add(&buckets, lk_pg_int8((int64_t)b), err);
    if (rc == LIKEN_OK)
        rc = make_both(j, store, &shards[i], &buckets, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(j->main, "INSERT INTO liken.buckets (bucket, shard) SELECT b, $2 FROM unnest($1::bigint[]) b",
                        LK_PG_ARGS(lk_pg_array(&buckets), lk_pg_text(shards[i].name)), NULL, err);
    lk_pg_column_free(&buckets);
    return rc;
}

/* The gallery's own table steps aside, a partitioned one takes its place, and the rows move over. */
static int replace_table(lk_cluster_job *j, const liken_shard_address *shards, size_t count, liken_error *err) {
    int rc = lk_pg_script(j->main, "ALTER TABLE liken.vectors RENAME TO vectors_before", err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_run(
            j->main,
            "SELECT format('CREATE TABLE liken.vectors (%s) PARTITION BY LIST ((face %% 64))', " LK_CLUSTER_COLUMNS(
                "liken.vectors_before") ")",
            LK_PG_NO_ARGS, j->main, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_cluster_run(j->main, sql_attach, LK_PG_ARGS(lk_pg_text(shards[i].name)), j->main, err);
    lk_call_say("cluster", "copying descriptors");
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main,
                          "INSERT INTO liken.vectors SELECT * FROM liken.vectors_before;"
                          " DROP TABLE liken.vectors_before",
                          err);
    return rc;
}

static int check_addresses(const liken_shard_address *shards, size_t count, liken_error *err) {
    if (count < 1 || count > LK_CLUSTER_SHARDS)
        return lk_fail(err, LIKEN_E_ARG, "A cluster has 1 to %d shards.", LK_CLUSTER_SHARDS);
    for (size_t i = 0; i < count; i++) {
        const int rc = check_name(shards[i].name, err);
        if (rc != LIKEN_OK)
            return rc;
        for (size_t n = 0; n < i; n++) {
            if (strcmp(shards[i].name, shards[n].name) == 0)
                return lk_fail(err, LIKEN_E_ARG, "Two shards are called \"%s\".", shards[i].name);
        }
    }
    return LIKEN_OK;
}

/* The columns of search=cube, for as long descriptors as a cluster takes. An empty one costs a bit a row. */
static int add_columns(lk_cluster_job *j, liken_error *err) {
    return lk_cluster_run(j->main,
                          "SELECT string_agg(format('ALTER TABLE liken.vectors ADD COLUMN IF NOT EXISTS c%s %I.cube',"
                          " n, s.nspname), '; ') FROM generate_series(0, $1::int - 1) n, pg_extension e"
                          " JOIN pg_namespace s ON s.oid = e.extnamespace WHERE e.extname = 'cube'",
                          LK_PG_ARGS(lk_pg_int4(LK_CLUSTER_CUBES)), j->main, err);
}

/* What is spread is searched by cube or in memory. */
static int check_searches(lk_cluster_job *j, liken_error *err) {
    int64_t others = 0;
    const int rc =
        lk_pg_number(j->main, "SELECT count(*) FROM liken.near WHERE method <> 2", LK_PG_NO_ARGS, 0, &others, err);
    if (rc == LIKEN_OK && others > 0)
        return lk_fail(
            err, LIKEN_E_CONFLICT,
            "%lld collections are searched by pgvector, which a cluster does not do; change them first: liken "
            "collections set NAME --search cube (or auto, memory).",
            (long long)others);
    return rc;
}

/* A writer or a search that began before holds liken.cluster, and is waited for. */
static int create(lk_cluster_job *j, const liken_shard_address *shards, size_t count, liken_error *err) {
    LK_FREE char *store = NULL;
    int rc = check_version(j->main, err);
    if (rc == LIKEN_OK)
        rc = check_searches(j, err);
    if (rc == LIKEN_OK)
        rc = read_store_id(j, &store, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(j->main, COPY_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "CREATE EXTENSION IF NOT EXISTS postgres_fdw; CREATE EXTENSION IF NOT EXISTS cube",
                          err);
    if (rc == LIKEN_OK) /* both at once and before all else: adding columns would take the second alone */
        rc = lk_pg_script(j->main, "LOCK TABLE liken.cluster, liken.vectors IN ACCESS EXCLUSIVE MODE", err);
    if (rc == LIKEN_OK)
        rc = add_columns(j, err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = create_shard(j, store, shards, count, i, err);
    if (rc == LIKEN_OK)
        rc = replace_table(j, shards, count, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, sql_note_gone, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "INSERT INTO liken.cluster (epoch) VALUES (1); COMMIT", err);
    return rc;
}

int lk_cluster_create(lk_pg *db, const liken_shard_address *shards, size_t count, liken_error *err) {
    lk_cluster_job j;
    bool citus = false;
    int rc = check_addresses(shards, count, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_job_open(&j, db, false, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_citus_is_loaded(j.main, &citus, err);
    if (rc == LIKEN_OK)
        rc = citus ? lk_citus_create(&j, shards, count, err) : create(&j, shards, count, err);
    lk_cluster_job_close(&j);
    return rc;
}

/* ---- add ---- */

static int add(lk_cluster_job *j, const liken_shard_address *shard, liken_error *err) {
    LK_FREE char *store = NULL;
    lk_pg_column none;
    lk_pg_column_init(&none, LK_PG_INT8);
    for (size_t i = 0; i < j->map.count; i++) {
        if (strcmp(j->map.names[i], shard->name) == 0)
            return lk_fail(err, LIKEN_E_CONFLICT, "There is a shard \"%s\" already.", shard->name);
    }
    if (j->map.count == LK_CLUSTER_SHARDS)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "A cluster has at most %d shards.", LK_CLUSTER_SHARDS);
    lk_call_say("cluster", "shard %s: making its tables", shard->name);
    int rc = read_store_id(j, &store, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = make_both(j, store, shard, &none, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(j->main, "UPDATE liken.cluster SET epoch = epoch + 1; COMMIT", err);
    lk_pg_column_free(&none);
    return rc;
}

int lk_cluster_add(lk_pg *db, const liken_shard_address *shard, liken_error *err) {
    lk_cluster_job j;
    int rc = check_addresses(shard, 1, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_job_open(&j, db, true, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = j.map.citus ? lk_citus_add(&j, shard, err) : add(&j, shard, err);
    lk_cluster_job_close(&j);
    return rc;
}
