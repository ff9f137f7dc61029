/* Reading images and faces back. However many images are wanted, they come in one round trip: seven statements in a
 * pipeline, each answering its rows by image, ascending, which are dealt out to the images side by side. */
#include "store/postgres/postgres_int.h"

#include "base/buf.h"
#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

int lk_postgres_ids(lk_pg_column *column, const int64_t *ids, size_t count, liken_error *err) {
    int rc = LIKEN_OK;
    lk_pg_column_init(column, LK_PG_INT8);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = lk_pg_column_add(column, lk_pg_int8(ids[i]), err);
    return rc;
}

int lk_postgres_snapshot(lk_pg_conn *c, liken_error *err) {
    return lk_pg_say(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", LK_PG_NO_ARGS, err);
}

/* ---- one face ---- */

static int damaged(liken_error *err) {
    return lk_fail(err, LIKEN_E_STORE, "The database holds a face that cannot be right; run liken doctor.");
}

/* The columns LK_FACE_NAMES, from `at` on. */
static int read_face(const lk_pg_result *r, int row, int at, liken_face *f, liken_error *err) {
    size_t size;
    lk_face_row face;
    const char *landmarks = lk_pg_get_bytes(r, row, at + LK_FACE_BOX, &size);
    if (landmarks == NULL || size != sizeof face.landmarks)
        return damaged(err);
    memcpy(face.landmarks, landmarks, size);
    for (int i = 0; i < LK_FACE_NUMBERS; i++)
        face.numbers[i] = (float)lk_pg_get_real(r, row, at + i + (i >= LK_FACE_BOX));
    lk_face_from_row(&face, f);
    return LIKEN_OK;
}

/* ---- the parts of images ---- */

/* Rows of (image, ...), ascending by image: those of `id` from *row on are rows *row .. *row + count - 1. */
static int run_of(const lk_pg_result *r, int *row, int64_t id) {
    while (*row < lk_pg_rows(r) && lk_pg_get_int(r, *row, 0) < id)
        ++*row;
    int count = 0;
    while (*row + count < lk_pg_rows(r) && lk_pg_get_int(r, *row + count, 0) == id)
        count++;
    return count;
}

/* Rows of (image, id, reason, LK_FACE_NAMES, weak). */
static int deal_faces(const lk_pg_result *r, int *row, int64_t image, int dimension, liken_face **out, size_t *count,
                      liken_error *err) {
    const int n = run_of(r, row, image);
    int rc = LIKEN_OK;
    liken_face *list = n == 0 ? NULL : calloc((size_t)n, sizeof *list);
    if (n > 0 && list == NULL)
        return lk_fail_memory(err);
    for (int i = 0; rc == LIKEN_OK && i < n; i++) {
        list[i].id = lk_pg_get_int(r, *row + i, 1);
        list[i].reason = (liken_reason)lk_pg_get_int(r, *row + i, 2);
        list[i].dimension = dimension;
        list[i].weak = lk_pg_get_int(r, *row + i, 16) != 0;
        rc = read_face(r, *row + i, 3, &list[i], err);
    }
    *out = list;
    *count = (size_t)n;
    return rc;
}

/* Rows of (image, label, kind, size, mtime, inode, place). */
static int deal_labels(const lk_pg_result *r, int *row, liken_image *image, liken_error *err) {
    const int n = run_of(r, row, image->id);
    for (int i = *row; i < *row + n; i++) {
        const liken_mark mark = {lk_pg_get_int(r, i, 3), lk_pg_get_int(r, i, 4), (uint64_t)lk_pg_get_int(r, i, 5)};
        const char *place = lk_pg_is_null(r, i, 6) ? NULL : lk_pg_get_bytes(r, i, 6, NULL);
        if (!lk_image_label(image, lk_pg_get_bytes(r, i, 1, NULL), (liken_label_kind)lk_pg_get_int(r, i, 2), place,
                            &mark))
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

static int deal_image_ids(const lk_pg_result *r, int *row, liken_image *image, liken_error *err) {
    const int n = run_of(r, row, image->id);
    for (int i = *row; i < *row + n; i++) {
        if (!lk_image_id(image, lk_pg_get_bytes(r, i, 1, NULL)))
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

static int deal_tags(const lk_pg_result *r, int *row, liken_image *image, liken_error *err) {
    const int n = run_of(r, row, image->id);
    image->tags = calloc((size_t)n + 1, sizeof(*image->tags));
    if (image->tags == NULL)
        return lk_fail_memory(err);
    for (int i = 0; i < n; i++) {
        if (!lk_pg_copy(r, *row + i, 1, &image->tags[i]))
            return lk_fail_memory(err);
        image->tag_count++;
    }
    return LIKEN_OK;
}

/* Rows of (image, kind, type, width, height, size). */
static int deal_pictures(const lk_pg_result *r, int *row, liken_image *image, liken_error *err) {
    const int n = run_of(r, row, image->id);
    int rc = LIKEN_OK;
    for (int i = *row; rc == LIKEN_OK && i < *row + n; i++) {
        liken_picture p = {.kind = (liken_keep)lk_pg_get_int(r, i, 1),
                           .width = (int)lk_pg_get_int(r, i, 3),
                           .height = (int)lk_pg_get_int(r, i, 4),
                           .size = (size_t)lk_pg_get_int(r, i, 5)};
        (void)snprintf(p.type, sizeof p.type, "%s", lk_pg_get_bytes(r, i, 2, NULL));
        rc = lk_image_picture(image, &p, err);
    }
    return rc;
}

static int read_image(const lk_pg_result *r, int row, liken_image *image, liken_error *err) {
    char **const texts[] = {&image->collection, &image->model, &image->detector};
    for (int i = 0; i < (int)LK_LENGTH(texts); i++) {
        if (!lk_pg_copy(r, row, i + 2, texts[i]))
            return lk_fail_memory(err);
    }
    size_t size;
    image->id = lk_pg_get_int(r, row, 0);
    image->captured_at = lk_pg_is_null(r, row, 5) ? LIKEN_NO_TIME : lk_pg_get_int(r, row, 5);
    image->added_at = lk_pg_get_int(r, row, 6);
    image->width = (int)lk_pg_get_int(r, row, 7);
    image->height = (int)lk_pg_get_int(r, row, 8);
    const char *hex = lk_pg_get_bytes(r, row, 9, &size);
    if (hex == NULL || size != sizeof image->sha256 - 1)
        return damaged(err);
    memcpy(image->sha256, hex, sizeof image->sha256);
    image->revision = lk_pg_get_int(r, row, 12);
    return lk_pg_copy(r, row, 10, &image->source) && lk_pg_copy(r, row, 11, &image->metadata) ? LIKEN_OK
                                                                                              : lk_fail_memory(err);
}

/* ---- images ---- */

struct parts {
    lk_pg_result *images, *labels, *image_ids, *tags, *faces, *refused, *pictures;
    int label, image_id, tag, face, refusal, picture; /* how far each has been dealt out */
};

static int deal(struct parts *p, const int64_t *ids, size_t count, liken_image **images, liken_error *err) {
    int rc = LIKEN_OK;
    size_t at = 0;
    for (int row = 0; rc == LIKEN_OK && row < lk_pg_rows(p->images); row++) {
        const int64_t id = lk_pg_get_int(p->images, row, 0);
        const int dimension = (int)lk_pg_get_int(p->images, row, 1);
        while (at < count && ids[at] != id)
            at++;
        if (at == count)
            return lk_fail(err, LIKEN_E_INTERNAL, "The database answered with another image. Please report it.");
        liken_image *image = images[at] = calloc(1, sizeof *image);
        if (image == NULL)
            return lk_fail_memory(err);
        rc = read_image(p->images, row, image, err);
        if (rc == LIKEN_OK)
            rc = deal_labels(p->labels, &p->label, image, err);
        if (rc == LIKEN_OK)
            rc = deal_image_ids(p->image_ids, &p->image_id, image, err);
        if (rc == LIKEN_OK)
            rc = deal_tags(p->tags, &p->tag, image, err);
        if (rc == LIKEN_OK)
            rc = deal_faces(p->faces, &p->face, id, dimension, &image->faces, &image->face_count, err);
        if (rc == LIKEN_OK)
            rc = deal_faces(p->refused, &p->refusal, id, 0, &image->refused, &image->refused_count, err);
        if (rc == LIKEN_OK)
            rc = deal_pictures(p->pictures, &p->picture, image, err);
    }
    return rc;
}

static int ask_parts(lk_pg_conn *c, int64_t collection, const lk_pg_column *ids, bool lost, liken_error *err) {
    int rc =
        lk_pg_queue(c,
                    "SELECT i.id, m.dimension, c.name, m.name, i.detector, i.captured_at,"
                    " i.added_at, i.width, i.height, encode(i.sha256, 'hex'), i.source, i.metadata, i.revision"
                    " FROM liken.images i"
                    " JOIN liken.collections c ON c.id = i.collection JOIN liken.models m ON m.id = c.model"
                    " WHERE i.id = ANY ($1) AND ($2 = 0 OR i.collection = $2) AND " LK_POSTGRES_LIVE " ORDER BY i.id",
                    LK_PG_ARGS(lk_pg_array(ids), lk_pg_int8(collection)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "SELECT image, label, kind, size, mtime, inode, place FROM liken.labels WHERE image = ANY ($1)"
                         " AND kind <= $2 ORDER BY image, id",
                         LK_PG_ARGS(lk_pg_array(ids), lk_pg_int2(lost ? 3 : 2)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT image, image_id FROM liken.image_ids WHERE image = ANY ($1) ORDER BY image, id",
                         LK_PG_ARGS(lk_pg_array(ids)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT image, tag FROM liken.tags WHERE image = ANY ($1) ORDER BY image, tag",
                         LK_PG_ARGS(lk_pg_array(ids)), err);
    if (rc == LIKEN_OK)
        rc =
            lk_pg_queue(c,
                        "SELECT image, id, 0::smallint, " LK_FACE_NAMES ", weak FROM liken.faces WHERE image = ANY ($1)"
                        " ORDER BY image, id",
                        LK_PG_ARGS(lk_pg_array(ids)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "SELECT image, 0::bigint, reason, " LK_FACE_NAMES
                         ", 0::smallint FROM liken.refused WHERE image = ANY ($1)"
                         " ORDER BY image, id",
                         LK_PG_ARGS(lk_pg_array(ids)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "SELECT image, kind, type, width, height, octet_length(bytes) FROM liken.pictures"
                         " WHERE image = ANY ($1) ORDER BY image, kind",
                         LK_PG_ARGS(lk_pg_array(ids)), err);
    return rc == LIKEN_OK ? lk_pg_say(c, "COMMIT", LK_PG_NO_ARGS, err) : rc;
}

int lk_postgres_images_load(lk_pg_conn *c, int64_t collection, const int64_t *ids, size_t count, bool lost,
                            liken_image **images, liken_error *err) {
    struct parts p = {0};
    lk_pg_result **const results[] = {&p.images, &p.labels, &p.image_ids, &p.tags, &p.faces, &p.refused, &p.pictures};
    lk_pg_column column;
    int rc = lk_postgres_ids(&column, ids, count, err);
    if (rc == LIKEN_OK)
        rc = ask_parts(c, collection, &column, lost, err);
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(results); i++)
        rc = lk_pg_answer(c, results[i], err);
    rc = lk_pg_finish(c, rc, err);
    if (rc == LIKEN_OK)
        rc = deal(&p, ids, count, images, err);
    for (size_t i = 0; i < LK_LENGTH(results); i++)
        lk_pg_clear(*results[i]);
    lk_pg_column_free(&column);
    return rc;
}

/* ---- get and find ---- */

struct get {
    int64_t collection, id;
    unsigned char sha256[32];
    liken_image *found;
};

static int get(lk_pg_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    liken_image_free(g->found);
    g->found = NULL;
    const int rc = lk_postgres_snapshot(c, err);
    return rc == LIKEN_OK ? lk_postgres_images_load(c, g->collection, &g->id, 1, false, &g->found, err)
                          : lk_pg_finish(c, rc, err);
}

int lk_postgres_image_get(lk_store *s, int64_t collection, int64_t id, liken_image **out, liken_error *err) {
    struct get g = {.collection = collection, .id = id};
    const int rc = lk_pg_with(of(s)->db, get, &g, err);
    if (rc != LIKEN_OK) {
        liken_image_free(g.found);
        return rc;
    }
    if (g.found == NULL)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld%s.", (long long)id,
                       collection == 0 ? "" : " in this collection");
    *out = g.found;
    return LIKEN_OK;
}

static int find(lk_pg_conn *c, void *arg, liken_error *err) {
    struct get *g = arg;
    return lk_pg_number(c, "SELECT id FROM liken.images WHERE collection = $1 AND sha256 = $2",
                        LK_PG_ARGS(lk_pg_int8(g->collection), lk_pg_bytes(g->sha256, sizeof g->sha256)), 0, &g->id,
                        err);
}

int lk_postgres_image_find(lk_store *s, int64_t collection, const char *sha256, liken_image **out, liken_error *err) {
    struct get g = {.collection = collection};
    if (!lk_sha256_parse(sha256, g.sha256))
        return lk_fail(err, LIKEN_E_ARG, "A sha256 is 64 lower-case hex digits.");
    const int rc = lk_pg_with(of(s)->db, find, &g, err);
    if (rc != LIKEN_OK)
        return rc;
    if (g.id == 0)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "No photo with these bytes is in the collection.");
    return lk_postgres_image_get(s, collection, g.id, out, err);
}

/* ---- list ---- */

/* With how many faces each has, so that a page can end before it becomes too large. */
#define LIST_START                                                                                                     \
    "SELECT i.id, (SELECT count(*) FROM liken.faces f WHERE f.image = i.id) + (SELECT count(*) FROM liken.refused r"   \
    " WHERE r.image = i.id) FROM liken.images i WHERE i.collection = $1"
#define LIST_TIME " AND i.captured_at BETWEEN $4 AND $5"
#define LIST_IMAGE_ID                                                                                                  \
    " AND i.id IN (SELECT n.image FROM liken.image_ids n WHERE n.collection = $1"                                      \
    " AND hashtextextended(n.image_id, 0) = hashtextextended($6, 0) AND n.image_id = $6)"
#define LIST_FILE                                                                                                      \
    " AND i.id IN (SELECT l.image FROM liken.labels l WHERE l.collection = $1 AND hashtextextended(l.label, 0) ="      \
    " hashtextextended($7, 0) AND l.label = $7 AND l.kind < 3)"
/* By labels_by_beginning: whatever begins with the 200 characters of $8 is at most these and the last character 200
 * times. */
#define LIST_PREFIX                                                                                                    \
    " AND i.id IN (SELECT l.image FROM liken.labels l WHERE l.collection = $1 AND left(l.label, 200) >= left($8, 200)" \
    " AND left(l.label, 200) <= left($8, 200) || repeat(chr(1114111), 200) AND starts_with(l.label, $8)"               \
    " AND l.kind < 3)"
/* by the primary key of tags: tag and image */
#define LIST_TAG " AND EXISTS (SELECT 1 FROM liken.tags w WHERE w.tag = ($9::text[])[%zu] AND w.image = i.id)"
#define LIST_FACES "EXISTS (SELECT 1 FROM liken.faces f WHERE f.image = i.id)"
#define LIST_REFUSED "EXISTS (SELECT 1 FROM liken.refused r WHERE r.image = i.id)"
#define LIST_SQL_MAX 16384

static const char *wanted(liken_wanted wanted, const char *with, const char *without) {
    return wanted == LIKEN_EITHER ? "" : wanted == LIKEN_ONLY_WITH ? with : without;
}

/* Whatever it says, the page begins where the one before ended. */
static int list_sql(const liken_list_options *o, lk_buf *sql, liken_error *err) {
    const char *const parts[] = {
        LIST_START,
        o->newest ? " AND i.id < $2" : " AND i.id > $2",
        lk_store_bound(o->captured_from) || lk_store_bound(o->captured_to) ? LIST_TIME : "",
        o->image_id == NULL ? "" : LIST_IMAGE_ID,
        o->file == NULL ? "" : LIST_FILE,
        o->file_prefix == NULL ? "" : LIST_PREFIX,
        wanted(o->faces, " AND " LIST_FACES, " AND NOT " LIST_FACES),
        wanted(o->refused, " AND " LIST_REFUSED, " AND NOT " LIST_REFUSED),
    };
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(parts); i++)
        rc = lk_buf_string(sql, parts[i], err);
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_buf_format(sql, err, LIST_TAG, i + 1);
    return rc == LIKEN_OK ? lk_buf_format(sql, err, " ORDER BY i.id %s LIMIT $3", o->newest ? "DESC" : "ASC") : rc;
}

struct list {
    int64_t collection;
    const liken_list_options *options;
    int64_t limit, ids[LK_PAGE_MAX];
    liken_image_list *out;
};

/* All parameters, whatever the statement uses of them: what none does is of the type that it has. */
static int list_ids(lk_pg_conn *c, const struct list *l, lk_pg_result **out, liken_error *err) {
    const liken_list_options *o = l->options;
    const bool from = lk_store_bound(o->captured_from), to = lk_store_bound(o->captured_to);
    lk_pg_column tags;
    lk_buf sql;
    lk_pg_column_init(&tags, LK_PG_TEXT);
    lk_buf_init(&sql, LIST_SQL_MAX);
    int rc = list_sql(o, &sql, err);
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_pg_column_add(&tags, lk_pg_text(o->tags[i]), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, sql.data,
                        LK_PG_ARGS(lk_pg_int8(l->collection),
                                   lk_pg_int8(o->newest && o->after == 0 ? INT64_MAX : o->after),
                                   lk_pg_int8(l->limit + 1), lk_pg_int8(from ? o->captured_from : INT64_MIN),
                                   lk_pg_int8(to ? o->captured_to : INT64_MAX), lk_pg_text(o->image_id),
                                   lk_pg_text(o->file), lk_pg_text(o->file_prefix), lk_pg_array(&tags)),
                        out, err);
    lk_pg_column_free(&tags);
    lk_buf_free(&sql);
    return rc;
}

/* The ids of the page, and where the next one begins. */
static void cut_page(struct list *l, const lk_pg_result *r) {
    const int rows = lk_pg_rows(r);
    int64_t faces = 0;
    size_t n = 0;
    while ((int)n < rows && (int64_t)n < l->limit && (n == 0 || faces < LK_STORE_PAGE_FACES)) {
        l->ids[n] = lk_pg_get_int(r, (int)n, 0);
        faces += lk_pg_get_int(r, (int)n, 1);
        n++;
    }
    l->out->count = n;
    l->out->next = (int)n < rows ? l->ids[n - 1] : 0;
}

static void turn_ids(struct list *l) {
    for (size_t i = 0, k = l->out->count; i + 1 < k; i++) {
        const int64_t id = l->ids[i];
        l->ids[i] = l->ids[--k];
        l->ids[k] = id;
    }
}

static void turn_images(liken_image_list *list) {
    for (size_t i = 0, k = list->count; i + 1 < k; i++) {
        liken_image *image = list->images[i];
        list->images[i] = list->images[--k];
        list->images[k] = image;
    }
}

void lk_postgres_close_ranks(liken_image_list *list) {
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (list->images[i] != NULL)
            list->images[kept++] = list->images[i];
    }
    list->count = kept;
}

static int list(lk_pg_conn *c, void *arg, liken_error *err) {
    struct list *l = arg;
    lk_pg_result *r = NULL;
    for (size_t i = 0; i < l->out->count; i++) { /* of a first call, on a connection that died */
        liken_image_free(l->out->images[i]);
        l->out->images[i] = NULL;
    }
    l->out->count = 0;
    int rc = list_ids(c, l, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    cut_page(l, r);
    lk_pg_clear(r);
    if (l->options->newest) /* images are loaded in ascending order */
        turn_ids(l);
    rc = lk_postgres_snapshot(c, err);
    if (rc != LIKEN_OK)
        return lk_pg_finish(c, rc, err);
    rc = lk_postgres_images_load(c, l->collection, l->ids, l->out->count, false, l->out->images, err);
    if (rc == LIKEN_OK)
        lk_postgres_close_ranks(l->out);
    return rc;
}

int lk_postgres_image_list(lk_store *s, int64_t collection, const liken_list_options *o, liken_image_list **out,
                           liken_error *err) {
    struct list l = {.collection = collection, .options = o};
    int size = 0, rc = lk_store_list_begin(o, &size, &l.out, err);
    if (rc != LIKEN_OK)
        return rc;
    l.limit = size;
    rc = lk_pg_with(of(s)->db, list, &l, err);
    if (rc == LIKEN_OK && o->describe)
        rc = lk_postgres_describe(s, l.out, err);
    if (rc == LIKEN_OK && o->newest)
        turn_images(l.out);
    if (rc != LIKEN_OK) {
        liken_image_list_free(l.out);
        return rc;
    }
    *out = l.out;
    return LIKEN_OK;
}

/* ---- one face, with its descriptor ---- */

struct face_get {
    lk_cluster *cluster;
    const char *in;
    int64_t id;
    lk_pg_result *rows;
};

static int face_get(lk_pg_conn *c, void *arg, liken_error *err) {
    struct face_get *g = arg;
    lk_cluster_watch(g->cluster, c);
    return lk_pg_exec(c,
                      "SELECT i.collection, f.image, v.descriptor, f.x, f.y, f.width, f.height, f.landmarks,"
                      " f.confidence, f.size, f.sharpness, f.brightness, f.yaw, f.pitch, f.roll, f.score, f.weak"
                      " FROM liken.faces f JOIN liken.images i ON i.id = f.image JOIN liken.vectors v ON v.face = f.id"
                      " JOIN liken.collections c ON c.id = i.collection AND " LK_POSTGRES_LIVE
                      " WHERE f.id = $1 AND v.face = $1 AND v.face % 64 = $1 % 64" /* so that one shard is asked */
                      " AND ($2::text IS NULL OR c.name = $2)",
                      LK_PG_ARGS(lk_pg_int8(g->id), lk_pg_text(g->in)), &g->rows, err);
}

static int read_described(const lk_pg_result *r, liken_face *f, liken_error *err) {
    size_t size;
    const char *bytes = lk_pg_get_bytes(r, 0, 2, &size);
    if (bytes == NULL || size == 0 || size % 4 != 0 || size > 4 * LK_DIMENSION_MAX)
        return damaged(err);
    f->dimension = (int)(size / 4);
    f->descriptor = malloc(size);
    if (f->descriptor == NULL)
        return lk_fail_memory(err);
    lk_floats_decode(bytes, size / 4, f->descriptor);
    f->weak = lk_pg_get_int(r, 0, 16) != 0;
    return read_face(r, 0, 3, f, err);
}

int lk_postgres_face_get(lk_store *s, const char *in, int64_t id, liken_face **out, int64_t *image, int64_t *collection,
                         liken_error *err) {
    struct face_get g = {.cluster = of(s)->cluster, .in = in, .id = id};
    int rc = lk_pg_with(of(s)->db, face_get, &g, err);
    if (rc != LIKEN_OK)
        return lk_cluster_explain(of(s)->cluster, rc, err);
    liken_face *f = calloc(1, sizeof *f);
    if (f == NULL)
        rc = lk_fail_memory(err);
    else if (lk_pg_rows(g.rows) == 0)
        rc = lk_store_no_face(id, in, err);
    else
        rc = read_described(g.rows, f, err);
    if (rc != LIKEN_OK) {
        liken_face_free(f);
    } else {
        f->id = id;
        *out = f;
        if (image != NULL)
            *image = lk_pg_get_int(g.rows, 0, 1);
        if (collection != NULL)
            *collection = lk_pg_get_int(g.rows, 0, 0);
    }
    lk_pg_clear(g.rows);
    return rc;
}
