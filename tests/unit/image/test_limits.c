/* What is too much, and what is too little. */
#include "boxes.h"
#include "savers.h"

#include "image/head.h"
#include "image/reader.h"

static void holds_to_its_limits(void **state) {
    (void)state;
    liken_error err = {0};
    const saved s = save_picture(100, 80, ".png");
    const lk_photo_limits bytes = {.max_bytes = s.size - 1}, exact = {.max_bytes = s.size, .max_pixels = 8000},
                          pixels = {.max_pixels = 7999};
    assert_int_equal(try_decode(s.bytes, s.size, 0, &bytes, &err), LIKEN_E_TOO_LARGE);
    assert_int_equal(try_decode(s.bytes, s.size, 0, &pixels, &err), LIKEN_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "100 x 80"));
    assert_int_equal(try_decode(s.bytes, s.size, 0, &exact, &err), LIKEN_OK);
    g_free(s.bytes);
}

/* A phone of 200 megapixels: the sentence names what to set, and that is enough. */
static void reads_200_megapixels_where_they_are_allowed(void **state) {
    (void)state;
    liken_error err = {0};
    VipsImage *black = NULL;
    assert_int_equal(vips_black(&black, 16320, 12240, NULL), 0);
    const saved s = save(black, ".jpg");
    assert_int_equal(try_decode(s.bytes, s.size, 1280, NULL, &err), LIKEN_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "max-megapixels (to 200)"));
    const lk_photo_limits raised = {.max_pixels = 200000000};
    assert_ok(try_decode(s.bytes, s.size, 1280, &raised, &err), err);
    g_free(s.bytes);
    assert_true(lk_photo_work_limit(120000000) == (uint64_t)768 << 20);
    assert_true(lk_photo_work_limit(200000000) > UINT64_C(9) * 16320 * 12240);
}

/* Bits from the lowest on: a small size by eighths, or sizes behind two bits that say how long they are; a ratio. */
static void knows_the_size_of_a_jpeg_xl(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        int width, height;
    } heads[] = {{"\xff\x0a\x1f\x3e", 4, 256, 128},
                 {"\xff\x0a\x7c\x7e\x01\xfe\xfe\x00", 8, 16320, 12240},
                 {"\xff\x0a\x38\x46", 4, 300, 200}, /* three to two */
                 {"\xff\x0a\x10\x00\xdf\x22\x02", 7, 70000, 3},
                 {"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x0cjxlc\xff\x0a\x1f\x3e", 24, 256, 128},
                 {"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x10jxlp\0\0\0\0\xff\x0a\x38\x46", 28, 300, 200}};
    liken_error err = {0};
    lk_head head = {0};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        uint8_t *exact = malloc(heads[i].size); /* so that a sanitizer sees one byte too far */
        assert_non_null(exact);
        memcpy(exact, heads[i].bytes, heads[i].size);
        assert_ok(lk_jxl_head(exact, heads[i].size, &head, &err), err);
        assert_int_equal(head.width, heads[i].width);
        assert_int_equal(head.height, heads[i].height);
        assert_int_equal(lk_jxl_head(exact, heads[i].size - 1, &head, &err), LIKEN_E_DECODE);
        free(exact);
    }
    static const char huge[] = "\xff\x0a\xfe\xff\xff\xff\xf1\xff\xff\xff\x0f";
    assert_int_equal(try_decode(huge, sizeof huge - 1, 0, NULL, &err), LIKEN_E_TOO_LARGE);
}

