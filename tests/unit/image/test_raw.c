/* Raw photos of every make, built around a preview: the largest one is read, and that is said. */
#include "tiffs.h"

#include "image/exif.h"

#define WIDTH 640
#define HEIGHT 400

static maker m;

/* `turned`: shown on its side. */
static void expect_preview(const char *camera, bool turned) {
    uint8_t *exact = malloc(m.size); /* so that a sanitizer sees one byte too far */
    assert_non_null(exact);
    memcpy(exact, m.data, m.size);
    liken_error err = {0};
    lk_photo *photo = NULL;
    lk_image have = {0};
    if (lk_photo_open(&photo, exact, m.size, NULL, &err) != LIKEN_OK)
        fail_msg("%s: %s", camera, err.message);
    assert_string_equal(lk_photo_kind(photo), "raw");
    assert_non_null(lk_photo_note(photo));
    if (strstr(lk_photo_note(photo), camera) == NULL || strstr(lk_photo_note(photo), "640 x 400") == NULL)
        fail_msg("%s: %s", camera, lk_photo_note(photo));
    assert_int_equal(lk_photo_width(photo), turned ? HEIGHT : WIDTH);
    assert_ok(lk_photo_decode(photo, 0, &have, NULL, &err), err);
    assert_int_equal(have.width, turned ? HEIGHT : WIDTH);
    if (!turned) {
        lk_image want = picture(WIDTH, HEIGHT);
        assert_true(difference(&have, &want) < 3);
        lk_image_clear(&want);
    }
    lk_image_clear(&have);
    lk_photo_free(photo);
    free(exact);
}

static void expect_refusal(const char *words) {
    liken_error err = {0};
    assert_int_equal(try_decode(m.data, m.size, 0, NULL, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "raw photo"));
    if (strstr(err.message, words) == NULL)
        fail_msg("%s: %s", words, err.message);
}

/* The tags of a directory of sensor data. */
static void sensor(uint32_t width, uint32_t height, unsigned compression) {
    tag(&m, 254, 4, 1, 0), tag(&m, 256, 4, 1, width), tag(&m, 257, 4, 1, height), tag(&m, 258, 3, 1, 14);
    tag(&m, 259, 3, 1, compression), tag(&m, 262, 3, 1, 32803);
    tag(&m, 273, 4, 1, 8), tag(&m, 277, 3, 1, 1), tag(&m, 279, 4, 1, 64);
}

/* A thumbnail as a page of pixels, which is all that was seen of most raw files. */
static void thumbnail(void) {
    page(&m, 160, 120, 90);
    tag(&m, 254, 4, 1, 1);
}

static void preview_tags(void) {
    uint32_t size;
    const uint32_t at = put_jpeg(&m, WIDTH, HEIGHT, &size);
    tag(&m, 513, 4, 1, at), tag(&m, 514, 4, 1, size);
}

static void preview_strip(unsigned compression) {
    uint32_t size;
    const uint32_t at = put_jpeg(&m, WIDTH, HEIGHT, &size);
    tag(&m, 254, 4, 1, 1), tag(&m, 256, 4, 1, WIDTH), tag(&m, 257, 4, 1, HEIGHT), tag(&m, 258, 3, 1, 8);
    tag(&m, 259, 3, 1, compression), tag(&m, 262, 3, 1, 6), tag(&m, 273, 4, 1, at), tag(&m, 277, 3, 1, 3);
    tag(&m, 279, 4, 1, size);
}

static void reads_canon_cr2(void **state) {
    (void)state;
    begin(&m, "II*\0");
    put_bytes(&m, "CR\2\0\0\0\0", 8);
    preview_strip(6), tag(&m, 274, 3, 1, 8), directory(&m);
    uint32_t size;
    const uint32_t small = put_jpeg(&m, 160, 120, &size);
    tag(&m, 513, 4, 1, small), tag(&m, 514, 4, 1, size), directory(&m);
    sensor(5000, 3000, 6), directory(&m);
    expect_preview("Canon CR2", true);
}

