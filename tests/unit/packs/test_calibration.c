#include "unit/test.h"

#include "packs/pack.h"

#include <math.h>
#include <string.h>

static const lk_calibration curve = {
    .threshold = 0.4f, .count = 3, .points = {{0.3f, 1e-4, 0.8}, {0.4f, 1e-2, 0.95}, {0.6f, 1, 1}}};

static void near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-5 * (1 + fabs(expected))))
        fail_msg("%.9g is not %.9g", value, expected);
}

static void rates_go_through_the_points(void **state) {
    (void)state;
    for (int i = 0; i < curve.count; i++) {
        near(lk_calibration_fmr(&curve, curve.points[i].distance), curve.points[i].fmr);
        near((double)lk_calibration_distance(&curve, curve.points[i].fmr), (double)curve.points[i].distance);
    }
}

static void between_points_the_logarithm_is_straight(void **state) {
    (void)state;
    near(lk_calibration_fmr(&curve, 0.35f), 1e-3);
    near(lk_calibration_fmr(&curve, 0.5f), 0.1);
    near((double)lk_calibration_distance(&curve, 1e-3), 0.35);
    near((double)lk_calibration_distance(&curve, 0.1), 0.5);
    double before = 0;
    for (float d = 0.3f; d < 0.6f; d += 0.01f) {
        const double fmr = lk_calibration_fmr(&curve, d);
        assert_true(fmr > before);
        near((double)lk_calibration_distance(&curve, fmr), (double)d);
        before = fmr;
    }
}

static void right_pairs_lie_on_straight_lines(void **state) {
    (void)state;
    near(lk_calibration_tmr(&curve, 0), 0);
    near(lk_calibration_tmr(&curve, 0.15f), 0.4);
    near(lk_calibration_tmr(&curve, 0.3f), 0.8);
    near(lk_calibration_tmr(&curve, 0.35f), 0.875);
    near(lk_calibration_tmr(&curve, 0.5f), 0.975);
    near(lk_calibration_tmr(&curve, 7), 1);
}

static void outside_it_is_clamped(void **state) {
    (void)state;
    static const float low[] = {-INFINITY, -1, 0, 0.1f, NAN};
    for (size_t i = 0; i < LK_LENGTH(low); i++)
        near(lk_calibration_fmr(&curve, low[i]), 1e-4);
    near(lk_calibration_fmr(&curve, 5), 1);
    near(lk_calibration_fmr(&curve, INFINITY), 1);
    near((double)lk_calibration_distance(&curve, 0), 0.3);
    near((double)lk_calibration_distance(&curve, (double)NAN), 0.3);
    near((double)lk_calibration_distance(&curve, 7), 0.6);
}

static void similarity_is_half_at_the_threshold_and_falls(void **state) {
    (void)state;
    near((double)lk_calibration_similarity(&curve, 0.4f), 0.5);
    assert_true(lk_calibration_similarity(&curve, 0) == 1);
    assert_true(lk_calibration_similarity(&curve, INFINITY) == 0);
    assert_true(lk_calibration_similarity(&curve, NAN) == 0);
    float before = 1.1f;
    for (float d = 0.05f; d < 2; d += 0.05f) {
        const float s = lk_calibration_similarity(&curve, d);
        assert_true(s >= 0 && s <= 1 && s <= before);
        before = s;
    }
}

/* Packs whose threshold promises one stranger in ten thousand, not in a thousand. */
static bool is_strict(const char *name) {
    return strcmp(name, "reid") == 0 || strcmp(name, "mobilefacenet") == 0;
}

/* What install writes must be what open accepts, and thresholds must lie on the curve. */
static void as_rare_by_another_curve(void **state) {
    (void)state;
    const lk_calibration weak = {.threshold = 0.2f, .count = 2, .points = {{0.1f, 1e-4, 0.5}, {0.3f, 1, 1}}};
    near((double)lk_calibration_as_rare(&weak, &curve, 0.3f), 0.1);
    near((double)lk_calibration_as_rare(&weak, &curve, 0.4f), 0.2);
    near((double)lk_calibration_as_rare(&weak, &curve, 0.15f), 0.05); /* where no curve says anything */
    assert_true(lk_calibration_as_rare(&weak, &curve, 0) == 0);
    assert_true(lk_calibration_as_rare(&weak, &curve, 0.6f) == 0.6f);
    assert_true(isinf(lk_calibration_as_rare(&weak, &curve, INFINITY)));
    assert_true(lk_calibration_as_rare(&curve, &curve, 0.37f) == 0.37f);
    float before = 0;
    for (float d = 0; d < 0.7f; d += 0.01f) {
        const float found = lk_calibration_as_rare(&weak, &curve, d);
        assert_true(found >= before);
        before = found;
    }
}

