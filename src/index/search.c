/* Searching: filter and refine.
 *
 * A sealed segment is read in runs of 1024 rows. The coarse codes of a run are read whole; what survives has its fine
 * record looked at; what survives that has its float32 row measured, which alone decides. The radius shrinks to the
 * k-th best so far, so after the first run few rows survive. Why a row that is passed over cannot be an answer:
 * bound.h. Open segments have no codes and are measured row by row.
 *
 * Several queries share a pass: each run is read by all of them while it is in the cache. Several threads share a
 * search: they take turns at stretches of rows, keep neighbours of their own and one common radius per query. */
#include "index/inner.h"

#include "index/bound.h"
#include "kern/search/loops.h"
#include "index/topk.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RUN 1024           /* rows between two looks at the radius: one checked block of codes */
#define STRETCH (RUN * 16) /* rows that a thread takes at a time */
#define THREAD_ROWS 65536  /* fewer are not worth another thread */
#define MAX_THREADS 64

/* One query in the hands of one thread. */
typedef struct seeker {
    lk_probe probe;
    _Alignas(64) float query[LK_INDEX_MAX_DIMENSION];
    const lk_index_query *asked;
    _Atomic uint32_t *common; /* bits of the smallest radius that any thread has reached */
    lk_topk top;
    uint64_t within; /* the asked radius */
    lk_neighbour *neighbours;
    uint32_t pending[RUN]; /* rows that passed the coarse test of the latest run */
    size_t pending_count;
    bool listed; /* this stretch is done: it was looked through by the list of ids */
} seeker;

/* One search: queries on a view. */
typedef struct hunt {
    const lk_index_query *queries;
    size_t n;
    const lk_view *view;
    uint64_t state;
    int dimension;
    _Atomic uint32_t *common; /* n */
    _Atomic size_t taken;     /* stretches */
    _Atomic bool starved;     /* there was no memory for a segment's codes */
} hunt;

/* A thread's share. */
typedef struct party {
    hunt *hunt;
    seeker *seekers; /* n */
    const lk_loops *loops;
    pthread_t thread;
} party;

/* ---- one run of rows ----------------------------------------------------------------------------------------------
 */

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Radii are not negative, so their bits are in the order of their values. */
static float shared_radius(seeker *s) {
    uint32_t bits = atomic_load_explicit(s->common, memory_order_relaxed);
    float radius;
    memcpy(&radius, &bits, sizeof radius);
    return radius;
}

static void share_radius(seeker *s) {
    const uint32_t mine = bits_of(s->top.radius);
    uint32_t seen = atomic_load_explicit(s->common, memory_order_relaxed);
    while (mine < seen && !atomic_compare_exchange_weak(s->common, &seen, mine))
        continue;
    s->top.radius = shared_radius(s); /* what is beyond another thread's k-th best is beyond the k-th best of all */
}

static float radius_of(const lk_index_query *q, int64_t id) {
    return q->apart && (id & 1) != 0 ? q->odd_radius : q->radius;
}

/* Beyond it nothing is asked for. */
static float widest(const lk_index_query *q) {
    return q->apart && q->odd_radius > q->radius ? q->odd_radius : q->radius;
}

/* What lies beyond it need not be looked at. */
static float needed_radius(const seeker *s) {
    return s->asked->within != NULL ? widest(s->asked) : s->top.radius;
}

static void offer(seeker *s, int64_t id, float distance) {
    if (!(distance <= radius_of(s->asked, id)))
        return;
    s->within++;
    lk_topk_offer(&s->top, id, distance);
}

/* A squared distance above this has a root above `radius`, roundings included. */
static float square_limit(float radius) {
    return radius * radius * (1 + 1e-6f) + FLT_MIN;
}

static bool wanted(const lk_index_query *q, int64_t id) {
    if (q->only != NULL) {
        size_t low = 0, high = q->only_count;
        while (low < high) {
            const size_t middle = low + (high - low) / 2;
            if (q->only[middle] < id)
                low = middle + 1;
            else
                high = middle;
        }
        if (low == q->only_count || q->only[low] != id)
            return false;
    }
    return q->filter == NULL || q->filter(q->filter_ctx, id);
}

