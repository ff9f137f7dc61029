/* Bitmaps, icons, PNM and a TIFF in YCbCr, byte by byte. */
#include "pictures.h"

typedef struct bytes {
    uint8_t data[4096];
    size_t size;
} bytes;

static void u8(bytes *b, unsigned v) {
    assert_true(b->size < sizeof b->data);
    b->data[b->size++] = (uint8_t)v;
}
static void u16(bytes *b, unsigned v) {
    u8(b, v & 255), u8(b, v >> 8 & 255);
}
static void u32(bytes *b, uint32_t v) {
    u16(b, v & 0xffff), u16(b, v >> 16);
}

/* File header and a header of `header` bytes (12 or 40 and more); the caller adds masks, palette and pixels. */
static bytes bmp(uint32_t header, int width, int height, unsigned bits, uint32_t compression, uint32_t colours,
                 uint32_t pixels) {
    bytes b = {.size = 0};
    u8(&b, 'B'), u8(&b, 'M'), u32(&b, 0), u32(&b, 0), u32(&b, pixels), u32(&b, header);
    if (header == 12) {
        u16(&b, (unsigned)width), u16(&b, (unsigned)height), u16(&b, 1), u16(&b, bits);
        return b;
    }
    u32(&b, (uint32_t)width), u32(&b, (uint32_t)height), u16(&b, 1), u16(&b, bits), u32(&b, compression), u32(&b, 0);
    u32(&b, 2835), u32(&b, 2835), u32(&b, colours), u32(&b, 0);
    return b;
}

static void expect(const bytes *b, const char *kind, int width, int height, const uint8_t *rgb) {
    uint8_t *exact = malloc(b->size); /* so that a sanitizer sees one byte too far */
    assert_non_null(exact);
    memcpy(exact, b->data, b->size);
    lk_image image = decode(exact, b->size, 0, kind, NULL);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    for (int y = 0; y < height; y++)
        assert_memory_equal(image.rgb + (size_t)y * image.stride, rgb + (size_t)(y * width * 3), (size_t)width * 3);
    lk_image_clear(&image);
    free(exact);
}

/* 3 x 2: red green blue / white black gray */
static const uint8_t six[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 128, 128, 128};

static void palette(bytes *b, int entry) {
    for (int i = 0; i < 6; i++) {
        u8(b, six[3 * i + 2]), u8(b, six[3 * i + 1]), u8(b, six[3 * i]);
        if (entry == 4)
            u8(b, 0);
    }
}

static void rgb24(bytes *b, int y) {
    for (int x = 0; x < 3; x++)
        for (int c = 2; c >= 0; c--)
            u8(b, six[(y * 3 + x) * 3 + c]);
    u8(b, 0), u8(b, 0), u8(b, 0);
}

static void reads_true_colour(void **state) {
    (void)state;
    bytes b = bmp(40, 3, 2, 24, 0, 0, 54);
    rgb24(&b, 1), rgb24(&b, 0);
    expect(&b, "bmp", 3, 2, six);
    b = bmp(40, 3, -2, 24, 0, 0, 54); /* top-down */
    rgb24(&b, 0), rgb24(&b, 1);
    expect(&b, "bmp", 3, 2, six);
    b = bmp(12, 3, 2, 24, 0, 0, 26); /* OS/2 */
    rgb24(&b, 1), rgb24(&b, 0);
    expect(&b, "bmp", 3, 2, six);
    b = bmp(40, 3, 2, 32, 0, 0, 54); /* the fourth byte is nothing here */
    for (int y = 1; y >= 0; y--)
        for (int x = 0; x < 3; x++)
            u8(&b, six[(y * 3 + x) * 3 + 2]), u8(&b, six[(y * 3 + x) * 3 + 1]), u8(&b, six[(y * 3 + x) * 3]), u8(&b, 7);
    expect(&b, "bmp", 3, 2, six);
}

