/* The hog detector against libdlib asked directly: on a drawn face everywhere, on the sample photos where they are. */
#include "unit/test.h"

#include "base/buf.h"
#include "face/hog.h"
#include "reference/dlib_reference.h"
#include "unit/face/drawn.h"

#include <stdlib.h>
#include <string.h>

static lk_hog *make(void) {
    liken_error err = {0};
    lk_hog *hog = NULL;
    assert_ok(lk_hog_new(&hog, &err), err);
    return hog;
}

/* Returns how many faces there were. */
static size_t same_as_dlib(lk_hog *hog, const lk_image *image, int enlargements) {
    liken_error err = {0};
    lk_hog_face *faces = NULL;
    size_t count = 0;
    reference_face expected[64];
    assert_ok(lk_hog_detect(hog, image, enlargements, &faces, &count, &err), err);
    uint8_t *packed = drawn_packed(image);
    const size_t want = reference_hog(packed, image->width, image->height, enlargements, expected, LK_LENGTH(expected));
    free(packed);
    assert_int_equal(count, want);
    for (size_t i = 0; i < count; i++) {
        const reference_face *e = &expected[i];
        const liken_box b = faces[i].box;
        assert_true(b.x == (float)e->left && b.y == (float)e->top);
        assert_true(b.width == (float)(e->right - e->left + 1) && b.height == (float)(e->bottom - e->top + 1));
        assert_true(faces[i].score == e->score);
        assert_true(i == 0 || faces[i].score <= faces[i - 1].score);
    }
    free(faces);
    return count;
}

static void finds_a_drawn_face_as_dlib_does(void **state) {
    (void)state;
    lk_hog *hog = make();
    lk_image image = drawn_image(360, 330, 24);
    drawn_face(&image, 150, 160, 1.0);
    assert_int_equal(same_as_dlib(hog, &image, 0), 1);
    assert_int_equal(same_as_dlib(hog, &image, 1), 1);
    assert_int_equal(same_as_dlib(hog, &image, 0), 1);
    drawn_free(&image);
    lk_hog_free(hog);
}

static void enlarging_finds_a_smaller_face(void **state) {
    (void)state;
    lk_hog *hog = make();
    lk_image image = drawn_image(160, 160, 0);
    drawn_face(&image, 80, 80, 0.25);
    assert_int_equal(same_as_dlib(hog, &image, 0), 0);
    assert_int_equal(same_as_dlib(hog, &image, 1), 1);
    drawn_free(&image);
    lk_hog_free(hog);
}

static void tiny_images_have_no_face(void **state) {
    (void)state;
    lk_hog *hog = make();
    for (int size = 1; size < 24; size += 11) {
        lk_image image = drawn_image(size, size, 0);
        assert_int_equal(same_as_dlib(hog, &image, 0), 0);
        drawn_free(&image);
    }
    lk_hog_free(hog);
}

static void refuses_what_is_out_of_range(void **state) {
    (void)state;
    liken_error err = {0};
    lk_hog *hog = make();
    lk_image image = drawn_image(32, 32, 0);
    lk_hog_face *faces = NULL;
    size_t count = 7;
    assert_int_equal(lk_hog_detect(hog, &image, 3, &faces, &count, &err), LIKEN_E_ARG);
    assert_int_equal(lk_hog_detect(hog, &image, -1, &faces, &count, &err), LIKEN_E_ARG);
    lk_image huge = image;
    huge.width = huge.height = 6000; /* refused before a pixel is read */
    assert_int_equal(lk_hog_detect(hog, &huge, 1, &faces, &count, &err), LIKEN_E_TOO_LARGE);
    assert_int_equal(count, 7);
    assert_null(faces);
    drawn_free(&image);
    lk_hog_free(hog);
    lk_hog_free(NULL);
}

static void sample_photos_as_dlib(void **state) {
    (void)state;
    const char *models = getenv("LIKEN_MODELS");
    if (models == NULL) {
        print_message("skipped: LIKEN_MODELS is not set, so there are no sample photos\n");
        skip();
    }
    lk_hog *hog = make();
    size_t faces = 0;
    for (int i = 1; i <= 2; i++) {
        lk_image image = drawn_sample(models, i);
        faces += same_as_dlib(hog, &image, 1);
        drawn_free(&image);
    }
    assert_true(faces >= 4);
    lk_hog_free(hog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_drawn_face_as_dlib_does), cmocka_unit_test(enlarging_finds_a_smaller_face),
        cmocka_unit_test(tiny_images_have_no_face),        cmocka_unit_test(refuses_what_is_out_of_range),
        cmocka_unit_test(sample_photos_as_dlib),
    };
    return cmocka_run_group_tests_name("face/hog", tests, NULL, NULL);
}