static bool may_answer(const seeker *s, const lk_segment *g, size_t row, uint64_t version) {
    return lk_segment_alive(g, row, version) && wanted(s->asked, lk_segment_id(g, row));
}

static void measure_open(const party *p, seeker *s, const lk_segment *g, size_t first, size_t end) {
    const uint64_t version = lk_state_version(p->hunt->state);
    float squares[64];
    for (size_t at = first; at < end; at += 64) {
        const size_t n = end - at < 64 ? end - at : 64;
        p->loops->squares(s->query, g->rows + at * g->stride, g->stride, n, squares);
        for (size_t i = 0; i < n; i++)
            if (squares[i] <= square_limit(needed_radius(s)) && may_answer(s, g, at + i, version))
                offer(s, lk_segment_id(g, at + i), sqrtf(squares[i]));
    }
}

/* The k-th smallest of the sums. */
static float kth(const float *sums, size_t n, size_t k) {
    float copy[RUN];
    memcpy(copy, sums, n * sizeof *copy);
    for (size_t low = 0, high = n - 1; low < high;) { /* Hoare's selection */
        const float pivot = copy[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;; i++, j--) {
            while (copy[i] < pivot)
                i++;
            while (copy[j] > pivot)
                j--;
            if (i >= j)
                break;
            const float t = copy[i];
            copy[i] = copy[j];
            copy[j] = t;
        }
        if (k - 1 <= j)
            high = j;
        else
            low = j + 1;
    }
    return copy[k - 1];
}

/* Measures those of the rows that pass the fine test and whose sum lies in (above, to]. */
static void measure_sealed(const party *p, seeker *s, const lk_segment *g, const uint32_t *rows, const float *sums,
                           size_t n, float above, float to) {
    lk_sealed *sealed = g->sealed;
    const size_t record = sealed->plan.record;
    const uint64_t version = lk_state_version(p->hunt->state);
    lk_reach reach = lk_probe_reach(&s->probe, sealed, needed_radius(s));
    for (size_t i = 0; i < n; i++) {
        const uint8_t *tail = sealed->fine + (rows[i] + 1) * record - LK_RECORD_TAIL;
        if (!(sums[i] > above && sums[i] <= to) || !lk_probe_may(&s->probe, sealed, sums[i], tail, &reach) ||
            !may_answer(s, g, rows[i], version) || !lk_sealed_intact(sealed, LK_PART_ROWS, rows[i]))
            continue;
        const float radius = needed_radius(s);
        float square;
        p->loops->squares(s->query, g->rows + rows[i] * g->stride, g->stride, 1, &square);
        offer(s, lk_segment_id(g, rows[i]), sqrtf(square));
        if (needed_radius(s) != radius)
            reach = lk_probe_reach(&s->probe, sealed, needed_radius(s));
    }
}

/* Fine test and measurement of these rows (RUN at most). Before there are k neighbours, those that promise most come
 * first.
 */
static void refine(const party *p, seeker *s, const lk_segment *g, const uint32_t *rows, size_t n) {
    lk_sealed *sealed = g->sealed;
    float sums[RUN];
    for (size_t i = 0; i < n; i++)
        if (!lk_sealed_intact(sealed, LK_PART_FINE, rows[i]))
            return;
    p->loops->fine(sealed->fine, sealed->plan.record, s->probe.fine, sealed->plan.scale, rows, n, sums);
    float first = -1;
    if (s->top.count < s->top.k && n > s->top.k) {
        first = kth(sums, n, s->top.k);
        measure_sealed(p, s, g, rows, sums, n, -1, first);
    }
    measure_sealed(p, s, g, rows, sums, n, first, INFINITY);
}

/* The survivors of the run before this one: their records have been on the way to the cache since. */
static void refine_pending(const party *p, seeker *s, const lk_segment *g) {
    refine(p, s, g, s->pending, s->pending_count);
    s->pending_count = 0;
}

