#include "unit/test.h"

#include "base/clock.h"

static void reads_what_rfc_3339_allows(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t when;
    } good[] = {{"1970-01-01", 0},
                {"1970-01-01T00:00:00Z", 0},
                {"2026-11-24T21:56:00Z", 1795557360},
                {"2026-11-24T22:56:00.125+01:00", 1795557360},
                {"2026-11-24 21:26:00-00:30", 1795557360},
                {"1969-12-31T23:59:59Z", -1},
                {"2026-11-24t21:56:00z", 1795557360},
                {"2016-12-31T23:59:60Z", 1483228800},
                {"2024-02-29", 1709164800}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t when = 42;
        if (!lk_clock_parse(good[i].text, &when) || when != good[i].when)
            fail_msg("%s -> %lld", good[i].text, (long long)when);
    }
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "2026-02-31",
                                      "2026-11-24T",
                                      "2026-11-24T21:56",
                                      "2026-11-24T21:56:00",
                                      "2026-11-24T21:56:00+1",
                                      "2026-11-24T21:56:00Zx",
                                      "2026-13-01",
                                      "2026-1-2", /* ten characters mean a date to those who ask for its last second */
                                      " 2026-11-24",
                                      "2026-11- 4",
                                      "+026-11-24",
                                      "2026-02-29",
                                      "1900-02-29",
                                      "2026-11-24T 1:56:00Z",
                                      "2026-11-24T1:56:00Z",
                                      "2026-11-24T21:56:61Z",
                                      "2026-11-24T24:00:00Z",
                                      "2026-11-24T21:56:00.Z",
                                      "2026-11-24T21:56:00++1:30",
                                      "2026-11-24T21:56:00+ 1:30",
                                      "2026-11-24T21:56:00+01:3x",
                                      "2026-11-24  21:56:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t when = 42;
        if (lk_clock_parse(bad[i], &when))
            fail_msg("%s was read", bad[i]);
        assert_int_equal(when, 42);
    }
}

static void writes_what_it_reads(void **state) {
    (void)state;
    for (int64_t t = -5000000000; t < 9000000000; t += 123456789) {
        char text[32];
        int64_t back = 0;
        lk_clock_format(t, text, sizeof text);
        assert_true(lk_clock_parse(text, &back));
        assert_int_equal(back, t);
    }
}

static void writes_every_year_with_four_digits(void **state) {
    (void)state;
    char text[32];
    int64_t back = 0;
    lk_clock_format(-55000000000, text, sizeof text);
    assert_string_equal(text, "0227-02-13T22:13:20Z");
    assert_true(lk_clock_parse(text, &back));
    assert_int_equal(back, -55000000000);
    lk_clock_format(INT64_MAX, text, sizeof text);
    assert_string_equal(text, "?");
}

static void a_date_that_ends_a_span_ends_with_its_last_second(void **state) {
    (void)state;
    int64_t when = 0;
    assert_true(lk_clock_parse_end("2026-11-30", &when));
    assert_int_equal(when, 1796083199);
    assert_true(lk_clock_parse_end("2026-11-30T00:00:00Z", &when));
    assert_int_equal(when, 1796083199 - 86399);
    assert_false(lk_clock_parse_end("2026-11-31", &when));
}

static void waits_by_the_monotonic_clock(void **state) {
    (void)state;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never;
    const double start = lk_clock_monotonic();
    const struct timespec until = lk_clock_after(0.05);
    lk_clock_condition(&never);
    pthread_mutex_lock(&lock);
    while (pthread_cond_timedwait(&never, &lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&lock);
    assert_true(lk_clock_monotonic() - start > 0.049);
    pthread_cond_destroy(&never);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_rfc_3339_allows),
                                       cmocka_unit_test(writes_what_it_reads),
                                       cmocka_unit_test(writes_every_year_with_four_digits),
                                       cmocka_unit_test(a_date_that_ends_a_span_ends_with_its_last_second),
                                       cmocka_unit_test(waits_by_the_monotonic_clock)};
    return cmocka_run_group_tests_name("base/clock", tests, NULL, NULL);
}
