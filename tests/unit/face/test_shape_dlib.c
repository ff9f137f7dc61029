/* Shape predictors against libdlib, which reads the same bytes: made-up ones on noise, and the dlib pack's own on the
 * faces that its detector finds in the sample photos. */
#include "unit/test.h"

#include "base/buf.h"
#include "face/hog.h"
#include "packs/pack.h"
#include "face/shape.h"
#include "reference/dlib_reference.h"
#include "unit/face/dlib_writer.h"
#include "unit/face/drawn.h"

#include <stdlib.h>

static void same_as_dlib(const lk_shape *shape, const reference_shape *reference, const lk_image *image,
                         const uint8_t *packed, liken_box box) {
    const long inclusive[4] = {(long)box.x, (long)box.y, (long)box.x + (long)box.width - 1,
                               (long)box.y + (long)box.height - 1};
    long expected[2 * LK_SHAPE_MAX_POINTS];
    liken_point points[LK_SHAPE_MAX_POINTS];
    const size_t count = reference_shape_predict(reference, packed, image->width, image->height, inclusive, expected,
                                                 LK_SHAPE_MAX_POINTS);
    assert_int_equal(count, lk_shape_points(shape));
    lk_shape_predict(shape, image, box, points);
    for (size_t i = 0; i < count; i++)
        if (points[i].x != (float)expected[2 * i] || points[i].y != (float)expected[2 * i + 1])
            fail_msg("point %zu is %g,%g and dlib's is %ld,%ld", i, (double)points[i].x, (double)points[i].y,
                     expected[2 * i], expected[2 * i + 1]);
}

static void made_up_predictors(void **state) {
    (void)state;
    static const shape_plan plans[] = {
        {.points = 2, .stages = 1, .trees = 1, .splits = 1, .pixels = 2},
        {.points = 5, .stages = 3, .trees = 20, .splits = 15, .pixels = 60},
        {.points = 68, .stages = 4, .trees = 10, .splits = 31, .pixels = 300},
        {.points = 128, .stages = 2, .trees = 3, .splits = 7, .pixels = 90},
    };
    lk_image image = drawn_image(300, 200, 190);
    uint8_t *packed = drawn_packed(&image);
    for (size_t i = 0; i < 4 * LK_LENGTH(plans); i++) {
        liken_error err = {0};
        lk_shape *shape = NULL;
        lk_buf b;
        lk_buf_init(&b, (size_t)8 << 20);
        dlib_write_shape(&b, &plans[i % LK_LENGTH(plans)], (uint32_t)i + 1);
        assert_ok(lk_shape_read(&shape, b.data, b.size, &err), err);
        reference_shape *reference = reference_shape_read(b.data, b.size);
        assert_non_null(reference);
        static const liken_box boxes[] = {
            {40, 30, 121, 122}, {-20, -35, 150, 150}, {200, 120, 180, 133}, {7, 9, 33, 34}};
        for (size_t k = 0; k < LK_LENGTH(boxes); k++)
            same_as_dlib(shape, reference, &image, packed, boxes[k]);
        reference_shape_free(reference);
        lk_shape_free(shape);
        lk_buf_free(&b);
    }
    free(packed);
    drawn_free(&image);
}

static size_t faces_of_samples(const char *models, lk_hog *hog, const lk_shape *shape,
                               const reference_shape *reference) {
    size_t faces = 0;
    for (int i = 1; i <= 3; i++) {
        liken_error err = {0};
        lk_hog_face *found = NULL;
        size_t count = 0;
        lk_image image = drawn_sample(models, i);
        uint8_t *packed = drawn_packed(&image);
        assert_ok(lk_hog_detect(hog, &image, 1, &found, &count, &err), err);
        for (size_t k = 0; k < count; k++, faces++)
            same_as_dlib(shape, reference, &image, packed, found[k].box);
        free(found);
        free(packed);
        drawn_free(&image);
    }
    return faces;
}

static void the_packs_own(void **state) {
    (void)state;
    const char *models = getenv("LIKEN_MODELS");
    lk_pack *pack = NULL;
    if (models == NULL || lk_pack_open(&pack, models, "dlib", NULL) != LIKEN_OK) {
        print_message("skipped: the pack dlib is not in LIKEN_MODELS\n");
        skip();
    }
    static const lk_pack_kind kinds[] = {LK_KIND_SHAPE5, LK_KIND_SHAPE68};
    static const int points[] = {5, 68};
    liken_error err = {0};
    lk_hog *hog = NULL;
    assert_ok(lk_hog_new(&hog, &err), err);
    for (size_t i = 0; i < LK_LENGTH(kinds); i++) {
        const lk_pack_network *network = lk_pack_kind_network(pack, kinds[i]);
        assert_non_null(network);
        lk_shape *shape = NULL;
        char *bytes = NULL;
        size_t size = 0;
        assert_ok(lk_pack_read(pack, network->files[0], &bytes, &size, &err), err);
        assert_ok(lk_shape_read(&shape, bytes, size, &err), err);
        assert_int_equal(lk_shape_points(shape), points[i]);
        reference_shape *reference = reference_shape_read(bytes, size);
        assert_non_null(reference);
        assert_true(faces_of_samples(models, hog, shape, reference) >= 6);
        reference_shape_free(reference);
        lk_shape_free(shape);
        free(bytes);
    }
    lk_hog_free(hog);
    lk_pack_free(pack);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_up_predictors),
        cmocka_unit_test(the_packs_own),
    };
    return cmocka_run_group_tests_name("face/shape_dlib", tests, NULL, NULL);
}
