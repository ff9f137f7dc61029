/* Which page of a TIFF is read, and what is said of those that are not. */
#include "tiffs.h"

static maker m;

static void expect_page(int width, int height, uint8_t gray) {
    uint8_t *exact = malloc(m.size); /* so that a sanitizer sees one byte too far */
    assert_non_null(exact);
    memcpy(exact, m.data, m.size);
    lk_image image = decode(exact, m.size, 0, "tiff", NULL);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_int_equal(image.rgb[0], gray);
    lk_image_clear(&image);
    free(exact);
}

static void takes_the_largest_full_page(void **state) {
    (void)state;
    for (int big = 0; big < 2; big++) {
        begin(&m, big ? "MM\0*" : "II*\0");
        page(&m, 20, 10, 50), tag(&m, 254, 4, 1, 1), directory(&m); /* a thumbnail before the photo */
        page(&m, 40, 30, 100), directory(&m);
        page(&m, 60, 50, 150), tag(&m, 254, 4, 1, 4), directory(&m); /* a mask */
        page(&m, 70, 50, 200), tag(&m, 255, 3, 1, 2), directory(&m); /* reduced, as old files say it */
        expect_page(40, 30, 100);
    }
    begin(&m, "II*\0");
    page(&m, 40, 30, 100), directory(&m);
    page(&m, 40, 30, 200), directory(&m); /* as large: the first counts */
    expect_page(40, 30, 100);
    begin(&m, "II*\0");
    page(&m, 40, 30, 100), tag(&m, 254, 4, 1, 1), directory(&m);
    page(&m, 50, 30, 200), tag(&m, 254, 4, 1, 1), directory(&m); /* nothing but reduced ones */
    expect_page(50, 30, 200);
}

static void finds_the_photo_below_a_thumbnail(void **state) {
    (void)state;
    begin(&m, "II*\0");
    page(&m, 40, 30, 100);
    const uint32_t photo = directory_alone(&m);
    page(&m, 20, 10, 50), tag(&m, 254, 4, 1, 1), tag(&m, 274, 3, 1, 6), tag(&m, 330, 4, 1, photo), directory(&m);
    expect_page(30, 40, 100); /* turned as the first directory says */
}

static void passes_pages_it_does_not_read(void **state) {
    (void)state;
    begin(&m, "II*\0");
    page(&m, 20, 10, 50), directory(&m);
    page(&m, 40, 30, 100), m.entries[3][3] = 34712, directory(&m); /* JPEG 2000 */
    expect_page(20, 10, 50);
    begin(&m, "II*\0");
    page(&m, 20, 10, 50);
    const uint32_t itself = (uint32_t)m.size;
    tag(&m, 330, 4, 1, itself);
    assert_int_equal(directory(&m), itself); /* below itself */
    put_at(&m, m.next, 4, itself);           /* and behind itself */
    expect_page(20, 10, 50);
}

static void reads_a_whole_jpeg_of_the_old_kind(void **state) {
    (void)state;
    uint32_t size;
    begin(&m, "II*\0");
    const uint32_t jpeg = put_jpeg(&m, 96, 64, &size);
    tag(&m, 256, 4, 1, 96), tag(&m, 257, 4, 1, 64), tag(&m, 259, 3, 1, 6), tag(&m, 513, 4, 1, jpeg);
    tag(&m, 514, 4, 1, size), directory(&m);
    lk_image have = decode(m.data, m.size, 0, "tiff", NULL), want = picture(96, 64);
    assert_true(difference(&have, &want) < 3);
    lk_image_clear(&have);
    lk_image_clear(&want);
}

/* What is not read is never called damaged. */
static void names_what_it_does_not_read(void **state) {
    (void)state;
    static const struct {
        uint32_t bits, samples, planar, format;
        bool tiles;
        const char *words;
    } foreign[] = {{12, 3, 1, 1, false, "12 bits"}, {12, 1, 1, 1, false, "12 bits"},  {10, 3, 1, 1, false, "10 bits"},
                   {64, 3, 1, 1, false, "64 bits"}, {4, 3, 1, 1, false, "4 bits"},    {8, 3, 2, 1, true, "planar"},
                   {16, 3, 2, 1, true, "planar"},   {8, 5, 1, 1, false, "5 samples"}, {16, 3, 1, 3, false, "floating"}};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        liken_error err = {0};
        begin(&m, "II*\0");
        page(&m, 64, 64, 100);
        m.entries[2][3] = foreign[i].bits, m.entries[6][3] = foreign[i].samples, m.entries[4][3] = 2;
        tag(&m, 284, 3, 1, foreign[i].planar);
        if (foreign[i].tiles)
            tag(&m, 322, 3, 1, 16), tag(&m, 323, 3, 1, 16);
        tag(&m, 339, 3, 1, foreign[i].format), directory(&m);
        assert_int_equal(try_decode(m.data, m.size, 0, NULL, &err), LIKEN_E_FORMAT);
        if (strstr(err.message, foreign[i].words) == NULL || strstr(err.message, "damaged") != NULL)
            fail_msg("%s: %s", foreign[i].words, err.message);
    }
    begin(&m, "II*\0");
    page(&m, 64, 64, 100), tag(&m, 284, 3, 1, 2), directory(&m); /* one plane, said in a roundabout way */
    expect_page(64, 64, 100);
}

/* libtiff takes the first of two. */
static void a_tag_said_twice_hides_nothing(void **state) {
    (void)state;
    liken_error err = {0};
    begin(&m, "II*\0");
    page(&m, 40, 30, 100), m.entries[3][3] = 34925, tag(&m, 259, 3, 1, 1), directory(&m);
    assert_int_equal(try_decode(m.data, m.size, 0, NULL, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "LZMA"));
}

static int start(void **state) {
    (void)state;
    return vips_init("test_tiff");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_largest_full_page),   cmocka_unit_test(finds_the_photo_below_a_thumbnail),
        cmocka_unit_test(passes_pages_it_does_not_read), cmocka_unit_test(reads_a_whole_jpeg_of_the_old_kind),
        cmocka_unit_test(names_what_it_does_not_read),   cmocka_unit_test(a_tag_said_twice_hides_nothing),
    };
    return cmocka_run_group_tests_name("image/tiff", tests, start, NULL);
}
