/* cluster_plan.h - what a gallery of so many faces takes: the arithmetic of docs/scale.md. */
#ifndef LK_CLI_CLUSTER_PLAN_H
#define LK_CLI_CLUSTER_PLAN_H

#include <stdint.h>

/* Bytes and microseconds, each measured; docs/scale.md says by what. */
#define LK_PLAN_INDEX_BYTES 704  /* a face in the memory of a liken that searches by itself */
#define LK_PLAN_VECTOR_BYTES 608 /* a face's descriptor in PostgreSQL, its key and page overhead included */
#define LK_PLAN_CUBE_BYTES 1661  /* the same with the columns of search=cube */
#define LK_PLAN_META_BYTES 390   /* a face on the coordinator: its row, its share of its photo's, their keys */
#define LK_PLAN_INDEX_US 0.004   /* to search a face in memory, one core */
#define LK_PLAN_CUBE_US 3.2      /* to search a face by cube, one core */
#define LK_PLAN_SHARDS 64        /* the most that a cluster has */

typedef struct lk_plan {
    double faces;
    double index_bytes, vector_bytes, cube_bytes, meta_bytes;
    int shards;           /* so that a search by cube takes `seconds` at most, or as many as there can be */
    double cube_seconds;  /* with them */
    double index_seconds; /* in the memory of one liken, one core */
    double shard_bytes;   /* on each */
} lk_plan;

/* 128 numbers a descriptor. `seconds`: what a search may take. */
void lk_plan_make(double faces, double seconds, lk_plan *out);

#endif
