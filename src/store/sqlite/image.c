/* Reading images and faces back. */
#include "store/sqlite/sqlite_int.h"

#include "base/buf.h"
#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* ---- one face ---- */

static int damaged(const lk_sqlite_conn *c, liken_error *err) {
    return lk_fail(err, LIKEN_E_STORE, "The store %s holds a face that cannot be right; run liken doctor.", c->path);
}

/* The columns LK_FACE_NAMES, from `at` on. */
static int read_face(const lk_sqlite_conn *c, sqlite3_stmt *stmt, int at, liken_face *f, liken_error *err) {
    lk_face_row face;
    const void *landmarks = sqlite3_column_blob(stmt, at + LK_FACE_BOX);
    if (landmarks == NULL || sqlite3_column_bytes(stmt, at + LK_FACE_BOX) != (int)sizeof face.landmarks)
        return damaged(c, err);
    memcpy(face.landmarks, landmarks, sizeof face.landmarks);
    for (int i = 0; i < LK_FACE_NUMBERS; i++)
        face.numbers[i] = (float)sqlite3_column_double(stmt, at + i + (i >= LK_FACE_BOX));
    lk_face_from_row(&face, f);
    return LIKEN_OK;
}

/* ---- the parts of an image ---- */

struct faces {
    liken_face *list;
    size_t count, room;
};

static liken_face *more_face(struct faces *f) {
    if (f->count == f->room) {
        const size_t room = f->room == 0 ? 8 : 2 * f->room;
        liken_face *list = realloc(f->list, room * sizeof *list);
        if (list == NULL)
            return NULL;
        f->list = list;
        f->room = room;
    }
    liken_face *face = &f->list[f->count++];
    *face = (liken_face){0};
    return face;
}

/* `sql` answers (id, reason, LK_FACE_NAMES, bytes of the descriptor, weak) for the faces of image ?1. */
static int load_faces(lk_sqlite_conn *c, const char *sql, int64_t image, struct faces *out, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, image);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        liken_face *f = more_face(out);
        if (f == NULL)
            return lk_fail_memory(err);
        f->id = sqlite3_column_int64(stmt, 0);
        f->reason = (liken_reason)sqlite3_column_int(stmt, 1);
        f->dimension = sqlite3_column_int(stmt, 15) / 4;
        f->weak = sqlite3_column_int(stmt, 16) != 0;
        rc = read_face(c, stmt, 2, f, err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

static int load_tags(lk_sqlite_conn *c, liken_image *image, liken_error *err) {
    char **tags = calloc(LK_TAGS_MAX, sizeof *tags);
    if (tags == NULL)
        return lk_fail_memory(err);
    image->tags = tags;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT tag FROM tags WHERE image = ?1 ORDER BY tag", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, image->id);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row && image->tag_count < LK_TAGS_MAX) {
        if (!lk_sqlite_copy(stmt, 0, &tags[image->tag_count]))
            return lk_fail_memory(err);
        image->tag_count++;
        rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

static int load_row(lk_sqlite_conn *c, int64_t id, liken_image *image, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c,
                           "SELECT c.name, m.name, i.detector, i.captured_at, i.added_at, i.width, i.height,"
                           " lower(hex(i.sha256)), i.source, i.metadata, i.revision FROM images i JOIN collections c "
                           "ON c.id = i.collection"
                           " JOIN models m ON m.id = c.model WHERE i.id = ?1 AND " LK_SQLITE_LIVE,
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, id);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!row)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld.", (long long)id);
    char **const texts[] = {&image->collection, &image->model, &image->detector};
    for (size_t i = 0; i < LK_LENGTH(texts); i++) {
        if (!lk_sqlite_copy(stmt, (int)i, texts[i]))
            return lk_fail_memory(err);
    }
    image->id = id;
    image->captured_at = sqlite3_column_type(stmt, 3) == SQLITE_NULL ? LIKEN_NO_TIME : sqlite3_column_int64(stmt, 3);
    image->added_at = sqlite3_column_int64(stmt, 4);
    image->width = sqlite3_column_int(stmt, 5);
    image->height = sqlite3_column_int(stmt, 6);
    const char *hex = (const char *)sqlite3_column_text(stmt, 7);
    if (hex == NULL || strlen(hex) != sizeof image->sha256 - 1)
        return damaged(c, err);
    memcpy(image->sha256, hex, sizeof image->sha256);
    image->revision = sqlite3_column_int64(stmt, 10);
    return lk_sqlite_copy(stmt, 8, &image->source) && lk_sqlite_copy(stmt, 9, &image->metadata) ? LIKEN_OK
                                                                                                : lk_fail_memory(err);
}

