/* The reader of shape predictors against every way of cutting and bending its bytes, and one prediction by hand. The
 * comparison with libdlib is in test_shape_dlib.c. */
#include "unit/test.h"

#include "base/buf.h"
#include "face/shape.h"
#include "unit/face/dlib_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const shape_plan small = {.points = 3, .stages = 2, .trees = 4, .splits = 3, .pixels = 20};

static int read_plan(const shape_plan *plan, lk_shape **out, liken_error *err) {
    lk_buf b;
    lk_buf_init(&b, (size_t)8 << 20);
    dlib_write_shape(&b, plan, 1);
    const int rc = lk_shape_read(out, b.data, b.size, err);
    lk_buf_free(&b);
    return rc;
}

/* One stage, one tree, two leaves: left when pixel 0 is brighter than pixel 1 by more than 10. */
static void write_by_hand(lk_buf *b, float threshold) {
    static const float mean[4] = {0.25f, 0.5f, 0.75f, 0.5f}, left[4] = {0.1f, 0, 0, 0}, right[4] = {0, 0, 0, 0.25f};
    const float *const vectors[] = {left, right};
    dlib_write_integer(b, 1);
    dlib_write_integer(b, -4), dlib_write_integer(b, -1);
    for (int i = 0; i < 4; i++)
        dlib_write_float(b, mean[i]);
    dlib_write_integer(b, 1), dlib_write_integer(b, 1), dlib_write_integer(b, 1);
    dlib_write_integer(b, 0), dlib_write_integer(b, 1), dlib_write_float(b, threshold);
    dlib_write_integer(b, 2);
    for (int leaf = 0; leaf < 2; leaf++) {
        dlib_write_integer(b, -4), dlib_write_integer(b, -1);
        for (int i = 0; i < 4; i++)
            dlib_write_float(b, vectors[leaf][i]);
    }
    dlib_write_integer(b, 1), dlib_write_integer(b, 2), dlib_write_integer(b, 0), dlib_write_integer(b, 1);
    dlib_write_integer(b, 1), dlib_write_integer(b, 2);
    for (int i = 0; i < 4; i++)
        dlib_write_float(b, 0);
}

static void predicts_what_the_tree_says(void **state) {
    (void)state;
    liken_error err = {0};
    lk_buf b;
    lk_shape *shape = NULL;
    lk_buf_init(&b, 4096);
    write_by_hand(&b, 10);
    assert_ok(lk_shape_read(&shape, b.data, b.size, &err), err);
    lk_buf_free(&b);
    assert_int_equal(lk_shape_points(shape), 2);
    uint8_t rgb[101 * 101 * 3];
    const lk_image image = {.width = 101, .height = 101, .stride = 101 * 3, .rgb = rgb};
    const liken_box box = {0, 0, 101, 101}; /* its last pixel is 100, which is where 1 is */
    liken_point points[2];
    memset(rgb, 50, sizeof rgb);
    lk_shape_predict(shape, &image, box, points); /* no difference: right */
    assert_true(points[0].x == 25 && points[0].y == 50 && points[1].x == 75 && points[1].y == 75);
    memset(rgb + 50 * 303 + 3 * 25, 62, 3); /* (25, 50), the first point: 12 brighter: left */
    lk_shape_predict(shape, &image, box, points);
    assert_true(points[0].x == 35 && points[0].y == 50 && points[1].x == 75 && points[1].y == 50);
    lk_shape_free(shape);
}

static void boxes_may_be_anywhere(void **state) {
    (void)state;
    liken_error err = {0};
    lk_shape *shape = NULL;
    assert_ok(read_plan(&small, &shape, &err), err);
    uint8_t rgb[10 * 10 * 3] = {0};
    const lk_image image = {.width = 10, .height = 10, .stride = 30, .rgb = rgb};
    const liken_box boxes[] = {{-50, -50, 20, 20},   {5, 5, 100, 100}, {1e30f, -1e30f, 1e38f, 1e38f}, {0, 0, 0, 0},
                               {NAN, NAN, NAN, NAN}, {3, 3, -10, -10}, {INFINITY, 0, -INFINITY, 1}};
    for (size_t i = 0; i < LK_LENGTH(boxes); i++) {
        liken_point points[3];
        lk_shape_predict(shape, &image, boxes[i], points);
        for (int p = 0; p < 3; p++)
            assert_true(isfinite(points[p].x) && isfinite(points[p].y));
    }
    lk_shape_free(shape);
}

