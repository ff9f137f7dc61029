/* When a photo was taken, and which way up it is, wherever its kind keeps that. */
#include "tiffs.h"

#include "image/exif.h"

#define LOCAL 1796035620 /* 2026-11-30 10:47:00, read as UTC */

static maker m;

typedef struct words {
    const char *taken, *offset, *gps_date;
    uint32_t hour, minute;
} words;

static void block(const char *magic, words w) {
    begin(&m, magic);
    uint32_t gps = 0;
    if (w.gps_date != NULL) {
        m.size += m.size % 2;
        const uint32_t at = (uint32_t)m.size;
        const uint32_t time[6] = {w.hour, 1, w.minute, 1, 30, 1};
        for (size_t i = 0; i < 6; i++)
            put_number(&m, 4, time[i]);
        tag(&m, 7, 5, 3, at), tag_text(&m, 0x1d, w.gps_date);
        gps = directory_alone(&m);
    }
    if (w.taken != NULL)
        tag_text(&m, 0x9003, w.taken);
    if (w.offset != NULL)
        tag_text(&m, 0x9011, w.offset);
    const uint32_t exif = directory_alone(&m);
    tag(&m, 0x112, 3, 1, 6), tag(&m, 0x8769, 4, 1, exif);
    if (gps != 0)
        tag(&m, 0x8825, 4, 1, gps);
    directory(&m);
}