static int load_parts(lk_sqlite_conn *c, int64_t id, bool lost, liken_image *image, liken_error *err) {
    struct faces kept = {0}, refused = {0};
    int rc = load_row(c, id, image, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_names_load(c, image, lost, err);
    if (rc == LIKEN_OK)
        rc = load_tags(c, image, err);
    if (rc == LIKEN_OK)
        rc = load_faces(
            c, "SELECT id, 0, " LK_FACE_NAMES ", length(descriptor), weak FROM faces WHERE image = ?1 ORDER BY id", id,
            &kept, err);
    image->faces = kept.list;
    image->face_count = kept.count;
    if (rc == LIKEN_OK)
        rc = load_faces(c, "SELECT 0, reason, " LK_FACE_NAMES ", 0, 0 FROM refusals WHERE image = ?1 ORDER BY id", id,
                        &refused, err);
    image->refused = refused.list;
    image->refused_count = refused.count;
    return rc == LIKEN_OK ? lk_sqlite_pictures_load(c, image, err) : rc;
}

static int load(lk_sqlite_conn *c, int64_t id, bool lost, liken_image **out, liken_error *err) {
    liken_image *image = calloc(1, sizeof *image);
    if (image == NULL)
        return lk_fail_memory(err);
    const int rc = load_parts(c, id, lost, image, err);
    if (rc != LIKEN_OK) {
        liken_image_free(image);
        return rc;
    }
    *out = image;
    return LIKEN_OK;
}

int lk_sqlite_image_load(lk_sqlite_conn *c, int64_t id, liken_image **out, liken_error *err) {
    return load(c, id, false, out, err);
}

int lk_sqlite_image_load_all(lk_sqlite_conn *c, int64_t id, liken_image **out, liken_error *err) {
    return load(c, id, true, out, err);
}

/* ---- get ---- */

struct get {
    int64_t collection, id;
    liken_image *found;
};

int lk_sqlite_image_read(lk_sqlite_conn *c, int64_t collection, int64_t id, liken_image **out, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT 1 FROM images WHERE id = ?1 AND (?2 = 0 OR collection = ?2)", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, id);
    (void)sqlite3_bind_int64(stmt, 2, collection);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!row)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)id,
                       collection == 0 ? "" : " in this collection");
    return lk_sqlite_image_load(c, id, out, err);
}

static int get(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    return lk_sqlite_image_read(c, g->collection, g->id, &g->found, err);
}

int lk_sqlite_image_get(lk_store *s, int64_t collection, int64_t id, liken_image **out, liken_error *err) {
    struct get g = {.collection = collection, .id = id};
    const int rc = lk_sqlite_read(of(s), get, &g, err);
    if (rc == LIKEN_OK)
        *out = g.found;
    return rc;
}

/* ---- list ---- */

/* A page is found by an index that is in its order, and begins where the one before ended: by a tag (tags' primary key,
 * tag and image), else by the collection (images_by_collection). What is rare and named, an id or a label, is found by
 * the index on that and put in order. Faces are asked for image by image. */
#define LIST_SQL_MAX 16384
#define LIST_FIRST_TAG 10 /* the parameter */

struct list {
    int64_t collection;
    const liken_list_options *options;
    int64_t ids[1001];
    size_t limit;
    liken_image_list *out;
};

static const char *wanted(liken_wanted wanted, const char *with, const char *without) {
    return wanted == LIKEN_EITHER ? "" : wanted == LIKEN_ONLY_WITH ? with : without;
}

static int list_start(const liken_list_options *o, bool by_tag, lk_buf *sql, liken_error *err) {
    const char *id = by_tag ? "t.image" : "i.id";
    return lk_buf_format(sql, err,
                         "SELECT %s FROM %s WHERE %si.collection = (SELECT c.id FROM collections c WHERE c.id = ?1"
                         " AND " LK_SQLITE_LIVE ") AND %s %s ?2",
                         id, by_tag ? "tags t CROSS JOIN images i ON i.id = t.image" : "images i",
                         by_tag ? "t.tag = ?10 AND " : "", id, o->newest ? "<" : ">");
}