/* Rewrites the declared size where each format keeps it; refused from the header, whatever follows. */
static void refuses_bombs_by_their_header(void **state) {
    (void)state;
    static const struct {
        const char *suffix;
        size_t at, length;
        const char *bytes;
    } bombs[] = {{".png", 16, 8, "\0\0\xea\x60\0\0\xea\x60"},
                 {".webp[lossless]", 24, 6, "\xff\xff\0\xff\xff\0"},
                 {".gif", 6, 4, "\xff\xff\xff\xff"},
                 {".bmp", 18, 8, "\xff\xff\0\0\xff\xff\0\0"}};
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        saved s = {0};
        if (strcmp(bombs[i].suffix, ".bmp") == 0) {
            s.size = 200;
            s.bytes = g_malloc0(s.size);
            memcpy(s.bytes, "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\0\0\0\0\0\0\0\0\1\0\x18\0", 30);
        } else {
            s = save_picture(64, 64, bombs[i].suffix);
        }
        if (s.bytes == NULL)
            continue;
        memcpy((char *)s.bytes + bombs[i].at, bombs[i].bytes, bombs[i].length);
        liken_error err = {0};
        const int rc = try_decode(s.bytes, s.size, 100, NULL, &err);
        if (rc != LIKEN_E_TOO_LARGE)
            fail_msg("%s: %d: %s", bombs[i].suffix, rc, err.message);
        g_free(s.bytes);
    }
}

/* The canvas says one size, the picture another. */
static void believes_the_picture_of_a_webp(void **state) {
    (void)state;
    static const char *const pictures[] = {"VP8L\5\0\0\0\x2f\xff\xff\xff\xff\0",
                                           "VP8 \x0a\0\0\0\0\0\0\x9d\1\x2a\xff\x3f\xff\x3f"};
    for (size_t i = 0; i < 4; i++) {
        boxes b = {.size = 0};
        ADD(&b, "RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\0\0\x3f\0\0");
        ADD(&b, "ICCP\3\0\0\0abc\0");
        if (i >= 2)
            ADD(&b, "ANMF\x22\0\0\0\0\0\0\0\0\0\x3f\0\0\x3f\0\0\0\0\0\0");
        add(&b, pictures[i % 2], i % 2 == 0 ? 14 : 18);
        liken_error err = {0};
        lk_head head = {0};
        assert_ok(lk_webp_head(b.data, b.size, &head, &err), err);
        assert_true(head.width >= 0x3fff && head.height >= 0x3fff);
        assert_int_equal(try_decode(b.data, b.size, 0, NULL, &err), LIKEN_E_TOO_LARGE);
    }
}

static void counts_the_scans_of_a_jpeg(void **state) {
    (void)state;
    liken_error err = {0};
    const saved s = save_picture(64, 64, ".jpg[interlace]");
    const uint8_t *b = s.bytes;
    size_t last = 0; /* the last scan, from its marker up to the end marker */
    for (size_t i = 0; i + 1 < s.size; i++)
        if (b[i] == 0xff && b[i + 1] == 0xda)
            last = i;
    assert_true(last > 0);
    const size_t scan = s.size - 2 - last;
    uint8_t *bomb = malloc(s.size + 300 * scan);
    assert_non_null(bomb);
    memcpy(bomb, b, last);
    size_t size = last;
    for (int i = 0; i < 300; i++, size += scan)
        memcpy(bomb + size, b + last, scan);
    bomb[size++] = 0xff;
    bomb[size++] = 0xd9;
    assert_int_equal(try_decode(bomb, size, 0, NULL, &err), LIKEN_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "scans"));
    assert_int_equal(try_decode(s.bytes, s.size, 0, NULL, &err), LIKEN_OK);
    free(bomb);
    g_free(s.bytes);
}

/* Text never reaches the decoder, however much there is of it. */
static void drops_png_text(void **state) {
    (void)state;
    liken_error err = {0};
    const saved s = save_picture(64, 64, ".png");
    const size_t text = 5000;
    uint8_t *bomb = calloc(1, s.size + 200 * (text + 12));
    assert_non_null(bomb);
    memcpy(bomb, s.bytes, 33);
    size_t size = 33;
    for (int i = 0; i < 200; i++, size += text + 12) {
        put32(bomb + size, (uint32_t)text);
        memcpy(bomb + size + 4, "zTXt", 4);
    }
    memcpy(bomb + size, (uint8_t *)s.bytes + 33, s.size - 33);
    size += s.size - 33;
    lk_head head = {0};
    assert_ok(lk_png_head(bomb, size, &head, &err), err);
    assert_true(head.copy_size <= s.size);
    free(head.copy);
    lk_image have = decode(bomb, size, 0, "png", NULL), want = picture(64, 64);
    assert_true(difference(&have, &want) < 0.001);
    lk_image_clear(&have);
    lk_image_clear(&want);
    free(bomb);
    g_free(s.bytes);
}

