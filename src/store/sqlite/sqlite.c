/* The SQLite store: opening, closing and the table of operations.
 *
 * One file, liken.db, in write-ahead mode with synchronous=FULL: a commit that returned has been fsynced. The parts:
 * open.c how the file is opened, conn.c one connection, schema.c the tables, write.c group commit, reserve.c room for
 * removals on a full disk, pool.c readers, add.c and remove.c the writes, names.c labels and image_ids, image.c,
 * pictures.c and collection.c reading back, feed.c what the index and a search ask, check.c the doctor.
 *
 * A file that is another program's, damaged or newer is examined before anything is written to it, with
 * checkpointing switched off, so that even its leftover write-ahead log stays where it is. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

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
    if (s->opened && !s->read_only)
        lk_sqlite_reserve_make(s, 0);
    free(s->path);
    free(s->folder);
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
    const int still = lk_sqlite_still(s, err);
    return still != LIKEN_OK ? still : rc;
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

static const lk_store_collections collections = {
    .create = lk_sqlite_collection_create,
    .get = lk_sqlite_collection_get,
    .list = lk_sqlite_collection_list,
    .remove = lk_sqlite_collection_remove,
    .search_set = lk_sqlite_search_set,
};
static const lk_store_images images = {
    .add = lk_sqlite_image_add,
    .find = lk_sqlite_image_find,
    .get = lk_sqlite_image_get,
    .list = lk_sqlite_image_list,
    .change = lk_sqlite_image_change,
    .remove = lk_sqlite_image_remove,
};
static const lk_store_faces faces = {
    .get = lk_sqlite_face_get,
    .remove = lk_sqlite_face_remove,
    .matches = lk_sqlite_matches,
    .where = lk_sqlite_faces_where,
};
static const lk_store_members members = {
    .faces_of = lk_sqlite_faces_of,
    .images_of = lk_sqlite_images_of,
};
static const lk_store_names names = {
    .extend = lk_sqlite_image_extend,
    .remove = lk_sqlite_name_remove,
    .file_find = lk_sqlite_file_find,
    .files_between = lk_sqlite_files_between,
    .lost = lk_sqlite_lost,
    .lost_remove = lk_sqlite_lost_remove,
};
static const lk_store_feed feed = {
    .version = store_version,
    .marks = lk_sqlite_marks,
    .vectors_after = lk_sqlite_vectors_after,
    .deletions_after = lk_sqlite_deletions_after,
};
static const lk_store_erasing erasing = {
    .step = lk_sqlite_erase,
    .left = lk_sqlite_erasing,
};
static const lk_store_pictures pictures = {
    .get = lk_sqlite_picture_get,
    .put = lk_sqlite_pictures_put,
    .keep = lk_sqlite_keep,
    .trim = lk_sqlite_trim,
    .secret = lk_sqlite_secret,
};
static const lk_store_copying copy = {
    .of = lk_sqlite_copy_of,
    .page = lk_sqlite_copy_page,
    .begin = lk_sqlite_copy_begin,
    .put = lk_sqlite_copy_put,
    .end = lk_sqlite_copy_end,
};
static const lk_store_upgrading upgrading = {
    .swap = lk_sqlite_swap,
};
static const lk_store_events events = {
    .after = lk_sqlite_events_after,
    .trim = lk_sqlite_events_trim,
};
static const lk_store_ops operations = {
    .events = &events,
    .close = store_close,
    .name = store_name,
    .id = store_id,
    .check = lk_sqlite_check,
    .writable = lk_sqlite_writable,
    .room = lk_sqlite_room,
    .counts = store_counts,
    .collections = &collections,
    .images = &images,
    .faces = &faces,
    .feed = &feed,
    .members = &members,
    .names = &names,
    .erasing = &erasing,
    .pictures = &pictures,
    .copy = &copy,
    .upgrading = &upgrading,
    .sql = &lk_sqlite_sql,
};

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

static lk_sqlite_store *store_new(const char *folder) {
    lk_sqlite_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->base.ops = &operations;
    s->path = lk_path_join(folder, FILE_NAME);
    s->folder = strdup(folder);
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

int lk_store_open_sqlite(lk_store **out, const char *folder, lk_store_how how, liken_error *err) {
    lk_sqlite_store *s = store_new(folder);
    if (s == NULL || s->path == NULL || s->folder == NULL) {
        store_close((lk_store *)s);
        return lk_fail_memory(err);
    }
    int rc = lk_sqlite_open(s, how, err);
    if (rc == LIKEN_OK)
        rc = read_store_id(s, err);
    s->opened = rc == LIKEN_OK;
    if (rc != LIKEN_OK) {
        store_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return LIKEN_OK;
}
