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
    const lk_store_query *asked;
    lk_topk top;
    size_t stride;
    float *query, *row; /* `stride` floats each, aligned, zero beyond the dimension */
    lk_ids *within;     /* where all within the radius are asked for */
    liken_error *err;
};

static float widest(const lk_store_query *q) {
    return q->weak_radius > q->radius ? q->weak_radius : q->radius;
}

static int begin_anew(struct ranking *r) {
    lk_topk_init(&r->top, r->top.neighbours, r->asked->k, widest(r->asked));
    if (r->within != NULL) {
        lk_ids_free(r->within);
        *r->within = (lk_ids){0};
    }
    return LIKEN_OK;
}

/* As the index measures; STORE when the face has not as many numbers as its collection. */
static int measure(struct ranking *r, int64_t face, const float *descriptor, int dimension, float *distance) {
    const liken_collection *c = r->collection;
    float square;
    if (dimension != c->dimension)
        return lk_fail(r->err, LIKEN_E_STORE, "Face %lld has %d numbers where its collection has %d; run liken doctor.",
                       (long long)face, dimension, c->dimension);
    if (c->metric == LIKEN_NORMALIZED)
        (void)lk_vector_normalize(descriptor, (size_t)dimension, r->row);
    else
        memcpy(r->row, descriptor, (size_t)dimension * sizeof *r->row);
    lk_loops_get()->squares(r->query, r->row, r->stride, 1, &square);
    *distance = sqrtf(square);
    return LIKEN_OK;
}

/* Is that within the radius of the face's class? */
static bool is_near(const struct ranking *r, bool weak, float distance) {
    return distance <= (weak ? r->asked->weak_radius : r->asked->radius);
}

static int rank(void *ctx, int64_t face, bool weak, const float *descriptor, int dimension) {
    struct ranking *r = ctx;
    float distance = 0;
    if (face == 0)
        return begin_anew(r);
    const int rc = measure(r, face, descriptor, dimension, &distance);
    if (rc == LIKEN_OK && is_near(r, weak, distance))
        lk_topk_offer(&r->top, lk_face_key(face, weak), distance);
    return rc;
}

/* One more than may be is enough to know that there are too many. */
static int gather(void *ctx, int64_t face, bool weak, const float *descriptor, int dimension) {
    struct ranking *r = ctx;
    float distance = 0;
    if (face == 0)
        return begin_anew(r);
    const int rc = descriptor == NULL ? LIKEN_OK : measure(r, face, descriptor, dimension, &distance);
    if (rc != LIKEN_OK || !is_near(r, weak, distance) || r->within->count > r->asked->k)
        return rc;
    return lk_ids_add(r->within, face, r->err);
}

static int ranking_new(struct ranking *r, const liken_collection *c, const lk_store_query *query, liken_error *err) {
    *r = (struct ranking){.collection = c, .asked = query, .stride = lk_row_stride(c->dimension), .err = err};
    r->query = aligned_alloc(64, 2 * r->stride * sizeof *r->query);
    if (r->query == NULL)
        return lk_fail_memory(err);
    r->row = r->query + r->stride;
    memset(r->query, 0, 2 * r->stride * sizeof *r->query);
    memcpy(r->query, query->vector, (size_t)c->dimension * sizeof *r->query);
    return LIKEN_OK;
}

int lk_database_search(liken *lk, const liken_collection *c, const lk_store_query *query, lk_neighbour *neighbours,
                       size_t *count, bool *exact, double *recall, liken_error *err) {
    struct ranking r;
    int rc = ranking_new(&r, c, query, err);
    if (rc != LIKEN_OK)
        return rc;
    lk_topk_init(&r.top, neighbours, query->k, widest(query));
    rc = lk->store->ops->searching->find(lk->store, query, rank, &r, exact, recall, err);
    if (rc == LIKEN_OK) {
        lk_topk_sort(&r.top);
        *count = r.top.count;
    }
    free(r.query);
    return rc;
}

int lk_database_within(liken *lk, const liken_collection *c, const lk_store_query *query, lk_ids *faces, bool *known,
                       liken_error *err) {
    struct ranking r;
    lk_ids within = {0};
    bool exact = true;
    double recall = 1;
    int rc = ranking_new(&r, c, query, err);
    if (rc != LIKEN_OK)
        return rc;
    r.within = &within;
    rc = lk->store->ops->searching->find(lk->store, query, gather, &r, &exact, &recall, err);
    const bool all = exact && within.count <= query->k;
    for (size_t i = 0; rc == LIKEN_OK && all && i < within.count; i++)
        rc = lk_ids_add(faces, within.list[i], err);
    if (rc == LIKEN_OK)
        *known = all;
    lk_ids_free(&within);
    free(r.query);
    return rc;
}
