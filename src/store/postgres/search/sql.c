/* Questions about vectors, written piece by piece with their parameters: filters, and how the shards of a cluster are
 * asked all at once. */
#include "store/postgres/search/search_int.h"

#include "store/codec.h"
#include "store/postgres/cluster/citus.h"

#include <stdlib.h>

#define SQL_MAX (1 << 20)
#define TABLE "liken.vectors"

void lk_search_sql_init(lk_search_sql *t) {
    t->count = t->column_count = 0;
    lk_buf_init(&t->sql, SQL_MAX);
    lk_buf_init(&t->faces, SQL_MAX);
}

void lk_search_sql_free(lk_search_sql *t) {
    for (int i = 0; i < t->column_count; i++)
        lk_pg_column_free(&t->columns[i]);
    lk_buf_free(&t->sql);
    lk_buf_free(&t->faces);
}

/* The number of the parameter that has this value. */
int lk_search_sql_put(lk_search_sql *t, lk_pg_value v) {
    t->values[t->count++] = v;
    return t->count;
}

static lk_pg_column *new_column(lk_search_sql *t, lk_pg_type type) {
    lk_pg_column *column = &t->columns[t->column_count++];
    lk_pg_column_init(column, type);
    return column;
}

static int put_ids(lk_search_sql *t, const int64_t *ids, size_t count, int *number, liken_error *err) {
    lk_pg_column *column = new_column(t, LK_PG_INT8);
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_pg_column_add(column, lk_pg_int8(ids[i]), err);
    *number = lk_search_sql_put(t, lk_pg_array(column));
    return rc;
}

int lk_search_sql_floats(lk_search_sql *t, lk_pg_type type, const float *values, int count, int *number,
                         liken_error *err) {
    lk_pg_column *column = new_column(t, type);
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_pg_column_add(column, type == LK_PG_FLOAT8 ? lk_pg_float8((double)values[i]) : lk_pg_float4(values[i]),
                              err);
    *number = lk_search_sql_put(t, lk_pg_array(column));
    return rc;
}

/* ---- filters ---- */

bool lk_search_is_filtered(const liken_search_options *o) {
    return o != NULL && (o->tag_count > 0 || lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to));
}

/* "SELECT ... FROM ..." of the faces that the filter lets through. $1 is the collection. */
int lk_search_sql_filter(lk_search_sql *t, lk_buf *sql, const char *what, const liken_search_options *o,
                         liken_error *err) {
    int rc = lk_buf_format(
        sql, err, "SELECT %s FROM liken.images i JOIN liken.faces f ON f.image = i.id WHERE i.collection = $1", what);
    if (rc == LIKEN_OK && lk_store_bound(o->captured_from))
        rc = lk_buf_format(sql, err, " AND i.captured_at >= $%d", lk_search_sql_put(t, lk_pg_int8(o->captured_from)));
    if (rc == LIKEN_OK && lk_store_bound(o->captured_to))
        rc = lk_buf_format(sql, err, " AND i.captured_at <= $%d", lk_search_sql_put(t, lk_pg_int8(o->captured_to)));
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_buf_format(sql, err, " AND i.id IN (SELECT t.image FROM liken.tags t WHERE t.tag = $%d)",
                           lk_search_sql_put(t, lk_pg_text(o->tags[i])));
    return rc;
}

/* The same between `before` and `after`. */
static int put_filter(lk_search_sql *t, lk_buf *sql, const char *before, const liken_search_options *o,
                      const char *after, liken_error *err) {
    int rc = lk_buf_string(sql, before, err);
    if (rc == LIKEN_OK)
        rc = lk_search_sql_filter(t, sql, "f.id", o, err);
    return rc == LIKEN_OK ? lk_buf_string(sql, after, err) : rc;
}

/* What every statement over the vectors of a collection ends with. Shards do not know photos: they get a list of the
 * faces that the filter lets through. `map` NULL: one table has all. */
