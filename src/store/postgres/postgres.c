/* The PostgreSQL store: opening, closing, the version of its contents and the table of operations.
 *
 * Everything lies in the schema `liken` of one database, which any number of liken processes may share. The parts:
 * pg.h the way to the server, schema.c the tables, write.c one transaction at a time whatever the
 * number of processes, add.c group commit, rows.c photos as rows, remove.c the other writes,
 * image.c and collection.c reading back, feed.c what the index and a search ask,
 * search.c searching inside the database, check.c the doctor.
 *
 * The version is the number of the last commit. While the listener listens, each commit's NOTIFY brings it within
 * milliseconds, so that asking for it costs nothing; while it is deaf, the database is asked. */
#include "store/postgres/postgres_int.h"
#include "store/postgres/names.h"

#include <stdlib.h>
#include <string.h>

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

static void store_close(lk_store *base) {
    if (base == NULL)
        return;
    lk_postgres *s = of(base);
    lk_pg_deaf(s->listener);
    lk_cluster_free(s->cluster);
    lk_pg_close(s->db);
    pthread_mutex_destroy(&s->version_lock);
    pthread_mutex_destroy(&s->write_lock);
    pthread_cond_destroy(&s->write_room);
    pthread_mutex_destroy(&s->add_lock);
    pthread_cond_destroy(&s->added);
    free(s);
}

static const char *store_name(const lk_store *s) {
    (void)s;
    return "postgresql";
}

static int store_id(lk_store *s, char out[37], liken_error *err) {
    (void)err;
    memcpy(out, of(s)->id, sizeof of(s)->id);
    return LIKEN_OK;
}

/* ---- the version ---- */

static int ask_version(lk_pg_conn *c, void *arg, liken_error *err) {
    return lk_pg_number(c, "SELECT change FROM liken.counters", LK_PG_NO_ARGS, 0, arg, err);
}

static int store_version(lk_store *base, int64_t *version, liken_error *err) {
    lk_postgres *s = of(base);
    pthread_mutex_lock(&s->version_lock);
    const bool known = s->hearing;
    const int64_t heard = s->version;
    pthread_mutex_unlock(&s->version_lock);
    if (!known)
        return lk_pg_with(s->db, ask_version, version, err);
    *version = heard;
    return LIKEN_OK;
}

/* A database that was restored from a backup goes back, so a fresh look is believed whatever it says. */
static int look(void *ctx, lk_pg_conn *c, bool fresh, liken_error *err) {
    lk_postgres *s = ctx;
    int64_t version = 0;
    const int rc = ask_version(c, &version, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&s->version_lock);
    if (fresh || version > s->version)
        s->version = version;
    s->hearing = true;
    pthread_mutex_unlock(&s->version_lock);
    return LIKEN_OK;
}

static void heard(void *ctx, const char *payload) {
    lk_postgres_note_version(ctx, strtoll(payload, NULL, 10));
}

static void deaf(void *ctx) {
    lk_postgres *s = ctx;
    pthread_mutex_lock(&s->version_lock);
    s->hearing = false;
    pthread_mutex_unlock(&s->version_lock);
}

/* ---- counts ---- */

struct counts {
    lk_pg_result *rows;
};

static int read_counts(lk_pg_conn *c, void *arg, liken_error *err) {
    struct counts *k = arg;
    return lk_pg_exec(c,
                      "SELECT count(*), coalesce(sum(images), 0)::bigint, coalesce(sum(faces), 0)::bigint"
                      " FROM liken.collections c WHERE " LK_POSTGRES_LIVE,
                      LK_PG_NO_ARGS, &k->rows, err);
}

static int store_counts(lk_store *s, int64_t *collections, int64_t *images, int64_t *faces, liken_error *err) {
    struct counts k = {0};
    const int rc = lk_pg_with(of(s)->db, read_counts, &k, err);
    if (rc != LIKEN_OK)
        return rc;
    *collections = lk_pg_get_int(k.rows, 0, 0);
    *images = lk_pg_get_int(k.rows, 0, 1);
    *faces = lk_pg_get_int(k.rows, 0, 2);
    lk_pg_clear(k.rows);
    return LIKEN_OK;
}

/* Every write begins by locking this row. */
static int store_writable(lk_store *s, liken_error *err) {
    return lk_pg_writable(of(s)->db, "liken.counters", "UPDATE", err);
}

static int store_room(lk_store *s, liken_error *err) {
    return lk_pg_room(of(s)->db, err);
}

