/* The index: an append-only list of segments, seen through views.
 *
 * A view lists the segments and says how many rows of each exist; of the last one, which is still being filled, the
 * number stands in `state` together with the version of the last deletion, so that one load gives a reader both: a state
 * that existed at one moment. Writers hold the lock, write where no reader looks, then publish by storing `state`, or by
 * replacing the whole view when the list changes. Replaced views are freed when the readers that may hold them have left
 * (epoch.h). Ids ascend over the segments, so that a binary search finds an id and the order of rows is that of ids. */
#include "index/index.h"

#include "index/epoch.h"
#include "index/loops.h"
#include "index/segment.h"
#include "index/topk.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROWS 1024          /* capacity of the first segment; later ones double up to LK_SEGMENT_ROWS */
#define LARGEST_COMPONENT 1e15f  /* so that no square overflows at any dimension */
#define STEP 64                  /* rows between two looks at the best so far */

typedef struct view {
    struct view *next;      /* in the list of retired ones */
    uint64_t epoch;         /* it was retired with */
    _Atomic uint64_t state; /* version of the last deletion << 24 | rows of the last segment */
    size_t count;
    struct part { lk_segment *segment; size_t rows; } parts[];
} view;

struct lk_index {
    lk_epoch epoch;
    _Atomic(view *) current;
    _Atomic size_t live;
    int dimension;
    size_t stride;
    pthread_mutex_t lock; /* writers; all below */
    view *retired;
    int64_t last_id;
};

static uint64_t pack_state(uint64_t version, size_t rows) {
    return version << 24 | rows;
}

static uint64_t version_of(uint64_t state) {
    return state >> 24;
}

/* Rows of part `i` of a view in that state. */
static size_t rows_of(const view *v, size_t i, uint64_t state) {
    return i + 1 < v->count ? v->parts[i].rows : (size_t)(state & 0xffffff);
}

static view *view_new(size_t count) {
    view *v = calloc(1, sizeof *v + count * sizeof v->parts[0]);
    if (v != NULL)
        v->count = count;
    return v;
}

static void view_free(view *v) {
    for (size_t i = 0; v != NULL && i < v->count; i++)
        if (--v->parts[i].segment->refs == 0)
            lk_segment_free(v->parts[i].segment);
    free(v);
}

static void free_retired(lk_index *ix) {
    for (view **link = &ix->retired; *link != NULL;) {
        view *v = *link;
        if (!lk_epoch_passed(&ix->epoch, v->epoch)) {
            link = &v->next;
            continue;
        }
        *link = v->next;
        view_free(v);
    }
}

/* Replaces the current view; its segments' references are counted here. */
static void publish(lk_index *ix, view *v) {
    for (size_t i = 0; i < v->count; i++)
        v->parts[i].segment->refs++;
    view *old = atomic_exchange(&ix->current, v);
    old->epoch = lk_epoch_retire(&ix->epoch);
    old->next = ix->retired;
    ix->retired = old;
    free_retired(ix);
}

int lk_index_new(lk_index **out, int dimension, liken_error *err) {
    if (dimension < 16 || dimension > LK_INDEX_MAX_DIMENSION)
        return lk_fail(err, LIKEN_E_ARG, "An index holds vectors of 16 to %d components, not %d.", LK_INDEX_MAX_DIMENSION,
                       dimension);
    lk_index *ix = aligned_alloc(64, (sizeof *ix + 63) / 64 * 64);
    view *v = view_new(0);
    if (ix == NULL || v == NULL) {
        free(ix);
        free(v);
        return lk_fail_memory(err);
    }
    memset(ix, 0, sizeof *ix);
    lk_epoch_init(&ix->epoch);
    atomic_init(&ix->current, v);
    ix->dimension = dimension;
    ix->stride = lk_row_stride(dimension);
    ix->last_id = INT64_MIN;
    pthread_mutex_init(&ix->lock, NULL);
    *out = ix;
    return LIKEN_OK;
}

void lk_index_free(lk_index *ix) {
    if (ix == NULL)
        return;
    free_retired(ix);
    view_free(atomic_load(&ix->current));
    pthread_mutex_destroy(&ix->lock);
    free(ix);
}

static bool usable(const float *v, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(v[i]) <= LARGEST_COMPONENT)) /* NaN as well */
            return false;
    return true;
}

static int check_rows(const lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err) {
    int64_t last = ix->last_id;
    for (size_t i = 0; i < count; last = ids[i++])
        if (ids[i] <= last)
            return lk_fail(err, LIKEN_E_CONFLICT, "The index was given id %lld after id %lld; ids must ascend.",
                           (long long)ids[i], (long long)last);
    for (size_t i = 0; i < count; i++)
        if (!usable(vectors + i * (size_t)ix->dimension, (size_t)ix->dimension))
            return lk_fail(err, LIKEN_E_ARG, "The vector of id %lld has a component that is not a number or beyond 1e15.",
                           (long long)ids[i]);
    return LIKEN_OK;
}

