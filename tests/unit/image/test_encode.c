/* Pictures as files, and pictures fitted into a size. */
#include "savers.h"

static const lk_image_type types[] = {LK_IMAGE_JPEG, LK_IMAGE_WEBP};
static const char *const kinds[] = {"jpeg", "webp"};

typedef struct file {
    void *bytes;
    size_t size;
} file;

static file encode(const lk_image *image, lk_image_type type, int quality) {
    liken_error err = {0};
    file f = {0};
    assert_ok(lk_image_encode(image, type, quality, &f.bytes, &f.size, &err), err);
    return f;
}

static void writes_what_it_was_given(void **state) {
    (void)state;
    lk_image whole = picture(96, 64);
    const lk_image part = {.width = 50, .height = 40, .stride = whole.stride, .rgb = whole.rgb + 3 * whole.stride + 30};
    const lk_image *const given[] = {&whole, &part};
    for (size_t i = 0; i < 2; i++) {
        for (size_t t = 0; t < 2; t++) {
            const file f = encode(given[i], types[t], 95);
            lk_image back = decode(f.bytes, f.size, 0, kinds[t], NULL);
            assert_true(difference(&back, given[i]) < 3);
            lk_image_clear(&back);
            free(f.bytes);
        }
    }
    lk_image_clear(&whole);
}

/* Of shapes no camera makes; what one pixel is wide stays so. */
static void fits_and_writes_every_shape(void **state) {
    (void)state;
    static const int shapes[][4] = {{1, 1, 1, 1},         {2, 1, 2, 1},         {1, 3000, 1, 320},
                                    {9000, 2, 320, 1},    {320, 320, 320, 320}, {321, 320, 320, 319},
                                    {640, 480, 320, 240}, {480, 641, 240, 320}};
    for (size_t i = 0; i < LK_LENGTH(shapes); i++) {
        liken_error err = {0};
        lk_image image = picture(shapes[i][0], shapes[i][1]), small = {0};
        assert_ok(lk_image_fit(&image, 320, &small, &err), err);
        assert_int_equal(small.width, shapes[i][2]);
        assert_int_equal(small.height, shapes[i][3]);
        for (size_t t = 0; t < 2; t++) {
            const file f = encode(&small, types[t], LK_IMAGE_QUALITY);
            lk_image back = decode(f.bytes, f.size, 0, kinds[t], NULL);
            assert_true(difference(&back, &small) < 30);
            lk_image_clear(&back);
            free(f.bytes);
        }
        lk_image_clear(&small);
        lk_image_clear(&image);
    }
}

/* Whatever way a photo was stored: what is fitted and written again is upright. `suffix`: as it was stored. */
static void check_again(VipsImage *stored, const char *suffix, const lk_image *upright, double most) {
    const saved s = save(stored, suffix);
    if (s.bytes == NULL)
        return;
    liken_error err = {0};
    lk_photo *photo = NULL;
    lk_image image = {0};
    assert_ok(lk_photo_open(&photo, s.bytes, s.size, NULL, &err), err);
    assert_ok(lk_photo_decode(photo, 0, &image, NULL, &err), err);
    lk_photo_free(photo);
    for (size_t t = 0; t < 2; t++) {
        const file f = encode(&image, types[t], 95);
        lk_image back = decode(f.bytes, f.size, 0, kinds[t], NULL);
        const double off = difference(&back, upright);
        if (off > most)
            fail_msg("%s as %s: off by %g", suffix, kinds[t], off);
        lk_image_clear(&back);
        free(f.bytes);
    }
    lk_image_clear(&image);
    g_free(s.bytes);
}

static VipsImage *turned(const lk_image *upright, int orientation) {
    static const VipsAngle back[] = {[3] = VIPS_ANGLE_D180, [6] = VIPS_ANGLE_D270, [8] = VIPS_ANGLE_D90};
    VipsImage *in = to_vips(upright), *out = NULL, *copy = NULL;
    assert_int_equal(vips_rot(in, &out, back[orientation], NULL), 0);
    assert_int_equal(vips_copy(out, &copy, NULL), 0);
    vips_image_set_int(copy, VIPS_META_ORIENTATION, orientation);
    g_object_unref(in);
    g_object_unref(out);
    return copy;
}

static void is_upright_whatever_was_stored(void **state) {
    (void)state;
    lk_image upright = picture(96, 64);
    static const int orientations[] = {3, 6, 8};
    for (size_t i = 0; i < LK_LENGTH(orientations); i++)
        check_again(turned(&upright, orientations[i]), ".jpg[Q=97]", &upright, 4);
    lk_image_clear(&upright);
}

