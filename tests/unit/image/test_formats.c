/* Every format that libvips writes, in the variants that photos come in. */
#include "savers.h"

#include <pthread.h>

static const struct {
    const char *suffix, *kind;
    double most;
    bool must;
} formats[] = {
    {".jpg[Q=95]", "jpeg", 2, true},
    {".jpg[Q=95,interlace]", "jpeg", 2, true},
    {".jpg[Q=95,subsample-mode=off]", "jpeg", 2, true},
    {".png", "png", 0, true},
    {".png[interlace]", "png", 0, true},
    {".png[palette]", "png", 4, false},
    {".webp[lossless]", "webp", 0, true},
    {".webp[Q=95]", "webp", 3, true},
    {".gif", "gif", 5, false},
    {".tif", "tiff", 0, true},
    {".tif[compression=lzw,predictor=horizontal]", "tiff", 0, true},
    {".tif[compression=deflate,tile,tile-width=32,tile-height=16]", "tiff", 0, true},
    {".tif[compression=jpeg,Q=95]", "tiff", 3, true},
    {".tif[bigtiff]", "tiff", 0, true},
    {".heic[Q=95]", "heic", 3, false},
    {".avif[Q=95,speed=8]", "avif", 3, false},
    {".jxl[lossless]", "jxl", 0, false},
    {".jxl[Q=95]", "jxl", 3, false},
};

static void reads_what_libvips_writes(void **state) {
    (void)state;
    lk_image want = picture(96, 64);
    int read = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const saved s = save_picture(96, 64, formats[i].suffix);
        if (s.bytes == NULL) {
            assert_false(formats[i].must);
            continue;
        }
        lk_image have = decode(s.bytes, s.size, 0, formats[i].kind, NULL);
        const double off = difference(&have, &want);
        if (off > formats[i].most)
            fail_msg("%s: off by %g", formats[i].suffix, off);
        lk_image_clear(&have);
        g_free(s.bytes);
        read++;
    }
    assert_true(read >= 10);
    lk_image_clear(&want);
}

/* Stored so that orientation k shows picture(96, 64) upright. */
static VipsImage *stored_for(int k) {
    lk_image upright = picture(96, 64);
    const int w = k < 5 ? 96 : 64, h = k < 5 ? 64 : 96;
    lk_image stored = picture(w, h);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int at[9][2] = {{0, 0},         {x, y}, {w - 1 - x, y}, {w - 1 - x, h - 1 - y},
                                  {x, h - 1 - y}, {y, x}, {h - 1 - y, x}, {h - 1 - y, w - 1 - x},
                                  {y, w - 1 - x}};
            memcpy(stored.rgb + (size_t)y * stored.stride + (size_t)x * 3,
                   upright.rgb + (size_t)at[k][1] * upright.stride + (size_t)at[k][0] * 3, 3);
        }
    VipsImage *image = to_vips(&stored);
    vips_image_set_int(image, VIPS_META_ORIENTATION, k);
    lk_image_clear(&upright);
    lk_image_clear(&stored);
    return image;
}

