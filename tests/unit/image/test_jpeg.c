/* Ordinary JPEGs, read by libjpeg itself, beside libvips: the same pixels at every scale, and what it leaves alone.
 */
#include "image/reader.h"
#include "savers.h"

/* The rows of a reader; it is closed. Rows that do not come: *rows of them are there. */
static uint8_t *rows_of(lk_reader *reader, int *width, int *rows) {
    *width = reader->width;
    uint8_t *all = calloc((size_t)reader->width * (size_t)reader->height, 3);
    assert_non_null(all);
    const uint8_t *row;
    for (*rows = 0; *rows < reader->height && (row = reader->row(reader, *rows)) != NULL; ++*rows)
        memcpy(all + (size_t)*rows * (size_t)*width * 3, row, (size_t)*width * 3);
    reader->close(reader);
    return all;
}

/* Fine grain, which gives each block all of its coefficients. */
static saved save_grain(int width, int height, const char *suffix) {
    lk_image image = picture(width, height);
    uint32_t seed = 7;
    for (size_t i = 0; i < image.stride * (size_t)height; i++) {
        seed = seed * 1664525 + 1013904223;
        const int v = image.rgb[i] + (int)(seed >> 26) - 32;
        image.rgb[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    const saved s = save(to_vips(&image), suffix);
    lk_image_clear(&image);
    return s;
}

/* Ours gives what libvips gives; of what is damaged it may give the rest of a strip more. False: it does not open the
 * file. */
static bool agrees(const uint8_t *bytes, size_t size, int shrink) {
    lk_reader *ours = lk_jpeg_open(bytes, size, shrink), *theirs;
    if (ours == NULL)
        return false;
    liken_error err;
    assert_ok(lk_vips_open(&theirs, LK_KIND_JPEG, bytes, size, &(lk_vips_options){.shrink = shrink}, &err), err);
    int widths[2], rows[2];
    const int height = theirs->height;
    uint8_t *have = rows_of(ours, &widths[0], &rows[0]), *want = rows_of(theirs, &widths[1], &rows[1]);
    assert_int_equal(widths[0], widths[1]);
    assert_true(rows[0] == rows[1] || (rows[0] > rows[1] && rows[0] < height));
    assert_memory_equal(have, want, (size_t)widths[0] * (size_t)rows[1] * 3);
    free(have);
    free(want);
    return true;
}

static const char *const ordinary[] = {
    ".jpg[Q=30]",
    ".jpg[Q=95,subsample-mode=off]",
    ".jpg[Q=100]",
    ".jpg[Q=60,optimize-coding]",
    ".jpg[Q=85,restart-interval=3]",
    ".jpg[Q=90,interlace]",
};

static void gives_the_pixels_of_libvips(void **state) {
    (void)state;
    static const int sizes[][2] = {{96, 64}, {131, 77}, {17, 300}, {8, 8}, {16, 31}, {1, 1}, {255, 9}};
    for (size_t i = 0; i < LK_LENGTH(ordinary); i++)
        for (size_t k = 0; k < LK_LENGTH(sizes); k++) {
            const saved s = save_grain(sizes[k][0], sizes[k][1], ordinary[i]);
            if (s.bytes == NULL) /* an older libvips has fewer options */
                continue;
            int opened = 0;
            for (int shrink = 1; shrink <= 8; shrink *= 2)
                opened += agrees(s.bytes, s.size, shrink);
            assert_true(opened == 4 || sizes[k][0] < 8 || sizes[k][1] < 8);
            g_free(s.bytes);
        }
}

static void leaves_others_to_libvips(void **state) {
    (void)state;
    static const char *const others[] = {".jpg[Q=90,profile=p3]", ".jpg[Q=90,profile=srgb]"};
    for (size_t i = 0; i < LK_LENGTH(others); i++) {
        const saved s = save_picture(96, 64, others[i]);
        if (s.bytes == NULL)
            continue;
        assert_null(lk_jpeg_open(s.bytes, s.size, 2));
        g_free(s.bytes);
    }
    assert_null(lk_jpeg_open((const uint8_t *)"\xff\xd8\xff\xd9", 4, 1));
}

/* Where a byte is wrong, and where the file ends early: as many rows, and the same ones. */
static void says_of_damage_what_libvips_says(void **state) {
    (void)state;
    const saved s = save_grain(131, 77, ".jpg[Q=95,subsample-mode=off]");
    uint8_t *b = malloc(s.size);
    assert_non_null(b);
    uint32_t seed = 1;
    for (int i = 0; i < 400; i++) {
        memcpy(b, s.bytes, s.size);
        seed = seed * 1664525 + 1013904223;
        const size_t at = 2 + seed % (s.size - 2);
        b[at] ^= (uint8_t)(1 + (seed >> 24) % 255);
        lk_reader *reader = lk_jpeg_open(b, s.size, 1 << (i & 3));
        if (reader != NULL) {
            int width, rows;
            free(rows_of(reader, &width, &rows));
        }
    }
    for (size_t size = s.size / 2; size < s.size; size += 97) {
        uint8_t *exact = malloc(size);
        assert_non_null(exact);
        memcpy(exact, s.bytes, size);
        (void)agrees(exact, size, 1);
        (void)agrees(exact, size, 2);
        free(exact);
    }
    free(b);
    g_free(s.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_pixels_of_libvips),
        cmocka_unit_test(leaves_others_to_libvips),
        cmocka_unit_test(says_of_damage_what_libvips_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
