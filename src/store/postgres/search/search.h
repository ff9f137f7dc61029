/* search.h - searching inside PostgreSQL, by columns that liken.vectors gets for it.
 *
 * For a collection that is searched by `cube` its descriptors lie, beside the bytes, in columns c0, c1, ... of 64
 * numbers each; for pgvector in one column v; as the collection compares them: normalised where it does so. liken.near
 * has a row for each such collection. A face that is added gets its columns with its row. Those that were there before
 * the collection was searched so get them in the background (tend.c), and so do copied ones and those of an
 * approximate index. `filled` says up to which face the columns are filled in; faces beyond it are read as bytes and
 * compared by the caller, so a search is right at any moment.
 *
 * The database's distances are rounded differently than the caller's, which are the ones that count. So a search takes
 * everything that the database finds within a margin of its k-th: the rounding can never keep a true answer out. */
#ifndef LK_STORE_POSTGRES_SEARCH_SEARCH_H
#define LK_STORE_POSTGRES_SEARCH_SEARCH_H

#include "pg/pg.h"
#include "store/postgres/cluster/cluster.h"
#include "store/store.h"

#define LK_SEARCH_LOCK                                                                                                 \
    "1852141938" /* advisory, with the collection: of whoever changes how it is searched, or fills it in */
#define LK_SEARCH_CUBE_SIZE 64 /* numbers a cube */
#define LK_SEARCH_CUBES_MAX 15 /* cubes a row of the table has room for: it cannot be larger than 8 KB */
#define LK_SEARCH_TABLE                                                                                                \
    "CREATE TABLE liken.near (collection bigint PRIMARY KEY REFERENCES liken.collections (id) ON DELETE CASCADE,"      \
    " method smallint NOT NULL,"                                        /* liken_search */                             \
    " filled bigint NOT NULL DEFAULT 0,"                                /* faces up to this one have their columns */  \
    " ready boolean NOT NULL DEFAULT false,"                            /* the approximate index is complete */        \
    " recall double precision, recall_at bigint, recall_faces bigint);" /* what it was last measured to find */

/* For the transaction that ranks what is in this database: planned with the query's numbers at hand, so that they are
 * made a cube or a vector once and not for every row; with room to sort as many as may be asked for; and by all the
 * processes that the server allows it, because the planner thinks that a distance costs no more than a comparison. */
#define LK_SEARCH_SETTINGS                                                                                             \
    "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL work_mem = '64MB';"                                      \
    " SET LOCAL parallel_setup_cost = 0"

/* How a collection is searched at this moment. */
typedef struct lk_search_plan {
    int64_t collection;
    liken_search method; /* CUBE, PGVECTOR, HNSW; MEMORY: there are no columns */
    int64_t filled;
    bool ready;
    double recall;
    liken_metric metric;
    int dimension;
    int64_t faces;
    bool most;       /* of all faces there are, or a large part */
    char space[144]; /* schema of the extension, quoted */
    int release;     /* of the extension: 800 for 0.8.0 */
} lk_search_plan;

/* Of the collections whose columns are filled in with each face that is added. */
typedef struct lk_search_plans {
    lk_search_plan *list;
    size_t count;
} lk_search_plans;

/* ---- plan.c ---- */

/* NOT_FOUND: the collection was removed. */
int lk_search_plan_read(lk_pg_conn *c, int64_t collection, lk_search_plan *out, liken_error *err);
/* Not those of the approximate index, which takes its time for each face: theirs are filled in later. */
int lk_search_plans_read(lk_pg_conn *c, lk_search_plans *out, liken_error *err);
void lk_search_plans_free(lk_search_plans *plans);
/* Says that the faces after `before`, up to `now`, have their columns: for the transaction that adds them. */
int lk_search_plans_say(lk_pg_conn *c, const lk_search_plans *plans, int64_t before, int64_t now, liken_error *err);

/* ---- search.c ---- */

int lk_search_in(lk_pg *db, lk_cluster *k, const lk_store_query *query, lk_store_query_fn *fn, void *ctx, bool *exact,
                 double *recall, liken_error *err);
