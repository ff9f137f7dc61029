/* measure.c - direct or Winograd? Winograd does a quarter of the products and reads four times the weights, so that the
 * answer depends on channels, size, batch, caches and CPU: it is timed, on the planned workspace itself (what is in it
 * does not matter: borders are never written).
 *
 * All convolutions that have the choice run one after the other, as they will in a forward pass: one that is repeated
 * alone finds its weights in a cache that the others would have filled with theirs. Layers of one size decide together.
 * Batches 1, 2, 4, ... are tried until Winograd wins; it keeps winning above. Time is the thread's own, so that a busy
 * machine does not decide. What was found is kept in the net: its states choose alike and only the first one pays
 * (some tens of milliseconds). */
#include <limits.h>
#include <time.h>

#include "nn/plan.h"

#define ROUNDS 3

static double thread_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The first node of node i's size that has the choice: i itself, or one before it. */
static int first_of_size(const lk_net_state *s, int i) {
    for (int k = 0; k < i; k++) {
        const lk_step *a = &s->step[k], *b = &s->step[i];
        if (a->conv.winograd != NULL && a->conv.in == b->conv.in && a->conv.out == b->conv.out &&
            a->height == b->height && a->width == b->width)
            return k;
    }
    return i;
}

/* The choice of node i's size; NULL when it has none. */
static lk_choice *choice_of(const lk_net_state *s, int i) {
    return s->step[i].conv.winograd != NULL ? &s->net->choice[first_of_size(s, i)] : NULL;
}

/* Runs all that have the choice, those still open as `winograd` says, and takes the best times of each size. */
static void time_all(lk_net_state *s, int batch, int winograd, double best[LK_MAX_NODES]) {
    double took[LK_MAX_NODES] = {0};
    for (int i = 0; i < s->net->nodes; i++) {
        const lk_choice *c = choice_of(s, i);
        if (c == NULL)
            continue;
        s->step[i].winograd_from = c->winograd_from == INT_MAX && winograd ? 1 : c->winograd_from;
        const double start = thread_seconds();
        lk_run_node(s, i, batch);
        took[first_of_size(s, i)] += thread_seconds() - start;
    }
    for (int i = 0; i < s->net->nodes; i++)
        best[i] = took[i] < best[i] ? took[i] : best[i];
}

static void try_batch(lk_net_state *s, int batch) {
    double direct[LK_MAX_NODES], winograd[LK_MAX_NODES];
    for (int i = 0; i < s->net->nodes; i++)
        direct[i] = winograd[i] = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        time_all(s, batch, 0, direct);
        time_all(s, batch, 1, winograd);
    }
    for (int i = 0; i < s->net->nodes; i++) {
        lk_choice *c = choice_of(s, i);
        if (c == NULL || c != &s->net->choice[i])
            continue;
        if (c->winograd_from == INT_MAX && winograd[i] < direct[i])
            c->winograd_from = batch;
        c->tried = batch;
    }
}

/* The smallest batch that some open choice has been tried for; `together` when none is open. */
static int tried(const lk_net_state *s) {
    int least = s->together;
    for (int i = 0; i < s->net->nodes; i++) {
        lk_choice *c = choice_of(s, i);
        if (c == NULL)
            continue;
        if (c->height != s->step[i].height || c->width != s->step[i].width)
            *c = (lk_choice){s->step[i].height, s->step[i].width, 0, INT_MAX};
        if (c->winograd_from == INT_MAX && c->tried < least)
            least = c->tried;
    }
    return least;
}

void lk_measure(lk_net_state *s) {
    const lk_net *net = s->net;
    if (s->kern->winograd == NULL)
        return;
    pthread_mutex_lock(net->measuring);
    for (int last = tried(s); last < s->together; last = tried(s)) {
        const int next = last == 0 ? 1 : 2 * last;
        try_batch(s, next < s->together ? next : s->together);
    }
    for (int i = 0; i < net->nodes; i++)
        if (choice_of(s, i) != NULL)
            s->step[i].winograd_from = choice_of(s, i)->winograd_from;
    pthread_mutex_unlock(net->measuring);
}
