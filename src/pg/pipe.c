/* Statements with parameters: prepared under a number once a connection, sent in a pipeline, answered in order.
 *
 * libpq answers everything that was sent with one result and an end mark (NULL), and the sync that ends the pipeline
 * with one result. After a fault the rest is answered as aborted; a statement whose preparing was among that rest is
 * forgotten, to be prepared under a new number. */
#include "pg/pg_int.h"

#include "base/call.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 32
#define STATEMENT_BYTES ((size_t)1 << 30)

/* ---- what has been sent ---- */

static int note_sent(lk_pg_conn *c, unsigned prepares, liken_error *err) {
    if (c->sent_first + c->sent_count == c->sent_room) {
        const size_t room = c->sent_room == 0 ? 32 : 2 * c->sent_room;
        unsigned *sent = realloc(c->sent, room * sizeof *sent);
        if (sent == NULL)
            return lk_fail_memory(err);
        c->sent = sent;
        c->sent_room = room;
    }
    c->sent[c->sent_first + c->sent_count++] = prepares;
    return LIKEN_OK;
}

static void forget(lk_pg_conn *c, unsigned number) {
    for (int i = 0; i < c->kept_count; i++) {
        if (c->kept[i].number == number) {
            free(c->kept[i].sql);
            c->kept[i] = c->kept[--c->kept_count];
            return;
        }
    }
}

/* The number of the statement; *fresh: it must be prepared first. 0: no room to keep it. */
static unsigned keep(lk_pg_conn *c, const char *sql, bool *fresh) {
    *fresh = false;
    for (int i = 0; i < c->kept_count; i++) {
        if (strcmp(c->kept[i].sql, sql) == 0)
            return c->kept[i].number;
    }
    char *own = c->kept_count == LK_PG_STATEMENTS ? NULL : strdup(sql);
    if (own == NULL)
        return 0;
    *fresh = true;
    c->kept[c->kept_count++] = (lk_pg_kept){own, ++c->numbers};
    return c->numbers;
}

/* ---- sending ---- */

struct packed {
    Oid types[VALUES_MAX];
    const char *values[VALUES_MAX];
    int lengths[VALUES_MAX], formats[VALUES_MAX];
    lk_buf bytes;
};

static int pack(struct packed *p, const lk_pg_value *values, int count, liken_error *err) {
    size_t at[VALUES_MAX];
    if (count > VALUES_MAX)
        return lk_fail(err, LIKEN_E_INTERNAL, "A statement has more than %d parameters. Please report it.", VALUES_MAX);
    int rc = LIKEN_OK;
    for (int i = 0; rc == LIKEN_OK && i < count; i++) {
        at[i] = p->bytes.size;
        rc = lk_pg_encode(values[i], &p->bytes, err);
        p->types[i] = lk_pg_type_of(values[i]);
        p->formats[i] = 1;
        p->lengths[i] = (int)(p->bytes.size - at[i]);
    }
    for (int i = 0; rc == LIKEN_OK && i < count; i++) /* now that the buffer does not move any more */
        p->values[i] = values[i].null ? NULL : p->bytes.data == NULL ? "" : p->bytes.data + at[i];
    return rc;
}

static int send_prepare(lk_pg_conn *c, unsigned number, const char *sql, const struct packed *p, int count,
                        liken_error *err) {
    char name[16];
    (void)snprintf(name, sizeof name, "s%u", number);
    const int rc = note_sent(c, number, err);
    if (rc != LIKEN_OK)
        return rc;
    if (PQsendPrepare(c->pq, name, sql, count, p->types) == 1)
        return LIKEN_OK;
    c->sent_count--;
    return lk_pg_fail(c, NULL, err);
}

static int send_packed(lk_pg_conn *c, unsigned kind, const char *sql, const struct packed *p, int count,
                       liken_error *err) {
    char name[16];
    bool fresh = false;
    const unsigned number = keep(c, sql, &fresh);
    int rc = LIKEN_OK;
    if (fresh) {
        rc = send_prepare(c, number, sql, p, count, err);
        if (rc != LIKEN_OK)
            forget(c, number);
    }
    if (rc == LIKEN_OK)
        rc = note_sent(c, kind, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)snprintf(name, sizeof name, "s%u", number);
    const int sent = number == 0 ? PQsendQueryParams(c->pq, sql, count, p->types, p->values, p->lengths, p->formats, 1)
                                 : PQsendQueryPrepared(c->pq, name, count, p->values, p->lengths, p->formats, 1);
    if (sent == 1)
        return LIKEN_OK;
    c->sent_count--;
    return lk_pg_fail(c, NULL, err);
}

