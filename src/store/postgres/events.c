/* Telling what happened, and reading it (store/events.h says in which order). */
#include "store/events.h"

#include "base/clock.h"
#include "store/postgres/postgres_int.h"

static lk_postgres *of(lk_store *s) {
    return (lk_postgres *)s;
}

/* ---- writing ---- */

/* $1: the last image id */
#define TELL                                                                                                           \
    "INSERT INTO liken.events (number, last_image, kind, collection, name, image, face, at, actor)"                    \
    " SELECT " LK_EVENTS_NUMBER("liken.events", "$1::bigint") ", $1, $2, "
#define TOLD " RETURNING collection, image, face"

static int tell(lk_pg_conn *c, const lk_postgres_write_state *w, const char *sql, liken_event_kind kind, int64_t id,
                const char *name, liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c, sql,
                              LK_PG_ARGS(lk_pg_int8(w->image), lk_pg_int2((int)kind), lk_pg_int8(id), lk_pg_text(name),
                                         lk_pg_int8(lk_clock_now()), lk_pg_text(w->actor)),
                              &r, err);
    if (rc != LIKEN_OK)
        return rc;
    const bool told = lk_pg_rows(r) > 0;
    const lk_change change = {.kind = kind,
                              .collection = told ? lk_pg_get_int(r, 0, 0) : 0,
                              .image = told ? lk_pg_get_int(r, 0, 1) : 0,
                              .face = told ? lk_pg_get_int(r, 0, 2) : 0,
                              .actor = w->actor,
                              .request_id = w->request};
    lk_postgres_statements q = lk_postgres_statements_on(c);
    lk_pg_clear(r);
    return told ? lk_inside_changed(w->inside, &q.base, &change, err) : LIKEN_OK;
}

int lk_postgres_tell_image(lk_pg_conn *c, const lk_postgres_write_state *w, liken_event_kind kind, int64_t image,
                           liken_error *err) {
    int rc = LIKEN_OK;
    if (kind == LIKEN_IMAGE_CHANGED) /* it is another revision of itself */
        rc = lk_pg_exec(c, "UPDATE liken.images SET revision = revision + 1 WHERE id = $1",
                        LK_PG_ARGS(lk_pg_int8(image)), NULL, err);
    return rc == LIKEN_OK
               ? tell(c, w, TELL "i.collection, $4::text, i.id, NULL, $5, $6 FROM liken.images i WHERE i.id = $3" TOLD,
                      kind, image, NULL, err)
               : rc;
}

int lk_postgres_tell_face(lk_pg_conn *c, const lk_postgres_write_state *w, int64_t face, liken_error *err) {
    const int rc = lk_pg_exec(c,
                              "UPDATE liken.images SET revision = revision + 1"
                              " WHERE id = (SELECT image FROM liken.faces WHERE id = $1)",
                              LK_PG_ARGS(lk_pg_int8(face)), NULL, err);
    if (rc != LIKEN_OK)
        return rc;
    return tell(c, w,
                TELL "i.collection, $4::text, i.id, f.id, $5, $6 FROM liken.faces f JOIN liken.images i"
                     " ON i.id = f.image WHERE f.id = $3" TOLD,
                LIKEN_FACE_REMOVED, face, NULL, err);
}

int lk_postgres_tell_collection(lk_pg_conn *c, const lk_postgres_write_state *w, liken_event_kind kind,
                                int64_t collection, const char *name, liken_error *err) {
    return tell(c, w, TELL "$3::bigint, $4::text, NULL, NULL, $5, $6" TOLD, kind, collection, name, err);
}

int lk_postgres_events_begin(lk_pg_conn *c, const lk_postgres_write_state *w, int64_t last_event, liken_error *err) {
    const int rc = lk_pg_exec(c, "DELETE FROM liken.events", LK_PG_NO_ARGS, NULL, err);
    return rc == LIKEN_OK && last_event > 0
               ? lk_pg_exec(c,
                            "INSERT INTO liken.events (number, last_image, kind, collection, at)"
                            " VALUES ($1 + $2 + 1, $1, $3, 0, $4)",
                            LK_PG_ARGS(lk_pg_int8(w->image), lk_pg_int8(last_event),
                                       lk_pg_int2(LIKEN_COLLECTION_CREATED), lk_pg_int8(lk_clock_now())),
                            NULL, err)
               : rc;
}

/* ---- reading ---- */

