/* follow.c - wakes the streams of events when something happened.
 *
 * While there are streams a chore looks at the store's feed, four times a second, whoever wrote to it. What it finds it
 * does not tell: each stream asks for itself what its reader may see. So many events in one look cost each stream one
 * question. */
#include "api/api_int.h"
#include "base/chore.h"

#include <stdlib.h>

#define PAUSE 0.25 /* seconds between two looks, */
#define SHARE 10   /* or so many times what the last one took, */
#define LONGEST 5  /* at most */

struct lk_follow {
    liken *lk;
    lk_http *http;
    lk_chore *chore;
    int64_t seen; /* the feed up to here; LIKEN_EVENTS_NOW: nobody has listened */
};

/* Streams that began before the place in the feed was known are woken all the same. A store that does not answer is
 * asked again in a moment; the probe tells of it. */
static bool look(void *ctx) {
    lk_follow *f = ctx;
    liken_event_list *page = NULL;
    const bool known = f->seen != LIKEN_EVENTS_NOW, heard = lk_http_streams(f->http) > 0;
    if (!heard || liken_events_after(f->lk, NULL, NULL, f->seen, LK_PAGE_MAX, &page, NULL) != LIKEN_OK) {
        f->seen = LIKEN_EVENTS_NOW;
        return false;
    }
    const bool wake = !known || page->next != f->seen, more = page->more;
    f->seen = page->next;
    liken_event_list_free(page);
    if (wake)
        lk_http_wake_streams(f->http);
    return more;
}

int lk_follow_start(lk_follow **out, liken *lk, lk_http *http, liken_error *err) {
    lk_follow *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    *f = (lk_follow){.lk = lk, .http = http, .seen = LIKEN_EVENTS_NOW};
    const lk_chore_options o = {
        .name = "liken-follow", .fn = look, .ctx = f, .every = PAUSE, .share = SHARE, .longest = LONGEST};
    const int rc = lk_chore_start(&f->chore, &o, err);
    if (rc == LIKEN_OK)
        *out = f;
    else
        free(f);
    return rc;
}

void lk_follow_stop(lk_follow *f) {
    if (f == NULL)
        return;
    lk_chore_stop(f->chore);
    free(f);
}