/* A view like `v`, whose last segment has `rows` rows, followed by empty segments with room for `more` rows. */
static view *grow(const lk_index *ix, const view *v, size_t rows, size_t more) {
    size_t total = rows;
    for (size_t i = 0; i + 1 < v->count; i++)
        total += v->parts[i].rows;
    view *grown = view_new(v->count + 2 + more / FIRST_ROWS);
    if (grown == NULL)
        return NULL;
    memcpy(grown->parts, v->parts, v->count * sizeof v->parts[0]);
    grown->count = v->count;
    for (size_t room = 0; room < more;) {
        const size_t wanted = total + room < FIRST_ROWS ? FIRST_ROWS : total + room;
        const size_t capacity = wanted < LK_SEGMENT_ROWS ? wanted : LK_SEGMENT_ROWS;
        lk_segment *s = lk_segment_new(ix->dimension, capacity);
        if (s == NULL) {
            while (grown->count > v->count)
                lk_segment_free(grown->parts[--grown->count].segment);
            free(grown);
            return NULL;
        }
        grown->parts[grown->count++].segment = s;
        room += capacity;
    }
    return grown;
}

static void fill(const lk_index *ix, lk_segment *s, const int64_t **ids, const float **vectors, size_t *count) {
    const size_t room = s->capacity - s->count, n = *count < room ? *count : room;
    lk_segment_append(s, *ids, *vectors, ix->dimension, n);
    *ids += n;
    *vectors += n * (size_t)ix->dimension;
    *count -= n;
}

static int add(lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err) {
    const int rc = check_rows(ix, ids, vectors, count, err);
    if (rc != LIKEN_OK)
        return rc;
    view *v = atomic_load(&ix->current);
    const uint64_t version = version_of(atomic_load(&v->state));
    lk_segment *open = v->count > 0 ? v->parts[v->count - 1].segment : NULL;
    const size_t room = open != NULL ? open->capacity - open->count : 0, added = count;
    const int64_t last = ids[count - 1];
    view *grown = NULL;
    if (count > room && (grown = grow(ix, v, open != NULL ? open->count : 0, count - room)) == NULL)
        return lk_fail_memory(err);
    if (open != NULL)
        fill(ix, open, &ids, &vectors, &count);
    if (grown != NULL) {
        for (size_t i = v->count; i < grown->count; i++)
            fill(ix, grown->parts[i].segment, &ids, &vectors, &count);
        for (size_t i = 0; i < grown->count; i++)
            grown->parts[i].rows = grown->parts[i].segment->count;
        open = grown->parts[grown->count - 1].segment;
        atomic_init(&grown->state, pack_state(version, open->count));
        publish(ix, grown);
    } else {
        atomic_store(&v->state, pack_state(version, open->count));
    }
    ix->last_id = last;
    atomic_fetch_add(&ix->live, added);
    return LIKEN_OK;
}

int lk_index_add(lk_index *ix, const int64_t *ids, const float *vectors, size_t count, liken_error *err) {
    if (count == 0)
        return LIKEN_OK;
    pthread_mutex_lock(&ix->lock);
    const int rc = add(ix, ids, vectors, count, err);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}

