#include "pictures.h"

#include "image/head.h"

static void names_what_it_refuses(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *words;
    } foreign[] = {{"%PDF-1.7 .....", "PDF"},
                   {"PK\3\4........", "ZIP"},
                   {"\n <svg xmlns=\"http://www.w3.org/2000/svg\"/>", "SVG"},
                   {"<?xml version=\"1.0\"?>\n<svg></svg>", "SVG"},
                   {"<!DOCTYPE html><html></html>", "HTML"},
                   {"hello there", "text"},
                   {"....ftypisom....mp42", "MP4"},
                   {"DDS ............", "DDS"},
                   {"\x01\xda........", "SGI"},
                   {"\xff\x4f\xff\x51....", "JPEG 2000"},
                   {"8BPS........", "Photoshop"},
                   {"RIFF....WAVEfmt ", "WAV"},
                   {"RIFF....AVI LIST", "AVI"}};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        liken_error err = {0};
        lk_photo *photo = NULL;
        assert_int_equal(lk_photo_open(&photo, foreign[i].bytes, strlen(foreign[i].bytes), NULL, &err), LIKEN_E_FORMAT);
        assert_null(photo);
        if (strstr(err.message, foreign[i].words) == NULL)
            fail_msg("%s: %s", foreign[i].words, err.message);
    }
    liken_error err = {0};
    assert_int_equal(try_decode("", 0, 0, NULL, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "empty"));
    assert_int_equal(try_decode("\xff\xd8", 2, 0, NULL, &err), LIKEN_E_FORMAT);
    assert_int_equal(try_decode("\x93\x12\xa7\xfe\xc1\x88\x02", 7, 0, NULL, &err), LIKEN_E_FORMAT);
}

static void knows_its_kinds(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *name;
    } known[] = {{"\xff\xd8\xff\xe0", 4, "jpeg"},
                 {"\x89PNG\r\n\x1a\n", 8, "png"},
                 {"GIF89a", 6, "gif"},
                 {"II*\0", 4, "tiff"},
                 {"MM\0+\0\x08\0\0", 8, "tiff"},
                 {"RIFF....WEBPVP8 ", 16, "webp"},
                 {"\xff\x0a", 2, "jxl"},
                 {"\0\0\0\x0cJXL \r\n\x87\n", 12, "jxl"},
                 {"IIRO", 4, "raw"},
                 {"IIU\0", 4, "raw"},
                 {"FUJIFILMCCD-RAW ", 16, "raw"},
                 {"\0\0\0\x18"
                  "ftypcrx \0\0\0\1crx ",
                  20, "raw"},
                 {"\0\0\0\x1c"
                  "ftypheic\0\0\0\0",
                  16, "heic"},
                 {"\0\0\0\x18"
                  "ftypmif1\0\0\0\0avif",
                  20, "avif"},
                 {"\0\0\1\0\1\0", 6, "ico"},
                 {"P6 1 1 255\n...", 14, "pnm"},
                 {"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0", 18, "bmp"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const char *words;
        assert_string_equal(lk_kind_name(lk_sniff((const uint8_t *)known[i].bytes, known[i].size, &words)),
                            known[i].name);
        assert_null(words);
    }
}

/* Any prefix of a kind's magic is looked at within its bounds and ends in a sentence. */
static void survives_every_short_file(void **state) {
    (void)state;
#define START(text)                                                                                                    \
    { text, sizeof(text) - 1 }
    static const struct {
        const char *bytes;
        size_t size;
    } starts[] = {START("\xff\xd8\xff\xe0\0\x10JFIF"),
                  START("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
                  START("GIF89a\1\0\1\0\x80\0\0"),
                  START("II*\0\x08\0\0\0"),
                  START("RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0"),
                  START("\0\0\0\x18"
                        "ftypheic"),
                  START("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"),
                  START("P3 2 2 255 1 2 3"),
                  START("\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x40\0\0\0\x16\0\0\0")};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        for (size_t size = 0; size <= starts[i].size; size++) {
            uint8_t *exact = malloc(size + (size == 0)); /* so that a sanitizer sees one byte too far */
            assert_non_null(exact);
            memcpy(exact, starts[i].bytes, size);
            liken_error err = {0};
            assert_int_not_equal(try_decode(exact, size, 0, NULL, &err), LIKEN_OK);
            free(exact);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_what_it_refuses), cmocka_unit_test(knows_its_kinds),
                                       cmocka_unit_test(survives_every_short_file)};
    return cmocka_run_group_tests_name("image/sniff", tests, NULL, NULL);
}
