/* sqlite_int.h - what the parts of the SQLite store share.
 *
 * Every operation is a function of (connection, argument). Reads run on a pooled connection inside one snapshot
 * (lk_sqlite_read); writes are handed to the one writer thread, which runs all that wait inside one transaction
 * (lk_sqlite_write). The same function can therefore be used on either side: the writer reads back what it wrote.
 *
 * The database file must never be opened by anything but SQLite while a store is open: closing any descriptor of
 * it would drop the process's locks on it. */
#ifndef LK_STORE_SQLITE_SQLITE_INT_H
#define LK_STORE_SQLITE_SQLITE_INT_H

#include "store/inside.h"
#include "store/sql.h"
#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>

#define LK_SQLITE_APPLICATION 0x6c696b6e /* "likn", in the file's header */
#define LK_SQLITE_SCHEMA 12              /* the version this liken writes */
#define LK_SQLITE_READERS 8
#define LK_SQLITE_STATEMENTS 128
#define LK_SQLITE_BATCH 512
#define LK_SQLITE_BUSY_MS 30000 /* how long one writer waits for another process to finish its transaction */

/* A removed collection is called ".<id>" until all it held is erased: no name begins with a dot. Of a row `c`: */
#define LK_SQLITE_LIVE "substr(c.name, 1, 1) <> '.'"
#define LK_SQLITE_REMOVED "c.name >= '.' AND c.name < '/'"

/* One connection, used by one thread at a time, with the statements it has prepared; they are kept by the
 * address of their text, which is therefore a constant. */
typedef struct lk_sqlite_conn {
    sqlite3 *db;
    const char *path;            /* borrowed, for sentences */
    const char *actor, *request; /* borrowed: on whose behalf the writer works now, or NULL */
    const lk_inside *inside;     /* the writer's: who acts in its transactions, or NULL */
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } kept[LK_SQLITE_STATEMENTS];
    int kept_count;
} lk_sqlite_conn;

typedef int lk_sqlite_fn(lk_sqlite_conn *c, void *arg, liken_error *err);

typedef struct lk_sqlite_job {
    lk_sqlite_fn *fn;
    void *arg;
    int status;
    liken_error error;
    const char *actor, *request; /* borrowed: who asks for it, or NULL */
    bool removes;                /* it makes room: on a full disk it may take the reserve */
    bool due;                    /* it is to be run */
    bool done;
    struct lk_sqlite_job *next;
} lk_sqlite_job;

/* What tells that a file is still as it was. */
typedef struct lk_sqlite_mark {
    uint64_t inode;
    int64_t size, seconds, nanoseconds;
} lk_sqlite_mark;

typedef struct lk_sqlite_store {
    lk_store base;
    char *path, *folder;
    bool opened; /* all went well */
    bool read_only;
    liken_error refusal; /* read_only: what a write is answered */
    int flags;           /* LK_SQLITE_*, how its connections are opened */
    lk_sqlite_mark mark; /* LK_SQLITE_IMMUTABLE: the file as it was found, */
    _Atomic bool thawed; /* and that it is another one now */
    char id[37];
    _Atomic bool full; /* the last write failed for want of room */

    lk_sqlite_conn writer; /* the writer thread's alone */
    pthread_t thread;
    bool started;
    pthread_mutex_t queue_lock; /* the queue below and every waiting job's `done` */
    pthread_cond_t has_job, has_done;
    lk_sqlite_job *first, *last;
    bool closing;

    pthread_mutex_t pool_lock; /* which readers are idle */
    pthread_cond_t pool_room;
    lk_sqlite_conn reader[LK_SQLITE_READERS];
    int idle[LK_SQLITE_READERS], idle_count;

    pthread_mutex_t watch_lock; /* the connection that only watches for commits */
    lk_sqlite_conn watch;
} lk_sqlite_store;

/* ---- open.c ---- */

/* Opens the store's connections and starts its writer; after a failure what is open stays so until it is closed. */
int lk_sqlite_open(lk_sqlite_store *s, lk_store_how how, liken_error *err);
/* Whether this process may write the file, its folder and the write-ahead log, as the system has it now. READ_ONLY. */
int lk_sqlite_writable(lk_store *s, liken_error *err);
/* After each reading: STORE when the file is read without locks, and somebody has written to it. */
int lk_sqlite_still(lk_sqlite_store *s, liken_error *err);

/* ---- reserve.c ---- */

