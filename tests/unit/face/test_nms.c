#include "unit/test.h"

#include "face/detect.h"

#include <string.h>

static lk_detection at(float x, float y, float size, float score) {
    return (lk_detection){.box = {x, y, size, size}, .score = score};
}

static void add(lk_detections *list, lk_detection d) {
    liken_error err;
    assert_ok(lk_detections_add(list, &d, &err), err);
}

static void overlap_is_shared_area_over_joint_area(void **state) {
    (void)state;
    const liken_box a = {0, 0, 10, 10}, half = {5, 0, 10, 10}, apart = {10, 0, 5, 5}, empty = {2, 2, 0, 3};
    assert_float_equal(lk_box_iou(&a, &a), 1, 1e-6);
    assert_float_equal(lk_box_iou(&a, &half), 50.0 / 150, 1e-6);
    assert_float_equal(lk_box_iou(&a, &apart), 0, 0);
    assert_float_equal(lk_box_iou(&a, &empty), 0, 0);
    assert_float_equal(lk_box_iou(&empty, &empty), 0, 0);
}

static void the_better_of_two_stays(void **state) {
    (void)state;
    lk_detections list = {0};
    add(&list, at(0, 0, 10, 0.6f));
    add(&list, at(1, 0, 10, 0.9f));
    add(&list, at(50, 0, 10, 0.7f));
    lk_nms(&list, 0.3f);
    assert_int_equal(list.count, 2);
    assert_float_equal(list.items[0].score, 0.9, 1e-6);
    assert_float_equal(list.items[1].score, 0.7, 1e-6);
    lk_detections_clear(&list);
}

static void a_chain_is_not_eaten_whole(void **state) {
    (void)state;
    lk_detections list = {0};
    add(&list, at(0, 0, 10, 0.9f));
    add(&list, at(4, 0, 10, 0.8f)); /* overlaps both neighbours */
    add(&list, at(8, 0, 10, 0.7f)); /* only the one that goes */
    lk_nms(&list, 0.3f);
    assert_int_equal(list.count, 2);
    assert_float_equal(list.items[1].box.x, 8, 0);
    lk_detections_clear(&list);
}

static void order_does_not_matter(void **state) {
    (void)state;
    lk_detections a = {0}, b = {0};
    for (int i = 0; i < 20; i++)
        add(&a, at((float)(i * 3 % 17), 0, 10, 0.5f + (float)(i % 4) * 0.1f));
    for (int i = 19; i >= 0; i--)
        add(&b, at((float)(i * 3 % 17), 0, 10, 0.5f + (float)(i % 4) * 0.1f));
    lk_nms(&a, 0.3f);
    lk_nms(&b, 0.3f);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++)
        assert_float_equal(a.items[i].box.x, b.items[i].box.x, 0);
    lk_detections_clear(&a);
    lk_detections_clear(&b);
}

static void a_full_list_keeps_the_best(void **state) {
    (void)state;
    lk_detections list = {0};
    for (int i = 0; i < LK_MAX_DETECTIONS; i++)
        add(&list, at((float)i, 0, 1, 0.5f));
    add(&list, at(-1, 0, 1, 0.4f));
    add(&list, at(-2, 0, 1, 0.9f));
    assert_int_equal(list.count, LK_MAX_DETECTIONS);
    lk_nms(&list, 0.3f);
    assert_float_equal(list.items[0].box.x, -2, 0);
    for (size_t i = 0; i < list.count; i++)
        assert_true(list.items[i].score >= 0.5f);
    lk_detections_clear(&list);
    lk_nms(&list, 0.3f);
    assert_int_equal(list.count, 0);
}

static void one_look_sees_no_smaller_faces(void **state) {
    (void)state;
    static const int enough[] = {0, 40, 41, 10000}, too_small[] = {1, 10, 39};
    liken_error err = {0};
    for (size_t i = 0; i < LK_LENGTH(enough); i++) {
        lk_detector d = {.min_face = enough[i]};
        assert_ok(lk_detector_one_look(&d, "ssd", 40, &err), err);
        assert_float_equal(d.smallest, 40, 0);
    }
    for (size_t i = 0; i < LK_LENGTH(too_small); i++) {
        lk_detector d = {.min_face = too_small[i]};
        assert_int_equal(lk_detector_one_look(&d, "ssd", 40, &err), LIKEN_E_UNSUPPORTED);
        assert_non_null(
            strstr(err.message, "The detector ssd looks at a photo once, and sees faces from 40 pixels on"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlap_is_shared_area_over_joint_area),
        cmocka_unit_test(the_better_of_two_stays),
        cmocka_unit_test(a_chain_is_not_eaten_whole),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(a_full_list_keeps_the_best),
        cmocka_unit_test(one_look_sees_no_smaller_faces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
