#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

oracle *oracle_new(int dimension) {
    oracle *o = calloc(1, sizeof *o);
    assert_non_null(o);
    o->dimension = dimension;
    return o;
}

void oracle_free(oracle *o) {
    free(o->ids);
    free(o->vectors);
    free(o->dead);
    free(o);
}

void oracle_add(oracle *o, const int64_t *ids, const float *vectors, size_t count) {
    const size_t d = (size_t)o->dimension;
    if (count == 0)
        return;
    if (o->count + count > o->room) {
        o->room = 2 * (o->count + count);
        o->ids = realloc(o->ids, o->room * sizeof *o->ids);
        o->vectors = realloc(o->vectors, o->room * d * sizeof(float));
        o->dead = realloc(o->dead, o->room);
        assert_true(o->ids != NULL && o->vectors != NULL && o->dead != NULL);
    }
    memcpy(o->ids + o->count, ids, count * sizeof *ids);
    memcpy(o->vectors + o->count * d, vectors, count * d * sizeof(float));
    memset(o->dead + o->count, 0, count);
    o->count += count;
}

void oracle_delete(oracle *o, int64_t id) {
    for (size_t i = 0; i < o->count; i++)
        if (o->ids[i] == id)
            o->dead[i] = true;
}

/* distance.h, said once more and differently. */
float oracle_distance(const float *a, const float *b, int dimension) {
    float sum[16] = {0};
    for (int i = 0; i < dimension; i++) {
        const float d = a[i] - b[i];
        sum[i % 16] += d * d;
    }
    for (int i = 0; i < 8; i++)
        sum[i] += sum[i + 8];
    for (int i = 0; i < 4; i++)
        sum[i] += sum[i + 4];
    return sqrtf((sum[0] + sum[2]) + (sum[1] + sum[3]));
}

static int compare(const void *a, const void *b) {
    const lk_hit *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool listed(const lk_index_query *q, int64_t id) {
    bool found = q->only == NULL;
    for (size_t i = 0; i < q->only_count && !found; i++)
        found = q->only[i] == id;
    return found;
}

lk_hit *oracle_search(const oracle *o, const lk_index_query *q, size_t *count, uint64_t *searched) {
    lk_hit *hits = malloc((o->count + 1) * sizeof *hits);
    assert_non_null(hits);
    *count = 0;
    *searched = 0;
    for (size_t i = 0; i < o->count; i++) {
        if (o->dead[i] || !listed(q, o->ids[i]) || (q->filter != NULL && !q->filter(q->filter_ctx, o->ids[i])))
            continue;
        ++*searched;
        const float d = oracle_distance(q->vector, o->vectors + i * (size_t)o->dimension, o->dimension);
        if (d <= q->radius)
            hits[(*count)++] = (lk_hit){o->ids[i], d};
    }
    qsort(hits, *count, sizeof *hits, compare);
    if (*count > q->k)
        *count = q->k;
    return hits;
}

void oracle_check(const oracle *o, lk_index *ix, const lk_index_query *q) {
    size_t expected_count, count = SIZE_MAX;
    uint64_t expected_searched, searched = UINT64_MAX;
    liken_error err = {0};
    lk_hit *expected = oracle_search(o, q, &expected_count, &expected_searched);
    lk_hit *hits = malloc(q->k * sizeof *hits); /* exactly the room that is promised */
    assert_non_null(hits);
    assert_ok(lk_index_search(ix, q, hits, &count, &searched, &err), err);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++)
        if (hits[i].id != expected[i].id || hits[i].distance != expected[i].distance)
            fail_msg("hit %zu of %zu (k %zu, radius %.9g): id %lld at %.9g, brute force has id %lld at %.9g", i, count,
                     q->k, (double)q->radius, (long long)hits[i].id, (double)hits[i].distance,
                     (long long)expected[i].id, (double)expected[i].distance);
    assert_true(searched == expected_searched);
    free(expected);
    free(hits);
}

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