#define LK_SQLITE_ROOM (1 << 20) /* bytes that a disk must have free for us to count on it */

/* Bytes that are free where the store is; UINT64_MAX where the file system does not say. */
uint64_t lk_sqlite_free(const lk_sqlite_store *s);
/* Makes the reserve longer by `given`, which it gave before, and as long as it should be; as far as the disk has room.
 */
void lk_sqlite_reserve_make(const lk_sqlite_store *s, uint64_t given);
/* Gives `bytes` of it, or all that it has, to the disk; returns how many. */
uint64_t lk_sqlite_reserve_give(const lk_sqlite_store *s, uint64_t bytes);
/* After a removal: gives free pages back to the disk. The writer's thread alone. */
void lk_sqlite_give_back(lk_sqlite_store *s);

/* ---- conn.c ---- */

enum { LK_SQLITE_WRITE = 1, LK_SQLITE_IMMUTABLE = 2 /* a medium on which nothing can be written, not even locks */ };

/* `path` is borrowed until disconnect. After a failure the connection is closed. */
int lk_sqlite_connect(lk_sqlite_conn *c, const char *path, int flags, liken_error *err);
void lk_sqlite_disconnect(lk_sqlite_conn *c);
/* FULL while nothing can be written. */
int lk_sqlite_room(lk_store *s, liken_error *err);
/* The sentence for a failed SQLite call on `c`; `rc` is SQLite's. */
int lk_sqlite_fail(const lk_sqlite_conn *c, int rc, liken_error *err);
int lk_sqlite_exec(lk_sqlite_conn *c, const char *sql, liken_error *err);
/* A kept statement for this constant text, reset and without bindings. */
int lk_sqlite_use(lk_sqlite_conn *c, const char *sql, sqlite3_stmt **out, liken_error *err);
/* `*row`: whether there is one. */
int lk_sqlite_step(lk_sqlite_conn *c, sqlite3_stmt *stmt, bool *row, liken_error *err);
/* Steps a statement that answers no rows, and resets it. */
int lk_sqlite_run(lk_sqlite_conn *c, sqlite3_stmt *stmt, liken_error *err);
/* Resets every kept statement: one left half-read would hold its snapshot. */
void lk_sqlite_reset(lk_sqlite_conn *c);
/* One number from a statement without parameters; 0 when it has no row. */
int lk_sqlite_number(lk_sqlite_conn *c, const char *sql, int64_t *out, liken_error *err);
void lk_sqlite_text(sqlite3_stmt *stmt, int index, const char *text); /* binds; NULL binds NULL; borrowed */
/* A malloc'd copy of a column, NULL for NULL; false when out of memory. */
bool lk_sqlite_copy(sqlite3_stmt *stmt, int column, char **out);

/* ---- schema.c ---- */

/* Refuses a file that is another program's or newer than this liken; `*version` 0: empty. Changes nothing. */
int lk_sqlite_examine(lk_sqlite_conn *c, int *version, liken_error *err);
int lk_sqlite_migrate(lk_sqlite_conn *c, liken_error *err);

/* ---- sql.c ---- */

extern const lk_store_sql lk_sqlite_sql;
/* Statements on `c`, inside whatever transaction it is in. */
typedef struct lk_sqlite_statements {
    lk_sql base;
    lk_sqlite_conn *conn;
} lk_sqlite_statements;
lk_sqlite_statements lk_sqlite_statements_on(lk_sqlite_conn *c);

/* ---- write.c, pool.c ---- */

int lk_sqlite_writer_start(lk_sqlite_store *s, liken_error *err);
void lk_sqlite_writer_stop(lk_sqlite_store *s);
/* Returns after the commit (or with why there was none; then nothing of `fn` remains). */
int lk_sqlite_write(lk_sqlite_store *s, lk_sqlite_fn *fn, void *arg, liken_error *err);
/* The same for what makes room: it goes through on a full disk as well, with the help of the reserve. */
int lk_sqlite_remove(lk_sqlite_store *s, lk_sqlite_fn *fn, void *arg, liken_error *err);
/* Runs `fn` on one snapshot. */
int lk_sqlite_read(lk_sqlite_store *s, lk_sqlite_fn *fn, void *arg, liken_error *err);

/* ---- image.c, add.c ---- */

/* One image with names, tags, faces (without descriptors) and refusals; the second with names that are lost too, for a
 * copy. NOT_FOUND. */
