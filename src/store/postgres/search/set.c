/* Choosing how a collection is searched: the extension it takes, its columns and its row in liken.near. What no
 * collection needs any more is dropped. */
#include "store/postgres/search/search.h"

#include "store/postgres/cluster/citus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX 512

static const char *extension_of(liken_search search) {
    return search == LIKEN_SEARCH_CUBE ? "cube" : "vector";
}

/* A statement of names and numbers of this program. */
static int script(lk_pg_conn *c, liken_error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int script(lk_pg_conn *c, liken_error *err, const char *format, ...) {
    char sql[SCRIPT_MAX];
    va_list ap;
    va_start(ap, format);
    const int n = vsnprintf(sql, sizeof sql, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof sql)
        return lk_fail(err, LIKEN_E_INTERNAL, "A statement is longer than was thought.");
    return lk_pg_script(c, sql, err);
}

/* ---- extensions ---- */

static int is_available(lk_pg_conn *c, const char *extension, bool *available, liken_error *err) {
    int64_t count = 0;
    const int rc = lk_pg_number(c, "SELECT count(*) FROM pg_catalog.pg_available_extensions WHERE name = $1",
                                LK_PG_ARGS(lk_pg_text(extension)), 0, &count, err);
    *available = count > 0;
    return rc;
}

static int missing(liken_search search, liken_error *err) {
    if (search == LIKEN_SEARCH_CUBE)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "The database server has no extension cube. It is part of PostgreSQL's contrib package: install "
                       "that on the server (Debian: postgresql, Red Hat: postgresql-contrib), then try again.");
    return lk_fail(
        err, LIKEN_E_UNSUPPORTED,
        "The database server has no extension pgvector. Install it there (postgresql-NN-pgvector in the package "
        "source of the PostgreSQL project, pgvector_NN for Red Hat), then try again; or choose cube or "
        "memory, which answer the same.");
}

/* Makes the extension where it is not; *space: its schema, quoted. */
static int ensure_extension(lk_pg_conn *c, liken_search search, char *space, size_t room, liken_error *err) {
    const char *name = extension_of(search);
    lk_pg_result *row = NULL;
    bool available = false;
    int64_t public = 0;
    int rc = is_available(c, name, &available, err);
    if (rc == LIKEN_OK && !available)
        return missing(search, err);
    if (rc == LIKEN_OK) /* where other programs find it, if that is allowed */
        rc = lk_pg_number(c,
                          "SELECT CASE WHEN to_regnamespace('public') IS NULL THEN 0"
                          " WHEN has_schema_privilege('public', 'CREATE') THEN 1 ELSE 0 END",
                          LK_PG_NO_ARGS, 0, &public, err);
    if (rc == LIKEN_OK)
        rc = script(c, err, "CREATE EXTENSION IF NOT EXISTS %s SCHEMA %s", name, public != 0 ? "public" : "liken");
    if (rc == LIKEN_E_STORE && strcmp(lk_pg_sqlstate(c), "42501") == 0)
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "The extension %s is on the server and not in this database, and liken's user may not create it. "
            "Let the database's administrator say there: CREATE EXTENSION %s",
            name, name);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c,
                        "SELECT quote_ident(s.nspname) FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace s"
                        " ON s.oid = e.extnamespace WHERE e.extname = $1",
                        LK_PG_ARGS(lk_pg_text(name)), &row, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)snprintf(space, room, "%s", lk_pg_rows(row) == 1 ? lk_pg_get_bytes(row, 0, 0, NULL) : "");
    lk_pg_clear(row);
    return LIKEN_OK;
}

/* ---- approximate indexes that are being built ---- */

/* Who builds one, and of which collection: `p` and `k`. The builder holds its collection's lock. */
#define BUILDERS                                                                                                       \
    " FROM pg_catalog.pg_stat_progress_create_index p JOIN pg_catalog.pg_locks l ON l.pid = p.pid"                     \
    " AND l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = " LK_SEARCH_LOCK "::oid"            \
    " JOIN liken.collections k ON k.id % 2147483647 = l.objid::bigint WHERE p.datname = current_database()"

int lk_search_stop(lk_pg_conn *c, int64_t collection, liken_error *err) {
    return lk_pg_exec(c, "SELECT pg_cancel_backend(p.pid)" BUILDERS " AND k.id = $1",
                      LK_PG_ARGS(lk_pg_int8(collection)), NULL, err);
}

/* The table cannot be changed meanwhile, and whoever waited for it would hold up all others. */
static int refuse_while_building(lk_pg_conn *c, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, "SELECT k.name" BUILDERS " LIMIT 1", LK_PG_NO_ARGS, &r, err);
    if (rc == LIKEN_OK && lk_pg_rows(r) > 0)
        rc = lk_fail(
            err, LIKEN_E_BUSY,
            "The approximate index of collection \"%.64s\" is being built, and the table of descriptors cannot be "
            "changed until it is complete; try again then, or have that collection searched another way.",
            lk_pg_get_bytes(r, 0, 0, NULL));
    lk_pg_clear(r);
    return rc;
}

