/* Telling what happened, and reading it (store/events.h says in which order). */
#include "store/events.h"

#include "base/clock.h"
#include "store/sqlite/sqlite_int.h"

static lk_sqlite_store *of(lk_store *s) {
    return (lk_sqlite_store *)s;
}

/* ---- writing ---- */

#define LAST_IMAGE "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'images'), 0)"
#define TELL                                                                                                           \
    "INSERT INTO events (number, last_image, kind, collection, name, image, face, at, actor)"                          \
    " SELECT " LK_EVENTS_NUMBER("events", LAST_IMAGE) ", " LAST_IMAGE ", ?1, "
#define TOLD " RETURNING collection, image, face"

static int tell(lk_sqlite_conn *c, const char *sql, liken_event_kind kind, int64_t id, const char *name,
                liken_error *err) {
    sqlite3_stmt *stmt;
    bool told = false;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int(stmt, 1, (int)kind);
    (void)sqlite3_bind_int64(stmt, 2, id);
    (void)sqlite3_bind_int64(stmt, 3, lk_clock_now());
    lk_sqlite_text(stmt, 4, c->actor);
    if (name != NULL)
        lk_sqlite_text(stmt, 5, name);
    rc = lk_sqlite_step(c, stmt, &told, err);
    const lk_change change = {.kind = kind,
                              .collection = told ? sqlite3_column_int64(stmt, 0) : 0,
                              .image = told ? sqlite3_column_int64(stmt, 1) : 0,
                              .face = told ? sqlite3_column_int64(stmt, 2) : 0,
                              .actor = c->actor,
                              .request_id = c->request};
    lk_sqlite_statements q = lk_sqlite_statements_on(c);
    (void)sqlite3_reset(stmt);
    return rc == LIKEN_OK && told ? lk_inside_changed(c->inside, &q.base, &change, err) : rc;
}

/* An image that changes is another revision of itself; `sql` has its id, or its face's, as ?1. */
static int revise(lk_sqlite_conn *c, const char *sql, int64_t id, liken_error *err) {
    sqlite3_stmt *stmt;
    const int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, id);
    return lk_sqlite_run(c, stmt, err);
}

int lk_sqlite_tell_image(lk_sqlite_conn *c, liken_event_kind kind, int64_t image, liken_error *err) {
    int rc = LIKEN_OK;
    if (kind == LIKEN_IMAGE_CHANGED)
        rc = revise(c, "UPDATE images SET revision = revision + 1 WHERE id = ?1", image, err);
    return rc == LIKEN_OK ? tell(c, TELL "i.collection, NULL, i.id, NULL, ?3, ?4 FROM images i WHERE i.id = ?2" TOLD,
                                 kind, image, NULL, err)
                          : rc;
}

int lk_sqlite_tell_face(lk_sqlite_conn *c, int64_t face, liken_error *err) {
    const int rc = revise(
        c, "UPDATE images SET revision = revision + 1 WHERE id = (SELECT image FROM faces WHERE id = ?1)", face, err);
    if (rc != LIKEN_OK)
        return rc;
    return tell(c,
                TELL "i.collection, NULL, i.id, f.id, ?3, ?4 FROM faces f JOIN images i ON i.id = f.image"
                     " WHERE f.id = ?2" TOLD,
                LIKEN_FACE_REMOVED, face, NULL, err);
}

int lk_sqlite_tell_collection(lk_sqlite_conn *c, liken_event_kind kind, int64_t collection, const char *name,
                              liken_error *err) {
    return tell(c, TELL "?2, ?5, NULL, NULL, ?3, ?4" TOLD, kind, collection, name, err);
}