static void reads_palettes(void **state) {
    (void)state;
    bytes b = bmp(40, 3, 2, 8, 0, 6, 54 + 24);
    palette(&b, 4);
    u8(&b, 3), u8(&b, 4), u8(&b, 5), u8(&b, 0), u8(&b, 0), u8(&b, 1), u8(&b, 2), u8(&b, 0);
    expect(&b, "bmp", 3, 2, six);
    b = bmp(40, 3, 2, 4, 0, 6, 54 + 24);
    palette(&b, 4);
    u32(&b, 0x00005034), u32(&b, 0x00002001);
    b.data[b.size - 8] = 0x34, b.data[b.size - 7] = 0x50, b.data[b.size - 4] = 0x01, b.data[b.size - 3] = 0x20;
    expect(&b, "bmp", 3, 2, six);
    static const uint8_t stripes[] = {0, 0, 0, 255, 255, 255, 0, 0, 0};
    b = bmp(12, 3, 1, 1, 0, 0, 26 + 6);
    u8(&b, 0), u8(&b, 0), u8(&b, 0), u8(&b, 255), u8(&b, 255), u8(&b, 255), u8(&b, 0x40), u8(&b, 0), u8(&b, 0),
        u8(&b, 0);
    expect(&b, "bmp", 3, 1, stripes);
}

static void reads_bit_fields_and_alpha(void **state) {
    (void)state;
    static const uint8_t four[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};
    bytes b = bmp(40, 4, 1, 16, 3, 0, 54 + 12); /* 5-6-5 */
    u32(&b, 0xf800), u32(&b, 0x7e0), u32(&b, 0x1f);
    u16(&b, 0xf800), u16(&b, 0x7e0), u16(&b, 0x1f), u16(&b, 0xffff);
    expect(&b, "bmp", 4, 1, four);
    b = bmp(40, 4, 1, 16, 0, 0, 54); /* 5-5-5 */
    u16(&b, 0x7c00), u16(&b, 0x3e0), u16(&b, 0x1f), u16(&b, 0x7fff);
    expect(&b, "bmp", 4, 1, four);
    static const uint8_t faded[] = {255, 127, 127, 255, 255, 255};
    b = bmp(56, 2, 1, 32, 3, 0, 70);
    u32(&b, 0xff0000), u32(&b, 0xff00), u32(&b, 0xff), u32(&b, 0xff000000);
    u32(&b, 0x80ff0000), u32(&b, 0x00123456);
    expect(&b, "bmp", 2, 1, faded);
    b.data[b.size - 5] = 0; /* no pixel uses alpha: it was never meant */
    static const uint8_t whole[] = {255, 0, 0, 0x12, 0x34, 0x56};
    expect(&b, "bmp", 2, 1, whole);
}

static void unpacks_run_lengths(void **state) {
    (void)state;
    bytes b = bmp(40, 3, 2, 8, 1, 6, 54 + 24);
    palette(&b, 4);
    u8(&b, 0), u8(&b, 3), u8(&b, 3), u8(&b, 4), u8(&b, 5), u8(&b, 0); /* three literals and a pad */
    u8(&b, 0), u8(&b, 0), u8(&b, 1), u8(&b, 0), u8(&b, 1), u8(&b, 1), u8(&b, 9), u8(&b, 2), u8(&b, 0),
        u8(&b, 1); /* a run too long */
    expect(&b, "bmp", 3, 2, six);
    b = bmp(40, 3, 2, 4, 2, 6, 54 + 24);
    palette(&b, 4);
    u8(&b, 2), u8(&b, 0x34), u8(&b, 1), u8(&b, 0x50), u8(&b, 0), u8(&b, 0);
    u8(&b, 0), u8(&b, 3), u8(&b, 0x01), u8(&b, 0x20), u8(&b, 0), u8(&b, 1);
    expect(&b, "bmp", 3, 2, six);
    b = bmp(40, 3, 2, 8, 1, 6, 54 + 24); /* a jump leaves colour 0 */
    palette(&b, 4);
    u8(&b, 0), u8(&b, 2), u8(&b, 1), u8(&b, 1), u8(&b, 2), u8(&b, 4), u8(&b, 0), u8(&b, 1);
    static const uint8_t jumped[] = {255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0};
    expect(&b, "bmp", 3, 2, jumped);
}

