/* A legacy table as a store: opening it, its one collection, and the table of operations. What such a table cannot
 * hold is refused with a sentence: tags, times, further collections. */
#include "store/legacy/legacy_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_legacy_store *of(lk_store *s) {
    return (lk_legacy_store *)s;
}

static const lk_legacy_store *const_of(const lk_store *s) {
    return (const lk_legacy_store *)s;
}

static void store_close(lk_store *base) {
    if (base == NULL)
        return;
    lk_legacy_store *s = of(base);
    lk_pg_close(s->db);
    lk_legacy_form_clear(&s->form);
    lk_legacy_rows_clear(&s->rows);
    free(s->removed);
    free(s->snapshot);
    free(s->about.name);
    free(s->about.model);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static const char *store_name(const lk_store *s) {
    return lk_pg_name(const_of(s)->db);
}

static int store_id(lk_store *s, char out[37], liken_error *err) {
    (void)err;
    memcpy(out, of(s)->id, sizeof of(s)->id);
    return LIKEN_OK;
}

/* ---- the collection ---- */

static int counts(lk_store *base, int64_t *collections, int64_t *images, int64_t *faces, liken_error *err) {
    lk_legacy_store *s = of(base);
    const int rc = lk_legacy_look(s, false, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&s->lock);
    *images = *faces = (int64_t)s->rows.live;
    pthread_mutex_unlock(&s->lock);
    *collections = 1;
    return LIKEN_OK;
}

static int describe(lk_store *s, liken_collection **out, liken_error *err) {
    int64_t one, images = 0, faces = 0;
    const int rc = counts(s, &one, &images, &faces, err);
    if (rc != LIKEN_OK)
        return rc;
    liken_collection *c = malloc(sizeof *c);
    if (c == NULL)
        return lk_fail_memory(err);
    *c = of(s)->about;
    c->name = strdup(c->name);
    c->model = strdup(c->model);
    c->images = images;
    c->faces = faces;
    if (c->name == NULL || c->model == NULL) {
        liken_collection_free(c);
        return lk_fail_memory(err);
    }
    *out = c;
    return LIKEN_OK;
}

static int collection_create(lk_store *s, liken_collection *c, liken_error *err) {
    if (strcmp(c->name, of(s)->about.name) == 0)
        return lk_fail(err, LIKEN_E_CONFLICT, "There is a collection \"%.64s\" already.", c->name);
    return lk_fail(err, LIKEN_E_UNSUPPORTED,
                   "A legacy table is one collection, \"%s\", and has no room for others; keep those in a store of "
                   "their own.",
                   of(s)->about.name);
}

static int collection_get(lk_store *s, const char *name, liken_collection **out, liken_error *err) {
    if (strcmp(name, of(s)->about.name) != 0)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no collection \"%.64s\": a legacy table is one, \"%s\".", name,
                       of(s)->about.name);
    return describe(s, out, err);
}

static int collection_list(lk_store *s, liken_collection ***out, size_t *count, liken_error *err) {
    liken_collection **list = calloc(1, sizeof(liken_collection *));
    if (list == NULL)
        return lk_fail_memory(err);
    const int rc = describe(s, list, err);
    if (rc != LIKEN_OK) {
        free(list);
        return rc;
    }
    *out = list;
    *count = 1;
    return LIKEN_OK;
}

static int collection_remove(lk_store *s, int64_t id, bool keep_row, liken_error *err) {
    (void)id;
    (void)keep_row;
    return lk_fail(err, LIKEN_E_UNSUPPORTED,
                   "liken does not empty a table that it serves in place; delete the rows of %s in the database.",
                   of(s)->form.table);
}

static int search_set(lk_store *s, int64_t collection, liken_search search, liken_error *err) {
    (void)s;
    (void)collection;
    return search == LIKEN_SEARCH_AUTO
               ? LIKEN_OK
               : lk_fail(err, LIKEN_E_UNSUPPORTED,
                         "A legacy table has nowhere to write down how its collection is searched; it is searched in "
                         "memory.");
}

static int image_find(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err) {
    (void)s;
    (void)collection;
    (void)out;
    return lk_fail(err, LIKEN_E_NOT_FOUND, "A legacy table does not know photos by their bytes (sha256 %s).", sha256);
}

static int faces_where(lk_store *s, int64_t collection, const liken_search_options *o, int64_t **out, size_t *count,
                       liken_error *err) {
    (void)s;
    (void)collection;
    (void)o;
    (void)out;
    (void)count;
    return lk_fail(err, LIKEN_E_UNSUPPORTED,
                   "The rows of a legacy table carry no tags and no times; search without those filters.");
}

/* ---- the feed ---- */

static int store_version(lk_store *base, int64_t *version, liken_error *err) {
    lk_legacy_store *s = of(base);
    const int rc = lk_legacy_look(s, false, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&s->lock);
    *version = s->version;
    pthread_mutex_unlock(&s->lock);
    return LIKEN_OK;
}

static int marks(lk_store *base, int64_t *face, int64_t *deletion, liken_error *err) {
    lk_legacy_store *s = of(base);
    const int rc = lk_legacy_look(s, false, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&s->lock);
    *face = (int64_t)s->rows.count;
    *deletion = (int64_t)s->removed_count;
    pthread_mutex_unlock(&s->lock);
    return LIKEN_OK;
}

