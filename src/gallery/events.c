/* What happened, told to whoever follows. The store keeps it; here only the question is checked. */
#include "gallery/gallery_int.h"

static int events_after(liken *lk, const char *collection, int64_t after, int limit, liken_event_list **out,
                        liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK && lk->store->ops->events == NULL)
        rc = lk_fail(err, LIKEN_E_UNSUPPORTED, "A legacy table that is served in place does not tell what happened.");
    if (rc == LIKEN_OK && (limit < 0 || limit > LK_PAGE_MAX))
        rc = lk_fail(err, LIKEN_E_ARG, "A page holds 1 to %d events, not %d.", LK_PAGE_MAX, limit);
    if (rc == LIKEN_OK && after < LIKEN_EVENTS_NOW)
        rc = lk_fail(err, LIKEN_E_ARG, "There is no event %lld; 0 is before the first.", (long long)after);
    if (rc == LIKEN_OK && collection != NULL)
        rc = lk_gallery_collection(lk, collection, &c, err);
    if (rc != LIKEN_OK)
        return rc;
    return lk->store->ops->events->after(lk->store, c == NULL ? 0 : c->id, collection, after,
                                         limit == 0 ? LK_DEFAULT_PAGE : limit, out, err);
}

int liken_events_after(liken *lk, const liken_call *call, const char *collection, int64_t after, int limit,
                       liken_event_list **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = events_after(lk, collection, after, limit, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
