/* Numbers computed by hand. */
#include "unit/test.h"

#include "eval/eval.h"

#include <math.h>

#define NEAR 1e-6f

static void rates_count_what_is_within(void **state) {
    (void)state;
    const float d[] = {0.1f, 0.2f, 0.2f, 0.5f};
    assert_float_equal(lk_eval_rate(d, 4, 0.05f), 0, NEAR);
    assert_float_equal(lk_eval_rate(d, 4, 0.1f), 0.25, NEAR);
    assert_float_equal(lk_eval_rate(d, 4, 0.2f), 0.75, NEAR);
    assert_float_equal(lk_eval_rate(d, 4, 9), 1, NEAR);
    assert_float_equal(lk_eval_rate(d, 0, 9), 0, NEAR);
}

static void threshold_lets_in_at_most_the_rate(void **state) {
    (void)state;
    float d[1000];
    for (int i = 0; i < 1000; i++)
        d[i] = (float)(i + 1);
    /* 0.001 of 1000 is one: 1 may be let in, 2 may not */
    const float t = lk_eval_threshold_at(d, 1000, 0.001);
    assert_true(t >= 1 && t < 2);
    assert_float_equal(lk_eval_rate(d, 1000, t), 0.001, 1e-9);
    assert_float_equal(lk_eval_rate(d, 1000, lk_eval_threshold_at(d, 1000, 0.01)), 0.01, 1e-9);
    assert_float_equal(lk_eval_rate(d, 1000, lk_eval_threshold_at(d, 1000, 0.0099)), 0.009, 1e-9);
    assert_true(lk_eval_threshold_at(d, 1000, 0.0001) < 1);
    assert_float_equal(lk_eval_threshold_at(d, 1000, 1), 1000, NEAR);
    /* ties at the edge stay out together */
    const float ties[] = {1, 2, 2, 3};
    assert_float_equal(lk_eval_rate(ties, 4, lk_eval_threshold_at(ties, 4, 0.5)), 0.25, NEAR);
}

static void best_threshold_is_the_middle_of_the_best(void **state) {
    (void)state;
    const lk_scored clean[] = {{0.1f, true, 0}, {0.3f, true, 0}, {0.7f, false, 0}, {0.9f, false, 0}};
    assert_float_equal(lk_eval_best_threshold(clean, 4, -1), 0.5f, NEAR);
    /* three are right between 0.1 and 0.2 and between 0.3 and 0.4, two elsewhere: the first of two is their middle */
    const lk_scored mixed[] = {{0.1f, true, 0}, {0.2f, false, 0}, {0.3f, true, 0}, {0.4f, false, 0}};
    assert_float_equal(lk_eval_best_threshold(mixed, 4, -1), 0.15f, NEAR);
    const lk_scored one_kind[] = {{0.1f, true, 0}, {0.2f, true, 0}};
    assert_true(isnan(lk_eval_best_threshold(one_kind, 2, -1)));
    /* without fold 1 only the outer two are left */
    const lk_scored folds[] = {{0.1f, true, 0}, {0.5f, false, 1}, {0.4f, true, 1}, {0.9f, false, 0}};
    assert_float_equal(lk_eval_best_threshold(folds, 4, 1), 0.5f, NEAR);
    /* equal distances cannot be told apart: two are right below 0.5 and between 0.5 and 0.6 */
    const lk_scored equal[] = {{0.5f, true, 0}, {0.5f, false, 0}, {0.6f, false, 0}};
    const float t = lk_eval_best_threshold(equal, 3, -1);
    assert_true(t < 0.5f && t > 0.499f);
}

static void cross_validation_judges_with_the_other_folds(void **state) {
    (void)state;
    /* fold 0 alone says 0.5, fold 1 alone says 0.7. Judged by fold 1's 0.7, fold 0 is right twice (0.1 within, 0.9
     * not); judged by fold 0's 0.5, fold 1 misses its same pair at 0.6 and is right about 0.8. */
    lk_scored pairs[] = {{0.1f, true, 0}, {0.9f, false, 0}, {0.6f, true, 1}, {0.8f, false, 1}};
    size_t judged = 0;
    assert_int_equal(lk_eval_cross_validate(pairs, 4, &judged), 3);
    assert_int_equal(judged, 4);
    /* without either fold the other holds one kind only: nothing can be judged */
    lk_scored lonely[] = {{0.1f, true, 0}, {0.9f, false, 1}};
    assert_int_equal(lk_eval_cross_validate(lonely, 2, &judged), 0);
    assert_int_equal(judged, 0);
    assert_int_equal(lk_eval_cross_validate(lonely, 0, &judged), 0);
}

static void folds_are_dealt_by_kind(void **state) {
    (void)state;
    lk_scored pairs[24] = {0};
    for (int i = 0; i < 24; i++)
        pairs[i] = (lk_scored){(float)i, i % 2 == 0, -1};
    lk_eval_deal_folds(pairs, 24);
    assert_int_equal(pairs[0].fold, 0);
    assert_int_equal(pairs[1].fold, 0);
    assert_int_equal(pairs[18].fold, 9);
    assert_int_equal(pairs[20].fold, 0);
    assert_int_equal(pairs[23].fold, 1);
}

static void area_under_the_curve(void **state) {
    (void)state;
    const float same[] = {1, 3}, strangers[] = {2, 3, 4};
    /* 1 beats all three; 3 beats 4, ties with 3, loses to 2: (3 + 1.5) of 6 */
    assert_float_equal(lk_eval_auc(same, 2, strangers, 3), 0.75, NEAR);
    assert_float_equal(lk_eval_auc(strangers, 3, same, 2), 0.25, NEAR);
    assert_true(isnan(lk_eval_auc(same, 0, strangers, 3)));
}

static void equal_error_is_where_the_rates_meet(void **state) {
    (void)state;
    const float same[] = {1, 2, 3, 6}, strangers[] = {4, 5, 7, 8};
    /* at 4: a quarter of the strangers is let in and a quarter of the same pairs missed */
    assert_float_equal(lk_eval_equal_error(same, 4, strangers, 4), 0.25, NEAR);
    const float near[] = {1, 2}, far[] = {3, 4};
    assert_float_equal(lk_eval_equal_error(near, 2, far, 2), 0, NEAR);
    assert_float_equal(lk_eval_equal_error(far, 2, near, 2), 1, NEAR);
    assert_true(isnan(lk_eval_equal_error(near, 2, far, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_count_what_is_within),
        cmocka_unit_test(threshold_lets_in_at_most_the_rate),
        cmocka_unit_test(best_threshold_is_the_middle_of_the_best),
        cmocka_unit_test(cross_validation_judges_with_the_other_folds),
        cmocka_unit_test(folds_are_dealt_by_kind),
        cmocka_unit_test(area_under_the_curve),
        cmocka_unit_test(equal_error_is_where_the_rates_meet),
    };
    return cmocka_run_group_tests_name("eval/eval", tests, NULL, NULL);
}
