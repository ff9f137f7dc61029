#include "oracle.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

oracle *oracle_new(int dimension) {
    oracle *o = calloc(1, sizeof *o);
    assert_non_null(o);
    o->dimension = dimension;
    o->stride = ((size_t)dimension + 15) / 16 * 16;
    return o;
}

void oracle_free(oracle *o) {
    if (o == NULL)
        return;
    free(o->ids);
    free(o->rows);
    free(o->dead);
    free(o);
}

static void make_room(oracle *o, size_t count) {
    if (o->count + count <= o->room)
        return;
    o->room = o->count + count + o->count / 2;
    o->ids = realloc(o->ids, o->room * sizeof *o->ids);
    o->rows = realloc(o->rows, o->room * o->stride * sizeof(float));
    o->dead = realloc(o->dead, o->room);
    assert_true(o->ids != NULL && o->rows != NULL && o->dead != NULL);
}

void oracle_add(oracle *o, const int64_t *ids, const float *vectors, size_t count) {
    const size_t d = (size_t)o->dimension;
    make_room(o, count);
    for (size_t i = 0; i < count; i++, o->count++, o->live++) {
        float *row = o->rows + o->count * o->stride;
        o->ids[o->count] = ids[i];
        o->dead[o->count] = false;
        memcpy(row, vectors + i * d, d * sizeof *row);
        memset(row + d, 0, (o->stride - d) * sizeof *row);
    }
}

void oracle_delete(oracle *o, int64_t id) {
    size_t low = 0, high = o->count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (o->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == o->count || o->ids[low] != id || o->dead[low] || (o->wrong == FORGETS_DELETIONS && id % 7 == 0))
        return;
    o->dead[low] = true;
    o->live--;
}

/* ---- the distance, said once more and differently than in distance.h ---------------------------------------------
 */

typedef float lanes __attribute__((vector_size(64), aligned(4), may_alias));

static inline __attribute__((always_inline)) float square(const float *a, const float *b, size_t stride) {
    union {
        lanes all;
        float one[16];
    } sum = {.one = {0}};
    for (size_t i = 0; i < stride; i += 16) {
        const lanes d = *(const lanes *)(a + i) - *(const lanes *)(b + i);
        sum.all += d * d;
    }
    for (int i = 0; i < 8; i++)
        sum.one[i] += sum.one[i + 8];
    for (int i = 0; i < 4; i++)
        sum.one[i] += sum.one[i + 4];
    return (sum.one[0] + sum.one[2]) + (sum.one[1] + sum.one[3]);
}

float oracle_distance(const float *a, const float *b, int dimension) {
    float x[1024] = {0}, y[1024] = {0};
    memcpy(x, a, (size_t)dimension * sizeof *x);
    memcpy(y, b, (size_t)dimension * sizeof *y);
    return sqrtf(square(x, y, ((size_t)dimension + 15) / 16 * 16));
}

/* All queries against a few rows at a time, so that these are read from memory once. distances: n x o->count. */
static inline __attribute__((always_inline)) void distances_by_blocks(const oracle *o, const float *queries, size_t n,
                                                                      float *distances) {
    enum { SOME = 64 };
    for (size_t first = 0; first < o->count; first += SOME)
        for (size_t q = 0; q < n; q++)
            for (size_t r = first; r < o->count && r < first + SOME; r++)
                distances[q * o->count + r] = sqrtf(square(queries + q * o->stride, oracle_row(o, r), o->stride));
}

#ifdef __x86_64__
/* The same operations in the same order, sixteen at a time. */
__attribute__((target("avx512f"))) static void distances_wide(const oracle *o, const float *queries, size_t n,
                                                              float *distances) {
    distances_by_blocks(o, queries, n, distances);
}
#endif

static void all_distances(const oracle *o, const float *queries, size_t n, float *distances) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        distances_wide(o, queries, n, distances);
        return;
    }
