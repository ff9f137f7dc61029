/* postgres_int.h - what the parts of the PostgreSQL store share.
 *
 * Reads take a connection from the pool and run as functions of (connection, argument) that may be called twice
 * (lk_pg_with). Writes run in lk_postgres_write: one transaction that holds the row of liken.counters from its first
 * statement to its end, so that there is one writer at a time whatever the number of processes, and ids and change
 * numbers rise in the order of commits. */
#ifndef LK_STORE_POSTGRES_POSTGRES_INT_H
#define LK_STORE_POSTGRES_POSTGRES_INT_H

#include "pg/pg.h"
#include "store/postgres/cluster/cluster.h"
#include "store/inside.h"
#include "store/sql.h"
#include "store/store.h"

#include <pthread.h>

#define LK_POSTGRES_SCHEMA 11       /* the version this liken writes */
#define LK_POSTGRES_CHANNEL "liken" /* NOTIFY with each commit; the payload is its change number */
#define LK_POSTGRES_LONG_MS 600000  /* for what has to go through a whole collection */

/* A removed collection is called ".<id>" until all it held is erased: no name begins with a dot. Of a row `c`: */
#define LK_POSTGRES_LIVE "left(c.name, 1) <> '.'"
/* Removes as many pictures as go in one transaction, of those that fit (one at least, and no more than 32 megabytes in
 * all), and counts them. */
#define LK_POSTGRES_PICTURES_GO(WHICH)                                                                                 \
    "WITH fit AS (SELECT p.image, p.kind, octet_length(p.bytes) AS size FROM liken.pictures p WHERE " WHICH            \
    " LIMIT 256), few AS (SELECT image, kind FROM (SELECT image, kind, size, sum(size) OVER (ORDER BY image, kind) AS" \
    " total FROM fit) s WHERE total - size < 33554432), gone AS (DELETE FROM liken.pictures WHERE (image, kind) IN"    \
    " (SELECT image, kind FROM few) RETURNING 1) SELECT count(*) FROM gone"
#define LK_POSTGRES_REMOVED "c.name >= '.' AND c.name < '/'"

typedef struct lk_postgres_job lk_postgres_job; /* one image_add that waits for its commit */

typedef struct lk_postgres {
    lk_store base;
    lk_pg *db;
    bool read_only;
    char id[37];
    lk_pg_listener *listener;
    lk_cluster *cluster; /* the shards, where there are some */

    pthread_mutex_t version_lock;
    bool hearing; /* the listener listens, so `version` is the database's */
    int64_t version;

    pthread_mutex_t write_lock; /* how many write, so that some connections are left for reads */
    pthread_cond_t write_room;
    int writers;

    pthread_mutex_t add_lock; /* group commit: what waits, and whether somebody is committing */
    pthread_cond_t added;
    lk_postgres_job *first, *last;
    bool committing;
} lk_postgres;

/* ---- schema.c ---- */

/* *version: of the schema in the database, 0: there is none. Refuses one that is newer, or another program's. */
int lk_postgres_examine(lk_postgres *s, lk_pg_conn *c, int *version, liken_error *err);
/* Takes the steps up to LK_POSTGRES_SCHEMA, under an advisory lock. */
int lk_postgres_migrate(lk_postgres *s, lk_pg_conn *c, liken_error *err);

/* ---- write.c ---- */

/* What a transaction that writes has locked: the last of each that was given. The function raises them as it goes. */
typedef struct lk_postgres_write_state {
    int64_t face, image, deletion;
    bool changed;                /* set by the function when it wrote anything; else nothing is committed */
    const char *actor, *request; /* on whose behalf, or NULL */
    const lk_inside *inside;     /* who acts in the transaction, or NULL */
} lk_postgres_write_state;

/* May be called more than once: start from the beginning each time. */
typedef int lk_postgres_write_fn(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err);