static void reads_those_with_previews_below(void **state) {
    (void)state;
    static const struct {
        const char *make, *camera;
        unsigned compression;
    } makes[] = {{"NIKON CORPORATION", "Nikon NEF", 34713},
                 {"SONY", "Sony ARW", 32767},
                 {"PENTAX Corporation", "Pentax PEF", 65535},
                 {"SAMSUNG", "Samsung SRW", 32770},
                 {"Nobody knows", "camera's", 1}};
    for (size_t i = 0; i < sizeof makes / sizeof *makes; i++) {
        begin(&m, i == 0 ? "MM\0*" : "II*\0");
        preview_tags();
        const uint32_t preview = directory_alone(&m);
        sensor(6000, 4000, makes[i].compression);
        const uint32_t below[2] = {preview, directory_alone(&m)};
        m.size += m.size % 2;
        const uint32_t list = (uint32_t)m.size;
        put_number(&m, 4, below[0]), put_number(&m, 4, below[1]);
        thumbnail(), tag_text(&m, 271, makes[i].make), tag(&m, 274, 3, 1, 1), tag(&m, 330, 4, 2, list), directory(&m);
        expect_preview(makes[i].camera, false);
    }
}

static void reads_dng(void **state) {
    (void)state;
    begin(&m, "II*\0");
    preview_strip(7);
    const uint32_t preview = directory_alone(&m);
    thumbnail(), tag_text(&m, 271, "Apple"), tag(&m, 330, 4, 1, preview), tag(&m, 50706, 1, 4, 0x401), directory(&m);
    expect_preview("DNG", false);
    begin(&m, "II*\0"); /* a preview of pixels, and no JPEG at all */
    page(&m, WIDTH, HEIGHT, 90);
    tag(&m, 254, 4, 1, 1), tag(&m, 50706, 1, 4, 0x401), directory(&m);
    sensor(6000, 4000, 7), directory(&m);
    liken_error err = {0};
    assert_ok(try_decode(m.data, m.size, 0, NULL, &err), err);
}

/* The notes of Nikon begin with a header of their own, from which their offsets count. */
static void reads_nikon_notes(void **state) {
    (void)state;
    begin(&m, "II*\0");
    const size_t notes = m.size;
    put_bytes(&m, "Nikon\0\2\x10\0\0II*\0\x08\0\0\0", 18);
    tag(&m, 0x11, 4, 1, 8 + 2 + 12 + 4), directory_alone(&m);
    tag(&m, 0x201, 4, 1, 200), tag(&m, 0x202, 4, 1, 0), directory_alone(&m);
    m.size = notes + 10 + 200;
    uint32_t size;
    put_jpeg(&m, WIDTH, HEIGHT, &size);
    put_at(&m, notes + 10 + 8 + 2 + 12 + 4 + 2 + 12 + 8, 4, size);
    tag(&m, 0x927c, 7, 200, (uint32_t)notes);
    const uint32_t exif = directory_alone(&m);
    thumbnail(), tag_text(&m, 271, "NIKON"), tag(&m, 0x8769, 4, 1, exif), directory(&m);
    sensor(6000, 4000, 34713), directory(&m);
    expect_preview("Nikon NEF", false);
}

