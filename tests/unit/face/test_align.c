#include "unit/test.h"

#include "face/align.h"

#include <math.h>

/* Turned by `degrees`, scaled and shifted. */
static void move(const liken_point *in, int count, double degrees, double scale, double dx, double dy,
                 liken_point *out) {
    const double c = scale * cos(degrees / 57.29577951), s = scale * sin(degrees / 57.29577951);
    for (int i = 0; i < count; i++)
        out[i] = (liken_point){(float)(c * in[i].x - s * in[i].y + dx), (float)(s * in[i].x + c * in[i].y + dy)};
}

static const liken_point shape[5] = {{30, 40}, {70, 38}, {52, 60}, {35, 80}, {68, 82}};

static void an_exact_similarity_is_found(void **state) {
    (void)state;
    for (int degrees = -180; degrees < 180; degrees += 30) {
        liken_point moved[5];
        double m[6];
        move(shape, 5, degrees, 2.5, -300, 17, moved);
        assert_true(lk_similarity(shape, moved, 5, m));
        for (int i = 0; i < 5; i++) {
            const liken_point p = lk_map_point(m, shape[i]);
            assert_float_equal(p.x, moved[i].x, 1e-3);
            assert_float_equal(p.y, moved[i].y, 1e-3);
        }
    }
}

/* No other similarity comes nearer than the least-squares one. */
static double error_of(const double m[6], const liken_point *from, const liken_point *to, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
        const double x = m[0] * from[i].x + m[1] * from[i].y + m[2] - to[i].x;
        const double y = m[3] * from[i].x + m[4] * from[i].y + m[5] - to[i].y;
        sum += x * x + y * y;
    }
    return sum;
}

static void no_other_similarity_is_nearer(void **state) {
    (void)state;
    liken_point noisy[5];
    move(shape, 5, 12, 0.8, 5, 6, noisy);
    for (int i = 0; i < 5; i++)
        noisy[i].x += (float)(i * 7 % 5 - 2), noisy[i].y += (float)(i * 3 % 4 - 1);
    double m[6];
    assert_true(lk_similarity(shape, noisy, 5, m));
    const double least = error_of(m, shape, noisy, 5);
    for (int way = 0; way < 8; way++) {
        const double step = way & 1 ? 1e-3 : -1e-3;
        double other[6] = {m[0], m[1], m[2], m[3], m[4], m[5]};
        if (way / 2 == 0)
            other[0] += step, other[4] += step;
        else if (way / 2 == 1)
            other[1] -= step, other[3] += step;
        else
            other[way / 2 == 2 ? 2 : 5] += step;
        assert_true(error_of(other, shape, noisy, 5) >= least);
    }
}

static void points_without_extent_are_refused(void **state) {
    (void)state;
    const liken_point one_place[5] = {{3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}};
    liken_point broken[5] = {{1, 2}, {3, 4}, {NAN, 0}, {1, 1}, {2, 2}};
    double m[6] = {1, 2, 3, 4, 5, 6};
    assert_false(lk_similarity(one_place, shape, 5, m));
    assert_false(lk_similarity(shape, one_place, 5, m));
    assert_false(lk_similarity(shape, broken, 5, m));
    assert_float_equal(m[0], 1, 0);
    assert_float_equal(m[5], 6, 0);
}

/* dlib's own numbers: on a chip of 150 with padding 0.25 its right-hand eye corner lies at (0.25 + x) / 1.5 * 150. */
static void dlib_five_lands_where_dlib_puts_it(void **state) {
    (void)state;
    static const double mean[5][2] = {{0.8595674595992, 0.2134981538014},
                                      {0.6460604764104, 0.2289674387677},
                                      {0.1205750620789, 0.2137274526848},
                                      {0.3340850613712, 0.2290642403242},
                                      {0.4901123135679, 0.6277975316475}};
    liken_point photo[5];
    for (int i = 0; i < 5; i++)
        photo[i] = (liken_point){(float)((0.25 + mean[i][0]) / 1.5 * 150), (float)((0.25 + mean[i][1]) / 1.5 * 150)};
    double m[6];
    assert_true(lk_align(photo, LK_POINTS_DLIB5, 150, 0.25, m));
    assert_float_equal(m[0], 1, 1e-5);
    assert_float_equal(m[1], 0, 1e-5);
    assert_float_equal(m[2], -0.5, 1e-3); /* dlib counts pixels by index, this map by their edges */
    assert_float_equal(m[5], -0.5, 1e-3);
}

static void more_padding_shows_more(void **state) {
    (void)state;
    double narrow[6], wide[6];
    assert_true(lk_align(shape, LK_POINTS_DETECTOR5, 150, 0.2, narrow));
    assert_true(lk_align(shape, LK_POINTS_DETECTOR5, 150, 0.3, wide));
    const double ratio = hypot(wide[0], wide[3]) / hypot(narrow[0], narrow[3]);
    assert_true(fabs(ratio - 1.6 / 1.4) < 1e-4);
}

static void five_points_of_dlib_give_a_whole_face(void **state) {
    (void)state;
    const liken_point upright[5] = {{86, 21}, {65, 23}, {12, 21}, {33, 23}, {49, 63}};
    liken_point five[5];
    lk_align_mean_five(upright, five);
    assert_true(five[0].x < five[2].x && five[2].x < five[1].x); /* eyes on both sides of the nose */
    assert_true(five[3].y > five[2].y && five[4].y > five[2].y); /* the mouth below it */
    assert_true(five[0].x > 12 && five[0].x < 33);               /* an eye's middle is between its corners */
}

/* A face whose points lie as the places do is cut as it is, and one that is turned and larger is turned back. */
static void five_points_go_to_their_places(void **state) {
    (void)state;
    liken_point places[5], at[5], moved[5];
    for (int i = 0; i < 5; i++) {
        places[i] = (liken_point){shape[i].x / 100, shape[i].y / 100};
        at[i] = (liken_point){places[i].x * 128, places[i].y * 128};
    }
    move(at, 5, 25, 3, 40, -7, moved);
    double m[6];
    assert_true(lk_align_five(moved, places, 128, m));
    for (int i = 0; i < 5; i++) {
        const liken_point p = lk_map_point(m, at[i]);
        assert_float_equal(p.x, moved[i].x, 1e-2);
        assert_float_equal(p.y, moved[i].y, 1e-2);
    }
    const liken_point one[5] = {{5, 5}, {5, 5}, {5, 5}, {5, 5}, {5, 5}};
    m[0] = 7;
    assert_false(lk_align_five(one, places, 128, m));
    assert_true(m[0] == 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exact_similarity_is_found),          cmocka_unit_test(five_points_go_to_their_places),
        cmocka_unit_test(no_other_similarity_is_nearer),         cmocka_unit_test(points_without_extent_are_refused),
        cmocka_unit_test(dlib_five_lands_where_dlib_puts_it),    cmocka_unit_test(more_padding_shows_more),
        cmocka_unit_test(five_points_of_dlib_give_a_whole_face),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
