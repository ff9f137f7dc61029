/* patience.c - clients that are never idle and never done.
 *
 * libmicrohttpd ends a connection on which nothing moves; one that sends a byte of its headers now and then, or takes a
 * byte of its answer, it keeps for ever, and a thousand of them keep everybody else out. So each connection carries the
 * moment until which what it is at must be over. A sweep, once a second, shuts the sockets that are late; libmicrohttpd
 * then sees them closed. A watch is dropped before its socket is closed, so the number is never another's. */
#include "base/clock.h"
#include "http/http_int.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct lk_watch {
    lk_watch *previous, *next;
    double until;
    int fd;
};

struct lk_patience {
    pthread_mutex_t lock;
    lk_watch first; /* of a ring; it watches nothing itself */
};

int lk_patience_make(lk_patience **out, liken_error *err) {
    lk_patience *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->first.previous = p->first.next = &p->first;
    pthread_mutex_init(&p->lock, NULL);
    *out = p;
    return LIKEN_OK;
}

void lk_patience_free(lk_patience *p) {
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

lk_watch *lk_patience_watch(lk_patience *p, int fd, double seconds) {
    lk_watch *w = malloc(sizeof *w);
    if (w == NULL)
        return NULL;
    pthread_mutex_lock(&p->lock);
    *w = (lk_watch){p->first.previous, &p->first, lk_clock_monotonic() + seconds, fd};
    w->previous->next = w->next->previous = w;
    pthread_mutex_unlock(&p->lock);
    return w;
}

void lk_patience_allow(lk_patience *p, lk_watch *w, double seconds) {
    if (w == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    w->until = lk_clock_monotonic() + seconds;
    pthread_mutex_unlock(&p->lock);
}

void lk_patience_drop(lk_patience *p, lk_watch *w) {
    if (w == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    w->previous->next = w->next;
    w->next->previous = w->previous;
    pthread_mutex_unlock(&p->lock);
    free(w);
}

void lk_patience_sweep(lk_patience *p) {
    const double now = lk_clock_monotonic();
    pthread_mutex_lock(&p->lock);
    for (lk_watch *w = p->first.next; w != &p->first; w = w->next)
        if (now > w->until) {
            (void)shutdown(w->fd, SHUT_RDWR); /* fails when the client was faster: it is gone all the same */
            w->until = INFINITY;
        }
    pthread_mutex_unlock(&p->lock);
}
