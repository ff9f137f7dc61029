/* Writing rows that the legacy system's own program can read and search, and removing them. A row is written by one
 * INSERT, all of a photo's in one transaction. What such a table has no room for is refused, but a file label, which is
 * dropped where there is no column for it. */
#include "store/legacy/legacy_int.h"

#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 1000

static lk_legacy_store *of(lk_store *s) {
    return (lk_legacy_store *)s;
}

/* ---- what may be written ---- */

/* What the column image_id takes: digits, perhaps with a sign and a decimal point. */
static bool is_number(const char *text) {
    static const char digits[] = "0123456789";
    text += *text == '-' || *text == '+';
    const size_t whole = strspn(text, digits);
    const size_t part = text[whole] == '.' ? strspn(text + whole + 1, digits) : 0;
    const size_t all = whole + (text[whole] == '.') + part;
    return whole + part > 0 && all <= DIGITS_MAX && text[all] == '\0';
}

static int check_labels(const lk_legacy_form *f, const liken_image *im, liken_error *err) {
    if (im->tag_count > 0)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "A legacy table has no room for tags; send the photo without.");
    if (im->captured_at != LIKEN_NO_TIME)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "A legacy table has no room for captured_at; send the photo without.");
    if (im->image_id != NULL && f->image_type == NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "The table %s has no column image_id; send the photo without.",
                       f->table);
    if (im->image_id != NULL && strcmp(f->image_type, "numeric") == 0 && !is_number(im->image_id))
        return lk_fail(err, LIKEN_E_ARG,
                       "In a legacy table image_id is a number of at most %d digits, like 7; this one is not.",
                       DIGITS_MAX);
    return LIKEN_OK;
}

static int check_image(const lk_legacy_store *s, const liken_image *im, liken_error *err) {
    unsigned char sha256[32];
    int rc = lk_store_check_image(im, sha256, err);
    if (rc == LIKEN_OK && strcmp(im->model == NULL ? "" : im->model, s->about.model) != 0)
        rc = lk_fail(err, LIKEN_E_MISMATCH,
                     "Collection \"%s\" holds descriptors of model %s, and these are of %s; they cannot be compared.",
                     s->about.name, s->about.model, im->model == NULL ? "none" : im->model);
    if (rc == LIKEN_OK)
        rc = check_labels(&s->form, im, err);
    if (rc == LIKEN_OK && im->face_count == 0)
        rc = lk_fail(err, LIKEN_E_NO_FACE, "No face was found in the photo, and a legacy table holds only faces.");
    return rc;
}

/* ---- adding ---- */

#define ROW "id::bigint, ctid::text, xmin::text"
#define EQUAL                                                                                                          \
    "SELECT " ROW " FROM %T WHERE vec_low %= $3::%C AND vec_high %= $4::%C AND %F IS NOT DISTINCT FROM $1"             \
    " AND %I IS NOT DISTINCT FROM ($2::%N)::text ORDER BY id LIMIT 1"

struct add {
    lk_legacy_store *store;
    const liken_image *image;
    lk_legacy_row *rows; /* what came of each face */
    bool existed;
};

static char *insert_sql(const lk_legacy_form *f) {
    const bool image = f->image_type != NULL;
    char pattern[256];
    (void)snprintf(
        pattern, sizeof pattern, "INSERT INTO %%T (%s%svec_low, vec_high) VALUES (%s%s$3::%%C, $4::%%C) RETURNING " ROW,
        f->has_file ? "file, " : "", image ? "image_id, " : "", f->has_file ? "$1, " : "", image ? "$2::%N, " : "");
    return lk_legacy_sql(f, pattern);
}