static int list_sql(const liken_list_options *o, lk_buf *sql, liken_error *err) {
    const bool by_tag = o->tag_count > 0 && o->image_id == NULL && o->file == NULL;
    const char *const conditions[] = {
        o->image_id == NULL ? "" : " AND i.id IN (SELECT image FROM image_ids WHERE collection = ?1 AND image_id = ?4)",
        o->file == NULL ? ""
                        : " AND i.id IN (SELECT image FROM labels WHERE collection = ?1 AND label = ?5 AND kind < 3)",
        lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to) ? " AND i.captured_at BETWEEN ?6 AND ?7"
                                                                           : "",
        o->file_prefix == NULL ? ""
                               : " AND i.id IN (SELECT image FROM labels WHERE collection = ?1 AND label >= ?8 AND"
                                 " label < ?9 AND kind < 3)",
        wanted(o->faces, " AND EXISTS (SELECT 1 FROM faces f WHERE f.image = i.id)",
               " AND NOT EXISTS (SELECT 1 FROM faces f WHERE f.image = i.id)"),
        wanted(o->refused, " AND EXISTS (SELECT 1 FROM refusals r WHERE r.image = i.id)",
               " AND NOT EXISTS (SELECT 1 FROM refusals r WHERE r.image = i.id)"),
    };
    int rc = list_start(o, by_tag, sql, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(conditions); i++)
        rc = lk_buf_string(sql, conditions[i], err);
    for (size_t i = by_tag ? 1 : 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_buf_format(sql, err, " AND EXISTS (SELECT 1 FROM tags w WHERE w.tag = ?%zu AND w.image = i.id)",
                           i + LIST_FIRST_TAG);
    return rc == LIKEN_OK ? lk_buf_format(sql, err, " ORDER BY 1 %s LIMIT ?3", o->newest ? "DESC" : "ASC") : rc;
}

/* The first text, by its bytes, that is behind all that begin with the prefix: no byte of UTF-8 is 255. */
static int bind_prefix(sqlite3_stmt *stmt, const char *prefix, liken_error *err) {
    const size_t size = strlen(prefix);
    char *end = strdup(prefix);
    if (end == NULL)
        return lk_fail_memory(err);
    end[size - 1]++;
    (void)sqlite3_bind_text(stmt, 8, prefix, (int)size, SQLITE_STATIC);
    (void)sqlite3_bind_text(stmt, 9, end, (int)size, free);
    return LIKEN_OK;
}

/* The ids of the page, and one more when there is a next page. Binding a parameter that the statement lacks is refused
 * by SQLite and harmless. */
static int list_step(lk_sqlite_conn *c, struct list *l, sqlite3_stmt *stmt, size_t *count, liken_error *err) {
    const liken_list_options *o = l->options;
    const bool from = lk_store_bound(o->captured_from), to = lk_store_bound(o->captured_to);
    bool row = false;
    (void)sqlite3_bind_int64(stmt, 1, l->collection);
    (void)sqlite3_bind_int64(stmt, 2, o->newest && o->after == 0 ? INT64_MAX : o->after);
    (void)sqlite3_bind_int64(stmt, 3, (int64_t)l->limit + 1);
    lk_sqlite_text(stmt, 4, o->image_id);
    lk_sqlite_text(stmt, 5, o->file);
    (void)sqlite3_bind_int64(stmt, 6, from ? o->captured_from : INT64_MIN);
    (void)sqlite3_bind_int64(stmt, 7, to ? o->captured_to : INT64_MAX);
    int rc = o->file_prefix == NULL ? LIKEN_OK : bind_prefix(stmt, o->file_prefix, err);
    for (size_t i = 0; i < o->tag_count; i++)
        lk_sqlite_text(stmt, (int)(i + LIST_FIRST_TAG), o->tags[i]);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row && *count <= l->limit) {
        l->ids[(*count)++] = sqlite3_column_int64(stmt, 0);
        rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

static int list_ids(lk_sqlite_conn *c, struct list *l, size_t *count, liken_error *err) {
    lk_buf sql;
    sqlite3_stmt *stmt = NULL;
    *count = 0;
    lk_buf_init(&sql, LIST_SQL_MAX);
    int rc = list_sql(l->options, &sql, err);
    if (rc == LIKEN_OK) {
        const int code = sqlite3_prepare_v2(c->db, sql.data, (int)sql.size, &stmt, NULL);
        rc = code == SQLITE_OK ? list_step(c, l, stmt, count, err) : lk_sqlite_fail(c, code, err);
    }
    (void)sqlite3_finalize(stmt);
    lk_buf_free(&sql);
    return rc;
}

static int list(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct list *l = arg;
    size_t count = 0;
    int rc = list_ids(c, l, &count, err);
    if (rc == LIKEN_OK && count > l->limit) {
        count = l->limit;
        l->out->next = l->ids[count - 1];
    }
    size_t faces = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
        rc = lk_sqlite_image_load(c, l->ids[i], &l->out->images[i], err);
        if (rc != LIKEN_OK)
            break;
        l->out->count++;
        if (l->options->describe)
            rc = lk_sqlite_descriptors_load(c, l->out->images[i], err);
        faces += l->out->images[i]->face_count + l->out->images[i]->refused_count;
        if (faces >= LK_STORE_PAGE_FACES && i + 1 < count) {
            l->out->next = l->ids[i];
            break;
        }
    }
    return rc;
}