static int queue_one(lk_pg_conn *c, unsigned kind, const char *sql, const lk_pg_value *values, int count,
                     liken_error *err) {
    if (c->lost)
        return lk_pg_give_up(c, "the connection was lost", err);
    if (c->synced || c->copying)
        return lk_fail(err, LIKEN_E_INTERNAL,
                       "A statement was sent in the middle of another's answer. Please report it.");
    if (PQpipelineStatus(c->pq) == PQ_PIPELINE_OFF && PQenterPipelineMode(c->pq) == 0)
        return lk_pg_fail(c, NULL, err);
    struct packed p;
    lk_buf_init(&p.bytes, STATEMENT_BYTES);
    int rc = pack(&p, values, count, err);
    if (rc == LIKEN_OK)
        rc = send_packed(c, kind, sql, &p, count, err);
    lk_buf_free(&p.bytes);
    return rc;
}

/* ---- what the call has left ---- */

static int say_limit(lk_pg_conn *c, int ms, liken_error *err) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", ms);
    c->hurried = ms < c->server_ms;
    return queue_one(c, LK_PG_SAID, "SELECT set_config('statement_timeout', $1, true)", LK_PG_ARGS(lk_pg_text(text)),
                     err);
}

/* Rounded up, so that it has passed when the server says so. */
static int say_what_is_left(lk_pg_conn *c, liken_error *err) {
    const double left = ceil(lk_call_left() * 1000) + 1;
    if (c->settled || left >= c->server_ms)
        return c->hurried ? say_limit(c, c->server_ms, err) : LIKEN_OK;
    const int rc = lk_call_check(err);
    return rc == LIKEN_OK ? say_limit(c, (int)left, err) : rc;
}

static bool begins(const char *sql, const char *word) {
    return strncmp(sql, word, strlen(word)) == 0;
}

/* The limit goes before the first statement of a pipeline, behind a BEGIN, which wants to be the first; and is the
 * transaction's, which is the pipeline where there is no other. Ending one is not hurried. */
static int queue(lk_pg_conn *c, unsigned kind, const char *sql, const lk_pg_value *values, int count,
                 liken_error *err) {
    const bool first = !c->lost && c->sent_count == 0, begin = begins(sql, "BEGIN");
    const PGTransactionStatusType status = first ? PQtransactionStatus(c->pq) : PQTRANS_UNKNOWN;
    const bool due = first && (status == PQTRANS_IDLE || status == PQTRANS_INTRANS) && !begins(sql, "ROLLBACK") &&
                     !begins(sql, "COMMIT");
    int rc = LIKEN_OK;
    if (status == PQTRANS_IDLE)
        c->hurried = false;
    if (due && !begin)
        rc = say_what_is_left(c, err);
    if (rc == LIKEN_OK)
        rc = queue_one(c, kind, sql, values, count, err);
    if (rc == LIKEN_OK && due && begin)
        rc = say_what_is_left(c, err);
    return rc;
}

int lk_pg_queue(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, liken_error *err) {
    return queue(c, LK_PG_ASKED, sql, values, count, err);
}

int lk_pg_say(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, liken_error *err) {
    return queue(c, LK_PG_SAID, sql, values, count, err);
}

/* ---- answers ---- */

/* The result of the oldest thing sent, and its end mark. `aborted`: not done because of an earlier fault. */
static int read_one(lk_pg_conn *c, PGresult **out, bool *aborted, liken_error *err) {
    const unsigned prepares = c->sent[c->sent_first++];
    c->sent_count--;
    PGresult *r = NULL, *end = NULL;
    int rc = lk_pg_result_next(c, &r, err);
    if (rc == LIKEN_OK && r == NULL)
        rc = lk_pg_fail(c, NULL, err);
    if (rc != LIKEN_OK)
        return rc;
    const ExecStatusType status = PQresultStatus(r);
    *aborted = status == PGRES_PIPELINE_ABORTED;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && !*aborted)
        rc = lk_pg_fail(c, r, err);
    if (prepares != LK_PG_ASKED && prepares != LK_PG_SAID && (rc != LIKEN_OK || *aborted))
        forget(c, prepares);
    if (!c->lost) { /* exactly one more, the end mark */
        const int rest = lk_pg_result_next(c, &end, rc == LIKEN_OK ? err : NULL);
        rc = rc == LIKEN_OK ? rest : rc;
        PQclear(end);
    }
    if (rc == LIKEN_OK && !*aborted && out != NULL)
        *out = r;
    else
        PQclear(r);
    return rc;
}

