/* Finding out what others did to the table, without triggers.
 *
 * A glance, one short statement, is made before a search unless one was made a moment ago. It asks what tells cheaply
 * that nothing happened: the snapshot (the same one: nothing was committed in all of the server), the sequence of the
 * ids, the server's count of rows inserted and changed, the table's file. Only then is looked at rows:
 *
 *   - Some, those with ids above `low`, when the sequence gave ids that were not met. An id that is missing may still
 *     come, since its transaction may be running; so `low` passes a gap only when every transaction has ended that
 * could have been given an id before it: when the oldest one running is younger than one that began later.
 *   - All of them, by id, place and writing transaction, when rows were deleted or changed, when more were inserted
 * than were met (somebody chose an id himself), when the table was rewritten, and every ten minutes in any case,
 * because the server's counts are not promised. What is gone then leaves the index; what was changed is read again.
 *
 * Nothing depends on that for a removed row not to be found: every match is read from the table (read.c). */
#include "store/legacy/legacy_int.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOMENT 0.25 /* seconds */
#define WHOLE_EVERY 600.0
#define SHARE 2.0        /* a look is followed by so many times its duration without one */
#define WHOLE_SHARE 10.0 /* and a whole one by so many without a whole one */
#define TOLD 10          /* rows of which the log says why they cannot be searched */
#define PATIENCE_MS 600000
#define ALL INT64_MIN
#define FETCH "FETCH FORWARD 10000 FROM liken_look"

struct glance {
    char *snapshot;
    int64_t xmin, xmax, last, changed, inserted, filenode;
};

/* ---- notes ---- */

int lk_legacy_note_removed(lk_legacy_store *s, uint32_t number, liken_error *err) {
    LK_HELD(&s->lock);
    lk_legacy_row *row = &s->rows.items[number - 1];
    if (s->removed_count == s->removed_room) {
        const size_t room = s->removed_room == 0 ? 256 : 2 * s->removed_room;
        uint32_t *removed = realloc(s->removed, room * sizeof *removed);
        if (removed == NULL)
            return lk_fail_memory(err);
        s->removed = removed;
        s->removed_room = room;
    }
    if (row->state == LK_LEGACY_LIVE)
        s->rows.live--;
    row->state = LK_LEGACY_GONE;
    s->removed[s->removed_count++] = number;
    s->version++;
    return LIKEN_OK;
}

void lk_legacy_note_unfit(lk_legacy_store *s, uint32_t number, const char *why) {
    LK_HELD(&s->lock);
    lk_legacy_row *row = &s->rows.items[number - 1];
    row->state = LK_LEGACY_UNFIT;
    s->rows.live--;
    if (s->unfit++ < TOLD)
        lk_log(LIKEN_LOG_WARN, "Row %" PRId64 " of %s cannot be searched: %s.", row->id, s->form.table, why);
    else if (s->unfit == TOLD + 1)
        lk_log(LIKEN_LOG_WARN, "More rows of %s cannot be searched; liken import --json tells of each.", s->form.table);
}

static int add(lk_legacy_store *s, const lk_legacy_row *row, liken_error *err) {
    const int rc = lk_legacy_rows_add(&s->rows, row, err);
    if (rc == LIKEN_OK)
        s->version++;
    s->top = row->id > s->top ? row->id : s->top;
    return rc;
}

static int take_row(lk_legacy_store *s, const lk_legacy_row *row, liken_error *err) {
    const uint32_t number = lk_legacy_rows_find(&s->rows, row->id);
    lk_legacy_row *known = number == 0 ? NULL : &s->rows.items[number - 1];
    if (known == NULL || known->state == LK_LEGACY_GONE)
        return add(s, row, err);
    if (known->xmin == row->xmin) {
        known->block = row->block;
        known->offset = row->offset;
        known->mark = row->mark;
        return LIKEN_OK;
    }
    if (known->mark == row->mark) /* two rows of one id: the first counts; or a change, which is for a whole look */
        return LIKEN_OK;
    const int rc = lk_legacy_note_removed(s, number, err);
    return rc == LIKEN_OK ? add(s, row, err) : rc;
}

int lk_legacy_note_added(lk_legacy_store *s, const lk_legacy_row *row, liken_error *err) {
    lk_legacy_row own = *row;
    own.mark = s->mark;
    return take_row(s, &own, err);
}

void lk_legacy_place(const char *ctid, const char *xmin, lk_legacy_row *row) {
    unsigned block = 0, offset = 0;
    (void)sscanf(ctid, "(%u,%u)", &block, &offset);
    row->block = block;
    row->offset = (uint16_t)offset;
    row->xmin = (uint32_t)strtoul(xmin, NULL, 10);
}

