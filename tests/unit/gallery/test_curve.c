/* What distances mean in a gallery: the shares are those that counting every pair gives, of whole photos. */
#include "unit/gallery/opened.h"

#include "base/vector.h"
#include "gallery/curve.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define D 128
#define FACES_MAX 400

struct face {
    int64_t image;
    float vector[D];
};

static struct face there[FACES_MAX];
static size_t there_count;

static void list_good_faces(void) {
    const liken_list_options o = {.size = sizeof(liken_list_options), .describe = true, .limit = 1000};
    liken_image_list *list = NULL;
    assert_ok(liken_list(lk, NULL, &o, &list, &err), err);
    there_count = 0;
    for (size_t i = 0; i < list->count; i++)
        for (size_t k = 0; k < list->images[i]->face_count; k++) {
            const liken_face *f = &list->images[i]->faces[k];
            if (f->weak)
                continue;
            assert_true(there_count < FACES_MAX);
            there[there_count].image = list->images[i]->id;
            (void)lk_vector_normalize(f->descriptor, D, there[there_count++].vector);
        }
    liken_image_list_free(list);
}

static liken_gallery_curve *calibrate(void) {
    liken_gallery_curve *c = NULL;
    assert_ok(liken_calibrate(lk, NULL, NULL, &c, &err), err);
    return c;
}

static void check_point(const liken_gallery_curve *c, const liken_gallery_point *p) {
    int64_t apart = 0, together = 0, near = 0, apart_pairs = 0, together_pairs = 0;
    for (size_t i = 0; i < there_count; i++) {
        bool is_near = false;
        for (size_t j = 0; j < there_count; j++) {
            const bool within = lk_distance(there[i].vector, there[j].vector, D) <= p->distance;
            const bool same_photo = there[i].image == there[j].image;
            is_near |= within && !same_photo;
            if (j <= i)
                continue;
            *(same_photo ? &together_pairs : &apart_pairs) += 1;
            *(same_photo ? &together : &apart) += within;
        }
        near += is_near;
    }
    assert_int_equal(c->apart_pairs, apart_pairs);
    assert_int_equal(c->together_pairs, together_pairs);
    assert_true(fabs(p->apart * (double)apart_pairs - (double)apart) < 1e-6);
    assert_true(fabs(p->together * (double)together_pairs - (double)together) < 1e-6);
    assert_true(fabs(p->nearest * (double)there_count - (double)near) < 1e-6);
}

static void shares_are_those_of_all_pairs(void **state) {
    (void)state;
    char photo[128];
    for (int i = 0; i < 60; i++) {
        (void)snprintf(photo, sizeof photo, "photo %d 1\nface %d 0.%d 50\nweak %d 0.1 20\n%s %d 0.%d 30", i + 1, i % 9,
                       10 + i, i % 7, i % 2 == 0 ? "face" : "weak", 20 + i % 5, 99 - i);
        (void)add(photo);
    }
    list_good_faces();
    liken_gallery_curve *c = calibrate();
    bool threshold = false;
    assert_string_equal(c->collection, "default");
    assert_int_equal(c->faces, 90);
    assert_int_equal(c->weak, 90);
    assert_int_equal(c->compared, 90);
    assert_int_equal(c->photos, 60);
    for (size_t i = 0; i < c->count; i++) {
        assert_true(i == 0 || c->points[i].distance > c->points[i - 1].distance);
        threshold |= c->points[i].distance == c->threshold;
        check_point(c, &c->points[i]);
    }
    assert_true(threshold);
    liken_gallery_curve_free(c);
}

static void of_many_faces_whole_photos_are_taken(void **state) {
    (void)state;
    enum { PHOTOS = 120, A_PHOTO = 40 };
    static char photo[A_PHOTO * 32 + 32];
    for (int i = 0; i < PHOTOS; i++) {
        int at = snprintf(photo, sizeof photo, "photo %d 1\n", i + 1);
        for (int k = 0; k < A_PHOTO; k++)
            at += snprintf(photo + at, sizeof photo - (size_t)at, "face %d 0.3 50\n", i * A_PHOTO + k);
        (void)add(photo);
    }
    liken_gallery_curve *c = calibrate();
    assert_int_equal(c->faces, PHOTOS * A_PHOTO);
    assert_true(c->compared >= 1024 && c->compared <= 4096);
    assert_int_equal(c->compared, c->photos * A_PHOTO);
    assert_int_equal(c->together_pairs, c->photos * A_PHOTO * (A_PHOTO - 1) / 2);
    assert_int_equal(c->together_pairs + c->apart_pairs, c->compared * (c->compared - 1) / 2);
    liken_gallery_curve_free(c);
}

static void few_faces_tell_nothing(void **state) {
    (void)state;
    liken_gallery_curve *c = NULL;
    (void)add("FACES anna bob");
    assert_int_equal(liken_calibrate(lk, NULL, NULL, &c, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "has 2 good faces"));
    assert_int_equal(liken_calibrate(lk, NULL, "nowhere", &c, &err), LIKEN_E_NOT_FOUND);
    assert_null(c);
}

/* A gallery whose strangers are known, and how many of its pairs are of one person. */
static void strangers_are_told_from_where_most_pairs_lie(void **state) {
    (void)state;
    enum { POINTS = 16 };
    static const double z[POINTS] = {-4.8, -4.3, -3.7, -3.1, -2.7, -2.3, -1.9, -1.6,
                                     -1.3, -1,   -0.7, -0.4, 0,    0.4,  0.8,  1.2};
    lk_calibration curve = {.threshold = 0.7f, .count = POINTS};
    for (int i = 0; i < POINTS; i++)
        curve.points[i] =
            (lk_calibration_point){0.5f + 0.05f * (float)i, 0.5 * erfc(-z[i] * M_SQRT1_2), fmin(1, 0.6 + 0.05 * i)};
    for (int k = 0; k < 4; k++) {
        const double same = 0.05 * k, shift = 0.1 * (k - 2), slope = 1 + 0.03 * k;
        liken_gallery_point points[POINTS] = {0};
        liken_gallery_curve c = {.points = points, .count = POINTS, .apart_pairs = 1000000};
        double strangers[POINTS];
        for (int i = 0; i < POINTS; i++) {
            strangers[i] = 0.5 * erfc(-(shift + slope * z[i]) * M_SQRT1_2);
            points[i].distance = curve.points[i].distance;
            points[i].apart = same * curve.points[i].tmr + (1 - same) * strangers[i];
        }
        lk_gallery_strangers(&c, &curve);
        assert_true(fabs(c.same - same) < 0.003);
        for (int i = 0; i < POINTS; i++)
            assert_true(fabs(log(points[i].strangers / strangers[i])) < 0.15);
    }
    liken_gallery_curve few = {.apart_pairs = 100};
    lk_gallery_strangers(&few, &curve);
    assert_true(isnan(few.same));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shares_are_those_of_all_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_many_faces_whole_photos_are_taken, set_up, tear_down),
        cmocka_unit_test(strangers_are_told_from_where_most_pairs_lie),
        cmocka_unit_test_setup_teardown(few_faces_tell_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
