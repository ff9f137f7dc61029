/* flow.c - which rows a chain makes next (see flow.h): the arithmetic, without the work. */
#include "nn/flow.h"

#include <string.h>

static int smaller(int a, int b) {
    return a < b ? a : b;
}

void lk_flow_start(const lk_chain *c, lk_flow *f) {
    memset(f->made, 0, (size_t)c->links * sizeof *f->made);
}

bool lk_flow_next(const lk_chain *c, lk_flow *f) {
    int pace = c->band;
    if (f->made[c->links - 1] == c->link[c->links - 1].height)
        return false;
    f->want[0] = smaller(f->made[0] + pace, c->link[0].height);
    for (int k = 1; k < c->links; k++) {
        const lk_link *to = &c->link[k];
        const int seen =
            f->want[k - 1] + to->top - to->size; /* by the last row that can be made, less that row's own */
        const int can = f->want[k - 1] == c->link[k - 1].height ? to->height : seen < 0 ? 0 : seen / to->stride + 1;
        pace = (pace + to->stride - 1) / to->stride;
        f->want[k] = smaller(can, f->made[k] + pace);
    }
    return true;
}

/* Rows of link k from the first that its reader still needs to the last that is made now, border and all. */
static int rows_kept(const lk_chain *c, const lk_flow *f, int k) {
    const lk_link *l = &c->link[k], *reader = &c->link[k + 1];
    const int end = f->want[k] == l->height ? l->height + l->below : f->want[k];
    const int next = f->made[k + 1] * reader->stride - reader->top;
    return end - smaller(next, f->made[k]); /* a reader may step over rows that are not made yet */
}

void lk_flow_size_rings(lk_chain *c) {
    lk_flow f;
    for (int k = 0; k < c->links; k++)
        c->link[k].ring = k < c->links - 1 && (k > 0 || c->load) ? c->link[k].above + 1 : 0;
    lk_flow_start(c, &f);
    while (lk_flow_next(c, &f))
        for (int k = 0; k < c->links; k++) {
            lk_link *l = &c->link[k];
            if (l->ring > 0 && rows_kept(c, &f, k) > l->ring)
                l->ring = rows_kept(c, &f, k);
            f.made[k] = f.want[k];
        }
}
