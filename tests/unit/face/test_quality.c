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

/* ---- by the descriptor ---- */

enum { DIMENSION = 4 };

/* Two places of poor faces. Nothing but nearness to them is against a face of `fine`. */
static const float places[] = {1, 0, 0, 0, 0, 0.6f, 0.8f, 0};
static const lk_pack_classes classes = {.floor = 0.05f,
                                        .large_floor = 0.3f,
                                        .good = 0.7f,
                                        .poor = places,
                                        .poor_count = 2,
                                        .apart = 0.2f,
                                        .among = 0.8f,
                                        .size = {20, 40, 0.6f},
                                        .brightness = {0.05f, 0.1f, 0.6f},
                                        .sharpness = {0.2f, 0.3f, 0},
                                        .norm = {5, 6, 0},
                                        .confidence = {0.8f, 0.9f, 0},
                                        .grain = {0.3f, 0.4f, 0.6f},
                                        .shown = {0.9f, 0.95f, 0.6f}};
static const liken_quality fine = {.size = 80, .sharpness = 0.5f, .brightness = 0.5f};

/* `near` of the way from a face like no other to the place of poor faces of that index. */
static float score_near(liken_quality q, float confidence, int place, float near, float length) {
    float d[DIMENSION];
    for (int i = 0; i < DIMENSION; i++)
        d[i] = length * (near * places[place * DIMENSION + i] + (i == 3 ? sqrtf(1 - near * near) : 0));
    lk_quality_described(&q, confidence, d, DIMENSION, &classes);
    return q.score;
}

static void who_is_near_to_poor_faces_scores_less(void **state) {
    (void)state;
    for (int place = 0; place < classes.poor_count; place++) {
        assert_float_equal(score_near(fine, 1, place, 0.1f, 10), 1, 1e-6);
        assert_float_equal(score_near(fine, 1, place, 0.5f, 10), 0.5, 1e-5);
        assert_float_equal(score_near(fine, 1, place, 1, 10), 0, 1e-6);
        float before = 1;
        for (float near = 0; near <= 1; near += 0.05f) {
            const float score = score_near(fine, 1, place, near, 10);
            assert_true(score <= before && score >= 0);
            before = score;
        }
    }
}

static void the_rest_caps_a_score(void **state) {
    (void)state;
    liken_quality small = fine, dark = fine, soft = fine, noisy = fine;
    small.size = 10;
    dark.brightness = 0.01f;
    soft.sharpness = 0.1f;
    assert_float_equal(score_near(small, 1, 0, 0, 10), 0.6, 1e-6); /* never less for want of pixels alone, */
    assert_float_equal(score_near(dark, 1, 0, 0, 10), 0.6, 1e-6);  /* or of light */
    assert_float_equal(score_near(soft, 1, 0, 0, 10), 0.35, 1e-6);
    noisy.sharpness = 0.8f; /* more than any face has */
    assert_float_equal(score_near(noisy, 1, 0, 0, 10), 0.6, 1e-6);
    noisy.sharpness = 0.65f;
    assert_float_equal(score_near(noisy, 1, 0, 0, 10), 0.85, 1e-6);
    assert_float_equal(score_near(fine, 0.4f, 0, 0, 10), 0.35, 1e-6);
    assert_float_equal(score_near(fine, 1, 0, 0, 2.5f), 0.35, 1e-6);
    small.size = 30;
    assert_float_equal(score_near(small, 1, 0, 0, 10), 0.85, 1e-6);
    assert_float_equal(score_near(small, 1, 0, 0.5f, 10), 0.5, 1e-5); /* the worst counts */
}

static void smaller_and_softer_never_scores_more(void **state) {
    (void)state;
    float before = 0;
    for (liken_quality q = fine; q.size > 4; q.size -= 4) {
        const float score = score_near(q, 1, 0, 0.3f, 10);
        assert_true(q.size >= 80 || score <= before);
        before = score;
    }
    for (liken_quality q = fine; q.sharpness > 0; q.sharpness -= 0.05f) {
        const float score = score_near(q, 1, 0, 0.3f, 10);
        assert_true(score <= before || q.sharpness >= 0.5f);
        before = score;
    }
}

static void a_descriptor_of_nothing_scores_nothing(void **state) {
    (void)state;
    const float odd[][DIMENSION] = {{0}, {NAN, 1, 1, 1}, {INFINITY, 0, 0, 0}};
    for (size_t i = 0; i < LK_LENGTH(odd); i++) {
        liken_quality q = fine;
        lk_quality_described(&q, 1, odd[i], DIMENSION, &classes);
        assert_true(q.score == 0);
        assert_false(lk_quality_enough(&q, &classes));
    }
}

/* ---- what is covered ---- */

enum { CHIP = 128 };

/* Something in every pixel, as in a photo. */
static void texture(uint8_t *chip, int strength) {
    uint32_t seed = 7;
    for (int i = 0; i < CHIP * CHIP; i++, chip += 3) {
        seed = seed * 1664525 + 1013904223;
        memset(chip, 128 + (int)(seed >> 24) * strength / 256 - strength / 2, 3);
    }
}

static void cover(uint8_t *chip, int top, int bottom) {
    memset(chip + (ptrdiff_t)top * CHIP * 3, 90, (size_t)(bottom - top) * CHIP * 3);
}