static void the_known_packs_curves(void **state) {
    (void)state;
    size_t count = 0;
    const lk_known_pack *known = lk_known_all(&count);
    assert_int_equal(count, 8);
    for (size_t i = 0; i < count; i++) {
        const lk_calibration *const curves[] = {&known[i].pack.descriptor.normalized, &known[i].pack.descriptor.l2};
        for (size_t k = 0; k < LK_LENGTH(curves) && known[i].pack.descriptor.dimension > 0; k++) {
            const lk_calibration *c = curves[k];
            assert_true(c->threshold > c->points[0].distance && c->threshold < c->points[c->count - 1].distance);
            const bool seeds =
                known[i].pack.descriptor.legacy && c == curves[1]; /* the threshold of the legacy system */
            const bool strict = is_strict(known[i].pack.name);
            if (seeds)
                assert_true(c->threshold == 0.6f);
            else
                near(lk_calibration_fmr(c, c->threshold), strict ? 1e-4 : 1e-3);
        }
    }
}

/* Of two curves: at each rate the first has the smaller distance. */
static void is_nearer(const lk_calibration *a, const lk_calibration *b) {
    for (int i = 1; i < a->count; i++)
        assert_true(a->points[i].distance > a->points[i - 1].distance && a->points[i].fmr > a->points[i - 1].fmr &&
                    a->points[i].tmr >= a->points[i - 1].tmr);
    for (int i = 0; i < b->count; i++)
        assert_true(lk_calibration_distance(a, b->points[i].fmr) <= b->points[i].distance);
}

static void places_have_length_one(const lk_pack_classes *c, int dimension) {
    for (int i = 0; i < c->poor_count; i++) {
        double square = 0;
        for (int k = 0; k < dimension; k++)
            square += (double)c->poor[i * dimension + k] * (double)c->poor[i * dimension + k];
        assert_float_equal(square, 1, 2e-3);
    }
}

static void the_known_packs_classes(void **state) {
    (void)state;
    size_t count = 0, with = 0;
    const lk_known_pack *known = lk_known_all(&count);
    for (size_t i = 0; i < count; i++) {
        const lk_pack_classes *c = known[i].classes;
        if (c == NULL)
            continue;
        with++;
        const lk_pack_descriptor *d = &known[i].pack.descriptor;
        assert_ptr_equal(lk_known_classes(&known[i].pack), c);
        assert_true(0 < c->floor && c->floor < c->large_floor && c->large_floor < c->good && c->good < 1);
        assert_true(c->poor_count > 0 && c->apart < c->among);
        places_have_length_one(c, d->dimension);
        for (int k = 1; k < c->excess_count; k++)
            assert_true(c->excess[k].score > c->excess[k - 1].score && c->excess[k].times >= 1);
        for (int k = 0; k < 2; k++) /* no curve ends where it begins */
            assert_true(c->weak[k].points[0].fmr * (double)c->excess[0].times < 1e-2);
        is_nearer(&c->mixed[LIKEN_NORMALIZED], &d->normalized);
        is_nearer(&c->weak[LIKEN_NORMALIZED], &c->mixed[LIKEN_NORMALIZED]);
        is_nearer(&c->mixed[LIKEN_L2], &d->l2);
        is_nearer(&c->weak[LIKEN_L2], &c->mixed[LIKEN_L2]);
    }
    assert_true(with > 0);
    lk_pack other = lk_known_find("reid")->pack; /* other weights under that name */
    other.version = "1";
    assert_null(lk_known_classes(&other));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_go_through_the_points),
        cmocka_unit_test(between_points_the_logarithm_is_straight),
        cmocka_unit_test(right_pairs_lie_on_straight_lines),
        cmocka_unit_test(outside_it_is_clamped),
        cmocka_unit_test(similarity_is_half_at_the_threshold_and_falls),
        cmocka_unit_test(as_rare_by_another_curve),
        cmocka_unit_test(the_known_packs_curves),
        cmocka_unit_test(the_known_packs_classes),
    };
    return cmocka_run_group_tests_name("packs/calibration", tests, NULL, NULL);
}
