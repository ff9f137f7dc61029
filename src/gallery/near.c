/* Searching in the store. It names faces among which the nearest surely are; their distances are computed here, on the
 * same numbers and by the same loop as in the index, so where a collection is searched does not change an answer. */
#include "gallery/gallery_int.h"

#include "kern/search/loops.h"
#include "index/topk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct ranking {
    const liken_collection *collection;
    const lk_store_near *asked;
    lk_topk top;
    size_t stride;
    float *query, *row; /* `stride` floats each, aligned, zero beyond the dimension */
    liken_error *err;
};

static int rank(void *ctx, int64_t face, const float *descriptor, int dimension) {
    struct ranking *r = ctx;
    const liken_collection *c = r->collection;
    float square;
    if (descriptor == NULL) { /* it begins anew */
        lk_topk_init(&r->top, r->top.hits, r->asked->k, r->asked->radius);
        return LIKEN_OK;
    }
    if (dimension != c->dimension)
        return lk_fail(r->err, LIKEN_E_STORE, "Face %lld has %d numbers where its collection has %d; run liken doctor.",
                       (long long)face, dimension, c->dimension);
    if (c->metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(descriptor, (size_t)dimension, r->row);
    else
        memcpy(r->row, descriptor, (size_t)dimension * sizeof *r->row);
    lk_loops_get()->squares(r->query, r->row, r->stride, 1, &square);
    lk_topk_offer(&r->top, face, sqrtf(square));
    return LIKEN_OK;
}

int lk_near_search(liken *lk, const liken_collection *c, const lk_store_near *query, lk_hit *hits, size_t *count,
                   bool *exact, double *recall, liken_error *err) {
    struct ranking r = {.collection = c, .asked = query, .stride = lk_row_stride(c->dimension), .err = err};
    r.query = aligned_alloc(64, 2 * r.stride * sizeof *r.query);
    if (r.query == NULL)
        return lk_fail_memory(err);
    r.row = r.query + r.stride;
    memset(r.query, 0, 2 * r.stride * sizeof *r.query);
    memcpy(r.query, query->vector, (size_t)c->dimension * sizeof *r.query);
    lk_topk_init(&r.top, hits, query->k, query->radius);
    const int rc = lk->store->ops->near(lk->store, query, rank, &r, exact, recall, err);
    if (rc == LIKEN_OK) {
        lk_topk_sort(&r.top);
        *count = r.top.count;
    }
    free(r.query);
    return rc;
}