/* ---- columns ---- */

static int cubes_of(int dimension) {
    return (dimension + LK_SEARCH_CUBE_SIZE - 1) / LK_SEARCH_CUBE_SIZE;
}

/* Does liken.vectors have this column? Asked before it is changed, since that waits for every search under way. */
static int has_column(lk_pg_conn *c, const char *column, bool *has, liken_error *err) {
    int64_t count = 0;
    const int rc =
        lk_pg_number(c,
                     "SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = 'liken.vectors'::regclass"
                     " AND attname = $1 AND NOT attisdropped",
                     LK_PG_ARGS(lk_pg_text(column)), 0, &count, err);
    *has = count > 0;
    return rc;
}

static int ensure_column(lk_pg_conn *c, const char *column, const char *space, const char *type, liken_error *err) {
    bool has = false, citus = false;
    int rc = has_column(c, column, &has, err);
    if (rc != LIKEN_OK || has)
        return rc;
    rc = refuse_while_building(c, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = script(c, err, "ALTER TABLE liken.vectors ADD COLUMN %s %s.%s", column, space, type);
    if (rc == LIKEN_OK)
        rc = lk_citus_is_spread(c, &citus, err); /* Citus cannot say the following on its nodes */
    /* plain: in the row itself, where a search that goes through all rows finds it soonest */
    return rc == LIKEN_OK && !citus
               ? script(c, err, "ALTER TABLE liken.vectors ALTER COLUMN %s SET STORAGE PLAIN", column)
               : rc;
}

static int ensure_columns(lk_pg_conn *c, liken_search search, int dimension, const char *space, liken_error *err) {
    if (search != LIKEN_SEARCH_CUBE)
        return ensure_column(c, "v", space, "vector", err);
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < cubes_of(dimension); i++) {
        char column[16];
        (void)snprintf(column, sizeof column, "c%d", i);
        rc = ensure_column(c, column, space, "cube", err);
    }
    return rc;
}

static int drop_column(lk_pg_conn *c, const char *column, liken_error *err) {
    bool has = false;
    const int rc = has_column(c, column, &has, err);
    return rc == LIKEN_OK && has ? script(c, err, "ALTER TABLE liken.vectors DROP COLUMN %s", column) : rc;
}

/* Drops what no collection is searched by; while an index is built it stays until the next change. */
static int drop_unused(lk_pg_conn *c, liken_error *err) {
    int64_t longest = 0, vectors = 0;
    int rc = lk_pg_number(c,
                          "SELECT max(m.dimension) FROM liken.near n JOIN liken.collections k ON k.id = n.collection"
                          " JOIN liken.models m ON m.id = k.model WHERE n.method = 2",
                          LK_PG_NO_ARGS, 0, &longest, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT count(*) FROM liken.near WHERE method IN (3, 4)", LK_PG_NO_ARGS, 0, &vectors, err);
    for (int i = cubes_of((int)longest); rc == LIKEN_OK && i < LK_SEARCH_CUBES_MAX; i++) {
        char column[16];
        (void)snprintf(column, sizeof column, "c%d", i);
        rc = drop_column(c, column, err);
    }
    return rc == LIKEN_OK && vectors == 0 ? drop_column(c, "v", err) : rc;
}

/* ---- setting ---- */

/* *plain: 0 when it is spread over shards. */
static int is_plain(lk_pg_conn *c, int64_t *plain, liken_error *err) {
    return lk_pg_number(
        c, "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = 'liken.vectors'::regclass AND relkind = 'r'",
        LK_PG_NO_ARGS, 0, plain, err);
}

static int check_fit(lk_pg_conn *c, liken_search search, int dimension, liken_error *err) {
    int64_t plain = 0;
    const int rc = is_plain(c, &plain, err);
    if (rc != LIKEN_OK)
        return rc;
    if (plain == 0 && (search != LIKEN_SEARCH_CUBE || cubes_of(dimension) > LK_CLUSTER_CUBES))
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "This gallery is spread over a cluster, which searches by cube descriptors of at most %d numbers; "
            "choose auto, cube or memory.",
            LK_CLUSTER_CUBES * LK_SEARCH_CUBE_SIZE);
    if (search == LIKEN_SEARCH_CUBE && cubes_of(dimension) > LK_SEARCH_CUBES_MAX)
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "cube keeps eight bytes a number in a row of at most 8 KB, so it takes descriptors of at most %d "
            "numbers, not %d; choose pgvector or memory.",
            LK_SEARCH_CUBES_MAX * LK_SEARCH_CUBE_SIZE, dimension);
    return LIKEN_OK;
}

