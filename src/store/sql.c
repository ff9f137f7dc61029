/* What both databases share of sql.h: values, their limits, and the way to a store that can. */
#include "store/sql.h"

#include "base/text.h"

#include <string.h>

lk_sql_value lk_sql_int(int64_t v) {
    return (lk_sql_value){.kind = LK_SQL_INT, .whole = v};
}

lk_sql_value lk_sql_real(float v) {
    return (lk_sql_value){.kind = LK_SQL_REAL, .real = v};
}

lk_sql_value lk_sql_text(const char *text) {
    return (lk_sql_value){
        .kind = LK_SQL_TEXT, .null = text == NULL, .bytes = text, .size = text == NULL ? 0 : strlen(text)};
}

lk_sql_value lk_sql_blob(const void *bytes, size_t size) {
    return (lk_sql_value){.kind = LK_SQL_BLOB, .null = bytes == NULL, .bytes = bytes, .size = size};
}

lk_sql_value lk_sql_null(lk_sql_kind kind) {
    return (lk_sql_value){.kind = kind, .null = true};
}

static int with(lk_store *s, lk_sql_access access, lk_sql_fn *fn, void *arg, liken_error *err) {
    if (s->ops->sql == NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "A legacy table has no room for tables of liken's own; import it (liken import) to have them.");
    return s->ops->sql->with(s, access, fn, arg, err);
}

int lk_sql_read(lk_store *s, lk_sql_fn *fn, void *arg, liken_error *err) {
    return with(s, LK_SQL_READS, fn, arg, err);
}

int lk_sql_write(lk_store *s, lk_sql_fn *fn, void *arg, liken_error *err) {
    return with(s, LK_SQL_WRITES, fn, arg, err);
}

int lk_sql_remove(lk_store *s, lk_sql_fn *fn, void *arg, liken_error *err) {
    return with(s, LK_SQL_REMOVES, fn, arg, err);
}

static int check_text(const lk_sql_value *v, liken_error *err) {
    const size_t good = lk_utf8_span(v->bytes, v->size);
    return good == v->size ? LIKEN_OK
                           : lk_fail(err, LIKEN_E_ARG, "A text for a table is not valid UTF-8 (byte %zu).", good + 1);
}

static int check(const lk_sql_value *values, int count, liken_error *err) {
    if (count > LK_SQL_VALUES)
        return lk_fail(err, LIKEN_E_INTERNAL, "A statement has more parameters than %d.", LK_SQL_VALUES);
    for (int i = 0; i < count; i++) {
        if (values[i].size > LK_SQL_BYTES)
            return lk_fail(err, LIKEN_E_TOO_LARGE, "A value of %zu bytes is more than a table takes (%zu).",
                           values[i].size, LK_SQL_BYTES);
        const int rc = values[i].kind == LK_SQL_TEXT ? check_text(&values[i], err) : LIKEN_OK;
        if (rc != LIKEN_OK)
            return rc;
    }
    return LIKEN_OK;
}

static int query(lk_sql *q, const char *sql, const lk_sql_value *values, int count, lk_sql_row_fn *fn, void *ctx,
                 int64_t *touched, liken_error *err) {
    const int rc = check(values, count, err);
    return rc == LIKEN_OK ? q->ops->query(q, sql, values, count, fn, ctx, touched, err) : rc;
}

int lk_sql_query(lk_sql *q, const char *sql, const lk_sql_value *values, int count, lk_sql_row_fn *fn, void *ctx,
                 liken_error *err) {
    return query(q, sql, values, count, fn, ctx, NULL, err);
}

int lk_sql_run(lk_sql *q, const char *sql, const lk_sql_value *values, int count, int64_t *touched, liken_error *err) {
    return query(q, sql, values, count, NULL, NULL, touched, err);
}

struct number {
    bool found;
    int64_t value;
};

static int take_number(void *ctx, const lk_sql_value *row, int columns, liken_error *err) {
    struct number *n = ctx;
    (void)columns;
    (void)err;
    if (!n->found && row[0].kind == LK_SQL_INT && !row[0].null)
        *n = (struct number){true, row[0].whole};
    return LIKEN_OK;
}

int lk_sql_number(lk_sql *q, const char *sql, const lk_sql_value *values, int count, int64_t missing, int64_t *out,
                  liken_error *err) {
    struct number n = {false, missing};
    const int rc = query(q, sql, values, count, take_number, &n, NULL, err);
    if (rc == LIKEN_OK)
        *out = n.value;
    return rc;
}
