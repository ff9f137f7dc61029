/* Bulk loading: COPY FROM STDIN in the binary format. A row is its number of fields, then each field behind its length
 * (-1: NULL), which is how a column holds its items. Rows gather in a buffer that is handed to libpq when it is full.
 */
#include "pg/pg_int.h"

#include <string.h>

#define GATHER ((size_t)256 << 10)
#define ROW_MAX ((size_t)512 << 20) /* the server takes 1 GB; what liken stores in a row has half of this at most */

static const char signature[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* with no flags and no extension */
#define SIGNATURE_BYTES 19

static int send_gathered(lk_pg_conn *c, liken_error *err) {
    if (c->copy.size == 0)
        return LIKEN_OK;
    int sent = PQputCopyData(c->pq, c->copy.data, (int)c->copy.size);
    while (sent == 0) { /* libpq has no room: send first */
        const int rc = lk_pg_flush(c, err);
        if (rc != LIKEN_OK)
            return rc;
        sent = PQputCopyData(c->pq, c->copy.data, (int)c->copy.size);
    }
    lk_buf_clear(&c->copy);
    return sent == 1 ? lk_pg_flush(c, err) : lk_pg_fail(c, NULL, err);
}

/* Ends the COPY because of a fault on this side; the server undoes it. */
static int abandon(lk_pg_conn *c, int rc) {
    c->copying = false;
    if (c->lost)
        return rc;
    if (PQputCopyEnd(c->pq, "given up by liken") != 1)
        c->lost = true; /* it cannot be left half done */
    else
        (void)lk_pg_drain(c, rc, NULL);
    return rc;
}

int lk_pg_copy_start(lk_pg_conn *c, const char *sql, liken_error *err) {
    PGresult *r = NULL;
    int rc = lk_pg_plain(c, err);
    if (rc == LIKEN_OK && PQsendQuery(c->pq, sql) == 0)
        rc = lk_pg_fail(c, NULL, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_result_next(c, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    if (PQresultStatus(r) != PGRES_COPY_IN)
        rc = lk_pg_drain(c, lk_pg_fail(c, r, err), NULL);
    PQclear(r);
    if (rc != LIKEN_OK)
        return rc;
    c->copying = true;
    lk_buf_free(&c->copy);
    lk_buf_init(&c->copy, GATHER + ROW_MAX);
    rc = lk_buf_append(&c->copy, signature, SIGNATURE_BYTES, err);
    return rc == LIKEN_OK ? LIKEN_OK : abandon(c, rc);
}

static int put_number(lk_buf *to, int64_t value, size_t bytes, liken_error *err) {
    unsigned char out[4];
    for (size_t i = 0; i < bytes; i++)
        out[i] = (unsigned char)((uint64_t)value >> (8 * (bytes - 1 - i)) & 0xff);
    return lk_buf_append(to, out, bytes, err);
}

int lk_pg_copy_columns(lk_pg_conn *c, const lk_pg_column *columns, int count, liken_error *err) {
    size_t at[LK_PG_COLUMNS_MAX] = {0};
    if (!c->copying || count > LK_PG_COLUMNS_MAX)
        return lk_fail(err, LIKEN_E_INTERNAL, "Columns were given to no COPY, or too many. Please report it.");
    int rc = LIKEN_OK;
    for (int row = 0; rc == LIKEN_OK && row < columns[0].count; row++) {
        rc = put_number(&c->copy, count, 2, err);
        for (int i = 0; rc == LIKEN_OK && i < count; i++) {
            const size_t size = lk_pg_item_size(&columns[i], at[i]);
            rc = lk_buf_append(&c->copy, columns[i].bytes.data + at[i], size, err);
            at[i] += size;
        }
        if (rc == LIKEN_OK && c->copy.size >= GATHER)
            rc = send_gathered(c, err);
    }
    return rc == LIKEN_OK ? LIKEN_OK : abandon(c, rc);
}

int lk_pg_copy_end(lk_pg_conn *c, liken_error *err) {
    if (!c->copying)
        return lk_fail(err, LIKEN_E_INTERNAL, "A COPY was ended twice. Please report it.");
    int rc = put_number(&c->copy, -1, 2, err);
    if (rc == LIKEN_OK)
        rc = send_gathered(c, err);
    if (rc != LIKEN_OK)
        return abandon(c, rc);
    c->copying = false;
    lk_buf_free(&c->copy);
    int sent = PQputCopyEnd(c->pq, NULL);
    while (sent == 0 && rc == LIKEN_OK) {
        rc = lk_pg_flush(c, err);
        sent = PQputCopyEnd(c->pq, NULL);
    }
    if (rc == LIKEN_OK && sent != 1)
        rc = lk_pg_fail(c, NULL, err);
    return lk_pg_drain(c, rc, err);
}
