/* The index against brute force: random histories, and the cases that break careless pruning. */
#include "oracle.h"

#include "index/inner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SPREAD, FLAT, CLUSTERED, EQUAL, GRID, OUTLIERS, HUGE_ONES, TINY, KINDS };

static const char *const kind_names[] = {"spread", "flat", "clustered", "equal", "grid", "outliers", "huge", "tiny"};

/* GRID has few distinct values, so that many distances are equal and radii are met exactly. */
static void draw(dice *d, int kind, float *v, int dimension) {
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

static bool odd(void *ctx, int64_t id) {
    (void)ctx;
    return id % 2 != 0;
}

static bool rare(void *ctx, int64_t id) {
    (void)ctx;
    return id % 97 == 3;
}

static void ask(dice *d, int kind, const oracle *o, lk_index *ix) {
    static const size_t ks[] = {1, 2, 10, 10, 10, 100, 10000};
    float q[1024];
    const size_t some = o->count > 0 ? dice_below(d, (uint32_t)o->count) : 0;
    if (o->count > 0 && dice_below(d, 3) == 0)
        memcpy(q, o->vectors + some * (size_t)o->dimension, (size_t)o->dimension * sizeof *q);
    else
        draw(d, kind, q, o->dimension);
    lk_index_query query = {.vector = q, .radius = INFINITY, .k = ks[dice_below(d, 7)]};
    if (dice_below(d, 2) == 0) /* exactly at a vector */
        query.radius = o->count > 0 ? oracle_distance(q, o->vectors + some * (size_t)o->dimension, o->dimension) : 0;
    const uint32_t f = dice_below(d, 4);
    query.filter = f == 0 ? odd : f == 1 ? rare : NULL;
    query.threads = (int)dice_below(d, 4);
    int64_t *only = malloc((o->count + 2) * sizeof *only);
    assert_non_null(only);
    const uint32_t one_in = 1 + dice_below(d, 200);
    if (dice_below(d, 3) == 0) {
        query.only = only;
        only[query.only_count++] = -1000; /* is nowhere */
        for (size_t i = 0; i < o->count; i++)
            if (dice_below(d, one_in) == 0)
                only[query.only_count++] = o->ids[i];
    }
    oracle_check(o, ix, &query);
    free(only);
}

/* Several queries in one pass answer as each alone. */
static void ask_many(dice *d, int kind, const oracle *o, lk_index *ix) {
    enum { MANY = 5 };
    static float vectors[MANY][1024];
    static lk_hit room[MANY][100], alone[100];
    lk_index_query queries[MANY];
    lk_hit *hits[MANY];
    size_t counts[MANY], count;
    liken_error err = {0};
    for (int i = 0; i < MANY; i++) {
        draw(d, kind, vectors[i], o->dimension);
        queries[i] = (lk_index_query){
            .vector = vectors[i], .radius = INFINITY, .k = 1u + dice_below(d, 100), .filter = i == 1 ? odd : NULL};
        hits[i] = room[i];
    }
    assert_ok(lk_index_search_many(ix, queries, MANY, hits, counts, &err), err);
    for (int i = 0; i < MANY; i++) {
        assert_ok(lk_index_search(ix, &queries[i], alone, &count, NULL, &err), err);
        assert_int_equal(count, counts[i]);
        for (size_t h = 0; h < count; h++)
            assert_true(alone[h].id == room[i][h].id && alone[h].distance == room[i][h].distance);
    }
}

static void grow(dice *d, int kind, oracle *o, lk_index *ix, int64_t *next) {
    const size_t n = dice_below(d, 4) == 0 ? dice_below(d, 1500) : dice_below(d, 20);
    int64_t *ids = malloc((n + 1) * sizeof *ids);
    float *vectors = malloc((n + 1) * (size_t)o->dimension * sizeof *vectors);
    assert_true(ids != NULL && vectors != NULL);
    for (size_t i = 0; i < n; i++) {
        ids[i] = *next += 1 + dice_below(d, 3);
        if (i > 0 && dice_below(d, 8) == 0) /* a duplicate */
            memcpy(vectors + i * (size_t)o->dimension, vectors, (size_t)o->dimension * sizeof *vectors);
        else
            draw(d, kind, vectors + i * (size_t)o->dimension, o->dimension);
    }
    liken_error err = {0};
    assert_ok(lk_index_add(ix, ids, vectors, n, &err), err);
    oracle_add(o, ids, vectors, n);
    free(ids);
    free(vectors);
}

static void shrink(dice *d, oracle *o, lk_index *ix) {
    int64_t ids[64];
    const size_t n = dice_below(d, 64);
    for (size_t i = 0; i < n; i++) {
        ids[i] = o->count > 0 ? o->ids[dice_below(d, (uint32_t)o->count)] + (dice_below(d, 9) == 0) : 7;
        oracle_delete(o, ids[i]);
    }
    liken_error err = {0};
    assert_ok(lk_index_delete(ix, ids, n, &err), err);
}

static void check_rows(dice *d, const oracle *o, lk_index *ix) {
    liken_error err = {0};
    float v[1024];
    size_t live = 0;
    for (size_t i = 0; i < o->count; i++)
        live += !o->dead[i];
    assert_int_equal(lk_index_size(ix), live);
    for (int i = 0; i < 10 && o->count > 0; i++) {
        const size_t at = dice_below(d, (uint32_t)o->count);
        const int rc = lk_index_get(ix, o->ids[at], v, &err);
        assert_int_equal(rc, o->dead[at] ? LIKEN_E_NOT_FOUND : LIKEN_OK);
        if (rc == LIKEN_OK)
            assert_memory_equal(v, o->vectors + at * (size_t)o->dimension, (size_t)o->dimension * sizeof *v);
    }
}

static void run_history(uint64_t seed, int kind, int dimension, int steps) {
    dice d = {seed};
    liken_error err = {0};
    lk_index *ix = NULL;
    oracle *o = oracle_new(dimension);
    int64_t next = -50;
    assert_ok(lk_index_new(&ix, dimension, &err), err);
    ix->sizes.open_rows = (size_t)16 << dice_below(&d, 7); /* small, so that a short history has many segments */
    ix->sizes.fewest_rows = 1u + dice_below(&d, 200);
    ix->sizes.learn_rows = dimension > 200 ? 5000 : dice_below(&d, 1000); /* learning takes the cube of the dimension */
    ix->sizes.largest_rows = 100u + dice_below(&d, 4000);
    for (int i = 0; i < steps; i++) {
        const uint32_t what = dice_below(&d, 10);
        if (dice_below(&d, 4) == 0)
            lk_index_settle(ix);
        if (what < 3)
            grow(&d, kind, o, ix, &next);
        else if (what < 5)
            shrink(&d, o, ix);
        else if (what < 6)
            ask_many(&d, kind, o, ix);
        else
            ask(&d, kind, o, ix);
    }
    check_rows(&d, o, ix);
    lk_index_free(ix);
    oracle_free(o);
}

static void random_histories_answer_as_brute_force(void **state) {
    (void)state;
    static const int dimensions[] = {16, 33, 128, 260};
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++)
            for (uint64_t seed = 1; seed <= (dimensions[i] > 100 ? 1 : 3); seed++) {
                print_message("%s, dimension %d, seed %d\n", kind_names[kind], dimensions[i], (int)seed);
                run_history(seed * 1000 + (uint64_t)kind, kind, dimensions[i], dimensions[i] > 200 ? 25 : 80);
            }
}

