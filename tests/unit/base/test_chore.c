#include "unit/test.h"

#include "base/chore.h"
#include "base/clock.h"

#include <sched.h>
#include <stdatomic.h>

#define DAY 86400.0
#define PATIENCE 60.0

static void wait_for(atomic_int *value, int at_least) {
    const double until = lk_clock_monotonic() + PATIENCE;
    while (atomic_load(value) < at_least) {
        assert_true(lk_clock_monotonic() < until);
        (void)sched_yield();
    }
}

struct work {
    atomic_int calls, asked, seen;
    atomic_int more; /* calls that say there is more */
    atomic_bool hold;
};

static bool do_work(void *ctx) {
    struct work *w = ctx;
    atomic_store(&w->seen, atomic_load(&w->asked));
    atomic_fetch_add(&w->calls, 1);
    while (atomic_load(&w->hold))
        (void)sched_yield();
    if (atomic_load(&w->more) == 0)
        return false;
    atomic_fetch_sub(&w->more, 1);
    return true;
}

static lk_chore *start(struct work *w, double every, bool now) {
    liken_error err = {0};
    lk_chore *k = NULL;
    const lk_chore_options o = {.name = "test-chore", .fn = do_work, .ctx = w, .every = every, .now = now};
    assert_ok(lk_chore_start(&k, &o, &err), err);
    return k;
}

static void it_works_when_asked_and_not_before(void **state) {
    (void)state;
    struct work w = {0};
    lk_chore *k = start(&w, 0, false);
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(atomic_load(&w.calls), i - 1);
        lk_chore_ask(k);
        wait_for(&w.calls, i);
    }
    lk_chore_stop(k);
    assert_int_equal(atomic_load(&w.calls), 100);
}

/* Whatever is asked during a round is seen by a round that begins after it. */
static void what_is_asked_meanwhile_is_not_lost(void **state) {
    (void)state;
    struct work w = {0};
    atomic_store(&w.hold, true);
    lk_chore *k = start(&w, DAY, true);
    wait_for(&w.calls, 1);
    for (int i = 1; i <= 50; i++) {
        atomic_fetch_add(&w.asked, 1);
        lk_chore_ask(k);
    }
    atomic_store(&w.hold, false);
    wait_for(&w.seen, 50);
    lk_chore_stop(k);
    assert_in_range(atomic_load(&w.calls), 2, 51);
}

static void it_goes_on_while_there_is_more(void **state) {
    (void)state;
    struct work w = {0};
    atomic_store(&w.more, 1000);
    lk_chore *k = start(&w, DAY, true);
    wait_for(&w.calls, 1001);
    lk_chore_stop(k);
    assert_int_equal(atomic_load(&w.calls), 1001);
}

static void it_works_once_in_a_while(void **state) {
    (void)state;
    struct work w = {0};
    lk_chore *k = start(&w, 0.001, false);
    wait_for(&w.calls, 5);
    lk_chore_stop(k);
}

static void the_pause_is_a_share_of_the_work_and_has_an_end(void **state) {
    (void)state;
    struct work w = {0};
    liken_error err = {0};
    lk_chore *k = NULL;
    const lk_chore_options o = {
        .name = "test-chore", .fn = do_work, .ctx = &w, .every = 1e-9, .share = 1e12, .longest = 0.001, .now = true};
    assert_ok(lk_chore_start(&k, &o, &err), err);
    wait_for(&w.calls, 5); /* without `longest` the second would not come */
    lk_chore_stop(k);
    atomic_store(&w.calls, 0);
    const lk_chore_options slow = {
        .name = "test-chore", .fn = do_work, .ctx = &w, .every = 1e-9, .share = 1e12, .longest = DAY, .now = true};
    assert_ok(lk_chore_start(&k, &slow, &err), err);
    wait_for(&w.calls, 1);
    lk_chore_ask(k); /* asked, it does not wait */
    wait_for(&w.calls, 2);
    lk_chore_stop(k);
}

/* Also in the middle of work that never ends, in a pause of a day, and before it has begun. */
static void it_stops_at_once(void **state) {
    (void)state;
    struct work w = {0};
    atomic_store(&w.more, INT32_MAX);
    lk_chore *k = start(&w, DAY, true);
    wait_for(&w.calls, 10);
    lk_chore_stop(k);
    for (int i = 0; i < 50; i++) {
        lk_chore_stop(start(&w, DAY, false));
        lk_chore_stop(start(&w, 0, false));
    }
    lk_chore_ask(NULL);
    lk_chore_stop(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_when_asked_and_not_before),
        cmocka_unit_test(what_is_asked_meanwhile_is_not_lost),
        cmocka_unit_test(it_goes_on_while_there_is_more),
        cmocka_unit_test(it_works_once_in_a_while),
        cmocka_unit_test(the_pause_is_a_share_of_the_work_and_has_an_end),
        cmocka_unit_test(it_stops_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