static int sync_once(lk_pg_conn *c, liken_error *err) {
    if (c->synced)
        return LIKEN_OK;
    if (PQpipelineSync(c->pq) == 0)
        return lk_pg_fail(c, NULL, err);
    c->synced = true;
    return LIKEN_OK;
}

int lk_pg_send(lk_pg_conn *c, liken_error *err) {
    if (c->lost)
        return lk_pg_give_up(c, "the connection was lost", err);
    const int rc = sync_once(c, err);
    return rc == LIKEN_OK ? lk_pg_flush(c, err) : rc;
}

/* Reads on until a statement whose answer is wanted was answered. */
static int read_statement(lk_pg_conn *c, PGresult **out, liken_error *err) {
    bool asked = false, aborted = false;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && !asked && c->sent_count > 0) {
        asked = c->sent[c->sent_first] == LK_PG_ASKED;
        rc = read_one(c, asked ? out : NULL, &aborted, err);
    }
    if (rc == LIKEN_OK && aborted)
        rc =
            lk_fail(err, LIKEN_E_INTERNAL, "A statement was not done because an earlier one failed. Please report it.");
    return rc;
}

int lk_pg_answer(lk_pg_conn *c, lk_pg_result **out, liken_error *err) {
    if (c->lost)
        return lk_pg_give_up(c, "the connection was lost", err);
    if (c->sent_count == 0)
        return lk_fail(err, LIKEN_E_INTERNAL, "More answers were asked for than statements sent. Please report it.");
    const int rc = sync_once(c, err);
    return rc == LIKEN_OK ? read_statement(c, out, err) : rc;
}

/* The result that the sync itself gets. */
static int read_sync(lk_pg_conn *c, liken_error *err) {
    PGresult *r = NULL;
    int rc = lk_pg_result_next(c, &r, err);
    if (rc == LIKEN_OK && PQresultStatus(r) != PGRES_PIPELINE_SYNC)
        rc = lk_pg_fail(c, r, err);
    PQclear(r);
    return rc;
}

int lk_pg_finish(lk_pg_conn *c, int rc, liken_error *err) {
    bool aborted;
    liken_error late;
    int fault = LIKEN_OK;
    if (!c->lost && (c->sent_count > 0 || c->synced))
        fault = sync_once(c, &late);
    while (fault == LIKEN_OK && c->synced && c->sent_count > 0 && !c->lost) {
        fault = read_one(c, NULL, &aborted, &late);
        if (fault != LIKEN_OK && rc == LIKEN_OK) {
            rc = fault;
            if (err != NULL)
                *err = late;
        }
        if (!c->lost)
            fault = LIKEN_OK; /* told; the rest must be read all the same */
    }
    if (!c->lost && c->synced)
        fault = read_sync(c, &late);
    if (fault != LIKEN_OK && rc == LIKEN_OK) {
        rc = fault;
        if (err != NULL)
            *err = late;
    }
    c->sent_first = c->sent_count = 0;
    c->synced = false;
    return rc;
}

int lk_pg_exec(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, lk_pg_result **out,
               liken_error *err) {
    lk_pg_result *r = NULL;
    int rc = lk_pg_queue(c, sql, values, count, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &r, err);
    rc = lk_pg_finish(c, rc, err);
    if (rc == LIKEN_OK && out != NULL)
        *out = r;
    else
        lk_pg_clear(r);
    return rc;
}

int lk_pg_number(lk_pg_conn *c, const char *sql, const lk_pg_value *values, int count, int64_t missing, int64_t *out,
                 liken_error *err) {
    lk_pg_result *r = NULL;
    const int rc = lk_pg_exec(c, sql, values, count, &r, err);
    if (rc != LIKEN_OK)
        return rc;
    *out = lk_pg_rows(r) == 0 || lk_pg_is_null(r, 0, 0) ? missing : lk_pg_get_int(r, 0, 0);
    lk_pg_clear(r);
    return LIKEN_OK;
}
