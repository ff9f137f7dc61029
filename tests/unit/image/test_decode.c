/* Photos decoded in helper processes: the same pixels and the same refusals as in this process, whatever the format. */
#include "savers.h"

#include "image/decode/decoders.h"

#include <pthread.h>

static lk_decoders *pool;

static int start(void **state) {
    (void)state;
    liken_error err = {0};
    assert_ok(lk_decoders_new(&pool, 2, NULL, &err), err);
    assert_ok(lk_decoders_ready(pool, &err), err);
    return 0;
}

static int stop(void **state) {
    (void)state;
    lk_decoders_free(pool);
    return 0;
}

static const char *const suffixes[] = {".jpg[Q=95]",
                                       ".jpg[Q=95,interlace]",
                                       ".png",
                                       ".png[interlace]",
                                       ".webp[lossless]",
                                       ".webp[Q=95]",
                                       ".gif",
                                       ".tif",
                                       ".tif[compression=lzw,predictor=horizontal]",
                                       ".tif[compression=deflate,tile,tile-width=32,tile-height=16]",
                                       ".tif[compression=jpeg,Q=95]",
                                       ".heic[Q=95]",
                                       ".avif[Q=95,speed=8]",
                                       ".jxl",
                                       ".ppm"};

typedef struct looked {
    int code, width, height;
    double scale;
    lk_image image;
    liken_error err;
} looked;

static looked look(const void *bytes, size_t size, int want, lk_decoders *decoders, size_t max_pixels) {
    looked l = {0};
    lk_photo *photo = NULL;
    const lk_photo_limits limits = {.decoders = decoders, .max_pixels = max_pixels};
    l.code = lk_photo_open(&photo, bytes, size, &limits, &l.err);
    if (l.code == LIKEN_OK) {
        l.width = lk_photo_width(photo);
        l.height = lk_photo_height(photo);
        l.code = lk_photo_decode(photo, want, &l.image, &l.scale, &l.err);
    }
    lk_photo_free(photo);
    return l;
}

static void expect_same(const void *bytes, size_t size, int want, size_t max_pixels, const char *what) {
    looked here = look(bytes, size, want, NULL, max_pixels), there = look(bytes, size, want, pool, max_pixels);
    if (here.code != there.code || strcmp(here.err.message, there.err.message) != 0)
        fail_msg("%s at %d: %d \"%s\", in a helper %d \"%s\"", what, want, here.code, here.err.message, there.code,
                 there.err.message);
    assert_int_equal(here.width, there.width);
    assert_int_equal(here.height, there.height);
    assert_memory_equal(&here.scale, &there.scale, sizeof here.scale);
    assert_int_equal(here.image.width, there.image.width);
    assert_int_equal(here.image.height, there.image.height);
    for (int y = 0; y < here.image.height; y++)
        assert_memory_equal(here.image.rgb + (size_t)y * here.image.stride,
                            there.image.rgb + (size_t)y * there.image.stride, (size_t)here.image.width * 3);
    lk_image_clear(&here.image);
    lk_image_clear(&there.image);
}

static void every_format_comes_out_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < LK_LENGTH(suffixes); i++) {
        const saved s = save_picture(333, 200, suffixes[i]);
        if (s.bytes == NULL)
            continue;
        for (int want = 0; want <= 340; want += 85)
            expect_same(s.bytes, s.size, want, 0, suffixes[i]);
        expect_same(s.bytes, s.size / 2, 0, 0, suffixes[i]); /* cut short */
        expect_same(s.bytes, s.size, 0, 333 * 200 - 1, suffixes[i]);
        g_free(s.bytes);
    }
    expect_same("", 0, 0, 0, "nothing");
    expect_same("%PDF-1.4", 8, 0, 0, "a PDF");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_format_comes_out_the_same)};
    return cmocka_run_group_tests(tests, start, stop);
}