/* ---- rows ---- */

static int take_page(lk_legacy_store *s, const lk_pg_result *r, liken_error *err) {
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < lk_pg_rows(r); i++) {
        lk_legacy_row row = {.id = lk_pg_get_int(r, i, 0), .mark = s->mark};
        if (row.id < 1) {
            s->nameless++;
            continue;
        }
        lk_legacy_place(lk_pg_get_bytes(r, i, 1, NULL), lk_pg_get_bytes(r, i, 2, NULL), &row);
        rc = take_row(s, &row, err);
    }
    return rc;
}

static int fetch_all(lk_legacy_store *s, lk_pg_conn *c, liken_error *err) {
    int rc, rows;
    do {
        lk_pg_result *r = NULL;
        rc = lk_pg_exec(c, FETCH, LK_PG_NO_ARGS, &r, err);
        rows = rc == LIKEN_OK ? lk_pg_rows(r) : 0;
        if (rc == LIKEN_OK)
            rc = take_page(s, r, err);
        lk_pg_clear(r);
    } while (rc == LIKEN_OK && rows > 0);
    return rc;
}

/* Meets every row whose id is larger than `after`, or every row (ALL), in one snapshot. */
static int walk(lk_legacy_store *s, lk_pg_conn *c, int64_t after, liken_error *err) {
    char pattern[192], where[64] = "";
    if (after != ALL)
        (void)snprintf(where, sizeof where, " WHERE id > %" PRId64, after);
    (void)snprintf(pattern, sizeof pattern,
                   "DECLARE liken_look NO SCROLL CURSOR FOR SELECT id::bigint, ctid::text, xmin::text FROM %%T AS t%s"
                   " ORDER BY t.id, ctid",
                   where);
    LK_FREE char *sql = lk_legacy_sql(&s->form, pattern);
    if (sql == NULL)
        return lk_fail_memory(err);
    int rc = lk_pg_exec(c, "BEGIN", LK_PG_NO_ARGS, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(c, PATIENCE_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_script(c, sql, err);
    if (rc == LIKEN_OK)
        rc = fetch_all(s, c, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(c, "COMMIT", LK_PG_NO_ARGS, NULL, err);
    return rc; /* a fault: whoever gives the connection back rolls back */
}

static int walk_whole(lk_legacy_store *s, lk_pg_conn *c, liken_error *err) {
    const size_t nameless = s->nameless;
    s->mark++;
    s->nameless = 0;
    int rc = walk(s, c, ALL, err);
    if (rc == LIKEN_OK && s->nameless > nameless)
        lk_log(LIKEN_LOG_WARN, "%zu rows of %s have no id, or one below 1, and cannot be searched.", s->nameless,
               s->form.table);
    for (size_t i = 0; rc == LIKEN_OK && i < s->rows.count; i++) {
        const lk_legacy_row *row = &s->rows.items[i];
        if (row->state != LK_LEGACY_GONE && row->mark != s->mark)
            rc = lk_legacy_note_removed(s, (uint32_t)(i + 1), err);
    }
    return rc;
}

/* ---- the glance ---- */

static int take_glance(lk_legacy_store *s, lk_pg_conn *c, struct glance *g, liken_error *err) {
    LK_FREE char *pattern = NULL;
    if (asprintf(&pattern,
                 "SELECT txid_current_snapshot()::text, txid_snapshot_xmin(txid_current_snapshot()),"
                 " txid_snapshot_xmax(txid_current_snapshot()), %s%s%s,"
                 " pg_stat_get_tuples_updated(o) + pg_stat_get_tuples_deleted(o), pg_stat_get_tuples_inserted(o),"
                 " pg_relation_filenode(o)::bigint FROM (SELECT to_regclass($1)::oid AS o) AS t",
                 s->form.sequence == NULL ? "0::bigint" : "(SELECT last_value FROM ",
                 s->form.sequence == NULL ? "" : s->form.sequence, s->form.sequence == NULL ? "" : ")") < 0)
        pattern = NULL;
    if (pattern == NULL)
        return lk_fail_memory(err);
    lk_pg_result *r = NULL;
    int rc = lk_pg_exec(c, pattern, LK_PG_ARGS(lk_pg_text(s->form.table)), &r, err);
    if (rc != LIKEN_OK)
        return rc;
    *g = (struct glance){.xmin = lk_pg_get_int(r, 0, 1),
                         .xmax = lk_pg_get_int(r, 0, 2),
                         .last = s->form.sequence == NULL ? s->top : lk_pg_get_int(r, 0, 3),
                         .changed = lk_pg_get_int(r, 0, 4),
                         .inserted = lk_pg_get_int(r, 0, 5),
                         .filenode = lk_pg_get_int(r, 0, 6)};
    if (lk_pg_is_null(r, 0, 6))
        rc = lk_fail(err, LIKEN_E_STORE, "The table %.100s is no longer there.", s->form.table);
    else if (!lk_pg_copy(r, 0, 0, &g->snapshot))
        rc = lk_fail_memory(err);
    lk_pg_clear(r);
    return rc;
}

/* Whether an id up to the sequence's last was not met; brings `low` as far as it can go. */
static bool misses_some(lk_legacy_store *s, int64_t last) {
    while (s->low < last && lk_legacy_rows_find(&s->rows, s->low + 1) != 0)
        s->low++;
    return s->form.sequence == NULL || s->low < last;
}

static bool whole_is_due(const lk_legacy_store *s, const struct glance *g, double now) {
    const bool more = g->inserted - s->inserted > (int64_t)s->rows.count - s->met;
    return !s->begun || s->whole_due || g->changed != s->changed || g->filenode != s->filenode ||
           g->last < s->last_value || now - s->whole_at > WHOLE_EVERY || (more && s->low >= g->last);
}

static int look_whole(lk_legacy_store *s, lk_pg_conn *c, const struct glance *g, liken_error *err) {
    const double start = lk_clock_monotonic();
    s->whole_due = true;
    const int rc = walk_whole(s, c, err);
    if (rc != LIKEN_OK)
        return rc;
    s->whole_due = false;
    if (g->last < s->last_value) { /* the ids begin again */
        s->low = s->last_value = 0;
        s->pending_xmax = 0;
    }
    s->whole_at = lk_clock_monotonic();
    s->next_whole = s->whole_at + WHOLE_SHARE * (s->whole_at - start);
    s->changed = g->changed;
    s->inserted = g->inserted;
    s->met = (int64_t)s->rows.count;
    s->filenode = g->filenode;
    s->begun = true;
    return LIKEN_OK;
}

/* After a look at all rows above `low` that began later than the glance. */
static void settle(lk_legacy_store *s, const struct glance *g) {
    if (s->pending_xmax != 0 && g->xmin >= s->pending_xmax) {
        s->low = s->pending > s->low ? s->pending : s->low;
        s->pending_xmax = 0;
    }
    if (s->pending_xmax == 0 && misses_some(s, g->last)) {
        s->pending = s->last_value; /* these ids were given before this glance, to transactions before g->xmax */
        s->pending_xmax = g->xmax;
    }
    s->last_value = g->last;
}

static int look_closer(lk_legacy_store *s, lk_pg_conn *c, struct glance *g, liken_error *err) {
    int rc = LIKEN_OK;
    const double now = lk_clock_monotonic();
    if (whole_is_due(s, g, now) && (!s->begun || now >= s->next_whole))
        rc = look_whole(s, c, g, err);
    else if (misses_some(s, g->last))
        rc = walk(s, c, s->low, err);
    if (rc != LIKEN_OK)
        return rc;
    settle(s, g);
    free(s->snapshot);
    s->snapshot = g->snapshot;
    g->snapshot = NULL;
    return LIKEN_OK;
}

static int look(lk_pg_conn *c, void *arg, liken_error *err) {
    lk_legacy_store *s = arg;
    struct glance g = {0};
    const double start = lk_clock_monotonic();
    int rc = take_glance(s, c, &g, err);
    const bool same = rc == LIKEN_OK && s->snapshot != NULL && strcmp(s->snapshot, g.snapshot) == 0 &&
                      g.changed == s->changed && !s->whole_due;
    if (rc == LIKEN_OK && !same)
        rc = look_closer(s, c, &g, err);
    free(g.snapshot);
    s->looked = lk_clock_monotonic();
    s->next = s->looked + SHARE * (s->looked - start);
    return rc;
}

int lk_legacy_look(lk_legacy_store *s, bool now, liken_error *err) {
    int rc = LIKEN_OK;
    pthread_mutex_lock(&s->lock);
    const double t = lk_clock_monotonic();
    if (now || !s->begun || (t - s->looked >= MOMENT && t >= s->next))
        rc = lk_pg_with(s->db, look, s, err);
    pthread_mutex_unlock(&s->lock);
    return rc;
}
