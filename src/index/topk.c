#include "index/topk.h"

#include <assert.h>
#include <stdlib.h>

static bool worse(lk_neighbour a, lk_neighbour b) {
    return a.distance > b.distance || (a.distance == b.distance && a.id > b.id);
}

void lk_topk_init(lk_topk *t, lk_neighbour *neighbours, size_t k, float radius) {
    *t = (lk_topk){neighbours, 0, k, radius};
}

static void rise(lk_neighbour *h, size_t at) {
    const lk_neighbour neighbour = h[at];
    while (at > 0 && worse(neighbour, h[(at - 1) / 2])) {
        h[at] = h[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h[at] = neighbour;
}

static void sink(lk_neighbour *h, size_t count) {
    const lk_neighbour neighbour = h[0];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && worse(h[child + 1], h[child]))
            child++;
        if (!worse(h[child], neighbour))
            break;
        h[at] = h[child];
    }
    h[at] = neighbour;
}

void lk_topk_offer(lk_topk *t, int64_t id, float distance) {
    const lk_neighbour neighbour = {id, distance};
    assert(t->count <= t->k);
    if (!(distance <= t->radius))
        return;
    if (t->count < t->k) {
        t->neighbours[t->count] = neighbour;
        rise(t->neighbours, t->count++);
    } else if (worse(t->neighbours[0], neighbour)) {
        t->neighbours[0] = neighbour;
        sink(t->neighbours, t->count);
    }
    if (t->count == t->k && t->neighbours[0].distance < t->radius)
        t->radius = t->neighbours[0].distance;
}

static int compare(const void *a, const void *b) {
    const lk_neighbour x = *(const lk_neighbour *)a, y = *(const lk_neighbour *)b;
    return worse(x, y) ? 1 : worse(y, x) ? -1 : 0;
}

void lk_topk_sort(lk_topk *t) {
    qsort(t->neighbours, t->count, sizeof *t->neighbours, compare);
}
