/* flow.c - which rows a chain makes next (see flow.h): the arithmetic, without the work. */
#include "nn/flow.h"

void lk_flow_start(const lk_chain *c, lk_flow *f) {
    for (int k = 0; k < c->links; k++) {
        f->made[k] = 0;
        f->base[k] = -c->link[k].above;
    }
}

bool lk_flow_next(const lk_chain *c, lk_flow *f) {
    const int last = c->links - 1;
    if (f->made[last] == c->link[last].height)
        return false;
    const int target = f->made[last] + c->band;
    f->want[last] = target < c->link[last].height ? target : c->link[last].height;
    for (int k = last; k > 0; k--) {
        const lk_link *to = &c->link[k];
        const int seen = (f->want[k] - 1) * to->stride - to->top + to->size;
        f->want[k - 1] = seen < c->link[k - 1].height ? seen : c->link[k - 1].height;
        if (f->want[k - 1] < f->made[k - 1])
            f->want[k - 1] = f->made[k - 1];
    }
    return true;
}

int lk_flow_needed(const lk_chain *c, const lk_flow *f, int k) {
    const lk_link *reader = &c->link[k + 1];
    const int next = f->made[k + 1] * reader->stride - reader->top;
    return next < f->made[k] ? next : f->made[k]; /* a reader may step over rows that are not made yet */
}

void lk_flow_size_windows(lk_chain *c) {
    lk_flow f;
    for (int k = 0; k < c->links; k++)
        c->link[k].window = 0;
    lk_flow_start(c, &f);
    while (lk_flow_next(c, &f))
        for (int k = 0; k < c->links; k++) {
            if (k < c->links - 1 && (k > 0 || c->load)) {
                lk_link *l = &c->link[k];
                const int end = f.want[k] == l->height ? l->height + l->below : f.want[k];
                const int rows = end - lk_flow_needed(c, &f, k) + (f.want[k] - f.made[k]) / 2;
                l->window = rows > l->window ? rows : l->window;
            }
            f.made[k] = f.want[k];
        }
}
