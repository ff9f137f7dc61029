/* The cold tables of a gallery that moves: read from the one store and written into the other in one transaction. */
#include "store/copy.h"

#include "store/sql.h"

#include <stdio.h>

struct copy {
    lk_store *from;
    lk_sql *to;
};

/* A key of the same name that was in the new store already keeps it. */
static int put_key(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    const struct copy *c = ctx;
    char other[128];
    (void)columns;
    (void)snprintf(other, sizeof other, "%.50s-moved", row[0].null ? "" : row[0].bytes);
    return lk_sql_run(
        c->to,
        "INSERT INTO liken.keys (name, sha256, scopes, collection, created_at) VALUES"
        " (CASE WHEN EXISTS (SELECT 1 FROM liken.keys k WHERE k.name = $1) THEN $6 ELSE $1 END,"
        " $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        LK_SQL_ARGS(row[0], row[1], row[2], lk_sql_text(row[3].null ? NULL : row[3].bytes), row[4], lk_sql_text(other)),
        NULL, err);
}

static int put_key_file(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    const struct copy *c = ctx;
    (void)columns;
    return lk_sql_run(c->to, "INSERT INTO liken.key_files (sha256, taken_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                      LK_SQL_ARGS(row[0], row[1]), NULL, err);
}

static int read_tables(lk_sql *from, void *arg, liken_error *err) {
    const int rc = lk_sql_query(from, "SELECT name, sha256, scopes, collection, created_at FROM liken.keys ORDER BY id",
                                LK_SQL_NO_ARGS, put_key, arg, err);
    return rc == LIKEN_OK ? lk_sql_query(from, "SELECT sha256, taken_at FROM liken.key_files", LK_SQL_NO_ARGS,
                                         put_key_file, arg, err)
                          : rc;
}

static int write_tables(lk_sql *to, void *arg, liken_error *err) {
    struct copy *c = arg;
    c->to = to;
    return lk_sql_read(c->from, read_tables, c, err);
}

int lk_store_copy_tables(lk_store *from, lk_store *to, liken_error *err) {
    struct copy c = {.from = from};
    return lk_sql_write(to, write_tables, &c, err);
}
