/* Every path has a label of its own, which is UTF-8 and from which the path can be had back. */
#include "unit/test.h"

#include "base/error.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void assert_back(const char *path) {
    char *label = liken_label_of_path(path);
    assert_non_null(label);
    assert_true(lk_utf8_valid(label));
    char *again = liken_path_of_label(label);
    assert_non_null(again);
    assert_string_equal(again, path);
    free(label);
    free(again);
}

static void a_path_in_utf8_is_its_own_label(void **state) {
    (void)state;
    static const char *const paths[] = {"", "a/b.jpg", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "\xef\x9d\xbf \xef\xa0\x80"};
    for (size_t i = 0; i < LK_LENGTH(paths); i++) {
        char *label = liken_label_of_path(paths[i]);
        assert_string_equal(label, paths[i]);
        free(label);
        assert_back(paths[i]);
    }
}

static void other_bytes_become_characters(void **state) {
    (void)state;
    static const char *const pairs[][2] = {{"caf\xe9.jpg", "caf\xef\x9f\xa9.jpg"},
                                           {"\x80\xbf\xc0\xff", "\xef\x9e\x80\xef\x9e\xbf\xef\x9f\x80\xef\x9f\xbf"},
                                           {"\xef\x9f\xa9", "\xef\x9f\xaf\xef\x9e\x9f\xef\x9e\xa9"}};
    for (size_t i = 0; i < LK_LENGTH(pairs); i++) {
        char *label = liken_label_of_path(pairs[i][0]);
        assert_string_equal(label, pairs[i][1]);
        free(label);
    }
}

static void every_path_comes_back(void **state) {
    (void)state;
    static const unsigned char often[] = {0xef, 0x9e, 0x9f, 0x80, 0xbf, 0xc3, 0xa9, 0xed, 0xf4, '/', 'a'};
    uint32_t seed = 1;
    for (int round = 0; round < 200000; round++) {
        char path[16];
        const size_t size = (size_t)(round % 12);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525u + 1013904223u;
            const unsigned n = seed >> 16;
            path[i] = (char)(n % 3 == 0 ? n / 3 % 255 + 1 : often[n / 3 % sizeof often]);
        }
        path[size] = '\0';
        assert_back(path);
    }
}

/* One text with the bytes before its first fault, and its characters. */
static void a_text_is_utf8_up_to_its_first_fault(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t good, characters;
    } cases[] = {{"", 0, 0},
                 {"abc", 3, 3},
                 {"\xc3\xa9t\xc3\xa9", 5, 3},
                 {"\xe2\x82\xac\xf0\x9f\x98\x80", 7, 2},
                 {"a\xff", 1, 0},
                 {"a\xc3", 1, 0},        /* cut */
                 {"ab\xc0\xaf", 2, 0},   /* longer than need be */
                 {"\xed\xa0\x80", 0, 0}, /* half of a pair */
                 {"\xf4\x90\x80\x80", 0, 0} /* beyond the last character */};
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        const size_t size = strlen(cases[i].text);
        assert_int_equal(lk_utf8_span(cases[i].text, size), cases[i].good);
        assert_int_equal(lk_utf8_valid(cases[i].text), cases[i].good == size);
        if (cases[i].good == size)
            assert_int_equal(lk_utf8_count(cases[i].text), cases[i].characters);
    }
    assert_int_equal(lk_utf8_span("a\0b", 3), 3); /* a NUL is a character */
}

static void a_cut_falls_between_characters(void **state) {
    (void)state;
    static const char *const text = "a\xc3\xa9\xe2\x82\xac!";
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 7};
    for (size_t size = 0; size < LK_LENGTH(want); size++)
        assert_int_equal(lk_utf8_cut(text, size), want[size]);
}

static void every_character_of_latin1_is_one_of_utf8(void **state) {
    (void)state;
    for (int c = 1; c < 256; c++) {
        char out[3] = {0};
        const size_t size = lk_utf8_of_latin1((unsigned char)c, out);
        assert_int_equal(size, c < 0x80 ? 1 : 2);
        assert_true(lk_utf8_valid(out));
        const unsigned first = (unsigned char)out[0], second = (unsigned char)out[1];
        assert_int_equal(size == 1 ? first : (first & 0x1f) << 6 | (second & 0x3f), c);
    }
}

static void words_are_found_whole(void **state) {
    (void)state;
    assert_int_equal(lk_word_find("file a b", "file"), 0);
    assert_int_equal(lk_word_find("file a b", "b"), 2);
    assert_int_equal(lk_word_find("file  a", "a"), 1);
    static const char *const none[] = {"", " ", "fil", "files", "a b", "c"};
    for (size_t i = 0; i < LK_LENGTH(none); i++)
        assert_int_equal(lk_word_find("file a b", none[i]), -1);
    assert_int_equal(lk_word_find("", ""), -1);
    assert_int_equal(lk_word_find("file|a|b", "b"), 2);
    assert_int_equal(lk_word_find("file|a|b", "a|b"), -1);
}

static void yes_and_no_have_many_words(void **state) {
    (void)state;
    static const char *const yes[] = {"yes", "on", "true", "True", "1", "YES"},
                             *const no[] = {"no", "off", "False", "0"}, *const none[] = {"", "y", "2", "yes ", "maybe"};
    for (size_t i = 0; i < LK_LENGTH(yes); i++)
        assert_int_equal(lk_switch_value(yes[i]), 1);
    for (size_t i = 0; i < LK_LENGTH(no); i++)
        assert_int_equal(lk_switch_value(no[i]), 0);
    for (size_t i = 0; i < LK_LENGTH(none); i++)
        assert_int_equal(lk_switch_value(none[i]), -1);
}

static void texts_are_gathered(void **state) {
    (void)state;
    char **texts = NULL;
    size_t count = 0;
    for (int i = 0; i < 100; i++)
        assert_true(lk_texts_add(&texts, &count, i % 2 == 0 ? "even" : "odd"));
    assert_int_equal(count, 100);
    assert_string_equal(texts[99], "odd");
    lk_texts_free(texts, count);
    lk_texts_free(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_in_utf8_is_its_own_label),
        cmocka_unit_test(other_bytes_become_characters),
        cmocka_unit_test(every_path_comes_back),
        cmocka_unit_test(a_text_is_utf8_up_to_its_first_fault),
        cmocka_unit_test(a_cut_falls_between_characters),
        cmocka_unit_test(every_character_of_latin1_is_one_of_utf8),
        cmocka_unit_test(words_are_found_whole),
        cmocka_unit_test(yes_and_no_have_many_words),
        cmocka_unit_test(texts_are_gathered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
