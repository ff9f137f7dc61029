/* The index in memory: what an add may be, what is refused. */
#include "history.h"

#include <math.h>

static void spread(const void *ctx, int64_t id, dice *d, float *v, int dimension) {
    (void)ctx;
    (void)id;
    dice_vector(d, SPREAD, v, dimension);
}

static void one_add_may_fill_many_segments(void **state) {
    (void)state;
    history h;
    bool right = history_begin(&h, 16, spread, NULL, 0) && history_add(&h, 10, 1) && history_add(&h, 70000, 2);
    right = right && history_ask(&h, 10, 3) && history_read(&h, 100, 4);
    if (!right)
        fail_msg("%s", h.why);
    assert_true(lk_index_bytes(h.ix) > 70000 * 64);
    history_end(&h);
}

/* More neighbours than a run of rows, or all of an open segment, has. */
static void an_answer_may_be_long(void **state) {
    (void)state;
    history h;
    bool right = history_begin(&h, 16, spread, NULL, 0) && history_add(&h, 30000, 1);
    if (!right)
        fail_msg("%s", h.why);
    lk_index_settle(h.ix);
    float v[16] = {0.5f};
    const size_t lengths[] = {12345, 30000, LK_INDEX_MAX_NEIGHBOURS};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        oracle_check(h.o, h.ix, &(lk_index_query){.vector = v, .radius = INFINITY, .k = lengths[i]});
    history_end(&h);
}

/* All where there is room for them, else evenly chosen, and none that was deleted. */
static void a_sample_is_measured_as_a_search_is(void **state) {
    (void)state;
    liken_error err = {0};
    history h;
    bool right = history_begin(&h, 16, spread, NULL, 0) && history_add(&h, 3000, 1) && history_delete(&h, 300, 2);
    if (!right)
        fail_msg("%s", h.why);
    static lk_neighbour all[4000], some[4000];
    float v[16] = {0.25f};
    for (int round = 0; round < 2; round++) {
        size_t found = 0, count = 0, next = 0;
        const lk_index_query q = {.vector = v, .radius = INFINITY, .k = 4000};
        assert_ok(lk_index_search(h.ix, &q, all, &found, NULL, &err), err);
        assert_ok(lk_index_sample(h.ix, v, some, 4000, &count, &err), err);
        assert_int_equal(count, found);
        for (size_t i = 0; i < count; i++) {
            size_t at = 0;
            while (at < found && all[at].id != some[i].id)
                at++;
            assert_true(at < found && all[at].distance == some[i].distance);
            assert_true(i == 0 || some[i].id > some[i - 1].id);
        }
        assert_ok(lk_index_sample(h.ix, v, all, 100, &found, &err), err);
        assert_in_range(found, 60, 100);
        for (size_t i = 0; i < found; i++, next++)
            while (next < count && some[next].id != all[i].id)
                next++;
        assert_true(next <= count);
        lk_index_settle(h.ix); /* sealed */
    }
    size_t before = 0, after = 0; /* what is added later leaves the sample as it was, and comes after it */
    assert_ok(lk_index_sample(h.ix, v, all, 100, &before, &err), err);
    assert_true(history_add(&h, 40, 3));
    assert_ok(lk_index_sample(h.ix, v, some, 100, &after, &err), err);
    assert_true(after > before);
    for (size_t i = 0; i < before; i++)
        assert_int_equal(some[i].id, all[i].id);
    history_end(&h);
}

static void what_is_not_a_question_is_refused(void **state) {
    (void)state;
    liken_error err = {0};
    lk_index *ix = NULL;
    float v[16] = {0};
    lk_neighbour neighbour = {77, 7};
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
        assert_int_equal(lk_index_search(ix, &q, &neighbour, &count, NULL, &err), LIKEN_E_ARG);
        assert_int_equal(lk_index_add(ix, &(int64_t){2}, v, 1, NULL), LIKEN_E_ARG);
    }
    v[7] = 0;
    const lk_index_query bad[] = {{.vector = v, .radius = 1, .k = 0},
                                  {.vector = v, .radius = 1, .k = LK_INDEX_MAX_NEIGHBOURS + 1},
                                  {.vector = v, .radius = NAN, .k = 1},
                                  {.vector = v, .radius = -1, .k = 1},
                                  {.vector = v, .radius = 1, .apart = true, .odd_radius = NAN, .k = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(lk_index_search(ix, &bad[i], &neighbour, &count, NULL, &err), LIKEN_E_ARG);
    assert_true(neighbour.id == 77 && count == 55);
    assert_int_equal(lk_index_add(ix, &id, v, 1, &err), LIKEN_E_CONFLICT);
    assert_int_equal(lk_index_add(ix, (int64_t[]){5, 4}, (float[32]){0}, 2, &err), LIKEN_E_CONFLICT);
    assert_int_equal(lk_index_size(ix), 1);
    const lk_index_query good = {.vector = v, .radius = 0, .k = 1};
    assert_ok(lk_index_search(ix, &good, &neighbour, &count, NULL, &err), err);
    assert_true(count == 1 && neighbour.id == 1 && neighbour.distance == 0);
    assert_int_equal(lk_index_get(ix, 9, v, &err), LIKEN_E_NOT_FOUND);
    lk_index_free(ix);
    lk_index_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_add_may_fill_many_segments),
        cmocka_unit_test(an_answer_may_be_long),
        cmocka_unit_test(a_sample_is_measured_as_a_search_is),
        cmocka_unit_test(what_is_not_a_question_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
