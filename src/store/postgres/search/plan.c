/* How a collection is searched at this moment, read from the database. */
#include "store/postgres/search/search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 8 /* a collection with at least one of so many faces is found by reading all */

static int release_of(const char *version) {
    int a = 0, b = 0, c = 0;
    (void)sscanf(version == NULL ? "" : version, "%4d.%4d.%4d", &a, &b, &c);
    return 10000 * a + 100 * b + c;
}

/* `n` is the collection's row of liken.near, if it has one. Columns count only where they are there: somebody may have
 * dropped their extension, and made it again. */
#define PLAN_COLUMNS                                                                                                   \
    "SELECT n.method, n.filled, n.ready, n.recall, k.metric, m.dimension, k.faces, quote_ident(s.nspname),"            \
    " e.extversion, (SELECT face FROM liken.counters), k.id"
#define PLAN_EXTENSION                                                                                                 \
    " LEFT JOIN pg_catalog.pg_extension e ON e.extname = CASE WHEN n.method = 2 THEN 'cube' ELSE 'vector' END"         \
    " AND EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'liken.vectors'::regclass"                \
    " AND a.attname = CASE WHEN n.method = 2 THEN 'c0' ELSE 'v' END AND NOT a.attisdropped)"                           \
    " LEFT JOIN pg_catalog.pg_namespace s ON s.oid = e.extnamespace"

static void read_plan(const lk_pg_result *r, int row, lk_search_plan *out) {
    const char *space = lk_pg_get_bytes(r, row, 7, NULL);
    const bool columns = !lk_pg_is_null(r, row, 0) && space != NULL;
    *out = (lk_search_plan){.collection = lk_pg_get_int(r, row, 10),
                            .method = columns ? (liken_search)lk_pg_get_int(r, row, 0) : LIKEN_SEARCH_MEMORY,
                            .filled = columns ? lk_pg_get_int(r, row, 1) : 0,
                            .ready = lk_pg_get_int(r, row, 2) != 0,
                            .recall = lk_pg_is_null(r, row, 3) ? NAN : lk_pg_get_real(r, row, 3),
                            .metric = lk_pg_get_int(r, row, 4) == LIKEN_L2 ? LIKEN_L2 : LIKEN_NORMALIZED,
                            .dimension = (int)lk_pg_get_int(r, row, 5),
                            .faces = lk_pg_get_int(r, row, 6),
                            .most = lk_pg_get_int(r, row, 6) > lk_pg_get_int(r, row, 9) / MOST,
                            .release = release_of(lk_pg_get_bytes(r, row, 8, NULL))};
    (void)snprintf(out->space, sizeof out->space, "%s", space == NULL ? "" : space);
}

int lk_search_plan_read(lk_pg_conn *c, int64_t collection, lk_search_plan *out, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c,
                        PLAN_COLUMNS " FROM liken.collections k JOIN liken.models m ON m.id = k.model"
                                     " LEFT JOIN liken.near n ON n.collection = k.id" PLAN_EXTENSION " WHERE k.id = $1",
                        LK_PG_ARGS(lk_pg_int8(collection)), &r, err);
    if (rc == LIKEN_OK && lk_pg_rows(r) == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile.");
    else if (rc == LIKEN_OK)
        read_plan(r, 0, out);
    lk_pg_clear(r);
    return rc;
}

int lk_search_plans_read(lk_pg_conn *c, lk_search_plans *out, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc =
        lk_pg_exec(c,
                   PLAN_COLUMNS " FROM liken.near n JOIN liken.collections k ON k.id = n.collection"
                                " JOIN liken.models m ON m.id = k.model" PLAN_EXTENSION " WHERE n.method IN (2, 3)",
                   LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_search_plans plans = {.list = malloc((size_t)(lk_pg_rows(r) + 1) * sizeof *plans.list)};
    for (int i = 0; plans.list != NULL && i < lk_pg_rows(r); i++) {
        read_plan(r, i, &plans.list[plans.count]);
        plans.count += plans.list[plans.count].method != LIKEN_SEARCH_MEMORY;
    }
    lk_pg_clear(r);
    if (plans.list == NULL)
        return lk_fail_memory(err);
    *out = plans;
    return LIKEN_OK;
}

void lk_search_plans_free(lk_search_plans *plans) {
    free(plans->list);
}

/* A collection whose columns were filled in up to the last face before has them all: each new face is another's, or has
 * them as well. */
int lk_search_plans_say(lk_pg_conn *c, const lk_search_plans *plans, int64_t before, int64_t now, liken_error *err) {
    lk_pg_column collections;
    int rc = LIKEN_OK;
    if (plans->count == 0 || now == before)
        return LIKEN_OK;
    lk_pg_column_init(&collections, LK_PG_INT8);
    for (size_t i = 0; rc == LIKEN_OK && i < plans->count; i++)
        rc = lk_pg_column_add(&collections, lk_pg_int8(plans->list[i].collection), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "UPDATE liken.near SET filled = $3 WHERE collection = ANY ($1) AND filled >= $2",
                       LK_PG_ARGS(lk_pg_array(&collections), lk_pg_int8(before), lk_pg_int8(now)), err);
    lk_pg_column_free(&collections);
    return rc;
}