/* Takes out the collection's approximate index, if it has one. */
static int drop_index(lk_pg_conn *c, int64_t collection, liken_error *err) {
    int64_t there = 0;
    int rc = lk_pg_number(c, "SELECT (to_regclass('liken.near_' || $1::bigint) IS NOT NULL)::int",
                          LK_PG_ARGS(lk_pg_int8(collection)), 0, &there, err);
    if (rc != LIKEN_OK || there == 0)
        return rc;
    rc = refuse_while_building(c, err);
    return rc == LIKEN_OK ? script(c, err, "DROP INDEX IF EXISTS liken.near_%lld", (long long)collection) : rc;
}

static int use_columns(lk_pg_conn *c, int64_t collection, liken_search search, liken_error *err) {
    lk_search_plan p;
    char space[144];
    int rc = lk_search_plan_read(c, collection, &p, err);
    if (rc == LIKEN_OK)
        rc = check_fit(c, search, p.dimension, err);
    if (rc == LIKEN_OK)
        rc = ensure_extension(c, search, space, sizeof space, err);
    if (rc == LIKEN_OK)
        rc = ensure_columns(c, search, p.dimension, space, err);
    if (rc == LIKEN_OK && search != LIKEN_SEARCH_HNSW)
        rc = drop_index(c, collection, err);
    if (rc != LIKEN_OK)
        return rc;
    /* pgvector and hnsw have the same column */
    return lk_pg_exec(
        c,
        "INSERT INTO liken.near AS n (collection, method) VALUES ($1, $2) ON CONFLICT (collection) DO UPDATE"
        " SET method = $2, filled = CASE WHEN (n.method = 2) = ($2 = 2) THEN n.filled ELSE 0 END,"
        " ready = n.ready AND $2 = 4",
        LK_PG_ARGS(lk_pg_int8(collection), lk_pg_int2((int)search)), NULL, err);
}

static int use_none(lk_pg_conn *c, int64_t collection, liken_error *err) {
    int rc =
        lk_pg_exec(c, "DELETE FROM liken.near WHERE collection = $1", LK_PG_ARGS(lk_pg_int8(collection)), NULL, err);
    return rc == LIKEN_OK ? drop_index(c, collection, err) : rc;
}

/* Waits for a step of filling in that is under way, which would otherwise go on with what it had read before. */
static int lock(lk_pg_conn *c, int64_t collection, liken_error *err) {
    return lk_pg_exec(c, "SELECT pg_advisory_xact_lock(" LK_SEARCH_LOCK ", $1::bigint::int)",
                      LK_PG_ARGS(lk_pg_int8(collection % INT32_MAX)), NULL, err);
}

/* A build that is under way is broken off, unless it is what is asked for. */
int lk_search_set(lk_pg_conn *c, int64_t collection, liken_search search, liken_error *err) {
    const bool columns = search != LIKEN_SEARCH_AUTO && search != LIKEN_SEARCH_MEMORY;
    int64_t plain = 0;
    lk_search_plan p;
    int rc = lk_search_plan_read(c, collection, &p, err);
    if (rc != LIKEN_OK || (search == LIKEN_SEARCH_HNSW && p.method == LIKEN_SEARCH_HNSW))
        return rc;
    rc = lk_search_stop(c, collection, err);
    if (rc == LIKEN_OK)
        rc = lock(c, collection, err);
    if (rc == LIKEN_OK)
        rc = columns ? use_columns(c, collection, search, err) : use_none(c, collection, err);
    if (rc == LIKEN_OK)
        rc = is_plain(c, &plain, err);
    if (rc == LIKEN_OK && plain != 0 && refuse_while_building(c, NULL) == LIKEN_OK)
        rc = drop_unused(c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "UPDATE liken.collections SET search = $2 WHERE id = $1",
                        LK_PG_ARGS(lk_pg_int8(collection), lk_pg_int2((int)search)), NULL, err);
    return rc;
}

int lk_search_want(lk_pg_conn *c, int64_t collection, bool *changed, liken_error *err) {
    bool vector = false;
    int64_t plain = 0;
    lk_search_plan p;
    *changed = false;
    int rc = lock(c, collection, err);
    if (rc == LIKEN_OK)
        rc = lk_search_plan_read(c, collection, &p, err);
    if (rc == LIKEN_OK && p.method == LIKEN_SEARCH_MEMORY)
        rc = is_available(c, "vector", &vector, err);
    if (rc == LIKEN_OK && p.method == LIKEN_SEARCH_MEMORY)
        rc = is_plain(c, &plain, err);
    if (rc != LIKEN_OK || p.method != LIKEN_SEARCH_MEMORY)
        return rc;
    rc = use_columns(c, collection, vector && plain != 0 ? LIKEN_SEARCH_PGVECTOR : LIKEN_SEARCH_CUBE, err);
    *changed = rc == LIKEN_OK;
    return rc;
}
