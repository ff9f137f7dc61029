/* sql.h for SQLite: a statement is made SQLite's own, prepared, run and forgotten; what is kept of them is for the
 * tables that are not cold. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA "liken."

/* `sql` without the schema before its tables, which SQLite has not; malloc'd, NULL when out of memory. */
static char *without_schema(const char *sql) {
    char *text = malloc(strlen(sql) + 1), *to = text;
    for (const char *from = sql; text != NULL && *from != '\0';) {
        const bool begins = from == sql || !(isalnum((unsigned char)from[-1]) || from[-1] == '_');
        if (begins && strncmp(from, SCHEMA, strlen(SCHEMA)) == 0)
            from += strlen(SCHEMA);
        else
            *to++ = *from++;
    }
    if (text != NULL)
        *to = '\0';
    return text;
}

static int prepare(lk_sqlite_conn *c, const char *sql, sqlite3_stmt **out, liken_error *err) {
    LK_FREE char *text = without_schema(sql);
    if (text == NULL)
        return lk_fail_memory(err);
    const int rc = sqlite3_prepare_v3(c->db, text, -1, 0, out, NULL);
    return rc == SQLITE_OK ? LIKEN_OK : lk_sqlite_fail(c, rc, err);
}

static int bind(lk_sqlite_conn *c, sqlite3_stmt *stmt, const lk_sql_value *values, int count, liken_error *err) {
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "$%d", i + 1);
        const int at = sqlite3_bind_parameter_index(stmt, name);
        if (values[i].null)
            rc = sqlite3_bind_null(stmt, at);
        else if (values[i].kind == LK_SQL_INT)
            rc = sqlite3_bind_int64(stmt, at, values[i].whole);
        else if (values[i].kind == LK_SQL_REAL)
            rc = sqlite3_bind_double(stmt, at, (double)values[i].real);
        else if (values[i].kind == LK_SQL_TEXT)
            rc = sqlite3_bind_text(stmt, at, values[i].bytes, (int)values[i].size, SQLITE_STATIC);
        else
            rc = sqlite3_bind_blob(stmt, at, values[i].bytes, (int)values[i].size, SQLITE_STATIC);
    }
    return rc == SQLITE_OK ? LIKEN_OK : lk_sqlite_fail(c, rc, err);
}

static int take_value(const lk_sqlite_conn *c, sqlite3_stmt *stmt, int column, lk_sql_value *v, liken_error *err) {
    *v = (lk_sql_value){0};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL:
        v->null = true;
        return LIKEN_OK;
    case SQLITE_INTEGER:
        v->whole = sqlite3_column_int64(stmt, column);
        return LIKEN_OK;
    case SQLITE_FLOAT:
        v->kind = LK_SQL_REAL;
        v->real = (float)sqlite3_column_double(stmt, column);
        return LIKEN_OK;
    case SQLITE_TEXT:
        v->kind = LK_SQL_TEXT;
        v->bytes = (const char *)sqlite3_column_text(stmt, column);
        break;
    case SQLITE_BLOB:
        v->kind = LK_SQL_BLOB;
        v->bytes = sqlite3_column_blob(stmt, column);
        break;
    default:
        return lk_fail(err, LIKEN_E_STORE, "The store %s holds a value of a kind that no table of liken's has.",
                       c->path);
    }
    v->size = (size_t)sqlite3_column_bytes(stmt, column);
    if (v->bytes == NULL && v->size > 0)
        return lk_fail_memory(err);
    if (v->bytes == NULL)
        v->bytes = "";
    return LIKEN_OK;
}

static int take_row(const lk_sqlite_conn *c, sqlite3_stmt *stmt, lk_sql_row_fn *fn, void *ctx, liken_error *err) {
    lk_sql_value row[LK_SQL_VALUES];
    const int columns = sqlite3_column_count(stmt);
    if (columns > LK_SQL_VALUES)
        return lk_fail(err, LIKEN_E_INTERNAL, "A statement has more columns than %d.", LK_SQL_VALUES);
    for (int i = 0; i < columns; i++) {
        const int rc = take_value(c, stmt, i, &row[i], err);
        if (rc != LIKEN_OK)
            return rc;
    }
    return fn(ctx, row, columns, err);
}

static int query(lk_sql *q, const char *sql, const lk_sql_value *values, int count, lk_sql_row_fn *fn, void *ctx,
                 int64_t *touched, liken_error *err) {
    lk_sqlite_conn *c = ((lk_sqlite_statements *)q)->conn;
    sqlite3_stmt *stmt = NULL;
    bool row = true;
    int rc = prepare(c, sql, &stmt, err);
    if (rc == LIKEN_OK)
        rc = bind(c, stmt, values, count, err);
    while (rc == LIKEN_OK && row) {
        rc = lk_sqlite_step(c, stmt, &row, err);
        if (rc == LIKEN_OK && row && fn != NULL)
            rc = take_row(c, stmt, fn, ctx, err);
    }
    (void)sqlite3_finalize(stmt); /* repeats the code that step gave */
    if (rc == LIKEN_OK && touched != NULL)
        *touched = sqlite3_changes64(c->db);
    return rc;
}

lk_sqlite_statements lk_sqlite_statements_on(lk_sqlite_conn *c) {
    return (lk_sqlite_statements){{&lk_sqlite_sql}, c};
}

struct job {
    lk_sql_fn *fn;
    void *arg;
};

static int run_job(lk_sqlite_conn *c, void *arg, liken_error *err) {
    const struct job *j = arg;
    lk_sqlite_statements q = lk_sqlite_statements_on(c);
    return j->fn(&q.base, j->arg, err);
}

static int with(lk_store *base, lk_sql_access access, lk_sql_fn *fn, void *arg, liken_error *err) {
    lk_sqlite_store *s = (lk_sqlite_store *)base;
    struct job j = {fn, arg};
    if (access == LK_SQL_READS)
        return lk_sqlite_read(s, run_job, &j, err);
    return access == LK_SQL_WRITES ? lk_sqlite_write(s, run_job, &j, err) : lk_sqlite_remove(s, run_job, &j, err);
}

const lk_store_sql lk_sqlite_sql = {.with = with, .query = query};