/* One statement a face, in one round trip. *found: how many of them answered with a row. */
static int for_each_face(struct add *a, lk_pg_conn *c, const char *sql, size_t *found, liken_error *err) {
    char low[LK_LEGACY_CUBE_TEXT], high[LK_LEGACY_CUBE_TEXT];
    int rc = LIKEN_OK;
    *found = 0;
    for (size_t i = 0; rc == LIKEN_OK && i < a->image->face_count; i++) {
        lk_legacy_cube_write(a->image->faces[i].descriptor, low);
        lk_legacy_cube_write(a->image->faces[i].descriptor + LK_LEGACY_HALF, high);
        rc = lk_pg_queue(
            c, sql,
            LK_PG_ARGS(lk_pg_text(a->image->file), lk_pg_text(a->image->image_id), lk_pg_text(low), lk_pg_text(high)),
            err);
    }
    for (size_t i = 0; rc == LIKEN_OK && i < a->image->face_count; i++) {
        lk_pg_result *r = NULL;
        rc = lk_pg_answer(c, &r, err);
        if (rc == LIKEN_OK && lk_pg_rows(r) > 0) {
            a->rows[i] = (lk_legacy_row){.id = lk_pg_get_int(r, 0, 0)};
            lk_legacy_place(lk_pg_get_bytes(r, 0, 1, NULL), lk_pg_get_bytes(r, 0, 2, NULL), &a->rows[i]);
            ++*found;
        }
        lk_pg_clear(r);
    }
    return lk_pg_finish(c, rc, err);
}

/* A value that a column refuses (too long, out of range) is the caller's mistake; a row that a constraint refuses may
 * be the table's. */
static int blame(lk_pg_conn *c, int rc, liken_error *err) {
    char why[256];
    const bool value = strncmp(lk_pg_sqlstate(c), "22", 2) == 0, constraint = strncmp(lk_pg_sqlstate(c), "23", 2) == 0;
    if (rc != LIKEN_E_STORE || !(value || constraint))
        return rc;
    (void)snprintf(why, sizeof why, "%.240s", err == NULL ? "" : err->message);
    if (value)
        return lk_fail(err, LIKEN_E_ARG, "The table does not take this file label or image_id. %s", why);
    return lk_fail(
        err, LIKEN_E_CONFLICT,
        "A constraint of the table refuses the row. liken fills in file, image_id, vec_low and vec_high, and "
        "leaves id to its sequence, which has to be ahead of all rows. %s",
        why);
}

/* A column id that nothing fills in would leave rows that nobody can name. */
static int check_ids(const struct add *a, liken_error *err) {
    for (size_t i = 0; i < a->image->face_count; i++) {
        if (a->rows[i].id < 1)
            return lk_fail(
                err, LIKEN_E_CONFLICT,
                "The table %.100s gives new rows no id above 0, so nothing was added. Let its column id fill "
                "itself: ALTER TABLE %.100s ALTER id SET NOT NULL, ALTER id ADD GENERATED BY DEFAULT AS "
                "IDENTITY, and set its sequence beyond the largest id.",
                a->store->form.table, a->store->form.table);
    }
    return LIKEN_OK;
}

/* Where an index finds rows by their descriptors, the same photo under the same labels is known again. */
static int add(struct add *a, lk_pg_conn *c, liken_error *err) {
    const lk_legacy_form *f = &a->store->form;
    LK_FREE char *insert = insert_sql(f);
    LK_FREE char *equal = lk_legacy_sql(f, EQUAL);
    size_t found = 0;
    int rc = insert == NULL || equal == NULL ? lk_fail_memory(err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "BEGIN", LK_PG_NO_ARGS, NULL, err);
    if (rc == LIKEN_OK && f->finds_equal)
        rc = for_each_face(a, c, equal, &found, err);
    a->existed = found == a->image->face_count;
    if (rc == LIKEN_OK && !a->existed)
        rc = for_each_face(a, c, insert, &found, err);
    if (rc == LIKEN_OK && found != a->image->face_count)
        rc = lk_fail(err, LIKEN_E_STORE, "A rule or trigger of the table %s kept a row from being added.", f->table);
    if (rc == LIKEN_OK)
        rc = check_ids(a, err);
    rc = lk_pg_write_refused(c, blame(c, rc, err), err);
    return rc == LIKEN_OK ? lk_pg_exec(c, "COMMIT", LK_PG_NO_ARGS, NULL, err) : rc;
}

/* The rows are there; if they cannot be remembered now, the next look meets them. */
static void note_rows(struct add *a) {
    lk_legacy_store *s = a->store;
    liken_error err;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; !a->existed && i < a->image->face_count; i++)
        if (lk_legacy_note_added(s, &a->rows[i], &err) != LIKEN_OK)
            s->whole_due = true;
    pthread_mutex_unlock(&s->lock);
}