int lk_sqlite_image_load(lk_sqlite_conn *c, int64_t id, liken_image **out, liken_error *err);
/* The first, of an image of this collection; 0: of any. NOT_FOUND. */
int lk_sqlite_image_read(lk_sqlite_conn *c, int64_t collection, int64_t id, liken_image **out, liken_error *err);
int lk_sqlite_image_load_all(lk_sqlite_conn *c, int64_t id, liken_image **out, liken_error *err);
/* Adds the image under its own ids. Inside lk_sqlite_write. */
int lk_sqlite_image_put(lk_sqlite_conn *c, int64_t collection, const liken_image *image, liken_error *err);

/* ---- pictures.c ---- */

/* The ids of as many pictures as go in one transaction, of those that fit: one at least, and no more than a megabyte in
 * all, since what goes is written over in the log. */
#define LK_SQLITE_PORTION(WHICH)                                                                                       \
    "SELECT id FROM (SELECT id, size, sum(size) OVER (ORDER BY id) AS total FROM (SELECT p.id, length(p.bytes) AS "    \
    "size"                                                                                                             \
    " FROM pictures p WHERE " WHICH " LIMIT 256)) WHERE total - size < 1048576"

/* Puts image->pictures, up to `keep`, beside the image `id`. Inside lk_sqlite_write. */
int lk_sqlite_pictures_add(lk_sqlite_conn *c, int64_t collection, int64_t id, const liken_picture *pictures,
                           size_t count, liken_keep keep, liken_error *err);
/* Those of image->id, without their bytes. */
int lk_sqlite_pictures_load(lk_sqlite_conn *c, liken_image *image, liken_error *err);

/* ---- names.c ---- */

/* Who gets names, and what came of it: one that it did not have, and the photo that lost a label to it (0: none). */
typedef struct lk_sqlite_names {
    int64_t collection, image;
    bool extended;
    int64_t replaced;
} lk_sqlite_names;
/* Gives the names of `names` to n->image. Inside lk_sqlite_write, as lk_sqlite_extend is, which gives it the tags and
 * captured_at too and loads it. */
int lk_sqlite_names_give(lk_sqlite_conn *c, lk_sqlite_names *n, const liken_image *names, liken_error *err);
int lk_sqlite_extend(lk_sqlite_conn *c, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                     liken_error *err);
/* The names of image->id; those that are lost too, for a copy, when `lost`. */
int lk_sqlite_names_load(lk_sqlite_conn *c, liken_image *image, bool lost, liken_error *err);
int lk_sqlite_names_match(lk_sqlite_conn *c, lk_store_match *match, liken_error *err);

/* ---- remove.c ---- */

/* image_remove, inside lk_sqlite_write. */
int lk_sqlite_image_erase(lk_sqlite_conn *c, int64_t collection, int64_t id, liken_error *err);

/* ---- collection.c ---- */

/* Runs `sql`, which gives a live collection (?1) a number (?2) where it has another, and tells that it changed. Inside
 * lk_sqlite_write. NOT_FOUND. */
int lk_sqlite_collection_set(lk_sqlite_conn *c, const char *sql, int64_t collection, int to, liken_error *err);

/* ---- events.c ---- */

/* Tells of a change, inside its lk_sqlite_write: of an image that is there (still, where it is about to be removed), of
 * a face that is about to be removed, of a collection under its name (NULL: the one it has when it is asked). */
int lk_sqlite_tell_image(lk_sqlite_conn *c, liken_event_kind kind, int64_t image, liken_error *err);
int lk_sqlite_tell_face(lk_sqlite_conn *c, int64_t face, liken_error *err);
int lk_sqlite_tell_collection(lk_sqlite_conn *c, liken_event_kind kind, int64_t collection, const char *name,
                              liken_error *err);
/* Forgets all events; the next ones begin behind `last_event`. */
int lk_sqlite_events_begin(lk_sqlite_conn *c, int64_t last_event, liken_error *err);

/* ---- the operations, by file ---- */

int lk_sqlite_events_after(lk_store *s, int64_t collection, const char *name, int64_t after, int limit,
                           liken_event_list **out, liken_error *err);
int lk_sqlite_events_trim(lk_store *s, int64_t keep, bool *more, liken_error *err);

