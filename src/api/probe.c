/* probe.c - how the store is, known without waiting for it.
 *
 * /readyz and /metrics are asked when something is wrong, and must answer when the store does not. So a thread asks the
 * store once a second (less often where that takes long) and keeps what it heard; an answer is as old as that at most.
 * When the store keeps the thread waiting, that is the finding. The same thread looks at the file of keys, for the
 * requests that are answered at once. */
#include "api/api_int.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

#define PAUSE 1.0    /* seconds between two looks, */
#define SHARE 10     /* or so many times what the last one took, */
#define LONGEST 5.0  /* at most */
#define PATIENCE 3.0 /* seconds after which a store that does not answer is told of */

struct lk_probe {
    liken *lk;
    lk_keyring *keys;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards the rest; never held while the store is asked */
    pthread_cond_t changed;
    bool stop, looking;
    double since; /* when the look under way began */
    lk_finding last;
};

static void look(lk_probe *p) {
    lk_finding found = {0};
    liken_state *s = NULL;
    pthread_mutex_lock(&p->lock);
    p->looking = true;
    p->since = lk_clock_monotonic();
    pthread_mutex_unlock(&p->lock);
    lk_keyring_refresh(p->keys);
    if (liken_get_state(p->lk, &s, &found.trouble) == LIKEN_OK)
        found = (lk_finding){.models = s->detector != NULL,
                             .collections = s->collections,
                             .images = s->images,
                             .faces = s->faces,
                             .indexed = s->indexed,
                             .index_bytes = s->index_bytes,
                             .decoders = s->decoders,
                             .decoders_lost = s->decoders_lost,
                             .read_only = s->read_only != NULL};
    if (s != NULL && s->full != NULL)
        (void)lk_fail(&found.full, LIKEN_E_FULL, "%s", s->full);
    liken_state_free(s);
    pthread_mutex_lock(&p->lock);
    p->looking = false;
    p->last = found;
    pthread_mutex_unlock(&p->lock);
}

/* Waits until it is time to look again; false when it is to end. */
static bool pause_until_due(lk_probe *p, double took) {
    const double pause = took * SHARE < PAUSE ? PAUSE : took * SHARE < LONGEST ? took * SHARE : LONGEST;
    const struct timespec until = lk_clock_after(pause);
    pthread_mutex_lock(&p->lock);
    int rc = 0;
    while (!p->stop && rc == 0)
        rc = pthread_cond_timedwait(&p->changed, &p->lock, &until);
    const bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    return !stop;
}

static void *run(void *arg) {
    lk_probe *p = arg;
    for (double took = 0; pause_until_due(p, took);) {
        const double start = lk_clock_monotonic();
        look(p);
        took = lk_clock_monotonic() - start;
    }
    return NULL;
}

int lk_probe_start(lk_probe **out, liken *lk, lk_keyring *keys, liken_error *err) {
    lk_probe *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->lk = lk;
    p->keys = keys;
    pthread_mutex_init(&p->lock, NULL);
    lk_clock_condition(&p->changed);
    look(p);
    const int failed = pthread_create(&p->thread, NULL, run, p);
    p->started = failed == 0;
    if (!p->started) {
        lk_probe_stop(p);
        return lk_fail_errno(err, LIKEN_E_MEMORY, failed, "The server could not start a thread");
    }
    *out = p;
    return LIKEN_OK;
}

void lk_probe_read(lk_probe *p, lk_finding *out) {
    pthread_mutex_lock(&p->lock);
    const double waited = p->looking ? lk_clock_monotonic() - p->since : 0;
    *out = p->last;
    pthread_mutex_unlock(&p->lock);
    if (waited > PATIENCE)
        (void)lk_fail(&out->trouble, LIKEN_E_BUSY,
                      "The store, or the file of keys, has not answered for %.0f seconds; try again later.", waited);
}

void lk_probe_stop(lk_probe *p) {
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_signal(&p->changed);
    pthread_mutex_unlock(&p->lock);
    if (p->started)
        pthread_join(p->thread, NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p);
}
