/* Buckets of tokens: how many, how soon again, and what becomes of them when there are more callers than places. */
#include "unit/test.h"

#include "auth/rates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static lk_rates *table;
static double wait;

static bool take(unsigned long long who, lk_rate rate, double now) {
    uint8_t id[LK_RATES_ID] = {1};
    memcpy(id + 1, &who, sizeof who);
    wait = 0;
    return lk_rates_take(table, id, rate, now, &wait);
}

static void a_bucket_is_emptied_and_fills_again(void **state) {
    (void)state;
    const lk_rate rate = {3, 60};
    liken_error err = {0};
    assert_ok(lk_rates_make(&table, 100, &err), err);
    for (int i = 0; i < 3; i++)
        assert_true(take(1, rate, 1000));
    assert_false(take(1, rate, 1000));
    assert_true(fabs(wait - 20) < 1e-6);
    assert_false(take(1, rate, 1019.9)); /* a refusal costs nothing */
    assert_true(wait > 0 && wait < 0.2);
    assert_true(take(1, rate, 1020));
    assert_false(take(1, rate, 1020.5));
    assert_true(take(2, rate, 1020.5)); /* another has its own */
    for (int i = 0; i < 3; i++)
        assert_true(take(1, rate, 5000)); /* never more than a full one */
    assert_false(take(1, rate, 5000));
    lk_rates_free(table);
}

static void another_rate_counts_at_once(void **state) {
    (void)state;
    const lk_rate before = {3, 86400}, now = {3, 60};
    liken_error err = {0};
    assert_ok(lk_rates_make(&table, 8, &err), err);
    for (int i = 0; i < 3; i++)
        assert_true(take(1, before, 1000));
    assert_false(take(1, before, 1000));
    assert_false(take(1, now, 1000));
    assert_true(fabs(wait - 20) < 1e-6);
    assert_false(take(1, now, 1019));
    assert_true(take(1, now, 1020));
    lk_rates_free(table);
}

static void no_rate_is_no_limit(void **state) {
    (void)state;
    liken_error err = {0};
    assert_ok(lk_rates_make(&table, 8, &err), err);
    for (int i = 0; i < 1000; i++)
        assert_true(take(1, (lk_rate){0, 0}, 1));
    lk_rates_free(table);
    lk_rates_free(NULL);
}

/* A million addresses take turns in a table for a thousand: it does not grow, and whoever has taken most is kept. */
static void strangers_do_not_push_out_who_is_held_back(void **state) {
    (void)state;
    const lk_rate rate = {100, 100};
    liken_error err = {0};
    assert_ok(lk_rates_make(&table, 1024, &err), err);
    for (int i = 0; i < 100; i++)
        assert_true(take(1, rate, 10));
    for (unsigned long long i = 2; i < 1000000; i++)
        assert_true(take(i, rate, 10));
    assert_false(take(1, rate, 10));
    lk_rates_free(table);
}

static void rates_are_read_and_written(void **state) {
    (void)state;
    static const struct {
        const char *text, *again;
        lk_rate rate;
    } good[] = {{"60/min", "60/min", {60, 60}},
                {"1/s", "1/s", {1, 1}},
                {"5/10min", "5/10min", {5, 600}},
                {"7/60s", "7/min", {7, 60}},
                {"1000000/d", "1000000/d", {1000000, 86400}},
                {"9/24h", "9/d", {9, 86400}}};
    static const char *const bad[] = {"",
                                      "60",
                                      "0/min",
                                      "-1/s",
                                      "1/",
                                      "1/x",
                                      "1/0s",
                                      "1/2d",
                                      "1.5/s",
                                      " 1/s",
                                      "1/s ",
                                      "1000001/s",
                                      "99999999999999999999/s",
                                      "1/99999999999999999999s",
                                      "1/min/min"};
    char text[32];
    liken_error err = {0};
    for (size_t i = 0; i < LK_LENGTH(good); i++) {
        lk_rate rate;
        assert_ok(lk_rate_parse(good[i].text, &rate, &err), err);
        assert_int_equal(rate.count, good[i].rate.count);
        assert_int_equal(rate.seconds, good[i].rate.seconds);
        lk_rate_format(rate, text, sizeof text);
        assert_string_equal(text, good[i].again);
    }
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        lk_rate rate = {77, 7};
        assert_int_equal(lk_rate_parse(bad[i], &rate, &err), LIKEN_E_ARG);
        assert_int_equal(rate.count, 77);
    }
}

static void ends_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t when;
    } good[] = {{"30d", 1000 + 30 * 86400},    {"2w", 1000 + 14 * 86400},      {"5min", 1300}, {"1s", 1001},
                {"1970-01-02", 2 * 86400 - 1}, {"1970-01-02T00:00:00Z", 86400}};
    static const char *const bad[] = {"", "30", "0d", "-1d", "1969-01-01", "1970-01-01T00:16:40Z", "9999999d", "never"};
    liken_error err = {0};
    for (size_t i = 0; i < LK_LENGTH(good); i++) {
        int64_t when = 0;
        assert_ok(lk_expiry_parse(good[i].text, 1000, &when, &err), err);
        assert_int_equal(when, good[i].when);
    }
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        int64_t when = 5;
        assert_int_equal(lk_expiry_parse(bad[i], 1000, &when, &err), LIKEN_E_ARG);
        assert_int_equal(when, 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_emptied_and_fills_again),
        cmocka_unit_test(another_rate_counts_at_once),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(strangers_do_not_push_out_who_is_held_back),
        cmocka_unit_test(rates_are_read_and_written),
        cmocka_unit_test(ends_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
