#include "unit/test.h"

#include "face/quality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDE 150

static const liken_point frontal[5] = {
    {46.74f, 45.15f}, {103.77f, 44.91f}, {75.80f, 79.70f}, {49.73f, 104.60f}, {100.89f, 104.48f}};

static void a_frontal_face_has_no_angles(void **state) {
    (void)state;
    liken_quality q = {0};
    lk_quality_pose(frontal, &q);
    assert_float_equal(q.roll, 0, 1);
    assert_float_equal(q.yaw, 0, 2);
    assert_float_equal(q.pitch, 0, 2);
}

static void roll_is_the_turn_in_the_picture(void **state) {
    (void)state;
    for (int degrees = -170; degrees <= 170; degrees += 20) {
        const float c = cosf((float)degrees / 57.29578f), s = sinf((float)degrees / 57.29578f);
        liken_point turned[5];
        for (int i = 0; i < 5; i++)
            turned[i] = (liken_point){c * frontal[i].x - s * frontal[i].y, s * frontal[i].x + c * frontal[i].y};
        liken_quality q = {0};
        lk_quality_pose(turned, &q);
        assert_float_equal(q.roll, degrees, 1);
        assert_float_equal(q.yaw, 0, 2);
        assert_float_equal(q.pitch, 0, 2);
    }
}

static void the_nose_tells_where_one_looks(void **state) {
    (void)state;
    liken_point p[5];
    liken_quality right = {0}, up = {0};
    memcpy(p, frontal, sizeof p);
    p[2].x += 20;
    lk_quality_pose(p, &right);
    assert_true(right.yaw > 20 && right.yaw < 50);
    memcpy(p, frontal, sizeof p);
    p[2].y -= 12;
    lk_quality_pose(p, &up);
    assert_true(up.pitch > 10 && up.pitch < 40);
}

static void points_in_one_place_give_finite_angles(void **state) {
    (void)state;
    const liken_point same[5] = {{5, 5}, {5, 5}, {5, 5}, {5, 5}, {5, 5}};
    liken_quality q = {0};
    lk_quality_pose(same, &q);
    assert_true(isfinite(q.yaw) && isfinite(q.pitch) && isfinite(q.roll));
}

/* Squares of `size` pixels, each pixel of them averaged over `blur` neighbours on both axes. */
static void draw(uint8_t *chip, int size, int blur) {
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            int sum = 0;
            for (int j = -blur; j <= blur; j++)
                for (int i = -blur; i <= blur; i++)
                    sum += ((x + i + 1000) / size + (y + j + 1000) / size) % 2 ? 200 : 50;
            memset(chip + (y * SIDE + x) * 3, sum / ((2 * blur + 1) * (2 * blur + 1)), 3);
        }
}

static float sharpness(int size, int blur) {
    uint8_t *chip = malloc((size_t)SIDE * SIDE * 3);
    assert_non_null(chip);
    liken_quality q = {0};
    draw(chip, size, blur);
    lk_quality_chip(chip, SIDE, &q);
    free(chip);
    return q.sharpness;
}

static void blur_takes_sharpness(void **state) {
    (void)state;
    const float sharp = sharpness(24, 0), soft = sharpness(24, 3), smeared = sharpness(24, 9);
    assert_true(sharp > 0.6f);
    assert_true(soft < sharp - 0.1f);
    assert_true(smeared < soft - 0.1f);
}

static void a_flat_chip_is_blurred_and_its_brightness_known(void **state) {
    (void)state;
    uint8_t *chip = malloc((size_t)SIDE * SIDE * 3);
    assert_non_null(chip);
    memset(chip, 51, (size_t)SIDE * SIDE * 3);
    liken_quality q = {.size = 100};
    lk_quality_chip(chip, SIDE, &q);
    free(chip);
    assert_float_equal(q.brightness, 0.2, 1e-3);
    assert_float_equal(q.sharpness, 0, 1e-6);
    assert_int_equal(lk_quality_judge(&q, 0.9f, 0.7f), LIKEN_BLURRED);
}

static void each_reason_has_its_case(void **state) {
    (void)state;
    const liken_quality good = {.size = 60, .sharpness = 0.5f, .brightness = 0.5f};
    liken_quality q = good;
    assert_int_equal(lk_quality_judge(&q, 0.9f, 0.7f), LIKEN_KEPT);
    assert_int_equal(lk_quality_judge(&q, 0.6f, 0.7f), LIKEN_LOW_CONFIDENCE);
    q.size = 20;
    assert_int_equal(lk_quality_judge(&q, 0.9f, 0.7f), LIKEN_KEPT);
    q.size = 6;
    assert_int_equal(lk_quality_judge(&q, 0.9f, 0.7f), LIKEN_TOO_SMALL);
    q = good;
    q.yaw = -89;
    assert_int_equal(lk_quality_judge(&q, 0.75f, 0.7f), LIKEN_EXTREME_POSE);
    assert_int_equal(lk_quality_judge(&q, 0.9f, 0.7f), LIKEN_KEPT); /* a sure profile */
}

static void what_is_worse_scores_less(void **state) {
    (void)state;
    liken_quality good = {.size = 120, .sharpness = 0.6f, .brightness = 0.5f};
    lk_quality_score(&good, 0.95f);
    assert_true(good.score > 0.9f && good.score <= 1);
    for (int worse = 0; worse < 5; worse++) {
        liken_quality q = good;
        q.size = worse == 0 ? 20 : q.size;
        q.sharpness = worse == 1 ? 0.1f : q.sharpness;
        q.brightness = worse == 2 ? 0.05f : q.brightness;
        q.yaw = worse == 3 ? 60 : q.yaw;
        lk_quality_score(&q, worse == 4 ? 0.7f : 0.95f);
        assert_true(q.score >= 0 && q.score < good.score);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frontal_face_has_no_angles),
        cmocka_unit_test(roll_is_the_turn_in_the_picture),
        cmocka_unit_test(the_nose_tells_where_one_looks),
        cmocka_unit_test(points_in_one_place_give_finite_angles),
        cmocka_unit_test(blur_takes_sharpness),
        cmocka_unit_test(a_flat_chip_is_blurred_and_its_brightness_known),
        cmocka_unit_test(each_reason_has_its_case),
        cmocka_unit_test(what_is_worse_scores_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
