/* A database and its pool. Connections are made when they are first needed, at most `connections` at once; who finds
 * none idle waits. When one is lost the others of its age are closed as they come to hand; when none can be made, calls
 * fail at once with the last reason until it is time for another attempt. */
#include "pg/pg_int.h"

#include "base/call.h"
#include "base/clock.h"
#include "base/log.h"

#include <assert.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FIRST_PAUSE 0.1
#define LONGEST_PAUSE 2.0
#define THERE 1.0       /* seconds for which a server that was there is not asked again */
#define ASK_SECONDS "2" /* which it may take to answer, */
#define ASK_TIMES 2     /* and how often it is asked */

/* ---- naming it ---- */

static const char *value_of(const PQconninfoOption *list, const char *keyword) {
    for (; list != NULL && list->keyword != NULL; list++) {
        if (strcmp(list->keyword, keyword) == 0)
            return list->val;
    }
    return NULL;
}

static void write_name(const PQconninfoOption *given, const PQconninfoOption *defaults, char *out, size_t room) {
    static const char *const words[] = {"user", "host", "port", "dbname"};
    const char *v[4];
    for (size_t i = 0; i < 4; i++) {
        v[i] = value_of(given, words[i]);
        if (v[i] == NULL)
            v[i] = value_of(defaults, words[i]);
    }
    const char *user = v[0] == NULL ? "" : v[0], *host = v[1] == NULL ? "" : v[1];
    const char *port = v[2] == NULL ? "5432" : v[2], *base = v[3] == NULL ? user : v[3];
    const char *service = value_of(given, "service");
    if (service != NULL && *service != '\0')
        (void)snprintf(out, room, "postgres://?service=%s", service);
    else if (host[0] == '/' || host[0] == '\0') /* a socket in a folder */
        (void)snprintf(out, room, "postgres://%s@/%s?host=%s&port=%s", user, base, host, port);
    else
        (void)snprintf(out, room, "postgres://%s@%s:%s/%s", user, host, port, base);
}

static int fail_address(liken_error *err) {
    return lk_fail(err, LIKEN_E_ARG,
                   "The store's address cannot be read; write it as postgres://user@host:port/database (a character "
                   "such as @ or / inside a name or password as %%40, %%2F).");
}

int lk_pg_address(const char *where, char *out, size_t room, liken_error *err) {
    char *why = NULL;
    PQconninfoOption *given = PQconninfoParse(where, &why), *defaults = PQconndefaults();
    /* libpq's own words may quote a part of the string, and with it a password */
    PQfreemem(why);
    if (given != NULL && defaults != NULL)
        write_name(given, defaults, out, room);
    const int rc = given != NULL && defaults != NULL ? LIKEN_OK : fail_address(err);
    PQconninfoFree(given);
    PQconninfoFree(defaults);
    return rc;
}

int lk_pg_each_option(const char *where, lk_pg_option_fn *fn, void *ctx, liken_error *err) {
    PQconninfoOption *given = PQconninfoParse(where, NULL);
    int rc = given == NULL ? fail_address(err) : LIKEN_OK;
    for (const PQconninfoOption *o = given; rc == LIKEN_OK && o->keyword != NULL; o++)
        rc = fn(ctx, o->keyword, o->val, err);
    PQconninfoFree(given);
    return rc;
}

const char *lk_pg_name(const lk_pg *db) {
    return db->name;
}

/* ---- opening and closing ---- */

static void set_defaults(lk_pg_options *o) {
    if (o->connections <= 0)
        o->connections = 8;
    if (o->connections > LK_PG_POOL_MAX)
        o->connections = LK_PG_POOL_MAX;
    if (o->connect_s <= 0)
        o->connect_s = 3;
    if (o->statement_ms <= 0)
        o->statement_ms = 8000;
}

static lk_pg *pool_new(const char *where, const lk_pg_options *options) {
    lk_pg *db = calloc(1, sizeof *db);
    if (db == NULL)
        return NULL;
    if (options != NULL)
        db->options = *options;
    set_defaults(&db->options);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&db->room, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&db->lock, NULL);
    db->where = strdup(where);
    return db;
}

