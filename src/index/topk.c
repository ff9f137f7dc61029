#include "index/topk.h"

#include <stdlib.h>

static bool worse(lk_hit a, lk_hit b) {
    return a.distance > b.distance || (a.distance == b.distance && a.id > b.id);
}

void lk_topk_init(lk_topk *t, lk_hit *hits, size_t k, float radius) {
    *t = (lk_topk){hits, 0, k, radius};
}

static void rise(lk_hit *h, size_t at) {
    const lk_hit hit = h[at];
    while (at > 0 && worse(hit, h[(at - 1) / 2])) {
        h[at] = h[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h[at] = hit;
}

static void sink(lk_hit *h, size_t count) {
    const lk_hit hit = h[0];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && worse(h[child + 1], h[child]))
            child++;
        if (!worse(h[child], hit))
            break;
        h[at] = h[child];
    }
    h[at] = hit;
}

void lk_topk_offer(lk_topk *t, int64_t id, float distance) {
    const lk_hit hit = {id, distance};
    if (!(distance <= t->radius))
        return;
    if (t->count < t->k) {
        t->hits[t->count] = hit;
        rise(t->hits, t->count++);
    } else if (worse(t->hits[0], hit)) {
        t->hits[0] = hit;
        sink(t->hits, t->count);
    }
    if (t->count == t->k && t->hits[0].distance < t->radius)
        t->radius = t->hits[0].distance;
}

static int compare(const void *a, const void *b) {
    const lk_hit x = *(const lk_hit *)a, y = *(const lk_hit *)b;
    return worse(x, y) ? 1 : worse(y, x) ? -1 : 0;
}

void lk_topk_sort(lk_topk *t) {
    qsort(t->hits, t->count, sizeof *t->hits, compare);
}