/* Returns after the commit. A connection that is lost while the commit is on its way leaves open whether it happened;
 * then the database is asked, for some seconds, and when that fails the sentence says so. */
int lk_postgres_write(lk_postgres *s, lk_postgres_write_fn *fn, void *arg, liken_error *err);

/* After a removal: the descriptors go from the shards, where there are some; what cannot now, or is too much, goes
 * later. */
void lk_postgres_forget(lk_postgres *s);

/* A commit with this change number is known. */
void lk_postgres_note_version(lk_postgres *s, int64_t version);

/* ---- sql.c ---- */

extern const lk_store_sql lk_postgres_sql;
/* Statements on `c`, inside whatever transaction it is in. */
typedef struct lk_postgres_statements {
    lk_sql base;
    lk_pg_conn *conn;
} lk_postgres_statements;
lk_postgres_statements lk_postgres_statements_on(lk_pg_conn *c);

/* ---- image.c ---- */

/* Loads images[i] for ids[i] (ascending) of a collection (0: any), with names that are lost too when `lost`, for a
 * copy; NULL where there is none. In and after lk_postgres_snapshot, whose transaction it ends. `images` has room for
 * `count` and is all NULL; the caller frees what is in it, after faults too. */
int lk_postgres_images_load(lk_pg_conn *c, int64_t collection, const int64_t *ids, size_t count, bool lost,
                            liken_image **images, liken_error *err);
/* Begins a read-only transaction that sees one moment (queued: it costs no round trip). */
int lk_postgres_snapshot(lk_pg_conn *c, liken_error *err);
/* An image may vanish between the statements of a page, which do not share a moment: takes out its NULLs. */
void lk_postgres_close_ranks(liken_image_list *list);
/* `ids` as a parameter; free with lk_pg_column_free, after faults too. */
int lk_postgres_ids(lk_pg_column *column, const int64_t *ids, size_t count, liken_error *err);

/* ---- remove.c ---- */

/* image_remove, inside lk_postgres_write; after it lk_postgres_forget is due. */
int lk_postgres_image_erase(lk_pg_conn *c, lk_postgres_write_state *w, int64_t collection, int64_t id,
                            liken_error *err);

/* ---- events.c ---- */

/* Tells of a change, inside its lk_postgres_write and not inside a pipeline: of an image that is there (still, where it
 * is about to be removed), of a face that is about to be removed, of a collection under its name (NULL: the one it has
 * when it is asked). */
int lk_postgres_tell_image(lk_pg_conn *c, const lk_postgres_write_state *w, liken_event_kind kind, int64_t image,
                           liken_error *err);
int lk_postgres_tell_face(lk_pg_conn *c, const lk_postgres_write_state *w, int64_t face, liken_error *err);
int lk_postgres_tell_collection(lk_pg_conn *c, const lk_postgres_write_state *w, liken_event_kind kind,
                                int64_t collection, const char *name, liken_error *err);
/* Forgets all events; the next ones begin behind `last_event`. */
int lk_postgres_events_begin(lk_pg_conn *c, const lk_postgres_write_state *w, int64_t last_event, liken_error *err);

/* ---- the operations, by file ---- */

int lk_postgres_events_after(lk_store *s, int64_t collection, const char *name, int64_t after, int limit,
                             liken_event_list **out, liken_error *err);
int lk_postgres_events_trim(lk_store *s, int64_t keep, bool *more, liken_error *err);

int lk_postgres_collection_create(lk_store *s, liken_collection *c, liken_error *err);
int lk_postgres_collection_get(lk_store *s, const char *name, liken_collection **out, liken_error *err);
int lk_postgres_collection_list(lk_store *s, liken_collection ***out, size_t *count, liken_error *err);
int lk_postgres_collection_remove(lk_store *s, int64_t id, bool again, liken_error *err);
int lk_postgres_erase(lk_store *s, bool *more, liken_error *err);
int lk_postgres_erasing(lk_store *s, int64_t *images, liken_error *err);

