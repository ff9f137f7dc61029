/* The pyramid's policy, with a stand-in for the network that sees red squares: wherever one lies in a photo of any
 * size, in any turn, it must be found once, in its place. The stand-in is linked instead of yunet.c. */
#include "unit/test.h"

#include "face/yunet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_SEEN 9  /* pixels of the window; as small as the network sees */
#define LEAST_FELT 5  /* smaller ones it has a faint idea of, */
#define FAINTLY 0.15f /* which scores so */
#define MOST_SEEN 400

struct lk_yunet {
    int unused;
};

static size_t pixels_looked_at; /* since the last reset */
static float doubtful;          /* score of a square whose mark is not at its top */

int lk_yunet_new(lk_yunet **out, const lk_net *net, liken_error *err) {
    (void)net;
    *out = calloc(1, sizeof **out);
    return *out != NULL ? LIKEN_OK : lk_fail_memory(err);
}

void lk_yunet_free(lk_yunet *yunet) {
    free(yunet);
}

static bool red(const uint8_t *p) {
    return p[0] > 150 && p[1] < 100;
}

/* The run of red pixels from `p` on, `step` bytes each. */
static int run_of(const uint8_t *p, size_t step, int most) {
    int n = 0;
    while (n < most && red(p + (size_t)n * step))
        n++;
    return n;
}

static float score_of(const uint8_t *rgb, size_t stride, int x, int y, int size) {
    const uint8_t *top = rgb + (size_t)(y + size / 8) * stride + (size_t)(x + size / 2) * 3;
    return top[2] > 150 ? 0.97f : doubtful;
}

int lk_yunet_look(lk_yunet *yunet, const uint8_t *rgb, size_t stride, int width, int height, float floor,
                  lk_detections *out, liken_error *err) {
    (void)yunet;
    assert_int_equal(width % 32, 0);
    assert_int_equal(height % 32, 0);
    pixels_looked_at += (size_t)width * (size_t)height;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const uint8_t *p = rgb + (size_t)y * stride + (size_t)x * 3;
            if (!red(p) || (x > 0 && red(p - 3)) || (y > 0 && red(p - stride)))
                continue;
            const int w = run_of(p, 3, width - x), h = run_of(p, stride, height - y);
            if (w < LEAST_FELT || h < LEAST_FELT || h > MOST_SEEN)
                continue;
            const lk_detection d = {.box = {(float)x, (float)y, (float)w, (float)h},
                                    .pointed = true,
                                    .points = {{(float)x, (float)y}},
                                    .score =
                                        w < LEAST_SEEN || h < LEAST_SEEN ? FAINTLY : score_of(rgb, stride, x, y, h)};
            const int rc = d.score > floor ? lk_detections_add(out, &d, err) : LIKEN_OK;
            if (rc != LIKEN_OK)
                return rc;
        }
    lk_nms(out, LK_YUNET_IOU);
    return LIKEN_OK;
}

/* ---- photos ---- */

static lk_image gray(int width, int height) {
    lk_image image = {.width = width, .height = height, .stride = (size_t)width * 3};
    image.rgb = malloc(image.stride * (size_t)height);
    assert_non_null(image.rgb);
    memset(image.rgb, 128, image.stride * (size_t)height);
    return image;
}

/* A red square; its upper middle is red and blue: still red to the stand-in. */
static void square(lk_image *image, int x, int y, int size) {
    for (int j = 0; j < size; j++)
        for (int i = 0; i < size; i++) {
            uint8_t *p = image->rgb + (size_t)(y + j) * image->stride + (size_t)(x + i) * 3;
            const bool mark = j < size / 3 && i > size / 4 && i < size * 3 / 4;
            p[0] = 255;
            p[1] = 0;
            p[2] = mark ? 255 : 0;
        }
}

static lk_photo *as_photo(const lk_image *image, void **jpeg) {
    liken_error err;
    lk_photo *photo = NULL;
    size_t size = 0;
    assert_ok(lk_image_encode_jpeg(image, 95, jpeg, &size, &err), err);
    assert_ok(lk_photo_open(&photo, *jpeg, size, NULL, &err), err);
    return photo;
}

