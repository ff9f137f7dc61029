/* Keeping a store quick that searches by itself: what was added is prepared for its searches, a bit at a time, by a
 * thread in the background, here or in another process on the same store. Searches are right in the meantime. */
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

static bool stopped(liken *lk) {
    pthread_mutex_lock(&lk->tend_lock);
    const bool stop = lk->tend_stop;
    pthread_mutex_unlock(&lk->tend_lock);
    return stop;
}

static void work(liken *lk) {
    liken_error err = {0};
    bool more = true;
    while (more && !stopped(lk)) {
        if (lk->store->ops->near_tend(lk->store, &more, &err) == LIKEN_OK)
            continue;
        lk_log(LIKEN_LOG_WARN, "The database could not be made ready for searches; this is tried again. %s",
               err.message);
        return;
    }
}

static void *run(void *arg) {
    liken *lk = arg;
    pthread_mutex_lock(&lk->tend_lock);
    while (!lk->tend_stop) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += ROUND;
        if (!lk->tend_due)
            (void)pthread_cond_timedwait(&lk->tend_asked, &lk->tend_lock, &until);
        lk->tend_due = false;
        pthread_mutex_unlock(&lk->tend_lock);
        work(lk);
        pthread_mutex_lock(&lk->tend_lock);
    }
    pthread_mutex_unlock(&lk->tend_lock);
    return NULL;
}

void lk_tender_start(liken *lk) {
    if (lk->store->ops->near_tend != NULL)
        lk->has_tender = pthread_create(&lk->tender, NULL, run, lk) == 0;
}

void lk_tender_ask(liken *lk) {
    pthread_mutex_lock(&lk->tend_lock);
    lk->tend_due = true;
    pthread_cond_signal(&lk->tend_asked);
    pthread_mutex_unlock(&lk->tend_lock);
}

void lk_tender_stop(liken *lk) {
    if (!lk->has_tender)
        return;
    pthread_mutex_lock(&lk->tend_lock);
    lk->tend_stop = true;
    pthread_cond_signal(&lk->tend_asked);
    pthread_mutex_unlock(&lk->tend_lock);
    pthread_join(lk->tender, NULL);
    lk->has_tender = false;
}
