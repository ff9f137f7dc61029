/* late.c - answers that are held back for a moment, so that whoever asks again and again gets on slowly: without a
 * thread that waits. The connection is suspended with its answer, and resumed by the look that lanes.c takes once a
 * second, so that an answer comes up to a second later than it had to. How many there are is bounded by the places. A
 * client that left, and a server that stops, are not waited for. */
#include "base/clock.h"
#include "http/http_int.h"

#include <stdlib.h>

struct lk_late {
    pthread_mutex_t lock;
    lk_request *first;
};

int lk_late_make(lk_late **out, liken_error *err) {
    lk_late *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&l->lock, NULL);
    *out = l;
    return LIKEN_OK;
}

void lk_late_free(lk_late *l) {
    if (l == NULL)
        return;
    pthread_mutex_destroy(&l->lock);
    free(l);
}

void lk_respond_late(lk_request *r, double seconds) {
    r->late = seconds;
}

bool lk_late_hold(lk_late *l, lk_request *r) {
    if (r->late <= 0 || r->held_back || r->answer.status == 0 || !lk_lanes_enter(r))
        return false;
    r->held_back = true;
    r->queued = lk_clock_monotonic();
    MHD_suspend_connection(r->connection);
    pthread_mutex_lock(&l->lock);
    r->next_late = l->first;
    l->first = r;
    pthread_mutex_unlock(&l->lock);
    return true;
}

void lk_late_look(lk_late *l) {
    const double now = lk_clock_monotonic();
    lk_request *due = NULL;
    pthread_mutex_lock(&l->lock);
    for (lk_request **at = &l->first; *at != NULL;) {
        lk_request *r = *at;
        if (now - r->queued < r->late && !lk_request_gone(r) && !lk_http_stopping(r->server)) {
            at = &r->next_late;
            continue;
        }
        *at = r->next_late;
        r->next_late = due;
        due = r;
    }
    pthread_mutex_unlock(&l->lock);
    while (due != NULL) {
        lk_request *r = due;
        due = r->next_late;
        lk_lanes_resume(r);
    }
}