static int deletions_after(lk_store *base, int64_t after, lk_store_deletion_fn *fn, void *ctx, liken_error *err) {
    lk_legacy_store *s = of(base);
    int rc = LIKEN_OK;
    (void)err;
    for (size_t at = (size_t)after; rc == LIKEN_OK; at++) {
        pthread_mutex_lock(&s->lock);
        const uint32_t number = at < s->removed_count ? s->removed[at] : 0;
        pthread_mutex_unlock(&s->lock);
        if (number == 0)
            break;
        rc = fn(ctx, (int64_t)at + 1, number);
    }
    return rc;
}

static int64_t number(lk_store *base, int64_t face) {
    lk_legacy_store *s = of(base);
    pthread_mutex_lock(&s->lock);
    const uint32_t n = lk_legacy_rows_find(&s->rows, face);
    const bool live = n != 0 && s->rows.items[n - 1].state == LK_LEGACY_LIVE;
    pthread_mutex_unlock(&s->lock);
    return live ? n : 0;
}

static int store_writable(lk_store *s, liken_error *err) {
    return lk_pg_writable(of(s)->db, of(s)->form.table, "INSERT", err);
}

static int store_room(lk_store *s, liken_error *err) {
    return lk_pg_room(of(s)->db, err);
}

/* ---- the doctor ---- */

static int check(lk_store *base, lk_check_fn *fn, void *ctx, int *bad, liken_error *err) {
    lk_legacy_store *s = of(base);
    char text[256];
    const int rc = lk_legacy_look(s, true, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&s->lock);
    const size_t nameless = s->nameless;
    (void)snprintf(text, sizeof text, "%zu rows of %.100s", s->rows.live + s->unfit, s->form.table);
    pthread_mutex_unlock(&s->lock);
    fn(ctx, "legacy table", LIKEN_GOOD, text);
    if (!s->form.finds_ids) {
        (void)snprintf(text, sizeof text,
                       "No index on id, so new rows are found by reading all of it. Make one: CREATE UNIQUE INDEX "
                       "CONCURRENTLY ON %.100s (id)",
                       s->form.table);
        fn(ctx, "legacy table", LIKEN_NOTE, text);
    }
    if (nameless > 0) {
        (void)snprintf(text, sizeof text, "%zu rows have no id, or one below 1, and cannot be searched", nameless);
        fn(ctx, "legacy table", LIKEN_NOTE, text);
    }
    *bad = 0;
    return LIKEN_OK;
}

static const lk_store_collections collections = {
    .create = collection_create,
    .get = collection_get,
    .list = collection_list,
    .remove = collection_remove,
    .search_set = search_set,
};
static const lk_store_images images = {
    .add = lk_legacy_image_add,
    .find = image_find,
    .get = lk_legacy_image_get,
    .list = lk_legacy_image_list,
    .remove = lk_legacy_image_remove,
};
static const lk_store_faces faces = {
    .get = lk_legacy_face_get,
    .remove = lk_legacy_face_remove,
    .matches = lk_legacy_matches,
    .where = faces_where,
};
static const lk_store_feed feed = {
    .version = store_version,
    .marks = marks,
    .vectors_after = lk_legacy_vectors_after,
    .deletions_after = deletions_after,
};
static const lk_store_numbers numbers = {.of = number};
static const lk_store_ops operations = {
    .close = store_close,
    .name = store_name,
    .id = store_id,
    .check = check,
    .writable = store_writable,
    .room = store_room,
    .counts = counts,
    .collections = &collections,
    .images = &images,
    .faces = &faces,
    .feed = &feed,
    .numbers = &numbers,
};

/* ---- opening ---- */

struct opening {
    lk_legacy_form *form;
    const char *table;
};

static int read_form(lk_pg_conn *c, void *arg, liken_error *err) {
    const struct opening *o = arg;
    return lk_legacy_form_read(o->form, c, o->table, true, err);
}

static int open_store(lk_legacy_store *s, const char *where, const char *table, liken_error *err) {
    const lk_pg_options options = {.read_only = s->read_only};
    int rc = lk_pg_open(&s->db, where, &options, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(s->db, read_form, &(struct opening){&s->form, table}, err);
    return rc;
}

int lk_store_open_legacy(lk_store **out, const char *where, const char *table, bool read_only,
                         const liken_collection *about, liken_error *err) {
    lk_legacy_store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&s->lock, NULL);
    s->base.ops = &operations;
    s->read_only = read_only;
    s->about = *about;
    s->about.id = LK_LEGACY_COLLECTION;
    s->about.name = strdup(about->name);
    s->about.model = strdup(about->model);
    lk_random_uuid(s->id);
    const bool copied = s->about.name != NULL && s->about.model != NULL;
    const int rc = copied ? open_store(s, where, table, err) : lk_fail_memory(err);
    if (rc != LIKEN_OK) {
        store_close(&s->base);
        return rc;
    }
    *out = &s->base;
    return LIKEN_OK;
}