int lk_pg_open(lk_pg **out, const char *where, const lk_pg_options *options, liken_error *err) {
    lk_pg *db = pool_new(where, options);
    if (db == NULL || db->where == NULL) {
        lk_pg_close(db);
        return lk_fail_memory(err);
    }
    lk_pg_conn *c = NULL;
    int rc = lk_pg_address(where, db->name, sizeof db->name, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_take(db, &c, err);
    if (rc != LIKEN_OK) {
        lk_pg_close(db);
        return rc;
    }
    lk_pg_give(db, c);
    *out = db;
    return LIKEN_OK;
}

int lk_pg_open_again(lk_pg **out, const lk_pg *db, const lk_pg_options *options, liken_error *err) {
    return lk_pg_open(out, db->where, options, err);
}

void lk_pg_close(lk_pg *db) {
    if (db == NULL)
        return;
    assert(db->idle_count == db->open); /* every connection was given back */
    for (int i = 0; i < db->idle_count; i++)
        lk_pg_disconnect(db->idle[i]);
    pthread_mutex_destroy(&db->lock);
    pthread_cond_destroy(&db->room);
    free(db->where);
    free(db);
}

/* ---- taking ---- */

/* Waits for a place in the pool; *out is an idle connection, or NULL: the caller may make one. */
static int take_place(lk_pg *db, lk_pg_conn **out, liken_error *err) {
    const double wait = fmin(db->options.statement_ms / 1000.0 + 1, lk_call_left());
    const struct timespec until = lk_clock_after(wait);
    int rc = 0;
    pthread_mutex_lock(&db->lock);
    while (rc == 0 && db->idle_count == 0 && db->open == db->options.connections)
        rc = pthread_cond_timedwait(&db->room, &db->lock, &until);
    const bool got = db->idle_count > 0 || db->open < db->options.connections;
    *out = NULL;
    if (db->idle_count > 0)
        *out = db->idle[--db->idle_count];
    else if (got)
        db->open++;
    pthread_mutex_unlock(&db->lock);
    const int over = got ? LIKEN_OK : lk_call_check(err);
    if (over != LIKEN_OK)
        return over;
    return got ? LIKEN_OK
               : lk_fail(err, LIKEN_E_BUSY, "All %d connections to the database %s are in use; try again in a moment.",
                         db->options.connections, db->name);
}

static void leave_place(lk_pg *db) {
    pthread_mutex_lock(&db->lock);
    db->open--;
    pthread_cond_signal(&db->room);
    pthread_mutex_unlock(&db->lock);
}

/* Nothing should have come on an idle connection; what did is a notice, or the server's goodbye. */
static bool is_alive(lk_pg *db, lk_pg_conn *c) {
    pthread_mutex_lock(&db->lock);
    const bool young = c->generation == db->generation;
    pthread_mutex_unlock(&db->lock);
    if (!young)
        return false;
    struct pollfd p = {.fd = PQsocket(c->pq), .events = POLLIN};
    if (poll(&p, 1, 0) == 0)
        return true;
    return PQconsumeInput(c->pq) == 1 && PQstatus(c->pq) == CONNECTION_OK && (p.revents & (POLLERR | POLLHUP)) == 0;
}

/* Is it time for an attempt? If not, or while another makes one, the last reason again. */
static int may_try(lk_pg *db, liken_error *err) {
    liken_error why = {0};
    pthread_mutex_lock(&db->lock);
    if (db->trying || lk_clock_monotonic() < db->retry_at)
        why = db->why;
    else
        db->trying = db->pause > 0;
    pthread_mutex_unlock(&db->lock);
    if (why.code == LIKEN_OK)
        return LIKEN_OK;
    if (err != NULL)
        *err = why;
    return why.code;
}

static void note_attempt(lk_pg *db, lk_pg_conn *c, const liken_error *why) {
    pthread_mutex_lock(&db->lock);
    const bool was_away = db->pause > 0, met = db->met;
    db->trying = false;
    db->met = met || c != NULL;
    if (c != NULL) {
        c->generation = db->generation;
        db->pause = db->retry_at = 0;
    } else {
        db->pause = !was_away ? FIRST_PAUSE : db->pause * 2 < LONGEST_PAUSE ? db->pause * 2 : LONGEST_PAUSE;
        db->retry_at = lk_clock_monotonic() + db->pause;
        db->why = *why;
    }
    pthread_mutex_unlock(&db->lock);
    if (c == NULL && met && !was_away) /* else whoever opens it tells */
        lk_log(LIKEN_LOG_WARN, "%s", why->message);
    else if (c != NULL && was_away)
        lk_log(LIKEN_LOG_INFO, "the database %s answers again", db->name);
}

int lk_pg_make(lk_pg *db, lk_pg_conn **out, liken_error *err) {
    liken_error why = {0};
    int rc = may_try(db, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_connect(db, out, &why);
    note_attempt(db, rc == LIKEN_OK ? *out : NULL, &why);
    if (rc != LIKEN_OK && err != NULL)
        *err = why;
    return rc;
}

/* Any answer will do, also that it takes no connections. Of several hosts, the one that this connection is to. */
static PGPing ping(const lk_pg_conn *c) {
    const char *host = PQhost(c->pq), *address = PQhostaddr(c->pq), *port = PQport(c->pq);
    const bool numeric = address != NULL && *address != '\0';
    const char *const names[] = {"dbname", "connect_timeout",           "port", "target_session_attrs",
                                 "host",   numeric ? "hostaddr" : NULL, NULL};
    const char *const values[] = {c->db->where, ASK_SECONDS, port, "any", host, address, NULL};
    return PQpingParams(names, values, 1);
}

int lk_pg_ask_server(lk_pg_conn *c, liken_error *err) {
    liken_error why;
    lk_pg *db = c->db;
    pthread_mutex_lock(&db->lock);
    bool there = lk_clock_monotonic() < db->there_at + THERE;
    pthread_mutex_unlock(&db->lock);
    for (int i = 0; i < ASK_TIMES && !there; i++) {
        const PGPing answer = ping(c);
        there = answer != PQPING_NO_RESPONSE;
    }
    if (there) {
        pthread_mutex_lock(&db->lock);
        db->there_at = lk_clock_monotonic();
        pthread_mutex_unlock(&db->lock);
        return LIKEN_OK;
    }
    (void)lk_pg_give_up(c, "it neither answers nor takes connections", &why);
    note_attempt(db, NULL, &why);
    if (err != NULL)
        *err = why;
    return why.code;
}

int lk_pg_take(lk_pg *db, lk_pg_conn **out, liken_error *err) {
    lk_pg_conn *c = NULL;
    int rc = take_place(db, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    if (c != NULL && !is_alive(db, c)) {
        lk_pg_disconnect(c);
        c = NULL;
    }
    if (c != NULL)
        c->fresh = false;
    else
        rc = lk_pg_make(db, &c, err);
    if (rc == LIKEN_OK)
        *out = c;
    else
        leave_place(db);
    return rc;
}

/* ---- giving back ---- */

static void clean(lk_pg_conn *c) {
    c->patience_ms = c->db->options.statement_ms + LK_PG_GRACE_MS;
    c->server_ms = c->db->options.statement_ms;
    c->hurried = c->settled = false;
    c->sqlstate[0] = '\0';
    c->behind = false;
    c->doubt = NULL;
    if (c->lost || PQtransactionStatus(c->pq) == PQTRANS_IDLE)
        return;
    liken_error ignored; /* a connection that cannot even roll back is closed, and the server rolls back */
    if (c->copying || lk_pg_exec(c, "ROLLBACK", LK_PG_NO_ARGS, NULL, &ignored) != LIKEN_OK)
        c->lost = true;
}

void lk_pg_give(lk_pg *db, lk_pg_conn *c) {
    if (c == NULL)
        return;
    clean(c);
    pthread_mutex_lock(&db->lock);
    if (c->lost) {
        db->open--;
        db->generation++;
    } else {
        assert(db->idle_count < db->open && db->open <= db->options.connections);
        db->idle[db->idle_count++] = c;
    }
    pthread_cond_signal(&db->room);
    pthread_mutex_unlock(&db->lock);
    if (c->lost)
        lk_pg_disconnect(c);
}

int lk_pg_with(lk_pg *db, lk_pg_fn *fn, void *arg, liken_error *err) {
    for (bool again = true;; again = false) {
        lk_pg_conn *c = NULL;
        int rc = lk_pg_take(db, &c, err);
        if (rc != LIKEN_OK)
            return rc;
        rc = fn(c, arg, err);
        again = again && rc == LIKEN_E_BUSY && lk_pg_is_stale(c);
        lk_pg_give(db, c);
        if (!again)
            return rc;
    }
}
