/* Storing descriptors on shards: each gets its own part in one statement, all at the same time, and commits it. */
#include "store/postgres/search/search.h"

#include "store/codec.h"

#include <stdlib.h>

static const char sql_drop[] = "DELETE FROM liken.vectors WHERE face = ANY ($1::bigint[])";

/* What one shard gets. */
struct part {
    lk_cluster_ask ask;
    lk_pg_column faces;
    lk_search_batch rows;
};

static void part_init(struct part *p, const lk_search_plans *plans) {
    lk_pg_column_init(&p->faces, LK_PG_INT8);
    lk_search_batch_init(&p->rows, plans);
}

static void part_free(struct part *p) {
    lk_pg_column_free(&p->faces);
    lk_search_batch_free(&p->rows);
}

/* One for each shard of the map; NULL: out of memory. */
static struct part *parts_new(const lk_cluster_map *map, const lk_search_plans *plans) {
    struct part *parts = calloc(map->count, sizeof *parts);
    for (size_t i = 0; parts != NULL && i < map->count; i++)
        part_init(&parts[i], plans);
    return parts;
}

static void parts_free(struct part *parts, size_t count) {
    for (size_t i = 0; parts != NULL && i < count; i++)
        part_free(&parts[i]);
    free(parts);
}

static int part_add(struct part *p, const lk_search_row *row, liken_error *err) {
    const size_t size = (size_t)row->dimension * sizeof(float);
    LK_FREE unsigned char *bytes = malloc(size + 1);
    if (bytes == NULL)
        return lk_fail_memory(err);
    lk_floats_encode(row->descriptor, (size_t)row->dimension, bytes);
    int rc = lk_pg_column_add(&p->faces, lk_pg_int8(row->face), err);
    return rc == LIKEN_OK ? lk_search_batch_add(&p->rows, row->face, row->collection, bytes, size, err) : rc;
}

/* "ON CONFLICT DO NOTHING" finds the key of whichever bucket the row belongs to. */
static void queue_put(struct part *p) {
    for (size_t i = 0; i < p->rows.count; i++) {
        lk_search_statement insert;
        const int rc = lk_search_rows_insert(&p->rows.kinds[i], " ON CONFLICT DO NOTHING", &insert, &p->ask.err);
        if (rc == LIKEN_OK)
            lk_cluster_queue(&p->ask, insert.sql.data, insert.values, insert.count);
        else if (p->ask.status == LIKEN_OK)
            p->ask.status = rc;
        lk_search_statement_free(&insert);
    }
}

/* How many were stored. */
static int64_t hear_put(struct part *p) {
    int64_t sum = 0;
    for (size_t i = 0; i < p->rows.count; i++) {
        int64_t stored = 0;
        lk_cluster_answer(&p->ask, &stored);
        sum += stored;
    }
    return sum;
}

/* Rows whose ids were there: orphans that a crash left. They are replaced. */
static void replace(lk_cluster *k, struct part *p) {
    const char *name = p->ask.name;
    lk_cluster_start(k, &p->ask, name);
    lk_cluster_queue(&p->ask, sql_drop, LK_PG_ARGS(lk_pg_array(&p->faces)));
    queue_put(p);
    lk_cluster_send(&p->ask);
    lk_cluster_end(&p->ask);
}

static void put_parts(lk_cluster *k, const lk_cluster_map *map, struct part *parts) {
    for (size_t i = 0; i < map->count; i++) {
        if (parts[i].faces.count == 0)
            continue;
        lk_cluster_start(k, &parts[i].ask, map->names[i]);
        queue_put(&parts[i]);
        lk_cluster_send(&parts[i].ask);
    }
    for (size_t i = 0; i < map->count; i++) {
        if (parts[i].faces.count == 0)
            continue;
        const int64_t stored = hear_put(&parts[i]);
        lk_cluster_end(&parts[i].ask);
        if (parts[i].ask.status == LIKEN_OK && stored < parts[i].faces.count)
            replace(k, &parts[i]);
    }
}

/* The first failure among the shards. */
static int failed(const struct part *parts, size_t count, liken_error *err) {
    for (size_t i = 0; i < count; i++) {
        if (parts[i].ask.status == LIKEN_OK)
            continue;
        if (err != NULL)
            *err = parts[i].ask.err;
        return parts[i].ask.status;
    }
    return LIKEN_OK;
}

int lk_search_put(lk_cluster *k, const lk_cluster_map *map, const lk_search_plans *plans, lk_search_row *rows,
                  size_t count, liken_error *err) {
    struct part *parts = parts_new(map, plans);
    int rc = parts == NULL ? lk_fail_memory(err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = part_add(&parts[lk_cluster_owner(k, rows[i].face)], &rows[i], err);
    if (rc == LIKEN_OK) {
        put_parts(k, map, parts);
        rc = failed(parts, map->count, err);
        for (size_t i = 0; i < count; i++)
            rows[i].failed = parts[lk_cluster_owner(k, rows[i].face)].ask.status != LIKEN_OK;
    } else {
        for (size_t i = 0; i < count; i++)
            rows[i].failed = true;
    }
    parts_free(parts, map->count);
    return rc;
}
