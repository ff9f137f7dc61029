/* The names of photos: labels and image_ids. A label of the kinds own and file names one photo of its collection, which
 * an index holds to as well; a file's label that another photo takes over stays behind as a lost one where it was the
 * last, and goes as soon as its photo gets another. */
#include "store/sqlite/sqlite_int.h"

#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* ---- small statements: an image, a text, another number ---- */

static int use(lk_sqlite_conn *c, const char *sql, int64_t number, const char *text, int64_t other, sqlite3_stmt **out,
               liken_error *err) {
    const int rc = lk_sqlite_use(c, sql, out, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(*out, 1, number); /* what a statement lacks is refused by SQLite and harmless */
    lk_sqlite_text(*out, 2, text);
    (void)sqlite3_bind_int64(*out, 3, other);
    return LIKEN_OK;
}

static int run(lk_sqlite_conn *c, const char *sql, int64_t number, const char *text, int64_t other, int *changed,
               liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = use(c, sql, number, text, other, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_run(c, stmt, err);
    if (rc == LIKEN_OK && changed != NULL)
        *changed = sqlite3_changes(c->db);
    return rc;
}

/* The one number that it answers; `missing` when it answers none. */
static int ask(lk_sqlite_conn *c, const char *sql, int64_t number, const char *text, int64_t other, int64_t missing,
               int64_t *out, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = use(c, sql, number, text, other, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    *out = row ? sqlite3_column_int64(stmt, 0) : missing;
    (void)sqlite3_reset(stmt);
    return LIKEN_OK;
}

/* ---- giving names ---- */

/* Takes a label from a photo; the last one of a file stays behind as lost. */
static int lose(lk_sqlite_conn *c, int64_t holder, const char *file, bool is_file, liken_error *err) {
    int rc = lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, holder, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!is_file)
        return run(c, "DELETE FROM labels WHERE image = ?1 AND label = ?2", holder, file, 0, NULL, err);
    rc = run(c,
             "UPDATE labels SET kind = 3, size = NULL, mtime = NULL, inode = NULL, place = NULL"
             " WHERE image = ?1 AND label = ?2",
             holder, file, 0, NULL, err);
    return rc == LIKEN_OK ? run(c,
                                "DELETE FROM labels WHERE image = ?1 AND kind = 3 AND EXISTS"
                                " (SELECT 1 FROM labels o WHERE o.image = ?1 AND o.kind < 3)",
                                holder, NULL, 0, NULL, err)
                          : rc;
}

/* Another photo that has the label for a file that lies elsewhere keeps it by its place: it may be that the file only
 * cannot be seen now (its disk is away), or that somebody is adding it at this moment. */
static int call_by_place(lk_sqlite_conn *c, const lk_sqlite_names *n, const liken_label *label, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    if (label->kind != LIKEN_LABEL_FILE || label->place == NULL)
        return LIKEN_OK;
    int rc =
        use(c,
            "UPDATE labels SET label = place WHERE collection = ?1 AND label = ?2 AND kind = 1 AND image <> ?3"
            " AND place <> ?4 AND NOT EXISTS (SELECT 1 FROM labels o WHERE o.collection = ?1 AND o.label = labels.place"
            " AND (o.kind < 2 OR o.image = labels.image)) RETURNING image",
            n->collection, label->file, n->image, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 4, label->place);
    rc = lk_sqlite_step(c, stmt, &row, err); /* of a label of one photo alone there is one row at most */
    const int64_t image = rc == LIKEN_OK && row ? sqlite3_column_int64(stmt, 0) : 0;
    (void)sqlite3_reset(stmt);
    return image != 0 ? lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, image, err) : rc;
}

/* Takes the label from the other photo that has it alone; *replaced: that one, where it was left without it. */
static int take_away(lk_sqlite_conn *c, const lk_sqlite_names *n, const liken_label *label, int64_t *replaced,
                     liken_error *err) {
    int64_t holder = 0;
    int rc = call_by_place(c, n, label, err);
    if (rc == LIKEN_OK)
        rc = ask(c, "SELECT image FROM labels WHERE collection = ?1 AND label = ?2 AND kind < 2 AND image <> ?3",
                 n->collection, label->file, n->image, 0, &holder, err);
    if (rc != LIKEN_OK || holder == 0)
        return rc;
    *replaced = holder;
    return lose(c, holder, label->file, label->kind == LIKEN_LABEL_FILE, err);
}

/* One file has one label: takes the place from the other photo that has it, under whatever label; *own, to be freed, is
 * the label that this photo has for it, or NULL. */
static int take_place(lk_sqlite_conn *c, lk_sqlite_names *n, const liken_label *label, char **own, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int64_t holder = 0;
    LK_FREE char *file = NULL;
    if (label->kind != LIKEN_LABEL_FILE || label->place == NULL)
        return LIKEN_OK;
    int rc = use(c, "SELECT label, image FROM labels WHERE collection = ?1 AND place = ?2 AND kind = 1", n->collection,
                 label->place, 0, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK || !row)
        return rc;
    holder = sqlite3_column_int64(stmt, 1);
    if (!lk_sqlite_copy(stmt, 0, &file))
        rc = lk_fail_memory(err);
    (void)sqlite3_reset(stmt);
    if (rc == LIKEN_OK && holder != n->image) {
        n->replaced = holder;
        return lose(c, holder, file, true, err);
    }
    *own = file;
    file = NULL;
    return rc;
}

static int write_label(lk_sqlite_conn *c, const lk_sqlite_names *n, const char *sql, const liken_label *label,
                       liken_error *err) {
    sqlite3_stmt *stmt;
    const int rc = use(c, sql, n->image, label->file, (int64_t)label->kind, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    if (label->mark.size > 0) {
        (void)sqlite3_bind_int64(stmt, 4, label->mark.size);
        (void)sqlite3_bind_int64(stmt, 5, label->mark.mtime);
        (void)sqlite3_bind_int64(stmt, 6, (int64_t)label->mark.inode);
    }
    (void)sqlite3_bind_int64(stmt, 7, n->collection);
    lk_sqlite_text(stmt, 8, label->place);
    return lk_sqlite_run(c, stmt, err);
}

static int new_label(lk_sqlite_conn *c, lk_sqlite_names *n, const liken_label *label, liken_error *err) {
    int64_t there = 0;
    int rc = ask(c, "SELECT count(*) FROM labels WHERE image = ?1", n->image, NULL, 0, 0, &there, err);
    if (rc == LIKEN_OK && there >= LK_STORE_NAMES_MAX)
        rc = lk_store_too_many_names("labels", err);
    n->extended = true;
    return rc == LIKEN_OK ? write_label(c, n,
                                        "INSERT INTO labels (image, label, kind, size, mtime, inode, collection, place)"
                                        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                        label, err)
                          : rc;
}

static int give_label(lk_sqlite_conn *c, lk_sqlite_names *n, const liken_label *given, liken_error *err) {
    int64_t kind = -1;
    liken_label called = *given;
    const liken_label *label = &called;
    LK_FREE char *own = NULL;
    int rc = take_place(c, n, given, &own, err);
    if (own != NULL)
        called.file = own;
    if (rc == LIKEN_OK && label->kind < LIKEN_LABEL_SHARED)
        rc = take_away(c, n, label, &n->replaced, err);
    if (rc == LIKEN_OK)
        rc =
            ask(c, "SELECT kind FROM labels WHERE image = ?1 AND label = ?2", n->image, label->file, 0, -1, &kind, err);
    if (rc == LIKEN_OK && kind < 0)
        rc = new_label(c, n, label, err);
    else if (rc == LIKEN_OK)
        rc = write_label(
            c, n,
            "UPDATE labels SET kind = " LK_STORE_KIND_AGAIN(
                "?3") ", size = CASE ?3 WHEN 1 THEN ?4 ELSE size END, mtime = CASE ?3 WHEN 1 THEN ?5 ELSE mtime END,"
                      " inode = CASE ?3 WHEN 1 THEN ?6 ELSE inode END, place = CASE ?3 WHEN 1 THEN coalesce(?8, place) "
                      "ELSE place END "
                      "WHERE image = ?1 AND label = ?2",
            label, err);
    n->extended = n->extended || kind == (int64_t)LIKEN_LABEL_LOST;
    if (rc == LIKEN_OK && label->kind != LIKEN_LABEL_LOST)
        rc = run(c, "DELETE FROM labels WHERE image = ?1 AND kind = 3", n->image, NULL, 0, NULL, err);
    return rc;
}

static int give_image_id(lk_sqlite_conn *c, lk_sqlite_names *n, const char *image_id, liken_error *err) {
    int64_t there = 0;
    int made = 0;
    int rc = ask(c, "SELECT count(*) FROM image_ids WHERE image = ?1 AND image_id <> ?2", n->image, image_id, 0, 0,
                 &there, err);
    if (rc == LIKEN_OK && there >= LK_STORE_NAMES_MAX)
        rc = lk_store_too_many_names("image_ids", err);
    if (rc == LIKEN_OK)
        rc = run(c, "INSERT INTO image_ids (image, image_id, collection) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                 n->image, image_id, n->collection, &made, err);
    n->extended = n->extended || made > 0;
    return rc;
}

int lk_sqlite_names_give(lk_sqlite_conn *c, lk_sqlite_names *n, const liken_image *names, liken_error *err) {
    int rc = LIKEN_OK;
    liken_label label;
    const char *image_id;
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_names(names, i, &label); i++)
        rc = give_label(c, n, &label, err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_id_names(names, i, &image_id); i++)
        rc = give_image_id(c, n, image_id, err);
    return rc;
}

/* ---- giving them to a photo that is there ---- */

struct extend {
    int64_t collection, id;
    const liken_image *with;
    liken_image *out;
};

static int give_tags(lk_sqlite_conn *c, lk_sqlite_names *n, const liken_image *with, liken_error *err) {
    int64_t there = 0;
    int rc = LIKEN_OK, made = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < with->tag_count; i++) {
        rc = run(c, "INSERT INTO tags (image, tag) VALUES (?1, ?2) ON CONFLICT DO NOTHING", n->image, with->tags[i], 0,
                 &made, err);
        n->extended = n->extended || made > 0;
    }
    if (rc == LIKEN_OK && with->tag_count > 0)
        rc = ask(c, "SELECT count(*) FROM tags WHERE image = ?1", n->image, NULL, 0, 0, &there, err);
    return rc == LIKEN_OK && there > LK_TAGS_MAX ? lk_store_too_many_tags((size_t)there, err) : rc;
}

int lk_sqlite_extend(lk_sqlite_conn *c, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                     liken_error *err) {
    lk_sqlite_names n = {.collection = collection, .image = id};
    int set = 0;
    int rc = lk_sqlite_names_give(c, &n, with, err);
    if (rc == LIKEN_OK)
        rc = give_tags(c, &n, with, err);
    if (rc == LIKEN_OK && with->captured_at != LIKEN_NO_TIME)
        rc = run(c, "UPDATE images SET captured_at = ?3 WHERE id = ?1 AND captured_at IS NULL", id, NULL,
                 with->captured_at, &set, err);
    if (rc == LIKEN_OK && (n.extended || set > 0))
        rc = lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, id, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_image_load(c, id, out, err);
    if (rc == LIKEN_OK) {
        (*out)->extended = n.extended || set > 0;
        (*out)->replaced = n.replaced;
    }
    return rc;
}

static int is_there(lk_sqlite_conn *c, int64_t collection, int64_t id, liken_error *err) {
    int64_t there = 0;
    const int rc = ask(c,
                       "SELECT 1 FROM images i JOIN collections c ON c.id = i.collection WHERE i.id = ?1"
                       " AND c.id = ?3 AND " LK_SQLITE_LIVE,
                       id, NULL, collection, 0, &there, err);
    return rc == LIKEN_OK && there == 0
               ? lk_fail(err, LIKEN_E_NOT_FOUND, "There is no image %lld in this collection.", (long long)id)
               : rc;
}

static int extend(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct extend *e = arg;
    const int rc = is_there(c, e->collection, e->id, err);
    return rc == LIKEN_OK ? lk_sqlite_extend(c, e->collection, e->id, e->with, &e->out, err) : rc;
}

int lk_sqlite_image_extend(lk_store *s, int64_t collection, int64_t id, const liken_image *with, liken_image **out,
                           liken_error *err) {
    struct extend e = {.collection = collection, .id = id, .with = with};
    int rc = lk_store_check_names(with, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_write(of(s), extend, &e, err);
    if (rc == LIKEN_OK)
        *out = e.out;
    else
        liken_image_free(e.out);
    return rc;
}

/* ---- taking them ---- */

struct take {
    int64_t collection, id;
    const char *file, *image_id;
    bool removed;
};

/* *left: names of the kind that it still has. */
static int take_one(lk_sqlite_conn *c, const char *sql, const char *count, int64_t id, const char *name, int64_t *left,
                    liken_error *err) {
    int taken = 0;
    int rc = run(c, sql, id, name, 0, &taken, err);
    if (rc == LIKEN_OK && taken == 0)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "Image %lld does not have the name \"%.200s\".", (long long)id, name);
    return rc == LIKEN_OK ? ask(c, count, id, NULL, 0, 0, left, err) : rc;
}

static int take(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct take *t = arg;
    int64_t labels = 1, ids = 1;
    int rc = is_there(c, t->collection, t->id, err);
    if (rc == LIKEN_OK && t->file != NULL)
        rc = take_one(c, "DELETE FROM labels WHERE image = ?1 AND label = ?2 AND kind < 3",
                      "SELECT count(*) FROM labels WHERE image = ?1 AND kind < 3", t->id, t->file, &labels, err);
    if (rc == LIKEN_OK && t->image_id != NULL)
        rc = take_one(c, "DELETE FROM image_ids WHERE image = ?1 AND image_id = ?2",
                      "SELECT count(*) FROM image_ids WHERE image = ?1", t->id, t->image_id, &ids, err);
    t->removed = rc == LIKEN_OK && (labels == 0 || ids == 0);
    if (rc != LIKEN_OK)
        return rc;
    return t->removed ? lk_sqlite_image_erase(c, t->collection, t->id, err)
                      : lk_sqlite_tell_image(c, LIKEN_IMAGE_CHANGED, t->id, err);
}

int lk_sqlite_name_remove(lk_store *s, int64_t collection, int64_t id, const char *file, const char *image_id,
                          bool *removed, liken_error *err) {
    struct take t = {.collection = collection, .id = id, .file = file, .image_id = image_id};
    int rc = lk_store_check_asked(file, image_id, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_remove(of(s), take, &t, err);
    if (rc == LIKEN_OK)
        *removed = t.removed;
    return rc;
}

static int remove_lost(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct take *t = arg;
    int64_t lost = 0;
    const int rc = ask(c, "SELECT 1 FROM labels WHERE image = ?1 AND kind = 3 AND collection = ?3", t->id, NULL,
                       t->collection, 0, &lost, err);
    t->removed = rc == LIKEN_OK && lost != 0;
    return t->removed ? lk_sqlite_image_erase(c, t->collection, t->id, err) : rc;
}

int lk_sqlite_lost_remove(lk_store *s, int64_t collection, int64_t id, bool *removed, liken_error *err) {
    struct take t = {.collection = collection, .id = id};
    const int rc = lk_sqlite_remove(of(s), remove_lost, &t, err);
    if (rc == LIKEN_OK)
        *removed = t.removed;
    return rc;
}

/* ---- reading ---- */

static int load_labels(lk_sqlite_conn *c, liken_image *image, bool lost, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc =
        use(c, "SELECT label, kind, size, mtime, inode, place FROM labels WHERE image = ?1 AND kind <= ?3 ORDER BY id",
            image->id, NULL, lost ? 3 : 2, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        const liken_mark mark = {sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3),
                                 (uint64_t)sqlite3_column_int64(stmt, 4)};
        const char *label = (const char *)sqlite3_column_text(stmt, 0);
        const char *place = (const char *)sqlite3_column_text(stmt, 5);
        if (label == NULL || !lk_image_label(image, label, (liken_label_kind)sqlite3_column_int(stmt, 1), place, &mark))
            return lk_fail_memory(err);
        rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_names_load(lk_sqlite_conn *c, liken_image *image, bool lost, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = load_labels(c, image, lost, err);
    if (rc == LIKEN_OK)
        rc = use(c, "SELECT image_id FROM image_ids WHERE image = ?1 ORDER BY id", image->id, NULL, 0, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        const char *image_id = (const char *)sqlite3_column_text(stmt, 0);
        if (image_id == NULL || !lk_image_id(image, image_id))
            return lk_fail_memory(err);
        rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

static int load_texts(lk_sqlite_conn *c, const char *sql, lk_store_match *match,
                      bool (*add)(lk_store_match *, const char *), liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = use(c, sql, match->image, NULL, 0, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (text == NULL || !add(match, text))
            return lk_fail_memory(err);
        rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_names_match(lk_sqlite_conn *c, lk_store_match *match, liken_error *err) {
    const int rc = load_texts(c, "SELECT label FROM labels WHERE image = ?1 AND kind < 3 ORDER BY id", match,
                              lk_store_match_file, err);
    return rc == LIKEN_OK ? load_texts(c, "SELECT image_id FROM image_ids WHERE image = ?1 ORDER BY id", match,
                                       lk_store_match_image_id, err)
                          : rc;
}

/* One of liken_file from a row that begins with label, image, place. */
static int read_file(sqlite3_stmt *stmt, liken_file *f, liken_error *err) {
    f->image = sqlite3_column_int64(stmt, 1);
    return lk_sqlite_copy(stmt, 0, &f->file) && lk_sqlite_copy(stmt, 2, &f->place) ? LIKEN_OK : lk_fail_memory(err);
}

struct file_find {
    int64_t collection;
    const char *place, *file;
    liken_file *out; /* without a label while there is none */
    liken_mark mark;
};

#define FILE_COLUMNS "SELECT label, image, place, size, mtime, inode FROM labels WHERE collection = ?1 AND kind = 1"

static int find_file(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct file_find *f = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = f->place != NULL
                 ? use(c, FILE_COLUMNS " AND place = ?2 ORDER BY id", f->collection, f->place, 0, &stmt, err)
                 : use(c, FILE_COLUMNS " AND label = ?2", f->collection, f->file, 0, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc == LIKEN_OK && row) {
        rc = read_file(stmt, f->out, err);
        f->mark = (liken_mark){sqlite3_column_int64(stmt, 3), sqlite3_column_int64(stmt, 4),
                               (uint64_t)sqlite3_column_int64(stmt, 5)};
    }
    return rc;
}

int lk_sqlite_file_find(lk_store *s, int64_t collection, const char *place, const char *file, liken_file **out,
                        liken_mark *mark, liken_error *err) {
    const int fit = lk_store_check_asked(place != NULL ? place : file, NULL, err);
    if (fit != LIKEN_OK)
        return fit;
    struct file_find f = {collection, place, file, calloc(1, sizeof(liken_file)), {0}};
    const int rc = f.out == NULL ? lk_fail_memory(err) : lk_sqlite_read(of(s), find_file, &f, err);
    if (rc == LIKEN_OK && mark != NULL)
        *mark = f.mark;
    if (rc == LIKEN_OK && f.out->file != NULL) {
        *out = f.out;
        return LIKEN_OK;
    }
    liken_file_free(f.out);
    if (rc == LIKEN_OK)
        *out = NULL;
    return rc;
}

struct between {
    int64_t collection, after;
    const lk_store_range *range;
    liken_file_list *out;
};

/* By id, with a plus before what an index would be taken for: the pages together are one pass over the table, where the
 * index of labels would sort all of the folder for each page. */
static int read_between(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct between *b = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = use(c,
                 "SELECT label, image, place, id FROM labels WHERE +collection = ?1 AND kind = 1 AND id > ?3 AND"
                 " CASE WHEN place IS NULL OR ?5 IS NULL THEN label >= ?2 AND label < ?4"
                 " ELSE place >= ?5 AND place < ?6 END ORDER BY id LIMIT 1000",
                 b->collection, b->range->from, b->after, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_sqlite_text(stmt, 4, b->range->to);
    lk_sqlite_text(stmt, 5, b->range->place_from);
    lk_sqlite_text(stmt, 6, b->range->place_to);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = read_file(stmt, &b->out->files[b->out->count], err);
        b->out->next = ++b->out->count == 1000 ? sqlite3_column_int64(stmt, 3) : 0;
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_files_between(lk_store *s, int64_t collection, const lk_store_range *range, int64_t after,
                            liken_file_list **out, liken_error *err) {
    struct between b = {collection, after, range, lk_store_files()};
    if (b.out == NULL)
        return lk_fail_memory(err);
    const int rc = lk_sqlite_read(of(s), read_between, &b, err);
    if (rc == LIKEN_OK)
        *out = b.out;
    else
        liken_file_list_free(b.out);
    return rc;
}

struct lost {
    int64_t collection, after, *ids;
    size_t count;
};

static int read_lost(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct lost *l = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = use(c,
                 "SELECT DISTINCT image FROM labels WHERE collection = ?1 AND kind = 3 AND image > ?3 ORDER BY image"
                 " LIMIT 1000",
                 l->collection, NULL, l->after, &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        l->ids[l->count++] = sqlite3_column_int64(stmt, 0);
        rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

int lk_sqlite_lost(lk_store *s, int64_t collection, int64_t after, int64_t ids[1000], size_t *count, liken_error *err) {
    struct lost l = {.collection = collection, .after = after, .ids = ids};
    const int rc = lk_sqlite_read(of(s), read_lost, &l, err);
    if (rc == LIKEN_OK)
        *count = l.count;
    return rc;
}
