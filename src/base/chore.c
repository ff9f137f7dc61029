/* A chore's thread waits for one of three: it is asked, its time is up, it is to stop. `due` is taken back before the
 * round begins, so that what is asked during a round gets a round of its own. */
#include "base/chore.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct lk_chore {
    lk_chore_options o;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows; never held while `fn` runs */
    pthread_cond_t changed;
    bool due, stop;
};

static bool stopped(lk_chore *k) {
    pthread_mutex_lock(&k->lock);
    const bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return stop;
}

static double pause_after(const lk_chore_options *o, double took) {
    const double pause = o->share * took;
    if (o->share <= 0 || pause <= o->every)
        return o->every;
    return pause < o->longest ? pause : o->longest;
}

/* False when it is to stop. */
static bool wait_until_due(lk_chore *k, double took) {
    const struct timespec until = lk_clock_after(pause_after(&k->o, took));
    int rc = 0;
    pthread_mutex_lock(&k->lock);
    while (!k->stop && !k->due && rc != ETIMEDOUT)
        rc = k->o.every > 0 ? pthread_cond_timedwait(&k->changed, &k->lock, &until)
                            : pthread_cond_wait(&k->changed, &k->lock);
    k->due = false;
    const bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return !stop;
}

static void *run(void *arg) {
    lk_chore *k = arg;
    for (double took = 0; wait_until_due(k, took);) {
        const double start = lk_clock_monotonic();
        while (k->o.fn(k->o.ctx) && !stopped(k)) {
        }
        took = lk_clock_monotonic() - start;
    }
    return NULL;
}

static void release(lk_chore *k) {
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->changed);
    free(k);
}

int lk_chore_start(lk_chore **out, const lk_chore_options *o, liken_error *err) {
    lk_chore *k = calloc(1, sizeof *k);
    if (k == NULL)
        return lk_fail_memory(err);
    k->o = *o;
    k->due = o->now;
    pthread_mutex_init(&k->lock, NULL);
    lk_clock_condition(&k->changed);
    const int failed = pthread_create(&k->thread, NULL, run, k);
    if (failed != 0) {
        release(k);
        return lk_fail_errno(err, LIKEN_E_MEMORY, failed, "A thread for work in the background could not be started");
    }
    (void)pthread_setname_np(k->thread, o->name);
    *out = k;
    return LIKEN_OK;
}

void lk_chore_ask(lk_chore *k) {
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    k->due = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void lk_chore_stop(lk_chore *k) {
    if (k == NULL)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->changed);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    release(k);
}
