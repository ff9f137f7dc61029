/* Rows of liken.vectors on their way to the database, many in one statement, with the columns in which their
 * collections are searched. The numbers of all rows travel as one flat array, of which each row gets its slice: an
 * array of arrays would have to be taken apart number by number. */
#include "store/postgres/search/search.h"

#include "base/vector.h"
#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX 8192

/* ---- numbers ---- */

void lk_search_prepare(const lk_search_plan *p, float *numbers) {
    if (p->metric != LIKEN_L2)
        (void)lk_vector_normalize(numbers, (size_t)p->dimension, numbers);
}

static lk_pg_type number_type(const lk_search_plan *p) {
    return p != NULL && p->method == LIKEN_SEARCH_CUBE ? LK_PG_FLOAT8 : LK_PG_FLOAT4;
}

static int add_numbers(lk_search_rows *r, float *numbers, liken_error *err) {
    lk_pg_column *column = &r->columns[LK_SEARCH_NUMBERS];
    int rc = LIKEN_OK;
    lk_search_prepare(r->plan, numbers);
    for (int i = 0; rc == LIKEN_OK && i < r->plan->dimension; i++)
        rc = lk_pg_column_add(
            column, column->type == LK_PG_FLOAT8 ? lk_pg_float8((double)numbers[i]) : lk_pg_float4(numbers[i]), err);
    return rc;
}

/* ---- rows of one kind ---- */

void lk_search_rows_init(lk_search_rows *r, const lk_search_plan *plan) {
    r->plan = plan;
    lk_pg_column_init(&r->columns[LK_SEARCH_FACES], LK_PG_INT8);
    lk_pg_column_init(&r->columns[LK_SEARCH_COLLECTIONS], LK_PG_INT8);
    lk_pg_column_init(&r->columns[LK_SEARCH_DESCRIPTORS], LK_PG_BYTEA);
    lk_pg_column_init(&r->columns[LK_SEARCH_NUMBERS], number_type(plan));
}

void lk_search_rows_free(lk_search_rows *r) {
    for (int i = 0; i < LK_SEARCH_COLUMNS; i++)
        lk_pg_column_free(&r->columns[i]);
}

