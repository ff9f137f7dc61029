/* patience.c - connections that are over, or ought to be, and of which libmicrohttpd does not know.
 *
 * libmicrohttpd learns of a hang-up by reading, edge-triggered: the client that sends half a request and closes in one
 * breath is noticed when the idle timeout is up, and one whose request waits for a worker not at all. It ends a
 * connection on which nothing moves; one that trickles it keeps for ever. A thousand of either keep everybody else out.
 * So each connection is watched here: what it is at, since when, and until when that must be over.
 *
 * One thread waits for hang-ups with an epoll of its own and looks at all watches, each second, or ten times as
 * often where somebody has hung up:
 *
 *   the client will send no more (RDHUP)  The kernel is told that we shall not read (shutdown, SHUT_RD): what has come
 *       stays readable, and libmicrohttpd wakes, reads to the end and judges. Half a request ends there; a whole one is
 *       served, for a client may close its sending side and wait. Repeated, as an edge that comes in the middle of a
 *       read is lost.
 *   it may wait for an answer, or be gone  The two look alike until something is sent. So, once, "100 Continue" is,
 *       which HTTP/1.1 clients skip: from one that is gone a reset comes back.
 *   a reset (ERR, HUP)  It is gone: lk_patience_gone tells, and nobody works for it any more.
 *   late  The socket is shut; libmicrohttpd sees it closed.
 *
 * Where places are short, evict shuts the one that can best be spared. A watch is dropped before its socket is closed,
 * so the number is never another's; its memory goes when epoll can no longer name it. */
#include "base/clock.h"
#include "http/http_int.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 64
#define SOON 100         /* milliseconds between looks where somebody has hung up */
#define SELDOM 1000      /* else */
#define LEAVING 16       /* evicted and not closed yet, at most */
#define ANSWER_AGE 10.0  /* seconds: an answer that was not taken by then may be spared */
#define STILL 2.0        /* seconds without a byte that end an unfinished request when the server stops */
#define STILL_ANSWER 5.0 /* likewise for taking an answer */

struct lk_watch {
    lk_watch *previous, *next;
    lk_peer *peer;
    double since, moved, until;
    int fd;
    enum lk_stage stage;
    bool hung, probed, shut, dropped; /* RDHUP was seen; asked whether it is there; by us; to be freed */
    bool skips_continue;              /* it speaks HTTP/1.1 */
    atomic_bool gone;
};

struct lk_patience {
    pthread_t thread;
    pthread_mutex_t lock;    /* guards all below */
    lk_watch first, dropped; /* of rings; they watch nothing themselves */
    int epoll, wake;
    bool closing;
    double hurry; /* since when; 0: no hurry */
};

static void unlink_watch(lk_watch *w) {
    w->previous->next = w->next;
    w->next->previous = w->previous;
}

static void link_watch(lk_watch *ring, lk_watch *w) {
    w->previous = ring->previous;
    w->next = ring;
    w->previous->next = w->next->previous = w;
}

/* Fails when the client was faster: it is gone all the same. */
static void shut(lk_watch *w) {
    (void)shutdown(w->fd, SHUT_RDWR);
    w->shut = true;
    w->until = INFINITY;
}

static bool unfinished(const lk_watch *w) {
    return w->stage == LK_STAGE_HEAD || w->stage == LK_STAGE_BODY;
}

static void follow_hang_up(lk_watch *w) {
    static const char probe[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (unfinished(w)) {
        (void)shutdown(w->fd, SHUT_RD);
    } else if (w->stage == LK_STAGE_WORK && w->skips_continue && !w->probed) {
        /* libmicrohttpd sends nothing at this stage, and leaves it under our lock */
        (void)send(w->fd, probe, sizeof probe - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        w->probed = true;
    }
}

static bool late(const lk_patience *p, const lk_watch *w, double now) {
    if (now > w->until)
        return true;
    if (p->hurry == 0)
        return false;
    return (unfinished(w) && now - fmax(w->moved, p->hurry) > STILL) ||
           (w->stage == LK_STAGE_ANSWER && now - fmax(w->since, p->hurry) > STILL_ANSWER);
}

/* True when there is somebody to look after soon. */
static bool look(lk_patience *p) {
    const double now = lk_clock_monotonic();
    bool soon = p->hurry != 0;
    for (lk_watch *w = p->first.next; w != &p->first; w = w->next) {
        if (w->shut)
            continue;
        if (late(p, w, now))
            shut(w);
        else if (w->hung)
            follow_hang_up(w);
        soon = soon || (w->hung && unfinished(w));
    }
    return soon;
}

static void note_event(lk_watch *w, uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0)
        atomic_store(&w->gone, true);
    w->hung = true;
}

/* What was dropped before the next wait for events begins is not named by it. */
static void bury(lk_patience *p) {
    while (p->dropped.next != &p->dropped) {
        lk_watch *w = p->dropped.next;
        unlink_watch(w);
        free(w);
    }
}

static void *run(void *arg) {
    lk_patience *p = arg;
    double last = 0;
    for (bool soon = false;;) {
        struct epoll_event events[EVENTS];
        const int n = epoll_wait(p->epoll, events, EVENTS, soon ? SOON : SELDOM); /* a failed one is an early look */
        pthread_mutex_lock(&p->lock);
        for (int i = 0; i < n; i++) {
            lk_watch *w = events[i].data.ptr;
            if (w == NULL || w->dropped)
                continue;
            soon = soon || !w->hung;
            note_event(w, events[i].events);
        }
        bury(p);
        const double now = lk_clock_monotonic();
        soon = soon || p->hurry != 0;
        if (now - last >= (soon ? SOON : SELDOM) / 1000.0) {
            soon = look(p);
            last = now;
        }
        const bool closing = p->closing;
        pthread_mutex_unlock(&p->lock);
        if (closing)
            return NULL;
    }
}

static int open_descriptors(lk_patience *p, liken_error *err) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->epoll < 0 || p->wake < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->wake, &event) != 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The server could not make an event descriptor");
    return LIKEN_OK;
}

