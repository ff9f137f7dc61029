/* The SQLite store: opening, closing and the table of operations.
 *
 * One file, liken.db, in write-ahead mode with synchronous=FULL: a commit that returned has been fsynced. The parts:
 * conn.c one connection, schema.c the tables, write.c group commit, pool.c readers,
 * add.c and remove.c the writes, names.c labels and image_ids,
 * image.c and collection.c reading back, feed.c what
 * the index and a search ask, check.c the doctor.
 *
 * A file that is another program's, damaged or newer is examined before anything is written to it, with
 * checkpointing switched off, so that even its leftover write-ahead log stays where it is. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_NAME "liken.db"

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

static void store_close(lk_store *base) {
    if (base == NULL)
        return;
    lk_sqlite_store *s = of(base);
    lk_sqlite_writer_stop(s);
    for (int i = 0; i < LK_SQLITE_READERS; i++)
        lk_sqlite_disconnect(&s->reader[i]);
    lk_sqlite_disconnect(&s->watch);
    lk_sqlite_disconnect(&s->writer); /* last: it folds the write-ahead log into the file */
    pthread_mutex_destroy(&s->queue_lock);
    pthread_cond_destroy(&s->has_job);
    pthread_cond_destroy(&s->has_done);
    pthread_mutex_destroy(&s->pool_lock);
    pthread_cond_destroy(&s->pool_room);
    pthread_mutex_destroy(&s->watch_lock);
    free(s->path);
    free(s);
}

static const char *store_name(const lk_store *s) {
    (void)s;
    return "sqlite";
}

static int store_id(lk_store *s, char out[37], liken_error *err) {
    (void)err;
    memcpy(out, of(s)->id, sizeof of(s)->id);
    return LIKEN_OK;
}

/* SQLite's data_version changes on a connection whenever any other connection, of any process, has committed. */
static int store_version(lk_store *base, int64_t *version, liken_error *err) {
    lk_sqlite_store *s = of(base);
    pthread_mutex_lock(&s->watch_lock);
    const int rc = lk_sqlite_number(&s->watch, "PRAGMA data_version", version, err);
    pthread_mutex_unlock(&s->watch_lock);
    return rc;
}

static int read_counts(lk_sqlite_conn *c, void *arg, liken_error *err) {
    int64_t *counts = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c,
                           "SELECT count(*), coalesce(sum(images), 0), coalesce(sum(faces), 0) FROM collections c"
                           " WHERE " LK_SQLITE_LIVE,
                           &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    for (int i = 0; rc == LIKEN_OK && i < 3; i++)
        counts[i] = sqlite3_column_int64(stmt, i);
    return rc;
}

static int store_counts(lk_store *s, int64_t *collections, int64_t *images, int64_t *faces, liken_error *err) {
    int64_t counts[3];
    const int rc = lk_sqlite_read(of(s), read_counts, counts, err);
    if (rc != LIKEN_OK)
        return rc;
    *collections = counts[0];
    *images = counts[1];
    *faces = counts[2];
    return LIKEN_OK;
}

static const lk_store_ops operations = {
    .close = store_close,
    .name = store_name,
    .id = store_id,
    .check = lk_sqlite_check,
    .room = lk_sqlite_room,
    .counts = store_counts,
    .collection_create = lk_sqlite_collection_create,
    .collection_get = lk_sqlite_collection_get,
    .collection_list = lk_sqlite_collection_list,
    .collection_remove = lk_sqlite_collection_remove,
    .sweep = lk_sqlite_sweep,
    .erasing = lk_sqlite_erasing,
    .image_add = lk_sqlite_image_add,
    .image_find = lk_sqlite_image_find,
    .image_extend = lk_sqlite_image_extend,
    .name_remove = lk_sqlite_name_remove,
    .file_find = lk_sqlite_file_find,
    .files_between = lk_sqlite_files_between,
    .lost = lk_sqlite_lost,
    .lost_remove = lk_sqlite_lost_remove,
    .image_get = lk_sqlite_image_get,
    .image_list = lk_sqlite_image_list,
    .image_remove = lk_sqlite_image_remove,
    .face_get = lk_sqlite_face_get,
    .face_remove = lk_sqlite_face_remove,
    .hits = lk_sqlite_hits,
    .faces_of = lk_sqlite_faces_of,
    .images_of = lk_sqlite_images_of,
    .faces_where = lk_sqlite_faces_where,
    .version = store_version,
    .marks = lk_sqlite_marks,
    .vectors_after = lk_sqlite_vectors_after,
    .deletions_after = lk_sqlite_deletions_after,
    .search_set = lk_sqlite_search_set,
    .copy_of = lk_sqlite_copy_of,
    .copy_page = lk_sqlite_copy_page,
    .copy_begin = lk_sqlite_copy_begin,
    .copy_put = lk_sqlite_copy_put,
    .copy_end = lk_sqlite_copy_end,
};