int lk_search_count_in(lk_pg *db, int64_t collection, const liken_search_options *filter, int64_t except,
                       uint64_t *count, liken_error *err);

/* ---- rows.c ---- */

#define LK_SEARCH_NAME 16 /* bytes of a column's name */

enum { LK_SEARCH_FACES, LK_SEARCH_COLLECTIONS, LK_SEARCH_DESCRIPTORS, LK_SEARCH_NUMBERS, LK_SEARCH_COLUMNS };

/* Rows that are written by one statement: they have the same columns. */
typedef struct lk_search_rows {
    const lk_search_plan *plan; /* borrowed: of one of their collections, which all look alike; NULL: no columns */
    lk_pg_column columns[LK_SEARCH_COLUMNS];
} lk_search_rows;
void lk_search_rows_init(lk_search_rows *r, const lk_search_plan *plan);
void lk_search_rows_free(lk_search_rows *r);
/* `bytes`: the descriptor as it is stored. STORE: it has not as many numbers as the plan says. */
int lk_search_rows_add(lk_search_rows *r, int64_t face, int64_t collection, const void *bytes, size_t size,
                       liken_error *err);

/* Rows of any collections. */
typedef struct lk_search_batch {
    const lk_search_plans *plans; /* borrowed; NULL: no columns */
    lk_search_rows *kinds;
    size_t count;
} lk_search_batch;
void lk_search_batch_init(lk_search_batch *b, const lk_search_plans *plans);
void lk_search_batch_free(lk_search_batch *b);
int lk_search_batch_add(lk_search_batch *b, int64_t face, int64_t collection, const void *bytes, size_t size,
                        liken_error *err);

/* Borrows the rows; to be freed in any case. */
typedef struct lk_search_statement {
    lk_buf sql;
    lk_pg_value values[LK_SEARCH_COLUMNS];
    int count;
} lk_search_statement;
/* Writes them, columns included; `ending` follows. */
int lk_search_rows_insert(const lk_search_rows *r, const char *ending, lk_search_statement *out, liken_error *err);
/* Fills in the columns of faces that are there. */
int lk_search_rows_update(const lk_search_rows *r, lk_search_statement *out, liken_error *err);
void lk_search_statement_free(lk_search_statement *t);

/* The column that has a value only in rows that have all of them. */
int lk_search_last_column(const lk_search_plan *p, char out[LK_SEARCH_NAME], liken_error *err);
/* As the collection compares: what the caller's index holds. */
void lk_search_prepare(const lk_search_plan *p, float *numbers);

/* ---- put.c: rows of a gallery that is spread ---- */

typedef struct lk_search_row {
    int64_t face, collection;
    const float *descriptor;
    int dimension;
    bool failed; /* out: its shard did not store it */
} lk_search_row;

/* Stores the rows, all shards at once, while a transaction of the caller holds the map still (lk_cluster_look). A face
 * that is there is replaced. When a shard does not answer, its rows are marked, *err names it, and the others are
 * stored all the same: BUSY. `plans`: of the collections whose columns are filled in; NULL: none. */
int lk_search_put(lk_cluster *k, const lk_cluster_map *map, const lk_search_plans *plans, lk_search_row *rows,
                  size_t count, liken_error *err);

/* ---- set.c ---- */

/* Breaks off the building of the collection's approximate index, by whichever process: for who changes the collection.
 */
int lk_search_stop(lk_pg_conn *c, int64_t collection, liken_error *err);

/* Inside a transaction of the caller, who tells the others about it. UNSUPPORTED says what is to be installed. */
int lk_search_set(lk_pg_conn *c, int64_t collection, liken_search search, liken_error *err);
/* The best that this server can do for a collection of LIKEN_SEARCH_AUTO. *changed: it is not yet so. */
int lk_search_want(lk_pg_conn *c, int64_t collection, bool *changed, liken_error *err);

/* ---- tend.c ---- */

/* Some of what is due: filling in, an approximate index, measuring it. */
int lk_search_tend_in(lk_pg *db, lk_cluster *k, bool *more, liken_error *err);

#endif
