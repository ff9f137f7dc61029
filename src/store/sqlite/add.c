/* Adding one photo: the image, its tags, its faces with their descriptors, and the faces that were refused. */
#include "store/sqlite/sqlite_int.h"

#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

struct add {
    int64_t collection;
    const liken_image *image;
    liken_image *fresh; /* the same, to be judged; NULL: it is a copy */
    bool face_required;
    unsigned char sha256[32];
    bool keep;          /* the ids are the image's own; else the database gives them */
    liken_keep most;    /* what its collection keeps of it */
    int64_t id, *faces; /* told to the caller after the commit */
    lk_sqlite_names names;
    liken_image *existing;
};

/* ---- rows ---- */

static int check_collection(lk_sqlite_conn *c, struct add *a, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc =
        lk_sqlite_use(c,
                      "SELECT c.name, m.name, m.dimension, c.keep FROM collections c JOIN models m ON m.id = c.model"
                      " WHERE c.id = ?1 AND " LK_SQLITE_LIVE,
                      &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, a->collection);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && !row)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection was removed meanwhile; nothing was stored.");
    if (rc == LIKEN_OK) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0),
                   *model = (const char *)sqlite3_column_text(stmt, 1);
        const int dimension = sqlite3_column_int(stmt, 2);
        a->most = a->keep ? LIKEN_KEEP_ORIGINAL : (liken_keep)sqlite3_column_int(stmt, 3);
        const char *ours = a->image->model == NULL ? "" : a->image->model;
        bool same = model != NULL && strcmp(model, ours) == 0;
        for (size_t i = 0; i < a->image->face_count; i++)
            same = same && a->image->faces[i].dimension == dimension;
        if (!same)
            rc = lk_fail(err, LIKEN_E_MISMATCH,
                         "Collection \"%s\" holds descriptors of model %s, and these are of %s; they "
                         "cannot be compared. Add to a collection of that model.",
                         name, model, ours);
    }
    (void)sqlite3_reset(stmt);
    return rc;
}

/* Finds the same bytes in the collection; *id stays 0 when they are not there. */
static int find_same(lk_sqlite_conn *c, int64_t collection, const unsigned char sha256[32], int64_t *id,
                     liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT id FROM images WHERE collection = ?1 AND sha256 = ?2", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, collection);
    (void)sqlite3_bind_blob(stmt, 2, sha256, 32, SQLITE_STATIC);
    rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && row)
        *id = sqlite3_column_int64(stmt, 0);
    (void)sqlite3_reset(stmt);
    return rc;
}

static int add_image(lk_sqlite_conn *c, struct add *a, liken_error *err) {
    const liken_image *im = a->image;
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c,
                           "INSERT INTO images (collection, sha256, captured_at, added_at, width, height, detector, id,"
                           " added_by, source, metadata, revision)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, a->collection);
    (void)sqlite3_bind_blob(stmt, 2, a->sha256, 32, SQLITE_STATIC);
    if (im->captured_at != LIKEN_NO_TIME)
        (void)sqlite3_bind_int64(stmt, 3, im->captured_at);
    (void)sqlite3_bind_int64(stmt, 4, im->added_at);
    (void)sqlite3_bind_int(stmt, 5, im->width);
    (void)sqlite3_bind_int(stmt, 6, im->height);
    lk_sqlite_text(stmt, 7, im->detector == NULL ? "" : im->detector);
    if (a->keep)
        (void)sqlite3_bind_int64(stmt, 8, im->id);
    if (c->actor != NULL)
        lk_sqlite_text(stmt, 9, c->actor);
    lk_sqlite_text(stmt, 10, im->source);
    lk_sqlite_text(stmt, 11, im->metadata);
    (void)sqlite3_bind_int64(stmt, 12, a->keep ? im->revision : 1);
    rc = lk_sqlite_run(c, stmt, err);
    if (rc == LIKEN_OK)
        a->id = sqlite3_last_insert_rowid(c->db);
    return rc;
}