int lk_sqlite_events_begin(lk_sqlite_conn *c, int64_t last_event, liken_error *err) {
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_exec(c, "DELETE FROM events", err);
    if (rc != LIKEN_OK || last_event == 0)
        return rc;
    rc = lk_sqlite_use(c,
                       "INSERT INTO events (number, last_image, kind, collection, at) SELECT " LAST_IMAGE
                       " + ?2 + 1, " LAST_IMAGE ", ?1, 0, ?3",
                       &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int(stmt, 1, LIKEN_COLLECTION_CREATED);
    (void)sqlite3_bind_int64(stmt, 2, last_event);
    (void)sqlite3_bind_int64(stmt, 3, lk_clock_now());
    return lk_sqlite_run(c, stmt, err);
}

/* ---- reading ---- */

static int read_ends(void *from, lk_event_page *p, liken_error *err) {
    lk_sqlite_conn *c = from;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc =
        lk_sqlite_use(c,
                      "SELECT " LAST_IMAGE ", (SELECT number - last_image FROM events ORDER BY number DESC LIMIT 1),"
                      " (SELECT number FROM events ORDER BY number LIMIT 1),"
                      " (SELECT number - last_image FROM events ORDER BY number LIMIT 1)",
                      &stmt, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_step(c, stmt, &row, err);
    if (rc != LIKEN_OK)
        return rc;
    p->last_image = sqlite3_column_int64(stmt, 0);
    p->last_event = sqlite3_column_int64(stmt, 1);
    p->first_number = sqlite3_column_int64(stmt, 2);
    p->first_event = sqlite3_column_int64(stmt, 3);
    (void)sqlite3_reset(stmt);
    return LIKEN_OK;
}

/* A row of number, last_image, kind, image, face, at, actor, collection, told. */
static int read_row(sqlite3_stmt *stmt, lk_event_row *row, liken_error *err) {
    liken_event *e = &row->event;
    e->number = sqlite3_column_int64(stmt, 0);
    row->last_image = sqlite3_column_int64(stmt, 1);
    e->kind = (liken_event_kind)sqlite3_column_int(stmt, 2);
    e->image = sqlite3_column_int64(stmt, 3);
    e->face = sqlite3_column_int64(stmt, 4);
    e->at = sqlite3_column_int64(stmt, 5);
    row->told = sqlite3_column_int(stmt, 8) != 0;
    return lk_sqlite_copy(stmt, 6, &e->actor) && lk_sqlite_copy(stmt, 7, &e->collection) ? LIKEN_OK
                                                                                         : lk_fail_memory(err);
}

static int read_rows(lk_sqlite_conn *c, const char *sql, const lk_event_page *p, int64_t after, lk_event_row *rows,
                     size_t *count, liken_error *err) {
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, sql, &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, after);
    (void)sqlite3_bind_int(stmt, 2, p->limit);
    (void)sqlite3_bind_int64(stmt, 3, p->collection);
    if (sqlite3_bind_parameter_count(stmt) > 3)
        lk_sqlite_text(stmt, 4, p->name);
    rc = lk_sqlite_step(c, stmt, &row, err);
    while (rc == LIKEN_OK && row) {
        rc = read_row(stmt, &rows[(*count)++], err);
        if (rc == LIKEN_OK)
            rc = lk_sqlite_step(c, stmt, &row, err);
    }
    return rc;
}

#define EVENTS                                                                                                         \
    "SELECT e.number, e.last_image, e.kind, e.image, e.face, e.at, e.actor, coalesce(e.name, c.name),"                 \
    " (e.name IS NOT NULL OR (c.id IS NOT NULL AND " LK_SQLITE_LIVE "))"                                               \
    " AND (?3 = 0 OR e.collection = ?3 OR e.name = ?4)"                                                                \
    " FROM events e LEFT JOIN collections c ON c.id = e.collection WHERE e.number > ?1 ORDER BY e.number LIMIT ?2"
#define IMAGES(of)                                                                                                     \
    "SELECT 0, 0, 0, i.id, 0, i.added_at, i.added_by, c.name, 1 FROM images i JOIN collections c"                      \
    " ON c.id = i.collection WHERE i.id > ?1 AND " LK_SQLITE_LIVE " AND " of " ORDER BY i.id LIMIT ?2"

static int read_events(void *from, lk_event_page *p, liken_error *err) {
    return read_rows(from, EVENTS, p, p->after, p->rows, &p->row_count, err);
}

static int read_images(void *from, lk_event_page *p, int64_t id, liken_error *err) {
    return read_rows(from, p->collection == 0 ? IMAGES("?3 = 0") : IMAGES("i.collection = ?3"), p, id, p->images,
                     &p->image_count, err);
}

static int read_page(lk_sqlite_conn *c, void *arg, liken_error *err) {
    static const lk_event_source source = {read_ends, read_events, read_images};
    return lk_events_read(arg, &source, c, err);
}

int lk_sqlite_events_after(lk_store *s, int64_t collection, const char *name, int64_t after, int limit,
                           liken_event_list **out, liken_error *err) {
    lk_event_page p;
    int rc = lk_events_start(&p, collection, name, after, limit, err);
    if (rc == LIKEN_OK)
        rc = lk_sqlite_read(of(s), read_page, &p, err);
    if (rc == LIKEN_OK)
        rc = lk_events_merge(&p, out, err);
    lk_events_end(&p);
    return rc;
}

/* ---- letting go of old ones ---- */

struct trim {
    int64_t keep, due;
};

/* The number of the oldest row that stays. */
#define OLDEST(keep)                                                                                                   \
    "(SELECT number FROM events WHERE number <= " LAST_IMAGE                                                           \
    " + (SELECT number - last_image FROM events ORDER BY number DESC LIMIT 1) - " keep                                 \
    " ORDER BY number DESC LIMIT 1)"

static int count_due(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct trim *t = arg;
    sqlite3_stmt *stmt;
    bool row = false;
    int rc = lk_sqlite_use(c, "SELECT EXISTS (SELECT 1 FROM events WHERE number < " OLDEST("?1") ")", &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, t->keep);
    rc = lk_sqlite_step(c, stmt, &row, err);
    t->due = rc == LIKEN_OK && row ? sqlite3_column_int64(stmt, 0) : 0;
    return rc;
}

static int trim(lk_sqlite_conn *c, void *arg, liken_error *err) {
    struct trim *t = arg;
    sqlite3_stmt *stmt;
    int rc = lk_sqlite_use(c,
                           "DELETE FROM events WHERE number IN (SELECT number FROM events WHERE number < " OLDEST(
                               "?1") " ORDER BY number LIMIT ?2)",
                           &stmt, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)sqlite3_bind_int64(stmt, 1, t->keep);
    (void)sqlite3_bind_int(stmt, 2, LK_EVENTS_TRIM);
    rc = lk_sqlite_run(c, stmt, err);
    t->due = rc == LIKEN_OK ? sqlite3_changes(c->db) : 0;
    return rc;
}

int lk_sqlite_events_trim(lk_store *s, int64_t keep, bool *more, liken_error *err) {
    struct trim t = {.keep = keep};
    int rc = lk_sqlite_read(of(s), count_due, &t, err); /* so that nobody writes for nothing */
    if (rc == LIKEN_OK && t.due > 0)
        rc = lk_sqlite_remove(of(s), trim, &t, err);
    if (rc == LIKEN_OK)
        *more = t.due == LK_EVENTS_TRIM;
    return rc;
}