static uint32_t crc_of(const uint8_t *p, size_t size) {
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* libvips writes no orientation into a PNG: an eXIf chunk with that one tag is put behind the header. */
static saved with_exif_chunk(saved s, int orientation) {
    uint8_t chunk[38] = "\0\0\0\x1a"
                        "eXIfII*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    chunk[26] = (uint8_t)orientation;
    const uint32_t crc = crc_of(chunk + 4, 30);
    for (int i = 0; i < 4; i++)
        chunk[34 + i] = (uint8_t)(crc >> (24 - 8 * i));
    saved out = {.bytes = g_malloc(s.size + sizeof chunk), .size = s.size + sizeof chunk};
    memcpy(out.bytes, s.bytes, 33);
    memcpy((uint8_t *)out.bytes + 33, chunk, sizeof chunk);
    memcpy((uint8_t *)out.bytes + 33 + sizeof chunk, (uint8_t *)s.bytes + 33, s.size - 33);
    g_free(s.bytes);
    return out;
}

static void turns_photos_upright(void **state) {
    (void)state;
    static const struct {
        const char *suffix, *kind;
    } turned[] = {
        {".jpg[Q=97,subsample-mode=off]", "jpeg"}, {".webp[lossless]", "webp"}, {".tif", "tiff"}, {".png", "png"}};
    for (size_t i = 0; i < sizeof turned / sizeof *turned; i++)
        for (int k = 1; k <= 8; k++)
            for (int want = 0; want <= 48; want += 48) {
                saved s = save(stored_for(k), turned[i].suffix);
                if (strcmp(turned[i].kind, "png") == 0)
                    s = with_exif_chunk(s, k);
                double scale = 0;
                lk_image have = decode(s.bytes, s.size, want, turned[i].kind, &scale);
                lk_image expected = picture(want == 0 ? 96 : 48, want == 0 ? 64 : 32);
                const double off = difference(&have, &expected);
                if (off > 2.5)
                    fail_msg("%s, orientation %d: off by %g", turned[i].suffix, k, off);
                assert_true(fabs(scale - (want == 0 ? 1 : 0.5)) < 1e-9);
                lk_image_clear(&have);
                lk_image_clear(&expected);
                g_free(s.bytes);
            }
}

static void shrinks_to_what_serves(void **state) {
    (void)state;
    static const struct {
        const char *suffix, *kind;
        int want, width, height;
    } cases[] = {{".jpg[Q=95]", "jpeg", 240, 250, 150},
                 {".jpg[Q=95]", "jpeg", 250, 250, 150},
                 {".jpg[Q=95]", "jpeg", 251, 500, 300},
                 {".jpg[Q=95]", "jpeg", 10, 125, 75},
                 {".jpg[Q=95]", "jpeg", 999, 1000, 600},
                 {".jpg[Q=95]", "jpeg", 5000, 1000, 600},
                 {".png", "png", 240, 240, 144},
                 {".png", "png", 999, 999, 599},
                 {".webp[lossless]", "webp", 333, 333, 200},
                 {".tif", "tiff", 100, 100, 60},
                 {".png", "png", 1, 1, 1},
                 {".png[interlace]", "png", 240, 240, 144}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const saved s = save_picture(1000, 600, cases[i].suffix);
        double scale = 0;
        lk_image have = decode(s.bytes, s.size, cases[i].want, cases[i].kind, &scale);
        if (have.width != cases[i].width || have.height != cases[i].height)
            fail_msg("%s at %d: %d x %d", cases[i].suffix, cases[i].want, have.width, have.height);
        assert_true(fabs(scale - cases[i].width / 1000.0) < 1e-9);
        lk_image expected = picture(have.width, have.height);
        if (have.width > 1)
            assert_true(difference(&have, &expected) < 2);
        lk_image_clear(&have);
        lk_image_clear(&expected);
        g_free(s.bytes);
    }
}

/* A 32 x 16 picture of one colour, given in any kind of samples. */
static void expect_colour(VipsImage *image, const char *suffix, int r, int g, int b, int slack) {
    const saved s = save(image, suffix);
    assert_non_null(s.bytes);
    liken_error err = {0};
    lk_photo *photo = NULL;
    lk_image have = {0};
    assert_ok(lk_photo_open(&photo, s.bytes, s.size, NULL, &err), err);
    assert_ok(lk_photo_decode(photo, 0, &have, NULL, &err), err);
    const uint8_t *p = have.rgb + 8 * have.stride + 16 * 3;
    if (abs(p[0] - r) > slack || abs(p[1] - g) > slack || abs(p[2] - b) > slack)
        fail_msg("%s: %d %d %d, not %d %d %d", suffix, p[0], p[1], p[2], r, g, b);
    lk_image_clear(&have);
    lk_photo_free(photo);
    g_free(s.bytes);
}

static VipsImage *flat(VipsInterpretation interpretation, VipsBandFormat format, int bands, const double *values) {
    VipsImage *black = NULL, *offset = NULL, *cast = NULL, *out = NULL;
    double ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(vips_black(&black, 32, 16, "bands", bands, NULL), 0);
    assert_int_equal(vips_linear(black, &offset, ones, (double *)(uintptr_t)values, bands, NULL), 0);
    assert_int_equal(vips_cast(offset, &cast, format, NULL), 0);
    assert_int_equal(vips_copy(cast, &out, "interpretation", interpretation, NULL), 0);
    g_object_unref(black), g_object_unref(offset), g_object_unref(cast);
    return out;
}

#define FLAT(interpretation, format, bands, ...)                                                                       \
    flat(VIPS_INTERPRETATION_##interpretation, VIPS_FORMAT_##format, bands, (const double[]){__VA_ARGS__})

static void brings_all_samples_to_srgb(void **state) {
    (void)state;
    expect_colour(FLAT(B_W, UCHAR, 1, 90), ".jpg", 90, 90, 90, 1);
    expect_colour(FLAT(B_W, UCHAR, 1, 90), ".png", 90, 90, 90, 0);
    expect_colour(FLAT(B_W, UCHAR, 2, 0, 127), ".png", 128, 128, 128, 1);
    expect_colour(FLAT(sRGB, UCHAR, 4, 200, 0, 100, 51), ".png", 244, 204, 224, 1);
    expect_colour(FLAT(sRGB, UCHAR, 4, 200, 0, 100, 51), ".webp[lossless]", 244, 204, 224, 1);
    expect_colour(FLAT(RGB16, USHORT, 3, 200 * 257, 20 * 257, 100 * 257), ".png", 200, 20, 100, 1);
    expect_colour(FLAT(RGB16, USHORT, 4, 200 * 257, 0, 100 * 257, 51 * 257), ".png", 244, 204, 224, 1);
    expect_colour(FLAT(GREY16, USHORT, 1, 90 * 257), ".png", 90, 90, 90, 1);
    expect_colour(FLAT(RGB16, USHORT, 3, 200 * 257, 20 * 257, 100 * 257), ".tif", 200, 20, 100, 1);
    expect_colour(FLAT(GREY16, USHORT, 1, 90 * 257), ".tif", 90, 90, 90, 1);
    expect_colour(FLAT(LAB, FLOAT, 3, 53.24, 80.09, 67.2), ".tif", 255, 0, 0, 6); /* sRGB red */
    expect_colour(FLAT(B_W, UCHAR, 1, 255), ".tif[bitdepth=1]", 255, 255, 255, 0);
    expect_colour(FLAT(CMYK, UCHAR, 4, 55, 235, 155, 0), ".jpg[Q=95]", 200, 20, 100, 3);
    expect_colour(FLAT(CMYK, UCHAR, 4, 0, 0, 0, 155), ".jpg[Q=95]", 100, 100, 100, 3);
    expect_colour(FLAT(CMYK, UCHAR, 4, 55, 235, 155, 0), ".tif", 200, 20, 100, 1);
}

static void applies_profiles_and_bears_broken_ones(void **state) {
    (void)state;
    lk_image want = picture(96, 64);
    static const char *const suffixes[] = {".png", ".jpg[Q=97,subsample-mode=off]", ".webp[lossless]", ".tif"};
    static const char *const kinds[] = {"png", "jpeg", "webp", "tiff"};
    for (size_t i = 0; i < 4; i++) {
        VipsImage *in = to_vips(&want), *wide = NULL;
        assert_int_equal(vips_icc_transform(in, &wide, "p3", "input_profile", "srgb", NULL), 0);
        g_object_unref(in);
        saved s = save(wide, suffixes[i]);
        lk_image have = decode(s.bytes, s.size, 0, kinds[i], NULL);
        if (difference(&have, &want) > 2)
            fail_msg("%s with a Display P3 profile: off by %g", suffixes[i], difference(&have, &want));
        lk_image_clear(&have);
        g_free(s.bytes);
        in = to_vips(&want);
        vips_image_set_blob_copy(in, VIPS_META_ICC_NAME,
                                 "this is no profile at all, but long enough to be taken for one ....."
                                 "................................................................",
                                 132);
        s = save(in, suffixes[i]);
        have = decode(s.bytes, s.size, 0, kinds[i], NULL);
        assert_true(difference(&have, &want) < 2);
        lk_image_clear(&have);
        g_free(s.bytes);
    }
    lk_image_clear(&want);
}

static void takes_the_first_frame(void **state) {
    (void)state;
    lk_image first = picture(64, 48), second = picture(64, 48);
    for (size_t i = 0; i < second.stride * 48; i++)
        second.rgb[i] = (uint8_t)(255 - second.rgb[i]);
    static const char *const suffixes[] = {".webp[lossless]", ".gif"}, *const kinds[] = {"webp", "gif"};
    for (size_t i = 0; i < 2; i++) {
        VipsImage *frames[2] = {to_vips(&first), to_vips(&second)}, *joined = NULL, *out = NULL;
        assert_int_equal(vips_arrayjoin(frames, &joined, 2, "across", 1, NULL), 0);
        assert_int_equal(vips_copy(joined, &out, NULL), 0);
        vips_image_set_int(out, VIPS_META_PAGE_HEIGHT, 48);
        g_object_unref(frames[0]), g_object_unref(frames[1]), g_object_unref(joined);
        const saved s = save(out, suffixes[i]);
        if (s.bytes == NULL)
            continue;
        lk_image have = decode(s.bytes, s.size, 0, kinds[i], NULL);
        assert_true(difference(&have, &first) < 6);
        lk_image_clear(&have);
        g_free(s.bytes);
    }
    lk_image_clear(&first);
    lk_image_clear(&second);
}

typedef struct job {
    const saved *files;
    const char *const *kinds;
    size_t count;
    bool good;
} job;

static void *decode_all(void *arg) {
    job *j = arg;
    j->good = true;
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < j->count; i++) {
            liken_error err = {0};
            lk_photo *photo = NULL;
            lk_image image = {0};
            if (lk_photo_open(&photo, j->files[i].bytes, j->files[i].size, NULL, &err) != LIKEN_OK ||
                lk_photo_decode(photo, 100, &image, NULL, &err) != LIKEN_OK)
                j->good = false;
            lk_image_clear(&image);
            lk_photo_free(photo);
            if (lk_photo_open(&photo, j->files[i].bytes, j->files[i].size / 8, NULL, &err) ==
                LIKEN_OK) { /* and errors at the same time */
                if (lk_photo_decode(photo, 0, &image, NULL, &err) == LIKEN_OK)
                    lk_image_clear(&image);
                lk_photo_free(photo);
            }
        }
    return NULL;
}

static void decodes_in_many_threads_at_once(void **state) {
    (void)state;
    saved files[sizeof formats / sizeof *formats];
    size_t count = 0;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        files[count] = save_picture(300, 200, formats[i].suffix);
        count += files[count].bytes != NULL;
    }
    pthread_t threads[4];
    job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (job){.files = files, .count = count};
        assert_int_equal(pthread_create(&threads[i], NULL, decode_all, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(jobs[i].good);
    }
    for (size_t i = 0; i < count; i++)
        g_free(files[i].bytes);
}

/* The savers need libvips before liken starts it. */
static int start(void **state) {
    (void)state;
    return vips_init("test_formats");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_libvips_writes),
        cmocka_unit_test(turns_photos_upright),
        cmocka_unit_test(shrinks_to_what_serves),
        cmocka_unit_test(brings_all_samples_to_srgb),
        cmocka_unit_test(applies_profiles_and_bears_broken_ones),
        cmocka_unit_test(takes_the_first_frame),
        cmocka_unit_test(decodes_in_many_threads_at_once),
    };
    return cmocka_run_group_tests_name("image/formats", tests, start, NULL);
}
