/* probe.c - how the store is, known without waiting for it.
 *
 * /readyz and /metrics are asked when something is wrong, and must answer when the store does not. So a chore asks the
 * store once a second (less often where that takes long) and keeps what it heard; an answer is as old as that at most.
 * When the store keeps the chore waiting, that is the finding. The same chore looks at the file of keys, for the
 * requests that are answered at once. */
#include "api/api_int.h"
#include "base/chore.h"
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
    lk_chore *chore;
    pthread_mutex_t lock; /* guards the rest; never held while the store is asked */
    bool looking;
    double since; /* when the look under way began */
    lk_finding last;
};

static bool look(void *ctx) {
    lk_probe *p = ctx;
    lk_finding found = {0};
    liken_state *s = NULL;
    pthread_mutex_lock(&p->lock);
    p->looking = true;
    p->since = lk_clock_monotonic();
    pthread_mutex_unlock(&p->lock);
    const int keys = lk_keyring_refresh(p->keys, &found.trouble);
    if (keys == LIKEN_OK && liken_get_state(p->lk, NULL, &s, &found.trouble) == LIKEN_OK)
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
    return false;
}

int lk_probe_start(lk_probe **out, liken *lk, lk_keyring *keys, liken_error *err) {
    lk_probe *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    p->lk = lk;
    p->keys = keys;
    pthread_mutex_init(&p->lock, NULL);
    (void)look(p);
    const lk_chore_options o = {
        .name = "liken-probe", .fn = look, .ctx = p, .every = PAUSE, .share = SHARE, .longest = LONGEST};
    const int rc = lk_chore_start(&p->chore, &o, err);
    if (rc == LIKEN_OK)
        *out = p;
    else
        lk_probe_stop(p);
    return rc;
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
    lk_chore_stop(p->chore);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
