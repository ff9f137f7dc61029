/* rows.h - photos as rows of the tables, many at once: columns for `INSERT ... SELECT FROM unnest`. */
#ifndef LK_STORE_POSTGRES_ROWS_H
#define LK_STORE_POSTGRES_ROWS_H

#include "store/postgres/search/search.h"
#include "store/postgres/postgres_int.h"

#define LK_POSTGRES_COLUMNS 16

typedef struct lk_postgres_table {
    lk_pg_column columns[LK_POSTGRES_COLUMNS];
    int count;
} lk_postgres_table;

typedef struct lk_postgres_tables {
    lk_postgres_table images, labels, image_ids, tags, faces, refused, pictures;
    lk_search_batch vectors;
    lk_postgres_table counts; /* collection, images, faces to add to its counts */
} lk_postgres_tables;

/* `plans`: of the collections whose faces get the columns they are searched by; borrowed; NULL: none do. */
void lk_postgres_tables_init(lk_postgres_tables *t, const lk_search_plans *plans);
/* Copies everything, of pictures those up to `keep`. `faces`: the ids of the kept faces. `actor`: who adds it, or NULL.
 */
int lk_postgres_tables_add(lk_postgres_tables *t, const liken_image *image, int64_t collection, int64_t id,
                           const int64_t *faces, const unsigned char sha256[32], const char *actor, liken_keep keep,
                           liken_error *err);
int lk_postgres_tables_picture(lk_postgres_tables *t, int64_t collection, int64_t id, const liken_picture *p,
                               liken_error *err);
/* Queues the statements that write all of it, descriptors only when `vectors`; for the caller's pipeline and
 * transaction. */
int lk_postgres_tables_queue(lk_pg_conn *c, const lk_postgres_tables *t, bool vectors, liken_error *err);
/* The same for many at once: sends it by COPY. No image may carry a tag twice; without plans. */
int lk_postgres_tables_copy(lk_pg_conn *c, const lk_postgres_tables *t, bool vectors, liken_error *err);
void lk_postgres_tables_free(lk_postgres_tables *t);

#endif
