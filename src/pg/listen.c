/* Hearing NOTIFY: one connection that says nothing but LISTEN, and a thread that waits on it. What was said while there
 * was no connection is lost by nature, so the listener is told each time a new one listens; and because a cut network
 * says nothing either, it looks for itself after some seconds of silence. */
#include "pg/pg_int.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SILENCE_MS 5000
#define PAUSE_FIRST_MS 100
#define PAUSE_LONGEST_MS 2000

struct lk_pg_listener {
    lk_pg *db;
    lk_pg_ear ear;
    pthread_t thread;
    int stop; /* an eventfd: readable once the thread has to end */
};

/* True when it is time to end. */
static bool pause_for(const lk_pg_listener *l, int ms) {
    struct pollfd p = {.fd = l->stop, .events = POLLIN};
    return poll(&p, 1, ms) > 0;
}

static int start_listening(const lk_pg_listener *l, lk_pg_conn *c, liken_error *err) {
    char sql[160];
    LK_FREE char *channel = lk_pg_identifier(c, l->ear.channel);
    if (channel == NULL || strlen(channel) > 130)
        return lk_fail(err, LIKEN_E_INTERNAL, "The name of a channel cannot be used. Please report it.");
    (void)snprintf(sql, sizeof sql, "LISTEN %s", channel);
    const int rc = lk_pg_exec(c, sql, LK_PG_NO_ARGS, NULL, err);
    return rc == LIKEN_OK ? l->ear.look(l->ear.ctx, c, true, err) : rc;
}

static void pass_on(const lk_pg_listener *l, lk_pg_conn *c) {
    PGnotify *said;
    while ((said = PQnotifies(c->pq)) != NULL) {
        if (strcmp(said->relname, l->ear.channel) == 0)
            l->ear.heard(l->ear.ctx, said->extra);
        PQfreemem(said);
    }
}

/* One wait; *end: it is time to end. */
static int hear(const lk_pg_listener *l, lk_pg_conn *c, bool *end, liken_error *err) {
    struct pollfd p[2] = {{.fd = l->stop, .events = POLLIN}, {.fd = PQsocket(c->pq), .events = POLLIN}};
    pass_on(l, c); /* what came along with the answer to a look */
    const int n = poll(p, 2, SILENCE_MS);
    if (n < 0)
        return errno == EINTR ? LIKEN_OK : lk_pg_give_up(c, "its socket cannot be waited for", err);
    *end = p[0].revents != 0;
    if (n == 0)
        return l->ear.look(l->ear.ctx, c, false, err);
    if (p[1].revents != 0 && (PQconsumeInput(c->pq) == 0 || PQstatus(c->pq) != CONNECTION_OK))
        return lk_pg_fail(c, NULL, err);
    pass_on(l, c);
    return LIKEN_OK;
}

static void *listen_loop(void *arg) {
    lk_pg_listener *l = arg;
    bool end = false;
    int pause = 0;
    while (!end && !pause_for(l, pause)) {
        lk_pg_conn *c = NULL;
        liken_error err;
        int rc = lk_pg_connect(l->db, &c, &err);
        if (rc == LIKEN_OK)
            rc = start_listening(l, c, &err);
        const bool heard = rc == LIKEN_OK;
        while (rc == LIKEN_OK && !end)
            rc = hear(l, c, &end, &err);
        if (heard) {
            l->ear.lost(l->ear.ctx);
            pause = 0;
        }
        if (rc != LIKEN_OK && pause == 0)
            lk_log(LIKEN_LOG_WARN, "changes of other processes are not heard for now: %s", err.message);
        lk_pg_disconnect(c);
        pause = pause == 0 ? PAUSE_FIRST_MS : 2 * pause < PAUSE_LONGEST_MS ? 2 * pause : PAUSE_LONGEST_MS;
    }
    return NULL;
}

int lk_pg_listen(lk_pg_listener **out, lk_pg *db, const lk_pg_ear *ear, liken_error *err) {
    lk_pg_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    *l = (lk_pg_listener){.db = db, .ear = *ear, .stop = eventfd(0, EFD_CLOEXEC)};
    int rc = l->stop < 0 ? errno : pthread_create(&l->thread, NULL, listen_loop, l);
    if (rc != 0) {
        if (l->stop >= 0)
            (void)close(l->stop);
        free(l);
        return lk_fail_errno(err, LIKEN_E_MEMORY, rc, "The thread that listens to the database could not be started");
    }
    (void)pthread_setname_np(l->thread, "liken-listen");
    *out = l;
    return LIKEN_OK;
}

void lk_pg_deaf(lk_pg_listener *l) {
    if (l == NULL)
        return;
    const uint64_t one = 1;
    if (write(l->stop, &one, sizeof one) != sizeof one)
        lk_log(LIKEN_LOG_ERROR, "the listening thread could not be told to end: %s", strerror(errno));
    pthread_join(l->thread, NULL);
    (void)close(l->stop);
    free(l);
}
