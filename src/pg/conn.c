/* One connection. All talk is non-blocking underneath: this side waits with poll and a limit, because a server that is
 * paused, or a network that is cut, never says that nothing more will come. */
#include "pg/pg_int.h"

#include "base/call.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OLDEST_SERVER 130000

/* ---- waiting ---- */

#define DOUBT_FIRST 1.0 /* seconds of silence after which it is asked whether an answer can still come, */
#define DOUBT_AGAIN 5.0 /* and after which again, */
#define DOUBT_TAKES 4.0 /* unless what is left of the limit is less than asking may take */

static bool is_ready(const lk_pg_conn *c, short events) {
    struct pollfd p = {.fd = PQsocket(c->pq), .events = events};
    return poll(&p, 1, 0) > 0;
}

/* Can the answer still come? One that came meanwhile settles it. */
static int doubt(lk_pg_conn *c, short events, liken_error *err) {
    liken_error why = {0};
    int rc = lk_pg_ask_server(c, &why);
    if (rc == LIKEN_OK && c->doubt != NULL)
        rc = c->doubt(c->doubt_ctx, &why);
    c->lost = rc != LIKEN_OK && !is_ready(c, events); /* or else what follows would be left unread */
    if (!c->lost)
        return LIKEN_OK;
    if (err != NULL)
        *err = why;
    return rc;
}

/* No answer came in the time there was. */
static int give_up_late(lk_pg_conn *c, liken_error *err) {
    c->lost = true; /* or else what follows would be left unread */
    const int rc = c->settled ? LIKEN_OK : lk_call_check(err);
    return rc != LIKEN_OK ? rc : lk_pg_give_up(c, "it did not answer in time", err);
}

/* Waits until the socket is ready for `events`; gives the connection up when it is not by `until`. */
static int wait_ready(lk_pg_conn *c, short events, double until, liken_error *err) {
    double ask = lk_clock_monotonic() + DOUBT_FIRST;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK) {
        const double now = lk_clock_monotonic(), next = ask < until - DOUBT_TAKES ? ask : until;
        struct pollfd p = {.fd = PQsocket(c->pq), .events = events};
        const int n = next <= now ? 0 : poll(&p, 1, (int)((next - now) * 1000) + 1);
        if (n > 0)
            return LIKEN_OK;
        if (n < 0 && errno != EINTR)
            return lk_pg_give_up(c, "its socket cannot be waited for", err);
        if (n == 0 && now >= until)
            return give_up_late(c, err);
        if (n == 0 && now >= next) {
            rc = doubt(c, events, err);
            ask = lk_clock_monotonic() + DOUBT_AGAIN;
        }
    }
    return rc;
}

void lk_pg_doubt(lk_pg_conn *c, lk_pg_doubt_fn *fn, void *ctx) {
    c->doubt = fn;
    c->doubt_ctx = ctx;
}

static double limit_of(const lk_pg_conn *c) {
    const double own = c->patience_ms / 1000.0, left = c->settled ? own : lk_call_left() + LK_PG_LATE_MS / 1000.0;
    return lk_clock_monotonic() + fmin(own, left);
}

/* Sends a part and reads what came; `more`: whether something waits to be sent. */
static int push_and_pull(lk_pg_conn *c, bool *more, liken_error *err) {
    if (PQconsumeInput(c->pq) == 0)
        return lk_pg_fail(c, NULL, err);
    const int left = PQflush(c->pq);
    if (left < 0)
        return lk_pg_fail(c, NULL, err);
    *more = left > 0;
    return LIKEN_OK;
}

/* Much to send takes long; what is waited for is that the server takes some more of it. */
int lk_pg_flush(lk_pg_conn *c, liken_error *err) {
    bool more = true;
    int rc = push_and_pull(c, &more, err);
    while (rc == LIKEN_OK && more) {
        rc = wait_ready(c, POLLIN | POLLOUT, limit_of(c), err);
        if (rc == LIKEN_OK)
            rc = push_and_pull(c, &more, err);
    }
    return rc;
}

