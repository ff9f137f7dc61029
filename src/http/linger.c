/* linger.c - closing a connection whose client is still sending.
 *
 * A request that is refused early (413, 401 ...) leaves unread bytes behind. Closing the socket then makes the kernel
 * send a reset, which can destroy the answer before the client has read it. So a duplicate of the socket comes here
 * after the answer was sent and its sending side shut: what still arrives is read and dropped until the client closes,
 * or the time or the byte limit is up. One thread, a fixed table; when that is full, the socket is simply closed. */
#include "base/clock.h"
#include "http/http_int.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS 64
#define SECONDS 5.0
#define BYTES ((size_t)256 << 20)

struct guest {
    int fd;
    double until;
    size_t left;
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
    char bin[65536];
    for (int round = 0; round < 16; round++) {
        const ssize_t n = recv(g->fd, bin, sizeof bin, MSG_DONTWAIT);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0 || (size_t)n >= g->left)
            return false;
        g->left -= (size_t)n;
    }
    return true;
}

static bool admit_arrivals(lk_linger *l) {
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < l->arrival_count; i++) {
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

static void *run(void *arg) {
    lk_linger *l = arg;
    while (!admit_arrivals(l) || l->count > 0) {
        struct pollfd polls[SOCKETS + 1] = {{.fd = l->wake, .events = POLLIN}};
        for (size_t i = 0; i < l->count; i++)
            polls[i + 1] = (struct pollfd){.fd = l->guests[i].fd, .events = POLLIN};
        (void)poll(polls, l->count + 1, l->count > 0 ? 500 : -1); /* a failed poll is an early look, no more */
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
    return NULL;
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

static void wake(lk_linger *l) {
    const uint64_t one = 1;
    if (write(l->wake, &one, sizeof one) < 0)
        return; /* the counter is full: the thread is awake anyway */
}

void lk_linger_take(lk_linger *l, int fd) {
    pthread_mutex_lock(&l->lock);
    const bool room = !l->closing && l->arrival_count < SOCKETS;
    if (room)
        l->arrivals[l->arrival_count++] = (struct guest){fd, lk_clock_monotonic() + SECONDS, BYTES};
    pthread_mutex_unlock(&l->lock);
    if (room)
        wake(l);
    else
        close(fd);
}

void lk_linger_free(lk_linger *l) {
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_mutex_unlock(&l->lock);
    wake(l);
    pthread_join(l->thread, NULL);
    close(l->wake);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