static void reads_the_time(void **state) {
    (void)state;
    static const struct {
        words w;
        int64_t want;
    } cases[] = {
        {{.taken = "2026:11:30 10:47:00", .offset = "+02:00"}, LOCAL - 7200},
        {{.taken = "2026:11:30 10:47:00", .offset = "-09:30"}, LOCAL + 34200},
        {{.taken = "2026:11:30 10:47:00", .offset = "+05:45 "}, LOCAL - 20700},
        {{.taken = "2026:11:30 10:47:00"}, LOCAL}, /* taken for UTC */
        {{.taken = "2026:11:30 10:47:00", .offset = "   :  "}, LOCAL},
        {{.taken = "2026:11:30 10:47:00", .offset = "+99:00"}, LOCAL},
        {{"2026:11:30 10:47:00", NULL, "2026:11:30", 9, 46}, LOCAL - 3600},   /* satellites are behind by seconds */
        {{"2026:11:30 10:47:00", NULL, "2026:11:30", 15, 47}, LOCAL + 18000}, /* west */
        {{"2026:11:30 10:47:00", NULL, "2026:11:29", 21, 47}, LOCAL - 46800}, /* the day before */
        {{"2026:11:30 10:47:00", NULL, "2026:11:20", 9, 46}, LOCAL},          /* an old fix */
        {{"2026:11:30 10:47:00", NULL, "2026:11:30", 25, 46}, LOCAL},
        {{"2026:11:30 10:47:00", "+00:00", "2026:11:30", 9, 46}, LOCAL},
        {{.taken = "2026-11-30 10:47:00"}, LOCAL},
        {{.taken = "0000:00:00 00:00:00"}, LIKEN_NO_TIME},
        {{.taken = "    :  :     :  :  "}, LIKEN_NO_TIME},
        {{.taken = "2026:02:31 10:47:00"}, LIKEN_NO_TIME},
        {{.taken = "2026:11:30 29:47:00"}, LIKEN_NO_TIME},
        {{.taken = "2026:11:30"}, LIKEN_NO_TIME},
        {{.taken = "9999:12:31 23:00:00", .offset = "-02:00"}, LIKEN_NO_TIME}, /* a year of five digits */
        {{.taken = "1955:05:05 00:00:00"}, INT64_C(-462672000)},
        {{.taken = NULL}, LIKEN_NO_TIME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int big = 0; big < 2; big++) {
            block(big ? "MM\0*" : "II*\0", cases[i].w);
            const int64_t have = lk_exif_captured_at(m.data, m.size);
            if (have != cases[i].want)
                fail_msg("case %zu: %lld", i, (long long)have);
            assert_int_equal(lk_exif_orientation(m.data, m.size), 6);
        }
}

static void bears_every_cut_and_change(void **state) {
    (void)state;
    block("II*\0", (words){"2026:11:30 10:47:00", "+02:00", "2026:11:30", 8, 47});
    const size_t size = m.size;
    for (size_t cut = 0; cut <= size; cut++) {
        uint8_t *exact = malloc(cut + (cut == 0));
        assert_non_null(exact);
        memcpy(exact, m.data, cut);
        (void)lk_exif_captured_at(exact, cut);
        (void)lk_exif_orientation(exact, cut);
        for (size_t at = 0; at < cut && cut > size - 3; at++)
            for (unsigned v = 0; v < 256; v += 51) {
                exact[at] = (uint8_t)v;
                (void)lk_exif_captured_at(exact, cut);
                exact[at] = m.data[at];
            }
        free(exact);
    }
}

static int64_t time_of(const uint8_t *bytes, size_t size, int *width) {
    liken_error err = {0};
    lk_photo *photo = NULL;
    uint8_t *exact = malloc(size);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    assert_ok(lk_photo_open(&photo, exact, size, NULL, &err), err);
    const int64_t when = lk_photo_captured_at(photo);
    *width = lk_photo_width(photo);
    assert_null(lk_photo_note(photo));
    lk_photo_free(photo);
    free(exact);
    return when;
}

static void finds_it_where_libvips_puts_it(void **state) {
    (void)state;
    static const char *const suffixes[] = {".jpg", ".webp", ".tif", ".heic", ".avif[speed=8]", ".jxl"};
    block("II*\0", (words){.taken = "2026:11:30 10:47:00", .offset = "+02:00"});
    uint8_t exif[sizeof m.data + 6] = "Exif\0";
    memcpy(exif + 6, m.data, m.size);
    int found = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        lk_image image = picture(96, 64);
        VipsImage *in = to_vips(&image);
        vips_image_set_blob_copy(in, VIPS_META_EXIF_NAME, exif, m.size + 6);
        const saved s = save(in, suffixes[i]);
        lk_image_clear(&image);
        if (s.bytes == NULL)
            continue;
        int width;
        const int64_t when = time_of(s.bytes, s.size, &width);
        if (when != LOCAL - 7200 && strcmp(suffixes[i], ".tif") != 0 &&
            strcmp(suffixes[i], ".jxl") != 0) /* left out by libvips */
            fail_msg("%s: %lld", suffixes[i], (long long)when);
        found++;
        g_free(s.bytes);
    }
    assert_true(found >= 3);
    begin(&m, "MM\0*"); /* a TIFF is a block itself */
    tag_text(&m, 0x9003, "2026:11:30 10:47:00");
    const uint32_t below = directory_alone(&m);
    page(&m, 40, 30, 100), tag(&m, 0x8769, 4, 1, below), directory(&m);
    int width;
    assert_int_equal(time_of(m.data, m.size, &width), LOCAL);
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

static void put32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

/* An eXIf chunk before the picture and behind it, which is as good. */
static void reads_a_png_with_exif_at_either_end(void **state) {
    (void)state;
    block("MM\0*", (words){.taken = "2026:11:30 10:47:00", .offset = "+02:00"});
    const saved s = save_picture(96, 64, ".png");
    const size_t chunk = m.size + 12, places[] = {33, s.size - 12};
    uint8_t *png = malloc(s.size + chunk);
    assert_non_null(png);
    for (size_t i = 0; i < 2; i++) {
        uint8_t *p = png + places[i];
        memcpy(png, s.bytes, places[i]);
        put32(p, (uint32_t)m.size);
        memcpy(p + 4, "eXIf", 4);
        memcpy(p + 8, m.data, m.size);
        put32(p + 8 + m.size, crc_of(p + 4, m.size + 4));
        memcpy(p + chunk, (uint8_t *)s.bytes + places[i], s.size - places[i]);
        int width;
        assert_int_equal(time_of(png, s.size + chunk, &width), LOCAL - 7200);
        assert_int_equal(width, 64); /* on its side */
        lk_image image = decode(png, s.size + chunk, 0, "png", NULL);
        assert_int_equal(image.height, 96);
        lk_image_clear(&image);
    }
    free(png);
    g_free(s.bytes);
}

static int start(void **state) {
    (void)state;
    return vips_init("test_exif");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_time),
        cmocka_unit_test(bears_every_cut_and_change),
        cmocka_unit_test(finds_it_where_libvips_puts_it),
        cmocka_unit_test(reads_a_png_with_exif_at_either_end),
    };
    return cmocka_run_group_tests_name("image/exif", tests, start, NULL);
}