static void a_bar_over_a_face_shows_nothing(void **state) {
    (void)state;
    static uint8_t chip[CHIP * CHIP * 3];
    texture(chip, 120);
    assert_float_equal(lk_quality_blank(chip, CHIP), 0, 0.001);
    cover(chip, 80, 128);
    const float mouth = lk_quality_blank(chip, CHIP);
    assert_true(mouth > 0.35f && mouth < 0.5f); /* 40 rows of the 90 that count, less a margin */
    texture(chip, 120);
    cover(chip, 45, 75);
    const float eyes = lk_quality_blank(chip, CHIP);
    assert_true(eyes > 0.25f && eyes < mouth);
    for (int y = 80; y < 128; y++) /* with a pattern there is something to see */
        memset(chip + (ptrdiff_t)y * CHIP * 3, y % 4 < 2 ? 60 : 120, (size_t)CHIP * 3);
    assert_float_equal(lk_quality_blank(chip, CHIP), eyes, 0.02);
}

static void of_a_chip_without_contrast_nothing_is_said(void **state) {
    (void)state;
    static uint8_t chip[CHIP * CHIP * 3];
    texture(chip, 20);
    memset(chip + (ptrdiff_t)80 * CHIP * 3, 128, (size_t)48 * CHIP * 3);
    assert_float_equal(lk_quality_blank(chip, CHIP), 0, 0);
    memset(chip, 0, sizeof chip);
    assert_float_equal(lk_quality_blank(chip, CHIP), 0, 0);
    memset(chip, 255, sizeof chip);
    assert_float_equal(lk_quality_blank(chip, CHIP), 0, 0);
}

static void what_is_covered_caps_a_score(void **state) {
    (void)state;
    const struct {
        float blank, score;
    } cases[] = {{0, 0.9f}, {0.04f, 0.9f}, {0.075f, 0.85f}, {0.1f, 0.7f}, {0.5f, 0.6f}, {1, 0.6f}};
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_quality q = {.score = 0.9f};
        lk_quality_covered(&q, cases[i].blank, &classes);
        assert_float_equal(q.score, cases[i].score, 1e-5);
    }
    liken_quality poor = {.score = 0.1f}, any = {.score = 0.9f};
    lk_quality_covered(&poor, 0.5f, &classes);
    assert_float_equal(poor.score, 0.1, 1e-6); /* the worst counts */
    lk_quality_covered(&any, 1, &(lk_pack_classes){.good = 0.7f});
    assert_float_equal(any.score, 0.9, 1e-6);
}

static void a_small_face_is_excused(void **state) {
    (void)state;
    liken_quality q = {.size = 20, .score = 0.1f};
    assert_true(lk_quality_enough(&q, &classes));
    q.size = 40;
    assert_false(lk_quality_enough(&q, &classes));
    q.score = 0.3f;
    assert_true(lk_quality_enough(&q, &classes));
}

static void a_large_face_near_to_drawn_ones_is_drawn(void **state) {
    (void)state;
    const float drawn[DIMENSION] = {0, 0, 0.6f, 0.8f}, real[DIMENSION] = {3, 2, 1, 0}, head[DIMENSION] = {1, 0, 5, 6};
    lk_pack_classes c = classes;
    liken_quality q = {.size = 50};
    assert_false(lk_quality_drawn(&q, head, DIMENSION, &c)); /* not known */
    c.drawn = drawn;
    c.drawn_from = 0.4f;
    assert_true(lk_quality_drawn(&q, head, DIMENSION, &c));
    assert_false(lk_quality_drawn(&q, real, DIMENSION, &c));
    q.size = 30;
    assert_false(lk_quality_drawn(&q, head, DIMENSION, &c));
}

static void a_poor_face_is_called_by_its_fault(void **state) {
    (void)state;
    liken_quality q = fine;
    assert_int_equal(lk_quality_blame(&q), LIKEN_OCCLUDED);
    q.sharpness = 0.1f;
    assert_int_equal(lk_quality_blame(&q), LIKEN_BLURRED);
    q.yaw = -60;
    assert_int_equal(lk_quality_blame(&q), LIKEN_EXTREME_POSE);
    q.yaw = 0;
    q.pitch = 50;
    assert_int_equal(lk_quality_blame(&q), LIKEN_EXTREME_POSE);
    q.brightness = 0.04f;
    assert_int_equal(lk_quality_blame(&q), LIKEN_LOW_LIGHT);
    q.size = 16;
    assert_int_equal(lk_quality_blame(&q), LIKEN_TOO_SMALL);
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
        cmocka_unit_test(who_is_near_to_poor_faces_scores_less),
        cmocka_unit_test(the_rest_caps_a_score),
        cmocka_unit_test(smaller_and_softer_never_scores_more),
        cmocka_unit_test(a_descriptor_of_nothing_scores_nothing),
        cmocka_unit_test(a_bar_over_a_face_shows_nothing),
        cmocka_unit_test(of_a_chip_without_contrast_nothing_is_said),
        cmocka_unit_test(what_is_covered_caps_a_score),
        cmocka_unit_test(a_small_face_is_excused),
        cmocka_unit_test(a_large_face_near_to_drawn_ones_is_drawn),
        cmocka_unit_test(a_poor_face_is_called_by_its_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