int lk_search_sql_conditions(lk_search_sql *t, const lk_store_query *query, const lk_cluster_map *map,
                             liken_error *err) {
    int number, rc = LIKEN_OK;
    if (query->except_count > 0) {
        rc = put_ids(t, query->except, query->except_count, &number, err);
        if (rc == LIKEN_OK)
            rc = lk_buf_format(&t->sql, err, " AND v.face <> ALL ($%d)", number);
    }
    if (rc != LIKEN_OK || !lk_search_is_filtered(query->filter))
        return rc;
    if (map == NULL)
        return put_filter(t, &t->sql, " AND v.face IN (", query->filter, ")", err);
    if (!map->citus)
        return put_filter(t, &t->sql, " AND v.face = ANY (ARRAY(", query->filter, "))", err);
    rc = put_filter(t, &t->faces, "ARRAY(", query->filter, ")", err);
    return rc == LIKEN_OK ? lk_buf_string(&t->sql, " AND v.face = ANY (" LK_CITUS_FACES "::bigint[])", err) : rc;
}

/* ---- shards ---- */

/* "FROM liken.vectors v" */
int lk_search_sql_table(lk_search_sql *t, liken_error *err) {
    const int rc = lk_buf_string(&t->sql, " FROM ", err);
    t->table = t->sql.size;
    return rc == LIKEN_OK ? lk_buf_string(&t->sql, TABLE " v", err) : rc;
}

/* The same where the shards are Citus's. */
static int spread_citus(lk_search_sql *t, const lk_cluster_map *map, const bool *down, const char *order, size_t rows,
                        liken_error *err) {
    size_t size = 0, asked = map->count;
    lk_pg_column *left_out = new_column(t, LK_PG_TEXT);
    LK_FREE char *one = lk_buf_steal(&t->sql, &size);
    int rc = one == NULL ? lk_fail_memory(err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < map->count; i++) {
        if (!down[i])
            continue;
        asked--;
        rc = lk_pg_column_add(left_out, lk_pg_text(map->names[i]), err);
    }
    if (rc == LIKEN_OK && asked == 0)
        return lk_fail(err, LIKEN_E_BUSY, "No shard of the cluster answers; try again in a moment.");
    const lk_citus_statement s = {.sql = one,
                                  .size = size,
                                  .table = t->table,
                                  .table_end = t->table + sizeof TABLE - 1,
                                  .order = order,
                                  .rows = rows,
                                  .left_out = lk_search_sql_put(t, lk_pg_array(left_out)),
                                  .faces = t->faces.size > 0 ? t->faces.data : NULL};
    return rc == LIKEN_OK ? lk_citus_spread(&t->sql, &s, err) : rc;
}

/* Turns a statement over the table into one that asks every shard at once: each is given the whole of it, limit
 * included, and what they answer is put in order here. That order is not quite `order` as the shards have it, or else
 * the planner would read them one after the other to merge them. A face that is just being moved may come twice. */
int lk_search_sql_spread(lk_search_sql *t, const lk_cluster_map *map, const bool *down, const char *order, size_t rows,
                         liken_error *err) {
    size_t size = 0, asked = 0;
    if (map->citus)
        return spread_citus(t, map, down, order, rows, err);
    LK_FREE char *one = lk_buf_steal(&t->sql, &size);
    if (one == NULL)
        return lk_fail_memory(err);
    int rc = lk_buf_format(&t->sql, err, "SELECT DISTINCT ON (u.%s + 0, u.face) u.* FROM (", order);
    for (size_t i = 0; rc == LIKEN_OK && i < map->count; i++) {
        if (down != NULL && down[i])
            continue;
        rc = lk_buf_format(&t->sql, err, "%s(%.*s" TABLE "_on_%s%s)", asked++ == 0 ? "" : " UNION ALL ", (int)t->table,
                           one, map->names[i], one + t->table + sizeof TABLE - 1);
    }
    if (rc == LIKEN_OK && asked == 0)
        return lk_fail(err, LIKEN_E_BUSY, "No shard of the cluster answers; try again in a moment.");
    return rc == LIKEN_OK ? lk_buf_format(&t->sql, err, ") u ORDER BY u.%s + 0, u.face LIMIT %zu", order, rows) : rc;
}

int lk_search_sql_ask(lk_pg_conn *c, lk_search_sql *t, lk_pg_result **out, liken_error *err) {
    const int rc = lk_pg_exec(c, t->sql.data, t->values, t->count, out, err);
    if (rc != LIKEN_OK || lk_pg_rows(*out) == 0 || !lk_pg_is_null(*out, 0, 0))
        return rc;
    (void)lk_fail(err, LIKEN_E_BUSY, "A shard of the cluster did not do its part (%.300s); try again in a moment.",
                  lk_pg_get_bytes(*out, 0, 1, NULL));
    lk_pg_clear(*out);
    *out = NULL;
    return LIKEN_E_BUSY;
}
