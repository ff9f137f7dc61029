/* Writing: one transaction at a time, whatever the number of processes.
 *
 * The first statement locks the row of liken.counters and the last ones raise it, tell the listeners and commit, so
 * that ids and change numbers rise in the order of commits. The fault that needs care is a connection that is lost
 * while COMMIT is on its way: nobody knows whether it happened. So each commit leaves a random number of its own in
 * liken.commits; on a new connection, with the row locked again (so that the old transaction has ended), it is there or
 * not. (The server's own number of the transaction would not do: one that a crash undid is given again.)
 *
 * Another session may hold that row, and then each writer keeps a connection while it waits. So only WRITERS of a
 * process are let in at a time, and reads find a connection all the same. */
#include "store/postgres/postgres_int.h"

#include "base/call.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "store/events.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESOLVE_SECONDS 6.0 /* how long it is tried to learn what became of a commit */
#define KEPT_COMMITS 10000  /* more than happen in that time */
#define WRITERS 3           /* of the pool's connections */
#define ENTER_SECONDS 10    /* what one of them may take, and a bit */

struct commit {
    bool open;             /* it was sent, and its fate is not known */
    int64_t change, token; /* its number, and what it leaves in liken.commits */
    bool again;            /* nothing was committed, and a connection that is not stale may do better */
};

void lk_postgres_note_version(lk_postgres *s, int64_t version) {
    pthread_mutex_lock(&s->version_lock);
    if (version > s->version)
        s->version = version;
    pthread_mutex_unlock(&s->version_lock);
}

