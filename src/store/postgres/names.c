#include "store/postgres/names.h"

#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

#define IS_LABEL(label) "hashtextextended(l.label, 0) = hashtextextended(" label ", 0) AND l.label = " label

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

/* ---- labels that a photo has alone ---- */

/* From the photo `holder`. */
static int take_away(lk_pg_conn *c, int64_t holder, const char *file, bool is_file, liken_error *err) {
    if (!is_file)
        return lk_pg_exec(c, "DELETE FROM liken.labels l WHERE l.image = $1 AND l.label = $2",
                          LK_PG_ARGS(lk_pg_int8(holder), lk_pg_text(file)), NULL, err);
    const int rc = lk_pg_exec(c,
                              "UPDATE liken.labels l SET kind = 3, size = NULL, mtime = NULL, inode = NULL,"
                              " place = NULL WHERE l.image = $1 AND l.label = $2",
                              LK_PG_ARGS(lk_pg_int8(holder), lk_pg_text(file)), NULL, err);
    return rc == LIKEN_OK ? lk_pg_exec(c,
                                       "DELETE FROM liken.labels l WHERE l.image = $1 AND l.kind = 3 AND EXISTS"
                                       " (SELECT 1 FROM liken.labels o WHERE o.image = $1 AND o.kind < 3)",
                                       LK_PG_ARGS(lk_pg_int8(holder)), NULL, err)
                          : rc;
}

static lk_pg_value place_of(const liken_label *label) {
    return label->kind == LIKEN_LABEL_FILE && label->place != NULL ? lk_pg_text(label->place) : lk_pg_null(LK_PG_TEXT);
}

static int add_claim(lk_pg_column columns[4], const lk_postgres_claim *claim, liken_error *err) {
    const lk_pg_value values[4] = {lk_pg_int8(claim->collection), lk_pg_text(claim->label->file),
                                   lk_pg_int8(claim->image), place_of(claim->label)};
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < 4; i++)
        rc = lk_pg_column_add(&columns[i], values[i], err);
    return rc;
}

/* Who has the label or, by whatever label, the file that lies at the place: rows of (which claim, image, label). A
 * photo that has the label for a file that lies elsewhere keeps it by its place, and is a row of minus its claim: it
 * may be that the file only cannot be seen now (its disk is away), or that somebody is adding it at this moment. */