/* Looks for faces of `min_face` everywhere; gives the size that it could look for. */
static float find_from(int min_face, const lk_image *image, lk_detections *out) {
    liken_error err;
    lk_detector *detector = NULL;
    void *jpeg = NULL;
    lk_photo *photo = as_photo(image, &jpeg);
    lk_source source = lk_source_of(photo);
    pixels_looked_at = 0;
    assert_ok(lk_detector_yunet(&detector, NULL, &err), err);
    detector->min_face = min_face;
    assert_ok(detector->find(detector, &source, out, &err), err);
    const float smallest = detector->smallest;
    lk_source_clear(&source);
    lk_photo_free(photo);
    free(jpeg);
    lk_detector_free(detector);
    return smallest;
}

static void find(const lk_image *image, lk_detections *out) {
    (void)find_from(0, image, out);
}

static int begin(void **state) {
    (void)state;
    doubtful = 0.97f;
    return 0;
}

static bool has(const lk_detections *list, int x, int y, int size, float tolerance) {
    int seen = 0;
    for (size_t i = 0; i < list->count; i++) {
        const liken_box *b = &list->items[i].box;
        const float off = fmaxf(fabsf(b->x - (float)x), fabsf(b->y - (float)y));
        seen += off <= tolerance && fabsf(b->height - (float)size) <= 2 * tolerance && list->items[i].score >= 0.67f;
    }
    return seen == 1;
}

/* ---- tests ---- */

static void one_square_of_any_size_is_found_once(void **state) {
    (void)state;
    static const int sizes[] = {20, 28, 40, 64, 80, 100, 200, 390};
    for (size_t i = 0; i < LK_LENGTH(sizes); i++) {
        lk_image image = gray(640, 480);
        lk_detections found = {0};
        square(&image, 37, 41, sizes[i]);
        find(&image, &found);
        assert_int_equal(found.count, 1);
        assert_true(has(&found, 37, 41, sizes[i], 2));
        lk_detections_clear(&found);
        lk_image_clear(&image);
    }
}