static void one_add_may_fill_many_segments(void **state) {
    (void)state;
    const size_t n = 70000;
    int64_t *ids = malloc(n * sizeof *ids);
    float *vectors = malloc(n * 16 * sizeof *vectors);
    assert_true(ids != NULL && vectors != NULL);
    dice d = {5};
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int64_t)i;
        draw(&d, SPREAD, vectors + i * 16, 16);
    }
    liken_error err = {0};
    lk_index *ix = NULL;
    oracle *o = oracle_new(16);
    assert_ok(lk_index_new(&ix, 16, &err), err);
    assert_ok(lk_index_add(ix, ids, vectors, 10, &err), err);
    assert_ok(lk_index_add(ix, ids + 10, vectors + 160, n - 10, &err), err);
    oracle_add(o, ids, vectors, n);
    for (int i = 0; i < 5; i++)
        ask(&d, SPREAD, o, ix);
    check_rows(&d, o, ix);
    assert_true(lk_index_bytes(ix) > n * 64);
    lk_index_free(ix);
    oracle_free(o);
    free(ids);
    free(vectors);
}

static void what_is_not_a_question_is_refused(void **state) {
    (void)state;
    liken_error err = {0};
    lk_index *ix = NULL;
    float v[16] = {0};
    lk_hit hit = {77, 7};
    size_t count = 55;
    assert_int_equal(lk_index_new(&ix, 15, &err), LIKEN_E_ARG);
    assert_int_equal(lk_index_new(&ix, 1025, &err), LIKEN_E_ARG);
    assert_null(ix);
    assert_ok(lk_index_new(&ix, 16, &err), err);
    const float wrong[] = {NAN, INFINITY, -INFINITY, 2e15f};
    const int64_t id = 1;
    assert_ok(lk_index_add(ix, &id, v, 1, &err), err);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        v[7] = wrong[i];
        const lk_index_query q = {.vector = v, .radius = 1, .k = 1};
        assert_int_equal(lk_index_search(ix, &q, &hit, &count, NULL, &err), LIKEN_E_ARG);
        assert_int_equal(lk_index_add(ix, &(int64_t){2}, v, 1, NULL), LIKEN_E_ARG);
    }
    v[7] = 0;
    const lk_index_query bad[] = {{.vector = v, .radius = 1, .k = 0},
                                  {.vector = v, .radius = 1, .k = 10001},
                                  {.vector = v, .radius = NAN, .k = 1},
                                  {.vector = v, .radius = -1, .k = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(lk_index_search(ix, &bad[i], &hit, &count, NULL, &err), LIKEN_E_ARG);
    assert_true(hit.id == 77 && count == 55);
    assert_int_equal(lk_index_add(ix, &id, v, 1, &err), LIKEN_E_CONFLICT);
    assert_int_equal(lk_index_add(ix, (int64_t[]){5, 4}, (float[32]){0}, 2, &err), LIKEN_E_CONFLICT);
    assert_int_equal(lk_index_size(ix), 1);
    const lk_index_query good = {.vector = v, .radius = 0, .k = 1};
    assert_ok(lk_index_search(ix, &good, &hit, &count, NULL, &err), err);
    assert_true(count == 1 && hit.id == 1 && hit.distance == 0);
    assert_int_equal(lk_index_get(ix, 9, v, &err), LIKEN_E_NOT_FOUND);
    lk_index_free(ix);
    lk_index_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_answer_as_brute_force),
        cmocka_unit_test(one_add_may_fill_many_segments),
        cmocka_unit_test(what_is_not_a_question_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