static void entry(uint8_t *p, unsigned tag, uint32_t value) {
    const uint8_t e[12] = {
        (uint8_t)tag,           (uint8_t)(tag >> 8),   4, 0, 1, 0, 0, 0, (uint8_t)value, (uint8_t)(value >> 8),
        (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    memcpy(p, e, 12);
}

static int try_tiff(uint32_t bits, uint32_t samples, uint32_t compression, uint32_t tile, liken_error *err) {
    uint8_t b[256] = "II*\0\x08\0\0\0\x08";
    const unsigned tags[8] = {256, 257, 258, 259, 277, 278, 322, 323};
    const uint32_t values[8] = {9000, 9000, bits, compression, samples, 9000, tile, tile};
    b[8] = tile > 0 ? 8 : 6;
    for (size_t i = 0; i < b[8]; i++)
        entry(b + 10 + 12 * i, tags[i], values[i]);
    return try_decode(b, sizeof b, 0, NULL, err);
}

static void refuses_absurd_tiffs(void **state) {
    (void)state;
    liken_error err = {0};
    assert_int_equal(try_tiff(32, 4, 1, 0, &err), LIKEN_E_TOO_LARGE);    /* one strip of gigabytes */
    assert_int_equal(try_tiff(8, 3, 1, 20000, &err), LIKEN_E_TOO_LARGE); /* a tile larger than the photo */
    assert_int_equal(try_tiff(8, 60000, 1, 0, &err), LIKEN_E_FORMAT);
    assert_int_equal(try_tiff(8, 3, 34712, 0, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "JPEG 2000"));
    assert_int_equal(try_tiff(8, 3, 6, 0, &err), LIKEN_E_FORMAT);
    assert_int_equal(try_tiff(8, 1, 1, 0, &err), LIKEN_E_DECODE); /* no pixels */
}

typedef struct tag {
    unsigned tag;
    uint32_t value;
} tag;

/* Gray, 8 bits, 100 x 100 000, and those; then 65,536 lists of blocks of 30 MB each, which all share 4 MB. */
static int head_of_tiff(const tag *tags, size_t count, liken_error *err) {
    const size_t size = (size_t)4 << 20, list = 65536;
    uint8_t *b = calloc(1, size);
    assert_non_null(b);
    memcpy(b, "II*\0\x08\0\0\0", 8);
    const tag always[] = {{256, 100}, {257, 100000}, {258, 8}, {259, 1}, {277, 1}};
    b[8] = (uint8_t)(5 + count);
    for (size_t i = 0; i < 5 + count; i++) {
        const tag t = i < 5 ? always[i] : tags[i - 5];
        entry(b + 10 + 12 * i, t.tag, t.value);
        if (t.tag == 279 || t.tag == 325) {
            entry(b + 10 + 12 * i, t.tag, (uint32_t)list);
            b[10 + 12 * i + 6] = 1; /* 65,537 of them */
            memset(b + list, (int)t.value, 65537 * 4);
        }
    }
    lk_head head = {0};
    const int rc = lk_tiff_head(b, size, &head, err);
    free(head.copy);
    free(b);
    return rc;
}

static void refuses_tiffs_whose_blocks_are_too_much(void **state) {
    (void)state;
    static const struct {
        const char *what;
        tag tags[3];
        size_t count;
        int code;
    } files[] = {{"strips", {{278, 16}, {279, 0}}, 2, LIKEN_OK},
                 {"strips that share the file", {{278, 1}, {279, 1}}, 2, LIKEN_E_DECODE},
                 {"tiles", {{322, 128}, {323, 128}, {325, 0}}, 3, LIKEN_OK},
                 {"tiles that share the file", {{322, 128}, {323, 128}, {325, 1}}, 3, LIKEN_E_DECODE},
                 {"tiles that the strips' list tells of", {{279, 1}, {322, 128}, {323, 128}}, 3, LIKEN_E_DECODE},
                 {"tiles a hundred times as wide", {{322, 9984}, {323, 16}}, 2, LIKEN_E_TOO_LARGE},
                 {"tiles without a height", {{322, 128}}, 1, LIKEN_E_DECODE},
                 {"a second width", {{256, 100}}, 1, LIKEN_E_DECODE},
                 {"a second size of tiles", {{322, 9984}, {322, 128}, {323, 128}}, 3, LIKEN_E_DECODE}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        liken_error err = {0};
        const int rc = head_of_tiff(files[i].tags, files[i].count, &err);
        if (rc != files[i].code)
            fail_msg("%s: %d, not %d: %s", files[i].what, rc, files[i].code, rc == LIKEN_OK ? "read" : err.message);
    }
}

/* A picture is decoded whole or not at all. */
static void refuses_cut_files(void **state) {
    (void)state;
    static const char *const suffixes[] = {
        ".jpg[Q=95]",      ".jpg[Q=95,interlace]", ".png",  ".png[interlace]", ".tif", ".gif",
        ".webp[lossless]", ".webp[Q=90]",          ".heic", ".avif[speed=8]",  ".jxl"};
    int seen = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        const saved s = save_picture(300, 200, suffixes[i]);
        if (s.bytes == NULL)
            continue; /* this libvips has no such saver */
        seen++;
        for (size_t tenths = 2; tenths < 10; tenths += 2) {
            liken_error err = {0};
            const int rc = try_decode(s.bytes, s.size * tenths / 10, 0, NULL, &err);
            if (rc != LIKEN_E_DECODE)
                fail_msg("%s cut at %zu tenths: %d: %s", suffixes[i], tenths, rc, err.message);
        }
        g_free(s.bytes);
    }
    assert_true(seen >= 7);
}

static int start(void **state) {
    (void)state;
    return vips_init("test_limits");
}

/* What decoders say of memory is not the photo's damage; what they say of their own limits is. */
static void knows_when_memory_ran_out(void **state) {
    (void)state;
    static const char *const memory[] = {"vips_tracked: out of memory --- size == 48MB", "Insufficient memory (case 4)",
                                         "libpng: Out of Memory", "heif: Memory allocation error (6.0)",
                                         "TIFFFillStrip: Cannot allocate 4096 bytes"};
    static const char *const other[] = {"", "VipsJpeg: premature end of JPEG image",
                                        "heif: Memory allocation error: Security limit exceeded (6.1000)"};
    for (size_t i = 0; i < LK_LENGTH(memory); i++)
        assert_true(lk_vips_ran_out(memory[i]));
    for (size_t i = 0; i < LK_LENGTH(other); i++)
        assert_false(lk_vips_ran_out(other[i]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_when_memory_ran_out),
        cmocka_unit_test(holds_to_its_limits),
        cmocka_unit_test(refuses_bombs_by_their_header),
        cmocka_unit_test(counts_the_scans_of_a_jpeg),
        cmocka_unit_test(drops_png_text),
        cmocka_unit_test(refuses_absurd_tiffs),
        cmocka_unit_test(refuses_tiffs_whose_blocks_are_too_much),
        cmocka_unit_test(believes_the_picture_of_a_webp),
        cmocka_unit_test(refuses_cut_files),
        cmocka_unit_test(reads_200_megapixels_where_they_are_allowed),
        cmocka_unit_test(knows_the_size_of_a_jpeg_xl),
    };
    return cmocka_run_group_tests_name("image/limits", tests, start, NULL);
}