int lk_sqlite_collection_create(lk_store *s, liken_collection *c, liken_error *err);
int lk_sqlite_collection_get(lk_store *s, const char *name, liken_collection **out, liken_error *err);
int lk_sqlite_collection_list(lk_store *s, liken_collection ***out, size_t *count, liken_error *err);
int lk_sqlite_collection_remove(lk_store *s, int64_t id, bool again, liken_error *err);
int lk_sqlite_erase(lk_store *s, bool *more, liken_error *err);
int lk_sqlite_erasing(lk_store *s, int64_t *images, liken_error *err);
int lk_sqlite_search_set(lk_store *s, int64_t collection, liken_search search, liken_error *err);

int lk_sqlite_image_add(lk_store *s, int64_t collection, liken_image *image, bool face_required, liken_image **existing,
                        liken_error *err);
int lk_sqlite_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err);
int lk_sqlite_face_remove(lk_store *s, const char *in, int64_t id, liken_error *err);

int lk_sqlite_image_find(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err);
int lk_sqlite_image_get(lk_store *s, int64_t collection, int64_t id, liken_image **out, liken_error *err);
int lk_sqlite_image_change(lk_store *s, int64_t collection, int64_t id, const liken_image_changes *changes,
                           liken_image **out, liken_error *err);
int lk_sqlite_image_list(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                         liken_error *err);
int lk_sqlite_face_get(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image, int64_t *collection,
                       liken_error *err);

int lk_sqlite_image_extend(lk_store *s, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                           liken_error *err);
int lk_sqlite_name_remove(lk_store *s, int64_t collection, int64_t id, const char *file, const char *image_id,
                          bool *removed, liken_error *err);
int lk_sqlite_file_find(lk_store *s, int64_t collection, const char *place, const char *file, liken_file **out,
                        liken_mark *mark, liken_error *err);
int lk_sqlite_files_between(lk_store *s, int64_t collection, const lk_store_range *range, int64_t after,
                            liken_file_list **out, liken_error *err);
int lk_sqlite_lost(lk_store *s, int64_t collection, int64_t after, int64_t ids[1000], size_t *count, liken_error *err);
int lk_sqlite_lost_remove(lk_store *s, int64_t collection, int64_t id, bool *removed, liken_error *err);

int lk_sqlite_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *matches, liken_error *err);
int lk_sqlite_images_of(lk_store *s, const int64_t *faces, size_t count, int64_t *images, liken_error *err);
int lk_sqlite_faces_of(lk_store *s, const int64_t *images, size_t count, int64_t **out, size_t *faces,
                       liken_error *err);
int lk_sqlite_faces_where(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out, size_t *count,
                          liken_error *err);
int lk_sqlite_marks(lk_store *s, int64_t *face, int64_t *deletion, liken_error *err);
int lk_sqlite_vectors_after(lk_store *s, int64_t after_face, lk_store_vector_fn *fn, void *ctx, liken_error *err);
int lk_sqlite_deletions_after(lk_store *s, int64_t after_seq, lk_store_deletion_fn *fn, void *ctx, liken_error *err);

int lk_sqlite_copy_of(lk_store *s, char source[37], liken_error *err);
/* Of the faces of an image that was loaded in the same transaction. */
int lk_sqlite_descriptors_load(lk_sqlite_conn *c, const liken_image *image, liken_error *err);
int lk_sqlite_copy_page(lk_store *s, int64_t after, int limit, liken_image_list **out, liken_error *err);
int lk_sqlite_copy_begin(lk_store *s, const char *source, int64_t *last, liken_error *err);
int lk_sqlite_copy_put(lk_store *s, const int64_t *collections, liken_image *const *images, size_t count,
                       liken_error *err);
int lk_sqlite_copy_end(lk_store *s, int64_t face, int64_t event, liken_error *err);

int lk_sqlite_picture_get(lk_store *s, int64_t collection, int64_t image, liken_keep kind, liken_picture *out,
                          liken_error *err);
int lk_sqlite_pictures_put(lk_store *s, int64_t image, const liken_picture *pictures, size_t count, liken_error *err);
int lk_sqlite_keep(lk_store *s, int64_t collection, liken_keep keep, liken_error *err);
int lk_sqlite_trim(lk_store *s, int64_t collection, bool *more, liken_error *err);
int lk_sqlite_secret(lk_store *s, uint8_t out[32], liken_error *err);

int lk_sqlite_swap(lk_store *s, int64_t collection, const char *model, int64_t *waiting, liken_error *err);

int lk_sqlite_check(lk_store *s, lk_check_fn *fn, void *ctx, int *bad, liken_error *err);

#endif