static int add_tags(lk_sqlite_conn *c, const struct add *a, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < a->image->tag_count; i++) {
        rc = lk_sqlite_use(c, "INSERT INTO tags (tag, image) VALUES (?1, ?2) ON CONFLICT DO NOTHING", &stmt, err);
        if (rc != LIKEN_OK)
            break;
        lk_sqlite_text(stmt, 1, a->image->tags[i]);
        (void)sqlite3_bind_int64(stmt, 2, a->id);
        rc = lk_sqlite_run(c, stmt, err);
    }
    return rc;
}

/* Binds what faces and refusals share, from parameter 3 on. */
static void bind_face(sqlite3_stmt *stmt, const liken_face *f) {
    lk_face_row face;
    lk_face_to_row(f, &face);
    for (int i = 0; i < LK_FACE_NUMBERS; i++)
        (void)sqlite3_bind_double(stmt, 3 + i + (i >= LK_FACE_BOX), (double)face.numbers[i]);
    (void)sqlite3_bind_blob(stmt, 3 + LK_FACE_BOX, face.landmarks, sizeof face.landmarks, SQLITE_TRANSIENT);
}

#define FACE_PARAMETERS "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15"

static int add_face(lk_sqlite_conn *c, const struct add *a, size_t i, liken_error *err) {
    const liken_face *f = &a->image->faces[i];
    unsigned char bytes[4 * LK_DIMENSION_MAX];
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c,
                           "INSERT INTO faces (image, descriptor, " LK_FACE_NAMES
                           ", id, weak) VALUES (?1, ?2, " FACE_PARAMETERS ", ?16, ?17)",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_floats_encode(f->descriptor, (size_t)f->dimension, bytes);
    (void)sqlite3_bind_int64(stmt, 1, a->id);
    (void)sqlite3_bind_blob(stmt, 2, bytes, 4 * f->dimension, SQLITE_STATIC);
    bind_face(stmt, f);
    if (a->keep)
        (void)sqlite3_bind_int64(stmt, 16, f->id);
    (void)sqlite3_bind_int(stmt, 17, f->weak);
    rc = lk_sqlite_run(c, stmt, err);
    if (rc == LIKEN_OK)
        a->faces[i] = sqlite3_last_insert_rowid(c->db);
    (void)sqlite3_clear_bindings(stmt); /* `bytes` goes out of scope */
    return rc;
}

static int add_refusal(lk_sqlite_conn *c, const struct add *a, size_t i, liken_error *err) {
    const liken_face *f = &a->image->refused[i];
    sqlite3_stmt *stmt;
    const int rc = lk_sqlite_use(
        c, "INSERT INTO refusals (image, reason, " LK_FACE_NAMES ") VALUES (?1, ?2, " FACE_PARAMETERS ")", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, a->id);
    (void)sqlite3_bind_int(stmt, 2, (int)f->reason);
    bind_face(stmt, f);
    return lk_sqlite_run(c, stmt, err);
}

static int count_in(lk_sqlite_conn *c, const struct add *a, liken_error *err) {
    sqlite3_stmt *stmt;
    const int rc =
        lk_sqlite_use(c, "UPDATE collections SET images = images + 1, faces = faces + ?2 WHERE id = ?1", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, a->collection);
    (void)sqlite3_bind_int64(stmt, 2, (int64_t)a->image->face_count);
    return lk_sqlite_run(c, stmt, err);
}

static lk_change change(const lk_sqlite_conn *c, const struct add *a) {
    return (lk_change){.kind = LIKEN_IMAGE_ADDED,
                       .collection = a->collection,
                       .image = a->id,
                       .photo = a->image,
                       .faces = a->id == 0 ? NULL : a->faces,
                       .actor = c->actor,
                       .request_id = c->request};
}

static int judge(lk_sqlite_conn *c, const struct add *a, liken_error *err) {
    lk_sqlite_statements q = lk_sqlite_statements_on(c);
    const lk_change what = change(c, a);
    return a->fresh == NULL ? LIKEN_OK : lk_inside_judge(c->inside, &q.base, &what, a->fresh, a->face_required, err);
}