/* Makes the file as ours alone to read: SQLite gives its companions the same permissions. */
static int make_file(const char *folder, const char *path, liken_error *err) {
    int rc = lk_folder_make(folder, err);
    if (rc != LIKEN_OK)
        return rc;
    const int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return LIKEN_OK;
    if (fd < 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The store %s could not be made", path);
    (void)close(fd); /* new, so no lock of this process can be lost by it */
    const int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) != 0)
        rc = lk_fail_errno(err, LIKEN_E_IO, errno, "The folder %s could not be written to disk", folder);
    if (dir >= 0)
        (void)close(dir);
    return rc;
}

static int use_wal(lk_sqlite_conn *c, liken_error *err) {
    sqlite3_stmt *stmt = NULL;
    int rc = SQLITE_BUSY;
    /* two processes that open a new file at once both want to switch it; SQLite does not wait for that lock by itself
     */
    for (int tries = 0; tries < 500 && (rc & 0xff) == SQLITE_BUSY; tries++) {
        if (tries > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
        rc = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        const bool wal = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
        (void)sqlite3_finalize(stmt);
        if (wal)
            return LIKEN_OK;
        if (rc == SQLITE_ROW)
            return lk_fail(err, LIKEN_E_STORE,
                           "The file system that holds %s cannot carry a write-ahead log (a network "
                           "folder?); choose a data folder on a local disk.",
                           c->path);
    }
    return lk_sqlite_fail(c, rc, err);
}

static int open_writable(lk_sqlite_store *s, const char *folder, liken_error *err) {
    int version = 0;
    int rc = make_file(folder, s->path, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_connect(&s->writer, s->path, s->flags, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    rc = lk_sqlite_examine(&s->writer, &version, err);
    if (rc == LIKEN_OK)
        rc = use_wal(&s->writer, err);
    if (rc == LIKEN_OK && version < LK_SQLITE_SCHEMA)
        rc = lk_sqlite_migrate(&s->writer, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_db_config(s->writer.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    return lk_sqlite_writer_start(s, err);
}

static int connect_watch(lk_sqlite_store *s, int *version, liken_error *err) {
    const int rc = lk_sqlite_connect(&s->watch, s->path, s->flags & ~LK_SQLITE_WRITE, err);
    return rc == LIKEN_OK ? lk_sqlite_examine(&s->watch, version, err) : rc;
}

/* On a medium where nothing can be written SQLite cannot make its lock files. When nobody else has made them either
 * (then nobody is writing), the file can be read without. */
static bool is_frozen(const lk_sqlite_store *s, const char *folder) {
    char log[4096];
    const int n = snprintf(log, sizeof log, "%s-wal", s->path);
    return n > 0 && (size_t)n < sizeof log && faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) != 0 &&
           access(log, F_OK) != 0;
}

static int open_read_only(lk_sqlite_store *s, const char *folder, liken_error *err) {
    int version = 0;
    if (access(s->path, F_OK) != 0 && errno != ENOENT)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The store %s cannot be reached", s->path);
    if (access(s->path, F_OK) != 0)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no store at %s yet; add a photo first.", s->path);
    if (is_frozen(s, folder))
        s->flags |= LK_SQLITE_IMMUTABLE;
    const int rc = connect_watch(s, &version, err);
    if (rc == LIKEN_OK && version < LK_SQLITE_SCHEMA)
        return lk_fail(err, LIKEN_E_STORE,
                       "The store %s is of an older liken; open it once for writing to bring it up to "
                       "date.",
                       s->path);
    return rc;
}

static int read_store_id(lk_sqlite_store *s, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(&s->watch, "SELECT value FROM meta WHERE key = 'store'", &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(&s->watch, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    const char *id = row ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
    if (id == NULL || strlen(id) != sizeof s->id - 1)
        rc = lk_fail(err, LIKEN_E_STORE, "The store %s has lost its identity and is damaged; restore it from a backup.",
                     s->path);
    else
        memcpy(s->id, id, sizeof s->id);
    (void)sqlite3_reset(stmt);
    return rc;
}

static lk_sqlite_store *store_new(const char *folder, bool read_only) {
    lk_sqlite_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->base.ops = &operations;
    s->read_only = read_only;
    s->flags = read_only ? 0 : LK_SQLITE_WRITE;
    s->path = lk_path_join(folder, FILE_NAME);
    pthread_mutex_init(&s->queue_lock, NULL);
    pthread_cond_init(&s->has_job, NULL);
    pthread_cond_init(&s->has_done, NULL);
    pthread_mutex_init(&s->pool_lock, NULL);
    pthread_cond_init(&s->pool_room, NULL);
    pthread_mutex_init(&s->watch_lock, NULL);
    for (int i = 0; i < LK_SQLITE_READERS; i++)
        s->idle[s->idle_count++] = i;
    return s;
}

int lk_store_open_sqlite(lk_store **out, const char *folder, bool read_only, liken_error *err) {
    lk_sqlite_store *s = store_new(folder, read_only);
    if (s == NULL || s->path == NULL) {
        store_close((lk_store *)s);
        return lk_fail_memory(err);
    }
    int version = 0;
    int rc = read_only ? open_read_only(s, folder, err) : open_writable(s, folder, err);
    if (rc == LIKEN_OK && !read_only)
        rc = connect_watch(s, &version, err);
    if (rc == LIKEN_OK)
        rc = read_store_id(s, err);
    if (rc != LIKEN_OK) {
        store_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return LIKEN_OK;
}