int lk_search_rows_add(lk_search_rows *r, int64_t face, int64_t collection, const void *bytes, size_t size,
                       liken_error *err) {
    float numbers[LK_DIMENSION_MAX];
    if (r->plan != NULL && size != 4 * (size_t)r->plan->dimension)
        return lk_fail(err, LIKEN_E_STORE,
                       "Face %lld has a descriptor of %zu bytes where its collection has %d numbers; run liken doctor.",
                       (long long)face, size, r->plan->dimension);
    int rc = lk_pg_column_add(&r->columns[LK_SEARCH_FACES], lk_pg_int8(face), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_column_add(&r->columns[LK_SEARCH_COLLECTIONS], lk_pg_int8(collection), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_column_add(&r->columns[LK_SEARCH_DESCRIPTORS], lk_pg_bytes(bytes, size), err);
    if (rc != LIKEN_OK || r->plan == NULL)
        return rc;
    lk_floats_decode(bytes, size / 4, numbers);
    return add_numbers(r, numbers, err);
}

/* ---- rows of several kinds ---- */

void lk_search_batch_init(lk_search_batch *b, const lk_search_plans *plans) {
    *b = (lk_search_batch){.plans = plans};
}

void lk_search_batch_free(lk_search_batch *b) {
    for (size_t i = 0; i < b->count; i++)
        lk_search_rows_free(&b->kinds[i]);
    free(b->kinds);
}

static const lk_search_plan *plan_of(const lk_search_batch *b, int64_t collection) {
    for (size_t i = 0; b->plans != NULL && i < b->plans->count; i++) {
        if (b->plans->list[i].collection == collection)
            return &b->plans->list[i];
    }
    return NULL;
}

static bool is_kind(const lk_search_rows *r, const lk_search_plan *p) {
    return r->plan == p || (r->plan != NULL && p != NULL && r->plan->method == p->method &&
                            r->plan->metric == p->metric && r->plan->dimension == p->dimension);
}

static lk_search_rows *kind_of(lk_search_batch *b, const lk_search_plan *p, liken_error *err) {
    for (size_t i = 0; i < b->count; i++) {
        if (is_kind(&b->kinds[i], p))
            return &b->kinds[i];
    }
    lk_search_rows *kinds = realloc(b->kinds, (b->count + 1) * sizeof *kinds);
    if (kinds == NULL) {
        (void)lk_fail_memory(err);
        return NULL;
    }
    b->kinds = kinds;
    lk_search_rows_init(&kinds[b->count], p);
    return &kinds[b->count++];
}

int lk_search_batch_add(lk_search_batch *b, int64_t face, int64_t collection, const void *bytes, size_t size,
                        liken_error *err) {
    lk_search_rows *r = kind_of(b, plan_of(b, collection), err);
    return r == NULL ? LIKEN_E_MEMORY : lk_search_rows_add(r, face, collection, bytes, size, err);
}

/* ---- statements ---- */

static bool is_cube(const lk_search_plan *p) {
    return p->method == LIKEN_SEARCH_CUBE;
}

static int column_count(const lk_search_plan *p) {
    return p == NULL ? 0 : is_cube(p) ? (p->dimension + LK_SEARCH_CUBE_SIZE - 1) / LK_SEARCH_CUBE_SIZE : 1;
}

static int name_column(lk_buf *sql, const lk_search_plan *p, int i, liken_error *err) {
    return is_cube(p) ? lk_buf_format(sql, err, "c%d", i) : lk_buf_string(sql, "v", err);
}

int lk_search_last_column(const lk_search_plan *p, char out[LK_SEARCH_NAME], liken_error *err) {
    const int n =
        is_cube(p) ? snprintf(out, LK_SEARCH_NAME, "c%d", column_count(p) - 1) : snprintf(out, LK_SEARCH_NAME, "v");
    return n > 0 && n < LK_SEARCH_NAME ? LIKEN_OK : lk_fail(err, LIKEN_E_INTERNAL, "The name of a column is too long.");
}

/* Its value for row u.n of the flat array, which is parameter `number`. */
static int column_value(lk_buf *sql, const lk_search_plan *p, int i, int number, liken_error *err) {
    const int d = p->dimension, first = i * LK_SEARCH_CUBE_SIZE, end = first + LK_SEARCH_CUBE_SIZE;
    if (is_cube(p))
        return lk_buf_format(sql, err, "%s.cube(($%d::float8[])[(u.n - 1) * %d + %d : (u.n - 1) * %d + %d])", p->space,
                             number, d, first + 1, d, end < d ? end : d);
    return lk_buf_format(sql, err, "(($%d::float4[])[(u.n - 1) * %d + 1 : u.n * %d])::%s.vector", number, d, d,
                         p->space);
}

static int insert_sql(const lk_search_plan *p, lk_buf *sql, liken_error *err) {
    int rc = lk_buf_string(sql, "INSERT INTO liken.vectors (face, collection, descriptor", err);
    for (int i = 0; rc == LIKEN_OK && i < column_count(p); i++) {
        rc = lk_buf_string(sql, ", ", err);
        if (rc == LIKEN_OK)
            rc = name_column(sql, p, i, err);
    }
    if (rc == LIKEN_OK)
        rc = lk_buf_string(sql, ") SELECT u.face, u.collection, u.descriptor", err);
    for (int i = 0; rc == LIKEN_OK && i < column_count(p); i++) {
        rc = lk_buf_string(sql, ", ", err);
        if (rc == LIKEN_OK)
            rc = column_value(sql, p, i, 4, err);
    }
    return rc == LIKEN_OK ? lk_buf_string(sql,
                                          " FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) WITH ORDINALITY"
                                          " u (face, collection, descriptor, n)",
                                          err)
                          : rc;
}

static int update_sql(const lk_search_plan *p, lk_buf *sql, liken_error *err) {
    int rc = lk_buf_string(sql, "UPDATE liken.vectors v SET ", err);
    for (int i = 0; rc == LIKEN_OK && i < column_count(p); i++) {
        rc = lk_buf_string(sql, i == 0 ? "" : ", ", err);
        if (rc == LIKEN_OK)
            rc = name_column(sql, p, i, err);
        if (rc == LIKEN_OK)
            rc = lk_buf_string(sql, " = ", err);
        if (rc == LIKEN_OK)
            rc = column_value(sql, p, i, 2, err);
    }
    /* the second condition leads a shard to the one bucket that has the face */
    return rc == LIKEN_OK ? lk_buf_string(sql,
                                          " FROM unnest($1::bigint[]) WITH ORDINALITY u (face, n)"
                                          " WHERE v.face = u.face AND v.face % 64 = u.face % 64",
                                          err)
                          : rc;
}

int lk_search_rows_insert(const lk_search_rows *r, const char *ending, lk_search_statement *out, liken_error *err) {
    lk_buf_init(&out->sql, SQL_MAX);
    for (int i = 0; i < LK_SEARCH_COLUMNS; i++)
        out->values[i] = lk_pg_array(&r->columns[i]);
    out->count = r->plan == NULL ? LK_SEARCH_NUMBERS : LK_SEARCH_COLUMNS;
    const int rc = insert_sql(r->plan, &out->sql, err);
    return rc == LIKEN_OK ? lk_buf_string(&out->sql, ending, err) : rc;
}

int lk_search_rows_update(const lk_search_rows *r, lk_search_statement *out, liken_error *err) {
    lk_buf_init(&out->sql, SQL_MAX);
    out->values[0] = lk_pg_array(&r->columns[LK_SEARCH_FACES]);
    out->values[1] = lk_pg_array(&r->columns[LK_SEARCH_NUMBERS]);
    out->count = 2;
    return update_sql(r->plan, &out->sql, err);
}

void lk_search_statement_free(lk_search_statement *t) {
    lk_buf_free(&t->sql);
}
