/* linger.c - closing a connection whose client is still sending.
 *
 * A request that is refused early (413, 401 ...) leaves unread bytes behind. Closing the socket then makes the kernel
 * send a reset, which can destroy the answer before the client has read it. So a duplicate of the socket comes here
 * after the answer was sent and its sending side shut: what still arrives is read and dropped until the client closes,
 * or the time or the byte limit is up. One thread, a fixed table; when that is full, the socket is simply closed.
 *
 * Strangers, who were refused for want of a key or of a place, have half of the table and a smaller limit, and there
 * the latest counts: it has its answer still before it, so the oldest makes room. What arrives is dropped in the kernel
 * (MSG_TRUNC) and costs next to nothing. */
#include "base/clock.h"
#include "http/http_int.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 64
#define SECONDS 5.0
#define CLOSING_SECONDS 1.0
#define PERIOD 250 /* milliseconds between looks at the clock */
#define BYTES ((size_t)256 << 20)
#define STRANGERS 32 /* of the sockets */
#define STRANGER_BYTES ((size_t)32 << 20)

struct guest {
    int fd;
    double until;
    size_t left;
    bool stranger;
};

struct lk_linger {
    pthread_t thread;
    pthread_mutex_t lock; /* guards arrivals and closing */
    int wake;
    struct guest arrivals[SOCKETS];
    size_t arrival_count;
    bool closing;
    struct guest guests[SOCKETS]; /* the thread's own */
    size_t count;
};

/* False when the guest is done with. */
static bool drain(struct guest *g) {
    for (int round = 0; round < 16; round++) {
        const ssize_t n = recv(g->fd, NULL, 65536, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0 || (size_t)n >= g->left)
            return false;
        g->left -= (size_t)n;
    }
    return true;
}

static void spare_a_stranger(lk_linger *l) {
    size_t strangers = 0, oldest = 0;
    for (size_t i = l->count; i-- > 0;)
        if (l->guests[i].stranger) {
            strangers++;
            oldest = i;
        }
    if (strangers < STRANGERS)
        return;
    close(l->guests[oldest].fd);
    l->count--;
    memmove(&l->guests[oldest], &l->guests[oldest + 1], (l->count - oldest) * sizeof l->guests[0]);
}

static bool admit_arrivals(lk_linger *l) {
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->arrival_count; i++) {
        if (l->arrivals[i].stranger)
            spare_a_stranger(l);
        if (l->count < SOCKETS)
            l->guests[l->count++] = l->arrivals[i];
        else
            close(l->arrivals[i].fd);
    }
    l->arrival_count = 0;
    const bool closing = l->closing;
    pthread_mutex_unlock(&l->lock);
    return closing;
}

/* The server stops: strangers have had their answer sent, others have a moment more to read theirs. */
static void hasten(lk_linger *l) {
    const double now = lk_clock_monotonic();
    for (size_t i = 0; i < l->count; i++)
        l->guests[i].until = fmin(l->guests[i].until, l->guests[i].stranger ? now : now + CLOSING_SECONDS);
}

static void *run(void *arg) {
    lk_linger *l = arg;
    for (;;) {
        const bool closing = admit_arrivals(l);
        if (closing && l->count == 0)
            return NULL;
        if (closing)
            hasten(l);
        struct pollfd polls[SOCKETS + 1] = {{.fd = l->wake, .events = POLLIN}};
        for (size_t i = 0; i < l->count; i++)
            polls[i + 1] = (struct pollfd){.fd = l->guests[i].fd, .events = POLLIN};
        (void)poll(polls, l->count + 1, l->count > 0 ? PERIOD : -1); /* a failed poll is an early look, no more */
        uint64_t drop;
        if (polls[0].revents != 0 && read(l->wake, &drop, sizeof drop) < 0)
            continue; /* nothing to read: woken for another reason */
        const double now = lk_clock_monotonic();
        size_t kept = 0;
        for (size_t i = 0; i < l->count; i++) {
            struct guest *g = &l->guests[i];
            if (now < g->until && (polls[i + 1].revents == 0 || drain(g)))
                l->guests[kept++] = *g;
            else
                close(g->fd);
        }
        l->count = kept;
    }
}

int lk_linger_start(lk_linger **out, liken_error *err) {
    lk_linger *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake < 0) {
        free(l);
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The server could not make an event descriptor");
    }
    pthread_mutex_init(&l->lock, NULL);
    const int failed = pthread_create(&l->thread, NULL, run, l);
    if (failed != 0) {
        close(l->wake);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return lk_fail_errno(err, LIKEN_E_MEMORY, failed, "The server could not start a thread");
    }
    *out = l;
    return LIKEN_OK;
}

void lk_linger_take(lk_linger *l, int fd, bool stranger) {
    const struct guest g = {fd, lk_clock_monotonic() + SECONDS, stranger ? STRANGER_BYTES : BYTES, stranger};
    pthread_mutex_lock(&l->lock);
    const bool room = !l->closing && l->arrival_count < SOCKETS;
    if (room)
        l->arrivals[l->arrival_count++] = g;
    pthread_mutex_unlock(&l->lock);
    if (room)
        lk_http_wake(l->wake);
    else
        close(fd);
}

void lk_linger_free(lk_linger *l) {
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_mutex_unlock(&l->lock);
    lk_http_wake(l->wake);
    pthread_join(l->thread, NULL);
    close(l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