#endif
    distances_by_blocks(o, queries, n, distances);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b) {
    const lk_neighbour *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int compare_wrongly(const void *a, const void *b) {
    const lk_neighbour *x = a, *y = b;
    return x->distance != y->distance ? compare(a, b) : compare(b, a);
}

/* Sorts the neighbours and keeps k; what is farther than the last of them need not be looked at any more. */
static void keep(const oracle *o, lk_neighbour *neighbours, size_t *count, size_t k, float *farthest) {
    qsort(neighbours, *count, sizeof *neighbours, o->wrong == BREAKS_TIES_BACKWARDS ? compare_wrongly : compare);
    if (*count >= k) {
        *count = k;
        *farthest = neighbours[k - 1].distance;
    }
}

static float radius_of(const lk_index_query *q, int64_t id) {
    return q->apart && id % 2 != 0 ? q->odd_radius : q->radius;
}

/* The k nearest of those that pass; *within: how many there would be without k. */
static lk_neighbour *nearest(const oracle *o, const lk_index_query *q, const float *distances, size_t *out,
                             uint64_t *searched, uint64_t *within) {
    const size_t room = 2 * q->k + 1000;
    lk_neighbour *neighbours = malloc(room * sizeof *neighbours);
    assert_non_null(neighbours);
    float farthest = INFINITY;
    size_t count = 0, only = 0;
    *searched = *within = 0;
    for (size_t r = 0; r < o->count; r++) {
        while (q->only != NULL && only < q->only_count && q->only[only] < o->ids[r])
            only++;
        const bool listed = q->only == NULL || (only < q->only_count && q->only[only] == o->ids[r]);
        if (o->dead[r] || !listed || (q->filter != NULL && !q->filter(q->filter_ctx, o->ids[r])))
            continue;
        ++*searched;
        const float radius = radius_of(q, o->ids[r]);
        *within += distances[r] <= radius;
        if (distances[r] > farthest || distances[r] > radius ||
            (o->wrong == LEAVES_OUT_THE_RADIUS && distances[r] == radius))
            continue;
        neighbours[count++] = (lk_neighbour){o->ids[r], distances[r]};
        if (count == room)
            keep(o, neighbours, &count, q->k, &farthest);
    }
    keep(o, neighbours, &count, q->k, &farthest);
    *out = count;
    return neighbours;
}

lk_neighbour *oracle_search(const oracle *o, const lk_index_query *q, size_t *count, uint64_t *searched) {
    float *distances = malloc((o->count + 1) * sizeof *distances), query[1024] = {0};
    assert_non_null(distances);
    memcpy(query, q->vector, (size_t)o->dimension * sizeof *query);
    all_distances(o, query, 1, distances);
    uint64_t within;
    lk_neighbour *neighbours = nearest(o, q, distances, count, searched, &within);
    free(distances);
    return neighbours;
}

void oracle_check(const oracle *o, lk_index *ix, const lk_index_query *q) {
    char why[WHY];
    question asked = {.query = *q};
    if (!oracle_agrees(o, ix, &asked, 1, why))
        fail_msg("%s", why);
}

/* ---- comparing ----------------------------------------------------------------------------------------------------
 */

typedef struct answer {
    lk_neighbour *neighbours;
    size_t count;
    uint64_t searched, within;
} answer;

static void place_radius(const oracle *o, question *asked, const float *distances) {
    if (asked->radius == AS_IT_IS && !asked->apart)
        return;
    lk_index_query all = asked->query;
    all.k = asked->rank + 1;
    all.radius = INFINITY;
    size_t count;
    uint64_t searched, within;
    lk_neighbour *neighbours = nearest(o, &all, distances, &count, &searched, &within);
    if (asked->radius != AS_IT_IS)
        asked->query.radius = count > 0 ? neighbours[count - 1].distance : 0;
    if (asked->radius == JUST_BEFORE_IT)
        asked->query.radius = nextafterf(asked->query.radius, 0);
    const float usual = asked->query.radius, nearer = count > 0 ? neighbours[(count - 1) / 2].distance : 0;
    asked->query.apart = asked->apart;
    asked->query.odd_radius = asked->wider ? usual : nearer;
    asked->query.radius = asked->apart && asked->wider ? nearer : usual;
    free(neighbours);
}

static bool same(const answer *expected, const lk_index_query *q, const lk_neighbour *neighbours, size_t count,
                 const char *how, char why[WHY]) {
    const answer *e = expected;
    for (size_t i = 0; i < count && i < e->count; i++)
        if (neighbours[i].id != e->neighbours[i].id || neighbours[i].distance != e->neighbours[i].distance) {
            (void)snprintf(
                why, WHY,
                "%s, neighbour %zu of %zu (k %zu, radius %.9g): id %lld at %.9g, brute force has %lld at %.9g", how, i,
                count, q->k, (double)q->radius, (long long)neighbours[i].id, (double)neighbours[i].distance,
                (long long)e->neighbours[i].id, (double)e->neighbours[i].distance);
            return false;
        }
    if (count != e->count)
        (void)snprintf(why, WHY, "%s: %zu neighbours (k %zu, radius %.9g), brute force has %zu", how, count, q->k,
                       (double)q->radius, e->count);
    return count == e->count;
}

static bool counted(const answer *expected, const lk_index_query *q, char why[WHY]) {
    if (q->within == NULL || *q->within == expected->within)
        return true;
    (void)snprintf(why, WHY, "%llu within %.9g (k %zu), brute force has %llu", (unsigned long long)*q->within,
                   (double)q->radius, q->k, (unsigned long long)expected->within);
    return false;
}

/* Every other one also counts what lies within the radius beyond k. */
static bool alone(lk_index *ix, const lk_index_query *asked, bool count_all, const answer *expected, char why[WHY]) {
    liken_error err = {0};
    size_t count = 0;
    uint64_t searched = UINT64_MAX, within = UINT64_MAX;
    lk_index_query query = *asked, *const q = &query;
    query.within = count_all ? &within : NULL;
    lk_neighbour *neighbours = malloc(q->k * sizeof *neighbours); /* exactly the room that is promised */
    assert_non_null(neighbours);
    bool right = lk_index_search(ix, q, neighbours, &count, &searched, &err) == LIKEN_OK;
    if (!right)
        (void)snprintf(why, WHY, "a search failed: %.200s", err.message);
    right = right && same(expected, q, neighbours, count, "alone", why) && counted(expected, q, why);
    if (right && searched != expected->searched) {
        (void)snprintf(why, WHY, "searched %llu vectors, not %llu", (unsigned long long)searched,
                       (unsigned long long)expected->searched);
        right = false;
    }
    free(neighbours);
    return right;
}

static bool together(lk_index *ix, const question *asked, const answer *expected, size_t n, char why[WHY]) {
    liken_error err = {0};
    lk_index_query queries[QUESTIONS];
    lk_neighbour *neighbours[QUESTIONS];
    size_t counts[QUESTIONS] = {0};
    uint64_t within[QUESTIONS] = {0};
    for (size_t i = 0; i < n; i++) {
        queries[i] = asked[i].query;
        queries[i].within = i % 2 == 0 ? &within[i] : NULL;
        neighbours[i] = malloc(queries[i].k * sizeof *neighbours[i]);
        assert_non_null(neighbours[i]);
    }
    bool right = lk_index_search_many(ix, queries, n, neighbours, counts, &err) == LIKEN_OK;
    if (!right)
        (void)snprintf(why, WHY, "a search of many failed: %.200s", err.message);
    for (size_t i = 0; i < n; i++) {
        right = right && same(&expected[i], &queries[i], neighbours[i], counts[i], "one of many", why) &&
                counted(&expected[i], &queries[i], why);
        free(neighbours[i]);
    }
    return right;
}

bool oracle_agrees(const oracle *o, lk_index *ix, question *asked, size_t n, char why[WHY]) {
    assert_true(n <= QUESTIONS);
    float *queries = calloc(n * o->stride + 1, sizeof *queries);
    float *distances = malloc((n * o->count + 1) * sizeof *distances);
    assert_true(queries != NULL && distances != NULL);
    for (size_t i = 0; i < n; i++)
        memcpy(queries + i * o->stride, asked[i].query.vector, (size_t)o->dimension * sizeof *queries);
    all_distances(o, queries, n, distances);
    answer expected[QUESTIONS] = {{0}};
    bool right = true;
    for (size_t i = 0; i < n; i++) {
        const float *mine = distances + i * o->count;
        place_radius(o, &asked[i], mine);
        answer *e = &expected[i];
        e->neighbours = nearest(o, &asked[i].query, mine, &e->count, &e->searched, &e->within);
        right = right && alone(ix, &asked[i].query, (e->searched + i) % 2 == 1, e, why);
    }
    right = right && (n < 2 || together(ix, asked, expected, n, why));
    for (size_t i = 0; i < n; i++)
        free(expected[i].neighbours);
    free(queries);
    free(distances);
    return right;
}

/* ---- chance -------------------------------------------------------------------------------------------------------
 */

uint32_t dice_roll(dice *d) {
    d->state += 0x9e3779b97f4a7c15u;
    uint64_t z = d->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

uint32_t dice_below(dice *d, uint32_t n) {
    return (uint32_t)((uint64_t)dice_roll(d) * n >> 32);
}

float dice_unit(dice *d) {
    return (float)(dice_roll(d) >> 8) / 8388608.0f - 1;
}

float dice_normal(dice *d) {
    float sum = 0;
    for (int i = 0; i < 12; i++)
        sum += dice_unit(d);
    return sum / 2;
}

const char *const kind_names[KINDS] = {"spread", "flat", "clustered", "equal", "grid", "outliers", "huge", "tiny"};

void dice_vector(dice *d, int kind, float *v, int dimension) {
    const uint32_t cluster = dice_below(d, 5), rare = dice_below(d, 50);
    for (int i = 0; i < dimension; i++) {
        const float wide = dice_normal(d) / sqrtf(1 + (float)i);
        v[i] = kind == SPREAD      ? wide
               : kind == FLAT      ? 0.05f * dice_normal(d)
               : kind == OUTLIERS  ? (rare == 0 ? 1000 : 1) * wide
               : kind == HUGE_ONES ? 1e14f * wide
               : kind == TINY      ? 1e-22f * wide
               : kind == CLUSTERED ? sinf((float)(cluster * 131 + (uint32_t)i)) + 0.01f * wide
               : kind == EQUAL     ? 0.25f
                                   : (float)dice_below(d, 2);
    }
}