int lk_sqlite_image_list(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                         liken_error *err) {
    struct list l = {.collection = collection, .options = o};
    int size = 0, rc = lk_store_list_begin(o, &size, &l.out, err);
    if (rc != LIKEN_OK)
        return rc;
    l.limit = (size_t)size;
    rc = lk_sqlite_read(of(s), list, &l, err);
    if (rc != LIKEN_OK) {
        liken_image_list_free(l.out);
        return rc;
    }
    *out = l.out;
    return LIKEN_OK;
}

/* ---- one face, with its descriptor ---- */

struct face_get {
    const char *in;
    int64_t id, image, collection;
    liken_face *face;
};

static int read_descriptor(const lk_sqlite_conn *c, sqlite3_stmt *stmt, int column, liken_face *f, liken_error *err) {
    const void *bytes = sqlite3_column_blob(stmt, column);
    const int size = sqlite3_column_bytes(stmt, column);
    if (bytes == NULL || size % 4 != 0)
        return damaged(c, err);
    f->dimension = size / 4;
    f->descriptor = malloc((size_t)size);
    if (f->descriptor == NULL)
        return lk_fail_memory(err);
    lk_floats_decode(bytes, (size_t)f->dimension, f->descriptor);
    return LIKEN_OK;
}

static int face_get(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct face_get *g = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c,
                           "SELECT i.collection, f.image, f.descriptor, f.x, f.y, f.width, f.height, f.landmarks,"
                           " f.confidence, f.size, f.sharpness, f.brightness, f.yaw, f.pitch, f.roll, f.score, f.weak"
                           " FROM faces f JOIN images i ON i.id = f.image JOIN collections c ON c.id = i.collection"
                           " WHERE f.id = ?1 AND (?2 IS NULL OR c.name = ?2) AND " LK_SQLITE_LIVE,
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, g->id);
    lk_sqlite_text(stmt, 2, g->in);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!row)
        return lk_store_no_face(g->id, g->in, err);
    g->face = calloc(1, sizeof *g->face);
    if (g->face == NULL)
        return lk_fail_memory(err);
    g->collection = sqlite3_column_int64(stmt, 0);
    g->image = sqlite3_column_int64(stmt, 1);
    g->face->id = g->id;
    g->face->weak = sqlite3_column_int(stmt, 16) != 0;
    rc = read_descriptor(c, stmt, 2, g->face, err);
    return rc == LIKEN_OK ? read_face(c, stmt, 3, g->face, err) : rc;
}

int lk_sqlite_face_get(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image, int64_t *collection,
                       liken_error *err) {
    struct face_get g = {.in = in, .id = id};
    const int rc = lk_sqlite_read(of(s), face_get, &g, err);
    if (rc != LIKEN_OK) {
        liken_face_free(g.face);
        return rc;
    }
    *out = g.face;
    if (image != NULL)
        *image = g.image;
    if (collection != NULL)
        *collection = g.collection;
    return LIKEN_OK;
}