/* 2,560 pixels wide: small squares need the second and third level, and lie across every border of tiles. */
static void small_ones_are_found_wherever_tiles_meet(void **state) {
    (void)state;
    lk_image image = gray(2560, 1600);
    lk_detections found = {0};
    size_t count = 0;
    for (int y = 11; y + 50 < 1600; y += 131)
        for (int x = 7; x + 50 < 2560; x += 113, count++)
            square(&image, x, y, 44);
    find(&image, &found);
    assert_int_equal(found.count, count);
    for (int y = 11; y + 50 < 1600; y += 131)
        for (int x = 7; x + 50 < 2560; x += 113)
            assert_true(has(&found, x, y, 44, 4));
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

static void large_and_small_together(void **state) {
    (void)state;
    lk_image image = gray(2560, 1600);
    lk_detections found = {0};
    square(&image, 600, 200, 1200); /* across every border of tiles */
    square(&image, 100, 100, 48);
    square(&image, 2300, 1400, 60);
    find(&image, &found);
    assert_int_equal(found.count, 3);
    assert_true(has(&found, 600, 200, 1200, 12));
    assert_true(has(&found, 100, 100, 48, 4));
    assert_true(has(&found, 2300, 1400, 60, 4));
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

static void tiles_without_suspicion_are_not_looked_at(void **state) {
    (void)state;
    lk_image image = gray(2560, 1600);
    lk_detections found = {0};
    square(&image, 600, 200, 500);
    find(&image, &found);
    assert_int_equal(found.count, 1);
    assert_true(pixels_looked_at <= 640 * 416 + 320 * 224); /* the whole and its half, no more */
    lk_detections_clear(&found);
    square(&image, 100, 100, 48);
    find(&image, &found);
    assert_int_equal(found.count, 2);
    assert_true(pixels_looked_at < 3 * 640 * 640); /* one tile of each further level */
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

static void a_little_portrait_is_not_enlarged(void **state) {
    (void)state;
    lk_image image = gray(250, 250);
    lk_detections found = {0};
    square(&image, 70, 60, 100);
    find(&image, &found);
    assert_int_equal(found.count, 1);
    assert_true(has(&found, 70, 60, 100, 2));
    assert_true(pixels_looked_at <= 320 * 320 + 160 * 160);
    lk_detections_clear(&found);
    square(&image, 200, 210, 12); /* somebody in the background may be another than who was asked for */
    find(&image, &found);
    assert_int_equal(found.count, 2);
    assert_true(has(&found, 70, 60, 100, 2) && has(&found, 200, 210, 12, 2));
    assert_true(pixels_looked_at <= 2 * 320 * 320);
    lk_detections_clear(&found);
    lk_image_clear(&image);
    image = gray(250, 250);
    square(&image, 200, 210, 12); /* alone: the photo may have more to show */
    find(&image, &found);
    assert_int_equal(found.count, 1);
    assert_true(has(&found, 200, 210, 12, 2));
    assert_true(pixels_looked_at >= 640 * 640);
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

/* 40 pixels of 4000 are 6.4 of 640. */
static void what_is_only_felt_is_looked_at_closer(void **state) {
    (void)state;
    lk_image image = gray(4000, 3000);
    lk_detections found = {0};
    square(&image, 3100, 1700, 40);
    square(&image, 120, 90, 46);
    assert_float_equal(find_from(0, &image, &found), 100, 0.5);
    assert_int_equal(found.count, 2);
    assert_true(has(&found, 3100, 1700, 40, 6) && has(&found, 120, 90, 46, 6));
    assert_true(pixels_looked_at < 3 * 640 * 480);
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

/* 24 pixels are not even felt in the first look. */
static void what_is_asked_for_is_looked_for_everywhere(void **state) {
    (void)state;
    lk_image image = gray(4000, 3000);
    lk_detections found = {0};
    size_t count = 0;
    for (int y = 31; y + 40 < 3000; y += 577)
        for (int x = 17; x + 40 < 4000; x += 419, count++)
            square(&image, x, y, 24);
    square(&image, 200, 700, 400);
    (void)find_from(0, &image, &found);
    assert_int_equal(found.count, 1);
    lk_detections_clear(&found);
    assert_float_equal(find_from(24, &image, &found), 24, 0.1);
    assert_int_equal(found.count, count + 1);
    for (int y = 31; y + 40 < 3000; y += 577)
        for (int x = 17; x + 40 < 4000; x += 419)
            assert_true(has(&found, x, y, 24, 3));
    assert_true(has(&found, 200, 700, 400, 8));
    lk_detections_clear(&found);
    assert_float_equal(find_from(300, &image, &found), 100, 0.5); /* never less than is quick */
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

/* Seen upright with half a heart only, and surely when turned back. */
static void a_photo_on_its_side_is_turned(void **state) {
    (void)state;
    static const int marks[][2] = {{0, 1}, {1, 0}, {-1, 0}}; /* where a square's mark lies: below, right, left */
    doubtful = 0.5f;
    for (size_t k = 0; k < LK_LENGTH(marks); k++) {
        lk_image image = gray(640, 480);
        lk_detections found = {0};
        for (int j = 0; j < 120; j++)
            for (int i = 0; i < 120; i++) {
                uint8_t *p = image.rgb + (size_t)(100 + j) * image.stride + (size_t)(300 + i) * 3;
                const int toward = marks[k][1] != 0 ? j : marks[k][0] > 0 ? i : 119 - i;
                const int along = marks[k][1] != 0 ? i : j;
                p[0] = 255;
                p[1] = 0;
                p[2] = toward >= 80 && along > 30 && along < 90 ? 255 : 0;
            }
        find(&image, &found);
        assert_int_equal(found.count, 1);
        assert_true(has(&found, 300, 100, 120, 3));
        lk_detections_clear(&found);
        lk_image_clear(&image);
    }
}

/* Its mark lies at its bottom; the network sees a face of sorts all the same. */
static void a_face_on_its_head_beside_an_upright_one(void **state) {
    (void)state;
    doubtful = 0.9f;
    lk_image image = gray(1400, 900);
    lk_detections found = {0};
    square(&image, 100, 200, 300);
    square(&image, 900, 200, 300);
    for (int j = 0; j < 150; j++)
        for (size_t i = 0; i < 900; i++) { /* upside down */
            uint8_t *a = image.rgb + (size_t)(200 + j) * image.stride + 2700 + i;
            uint8_t *b = image.rgb + (size_t)(499 - j) * image.stride + 2700 + i, kept = *a;
            *a = *b;
            *b = kept;
        }
    find(&image, &found);
    assert_int_equal(found.count, 2);
    assert_true(has(&found, 100, 200, 300, 5) && has(&found, 900, 200, 300, 5));
    for (size_t i = 0; i < 2; i++) { /* the first point is the window's upper left corner, in its turn */
        const lk_detection *d = &found.items[i];
        const bool upright = d->box.x < 500;
        assert_true(fabsf(d->points[0].x - (upright ? d->box.x : d->box.x + d->box.width)) <= 4);
        assert_true(fabsf(d->points[0].y - (upright ? d->box.y : d->box.y + d->box.height)) <= 4);
    }
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

/* Without its upper left corner a square is two overlapping ones to the stand-in, and whole when seen from below. */
static void a_face_on_its_head_is_told_once(void **state) {
    (void)state;
    doubtful = 0.75f;
    lk_image image = gray(1400, 900);
    lk_detections found = {0};
    for (int j = 0; j < 300; j++)
        for (int i = j < 180 ? 180 : 0; i < 300; i++) {
            uint8_t *p = image.rgb + (size_t)(200 + j) * image.stride + (size_t)(500 + i) * 3;
            p[0] = 255;
            p[1] = 0;
            p[2] = j > 200 && i > 75 && i < 225 ? 255 : 0;
        }
    find(&image, &found);
    assert_int_equal(found.count, 1);
    assert_true(has(&found, 500, 200, 300, 6));
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

static void what_one_look_alone_sees_is_doubted(void **state) {
    (void)state;
    doubtful = 0.55f;
    lk_image image = gray(640, 480);
    lk_detections found = {0};
    square(&image, 37, 41, 50);
    for (size_t i = 0; i < image.stride * (size_t)image.height; i += 3)
        image.rgb[i + 2] = 0; /* no mark: doubtful in every turn */
    find(&image, &found);
    assert_int_equal(found.count, 1);
    assert_true(found.items[0].score < 0.67f);
    lk_detections_clear(&found);
    lk_image_clear(&image);
}

static void strips_and_specks_are_looked_at_too(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {3, 4000}, {4000, 3}, {33, 31}};
    for (size_t i = 0; i < LK_LENGTH(sizes); i++) {
        lk_image image = gray(sizes[i][0], sizes[i][1]);
        lk_detections found = {0};
        find(&image, &found);
        assert_int_equal(found.count, 0);
        lk_image_clear(&image);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_square_of_any_size_is_found_once, begin),
        cmocka_unit_test_setup(small_ones_are_found_wherever_tiles_meet, begin),
        cmocka_unit_test_setup(large_and_small_together, begin),
        cmocka_unit_test_setup(tiles_without_suspicion_are_not_looked_at, begin),
        cmocka_unit_test_setup(a_little_portrait_is_not_enlarged, begin),
        cmocka_unit_test_setup(a_photo_on_its_side_is_turned, begin),
        cmocka_unit_test_setup(what_is_only_felt_is_looked_at_closer, begin),
        cmocka_unit_test_setup(what_is_asked_for_is_looked_for_everywhere, begin),
        cmocka_unit_test_setup(a_face_on_its_head_beside_an_upright_one, begin),
        cmocka_unit_test_setup(a_face_on_its_head_is_told_once, begin),
        cmocka_unit_test_setup(what_one_look_alone_sees_is_doubted, begin),
        cmocka_unit_test_setup(strips_and_specks_are_looked_at_too, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