/* Locks the counters; *settled: the commit in `k`, whose fate was open, did happen. */
static int begin(lk_postgres *s, lk_pg_conn *c, struct commit *k, lk_postgres_write_state *w, bool *settled,
                 liken_error *err) {
    lk_pg_result *row = NULL, *found = NULL;
    int rc = lk_pg_say(c, "BEGIN ISOLATION LEVEL READ COMMITTED", LK_PG_NO_ARGS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c,
                         "SELECT c.face, c.image, c.deletion, c.change, (SELECT value::bigint FROM liken.meta"
                         " WHERE key = 'schema') FROM liken.counters c FOR UPDATE OF c",
                         LK_PG_NO_ARGS, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_queue(c, "SELECT 1 FROM liken.commits WHERE change = $1 AND token = $2",
                         LK_PG_ARGS(lk_pg_int8(k->change), lk_pg_int8(k->token)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &row, err);
    if (rc == LIKEN_OK)
        rc = lk_pg_answer(c, &found, err);
    rc = lk_pg_finish(c, rc, err);
    if (rc == LIKEN_OK && (lk_pg_rows(row) != 1 || lk_pg_get_int(row, 0, 4) != LK_POSTGRES_SCHEMA))
        rc = lk_fail(
            err, LIKEN_E_STORE,
            "The tables of the database %s are not as this liken knows them (schema %lld, this liken knows %d); "
            "nothing was written. Restart liken, and update it if it says so.",
            lk_pg_name(s->db), (long long)(lk_pg_rows(row) == 1 ? lk_pg_get_int(row, 0, 4) : 0), LK_POSTGRES_SCHEMA);
    if (rc == LIKEN_OK) {
        *w = (lk_postgres_write_state){.face = lk_pg_get_int(row, 0, 0),
                                       .image = lk_pg_get_int(row, 0, 1),
                                       .deletion = lk_pg_get_int(row, 0, 2),
                                       .actor = lk_event_actor(),
                                       .request = lk_event_request(),
                                       .inside = s->base.inside};
        *settled = k->open && lk_pg_rows(found) > 0;
        if (!*settled)
            k->change = lk_pg_get_int(row, 0, 3) + 1;
    }
    lk_pg_clear(row);
    lk_pg_clear(found);
    return rc;
}

static int commit(lk_pg_conn *c, const lk_postgres_write_state *w, struct commit *k, liken_error *err) {
    assert(k->change > 0 && w->face >= 0 && w->image >= 0 && w->deletion >= 0);
    lk_random(&k->token, sizeof k->token);
    int rc = lk_pg_say(
        c, "UPDATE liken.counters SET face = $1, image = $2, deletion = $3, change = $4",
        LK_PG_ARGS(lk_pg_int8(w->face), lk_pg_int8(w->image), lk_pg_int8(w->deletion), lk_pg_int8(k->change)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "INSERT INTO liken.commits (change, token) VALUES ($1, $2)",
                       LK_PG_ARGS(lk_pg_int8(k->change), lk_pg_int8(k->token)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "DELETE FROM liken.commits WHERE change <= $1",
                       LK_PG_ARGS(lk_pg_int8(k->change - KEPT_COMMITS)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "SELECT pg_notify('" LK_POSTGRES_CHANNEL "', $1::bigint::text)",
                       LK_PG_ARGS(lk_pg_int8(k->change)), err);
    if (rc == LIKEN_OK)
        rc = lk_pg_say(c, "COMMIT", LK_PG_NO_ARGS, err);
    rc = lk_pg_finish(c, rc, err);
    k->open = rc != LIKEN_OK && lk_pg_lost(c);
    return rc;
}

static int transact(lk_postgres *s, lk_pg_conn *c, struct commit *k, lk_postgres_write_fn *fn, void *arg,
                    liken_error *err) {
    lk_postgres_write_state w;
    bool settled = false;
    int rc = begin(s, c, k, &w, &settled, err);
    if (rc != LIKEN_OK || settled)
        return rc;
    lk_pg_settle(c);
    k->open = false; /* the earlier attempt, if there was one, came to nothing */
    rc = fn(c, &w, arg, err);
    if (rc == LIKEN_OK && w.changed)
        return commit(c, &w, k, err);
    k->change = 0;
    return rc;
}

static int attempt(lk_postgres *s, struct commit *k, lk_postgres_write_fn *fn, void *arg, bool first,
                   liken_error *err) {
    lk_pg_conn *c = NULL;
    k->again = false;
    int rc = lk_pg_take(s->db, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = lk_pg_write_refused(c, transact(s, c, k, fn, arg, err), err);
    k->again = first && rc == LIKEN_E_BUSY && (lk_pg_lost(c) || lk_pg_is_stale(c));
    lk_pg_give(s->db, c);
    return rc;
}

/* For the same caller, but whatever deadline that has: it wants to know. */
static int attempt_patiently(lk_postgres *s, struct commit *k, lk_postgres_write_fn *fn, void *arg, liken_error *err) {
    lk_call patient;
    const liken_call *now = lk_call_now();
    const liken_call call = {.size = sizeof call, .actor = now->actor, .request_id = now->request_id};
    int rc = lk_call_begin(&patient, &call, err);
    if (rc == LIKEN_OK)
        rc = attempt(s, k, fn, arg, false, err);
    lk_call_end(&patient);
    return rc;
}

static int tell_unknown(lk_postgres *s, liken_error *err) {
    return lk_fail(
        err, LIKEN_E_BUSY,
        "The database %s went away in the middle of a commit, so it is not known whether the change was made. "
        "Send it again in a moment: nothing is stored twice.",
        lk_pg_name(s->db));
}

static int enter(lk_postgres *s, liken_error *err) {
    const struct timespec until = lk_clock_after(fmin(ENTER_SECONDS, lk_call_left()));
    int late = 0;
    pthread_mutex_lock(&s->write_lock);
    while (s->writers == WRITERS && late == 0)
        late = pthread_cond_timedwait(&s->write_room, &s->write_lock, &until);
    const bool room = s->writers < WRITERS;
    s->writers += room;
    pthread_mutex_unlock(&s->write_lock);
    const int over = room ? LIKEN_OK : lk_call_check(err);
    if (room || over != LIKEN_OK)
        return over;
    return lk_fail(err, LIKEN_E_BUSY,
                   "Earlier writes to the database %s still wait, maybe for a lock that another session holds; "
                   "try again in a moment.",
                   lk_pg_name(s->db));
}

static void leave(lk_postgres *s) {
    pthread_mutex_lock(&s->write_lock);
    assert(s->writers > 0 && s->writers <= WRITERS);
    s->writers--;
    pthread_cond_signal(&s->write_room);
    pthread_mutex_unlock(&s->write_lock);
}

static int write_settled(lk_postgres *s, lk_postgres_write_fn *fn, void *arg, liken_error *err) {
    struct commit k = {0};
    liken_error why = {0};
    double until = 0;
    int rc = attempt(s, &k, fn, arg, true, &why);
    if (!k.open && k.again)
        rc = attempt(s, &k, fn, arg, false, &why);
    for (until = lk_clock_monotonic() + RESOLVE_SECONDS; k.open && rc != LIKEN_OK;) {
        if (lk_clock_monotonic() > until)
            return tell_unknown(s, err);
        (void)nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
        rc = attempt_patiently(s, &k, fn, arg, &why);
    }
    if (rc == LIKEN_OK)
        lk_postgres_note_version(s, k.change);
    else if (rc == LIKEN_E_BUSY)
        rc = lk_cluster_explain(s->cluster, rc, &why);
    if (rc != LIKEN_OK && err != NULL)
        *err = why;
    return rc;
}

int lk_postgres_write(lk_postgres *s, lk_postgres_write_fn *fn, void *arg, liken_error *err) {
    if (s->read_only)
        return lk_fail(err, LIKEN_E_READ_ONLY, "The store %s was opened read-only; open it for writing to change it.",
                       lk_pg_name(s->db));
    int rc = enter(s, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = write_settled(s, fn, arg, err);
    leave(s);
    return rc;
}
