/* What is done in the background, each by a thread of its own, a bit at a time, here or in another process on the same
 * store: preparing what was added for searches inside the database (which are right in the meantime), and erasing what
 * removed collections held. */
#include "gallery/gallery_int.h"

#include "base/log.h"

#include <time.h>

#define ROUND 60 /* seconds after which it is looked again whether something is due */

int lk_tend(liken *lk, liken_error *err) {
    bool more = true;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && more)
        rc = lk->store->ops->near_tend(lk->store, &more, err);
    return rc;
}

static bool stopped(lk_chore *k) {
    pthread_mutex_lock(&k->lock);
    const bool stop = k->stop;
    pthread_mutex_unlock(&k->lock);
    return stop;
}

static void work(lk_chore *k) {
    liken_error err = {0};
    bool more = true;
    while (more && !stopped(k)) {
        if (k->step(k->store, &more, &err) == LIKEN_OK)
            continue;
        lk_log(LIKEN_LOG_WARN, "%s; this is tried again. %s", k->trouble, err.message);
        return;
    }
}

static void *run(void *arg) {
    lk_chore *k = arg;
    pthread_mutex_lock(&k->lock);
    while (!k->stop) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += ROUND;
        if (!k->due)
            (void)pthread_cond_timedwait(&k->asked, &k->lock, &until);
        k->due = false;
        pthread_mutex_unlock(&k->lock);
        work(k);
        pthread_mutex_lock(&k->lock);
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

void lk_chore_init(lk_chore *k, const char *trouble) {
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->asked, NULL);
    k->trouble = trouble;
}

void lk_chore_start(lk_chore *k, lk_store *store, int (*step)(lk_store *, bool *, liken_error *), bool now) {
    k->store = store;
    k->step = step;
    k->due = now;
    if (step != NULL)
        k->started = pthread_create(&k->thread, NULL, run, k) == 0;
}

void lk_chore_ask(lk_chore *k) {
    pthread_mutex_lock(&k->lock);
    k->due = true;
    pthread_cond_signal(&k->asked);
    pthread_mutex_unlock(&k->lock);
}

void lk_chore_stop(lk_chore *k) {
    if (!k->started)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->asked);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    k->started = false;
}

void lk_chore_free(lk_chore *k) {
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->asked);
}
