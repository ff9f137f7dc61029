/* Reading the whole table through a cursor, in one snapshot and a read-only transaction. The rows are sorted as they
 * are stored and converted afterwards, since texts take three times as much room, on the server's disk. */
#include "store/legacy/reader.h"
#include "store/legacy/legacy_int.h"

#include <stdlib.h>

#define PATIENCE_MS 3600000 /* whoever copies may need a while for each page */
#define LOOK                                                                                                           \
    "DECLARE liken_import NO SCROLL CURSOR FOR SELECT id::bigint, %F, %I, %V"                                          \
    " FROM (SELECT * FROM %T ORDER BY id OFFSET 0) AS t"

struct lk_legacy_reader {
    lk_pg *db;
    lk_pg_conn *c;
    lk_legacy_form form;
    lk_pg_result *page;
    lk_legacy_entry rows[LK_LEGACY_PAGE];
};

void lk_legacy_reader_free(lk_legacy_reader *r) {
    if (r == NULL)
        return;
    lk_pg_clear(r->page);
    lk_pg_give(r->db, r->c);
    lk_pg_close(r->db);
    lk_legacy_form_clear(&r->form);
    free(r);
}

static int begin(lk_legacy_reader *r, int64_t *total, liken_error *err) {
    LK_FREE char *look = lk_legacy_sql(&r->form, LOOK);
    LK_FREE char *count = lk_legacy_sql(&r->form, "SELECT count(*) FROM %T");
    int rc = look == NULL || count == NULL ? lk_fail_memory(err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = lk_pg_exec(r->c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", LK_PG_NO_ARGS, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_patience(r->c, PATIENCE_MS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_number(r->c, count, LK_PG_NO_ARGS, 0, total, err);
    return rc == LIKEN_OK ? lk_pg_script(r->c, look, err) : rc;
}

int lk_legacy_reader_open(lk_legacy_reader **out, const char *where, const char *table, int64_t *total,
                          liken_error *err) {
    const lk_pg_options options = {.connections = 1, .read_only = true};
    lk_legacy_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return lk_fail_memory(err);
    int rc = lk_pg_open(&r->db, where, &options, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(r->db, &r->c, err);
    if (rc == LIKEN_OK)
        rc = lk_legacy_form_read(&r->form, r->c, table, false, err);
    if (rc == LIKEN_OK)
        rc = begin(r, total, err);
    if (rc != LIKEN_OK) {
        lk_legacy_reader_free(r);
        return rc;
    }
    *out = r;
    return LIKEN_OK;
}

int lk_legacy_reader_next(lk_legacy_reader *r, const lk_legacy_entry **rows, size_t *count, liken_error *err) {
    _Static_assert(LK_LEGACY_PAGE == 512, "the number in the statement");
    lk_pg_clear(r->page);
    r->page = NULL;
    const int rc = lk_pg_exec(r->c, "FETCH FORWARD 512 FROM liken_import", LK_PG_NO_ARGS, &r->page, err);
    if (rc != LIKEN_OK)
        return rc;
    *count = (size_t)lk_pg_rows(r->page);
    for (int i = 0; i < lk_pg_rows(r->page); i++) {
        lk_legacy_entry *e = &r->rows[i];
        e->id = lk_pg_get_int(r->page, i, 0);
        e->file = lk_pg_get_bytes(r->page, i, 1, NULL);
        e->image_id = lk_pg_get_bytes(r->page, i, 2, NULL);
        e->unfit = lk_legacy_cube_take(&r->form, r->page, i, 3, e->descriptor);
    }
    *rows = r->rows;
    return LIKEN_OK;
}
