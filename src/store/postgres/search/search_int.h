/* search_int.h - what the parts of a search share: a question that is written piece by piece, and what is asked. */
#ifndef LK_STORE_POSTGRES_SEARCH_SEARCH_INT_H
#define LK_STORE_POSTGRES_SEARCH_SEARCH_INT_H

#include "store/postgres/search/search.h"

/* What is asked of the database at a time. */
typedef struct lk_search_query {
    const lk_store_query *query;
    const lk_cluster_map *map; /* NULL: one statement over liken.vectors, here or by Citus */
    const bool *down;          /* of the map's shards, those that are left out; NULL: none */
    bool approximate;          /* by the approximate index */
    size_t rows;               /* at most */
} lk_search_query;

/* ---- search.c ---- */

/* Faces with filled columns, nearest first; columns: face, descriptor, distance. */
int lk_search_ranked(lk_pg_conn *c, const lk_search_plan *p, const lk_search_query *q, lk_pg_result **out,
                     liken_error *err);

/* ---- sql.c ---- */

#define LK_SEARCH_ARGS 128
#define LK_SEARCH_LISTS 24

/* A statement over vectors and its parameters. Values that are not lists are borrowed. */
typedef struct lk_search_sql {
    lk_buf sql;
    lk_buf faces; /* what Citus's nodes are given as LK_CITUS_FACES */
    lk_pg_value values[LK_SEARCH_ARGS];
    int count;
    lk_pg_column columns[LK_SEARCH_LISTS];
    int column_count;
    size_t table; /* where the text names the table */
} lk_search_sql;

void lk_search_sql_init(lk_search_sql *t);
void lk_search_sql_free(lk_search_sql *t);
/* The number of the parameter that has this value. */
int lk_search_sql_put(lk_search_sql *t, lk_pg_value v);
int lk_search_sql_floats(lk_search_sql *t, lk_pg_type type, const float *values, int count, int *number,
                         liken_error *err);
/* "FROM liken.vectors v" */
int lk_search_sql_table(lk_search_sql *t, liken_error *err);
/* To `sql`: "SELECT `what` FROM ..." of the faces that the filter lets through. $1 is the collection. */
int lk_search_sql_filter(lk_search_sql *t, lk_buf *sql, const char *what, const liken_search_options *o,
                         liken_error *err);
/* What every statement over the vectors of a collection ends with. `map` NULL: one table has all. */
int lk_search_sql_conditions(lk_search_sql *t, const lk_store_query *query, const lk_cluster_map *map,
                             liken_error *err);
/* Turns a statement over the table into one that asks every shard at once, but those that are `down`; `order`: the
 * column that the rows come in the order of, "g" or "face". BUSY when none is left. */
int lk_search_sql_spread(lk_search_sql *t, const lk_cluster_map *map, const bool *down, const char *order, size_t rows,
                         liken_error *err);
/* BUSY also when a shard did not do its part. */
int lk_search_sql_ask(lk_pg_conn *c, lk_search_sql *t, lk_pg_result **out, liken_error *err);

bool lk_search_is_filtered(const liken_search_options *o);

#endif