static void refuses_broken_bitmaps(void **state) {
    (void)state;
    static const struct {
        uint32_t header;
        int width, height;
        unsigned bits;
        uint32_t compression, pixels;
        int code;
    } broken[] = {{40, 3, 2, 7, 0, 54, LIKEN_E_DECODE},
                  {40, 3, 2, 8, 2, 54, LIKEN_E_DECODE},
                  {40, 0, 2, 24, 0, 54, LIKEN_E_DECODE},
                  {40, -3, 2, 24, 0, 54, LIKEN_E_DECODE},
                  {40, 3, 2, 24, 9, 54, LIKEN_E_DECODE},
                  {40, 3, 2, 24, 4, 54, LIKEN_E_FORMAT},
                  {40, 3, 2, 24, 0, 20, LIKEN_E_DECODE},
                  {40, 3, 2, 24, 0, 9999, LIKEN_E_DECODE},
                  {40, 3, -2, 8, 1, 54, LIKEN_E_DECODE},
                  {40, 3, INT32_MIN, 24, 0, 54, LIKEN_E_DECODE},
                  {40, 1 << 30, 1 << 30, 24, 0, 54, LIKEN_E_TOO_LARGE},
                  {200, 3, 2, 24, 0, 54, LIKEN_E_DECODE}};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        bytes b = bmp(broken[i].header, broken[i].width, broken[i].height, broken[i].bits, broken[i].compression, 0,
                      broken[i].pixels);
        rgb24(&b, 1), rgb24(&b, 0);
        liken_error err = {0};
        const int rc = try_decode(b.data, b.size, 0, NULL, &err);
        if (rc != broken[i].code)
            fail_msg("case %zu: %d, not %d: %s", i, rc, broken[i].code, err.message);
    }
}

static void refuses_a_bitmap_cut_short(void **state) {
    (void)state;
    bytes b = bmp(40, 3, -2, 24, 0, 0, 54);
    rgb24(&b, 0), rgb24(&b, 1);
    b.size -= 3; /* the bytes that fill the row */
    liken_error err = {0};
    assert_ok(try_decode(b.data, b.size, 0, NULL, &err), err);
    b.size--; /* a byte of colour */
    assert_int_equal(try_decode(b.data, b.size, 0, NULL, &err), LIKEN_E_DECODE);
    assert_non_null(strstr(err.message, "only 1 of its 2 rows"));
    b = bmp(40, 3, 2, 24, 0, 0, 54); /* bottom row first: the missing one is the top */
    rgb24(&b, 0);
    assert_int_equal(try_decode(b.data, b.size, 0, NULL, &err), LIKEN_E_DECODE);
    assert_non_null(strstr(err.message, "only 1 of its 2 rows"));
}

static void names_the_bitmaps_it_does_not_read(void **state) {
    (void)state;
    static const struct {
        uint32_t bits, compression;
        const char *words;
    } foreign[] = {{24, 4, "RLE24"}, {1, 3, "fax"},    {8, 4, "JPEG or PNG"}, {32, 5, "JPEG or PNG"},
                   {32, 11, "inks"}, {2, 0, "2 bits"}, {64, 0, "64 bits"}};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        bytes b = bmp(40, 3, 2, foreign[i].bits, foreign[i].compression, 0, 54);
        rgb24(&b, 1), rgb24(&b, 0);
        liken_error err = {0};
        assert_int_equal(try_decode(b.data, b.size, 0, NULL, &err), LIKEN_E_FORMAT);
        assert_non_null(strstr(err.message, foreign[i].words));
        assert_null(strstr(err.message, "damaged"));
    }
}

static void takes_the_largest_icon(void **state) {
    (void)state;
    bytes b = {.size = 0};
    u16(&b, 0), u16(&b, 1), u16(&b, 2);
    const uint32_t small = 40 + 8 + 4 + 4, large = 40 + 2 * 12 + 2 * 4;
    u8(&b, 1), u8(&b, 1), u8(&b, 0), u8(&b, 0), u16(&b, 1), u16(&b, 1), u32(&b, small), u32(&b, 38);
    u8(&b, 3), u8(&b, 2), u8(&b, 0), u8(&b, 0), u16(&b, 1), u16(&b, 24), u32(&b, large), u32(&b, 38 + small);
    for (uint32_t i = 0; i < small; i++)
        u8(&b, 0xee);
    const bytes header = bmp(40, 3, 4, 24, 0, 0, 0);
    for (size_t i = 14; i < 54; i++)
        u8(&b, header.data[i]);
    rgb24(&b, 1), rgb24(&b, 0);
    u32(&b, 0), u32(&b, 0x40); /* the mask, bottom row first: its upper middle pixel is see-through */
    uint8_t want[sizeof six];
    memcpy(want, six, sizeof six);
    memset(want + 3, 255, 3);
    expect(&b, "ico", 3, 2, want);
    b.data[34] = 200; /* the large one lies outside now, and the small one is rubbish */
    liken_error err = {0};
    assert_int_equal(try_decode(b.data, 60, 0, NULL, &err), LIKEN_E_DECODE);
}

static void expect_text(const char *text, size_t size, int width, int height, const uint8_t *rgb) {
    bytes b = {.size = size};
    memcpy(b.data, text, size);
    expect(&b, "pnm", width, height, rgb);
}