static int read_ends(void *from, lk_event_page *p, liken_error *err) {
    lk_pg_conn *c = from;
    lk_pg_result *r = NULL;
    const int rc =
        lk_pg_exec(c,
                   "SELECT k.image, (SELECT number - last_image FROM liken.events ORDER BY number DESC LIMIT 1),"
                   " (SELECT number FROM liken.events ORDER BY number LIMIT 1),"
                   " (SELECT number - last_image FROM liken.events ORDER BY number LIMIT 1) FROM liken.counters k",
                   LK_PG_NO_ARGS, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    p->last_image = lk_pg_get_int(r, 0, 0);
    p->last_event = lk_pg_get_int(r, 0, 1);
    p->first_number = lk_pg_get_int(r, 0, 2);
    p->first_event = lk_pg_get_int(r, 0, 3);
    lk_pg_clear(r);
    return LIKEN_OK;
}

/* Rows of number, last_image, kind, image, face, at, actor, collection, told. */
static int take_rows(const lk_pg_result *r, lk_event_row *rows, size_t *count, liken_error *err) {
    for (int i = 0; i < lk_pg_rows(r); i++) {
        lk_event_row *row = &rows[(*count)++];
        liken_event *e = &row->event;
        e->number = lk_pg_get_int(r, i, 0);
        row->last_image = lk_pg_get_int(r, i, 1);
        e->kind = (liken_event_kind)lk_pg_get_int(r, i, 2);
        e->image = lk_pg_get_int(r, i, 3);
        e->face = lk_pg_get_int(r, i, 4);
        e->at = lk_pg_get_int(r, i, 5);
        row->told = lk_pg_get_int(r, i, 8) != 0;
        if (!lk_pg_copy(r, i, 6, &e->actor) || !lk_pg_copy(r, i, 7, &e->collection))
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

static int read_rows(lk_pg_conn *c, const char *sql, const lk_event_page *p, int64_t after, lk_event_row *rows,
                     size_t *count, liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(
        c, sql, LK_PG_ARGS(lk_pg_int8(after), lk_pg_int8(p->limit), lk_pg_int8(p->collection), lk_pg_text(p->name)), &r,
        err);
    if (rc == LIKEN_OK)
        rc = take_rows(r, rows, count, err);
    lk_pg_clear(r);
    return rc;
}

#define EVENTS                                                                                                         \
    "SELECT e.number, e.last_image, e.kind, e.image, e.face, e.at, e.actor, coalesce(e.name, c.name),"                 \
    " ((e.name IS NOT NULL OR (c.id IS NOT NULL AND " LK_POSTGRES_LIVE "))"                                            \
    " AND ($3 = 0 OR e.collection = $3 OR coalesce(e.name = $4, false)))"                                              \
    " FROM liken.events e LEFT JOIN liken.collections c ON c.id = e.collection"                                        \
    " WHERE e.number > $1 ORDER BY e.number LIMIT $2"
#define IMAGES(of)                                                                                                     \
    "SELECT 0::bigint, 0::bigint, 0::smallint, i.id, 0::bigint, i.added_at, i.added_by, c.name, true"                  \
    " FROM liken.images i JOIN liken.collections c ON c.id = i.collection WHERE i.id > $1 AND " LK_POSTGRES_LIVE       \
    " AND " of " AND $4::text IS NOT DISTINCT FROM $4 ORDER BY i.id LIMIT $2"

static int read_events(void *from, lk_event_page *p, liken_error *err) {
    return read_rows(from, EVENTS, p, p->after, p->rows, &p->row_count, err);
}

static int read_images(void *from, lk_event_page *p, int64_t id, liken_error *err) {
    return read_rows(from, p->collection == 0 ? IMAGES("$3::bigint = 0") : IMAGES("i.collection = $3"), p, id,
                     p->images, &p->image_count, err);
}

static const lk_event_source source = {read_ends, read_events, read_images};

static int read_moment(lk_pg_conn *c, void *arg, liken_error *err) {
    lk_event_page *p = arg;
    lk_events_clear(p); /* of a first call, on a connection that died */
    int rc = lk_pg_script(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    if (rc == LIKEN_OK)
        rc = lk_events_read(p, &source, c, err);
    return rc == LIKEN_OK ? lk_pg_script(c, "COMMIT", err) : rc;
}

int lk_postgres_events_after(lk_store *s, int64_t collection, const char *name, int64_t after, int limit,
                             liken_event_list **out, liken_error *err) {
    lk_event_page p;
    int rc = lk_events_start(&p, collection, name, after, limit, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_with(of(s)->db, read_moment, &p, err);
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
#define OLDEST                                                                                                         \
    "(SELECT number FROM liken.events WHERE number <= (SELECT image FROM liken.counters)"                              \
    " + (SELECT number - last_image FROM liken.events ORDER BY number DESC LIMIT 1) - $1 ORDER BY number DESC LIMIT "  \
    "1)"

static int count_due(lk_pg_conn *c, void *arg, liken_error *err) {
    struct trim *t = arg;
    return lk_pg_number(c, "SELECT 1 FROM liken.events WHERE number < " OLDEST " LIMIT 1",
                        LK_PG_ARGS(lk_pg_int8(t->keep)), 0, &t->due, err);
}

static int trim(lk_pg_conn *c, lk_postgres_write_state *w, void *arg, liken_error *err) {
    struct trim *t = arg;
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c,
                              "DELETE FROM liken.events WHERE number IN (SELECT number FROM liken.events"
                              " WHERE number < " OLDEST " ORDER BY number LIMIT $2)",
                              LK_PG_ARGS(lk_pg_int8(t->keep), lk_pg_int8(LK_EVENTS_TRIM)), &r, err);
    t->due = rc == LIKEN_OK ? lk_pg_touched(r) : 0;
    w->changed = t->due > 0;
    lk_pg_clear(r);
    return rc;
}

int lk_postgres_events_trim(lk_store *s, int64_t keep, bool *more, liken_error *err) {
    struct trim t = {.keep = keep};
    int rc = lk_pg_with(of(s)->db, count_due, &t, err); /* so that nobody writes for nothing */
    if (rc == LIKEN_OK && t.due > 0)
        rc = lk_postgres_write(of(s), trim, &t, err);
    if (rc == LIKEN_OK)
        *more = t.due == LK_EVENTS_TRIM;
    return rc;
}