static void close_descriptors(lk_patience *p) {
    if (p->epoll >= 0)
        close(p->epoll);
    if (p->wake >= 0)
        close(p->wake);
}

int lk_patience_start(lk_patience **out, liken_error *err) {
    lk_patience *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->first.previous = p->first.next = &p->first;
    p->dropped.previous = p->dropped.next = &p->dropped;
    pthread_mutex_init(&p->lock, NULL);
    int rc = open_descriptors(p, err);
    if (rc == LIKEN_OK) {
        const int failed = pthread_create(&p->thread, NULL, run, p);
        if (failed != 0)
            rc = lk_fail_errno(err, LIKEN_E_MEMORY, failed, "The server could not start a thread");
    }
    if (rc != LIKEN_OK) {
        close_descriptors(p);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return rc;
    }
    *out = p;
    return LIKEN_OK;
}

void lk_patience_free(lk_patience *p) {
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_mutex_unlock(&p->lock);
    lk_http_wake(p->wake);
    pthread_join(p->thread, NULL);
    bury(p);
    close_descriptors(p);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

lk_watch *lk_patience_watch(lk_patience *p, int fd, lk_peer *peer, double seconds) {
    lk_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return NULL;
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = w};
    const double now = lk_clock_monotonic();
    w->peer = peer;
    w->since = w->moved = now;
    w->until = now + seconds;
    w->fd = fd;
    pthread_mutex_lock(&p->lock);
    link_watch(&p->first, w);
    (void)epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event); /* no memory: only time will end this one */
    pthread_mutex_unlock(&p->lock);
    return w;
}

void lk_patience_at(lk_patience *p, lk_watch *w, enum lk_stage stage, double seconds) {
    if (w == NULL)
        return;
    const double now = lk_clock_monotonic();
    pthread_mutex_lock(&p->lock);
    w->stage = stage;
    w->since = w->moved = now;
    w->until = now + seconds;
    w->probed = false;
    pthread_mutex_unlock(&p->lock);
}

void lk_patience_moved(lk_patience *p, lk_watch *w) {
    if (w == NULL)
        return;
    const double now = lk_clock_monotonic();
    pthread_mutex_lock(&p->lock);
    w->moved = now;
    pthread_mutex_unlock(&p->lock);
}

void lk_patience_skips_continue(lk_patience *p, lk_watch *w) {
    if (w == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    w->skips_continue = true;
    pthread_mutex_unlock(&p->lock);
}

bool lk_patience_gone(const lk_watch *w) {
    return w != NULL && atomic_load(&w->gone);
}

bool lk_patience_hung(lk_patience *p, const lk_watch *w) {
    if (w == NULL)
        return false;
    pthread_mutex_lock(&p->lock);
    const bool hung = w->hung;
    pthread_mutex_unlock(&p->lock);
    return hung;
}

lk_peer *lk_patience_peer(const lk_watch *w) {
    return w == NULL ? NULL : w->peer;
}

void lk_patience_drop(lk_patience *p, lk_watch *w) {
    if (w == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, w->fd, NULL); /* fails only where it was never in */
    unlink_watch(w);
    link_watch(&p->dropped, w);
    w->dropped = true;
    pthread_mutex_unlock(&p->lock);
}

/* The smaller, the better it can be spared; negative: not at all. */
static int rank(const lk_watch *w, double now) {
    if (w->stage == LK_STAGE_WORK || w->stage == LK_STAGE_STREAM ||
        (w->stage == LK_STAGE_ANSWER && now - w->since < ANSWER_AGE))
        return -1;
    return w->hung ? 0 : 1 + (int)w->stage;
}

int lk_patience_evict(lk_patience *p, const lk_peer *peer) {
    const double now = lk_clock_monotonic();
    lk_watch *best = NULL;
    int best_rank = 0, leaving = 0;
    pthread_mutex_lock(&p->lock);
    for (lk_watch *w = p->first.next; w != &p->first; w = w->next) {
        if (peer != NULL && w->peer != peer)
            continue;
        const int r = rank(w, now);
        leaving += w->shut;
        if (w->shut || r < 0)
            continue;
        if (best == NULL || r < best_rank || (r == best_rank && w->since < best->since)) {
            best = w;
            best_rank = r;
        }
    }
    if (best != NULL && leaving < LEAVING) {
        shut(best);
        leaving++;
    }
    pthread_mutex_unlock(&p->lock);
    return leaving;
}

void lk_patience_hurry(lk_patience *p) {
    pthread_mutex_lock(&p->lock);
    p->hurry = lk_clock_monotonic();
    pthread_mutex_unlock(&p->lock);
    lk_http_wake(p->wake);
}