static const lk_store_collections collections = {
    .create = lk_postgres_collection_create,
    .get = lk_postgres_collection_get,
    .list = lk_postgres_collection_list,
    .remove = lk_postgres_collection_remove,
    .search_set = lk_postgres_search_set,
};
static const lk_store_images images = {
    .add = lk_postgres_image_add,
    .find = lk_postgres_image_find,
    .get = lk_postgres_image_get,
    .list = lk_postgres_image_list,
    .change = lk_postgres_image_change,
    .remove = lk_postgres_image_remove,
};
static const lk_store_faces faces = {
    .get = lk_postgres_face_get,
    .remove = lk_postgres_face_remove,
    .matches = lk_postgres_matches,
    .where = lk_postgres_faces_where,
};
static const lk_store_members members = {
    .faces_of = lk_postgres_faces_of,
    .images_of = lk_postgres_images_of,
};
static const lk_store_names names = {
    .extend = lk_postgres_image_extend,
    .remove = lk_postgres_name_remove,
    .file_find = lk_postgres_file_find,
    .files_between = lk_postgres_files_between,
    .lost = lk_postgres_lost,
    .lost_remove = lk_postgres_lost_remove,
};
static const lk_store_feed feed = {
    .version = store_version,
    .marks = lk_postgres_marks,
    .vectors_after = lk_postgres_vectors_after,
    .deletions_after = lk_postgres_deletions_after,
};
static const lk_store_erasing erasing = {
    .step = lk_postgres_erase,
    .left = lk_postgres_erasing,
};
static const lk_store_pictures pictures = {
    .get = lk_postgres_picture_get,
    .put = lk_postgres_pictures_put,
    .keep = lk_postgres_keep,
    .trim = lk_postgres_trim,
    .secret = lk_postgres_secret,
};
static const lk_store_copying copy = {
    .of = lk_postgres_copy_of,
    .page = lk_postgres_copy_page,
    .begin = lk_postgres_copy_begin,
    .put = lk_postgres_copy_put,
    .end = lk_postgres_copy_end,
};
static const lk_store_searching searching = {
    .find = lk_postgres_find,
    .count = lk_postgres_search_count,
    .want = lk_postgres_search_want,
    .tend = lk_postgres_search_tend,
    .vectors_except = lk_postgres_vectors_except,
};
static const lk_store_upgrading upgrading = {
    .may = lk_postgres_may_swap,
    .swap = lk_postgres_swap,
};
static const lk_store_events events = {
    .after = lk_postgres_events_after,
    .trim = lk_postgres_events_trim,
};
static const lk_store_ops operations = {
    .events = &events,
    .close = store_close,
    .name = store_name,
    .id = store_id,
    .check = lk_postgres_check,
    .writable = store_writable,
    .room = store_room,
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
    .searching = &searching,
    .upgrading = &upgrading,
    .sql = &lk_postgres_sql,
};

/* ---- opening ---- */

static int read_id(lk_postgres *s, lk_pg_conn *c, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, "SELECT value FROM liken.meta WHERE key = 'store'", LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    size_t size = 0;
    const char *id = lk_pg_rows(r) == 1 ? lk_pg_get_bytes(r, 0, 0, &size) : NULL;
    if (id == NULL || size != sizeof s->id - 1)
        rc = lk_fail(err, LIKEN_E_STORE,
                     "The store in %s has lost its identity and is damaged; restore the database from a backup.",
                     lk_pg_name(s->db));
    else
        memcpy(s->id, id, sizeof s->id);
    lk_pg_clear(r);
    return rc;
}

static int make_ready(lk_postgres *s, lk_pg_conn *c, lk_store_how how, liken_error *err) {
    int version = 0;
    int rc = lk_postgres_examine(s, c, &version, err);
    if (rc == LIKEN_OK && version < LK_POSTGRES_SCHEMA && how != LK_STORE_MAKE)
        rc = version == 0
                 ? lk_fail(err, LIKEN_E_NOT_FOUND, "There is no gallery in %s; liken add PHOTO makes one.",
                           lk_pg_name(s->db))
                 : lk_fail(err, LIKEN_E_STORE,
                           "The gallery in %s is of an older liken. Adding a photo brings it up to date, and so does a "
                           "server that is started on it (liken serve), as a user who may change its tables.",
                           lk_pg_name(s->db));
    if (rc == LIKEN_OK && version < LK_POSTGRES_SCHEMA)
        rc = lk_postgres_migrate(s, c, err);
    return rc == LIKEN_OK ? read_id(s, c, err) : rc;
}

/* Whether there are shards, so that removals know without asking. */
static int look_for_shards(lk_postgres *s, lk_pg_conn *c, liken_error *err) {
    lk_cluster_map map;
    int rc = lk_pg_script(c, "BEGIN", err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_look(s->cluster, c, &map, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "COMMIT", err) : rc;
}

static int start(lk_postgres *s, const char *where, lk_store_how how, liken_error *err) {
    const lk_pg_options options = {.read_only = s->read_only, .own_names = true};
    const lk_pg_ear ear = {.channel = LK_POSTGRES_CHANNEL, .look = look, .heard = heard, .lost = deaf, .ctx = s};
    lk_pg_conn *c = NULL;
    int rc = lk_pg_open(&s->db, where, &options, err);
    if (rc == LIKEN_OK)
        rc = lk_cluster_new(&s->cluster, s->db, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(s->db, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = make_ready(s, c, how, err);
    if (rc == LIKEN_OK)
        rc = look_for_shards(s, c, err);
    lk_pg_give(s->db, c);
    return rc == LIKEN_OK ? lk_pg_listen(&s->listener, s->db, &ear, err) : rc;
}

int lk_store_open_postgres(lk_store **out, const char *where, lk_store_how how, liken_error *err) {
    lk_postgres *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->base.ops = &operations;
    s->read_only = how == LK_STORE_READ;
    pthread_mutex_init(&s->version_lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->write_room, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->write_lock, NULL);
    pthread_mutex_init(&s->add_lock, NULL);
    pthread_cond_init(&s->added, NULL);
    const int rc = start(s, where, how, err);
    if (rc != LIKEN_OK) {
        store_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return LIKEN_OK;
}
