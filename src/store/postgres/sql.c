/* sql.h for PostgreSQL: its statements are run as they are. What writes does so in lk_postgres_write, like all that
 * writes, and so in the order of commits and with a change number. */
#include "store/postgres/postgres_int.h"

static lk_pg_value parameter(const lk_sql_value *v) {
    switch (v->kind) {
    case LK_SQL_INT:
        return v->null ? lk_pg_null(LK_PG_INT8) : lk_pg_int8(v->whole);
    case LK_SQL_REAL:
        return v->null ? lk_pg_null(LK_PG_FLOAT4) : lk_pg_float4(v->real);
    case LK_SQL_TEXT:
        return v->null ? lk_pg_null(LK_PG_TEXT) : lk_pg_text(v->bytes);
    default:
        return v->null ? lk_pg_null(LK_PG_BYTEA) : lk_pg_bytes(v->bytes, v->size);
    }
}

static int take_value(const lk_pg_result *r, int row, int column, lk_sql_value *v, liken_error *err) {
    *v = (lk_sql_value){.null = lk_pg_is_null(r, row, column)};
    switch (lk_pg_type_at(r, column)) {
    case LK_PG_BOOL:
    case LK_PG_INT2:
    case LK_PG_INT4:
    case LK_PG_INT8:
        v->whole = lk_pg_get_int(r, row, column);
        return LIKEN_OK;
    case LK_PG_FLOAT4:
        v->kind = LK_SQL_REAL;
        v->real = (float)lk_pg_get_real(r, row, column);
        return LIKEN_OK;
    case LK_PG_TEXT:
    case LK_PG_BYTEA:
        v->kind = lk_pg_type_at(r, column) == LK_PG_TEXT ? LK_SQL_TEXT : LK_SQL_BLOB;
        v->bytes = lk_pg_get_bytes(r, row, column, &v->size);
        return LIKEN_OK;
    default:
        return lk_fail(err, LIKEN_E_STORE, "The database gave a value of a kind that no table of liken's has (%d).",
                       (int)lk_pg_type_at(r, column));
    }
}

static int take_rows(const lk_pg_result *r, lk_sql_row_fn *fn, void *ctx, liken_error *err) {
    lk_sql_value row[LK_SQL_VALUES];
    const int columns = lk_pg_columns(r);
    int rc = LIKEN_OK;
    if (columns > LK_SQL_VALUES)
        return lk_fail(err, LIKEN_E_INTERNAL, "A statement has more columns than %d.", LK_SQL_VALUES);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++) {
        for (int k = 0; rc == LIKEN_OK && k < columns; k++)
            rc = take_value(r, i, k, &row[k], err);
        if (rc == LIKEN_OK)
            rc = fn(ctx, row, columns, err);
    }
    return rc;
}

static int query(lk_sql *q, const char *sql, const lk_sql_value *values, int count, lk_sql_row_fn *fn, void *ctx,
                 int64_t *touched, liken_error *err) {
    lk_pg_value parameters[LK_SQL_VALUES];
    lk_pg_result *r = NULL;
    for (int i = 0; i < count; i++)
        parameters[i] = parameter(&values[i]);
    int rc = lk_pg_exec(((lk_postgres_statements *)q)->conn, sql, parameters, count, &r, err);
    if (rc == LIKEN_OK && fn != NULL)
        rc = take_rows(r, fn, ctx, err);
    if (rc == LIKEN_OK && touched != NULL)
        *touched = lk_pg_touched(r);
    lk_pg_clear(r);
    return rc;
}

lk_postgres_statements lk_postgres_statements_on(lk_pg_conn *c) {
    return (lk_postgres_statements){{&lk_postgres_sql}, c};
}

struct job {
    lk_sql_fn *fn;
    void *arg;
};

static int read_job(lk_pg_conn *c, void *arg, liken_error *err) {
    const struct job *j = arg;
    lk_postgres_statements q = lk_postgres_statements_on(c);
    return j->fn(&q.base, j->arg, err);
}

static int write_job(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    w->changed = true;
    return read_job(c, arg, err);
}

static int with(lk_store *base, lk_sql_access access, lk_sql_fn *fn, void *arg, liken_error *err) {
    lk_postgres *s = (lk_postgres *)base;
    struct job j = {fn, arg};
    return access == LK_SQL_READS ? lk_pg_with(s->db, read_job, &j, err) : lk_postgres_write(s, write_job, &j, err);
}

const lk_store_sql lk_postgres_sql = {.with = with, .query = query};
