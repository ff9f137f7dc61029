/* What is done in the background, each by a chore of its own, a bit at a time, here or in another process on the same
 * store: preparing what was added for searches inside the database (which are right in the meantime); erasing what
 * removed collections held, and letting go of old events. */
#include "gallery/gallery_int.h"

#include "base/log.h"

#define ROUND 60.0 /* seconds after which it is looked again whether something is due */

int lk_tend(liken *lk, liken_error *err) {
    bool more = true;
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && more)
        rc = lk->store->ops->searching->tend(lk->store, &more, err);
    return rc;
}

/* A step of the store's; one that fails is tried again at the next round. */
static bool take_step(lk_store *store, int (*step)(lk_store *, bool *, liken_error *), const char *trouble) {
    liken_error err = {0};
    bool more = false;
    if (step(store, &more, &err) == LIKEN_OK)
        return more;
    lk_log(LIKEN_LOG_WARN, "%s; this is tried again. %s", trouble, err.message);
    return false;
}

static bool tend(void *ctx) {
    lk_store *store = ctx;
    return take_step(store, store->ops->searching->tend, "The database could not be made ready for searches");
}

static int trim(lk_store *store, bool *more, liken_error *err) {
    return store->ops->events->trim(store, LIKEN_EVENTS_KEPT, more, err);
}

static bool erase(void *ctx) {
    lk_store *store = ctx;
    return (store->ops->erasing != NULL &&
            take_step(store, store->ops->erasing->step, "What removed collections held could not be erased")) ||
           (store->ops->events != NULL && take_step(store, trim, "Old events could not be let go of"));
}

/* Without its thread the work is left to other processes, and to the next start. */
static void start(lk_chore **out, const char *name, lk_chore_fn *fn, lk_store *store) {
    liken_error err = {0};
    const lk_chore_options o = {.name = name, .fn = fn, .ctx = store, .every = ROUND, .now = true};
    if (lk_chore_start(out, &o, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "%s", err.message);
}

void lk_tend_start(liken *lk) {
    if (lk->store->ops->searching != NULL)
        start(&lk->tender, "liken-tend", tend, lk->store);
    if (lk->store->ops->erasing != NULL)
        start(&lk->eraser, "liken-erase", erase, lk->store);
}

void lk_tend_stop(liken *lk) {
    lk_chore_stop(lk->tender);
    lk_chore_stop(lk->eraser);
}
