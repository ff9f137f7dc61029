/* The one place where libpq's faults become liken's sentences. What matters to whoever called: is the database away, or
 * too busy, so that trying again helps (BUSY), or is something wrong that will stay wrong (STORE)? */
#include "pg/pg_int.h"

#include "base/call.h"
#include "base/clock.h"
#include "base/text.h"

#include <string.h>

#define FULL_SECONDS 30 /* for so long a disk that was full is taken to be it */

/* The first line of what the server or libpq said, without the final full stop. */
static void first_line(const char *text, char *out, size_t room) {
    while (*text == ' ' || *text == '\n')
        text++;
    size_t n = strcspn(text, "\n");
    if (n >= room)
        n = room - 1;
    while (n > 0 && (text[n - 1] == '.' || text[n - 1] == ' ' || text[n - 1] == '\r'))
        n--;
    n = lk_utf8_cut(text, n);
    memcpy(out, text, n);
    out[n] = '\0';
}

int lk_pg_give_up(lk_pg_conn *c, const char *why, liken_error *err) {
    c->lost = true;
    return lk_fail(err, LIKEN_E_BUSY,
                   "The database %s cannot be reached (%s); try again in a moment, or see to the server.", c->db->name,
                   why);
}

int lk_pg_refused(lk_pg_conn *c, liken_error *err) {
    char why[256];
    const char *said = PQerrorMessage(c->pq), *fatal = strstr(said, "FATAL: ");
    if (fatal == NULL)
        return lk_pg_fail(c, NULL, err); /* no server said anything */
    c->lost = true;
    first_line(fatal + sizeof "FATAL: " - 1, why, sizeof why);
    return lk_fail(
        err, LIKEN_E_BUSY,
        "The database %s took no connection (%s); try again in a moment, and if that does not help see to the "
        "address, the user and the password, or make the database (createdb).",
        c->db->name, why);
}

static bool is_state(const lk_pg_conn *c, const char *const list[]) {
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strncmp(c->sqlstate, list[i], strlen(list[i])) == 0)
            return true;
    }
    return false;
}

static int fail_full(lk_pg_conn *c, const char *why, liken_error *err) {
    pthread_mutex_lock(&c->db->lock);
    c->db->full_at = lk_clock_monotonic();
    pthread_mutex_unlock(&c->db->lock);
    return lk_fail(err, LIKEN_E_FULL,
                   "The disk of the database %s is full (%s); nothing was written. Free some space and try again.",
                   c->db->name, why);
}

int lk_pg_room(lk_pg *db, liken_error *err) {
    pthread_mutex_lock(&db->lock);
    const double at = db->full_at;
    pthread_mutex_unlock(&db->lock);
    if (at <= 0 || lk_clock_monotonic() - at > FULL_SECONDS)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_FULL, "The disk of the database %s is full; free some space.", db->name);
}

static int busy_or_wrong(lk_pg_conn *c, const char *why, liken_error *err) {
    static const char *const over_time[] = {"57014", "55P03", NULL};
    static const char *const pooler[] = {"26000", "42P05", NULL};
    static const char *const again[] = {"40", "53300", "53400", NULL};
    static const char lost_node[] =
        "failure on connection marked as essential"; /* Citus's, of no SQLSTATE of its own */
    const char *name = c->db->name;
    if (is_state(c, pooler) || strstr(why, "statement pooling mode") != NULL) /* PgBouncer's own has no SQLSTATE */
        return lk_fail(
            err, LIKEN_E_STORE,
            "The database %s is behind a pooler that gives liken no connection to keep (%s); a pooler such as "
            "PgBouncer has to be set to pool sessions, not transactions or statements.",
            name, why);
    c->behind = is_state(c, (const char *const[]){"08", NULL}) || strstr(why, lost_node) != NULL;
    if (is_state(c, over_time) && !c->settled && lk_call_left() <= 0)
        return lk_call_check(err);
    if (is_state(c, over_time))
        return lk_fail(err, LIKEN_E_BUSY, "The database %s was too busy to answer in time (%s); try again.", name, why);
    if (c->behind || is_state(c, again))
        return lk_fail(err, LIKEN_E_BUSY, "The database %s could not do it now (%s); try again in a moment.", name,
                       why);
    if (is_state(c, (const char *const[]){"42501", NULL}))
        return lk_fail(err, LIKEN_E_STORE, "The database %s does not allow it (%s); grant liken's user the right.",
                       name, why);
    if (is_state(c, (const char *const[]){"53100", NULL}))
        return fail_full(c, why, err);
    if (is_state(c, (const char *const[]){"25006", NULL}))
        return lk_fail(err, LIKEN_E_READ_ONLY,
                       "The database %s takes no writes (%s): it was opened for reading, is a standby server, or has "
                       "default_transaction_read_only set for liken's user.",
                       name, why);
    return lk_fail(err, LIKEN_E_STORE, "The database %s failed: %s (SQLSTATE %s).", name, why,
                   c->sqlstate[0] == '\0' ? "unknown" : c->sqlstate);
}

int lk_pg_fail(lk_pg_conn *c, const PGresult *r, liken_error *err) {
    static const char *const goodbye[] = {"57P", "25P03", NULL};
    char why[256];
    const char *state = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *primary = r == NULL ? NULL : PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    if (primary == NULL && r != NULL)
        primary = PQresultErrorMessage(r);
    first_line(primary != NULL && *primary != '\0' ? primary : PQerrorMessage(c->pq), why, sizeof why);
    memset(c->sqlstate, 0, sizeof c->sqlstate);
    if (state != NULL)
        memcpy(c->sqlstate, state, strnlen(state, sizeof c->sqlstate - 1));
    /* the server said goodbye, or nothing */
    if (PQstatus(c->pq) == CONNECTION_BAD || state == NULL || is_state(c, goodbye))
        return lk_pg_give_up(c, why[0] == '\0' ? "the connection was lost" : why, err);
    return busy_or_wrong(c, why, err);
}
