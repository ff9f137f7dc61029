#include "pictures.h"

#include "image/orient.h"
#include "image/shrink.h"

/* The mean over the exact area of each output pixel, in float64, one pixel at a time. */
static double area_mean(const lk_image *in, int width, int height, int x, int y, int c) {
    const double left = (double)x * in->width / width, right = (double)(x + 1) * in->width / width;
    const double top = (double)y * in->height / height, bottom = (double)(y + 1) * in->height / height;
    double sum = 0;
    for (int j = (int)top; j < bottom && j < in->height; j++)
        for (int i = (int)left; i < right && i < in->width; i++) {
            const double w = fmin(right, i + 1) - fmax(left, i), h = fmin(bottom, j + 1) - fmax(top, j);
            if (w > 0 && h > 0)
                sum += w * h * in->rgb[(size_t)j * in->stride + (size_t)i * 3 + (size_t)c];
        }
    return sum / ((right - left) * (bottom - top));
}

static void averages_the_exact_area(void **state) {
    (void)state;
    static const int sizes[][4] = {{97, 61, 40, 23}, {97, 61, 1, 1}, {97, 61, 96, 61}, {64, 64, 32, 16},
                                   {5, 300, 3, 299}, {1, 1, 1, 1},   {7, 1100, 4, 2},  {7, 512, 7, 2}};
    srand(1);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int *s = sizes[k];
        lk_image in = picture(s[0], s[1]), out = {0};
        for (size_t i = 0; i < in.stride * (size_t)in.height; i++)
            in.rgb[i] = (uint8_t)rand();
        liken_error err = {0};
        assert_ok(lk_image_resize(&in, s[2], s[3], &out, &err), err);
        for (int y = 0; y < s[3]; y++)
            for (int x = 0; x < s[2]; x++)
                for (int c = 0; c < 3; c++) {
                    const double want = area_mean(&in, s[2], s[3], x, y, c),
                                 have = out.rgb[(size_t)y * out.stride + (size_t)x * 3 + (size_t)c];
                    if (fabs(want - have) > 0.501)
                        fail_msg("%dx%d -> %dx%d at %d,%d: %f, not %f", s[0], s[1], s[2], s[3], x, y, have, want);
                }
        lk_image_clear(&in);
        lk_image_clear(&out);
    }
}

/* What is made to be looked at is nearly that. */
static void fits_as_well_as_can_be_seen(void **state) {
    (void)state;
    static const int sizes[][3] = {{97, 61, 96}, {97, 61, 40}, {61, 97, 7},  {1, 1, 5},    {64, 3, 32},
                                   {300, 1, 19}, {300, 5, 10}, {999, 17, 1}, {50, 50, 50}, {451, 333, 400}};
    srand(2);
    for (size_t k = 0; k < LK_LENGTH(sizes); k++) {
        const int *s = sizes[k];
        liken_error err = {0};
        lk_image in = picture(s[0], s[1]), out = {0}, want = {0};
        for (size_t i = 0; i < in.stride * (size_t)in.height; i++)
            in.rgb[i] = rand() % 3 == 0 ? 255 : (uint8_t)rand();
        assert_ok(lk_image_fit(&in, s[2], &out, &err), err);
        const int longer = s[0] > s[1] ? s[0] : s[1];
        assert_int_equal(out.width > out.height ? out.width : out.height, longer < s[2] ? longer : s[2]);
        assert_ok(lk_image_resize(&in, out.width, out.height, &want, &err), err);
        for (size_t i = 0; i < out.stride * (size_t)out.height; i++)
            assert_in_range(out.rgb[i] + 2 - want.rgb[i], 0, 4);
        lk_image_clear(&in);
        lk_image_clear(&out);
        lk_image_clear(&want);
    }
}

static void enlarges_smoothly(void **state) {
    (void)state;
    liken_error err = {0};
    lk_image in = picture(60, 40), out = {0}, mixed = {0};
    assert_ok(lk_image_resize(&in, 150, 120, &out, &err), err);
    lk_image want = picture(150, 120);
    assert_true(difference(&out, &want) < 3);
    lk_image_clear(&want);
    want = picture(30, 120);
    assert_ok(lk_image_resize(&in, 30, 120, &mixed, &err), err);
    assert_true(difference(&mixed, &want) < 4);
    assert_int_equal(lk_image_resize(&in, 0, 5, &out, &err), LIKEN_E_ARG);
    lk_image_clear(&in);
    lk_image_clear(&out);
    lk_image_clear(&mixed);
    lk_image_clear(&want);
}

/* Orientation k as EXIF defines it: where the stored pixel (x, y) of a w x h picture is to be seen. */
static void seen_at(int k, int w, int h, int x, int y, int *sx, int *sy) {
    const int table[9][2] = {{0, 0}, {x, y},         {w - 1 - x, y},         {w - 1 - x, h - 1 - y}, {x, h - 1 - y},
                             {y, x}, {h - 1 - y, x}, {h - 1 - y, w - 1 - x}, {y, w - 1 - x}};
    *sx = table[k][0];
    *sy = table[k][1];
}

static void turns_all_eight_ways(void **state) {
    (void)state;
    for (int k = 1; k <= 8; k++) {
        liken_error err = {0};
        lk_image stored = picture(7, 4), turned = picture(7, 4);
        assert_ok(lk_image_orient(&turned, k, &err), err);
        assert_int_equal(turned.width, k < 5 ? 7 : 4);
        for (int y = 0; y < 4; y++)
            for (int x = 0; x < 7; x++) {
                int sx, sy;
                seen_at(k, 7, 4, x, y, &sx, &sy);
                assert_memory_equal(turned.rgb + (size_t)sy * turned.stride + (size_t)sx * 3,
                                    stored.rgb + (size_t)y * stored.stride + (size_t)x * 3, 3);
            }
        lk_image_clear(&stored);
        lk_image_clear(&turned);
    }
}

static void draws_within_the_picture(void **state) {
    (void)state;
    static const uint8_t red[3] = {255, 0, 0};
    lk_image image = picture(50, 40);
    lk_image_draw_box(&image, -10, -10, 100, 100, red);
    lk_image_draw_box(&image, 10, 10, 20, 10, red);
    lk_image_draw_dot(&image, 45, 35, 3, red);
    lk_image_draw_dot(&image, NAN, INFINITY, 1e30f, red);
    lk_image_draw_box(&image, NAN, -INFINITY, INFINITY, NAN, red);
    assert_memory_equal(image.rgb + 10 * image.stride + 10 * 3, red, 3);
    assert_memory_equal(image.rgb + 19 * image.stride + 29 * 3, red, 3);
    assert_memory_equal(image.rgb + 35 * image.stride + 45 * 3, red, 3);
    uint8_t inside[3];
    pixel_of(20, 15, 50, 40, inside);
    assert_memory_equal(image.rgb + 15 * image.stride + 20 * 3, inside, 3);
    lk_image_clear(&image);
    lk_image_clear(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(averages_the_exact_area),
                                       cmocka_unit_test(fits_as_well_as_can_be_seen),
                                       cmocka_unit_test(enlarges_smoothly), cmocka_unit_test(turns_all_eight_ways),
                                       cmocka_unit_test(draws_within_the_picture)};
    return cmocka_run_group_tests_name("image/shrink", tests, NULL, NULL);
}