int lk_postgres_image_add(lk_store *s, int64_t collection, liken_image *image, bool face_required,
                          liken_image **existing, liken_error *err);
int lk_postgres_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err);
int lk_postgres_face_remove(lk_store *s, const char *in, int64_t id, liken_error *err);

int lk_postgres_copy_of(lk_store *s, char source[37], liken_error *err);
/* Fills in the descriptors of listed faces. Faces and images that were removed since are taken out. */
int lk_postgres_describe(lk_store *s, liken_image_list *page, liken_error *err);
int lk_postgres_copy_page(lk_store *s, int64_t after, int limit, liken_image_list **out, liken_error *err);
int lk_postgres_copy_begin(lk_store *s, const char *source, int64_t *last, liken_error *err);
int lk_postgres_copy_put(lk_store *s, const int64_t *collections, liken_image *const *images, size_t count,
                         liken_error *err);
int lk_postgres_copy_end(lk_store *s, int64_t face, int64_t event, liken_error *err);

int lk_postgres_image_find(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err);
int lk_postgres_image_get(lk_store *s, int64_t collection, int64_t id, liken_image **out, liken_error *err);
int lk_postgres_image_change(lk_store *s, int64_t collection, int64_t id, const liken_image_changes *changes,
                             liken_image **out, liken_error *err);
int lk_postgres_image_list(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                           liken_error *err);
int lk_postgres_face_get(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image, int64_t *collection,
                         liken_error *err);

int lk_postgres_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches, liken_error *err);
int lk_postgres_images_of(lk_store *s, const int64_t *faces, size_t count, int64_t *images, liken_error *err);
int lk_postgres_faces_of(lk_store *s, const int64_t *images, size_t count, int64_t **out, size_t *faces,
                         liken_error *err);
int lk_postgres_faces_where(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out,
                            size_t *count, liken_error *err);
int lk_postgres_marks(lk_store *s, int64_t *face, int64_t *deletion, liken_error *err);
int lk_postgres_vectors_after(lk_store *s, int64_t after_face, lk_store_vector_fn *fn, void *ctx, liken_error *err);
int lk_postgres_deletions_after(lk_store *s, int64_t after_seq, lk_store_deletion_fn *fn, void *ctx, liken_error *err);

int lk_postgres_vectors_except(lk_store *s, int64_t after_face, const int64_t *collections, size_t count,
                               lk_store_vector_fn *fn, void *ctx, liken_error *err);

int lk_postgres_search_set(lk_store *s, int64_t collection, liken_search search, liken_error *err);
int lk_postgres_find(lk_store *s, const lk_store_query *query, lk_store_query_fn *fn, void *ctx, bool *exact,
                     double *recall, liken_error *err);
int lk_postgres_search_count(lk_store *s, int64_t collection, const liken_search_options *filter, int64_t except,
                             uint64_t *count, liken_error *err);
int lk_postgres_search_want(lk_store *s, int64_t collection, liken_error *err);
int lk_postgres_search_tend(lk_store *s, bool *more, liken_error *err);

int lk_postgres_picture_get(lk_store *s, int64_t collection, int64_t image, liken_keep kind, liken_picture *out,
                            liken_error *err);
int lk_postgres_pictures_put(lk_store *s, int64_t image, const liken_picture *pictures, size_t count, liken_error *err);
int lk_postgres_keep(lk_store *s, int64_t collection, liken_keep keep, liken_error *err);
int lk_postgres_trim(lk_store *s, int64_t collection, bool *more, liken_error *err);
int lk_postgres_secret(lk_store *s, uint8_t out[32], liken_error *err);

int lk_postgres_may_swap(lk_store *s, int64_t collection, liken_error *err);
int lk_postgres_swap(lk_store *s, int64_t collection, const char *model, int64_t *waiting, liken_error *err);

int lk_postgres_check(lk_store *s, lk_check_fn *fn, void *ctx, int *bad, liken_error *err);

#endif