int lk_pg_result_next(lk_pg_conn *c, PGresult **out, liken_error *err) {
    const double until = limit_of(c);
    bool more = false;
    int rc = push_and_pull(c, &more, err);
    while (rc == LIKEN_OK && PQisBusy(c->pq)) {
        rc = wait_ready(c, (short)(more ? POLLIN | POLLOUT : POLLIN), until, err);
        if (rc == LIKEN_OK)
            rc = push_and_pull(c, &more, err);
    }
    if (rc == LIKEN_OK)
        *out = PQgetResult(c->pq);
    return rc;
}

int lk_pg_drain(lk_pg_conn *c, int rc, liken_error *err) {
    while (!c->lost) {
        PGresult *r = NULL;
        liken_error *first = rc == LIKEN_OK ? err : NULL;
        int now = lk_pg_result_next(c, &r, first);
        if (now == LIKEN_OK && r == NULL)
            break;
        const ExecStatusType status = now == LIKEN_OK ? PQresultStatus(r) : PGRES_FATAL_ERROR;
        if (now == LIKEN_OK && status == PGRES_FATAL_ERROR)
            now = lk_pg_fail(c, r, first);
        PQclear(r);
        rc = rc == LIKEN_OK ? now : rc;
    }
    return rc;
}

int lk_pg_plain(lk_pg_conn *c, liken_error *err) {
    if (PQpipelineStatus(c->pq) == PQ_PIPELINE_OFF || PQexitPipelineMode(c->pq) == 1)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_INTERNAL, "A pipeline to the database was left unfinished. Please report it.");
}

int lk_pg_script(lk_pg_conn *c, const char *sql, liken_error *err) {
    const int rc = lk_pg_plain(c, err);
    if (rc != LIKEN_OK)
        return rc;
    if (PQsendQuery(c->pq, sql) == 0)
        return lk_pg_fail(c, NULL, err);
    return lk_pg_drain(c, LIKEN_OK, err);
}

/* ---- connecting ---- */

static void hear_notice(void *arg, const PGresult *r) {
    const lk_pg_conn *c = arg;
    const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    const bool warning = severity != NULL && strcmp(severity, "WARNING") == 0;
    lk_log(warning ? LIKEN_LOG_WARN : LIKEN_LOG_INFO, "database %s: %.400s", c->db->name, text == NULL ? "" : text);
}

/* What comes before `dbname` may be overridden by the connection string. A peer that vanished is noticed within about
 * ten seconds. */
static PGconn *dial(const lk_pg *db) {
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%d", db->options.connect_s);
    const char *const names[] = {"connect_timeout",  "keepalives_idle",           "keepalives_interval",
                                 "keepalives_count", "tcp_user_timeout",          "dbname",
                                 "client_encoding",  "fallback_application_name", NULL};
    const char *const values[] = {seconds, "5", "2", "3", "10000", db->where, "UTF8", "liken", NULL};
    return PQconnectdbParams(names, values, 1);
}

/* What roles and databases may set otherwise, and what this program's SQL relies on. */
static int set_ways(lk_pg_conn *c, liken_error *err) {
    return lk_pg_say(
        c,
        "SELECT set_config('standard_conforming_strings', 'on', false),"
        " set_config('default_transaction_isolation', 'read committed', false),"
        " set_config('extra_float_digits', '1', false),"
        " set_config('search_path', CASE WHEN $1 THEN 'pg_catalog' ELSE current_setting('search_path') END,"
        " false)",
        LK_PG_ARGS(lk_pg_bool(c->db->options.own_names)), err);
}

static int set_limits(lk_pg_conn *c, liken_error *err) {
    const lk_pg_options *o = &c->db->options;
    char ms[16], idle_ms[16];
    (void)snprintf(ms, sizeof ms, "%d", o->statement_ms);
    (void)snprintf(idle_ms, sizeof idle_ms, "%d", o->statement_ms > 2000 ? o->statement_ms / 2 : 1000);
    /* a liken that stops in the middle of a transaction is cut off before those who wait for it give up; a commit that
     * was acknowledged is on disk. Statements here are short or read everything once: compiling them takes longer than
     * it saves. */
    return lk_pg_say(c,
                     "SELECT set_config('statement_timeout', $1, false), set_config('lock_timeout', $1, false),"
                     " set_config('idle_in_transaction_session_timeout', $3, false),"
                     " set_config('default_transaction_read_only', CASE WHEN $2 THEN 'on' ELSE"
                     " current_setting('default_transaction_read_only') END, false),"
                     " set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
                     " ELSE current_setting('synchronous_commit') END, false), set_config('jit', 'off', false)",
                     LK_PG_ARGS(lk_pg_text(ms), lk_pg_bool(o->read_only), lk_pg_text(idle_ms)), err);
}