static int tell(lk_sqlite_conn *c, const struct add *a, liken_error *err) {
    lk_sqlite_statements q = lk_sqlite_statements_on(c);
    const lk_change what = change(c, a);
    return a->fresh == NULL ? LIKEN_OK : lk_inside_changed(c->inside, &q.base, &what, err);
}

static int put(lk_sqlite_conn *c, struct add *a, liken_error *err) {
    int rc = check_collection(c, a, err);
    if (rc == LIKEN_OK)
        rc = judge(c, a, err);
    if (rc == LIKEN_OK)
        rc = add_image(c, a, err);
    a->names = (lk_sqlite_names){.collection = a->collection, .image = a->id};
    if (rc == LIKEN_OK)
        rc = lk_sqlite_names_give(c, &a->names, a->image, err);
    if (rc == LIKEN_OK)
        rc = add_tags(c, a, err);
    for (size_t i = 0; rc == LIKEN_OK && i < a->image->face_count; i++)
        rc = add_face(c, a, i, err);
    for (size_t i = 0; rc == LIKEN_OK && i < a->image->refused_count; i++)
        rc = add_refusal(c, a, i, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_pictures_add(c, a->collection, a->id, a->image->pictures, a->image->picture_count, a->most, err);
    if (rc == LIKEN_OK)
        rc = count_in(c, a, err);
    return rc == LIKEN_OK ? tell(c, a, err) : rc;
}

static int add(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct add *a = arg;
    int64_t same = 0;
    const int rc = find_same(c, a->collection, a->sha256, &same, err);
    if (rc != LIKEN_OK)
        return rc;
    return same == 0 ? put(c, a, err) : lk_sqlite_extend(c, a->collection, same, a->image, &a->existing, err);
}

static int prepare(struct add *a, liken_error *err) {
    const int rc = lk_store_check_image(a->image, a->sha256, err);
    if (rc != LIKEN_OK)
        return rc;
    a->faces = calloc(a->image->face_count + 1, sizeof *a->faces);
    return a->faces == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

int lk_sqlite_image_add(lk_store *s, int64_t collection, liken_image *image, bool face_required, liken_image **existing,
                        liken_error *err) {
    struct add a = {.collection = collection, .image = image, .fresh = image, .face_required = face_required};
    int rc = prepare(&a, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_write(of(s), add, &a, err);
    if (rc == LIKEN_OK && a.existing == NULL) {
        image->id = a.id;
        image->revision = 1;
        image->replaced = a.names.replaced;
        for (size_t i = 0; i < image->face_count; i++)
            image->faces[i].id = a.faces[i];
    }
    if (rc == LIKEN_OK)
        *existing = a.existing;
    else
        liken_image_free(a.existing);
    free(a.faces);
    return rc;
}

int lk_sqlite_image_put(lk_sqlite_conn *c, int64_t collection, const liken_image *image, liken_error *err) {
    struct add a = {.collection = collection, .image = image, .keep = true};
    int rc = prepare(&a, err);
    if (rc == LIKEN_OK)
        rc = put(c, &a, err);
    free(a.faces);
    return rc;
}

/* ---- finding it again by its bytes ---- */

struct find {
    int64_t collection;
    unsigned char sha256[32];
    liken_image *found;
};

static int find(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct find *f = arg;
    int64_t id = 0;
    const int rc = find_same(c, f->collection, f->sha256, &id, err);
    if (rc != LIKEN_OK)
        return rc;
    if (id == 0)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "No photo with these bytes is in the collection.");
    return lk_sqlite_image_load(c, id, &f->found, err);
}

int lk_sqlite_image_find(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err) {
    struct find f = {.collection = collection};
    if (!lk_sha256_parse(sha256, f.sha256))
        return lk_fail(err, LIKEN_E_ARG, "A sha256 is 64 lower-case hex digits.");
    const int rc = lk_sqlite_read(of(s), find, &f, err);
    if (rc == LIKEN_OK)
        *out = f.found;
    return rc;
}