static int find_holders(lk_pg_conn *c, const lk_postgres_claim *claims, size_t count, lk_pg_result **out,
                        liken_error *err) {
    lk_pg_column columns[4];
    const lk_pg_type types[4] = {LK_PG_INT8, LK_PG_TEXT, LK_PG_INT8, LK_PG_TEXT};
    int rc = LIKEN_OK;
    for (int i = 0; i < 4; i++)
        lk_pg_column_init(&columns[i], types[i]);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = add_claim(columns, &claims[i], err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(
            c,
            "WITH g AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY"
            " AS g (collection, label, image, place, n)),"
            " kept AS (UPDATE liken.labels l SET label = l.place FROM g WHERE l.collection = g.collection "
            "AND " IS_LABEL(
                "g.label") " AND l.kind = 1 AND l.image <> g.image AND l.place <> g.place AND NOT EXISTS (SELECT 1 FROM"
                           " liken.labels o WHERE o.collection = l.collection AND hashtextextended(o.label, 0) ="
                           " hashtextextended(l.place, 0) AND o.label = l.place AND (o.kind < 2 OR o.image = l.image))"
                           " RETURNING g.n, l.id, l.image, l.label)"
                           " SELECT -k.n, k.image, k.label FROM kept k UNION"
                           " SELECT g.n, l.image, l.label FROM g JOIN liken.labels l ON l.collection = g.collection"
                           " AND " IS_LABEL(
                               "g.label") " AND l.kind < 2 AND l.image <> g.image AND l.id NOT IN (SELECT id FROM kept)"
                                          " UNION SELECT g.n, l.image, l.label FROM g JOIN liken.labels l ON"
                                          " l.collection = g.collection AND l.place IS NOT NULL AND "
                                          "hashtextextended(l.place, 0) ="
                                          " hashtextextended(g.place, 0) AND l.place = g.place AND l.kind = 1 AND "
                                          "l.image <> g.image",
            LK_PG_ARGS(lk_pg_array(&columns[0]), lk_pg_array(&columns[1]), lk_pg_array(&columns[2]),
                       lk_pg_array(&columns[3])),
            out, err);
    for (int i = 0; i < 4; i++)
        lk_pg_column_free(&columns[i]);
    return rc;
}

int lk_postgres_claim_all(lk_pg_conn *c, const lk_postgres_write_state *w, lk_postgres_claim *claims, size_t count,
                          bool *changed, liken_error *err) {
    lk_pg_result *r = NULL;
    if (count == 0)
        return LIKEN_OK;
    int rc = find_holders(c, claims, count, &r, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++) {
        const int64_t n = lk_pg_get_int(r, i, 0), holder = lk_pg_get_int(r, i, 1);
        lk_postgres_claim *claim = &claims[n < 0 ? -n - 1 : n - 1];
        lk_postgres_write_state by = *w;
        by.actor = claim->actor;
        by.request = claim->request;
        *changed = true;
        rc = lk_postgres_tell_image(c, &by, LIKEN_IMAGE_CHANGED, holder, err);
        if (n < 0 || rc != LIKEN_OK)
            continue;
        claim->replaced = holder;
        rc = take_away(c, holder, lk_pg_get_bytes(r, i, 2, NULL), claim->label->kind == LIKEN_LABEL_FILE, err);
    }
    lk_pg_clear(r);
    return rc;
}

/* One file has one label: *own, to be freed, is the one that the photo has for it already, or NULL. */
static int own_label(lk_pg_conn *c, int64_t image, const liken_label *label, char **own, liken_error *err) {
    lk_pg_result *r = NULL;
    if (label->kind != LIKEN_LABEL_FILE || label->place == NULL)
        return LIKEN_OK;
    int rc = lk_pg_exec(c, "SELECT l.label FROM liken.labels l WHERE l.image = $1 AND l.place = $2 AND l.kind = 1",
                        LK_PG_ARGS(lk_pg_int8(image), lk_pg_text(label->place)), &r, err);
    if (rc == LIKEN_OK && lk_pg_rows(r) > 0 && !lk_pg_copy(r, 0, 0, own))
        rc = lk_fail_memory(err);
    lk_pg_clear(r);
    return rc;
}

/* ---- giving names to a photo that is there ---- */

struct extend {
    int64_t collection, id;
    const liken_image *with;
    const lk_postgres_write_state *w;
    bool extended, changed; /* changed: also by what only the store knows */
    int64_t replaced;
};

static int is_there(lk_pg_conn *c, int64_t collection, int64_t id, liken_error *err) {
    int64_t there = 0;
    const int rc = lk_pg_number(c,
                                "SELECT 1 FROM liken.images i JOIN liken.collections c ON c.id = i.collection"
                                " WHERE i.id = $1 AND c.id = $2 AND " LK_POSTGRES_LIVE,
                                LK_PG_ARGS(lk_pg_int8(id), lk_pg_int8(collection)), 0, &there, err);
    return rc == LIKEN_OK && there == 0
               ? lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld in this collection.", (long long)id)
               : rc;
}

static int count_in(lk_pg_conn *c, const char *sql, int64_t image, int64_t *out, liken_error *err) {
    return lk_pg_number(c, sql, LK_PG_ARGS(lk_pg_int8(image)), 0, out, err);
}

static lk_pg_value mark_value(const liken_label *label, int64_t value) {
    return label->mark.size > 0 ? lk_pg_int8(value) : lk_pg_null(LK_PG_INT8);
}

/* Statements with the same parameters: $1 image, $2 label, $3 kind, $4 collection, $5 size, $6 mtime, $7 inode,
 * $8 place. */
static int write_label(lk_pg_conn *c, const struct extend *e, const char *sql, const liken_label *label,
                       int64_t *touched, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc =
        lk_pg_exec(c, sql,
                   LK_PG_ARGS(lk_pg_int8(e->id), lk_pg_text(label->file), lk_pg_int2((int)label->kind),
                              lk_pg_int8(e->collection), mark_value(label, label->mark.size),
                              mark_value(label, label->mark.mtime), mark_value(label, (int64_t)label->mark.inode),
                              label->place != NULL ? lk_pg_text(label->place) : lk_pg_null(LK_PG_TEXT)),
                   &r, err);
    if (rc == LIKEN_OK)
        *touched = lk_pg_touched(r);
    lk_pg_clear(r);
    return rc;
}

static int new_label(lk_pg_conn *c, const struct extend *e, const liken_label *label, liken_error *err) {
    int64_t there = 0, made;
    int rc = count_in(c, "SELECT count(*) FROM liken.labels l WHERE l.image = $1", e->id, &there, err);
    if (rc == LIKEN_OK && there >= LK_STORE_NAMES_MAX)
        rc = lk_store_too_many_names("labels", err);
    return rc == LIKEN_OK
               ? write_label(c, e,
                             "INSERT INTO liken.labels (image, label, kind, collection, size, mtime, inode, place)"
                             " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                             label, &made, err)
               : rc;
}

#define OTHER                                                                                                          \
    "(" LK_STORE_KIND_AGAIN(                                                                                           \
        "$3") ", CASE $3 WHEN 1 THEN $5 ELSE size END, CASE $3 WHEN 1 THEN $6 ELSE mtime END,"                         \
              " CASE $3 WHEN 1 THEN $7 ELSE inode END, CASE $3 WHEN 1 THEN coalesce($8, place) ELSE place END)"

static int give_label(lk_pg_conn *c, struct extend *e, const liken_label *given, liken_error *err) {
    liken_label called = *given;
    const liken_label *label = &called;
    lk_postgres_claim claim = {
        .collection = e->collection, .image = e->id, .label = label, .actor = e->w->actor, .request = e->w->request};
    int64_t kind = -1, touched = 0;
    LK_FREE char *own = NULL;
    int rc = own_label(c, e->id, given, &own, err);
    if (own != NULL)
        called.file = own;
    if (rc == LIKEN_OK && label->kind < LIKEN_LABEL_SHARED)
        rc = lk_postgres_claim_all(c, e->w, &claim, 1, &e->changed, err);
    if (claim.replaced != 0)
        e->replaced = claim.replaced;
    if (rc == LIKEN_OK)
        rc = lk_pg_number(c, "SELECT l.kind FROM liken.labels l WHERE l.image = $1 AND l.label = $2",
                          LK_PG_ARGS(lk_pg_int8(e->id), lk_pg_text(label->file)), -1, &kind, err);
    if (rc == LIKEN_OK && kind < 0)
        rc = new_label(c, e, label, err);
    else if (rc == LIKEN_OK)
        rc = write_label(c, e,
                         "UPDATE liken.labels l SET (kind, size, mtime, inode, place) = " OTHER
                         " WHERE l.image = $1 AND l.label = $2 AND $4 = l.collection"
                         " AND (kind, size, mtime, inode, place) IS DISTINCT FROM " OTHER,
                         label, &touched, err);
    e->extended = e->extended || kind < 0 || kind == (int64_t)LIKEN_LABEL_LOST;
    e->changed = e->changed || touched > 0;
    return rc == LIKEN_OK ? lk_pg_exec(c, "DELETE FROM liken.labels l WHERE l.image = $1 AND l.kind = 3",
                                       LK_PG_ARGS(lk_pg_int8(e->id)), NULL, err)
                          : rc;
}

/* Adds what is not there; `sql` counts its rows. */
static int give_text(lk_pg_conn *c, struct extend *e, const char *sql, const char *text, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc =
        lk_pg_exec(c, sql, LK_PG_ARGS(lk_pg_int8(e->id), lk_pg_text(text), lk_pg_int8(e->collection)), &r, err);
    if (rc == LIKEN_OK)
        e->extended = e->extended || lk_pg_touched(r) > 0;
    lk_pg_clear(r);
    return rc;
}

static int give_image_ids(lk_pg_conn *c, struct extend *e, liken_error *err) {
    int rc = LIKEN_OK;
    const char *image_id;
    int64_t there = 0;
    size_t i = 0;
    for (; rc == LIKEN_OK && i < lk_image_id_names(e->with, i, &image_id); i++)
        rc = give_text(c, e,
                       "INSERT INTO liken.image_ids (image, image_id, collection) SELECT $1, $2, $3 WHERE NOT EXISTS"
                       " (SELECT 1 FROM liken.image_ids o WHERE o.image = $1 AND o.image_id = $2)",
                       image_id, err);
    if (rc == LIKEN_OK && i > 0)
        rc = count_in(c, "SELECT count(*) FROM liken.image_ids WHERE image = $1", e->id, &there, err);
    return rc == LIKEN_OK && there > LK_STORE_NAMES_MAX ? lk_store_too_many_names("image_ids", err) : rc;
}

static int give_tags(lk_pg_conn *c, struct extend *e, liken_error *err) {
    int rc = LIKEN_OK;
    int64_t there = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < e->with->tag_count; i++)
        rc = give_text(c, e, "INSERT INTO liken.tags (image, tag) SELECT $1, $2 WHERE $3 > 0 ON CONFLICT DO NOTHING",
                       e->with->tags[i], err);
    if (rc == LIKEN_OK && e->with->tag_count > 0)
        rc = count_in(c, "SELECT count(*) FROM liken.tags WHERE image = $1", e->id, &there, err);
    return rc == LIKEN_OK && there > LK_TAGS_MAX ? lk_store_too_many_tags((size_t)there, err) : rc;
}

static int give_time(lk_pg_conn *c, struct extend *e, liken_error *err) {
    lk_pg_result *r = NULL;
    if (e->with->captured_at == LIKEN_NO_TIME)
        return LIKEN_OK;
    const int rc = lk_pg_exec(c, "UPDATE liken.images SET captured_at = $2 WHERE id = $1 AND captured_at IS NULL",
                              LK_PG_ARGS(lk_pg_int8(e->id), lk_pg_int8(e->with->captured_at)), &r, err);
    if (rc == LIKEN_OK)
        e->extended = e->extended || lk_pg_touched(r) > 0;
    lk_pg_clear(r);
    return rc;
}

static int extend(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct extend *e = arg;
    liken_label label;
    e->w = w;
    e->extended = e->changed = false;
    e->replaced = 0;
    int rc = is_there(c, e->collection, e->id, err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_names(e->with, i, &label); i++)
        rc = give_label(c, e, &label, err);
    if (rc == LIKEN_OK)
        rc = give_image_ids(c, e, err);
    if (rc == LIKEN_OK)
        rc = give_tags(c, e, err);
    if (rc == LIKEN_OK)
        rc = give_time(c, e, err);
    if (rc == LIKEN_OK && e->extended)
        rc = lk_postgres_tell_image(c, w, LIKEN_IMAGE_CHANGED, e->id, err);
    w->changed = e->extended || e->changed;
    return rc;
}

int lk_postgres_image_extend(lk_store *s, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                             liken_error *err) {
    struct extend e = {.collection = collection, .id = id, .with = with};
    liken_image *image = NULL;
    int rc = lk_store_check_names(with, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_write(of(s), extend, &e, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_image_get(s, collection, id, &image, err);
    if (rc != LIKEN_OK)
        return rc;
    image->extended = e.extended;
    image->replaced = e.replaced;
    *out = image;
    return LIKEN_OK;
}

/* ---- taking names ---- */

struct take {
    int64_t collection, id;
    const char *file, *image_id;
    bool removed;
};

/* *left: names of the kind that it still has. */
static int take_one(lk_pg_conn *c, const char *sql, const char *count, int64_t id, const char *name, int64_t *left,
                    liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, sql, LK_PG_ARGS(lk_pg_int8(id), lk_pg_text(name)), &r, err);
    if (rc == LIKEN_OK && lk_pg_touched(r) == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "Image %lld does not have the name \"%.200s\".", (long long)id, name);
    lk_pg_clear(r);
    return rc == LIKEN_OK ? count_in(c, count, id, left, err) : rc;
}

static int take(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct take *t = arg;
    int64_t labels = 1, ids = 1;
    int rc = is_there(c, t->collection, t->id, err);
    if (rc == LIKEN_OK && t->file != NULL)
        rc = take_one(c, "DELETE FROM liken.labels l WHERE l.image = $1 AND l.label = $2 AND l.kind < 3",
                      "SELECT count(*) FROM liken.labels l WHERE l.image = $1 AND l.kind < 3", t->id, t->file, &labels,
                      err);
    if (rc == LIKEN_OK && t->image_id != NULL)
        rc = take_one(c, "DELETE FROM liken.image_ids WHERE image = $1 AND image_id = $2",
                      "SELECT count(*) FROM liken.image_ids WHERE image = $1", t->id, t->image_id, &ids, err);
    w->changed = true;
    t->removed = rc == LIKEN_OK && (labels == 0 || ids == 0);
    if (rc != LIKEN_OK)
        return rc;
    return t->removed ? lk_postgres_image_erase(c, w, t->collection, t->id, err)
                      : lk_postgres_tell_image(c, w, LIKEN_IMAGE_CHANGED, t->id, err);
}

/* May have removed an image. */
static int write_take(lk_store *s, lk_postgres_write_fn *fn, struct take *t, bool *removed, liken_error *err) {
    int rc = lk_store_check_asked(t->file, t->image_id, err);
    if (rc == LIKEN_OK)
        rc = lk_postgres_write(of(s), fn, t, err);
    if (rc != LIKEN_OK)
        return rc;
    *removed = t->removed;
    if (t->removed)
        lk_postgres_forget(of(s));
    return LIKEN_OK;
}

int lk_postgres_name_remove(lk_store *s, int64_t collection, int64_t id, const char *file, const char *image_id,
                            bool *removed, liken_error *err) {
    struct take t = {.collection = collection, .id = id, .file = file, .image_id = image_id};
    return write_take(s, take, &t, removed, err);
}

static int remove_lost(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct take *t = arg;
    int64_t lost = 0;
    const int rc =
        lk_pg_number(c, "SELECT 1 FROM liken.labels l WHERE l.image = $1 AND l.kind = 3 AND l.collection = $2",
                     LK_PG_ARGS(lk_pg_int8(t->id), lk_pg_int8(t->collection)), 0, &lost, err);
    t->removed = rc == LIKEN_OK && lost != 0;
    return t->removed ? lk_postgres_image_erase(c, w, t->collection, t->id, err) : rc;
}

int lk_postgres_lost_remove(lk_store *s, int64_t collection, int64_t id, bool *removed, liken_error *err) {
    struct take t = {.collection = collection, .id = id};
    return write_take(s, remove_lost, &t, removed, err);
}

/* ---- reading ---- */

struct look {
    int64_t collection, after;
    const char *place, *file;
    const lk_store_range *range;
    lk_pg_result *rows;
};

/* One of liken_file from a row that begins with label, image, place. */
static int read_file(const lk_pg_result *r, int row, liken_file *f, liken_error *err) {
    f->image = lk_pg_get_int(r, row, 1);
    return lk_pg_copy(r, row, 0, &f->file) && lk_pg_copy(r, row, 2, &f->place) ? LIKEN_OK : lk_fail_memory(err);
}

#define FILE_COLUMNS "SELECT l.label, l.image, l.place, l.size, l.mtime, l.inode FROM liken.labels l"

static int find_file(lk_pg_conn *c, void *arg, liken_error *err) {
    struct look *l = arg;
    const char *by_place = FILE_COLUMNS " WHERE l.collection = $1 AND l.kind = 1 AND l.place IS NOT NULL"
                                        " AND hashtextextended(l.place, 0) = hashtextextended($2, 0) AND l.place = $2"
                                        " ORDER BY l.id";
    const char *by_label = FILE_COLUMNS " WHERE l.collection = $1 AND l.kind = 1 AND " IS_LABEL("$2");
    return lk_pg_exec(c, l->place != NULL ? by_place : by_label,
                      LK_PG_ARGS(lk_pg_int8(l->collection), lk_pg_text(l->place != NULL ? l->place : l->file)),
                      &l->rows, err);
}

int lk_postgres_file_find(lk_store *s, int64_t collection, const char *place, const char *file, liken_file **out,
                          liken_mark *mark, liken_error *err) {
    struct look l = {.collection = collection, .place = place, .file = file};
    int rc = lk_store_check_asked(place != NULL ? place : file, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(of(s)->db, find_file, &l, err);
    if (rc != LIKEN_OK)
        return rc;
    liken_file *found = NULL;
    liken_mark seen = {0};
    if (lk_pg_rows(l.rows) > 0) {
        found = calloc(1, sizeof *found);
        rc = found == NULL ? lk_fail_memory(err) : read_file(l.rows, 0, found, err);
        seen = (liken_mark){lk_pg_get_int(l.rows, 0, 3), lk_pg_get_int(l.rows, 0, 4),
                            (uint64_t)lk_pg_get_int(l.rows, 0, 5)};
    }
    lk_pg_clear(l.rows);
    if (rc != LIKEN_OK) {
        liken_file_free(found);
        return rc;
    }
    if (mark != NULL)
        *mark = seen;
    *out = found;
    return LIKEN_OK;
}

static int read_between(lk_pg_conn *c, void *arg, liken_error *err) {
    struct look *l = arg;
    const lk_store_range *r = l->range;
    const bool placed = r->place_from != NULL;
    return lk_pg_exec(c,
                      "SELECT l.label, l.image, l.place, l.id FROM liken.labels l WHERE l.collection = $1 AND"
                      " l.kind = 1 AND CASE WHEN l.place IS NULL OR $4 IS NULL THEN l.label >= $2 AND l.label < $3"
                      " ELSE l.place >= $4 AND l.place < $5 END AND l.id > $6 ORDER BY l.id LIMIT 1000",
                      LK_PG_ARGS(lk_pg_int8(l->collection), lk_pg_text(r->from), lk_pg_text(r->to),
                                 placed ? lk_pg_text(r->place_from) : lk_pg_null(LK_PG_TEXT),
                                 placed ? lk_pg_text(r->place_to) : lk_pg_null(LK_PG_TEXT), lk_pg_int8(l->after)),
                      &l->rows, err);
}

int lk_postgres_files_between(lk_store *s, int64_t collection, const lk_store_range *range, int64_t after,
                              liken_file_list **out, liken_error *err) {
    struct look l = {.collection = collection, .after = after, .range = range};
    liken_file_list *list = lk_store_files();
    int rc = list == NULL ? lk_fail_memory(err) : lk_pg_with(of(s)->db, read_between, &l, err);
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(l.rows); i++) {
        rc = read_file(l.rows, i, &list->files[list->count], err);
        list->next = ++list->count == 1000 ? lk_pg_get_int(l.rows, i, 3) : 0;
    }
    lk_pg_clear(l.rows);
    if (rc == LIKEN_OK)
        *out = list;
    else
        liken_file_list_free(list);
    return rc;
}

static int read_lost(lk_pg_conn *c, void *arg, liken_error *err) {
    struct look *l = arg;
    return lk_pg_exec(c,
                      "SELECT DISTINCT l.image FROM liken.labels l WHERE l.collection = $1 AND l.kind = 3"
                      " AND l.image > $2 ORDER BY l.image LIMIT 1000",
                      LK_PG_ARGS(lk_pg_int8(l->collection), lk_pg_int8(l->after)), &l->rows, err);
}

int lk_postgres_lost(lk_store *s, int64_t collection, int64_t after, int64_t ids[1000], size_t *count,
                     liken_error *err) {
    struct look l = {.collection = collection, .after = after};
    const int rc = lk_pg_with(of(s)->db, read_lost, &l, err);
    if (rc != LIKEN_OK)
        return rc;
    *count = (size_t)lk_pg_rows(l.rows);
    for (size_t i = 0; i < *count; i++)
        ids[i] = lk_pg_get_int(l.rows, (int)i, 0);
    lk_pg_clear(l.rows);
    return LIKEN_OK;
}
