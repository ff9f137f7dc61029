#include "cli/writer.h"
#include "base/clock.h"
#include "base/queue.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES 4096       /* that may wait */
#define PIECE 2048       /* bytes that a pipe takes at once when poll says that it takes any */
#define LAST_SECONDS 1.0 /* for which the end waits for the reader */
#define LOOK_MS 100

struct lk_writer {
    lk_workers *crew; /* of one thread */
    int fd;
    atomic_size_t lost;
    _Atomic double end; /* when the reader is not waited for any more */
};

struct job {
    lk_writer *writer;
    char *line;
};

/* False when the time is over. */
static bool wait_for_room(lk_writer *w) {
    struct pollfd p = {.fd = w->fd, .events = POLLOUT};
    while (lk_clock_monotonic() < atomic_load(&w->end))
        if (poll(&p, 1, LOOK_MS) > 0)
            return true;
    return poll(&p, 1, 0) > 0;
}

static void write_text(lk_writer *w, const char *text) {
    for (size_t left = strlen(text); left > 0 && wait_for_room(w);) {
        const ssize_t n = write(w->fd, text, left < PIECE ? left : PIECE);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return; /* closed, or the disk is full: there is nobody to tell */
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
}

static void work(void *arg, int worker) {
    (void)worker;
    struct job *job = arg;
    lk_writer *w = job->writer;
    const size_t lost = atomic_exchange(&w->lost, 0);
    if (lost > 0) {
        char text[96];
        (void)snprintf(text, sizeof text, "liken: %zu lines were lost here: the log was not read fast enough.\n", lost);
        write_text(w, text);
    }
    write_text(w, job->line);
    free(job->line);
    free(job);
}

int lk_writer_start(lk_writer **out, int fd, liken_error *err) {
    lk_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return lk_fail_memory(err);
    w->fd = fd;
    atomic_init(&w->end, INFINITY);
    const int rc = lk_workers_start(&w->crew, "liken-log", 1, LINES, work, err);
    if (rc != LIKEN_OK) {
        free(w);
        return rc;
    }
    *out = w;
    return LIKEN_OK;
}

void lk_writer_put(lk_writer *w, char *line) {
    struct job *job = malloc(sizeof *job);
    if (job != NULL) {
        *job = (struct job){w, line};
        if (lk_workers_push(w->crew, job))
            return;
    }
    atomic_fetch_add(&w->lost, 1);
    free(line);
    free(job);
}

void lk_writer_stop(lk_writer *w) {
    if (w == NULL)
        return;
    atomic_store(&w->end, lk_clock_monotonic() + LAST_SECONDS);
    lk_workers_free(w->crew);
    free(w);
}