static int give_back(const struct add *a, liken_image *image, liken_image **existing, liken_error *err) {
    liken_image *target = image;
    if (a->existed) {
        const int rc = lk_legacy_image_new(a->store, 0, image->face_count, image->file, image->image_id, &target, err);
        if (rc != LIKEN_OK)
            return rc;
        *existing = target;
    }
    target->id = a->rows[0].id;
    for (size_t i = 0; i < target->face_count; i++)
        target->faces[i].id = a->rows[i].id;
    return LIKEN_OK;
}

/* A connection that the pool had kept may be dead: that shows at once and costs nothing. Once the transaction has begun
 * nothing is tried again, because it may have been committed. */
static int take_live(lk_pg *db, lk_pg_conn **c, liken_error *err) {
    int rc = lk_pg_take(db, c, err);
    if (rc != LIKEN_OK || lk_pg_exec(*c, "SELECT 1", LK_PG_NO_ARGS, NULL, err) == LIKEN_OK)
        return rc;
    lk_pg_give(db, *c);
    return lk_pg_take(db, c, err);
}

int lk_legacy_image_add(lk_store *base, int64_t collection, liken_image *image, bool face_required,
                        liken_image **existing, liken_error *err) {
    lk_legacy_store *s = of(base);
    lk_pg_conn *c = NULL;
    (void)collection;
    (void)face_required; /* nobody refuses one here */
    int rc = check_image(s, image, err);
    if (rc != LIKEN_OK)
        return rc;
    if (!s->form.has_file) { /* a label that most clients give unasked: the upload's name */
        lk_image_forget_labels(image);
    }
    struct add a = {.store = s, .image = image, .rows = calloc(image->face_count, sizeof *a.rows)};
    rc = a.rows == NULL ? lk_fail_memory(err) : take_live(s->db, &c, err);
    if (rc == LIKEN_OK) {
        rc = add(&a, c, err);
        lk_pg_give(s->db, c);
    }
    if (rc == LIKEN_OK) {
        note_rows(&a);
        rc = give_back(&a, image, existing, err);
    }
    free(a.rows);
    return rc;
}

/* ---- removing ---- */

static int remove_row(lk_legacy_store *s, int64_t id, int64_t *gone, liken_error *err) {
    LK_FREE char *sql = lk_legacy_sql(&s->form, "DELETE FROM %T WHERE id = $1");
    lk_pg_conn *c = NULL;
    lk_pg_result *r = NULL;
    int rc = sql == NULL ? lk_fail_memory(err) : take_live(s->db, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_write_refused(c, lk_pg_exec(c, sql, LK_PG_ARGS(lk_pg_int8(id)), &r, err), err);
    if (rc == LIKEN_OK)
        *gone = lk_pg_touched(r);
    lk_pg_clear(r);
    lk_pg_give(s->db, c);
    return rc;
}

static int remove_and_note(lk_legacy_store *s, int64_t id, const char *what, liken_error *err) {
    int64_t gone = 0;
    int rc = remove_row(s, id, &gone, err);
    if (rc != LIKEN_OK)
        return rc;
    if (gone == 0)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no %s %lld.", what, (long long)id);
    pthread_mutex_lock(&s->lock);
    const uint32_t number = lk_legacy_rows_find(&s->rows, id);
    if (number != 0 && s->rows.items[number - 1].state != LK_LEGACY_GONE &&
        lk_legacy_note_removed(s, number, NULL) != LIKEN_OK)
        s->whole_due = true;
    pthread_mutex_unlock(&s->lock);
    return LIKEN_OK;
}

int lk_legacy_image_remove(lk_store *s, int64_t collection, int64_t id, liken_error *err) {
    (void)collection;
    return remove_and_note(of(s), id, "image", err);
}

int lk_legacy_face_remove(lk_store *s, const char *in, int64_t id, liken_error *err) {
    if (in != NULL && strcmp(in, of(s)->about.name) != 0)
        return lk_store_no_face(id, in, err);
    return remove_and_note(of(s), id, "face", err);
}