/* Three headers of notes, two ways to hold the directory in which the preview is named. */
static void reads_olympus_orf(void **state) {
    (void)state;
    static const struct {
        const char *head;
        size_t size;
        bool own;
    } notes[] = {{"OLYMPUS\0II\3\0", 12, true}, {"OM SYSTEM\0\0\0II\4\0", 16, true}, {"OLYMP\0\1\0", 8, false}};
    static const char *const magics[] = {"IIRO", "IIRS", "IIRO"};
    for (size_t i = 0; i < 3; i++) {
        begin(&m, magics[i]);
        uint32_t size;
        const uint32_t jpeg = put_jpeg(&m, WIDTH, HEIGHT, &size), at = put_bytes(&m, notes[i].head, notes[i].size);
        const uint32_t base = notes[i].own ? at : 0;
        const uint32_t settings = at + (uint32_t)notes[i].size + 2 + 12 + 4;
        tag(&m, 0x2020, i == 1 ? 13 : 4, 1, settings - base), directory_alone(&m);
        tag(&m, 0x101, 4, 1, jpeg - base), tag(&m, 0x102, 4, 1, size); /* an own base lies behind the JPEG: see below */
        assert_int_equal(directory_alone(&m), settings);
        if (notes[i].own) { /* once more, behind the notes */
            const uint32_t behind = put_jpeg(&m, WIDTH, HEIGHT, &size);
            put_at(&m, settings + 2 + 8, 4, behind - base);
            memset(m.data + jpeg, 0, size);
        }
        tag(&m, 0x927c, 7, (uint32_t)m.size - at, at);
        const uint32_t exif = directory_alone(&m);
        sensor(4000, 3000, 1), tag_text(&m, 271, "OLYMPUS CORPORATION"), tag(&m, 0x8769, 4, 1, exif), directory(&m);
        expect_preview("Olympus ORF", false);
    }
}

static void reads_panasonic_rw2(void **state) {
    (void)state;
    begin(&m, "IIU\0");
    uint32_t size;
    const uint32_t at = put_jpeg(&m, WIDTH, HEIGHT, &size);
    tag(&m, 0x2e, 7, size, at), tag_text(&m, 271, "Panasonic"), tag(&m, 274, 3, 1, 6), directory(&m);
    expect_preview("Panasonic RW2", true);
}

static void reads_fujifilm_raf(void **state) {
    (void)state;
    begin(&m, "MM\0*");
    memcpy(m.data, "FUJIFILMCCD-RAW 0201FF389501", 28);
    m.size = 148;
    uint32_t size;
    const uint32_t at = put_jpeg(&m, WIDTH, HEIGHT, &size);
    put_at(&m, 84, 4, at), put_at(&m, 88, 4, size);
    expect_preview("Fujifilm RAF", false);
    put_at(&m, 88, 4, (uint32_t)sizeof m.data);
    expect_refusal("without a preview");
}

/* ---- CR3: boxes ------------------------------------------------------------------------------------------ */

static size_t open_box(const char *type) {
    const size_t at = m.size;
    put_number(&m, 4, 0);
    memcpy(m.data + m.size, type, 4);
    m.size += 4;
    return at;
}

static void close_box(size_t at) {
    put_at(&m, at, 4, m.size - at);
}

static void open_cr3(void) {
    begin(&m, "MM\0*");
    m.size = 0;
    const size_t ftyp = open_box("ftyp");
    memcpy(m.data + m.size, "crx \0\0\0\1crx isom", 16);
    m.size += 16;
    close_box(ftyp);
}

/* Canon's box in the movie: orientation, time, and a thumbnail. */
static void put_canon(void) {
    static const uint8_t name[16] = {0x85, 0xc0, 0xb6, 0x87};
    static const char cmt1[] = "II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0",
                      cmt2[] = "II*\0\x08\0\0\0\1\0\3\x90\2\0\x14\0\0\0\x1a\0\0\0\0\0\0\0"
                               "2026:11:30 10:47:00";
    const size_t uuid = open_box("uuid");
    memcpy(m.data + m.size, name, 16);
    m.size += 16;
    size_t b = open_box("CMT1");
    memcpy(m.data + m.size, cmt1, sizeof cmt1), m.size += sizeof cmt1, close_box(b);
    b = open_box("CMT2");
    memcpy(m.data + m.size, cmt2, sizeof cmt2), m.size += sizeof cmt2, close_box(b);
    b = open_box("THMB");
    m.size += 16;
    uint32_t size;
    put_jpeg(&m, 160, 120, &size), close_box(b), close_box(uuid);
}