/* Gray, see-through (over white) and ink: all end as three bytes of sRGB. */
static void takes_every_kind_of_colour(void **state) {
    (void)state;
    lk_image gray = picture(40, 30), white = picture(40, 30), light = picture(40, 30);
    for (size_t i = 0; i < gray.stride * 30; i += 3)
        memset(gray.rgb + i, (int)(i / 3 % 200), 3);
    memset(white.rgb, 255, white.stride * 30);
    memset(light.rgb, 0, light.stride * 30);
    VipsImage *g = to_vips(&gray), *one = NULL, *colour = to_vips(&light), *clear = NULL, *ink = NULL, *named = NULL;
    assert_int_equal(vips_colourspace(g, &one, VIPS_INTERPRETATION_B_W, NULL), 0);
    check_again(one, ".png", &gray, 3);
    assert_int_equal(vips_bandjoin_const1(colour, &clear, 0, NULL), 0);
    check_again(clear, ".png", &white, 1);
    assert_int_equal(vips_bandjoin_const1(colour, &ink, 0, NULL), 0);
    assert_int_equal(vips_copy(ink, &named, "interpretation", VIPS_INTERPRETATION_CMYK, NULL), 0);
    check_again(named, ".tif", &white, 3);
    g_object_unref(g);
    g_object_unref(colour);
    g_object_unref(ink);
    lk_image_clear(&gray);
    lk_image_clear(&white);
    lk_image_clear(&light);
}

static bool holds(const file *f, const char *word) {
    return memmem(f->bytes, f->size, word, strlen(word)) != NULL;
}

static void writes_pixels_and_nothing_else(void **state) {
    (void)state;
    lk_image image = picture(64, 48);
    for (size_t t = 0; t < 2; t++) {
        const file f = encode(&image, types[t], LK_IMAGE_QUALITY);
        static const char *const words[] = {"Exif", "EXIF", "ICC_PROFILE", "ICCP", "XMP ", "http://ns.adobe.com",
                                            "vips", "VP8X"};
        for (size_t i = 0; i < LK_LENGTH(words); i++)
            assert_false(holds(&f, words[i]));
        free(f.bytes);
    }
    lk_image_clear(&image);
}

/* Noise is what compresses worst. */
static void keeps_within_a_size(void **state) {
    (void)state;
    liken_error err = {0};
    lk_image smooth = picture(320, 240), noise = picture(320, 240);
    uint32_t seed = 7;
    for (size_t i = 0; i < noise.stride * 240; i++)
        noise.rgb[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    for (size_t t = 0; t < 2; t++) {
        file f = {0};
        const file best = encode(&smooth, types[t], LK_IMAGE_QUALITY),
                   worst = encode(&noise, types[t], LK_IMAGE_QUALITY);
        assert_ok(lk_image_encode_within(&smooth, types[t], 20000, &f.bytes, &f.size, &err), err);
        assert_int_equal(f.size, best.size); /* not made worse than it must */
        assert_memory_equal(f.bytes, best.bytes, best.size);
        free(f.bytes);
        assert_true(worst.size > 40000);
        assert_ok(lk_image_encode_within(&noise, types[t], 40000, &f.bytes, &f.size, &err), err);
        assert_true(f.size <= 40000 && f.size > 30000);
        free(f.bytes);
        assert_ok(lk_image_encode_within(&noise, types[t], 10, &f.bytes, &f.size, &err),
                  err); /* never below a picture */
        lk_image back = decode(f.bytes, f.size, 0, kinds[t], NULL);
        lk_image_clear(&back);
        free(f.bytes);
        free(best.bytes);
        free(worst.bytes);
    }
    lk_image_clear(&smooth);
    lk_image_clear(&noise);
}

/* A kind of file has its largest size. */
static void says_what_it_cannot_write(void **state) {
    (void)state;
    liken_error err = {0};
    lk_image wide = picture(17000, 1);
    void *bytes = NULL;
    size_t size = 0;
    assert_int_equal(lk_image_encode(&wide, LK_IMAGE_WEBP, 80, &bytes, &size, &err), LIKEN_E_INTERNAL);
    assert_non_null(strstr(err.message, "WebP"));
    assert_null(bytes);
    lk_image_clear(&wide);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_what_it_was_given),       cmocka_unit_test(fits_and_writes_every_shape),
        cmocka_unit_test(is_upright_whatever_was_stored), cmocka_unit_test(takes_every_kind_of_colour),
        cmocka_unit_test(writes_pixels_and_nothing_else), cmocka_unit_test(keeps_within_a_size),
        cmocka_unit_test(says_what_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