#define PNM(text, width, height, ...) expect_text(text, sizeof(text) - 1, width, height, (const uint8_t[]){__VA_ARGS__})

static void reads_all_six_pnm(void **state) {
    (void)state;
    PNM("P1 # a comment\n3 1\n101", 3, 1, 0, 0, 0, 255, 255, 255, 0, 0, 0);
    PNM("P2\n2 1 15\n15 # half\n 0", 2, 1, 255, 255, 255, 0, 0, 0);
    PNM("P3 1 2 255 1 2 3\n4 5 6\n", 1, 2, 1, 2, 3, 4, 5, 6);
    PNM("P4 3 1\n\xa0", 3, 1, 0, 0, 0, 255, 255, 255, 0, 0, 0);
    PNM("P5 2 1 255\n\x10\xf0", 2, 1, 16, 16, 16, 240, 240, 240);
    PNM("P5 2 1 65535\n\x80\x80\xff\xff", 2, 1, 128, 128, 128, 255, 255, 255);
    PNM("P6 1 2 255\n\1\2\3\4\5\6", 1, 2, 1, 2, 3, 4, 5, 6);
    static const char *const broken[] = {"P6 1", "P6 0 1 255\n...", "P5 1 1 70000\n..", "P6 9 9 255\n...",
                                         "P5 x", "P3 2 1 255 1 2 q"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        liken_error err = {0};
        assert_int_equal(try_decode(broken[i], strlen(broken[i]), 0, NULL, &err), LIKEN_E_DECODE);
    }
}

static void tiff_entry(bytes *b, unsigned tag, unsigned type, uint32_t count, uint32_t value) {
    u16(b, tag), u16(b, type), u32(b, count), u32(b, value);
}

/* 3 x 3 pixels in groups of 2 x 2: the right and lower groups reach past the edge. A second, broken page follows. */
static void reads_packed_ycbcr(void **state) {
    (void)state;
    static const uint8_t groups[4][6] = {
        {10, 20, 30, 40, 128, 128}, {50, 0, 60, 0, 128, 128}, {76, 76, 0, 0, 85, 255}, {255, 0, 0, 0, 128, 128}};
    bytes b = {.size = 0};
    u8(&b, 'I'), u8(&b, 'I'), u16(&b, 42), u32(&b, 8), u16(&b, 11);
    const uint32_t after = 8 + 2 + 11 * 12 + 4;
    tiff_entry(&b, 256, 3, 1, 3), tiff_entry(&b, 257, 3, 1, 3), tiff_entry(&b, 258, 3, 3, after);
    tiff_entry(&b, 259, 3, 1, 1), tiff_entry(&b, 262, 3, 1, 6), tiff_entry(&b, 273, 4, 1, after + 6);
    tiff_entry(&b, 277, 3, 1, 3), tiff_entry(&b, 278, 3, 1, 3), tiff_entry(&b, 279, 4, 1, 24);
    tiff_entry(&b, 284, 3, 1, 1), tiff_entry(&b, 530, 3, 2, 2 | 2 << 16);
    u32(&b, 99999), u16(&b, 8), u16(&b, 8), u16(&b, 8);
    for (int i = 0; i < 24; i++)
        u8(&b, groups[i / 6][i % 6]);
    static const uint8_t want[] = {10, 10, 10, 20, 20,  20, 50, 50,  50, 30, 30,  30,  40, 40,
                                   40, 60, 60, 60, 254, 0,  0,  254, 0,  0,  255, 255, 255};
    expect(&b, "tiff", 3, 3, want);
    liken_error err = {0};
    b.data[10 + 10 * 12 + 8] = 3; /* groups of 3 x 2 do not exist */
    assert_int_equal(try_decode(b.data, b.size, 0, NULL, &err), LIKEN_E_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_true_colour),
        cmocka_unit_test(reads_palettes),
        cmocka_unit_test(reads_bit_fields_and_alpha),
        cmocka_unit_test(unpacks_run_lengths),
        cmocka_unit_test(refuses_broken_bitmaps),
        cmocka_unit_test(refuses_a_bitmap_cut_short),
        cmocka_unit_test(names_the_bitmaps_it_does_not_read),
        cmocka_unit_test(takes_the_largest_icon),
        cmocka_unit_test(reads_all_six_pnm),
        cmocka_unit_test(reads_packed_ycbcr),
    };
    return cmocka_run_group_tests_name("image/bmp", tests, NULL, NULL);
}
