/* queue.c - a ring of waiting jobs under one lock. */
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct lk_workers {
    pthread_mutex_t lock;
    pthread_cond_t has_job, has_room;
    void **ring;
    size_t capacity, head, waiting, busy; /* busy: taken and not yet finished */
    bool closing;
    lk_job_fn *fn;
    int threads;
    pthread_t *thread;
};

struct seat {
    lk_workers *crew;
    int number;
};

static void *work(void *arg) {
    struct seat seat = *(struct seat *)arg;
    free(arg);
    lk_workers *w = seat.crew;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->waiting == 0 && !w->closing)
            pthread_cond_wait(&w->has_job, &w->lock);
        if (w->waiting == 0)
            break;
        void *job = w->ring[w->head];
        w->head = (w->head + 1) % w->capacity;
        w->waiting--;
        w->busy++;
        pthread_cond_signal(&w->has_room);
        pthread_mutex_unlock(&w->lock);
        w->fn(job, seat.number);
        pthread_mutex_lock(&w->lock);
        assert(w->busy > 0);
        w->busy--;
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int start_thread(lk_workers *w, const char *name, int number) {
    struct seat *seat = malloc(sizeof *seat);
    if (seat == NULL)
        return -1;
    *seat = (struct seat){w, number};
    if (pthread_create(&w->thread[number], NULL, work, seat) != 0) {
        free(seat);
        return -1;
    }
    (void)pthread_setname_np(w->thread[number], name);
    w->threads++;
    return 0;
}

int lk_workers_start(lk_workers **out, const char *name, int threads, size_t capacity, lk_job_fn *fn,
                     liken_error *err) {
    assert(threads >= 1 && capacity >= 1 && strlen(name) <= 15);
    lk_workers *w = calloc(1, sizeof *w);
    if (w == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->has_job, NULL);
    pthread_cond_init(&w->has_room, NULL);
    w->fn = fn;
    w->capacity = capacity;
    w->ring = calloc(capacity, sizeof *w->ring);
    w->thread = calloc((size_t)threads, sizeof *w->thread);
    bool ok = w->ring != NULL && w->thread != NULL;
    for (int i = 0; ok && i < threads; i++)
        ok = start_thread(w, name, i) == 0;
    if (!ok) {
        lk_workers_free(w);
        return lk_fail(err, LIKEN_E_MEMORY, "The worker threads could not be started; lower --threads.");
    }
    *out = w;
    return LIKEN_OK;
}

static bool put(lk_workers *w, void *job, bool wait) {
    pthread_mutex_lock(&w->lock);
    while (wait && !w->closing && w->waiting == w->capacity)
        pthread_cond_wait(&w->has_room, &w->lock);
    const bool fits = !w->closing && w->waiting < w->capacity;
    if (fits) {
        w->ring[(w->head + w->waiting) % w->capacity] = job;
        w->waiting++;
        assert(w->waiting <= w->capacity);
        pthread_cond_signal(&w->has_job);
    }
    pthread_mutex_unlock(&w->lock);
    return fits;
}

bool lk_workers_push(lk_workers *w, void *job) {
    return put(w, job, false);
}

bool lk_workers_push_wait(lk_workers *w, void *job) {
    return put(w, job, true);
}

size_t lk_workers_waiting(lk_workers *w) {
    pthread_mutex_lock(&w->lock);
    const size_t n = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return n;
}

size_t lk_workers_busy(lk_workers *w) {
    pthread_mutex_lock(&w->lock);
    const size_t n = w->busy;
    pthread_mutex_unlock(&w->lock);
    return n;
}

size_t lk_workers_remove(lk_workers *w, lk_unwanted_fn *unwanted, void *ctx, void **out, size_t room) {
    size_t kept = 0, removed = 0;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < w->waiting; i++) {
        void *job = w->ring[(w->head + i) % w->capacity];
        if (removed < room && unwanted(job, ctx))
            out[removed++] = job;
        else
            w->ring[(w->head + kept++) % w->capacity] = job;
    }
    w->waiting = kept;
    if (removed > 0)
        pthread_cond_broadcast(&w->has_room);
    pthread_mutex_unlock(&w->lock);
    return removed;
}

void lk_workers_free(lk_workers *w) {
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_broadcast(&w->has_job);
    pthread_cond_broadcast(&w->has_room);
    pthread_mutex_unlock(&w->lock);
    for (int i = 0; i < w->threads; i++)
        pthread_join(w->thread[i], NULL);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->has_job);
    pthread_cond_destroy(&w->has_room);
    free(w->thread);
    free(w->ring);
    free(w);
}