static void reads_canon_cr3(void **state) {
    (void)state;
    liken_error err = {0};
    lk_photo *photo = NULL;
    open_cr3(); /* the photo itself, in a track */
    const size_t moov = open_box("moov");
    put_canon();
    const size_t trak = open_box("trak"), mdia = open_box("mdia"), minf = open_box("minf"), stbl = open_box("stbl");
    size_t b = open_box("stsz");
    put_number(&m, 4, 0);
    const size_t size_at = m.size;
    put_number(&m, 4, 0), put_number(&m, 4, 1), close_box(b);
    b = open_box("co64");
    put_number(&m, 4, 0), put_number(&m, 4, 1);
    const size_t from_at = m.size;
    put_number(&m, 8, 0), close_box(b), close_box(stbl), close_box(minf), close_box(mdia), close_box(trak);
    close_box(moov);
    b = open_box("mdat");
    uint32_t size;
    const uint32_t at = put_jpeg(&m, WIDTH, HEIGHT, &size);
    put_at(&m, size_at, 4, size), put_at(&m, from_at, 8, at), close_box(b);
    expect_preview("Canon CR3", true);
    assert_ok(lk_photo_open(&photo, m.data, m.size, NULL, &err), err);
    assert_int_equal(lk_photo_captured_at(photo), 1796035620);
    lk_photo_free(photo);
    open_cr3(); /* only the preview */
    const size_t uuid = open_box("uuid");
    static const uint8_t name[16] = {0xea, 0xf4, 0x2b, 0x5e};
    memcpy(m.data + m.size, name, 16);
    m.size += 24;
    b = open_box("PRVW");
    m.size += 16;
    put_jpeg(&m, WIDTH, HEIGHT, &size), close_box(b), close_box(uuid);
    expect_preview("Canon CR3", false);
    open_cr3();
    const size_t lone = open_box("moov");
    put_canon(), close_box(lone);
    expect_refusal("160 x 120");
}

static void says_when_there_is_no_preview(void **state) {
    (void)state;
    begin(&m, "II*\0");
    sensor(6000, 4000, 34713), tag_text(&m, 271, "NIKON"), directory(&m);
    expect_refusal("without a preview");
    begin(&m, "II*\0");
    thumbnail(), tag_text(&m, 271, "NIKON"), directory(&m);
    sensor(6000, 4000, 34713), directory(&m);
    expect_refusal("without a preview");
    begin(&m, "II*\0");
    uint32_t size;
    const uint32_t at = put_jpeg(&m, 160, 120, &size);
    sensor(6000, 4000, 34713), tag_text(&m, 271, "NIKON"), tag(&m, 513, 4, 1, at), tag(&m, 514, 4, 1, size);
    directory(&m);
    expect_refusal("160 x 120");
    static const char *const others[] = {"II\x1a\0\0\0HEAPCCDR", "\0MRM\0\0\0\0\0\0\0\0\0", "FOVb..........."};
    for (size_t i = 0; i < 3; i++) {
        memcpy(m.data, others[i], 14);
        m.size = 14;
        expect_refusal("develop it first");
    }
}

static int start(void **state) {
    (void)state;
    return vips_init("test_raw");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_canon_cr2),
        cmocka_unit_test(reads_those_with_previews_below),
        cmocka_unit_test(reads_dng),
        cmocka_unit_test(reads_nikon_notes),
        cmocka_unit_test(reads_olympus_orf),
        cmocka_unit_test(reads_panasonic_rw2),
        cmocka_unit_test(reads_fujifilm_raf),
        cmocka_unit_test(reads_canon_cr3),
        cmocka_unit_test(says_when_there_is_no_preview),
    };
    return cmocka_run_group_tests_name("image/raw", tests, start, NULL);
}