static int prepare_conn(lk_pg_conn *c, liken_error *err) {
    if (PQstatus(c->pq) != CONNECTION_OK)
        return lk_pg_refused(c, err);
    if (PQserverVersion(c->pq) < OLDEST_SERVER)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "The database %s is PostgreSQL %d; liken needs %d or newer.",
                       c->db->name, PQserverVersion(c->pq) / 10000, OLDEST_SERVER / 10000);
    (void)PQsetNoticeReceiver(c->pq, hear_notice, c);
    if (PQsetnonblocking(c->pq, 1) != 0)
        return lk_pg_fail(c, NULL, err);
    const int rc = set_ways(c, err);
    return lk_pg_finish(c, rc == LIKEN_OK ? set_limits(c, err) : rc, err);
}

int lk_pg_connect(lk_pg *db, lk_pg_conn **out, liken_error *err) {
    lk_pg_conn *c = calloc(1, sizeof *c);
    if (c == NULL)
        return lk_fail_memory(err);
    c->db = db;
    c->fresh = true;
    c->patience_ms = db->options.statement_ms + LK_PG_GRACE_MS;
    c->server_ms = db->options.statement_ms;
    c->pq = dial(db);
    const int rc = c->pq == NULL ? lk_fail_memory(err) : prepare_conn(c, err);
    if (rc != LIKEN_OK) {
        lk_pg_disconnect(c);
        return rc;
    }
    *out = c;
    return LIKEN_OK;
}

void lk_pg_disconnect(lk_pg_conn *c) {
    if (c == NULL)
        return;
    PQfinish(c->pq);
    for (int i = 0; i < c->kept_count; i++)
        free(c->kept[i].sql);
    free(c->sent);
    lk_buf_free(&c->copy);
    free(c);
}

/* ---- what others ask of it ---- */

bool lk_pg_lost(const lk_pg_conn *c) {
    return c->lost;
}

bool lk_pg_is_stale(const lk_pg_conn *c) {
    return (c->lost && !c->fresh) || c->behind;
}

const char *lk_pg_sqlstate(const lk_pg_conn *c) {
    return c->sqlstate;
}

int lk_pg_server(const lk_pg_conn *c) {
    return PQserverVersion(c->pq);
}

const char *lk_pg_parameter(const lk_pg_conn *c, const char *name) {
    const char *value = PQparameterStatus(c->pq, name);
    return value == NULL ? "" : value;
}

const char *lk_pg_conn_name(const lk_pg_conn *c) {
    return c->db->name;
}

bool lk_pg_is_idle(const lk_pg_conn *c) {
    return PQtransactionStatus(c->pq) == PQTRANS_IDLE;
}

void lk_pg_settle(lk_pg_conn *c) {
    c->settled = true;
}

void lk_pg_hurry(lk_pg_conn *c, int ms) {
    c->patience_ms = ms;
}

lk_pg_place lk_pg_where(const lk_pg_conn *c) {
    return (lk_pg_place){PQhost(c->pq), PQport(c->pq), PQdb(c->pq), PQuser(c->pq), PQpass(c->pq)};
}

int lk_pg_patience(lk_pg_conn *c, int ms, liken_error *err) {
    char text[16];
    (void)snprintf(text, sizeof text, "%d", ms);
    const int rc = lk_pg_exec(c,
                              "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true),"
                              " set_config('idle_in_transaction_session_timeout', $1, true)",
                              LK_PG_ARGS(lk_pg_text(text)), NULL, err);
    if (rc == LIKEN_OK) {
        c->patience_ms = ms + LK_PG_GRACE_MS;
        c->server_ms = ms;
    }
    return rc;
}

char *lk_pg_identifier(lk_pg_conn *c, const char *name) {
    char *quoted = PQescapeIdentifier(c->pq, name, strlen(name));
    char *own = quoted == NULL ? NULL : strdup(quoted);
    PQfreemem(quoted);
    return own;
}