/* Where `id` is; NULL when nowhere. */
static lk_segment *find(const view *v, uint64_t state, int64_t id, size_t *row) {
    size_t low = 0, high = v->count;
    while (low < high) { /* the last segment whose first id is not past `id` */
        const size_t middle = low + (high - low) / 2;
        if (v->parts[middle].segment->ids[0] <= id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    lk_segment *s = v->parts[low - 1].segment;
    *row = lk_segment_find(s, rows_of(v, low - 1, state), id);
    return *row == SIZE_MAX ? NULL : s;
}

static int delete_all(lk_index *ix, const int64_t *ids, size_t count, liken_error *err) {
    view *v = atomic_load(&ix->current);
    const uint64_t state = atomic_load(&v->state), before = version_of(state);
    size_t row, deleted = 0;
    for (size_t i = 0; i < count; i++) {
        lk_segment *s = find(v, state, ids[i], &row);
        if (s != NULL && !lk_segment_prepare_delete(s))
            return lk_fail_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        lk_segment *s = find(v, state, ids[i], &row);
        if (s == NULL || !lk_segment_alive(s, row, before + 1))
            continue;
        lk_segment_mark(s, row, before + 1);
        deleted++;
    }
    if (deleted > 0)
        atomic_store(&v->state, state + (UINT64_C(1) << 24));
    atomic_fetch_sub(&ix->live, deleted);
    return LIKEN_OK;
}

int lk_index_delete(lk_index *ix, const int64_t *ids, size_t count, liken_error *err) {
    pthread_mutex_lock(&ix->lock);
    const int rc = delete_all(ix, ids, count, err);
    pthread_mutex_unlock(&ix->lock);
    return rc;
}

static int check_query(const lk_index *ix, const lk_index_query *q, liken_error *err) {
    if (q->k < 1 || q->k > 10000)
        return lk_fail(err, LIKEN_E_ARG, "A search returns 1 to 10000 hits, not %zu.", q->k);
    if (!(q->radius >= 0))
        return lk_fail(err, LIKEN_E_ARG, "The search radius must be a number that is not negative.");
    if (!usable(q->vector, (size_t)ix->dimension))
        return lk_fail(err, LIKEN_E_ARG, "The query vector has a component that is not a number or beyond 1e15.");
    return LIKEN_OK;
}

/* A squared distance above this has a root above `radius`, roundings included. */
static float square_limit(float radius) {
    return radius * radius * (1 + 1e-6f) + FLT_MIN;
}

static void scan(const lk_segment *s, size_t rows, uint64_t version, const lk_index_query *q, const float *padded,
                 lk_topk *top) {
    const lk_loops *loops = lk_loops_get();
    float squares[STEP];
    for (size_t first = 0; first < rows; first += STEP) {
        const size_t n = rows - first < STEP ? rows - first : STEP;
        loops->squares(padded, s->rows + first * s->stride, s->stride, n, squares);
        for (size_t i = 0; i < n; i++) {
            if (squares[i] > square_limit(top->radius) || !lk_segment_alive(s, first + i, version))
                continue;
            const int64_t id = s->ids[first + i];
            if (q->filter == NULL || q->filter(q->filter_ctx, id))
                lk_topk_offer(top, id, sqrtf(squares[i]));
        }
    }
}

static uint64_t passed(const view *v, uint64_t state, const lk_index_query *q) {
    uint64_t n = 0;
    for (size_t p = 0; p < v->count; p++) {
        const lk_segment *s = v->parts[p].segment;
        const size_t rows = rows_of(v, p, state);
        if (q->filter == NULL)
            n += lk_segment_live(s, rows, version_of(state));
        for (size_t r = 0; q->filter != NULL && r < rows; r++)
            n += lk_segment_alive(s, r, version_of(state)) && q->filter(q->filter_ctx, s->ids[r]);
    }
    return n;
}

int lk_index_search(lk_index *ix, const lk_index_query *query, lk_hit *hits, size_t *count, uint64_t *searched,
                    liken_error *err) {
    const int rc = check_query(ix, query, err);
    if (rc != LIKEN_OK)
        return rc;
    _Alignas(64) float padded[LK_INDEX_MAX_DIMENSION] = {0};
    memcpy(padded, query->vector, (size_t)ix->dimension * sizeof *padded);
    lk_topk top;
    lk_topk_init(&top, hits, query->k, query->radius);
    const int slot = lk_epoch_enter(&ix->epoch);
    view *v = atomic_load(&ix->current);
    const uint64_t state = atomic_load(&v->state);
    for (size_t p = 0; p < v->count; p++)
        scan(v->parts[p].segment, rows_of(v, p, state), version_of(state), query, padded, &top);
    if (searched != NULL)
        *searched = passed(v, state, query);
    lk_epoch_leave(&ix->epoch, slot);
    lk_topk_sort(&top);
    *count = top.count;
    return LIKEN_OK;
}

int lk_index_get(lk_index *ix, int64_t id, float *vector, liken_error *err) {
    const int slot = lk_epoch_enter(&ix->epoch);
    view *v = atomic_load(&ix->current);
    const uint64_t state = atomic_load(&v->state);
    size_t row;
    const lk_segment *s = find(v, state, id, &row);
    const bool there = s != NULL && lk_segment_alive(s, row, version_of(state));
    if (there)
        memcpy(vector, s->rows + row * s->stride, (size_t)ix->dimension * sizeof *vector);
    lk_epoch_leave(&ix->epoch, slot);
    return there ? LIKEN_OK : lk_fail(err, LIKEN_E_NOT_FOUND, "The index holds no id %lld.", (long long)id);
}

size_t lk_index_size(const lk_index *ix) {
    return atomic_load(&ix->live);
}

uint64_t lk_index_bytes(const lk_index *ix) {
    lk_index *mutable_ix = (lk_index *)ix; /* the slot that keeps the view alive is not part of what the index holds */
    pthread_mutex_lock(&mutable_ix->lock);
    const view *v = atomic_load(&ix->current);
    uint64_t bytes = sizeof *ix + sizeof *v + v->count * sizeof v->parts[0];
    for (size_t i = 0; i < v->count; i++)
        bytes += lk_segment_bytes(v->parts[i].segment);
    pthread_mutex_unlock(&mutable_ix->lock);
    return bytes;
}
