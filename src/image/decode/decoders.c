/* decoders.c - see decoders.h. Helpers are started when they are first needed, by whoever needs one, outside the lock.
 */
#include "image/decode/pool.h"

#include "base/log.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

struct lk_decoders {
    pthread_mutex_t lock;
    pthread_cond_t room;
    lk_photo_limits limits;
    char path[PATH_MAX];
    int most, running; /* lent and idle ones */
    lk_helper **idle;
    int idle_count;
    uint64_t lost[LK_LOSSES];
    bool limits_memory;
};

const char *lk_loss_name(lk_loss loss) {
    static const char *const names[] = {"none", "time", "still", "memory", "crash", "answer", "outside", "idle"};
    return names[loss];
}

int lk_decoders_new(lk_decoders **out, int most, const lk_photo_limits *limits, liken_error *err) {
    lk_decoders *d = calloc(1, sizeof *d);
    if (d == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->room, NULL);
    d->limits = lk_photo_limits_of(limits);
    d->most = most;
    d->idle = calloc((size_t)most, sizeof(*d->idle));
    int rc = d->idle == NULL ? lk_fail_memory(err) : lk_decoder_find(d->path, sizeof d->path, err);
    if (rc == LIKEN_OK)
        rc = lk_helper_start(&d->idle[0], d->path, &d->limits, err);
    if (rc != LIKEN_OK) {
        lk_decoders_free(d);
        return rc;
    }
    d->running = d->idle_count = 1;
    *out = d;
    return LIKEN_OK;
}

void lk_decoders_free(lk_decoders *d) {
    if (d == NULL)
        return;
    for (int i = 0; i < d->idle_count; i++)
        lk_helper_free(d->idle[i]);
    free(d->idle);
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->room);
    free(d);
}

static void let_go(lk_decoders *d, lk_helper *h) {
    lk_helper_free(h);
    pthread_mutex_lock(&d->lock);
    d->running--;
    pthread_cond_signal(&d->room);
    pthread_mutex_unlock(&d->lock);
}

/* Waits for an idle one; NULL: one may be started. */
static lk_helper *wait_for_one(lk_decoders *d) {
    pthread_mutex_lock(&d->lock);
    while (d->idle_count == 0 && d->running == d->most)
        pthread_cond_wait(&d->room, &d->lock);
    lk_helper *h = d->idle_count > 0 ? d->idle[--d->idle_count] : NULL;
    d->running += h == NULL;
    pthread_mutex_unlock(&d->lock);
    return h;
}

/* Passes those that have ended since they were given back, which is nothing that the next photo did. */
static lk_helper *take_living(lk_decoders *d) {
    for (;;) {
        lk_helper *h = wait_for_one(d);
        const lk_loss left = h == NULL ? LK_LOST_NOT : lk_helper_left(h);
        if (left == LK_LOST_NOT)
            return h;
        lk_decoders_lose(d, h, left);
    }
}

int lk_decoders_take(lk_decoders *d, lk_helper **out, liken_error *err) {
    lk_helper *h = take_living(d);
    int rc = h == NULL ? lk_helper_start(&h, d->path, &d->limits, err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = lk_helper_ready(h, d->path, err);
    if (rc != LIKEN_OK) {
        let_go(d, h);
        return rc;
    }
    pthread_mutex_lock(&d->lock);
    d->limits_memory = h->address_space != 0;
    pthread_mutex_unlock(&d->lock);
    *out = h;
    return LIKEN_OK;
}

void lk_decoders_give(lk_decoders *d, lk_helper *h) {
    if (!lk_helper_rest(h)) {
        let_go(d, h);
        return;
    }
    pthread_mutex_lock(&d->lock);
    d->idle[d->idle_count++] = h;
    pthread_cond_signal(&d->room);
    pthread_mutex_unlock(&d->lock);
}

void lk_decoders_lose(lk_decoders *d, lk_helper *h, lk_loss why) {
    if (why != LK_LOST_IDLE)
        lk_log(LIKEN_LOG_WARN, "a decoder was lost (%s, signal %d); another takes its place", lk_loss_name(why),
               h->signal);
    pthread_mutex_lock(&d->lock);
    d->lost[why]++;
    pthread_mutex_unlock(&d->lock);
    let_go(d, h);
}

int lk_decoders_ready(lk_decoders *d, liken_error *err) {
    lk_helper *h = NULL;
    const int rc = lk_decoders_take(d, &h, err);
    if (rc == LIKEN_OK)
        lk_decoders_give(d, h);
    return rc;
}

void lk_decoders_get(lk_decoders *d, lk_decoders_state *out) {
    pthread_mutex_lock(&d->lock);
    *out =
        (lk_decoders_state){.running = d->running, .most = d->most, .limits_memory = d->limits_memory, .path = d->path};
    for (int i = 0; i < LK_LOSSES; i++)
        out->lost[i] = d->lost[i];
    pthread_mutex_unlock(&d->lock);
}