/* At most RUN rows from a multiple of RUN. */
static void filter_run(const party *p, seeker *s, const lk_segment *g, size_t first, size_t end) {
    share_radius(s);
    lk_sealed *sealed = g->sealed;
    const size_t dims = sealed->plan.coarse, blocks = (end - first + 15) / 16, record = sealed->plan.record;
    uint16_t masks[RUN / 16];
    p->loops->coarse(lk_sealed_coarse(sealed) + first / 16 * dims * 8, lk_sealed_values(sealed) + first,
                     s->probe.coarse, dims, blocks, s->probe.slope, lk_probe_limit(&s->probe, sealed, needed_radius(s)),
                     masks);
    refine_pending(p, s, g);
    for (size_t b = 0; b < blocks; b++)
        for (unsigned left = masks[b]; left != 0; left &= left - 1) {
            const size_t row = first + 16 * b + (size_t)__builtin_ctz(left);
            if (row >= end)
                break;
            __builtin_prefetch(sealed->fine + row * record);
            s->pending[s->pending_count++] = (uint32_t)row;
        }
    if (s->top.count < s->top.k)
        refine_pending(p, s, g); /* the next run wants a radius */
}

/* First row of first..end whose id is not below `id`. */
static size_t lower(const lk_segment *g, size_t first, size_t end, int64_t id) {
    size_t step = 1, low = first; /* the rows before low have smaller ids; ids are dense, so gallop */
    while (low + step < end && lk_segment_id(g, low + step) < id) {
        low += step;
        step *= 2;
    }
    size_t high = low + step < end ? low + step : end;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (lk_segment_id(g, middle) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The listed ids among these rows, without a look at the coarse codes. False when that does not pay. */
static bool pick_listed(const party *p, seeker *s, const lk_segment *g, size_t first, size_t end) {
    const lk_index_query *q = s->asked;
    if (q->only == NULL)
        return false;
    size_t from = 0, high = q->only_count, n = 0;
    const int64_t begin = lk_segment_id(g, first), last = lk_segment_id(g, end - 1);
    while (from < high) {
        const size_t middle = from + (high - from) / 2;
        if (q->only[middle] < begin)
            from = middle + 1;
        else
            high = middle;
    }
    uint32_t rows[STRETCH / 16];
    for (size_t i = from; i < q->only_count && q->only[i] <= last; i++)
        if (++n > sizeof rows / sizeof rows[0])
            return false;
    size_t at = first, found = 0;
    for (size_t i = from; i < from + n; i++) {
        at = lower(g, at, end, q->only[i]);
        if (at < end && lk_segment_id(g, at) == q->only[i])
            rows[found++] = (uint32_t)at;
    }
    for (size_t i = 0; i < found; i += RUN)
        refine(p, s, g, rows + i, found - i < RUN ? found - i : RUN);
    return true;
}

/* ---- a thread's share ---------------------------------------------------------------------------------------------
 */

/* Are all seekers done with this stretch by their lists of ids? */
static bool search_listed(party *p, const lk_segment *g, size_t first, size_t end) {
    bool all = true;
    for (size_t q = 0; q < p->hunt->n; q++) {
        p->seekers[q].listed = pick_listed(p, &p->seekers[q], g, first, end);
        all = all && p->seekers[q].listed;
    }
    return all;
}

static void search_sealed(party *p, const lk_segment *g, size_t first, size_t end) {
    if (search_listed(p, g, first, end))
        return;
    const int rc = lk_sealed_load(g->sealed);
    if (rc == LIKEN_E_MEMORY)
        atomic_store(&p->hunt->starved, true);
    if (rc != LIKEN_OK)
        return;
    for (size_t at = first; at < end; at += RUN)
        for (size_t q = 0; q < p->hunt->n; q++)
            if (!p->seekers[q].listed)
                filter_run(p, &p->seekers[q], g, at, at + RUN < end ? at + RUN : end);
    for (size_t q = 0; q < p->hunt->n; q++)
        refine_pending(p, &p->seekers[q], g);
}

static void search_stretch(party *p, const lk_segment *g, size_t first, size_t end) {
    for (size_t q = 0; q < p->hunt->n; q++)
        share_radius(&p->seekers[q]);
    if (g->sealed != NULL)
        search_sealed(p, g, first, end);
    else
        for (size_t q = 0; q < p->hunt->n; q++)
            measure_open(p, &p->seekers[q], g, first, end);
    for (size_t q = 0; q < p->hunt->n; q++)
        share_radius(&p->seekers[q]);
}

static void *search_share(void *arg) {
    party *p = arg;
    hunt *h = p->hunt;
    size_t mine = atomic_fetch_add(&h->taken, 1), number = 0;
    for (size_t i = 0; i < h->view->count; i++) {
        const lk_segment *g = h->view->parts[i].segment;
        const size_t rows = lk_view_rows(h->view, i, h->state);
        bool ready = false;
        for (size_t first = 0; first < rows; first += STRETCH, number++) {
            if (number != mine)
                continue;
            for (size_t q = 0; g->sealed != NULL && !ready && q < h->n; q++)
                lk_probe_init(&p->seekers[q].probe, g->sealed, p->seekers[q].query);
            ready = g->sealed != NULL;
            search_stretch(p, g, first, first + STRETCH < rows ? first + STRETCH : rows);
            mine = atomic_fetch_add(&h->taken, 1);
        }
    }
    return NULL;
}

/* ---- a search -----------------------------------------------------------------------------------------------------
 */

static void party_free(party *p, size_t n) {
    for (size_t q = 0; p->seekers != NULL && q < n; q++)
        free(p->seekers[q].neighbours);
    free(p->seekers);
}

static bool party_new(party *p, hunt *h) {
    *p = (party){.hunt = h, .loops = lk_loops_get()};
    p->seekers = aligned_alloc(64, h->n * sizeof *p->seekers);
    if (p->seekers == NULL)
        return false;
    bool ok = true;
    for (size_t q = 0; q < h->n; q++) {
        seeker *s = &p->seekers[q];
        const lk_index_query *asked = &h->queries[q];
        s->asked = asked;
        s->common = &h->common[q];
        s->pending_count = 0;
        s->within = 0;
        memset(s->query, 0, sizeof s->query);
        memcpy(s->query, asked->vector, (size_t)h->dimension * sizeof *s->query);
        s->neighbours = malloc(asked->k * sizeof *s->neighbours);
        lk_topk_init(&s->top, s->neighbours, asked->k, widest(asked));
        ok = ok && s->neighbours != NULL;
    }
    if (!ok)
        party_free(p, h->n);
    return ok;
}

static size_t rows_of(const lk_view *v, uint64_t state) {
    size_t rows = 0;
    for (size_t i = 0; i < v->count; i++)
        rows += lk_view_rows(v, i, state);
    return rows;
}

static int threads_for(const hunt *h) {
    const size_t useful = 1 + rows_of(h->view, h->state) / THREAD_ROWS;
    const int asked = h->queries[0].threads < MAX_THREADS ? h->queries[0].threads : MAX_THREADS;
    return asked < 1 ? 1 : (size_t)asked < useful ? asked : (int)useful;
}

/* Runs the hunt on this thread and, where they can be had, on others; their neighbours end up in parties[0]. */
static void run_parties(hunt *h, party *parties, int threads) {
    int started = 1;
    while (started < threads && pthread_create(&parties[started].thread, NULL, search_share, &parties[started]) == 0)
        started++;
    search_share(&parties[0]);
    for (int t = 1; t < started; t++) {
        pthread_join(parties[t].thread, NULL);
        for (size_t q = 0; q < h->n; q++) {
            const lk_topk *top = &parties[t].seekers[q].top;
            parties[0].seekers[q].within += parties[t].seekers[q].within;
            for (size_t i = 0; i < top->count; i++)
                lk_topk_offer(&parties[0].seekers[q].top, top->neighbours[i].id, top->neighbours[i].distance);
        }
    }
    for (size_t q = 0; q < h->n; q++)
        lk_topk_sort(&parties[0].seekers[q].top);
}

/* Searches into `best`, which is then the caller's to free (party_free). */
static int search_view(hunt *h, party *best, liken_error *err) {
    party parties[MAX_THREADS];
    const int wanted_threads = threads_for(h);
    int made = 0;
    h->common = malloc(h->n * sizeof *h->common);
    for (size_t q = 0; h->common != NULL && q < h->n; q++)
        atomic_init(&h->common[q], bits_of(widest(&h->queries[q])));
    while (h->common != NULL && made < wanted_threads && party_new(&parties[made], h))
        made++;
    if (made > 0) {
        run_parties(h, parties, made);
        *best = parties[0];
    }
    for (int t = 1; t < made; t++)
        party_free(&parties[t], h->n);
    free(h->common);
    if (made > 0 && !atomic_load(&h->starved))
        return LIKEN_OK;
    if (made > 0)
        party_free(best, h->n);
    return lk_fail_memory(err);
}

static uint64_t passed(const lk_view *v, uint64_t state, const lk_index_query *q) {
    const uint64_t version = lk_state_version(state);
    uint64_t n = 0;
    size_t row;
    for (size_t i = 0; q->only != NULL && i < q->only_count; i++) {
        const lk_segment *g = lk_view_find(v, state, q->only[i], &row);
        n += g != NULL && lk_segment_alive(g, row, version) &&
             (q->filter == NULL || q->filter(q->filter_ctx, q->only[i]));
    }
    for (size_t i = 0; q->only == NULL && i < v->count; i++) {
        const lk_segment *g = v->parts[i].segment;
        const size_t rows = lk_view_rows(v, i, state);
        if (q->filter == NULL)
            n += lk_segment_live(g, rows, version);
        for (size_t r = 0; q->filter != NULL && r < rows; r++)
            n += lk_segment_alive(g, r, version) && q->filter(q->filter_ctx, lk_segment_id(g, r));
    }
    return n;
}

static int check_query(const lk_index *ix, const lk_index_query *q, liken_error *err) {
    if (q->k < 1 || q->k > LK_INDEX_MAX_NEIGHBOURS)
        return lk_fail(err, LIKEN_E_ARG, "A search returns 1 to %zu neighbours, not %zu.", LK_INDEX_MAX_NEIGHBOURS,
                       q->k);
    if (!(q->radius >= 0) || (q->apart && !(q->odd_radius >= 0)))
        return lk_fail(err, LIKEN_E_ARG, "The search radius must be a number that is not negative.");
    if (!lk_vector_usable(q->vector, (size_t)ix->dimension))
        return lk_fail(err, LIKEN_E_ARG, "The query vector has a component that is not a number or beyond 1e15.");
    return LIKEN_OK;
}

static int search(lk_index *ix, const lk_index_query *queries, size_t n, lk_neighbour *const *neighbours,
                  size_t *counts, uint64_t *searched, liken_error *err) {
    for (size_t q = 0; q < n; q++) {
        const int rc = check_query(ix, &queries[q], err);
        if (rc != LIKEN_OK)
            return rc;
    }
    const int slot = lk_epoch_enter(&ix->epoch);
    hunt h = {.queries = queries, .n = n, .view = atomic_load(&ix->current), .dimension = ix->dimension};
    h.state = atomic_load(&((lk_view *)h.view)->state);
    party best;
    int rc = search_view(&h, &best, err);
    if (rc == LIKEN_OK) {
        const uint64_t looked = searched != NULL ? passed(h.view, h.state, queries) : 0;
        rc = lk_index_intact(ix, h.view, err);
        for (size_t q = 0; rc == LIKEN_OK && q < n; q++) {
            const lk_topk *top = &best.seekers[q].top;
            memcpy(neighbours[q], top->neighbours, top->count * sizeof *top->neighbours);
            counts[q] = top->count;
            if (queries[q].within != NULL)
                *queries[q].within = best.seekers[q].within;
        }
        if (rc == LIKEN_OK && searched != NULL)
            *searched = looked;
        party_free(&best, n);
    }
    lk_epoch_leave(&ix->epoch, slot);
    return rc;
}

int lk_index_search(lk_index *ix, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                    uint64_t *searched, liken_error *err) {
    return search(ix, query, 1, &neighbours, count, searched, err);
}

int lk_index_search_many(lk_index *ix, const lk_index_query *queries, size_t n, lk_neighbour *const *neighbours,
                         size_t *counts, liken_error *err) {
    return n == 0 ? LIKEN_OK : search(ix, queries, n, neighbours, counts, NULL, err);
}
