/* A JPEG without its end marker: read when every block is there, else refused with a count that is true. */
#include "savers.h"

#include "image/jpeg.h"

static const char *const kinds[] = {".jpg[Q=90]", ".jpg[Q=90,interlace]", ".jpg[Q=80,subsample-mode=off]",
                                    ".jpg[Q=90,optimize-coding]", ".jpg[Q=70,interlace,subsample-mode=off]"};

static void reads_a_jpeg_that_lacks_only_its_end_marker(void **state) {
    (void)state;
    for (size_t i = 0; i < LK_LENGTH(kinds); i++) {
        const saved s = save_picture(203, 101, kinds[i]);
        uint8_t *exact = malloc(s.size - 2); /* so that a sanitizer sees one byte too far */
        assert_non_null(exact);
        memcpy(exact, s.bytes, s.size - 2);
        lk_image want = decode(s.bytes, s.size, 0, "jpeg", NULL), have = decode(exact, s.size - 2, 0, "jpeg", NULL);
        assert_true(difference(&have, &want) <= 0);
        lk_image_clear(&have);
        have = decode(exact, s.size - 2, 60, "jpeg", NULL);
        lk_image_clear(&have);
        lk_image_clear(&want);
        free(exact);
        g_free(s.bytes);
    }
}

/* Rows come in units of 16 or 8, and never fewer of a longer file. */
static void counts_the_rows_that_are_there(void **state) {
    (void)state;
    for (size_t i = 0; i < LK_LENGTH(kinds); i++) {
        const saved s = save_picture(203, 101, kinds[i]);
        const bool interlaced = strstr(kinds[i], "interlace") != NULL;
        int most = 0;
        for (size_t size = s.size / 2; size + 2 < s.size; size += 1 + size % 7) {
            liken_error err = {0};
            lk_jpeg_extent extent;
            assert_ok(lk_jpeg_measure(s.bytes, size, &extent, &err), err);
            assert_false(extent.whole);
            assert_int_equal(extent.counted, !interlaced);
            if (!interlaced) {
                assert_true(extent.rows >= most && extent.rows < 101 && extent.rows % 8 == 0);
                most = extent.rows;
            }
            assert_int_equal(try_decode(s.bytes, size, 0, NULL, &err), LIKEN_E_DECODE);
            assert_non_null(strstr(err.message, "cut short"));
        }
        assert_true(interlaced || most >= 80);
        g_free(s.bytes);
    }
}

/* With a restart marker behind every row of blocks, where a row ends is plain to see. */
static void counts_by_restart_markers(void **state) {
    (void)state;
    const saved s = save_picture(64, 64, ".jpg[Q=90,subsample-mode=off,restart-interval=8]");
    if (s.bytes == NULL) {
        print_message("this libvips writes no restart markers\n");
        skip();
    }
    const uint8_t *b = s.bytes;
    int rows = 0;
    for (size_t at = 0; at + 1 < s.size; at++)
        if (b[at] == 0xff && b[at + 1] >= 0xd0 && b[at + 1] <= 0xd7) {
            liken_error err = {0};
            lk_jpeg_extent extent;
            rows += 8;
            assert_ok(lk_jpeg_measure(b, at, &extent, &err), err);
            assert_int_equal(extent.rows, rows);
            assert_ok(lk_jpeg_measure(b, at - 1, &extent, &err), err);
            assert_int_equal(extent.rows, rows - 8);
        }
    assert_int_equal(rows, 56);
    g_free(s.bytes);
}

static void bears_nonsense(void **state) {
    (void)state;
    const saved s = save_picture(64, 48, ".jpg[interlace]");
    uint8_t *b = s.bytes;
    uint32_t seed = 7;
    for (int round = 0; round < 3000; round++) {
        seed = seed * 1664525u + 1013904223u;
        const size_t at = 2 + seed % (s.size - 4);
        const uint8_t before = b[at];
        b[at] = (uint8_t)(seed >> 24);
        liken_error err = {0};
        lk_jpeg_extent extent;
        assert_ok(lk_jpeg_measure(b, s.size - 2, &extent, &err), err);
        b[at] = before;
    }
    g_free(s.bytes);
}

static int start(void **state) {
    (void)state;
    return vips_init("test_cut");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_jpeg_that_lacks_only_its_end_marker),
        cmocka_unit_test(counts_the_rows_that_are_there),
        cmocka_unit_test(counts_by_restart_markers),
        cmocka_unit_test(bears_nonsense),
    };
    return cmocka_run_group_tests_name("image/cut", tests, start, NULL);
}