static void every_cut_is_refused(void **state) {
    (void)state;
    liken_error err = {0};
    lk_buf b;
    lk_buf_init(&b, (size_t)1 << 20);
    dlib_write_shape(&b, &small, 1);
    lk_shape *shape = NULL;
    for (size_t size = 0; size < b.size; size++) {
        uint8_t *exact = malloc(size + 1);
        assert_non_null(exact);
        memcpy(exact, b.data, size);
        assert_int_equal(lk_shape_read(&shape, exact, size, &err), LIKEN_E_MODEL);
        free(exact);
    }
    assert_null(shape);
    assert_ok(lk_buf_append(&b, "x", 1, &err), err);
    assert_int_equal(lk_shape_read(&shape, b.data, b.size, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "bytes follow its end"));
    lk_buf_free(&b);
    lk_shape_free(NULL);
}

static void numbers_out_of_range_are_refused(void **state) {
    (void)state;
    static const float wrong[] = {2e6f, -2e6f, 3e38f};
    for (size_t i = 0; i < LK_LENGTH(wrong); i++) {
        liken_error err = {0};
        lk_shape *shape = NULL;
        lk_buf b;
        lk_buf_init(&b, 4096);
        write_by_hand(&b, wrong[i]);
        assert_int_equal(lk_shape_read(&shape, b.data, b.size, &err), LIKEN_E_MODEL);
        assert_non_null(strstr(err.message, "out of range"));
        lk_buf_free(&b);
    }
}

static void infinity_is_refused(void **state) {
    (void)state;
    liken_error err = {0};
    lk_shape *shape = NULL;
    lk_buf b;
    lk_buf_init(&b, 4096);
    dlib_write_integer(&b, 1);
    dlib_write_integer(&b, -4), dlib_write_integer(&b, -1);
    dlib_write_integer(&b, 0), dlib_write_integer(&b, 32000); /* dlib's infinity */
    assert_int_equal(lk_shape_read(&shape, b.data, b.size, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "not finite"));
    lk_buf_free(&b);
}

static void shapes_that_we_do_not_read(void **state) {
    (void)state;
    static const struct {
        shape_plan plan;
        const char *says;
    } rows[] = {
        {{.points = 1, .stages = 1, .trees = 1, .splits = 1, .pixels = 2}, "number of points"},
        {{.points = 129, .stages = 1, .trees = 1, .splits = 1, .pixels = 2}, "number of points"},
        {{.points = 2, .stages = 65, .trees = 1, .splits = 1, .pixels = 2}, "count or an index"},
        {{.points = 2, .stages = 1, .trees = 0, .splits = 1, .pixels = 2}, "count or an index"},
        {{.points = 2, .stages = 1, .trees = 1, .splits = 2, .pixels = 2}, "not full"},
        {{.points = 2, .stages = 1, .trees = 1, .splits = 1, .pixels = 4097}, "count or an index"},
    };
    for (size_t i = 0; i < LK_LENGTH(rows); i++) {
        liken_error err = {0};
        lk_shape *shape = NULL;
        assert_int_equal(read_plan(&rows[i].plan, &shape, &err), LIKEN_E_MODEL);
        if (strstr(err.message, rows[i].says) == NULL)
            fail_msg("row %zu: %s", i, err.message);
    }
}

/* A header that promises a gigabyte of leaves in a few bytes must fail before memory is asked for. */
static void promises_are_held_against_the_bytes(void **state) {
    (void)state;
    liken_error err = {0};
    lk_shape *shape = NULL;
    lk_buf b;
    lk_buf_init(&b, 1 << 20);
    dlib_write_integer(&b, 1);
    dlib_write_integer(&b, -256), dlib_write_integer(&b, -1);
    for (int i = 0; i < 256; i++)
        dlib_write_float(&b, 0.5f);
    dlib_write_integer(&b, 64), dlib_write_integer(&b, 4096), dlib_write_integer(&b, 1023);
    assert_int_equal(lk_shape_read(&shape, b.data, b.size, &err), LIKEN_E_MODEL);
    assert_non_null(strstr(err.message, "cut short"));
    lk_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicts_what_the_tree_says),
        cmocka_unit_test(boxes_may_be_anywhere),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(infinity_is_refused),
        cmocka_unit_test(shapes_that_we_do_not_read),
        cmocka_unit_test(promises_are_held_against_the_bytes),
    };
    return cmocka_run_group_tests_name("face/shape", tests, NULL, NULL);
}
