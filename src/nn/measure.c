/* measure.c - direct or Winograd? Winograd does a quarter of the products and reads four times the weights, so that the
 * answer depends on channels, size, batch, caches and CPU: it is timed, on the planned workspace itself (what is in it
 * does not matter: borders are never written). Batches 1, 2, 4, ... are tried until Winograd wins; it keeps winning
 * above. What was found is kept in the net, so that all its states choose alike and only the first one pays (some tens
 * of milliseconds). */
#include <limits.h>

#include "base/clock.h"
#include "nn/plan.h"

#define ROUNDS 3

/* The best of some runs of node i, in seconds. */
static double time_node(lk_net_state *s, int i, int batch, int winograd) {
    double best = 1e9;
    s->step[i].winograd_from = winograd ? 1 : INT_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = lk_clock_monotonic();
        lk_run_node(s, i, batch);
        const double took = lk_clock_monotonic() - start;
        best = took < best ? took : best;
    }
    return best;
}

/* Goes on where an earlier state with a smaller batch stopped: what was found stays. */
static void measure_node(lk_net_state *s, int i, lk_choice *c) {
    const lk_step *step = &s->step[i];
    if (c->height != step->height || c->width != step->width)
        *c = (lk_choice){step->height, step->width, 0, INT_MAX};
    while (c->tried < s->max_batch && c->winograd_from == INT_MAX) {
        const int next = c->tried == 0 ? 1 : 2 * c->tried, batch = next < s->max_batch ? next : s->max_batch;
        if (time_node(s, i, batch, 1) < time_node(s, i, batch, 0))
            c->winograd_from = batch;
        c->tried = batch;
    }
}

static int known(const lk_net_state *s, int i, const lk_choice *c) {
    return c->height == s->step[i].height && c->width == s->step[i].width &&
           (c->winograd_from != INT_MAX || c->tried >= s->max_batch);
}

/* An earlier node of the same size that has been measured, or i. */
static int twin_of(const lk_net_state *s, int i) {
    const lk_conv *c = &s->step[i].conv;
    for (int k = 0; k < i; k++) {
        const lk_conv *other = &s->step[k].conv;
        if (other->winograd != NULL && other->in == c->in && other->out == c->out && known(s, i, &s->net->choice[k]))
            return k;
    }
    return i;
}

void lk_measure(lk_net_state *s) {
    const lk_net *net = s->net;
    if (s->kern->winograd == NULL)
        return;
    pthread_mutex_lock(net->measuring);
    for (int i = 0; i < net->nodes; i++) {
        if (s->step[i].conv.winograd == NULL)
            continue;
        lk_choice *c = &net->choice[i];
        if (!known(s, i, c))
            *c = net->choice[twin_of(s, i)];
        if (!known(s, i, c))
            measure_node(s, i, c);
        s->step[i].winograd_from = c->winograd_from;
    }
    pthread_mutex_unlock(net->measuring);
}
