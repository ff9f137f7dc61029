/* A list of words is in the order of its enum: a word given counts as what it says. */
#include "unit/test.h"

#include "base/error.h"
#include "base/text.h"
#include "base/words.h"

#include <string.h>

static void each_word_is_at_its_number(void **state) {
    (void)state;
    static const struct {
        const char *words, *word;
        int number;
    } cases[] = {
        {LK_METRIC_WORDS(" "), "normalized", LIKEN_NORMALIZED},
        {LK_METRIC_WORDS(" "), "l2", LIKEN_L2},
        {LK_SEARCH_WORDS(" "), "auto", LIKEN_SEARCH_AUTO},
        {LK_SEARCH_WORDS(" "), "memory", LIKEN_SEARCH_MEMORY},
        {LK_SEARCH_WORDS(" "), "cube", LIKEN_SEARCH_CUBE},
        {LK_SEARCH_WORDS(" "), "pgvector", LIKEN_SEARCH_PGVECTOR},
        {LK_SEARCH_WORDS(" "), "hnsw", LIKEN_SEARCH_HNSW},
        {LK_KEEP_WORDS(" "), "nothing", LIKEN_KEEP_NOTHING},
        {LK_KEEP_WORDS(" "), "thumbnail", LIKEN_KEEP_THUMBNAIL},
        {LK_KEEP_WORDS(" "), "preview", LIKEN_KEEP_PREVIEW},
        {LK_KEEP_WORDS(" "), "original", LIKEN_KEEP_ORIGINAL},
        {LK_DISTINCT_WORDS(" "), "face", LIKEN_DISTINCT_FACE},
        {LK_DISTINCT_WORDS(" "), "image", LIKEN_DISTINCT_IMAGE},
        {LK_LOG_LEVEL_WORDS(" "), "error", LIKEN_LOG_ERROR},
        {LK_LOG_LEVEL_WORDS(" "), "warn", LIKEN_LOG_WARN},
        {LK_LOG_LEVEL_WORDS(" "), "info", LIKEN_LOG_INFO},
        {LK_LOG_LEVEL_WORDS(" "), "debug", LIKEN_LOG_DEBUG},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++)
        assert_int_equal(lk_word_find(cases[i].words, cases[i].word), cases[i].number);
}

static void codes_are_the_same_words(void **state) {
    (void)state;
    assert_string_equal(liken_metric_code(LIKEN_L2), "l2");
    assert_string_equal(liken_search_code(LIKEN_SEARCH_HNSW), "hnsw");
    assert_string_equal(liken_keep_code(LIKEN_KEEP_ORIGINAL), "original");
    assert_string_equal(liken_event_code(LIKEN_COLLECTION_REMOVED), "collection_removed");
    assert_string_equal(liken_event_code(LIKEN_COLLECTION_CHANGED), "collection_changed");
    assert_string_equal(liken_reason_code(LIKEN_OVER_LIMIT), "over_limit");
    assert_string_equal(liken_reason_code(LIKEN_LOW_LIGHT), "low_light");
    assert_string_equal(liken_reason_code(LIKEN_KEPT), "kept");
}

static void what_is_not_known_has_a_word_too(void **state) {
    (void)state;
    assert_string_equal(liken_metric_code((liken_metric)99), "unknown");
    assert_string_equal(liken_search_code((liken_search)99), "unknown");
    assert_string_equal(liken_keep_code((liken_keep)99), "unknown");
    assert_string_equal(liken_event_code((liken_event_kind)99), "unknown");
    assert_string_equal(liken_reason_code((liken_reason)99), "unknown");
    assert_non_null(liken_reason_advice((liken_reason)99));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_word_is_at_its_number),
                                       cmocka_unit_test(codes_are_the_same_words),
                                       cmocka_unit_test(what_is_not_known_has_a_word_too)};
    return cmocka_run_group_tests_name("base/words", tests, NULL, NULL);
}
