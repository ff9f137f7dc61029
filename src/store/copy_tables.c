/* The cold tables of a gallery that moves: read from the one store and written into the other in one transaction. */
#include "store/copy.h"

#include "base/log.h"
#include "store/sql.h"

#include <stdio.h>
#include <string.h>

struct copy {
    lk_store *from;
    lk_sql *to;
};

/* NAME, NAME-moved, NAME-moved-2, ... */
static void call_it(char *to, size_t room, const char *name, int n) {
    if (n == 0)
        (void)snprintf(to, room, "%s", name);
    else if (n == 1)
        (void)snprintf(to, room, "%.50s-moved", name);
    else
        (void)snprintf(to, room, "%.50s-moved-%d", name, n);
}

/* A key of the same name that was in the new store already keeps it; this one gets the first that is free. */
static int put_key(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    const struct copy *c = ctx;
    const char *own = row[0].null ? "" : row[0].bytes;
    char name[128] = "";
    int64_t there = 0, made = 0;
    (void)columns;
    int rc =
        lk_sql_number(c->to, "SELECT count(*) FROM liken.keys WHERE sha256 = $1", LK_SQL_ARGS(row[1]), 0, &there, err);
    for (int n = 0; rc == LIKEN_OK && there == 0 && made == 0; n++) {
        call_it(name, sizeof name, own, n);
        rc = lk_sql_run(
            c->to,
            "INSERT INTO liken.keys (name, sha256, scopes, collection, created_at, expires_at, rate, rate_seconds,"
            " max_limit, max_threshold, used_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
            LK_SQL_ARGS(lk_sql_text(name), row[1], row[2], lk_sql_text(row[3].null ? NULL : row[3].bytes), row[4],
                        row[5], row[6], row[7], row[8], row[9], row[10]),
            &made, err);
    }
    if (rc == LIKEN_OK && made != 0 && strcmp(name, own) != 0)
        lk_log(LIKEN_LOG_WARN, "Another key of the new store is called %s; that of the old one is now %s.", own, name);
    return rc;
}

static int put_key_file(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    const struct copy *c = ctx;
    (void)columns;
    return lk_sql_run(c->to, "INSERT INTO liken.key_files (sha256, taken_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                      LK_SQL_ARGS(row[0], row[1]), NULL, err);
}

static int read_tables(lk_sql *from, void *arg, liken_error *err) {
    const int rc =
        lk_sql_query(from,
                     "SELECT name, sha256, scopes, collection, created_at, expires_at, rate, rate_seconds, max_limit,"
                     " max_threshold, used_at FROM liken.keys ORDER BY id",
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
