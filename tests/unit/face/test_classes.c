#include "unit/test.h"

#include "face/models.h"

#include <math.h>

#define CURVE(near, far)                                                                                               \
    {                                                                                                                  \
        .threshold = (near), .count = 2, .points = { {(near), 1e-6, 0.5}, {(far), 1, 1} }                              \
    }

static const lk_pack_classes classes = {
    .good = 0.7f,
    .excess = {{0.5f, 100}, {0.6f, 10}, {0.7f, 4}, {0.9f, 1}},
    .excess_count = 4,
    .mixed = {CURVE(0.5f, 1.7f), CURVE(5, 17)},
    .weak = {CURVE(0.3f, 1.5f), CURVE(3, 15)},
};
static lk_pack pack = {.descriptor = {.normalized = CURVE(0.6f, 1.8f), .l2 = CURVE(6, 18)}};
static const lk_models with = {.pack = &pack, .classes = &classes}, without = {.pack = &pack};

static void without_classes_all_faces_are_good(void **state) {
    (void)state;
    assert_true(lk_models_good(&without) <= 0);
    for (int metric = 0; metric < 2; metric++)
        for (int k = 0; k < 4; k++)
            assert_ptr_equal(lk_models_between(&without, (liken_metric)metric, k & 1, k >> 1),
                             lk_models_calibration(&without, (liken_metric)metric));
    const lk_calibration curve = lk_models_curve(&without, LIKEN_L2, true, 0, true);
    assert_memory_equal(&curve, &pack.descriptor.l2, sizeof curve);
}

static void each_two_classes_have_their_curve(void **state) {
    (void)state;
    assert_float_equal(lk_models_good(&with), 0.7, 1e-6);
    assert_ptr_equal(lk_models_between(&with, LIKEN_L2, false, false), &pack.descriptor.l2);
    assert_ptr_equal(lk_models_between(&with, LIKEN_L2, true, false), &classes.mixed[LIKEN_L2]);
    assert_ptr_equal(lk_models_between(&with, LIKEN_L2, false, true), &classes.mixed[LIKEN_L2]);
    assert_ptr_equal(lk_models_between(&with, LIKEN_NORMALIZED, true, true), &classes.weak[LIKEN_NORMALIZED]);
}

/* A distance of 0.2 is a tenth of the rate on these curves. */
static void a_poor_query_has_more_strangers_among_its_like(void **state) {
    (void)state;
    const struct {
        bool weak;
        float score;
        bool other_weak;
        double within; /* the distance at which the rate is 1e-3 */
    } cases[] = {
        {false, 1, false, 1.2},
        {false, 0.9f, false, 1.2},
        {false, 0.7f, false, 1.2 - 0.2 * log10(4)},
        {false, 0.8f, false, 1.2 - 0.2 * log10(2)}, /* the middle of 4 and 1 */
        {false, 0.8f, true, 1.1},
        {true, 0.5f, false, 1.1}, /* of two classes the score does not matter */
        {true, 0.6f, true, 0.7},
        {true, 0.5f, true, 0.5},
        {true, 0.1f, true, 0.5},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        const lk_calibration c =
            lk_models_curve(&with, LIKEN_NORMALIZED, cases[i].weak, cases[i].score, cases[i].other_weak);
        assert_float_equal(lk_calibration_distance(&c, 1e-3), cases[i].within, 1e-5);
    }
}

static void a_rate_is_never_over_all(void **state) {
    (void)state;
    const lk_calibration c = lk_models_curve(&with, LIKEN_NORMALIZED, true, 0.5f, true);
    assert_float_equal(c.points[c.count - 1].fmr, 1, 1e-12);
    assert_float_equal(lk_calibration_fmr(&c, 3), 1, 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_classes_all_faces_are_good), cmocka_unit_test(each_two_classes_have_their_curve),
        cmocka_unit_test(a_poor_query_has_more_strangers_among_its_like), cmocka_unit_test(a_rate_is_never_over_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
