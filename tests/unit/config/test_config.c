#include "unit/test.h"

#include "base/buf.h"
#include "base/limits.h"
#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A configuration from these flags; the words that are left are dropped. */
static int load(lk_config **c, liken_error *err, char **argv) {
    int argc = 0;
    while (argv[argc] != NULL)
        argc++;
    lk_arguments words = {0};
    lk_config *made = NULL;
    int rc = lk_config_flags(&made, &words, argc, argv, LK_ALL_SETTINGS, err);
    if (rc == LIKEN_OK)
        rc = lk_config_complete(made, err);
    free(words.words);
    if (rc == LIKEN_OK)
        *c = made;
    else
        lk_config_free(made);
    return rc;
}
#define LOAD(c, err, ...) load(c, err, (char *[]){"liken", __VA_ARGS__, NULL})

static int isolate(void **state) {
    (void)state;
    return setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
}

static void defaults_are_those_of_the_table(void **state) {
    (void)state;
    liken_error err = {0};
    lk_config *c = NULL;
    assert_ok(lk_config_new(&c, &err), err);
    assert_int_equal(lk_config_size(c, LK_SET_MAX_FILE), 64 << 20);
    assert_int_equal(lk_config_size(c, LK_SET_MAX_FILE), LK_DEFAULT_FILE_BYTES); /* as who calls the library has it */
    assert_int_equal(lk_config_number(c, LK_SET_MAX_MEGAPIXELS) * 1e6, LK_DEFAULT_PIXELS);
    assert_int_equal(lk_config_number(c, LK_SET_MAX_FACES), LK_DEFAULT_FACES);
    assert_int_equal(lk_config_number(c, LK_SET_QUEUE), LK_DEFAULT_QUEUE);
    assert_int_equal(lk_config_size(c, LK_SET_PORT), 9000);
    assert_string_equal(lk_config_text(c, LK_SET_COLLECTION), "default");
    assert_null(lk_config_text(c, LK_SET_DATA));
    assert_int_equal(lk_config_choice(c, LK_SET_DETECTOR), 0);
    assert_false(lk_config_switch(c, LK_SET_JSON));
    assert_false(lk_config_given(c, LK_SET_PORT));
    assert_string_equal(lk_config_origin(c, LK_SET_PORT), "default");
    lk_config_free(c);
    lk_config_free(NULL);
}

/* Whatever the library takes can be asked for by a flag. */
static void the_largest_is_the_same_everywhere(void **state) {
    (void)state;
    static char *const flags[] = {"--threads=1024", "--max-faces=100000", "--threshold=1000000",
                                  "--max-false-matches=1e12", "--limit=10000"};
    for (size_t i = 0; i < LK_LENGTH(flags); i++) {
        liken_error err = {0};
        lk_config *c = NULL;
        char *argv[] = {"liken", "search", flags[i], NULL};
        assert_ok(load(&c, &err, argv), err);
        lk_config_free(c);
    }
}

static void every_row_is_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < LK_SET_COUNT; i++) {
        const lk_setting *s = &lk_settings[i];
        assert_non_null(s->name);
        assert_true(s->where & LK_IN_FLAG);
        assert_int_equal(s->help[strlen(s->help) - 1], '.');
        assert_int_equal(s->value_name == NULL, s->type == LK_SWITCH);
        if (s->type == LK_INTEGER || s->type == LK_NUMBER || s->type == LK_SIZE)
            assert_true(s->low < s->high);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(s->name, lk_settings[j].name);
    }
    char variable[64];
    lk_setting_variable(lk_settings[LK_SET_MAX_FILE].name, variable, sizeof variable);
    assert_string_equal(variable, "LIKEN_MAX_FILE");
}

static void flag_beats_environment_beats_file(void **state) {
    (void)state;
    liken_error err = {0};
    lk_config *c = NULL;
    char path[] = "/tmp/liken-conf-XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const char text[] = "# comment\nport = 1111\nthreads=3\r\n\n  max-file = 2M  \n";
    assert_ok(lk_file_write(path, text, strlen(text), &err), err);
    setenv("LIKEN_CONFIG", path, 1);
    setenv("LIKEN_PORT", "2222", 1);
    setenv("LIKEN_THREADS", "", 1); /* empty is not given */
    assert_ok(LOAD(&c, &err, "--port=3333"), err);
    assert_int_equal(lk_config_size(c, LK_SET_PORT), 3333);
    assert_string_equal(lk_config_origin(c, LK_SET_PORT), "--port");
    lk_config_free(c);
    assert_ok(LOAD(&c, &err, "serve"), err);
    assert_int_equal(lk_config_size(c, LK_SET_PORT), 2222);
    assert_string_equal(lk_config_origin(c, LK_SET_PORT), "LIKEN_PORT");
    assert_int_equal(lk_config_size(c, LK_SET_THREADS), 3);
    assert_int_equal(lk_config_size(c, LK_SET_MAX_FILE), 2 << 20);
    char origin[100];
    (void)snprintf(origin, sizeof origin, "%s:5: max-file", path);
    assert_string_equal(lk_config_origin(c, LK_SET_MAX_FILE), origin);
    lk_config_free(c);
    setenv("LIKEN_PORT", "high", 1);
    assert_int_equal(LOAD(&c, &err, "--port=3333"), LIKEN_E_ARG);
    assert_string_equal(err.message, "LIKEN_PORT: \"high\" is not a whole number.");
    unsetenv("LIKEN_PORT");
    unsetenv("LIKEN_THREADS");
    unlink(path);
    assert_int_equal(LOAD(&c, &err, "x"), LIKEN_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "LIKEN_CONFIG"));
    unsetenv("LIKEN_CONFIG");
}

static void words_and_flags_may_mix(void **state) {
    (void)state;
    liken_error err = {0};
    lk_config *c = NULL;
    lk_arguments words = {0};
    char *argv[] = {"liken", "--tag", "a", "add", "-", "-0", "--tag=b", "--", "--json", NULL};
    assert_ok(lk_config_flags(&c, &words, 9, argv, LK_ALL_SETTINGS, &err), err);
    assert_int_equal(words.count, 3);
    assert_string_equal(words.words[0], "add");
    assert_string_equal(words.words[1], "-");
    assert_string_equal(words.words[2], "--json");
    size_t count = 0;
    const char *const *tags = lk_config_list(c, LK_SET_TAG, &count);
    assert_int_equal(count, 2);
    assert_string_equal(tags[0], "a");
    assert_string_equal(tags[1], "b");
    assert_true(lk_config_switch(c, LK_SET_NULL));
    assert_false(lk_config_switch(c, LK_SET_JSON));
    assert_ok(lk_config_check_taken(c, LK_BIT(TAG) | LK_BIT(NULL), "liken add", &err), err);
    assert_int_equal(lk_config_check_taken(c, LK_BIT(TAG), "liken add", &err), LIKEN_E_ARG);
    assert_string_equal(err.message, "liken add does not take --null; see liken add --help.");
    free(words.words);
    lk_config_free(c);
}

static void bad_values_are_named(void **state) {
    (void)state;
    static const struct {
        char *flag;
        const char *sentence;
    } cases[] = {
        {"--port=70000", "--port: 70000 is out of range; it may be from 0 to 65535."},
        {"--port=-1", "--port: -1 is out of range; it may be from 0 to 65535."},
        {"--port=1.5", "--port: \"1.5\" is not a whole number."},
        {"--port=", "--port: \"\" is not a whole number."},
        {"--threshold=nan", "--threshold: \"nan\" is not a number."},
        {"--threshold=1e999", "--threshold: \"1e999\" is not a number."},
        {"--threshold=0x1p3", "--threshold: \"0x1p3\" is not a number."},
        {"--max-file=64X", "--max-file: \"64X\" is not a size; write bytes, or 512K, 64M, 2G."},
        {"--max-file=64MM", "--max-file: \"64MM\" is not a size; write bytes, or 512K, 64M, 2G."},
        {"--max-file=9G", "--max-file: 9G is out of range; it may be from 1024 to 4294967296."},
        {"--detector=magic", "--detector: \"magic\" is not one of auto|yunet|ssd|hog."},
        {"--detector=auto|yunet", "--detector: \"auto|yunet\" is not one of auto|yunet|ssd|hog."},
        {"--json=maybe", "--json: \"maybe\" is neither yes nor no."},
        {"--data=", "--data: the value is empty."},
        {"--prot=1", "There is no flag --prot; did you mean --port?"},
        {"--qqqqqqqqqqqqq", "There is no flag --qqqqqqqqqqqqq; see liken help."},
        {"-x", "There is no flag -x; see liken help."},
        {"--port", "--port needs a value: PORT."},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_error err = {0};
        lk_config *c = NULL;
        assert_int_equal(LOAD(&c, &err, cases[i].flag), LIKEN_E_ARG);
        assert_string_equal(err.message, cases[i].sentence);
        assert_null(c);
    }
}

static void a_tilde_is_the_home_of_whoever_runs_it(void **state) {
    (void)state;
    liken_error err = {0};
    lk_config *c = NULL;
    char *home = strdup(getenv("HOME") == NULL ? "" : getenv("HOME"));
    assert_int_equal(setenv("HOME", "/home/somebody", 1), 0);
    assert_ok(LOAD(&c, &err, "--data=~/photos", "--models=~", "--key-file=a~/b", "--collection=~x"), err);
    assert_string_equal(lk_config_text(c, LK_SET_DATA), "/home/somebody/photos");
    assert_string_equal(lk_config_text(c, LK_SET_MODELS), "/home/somebody");
    assert_string_equal(lk_config_text(c, LK_SET_KEY_FILE), "a~/b");
    assert_string_equal(lk_config_text(c, LK_SET_COLLECTION), "~x");
    lk_config_free(c);
    assert_ok(lk_config_new(&c, &err), err);
    assert_ok(lk_config_read(c, "f", "data = ~/photos\n", 16, &err), err);
    assert_string_equal(lk_config_text(c, LK_SET_DATA), "/home/somebody/photos");
    assert_int_equal(lk_config_read(c, "f", "models = ~other/x\n", 18, &err), LIKEN_E_ARG);
    assert_string_equal(err.message, "f:1: models: of homes only your own, ~/, is understood; write the whole path for "
                                     "~other/x.");
    assert_int_equal(unsetenv("HOME"), 0);
    assert_int_equal(lk_config_read(c, "f", "models = ~/x\n", 13, &err), LIKEN_E_ARG);
    assert_string_equal(err.message, "f:1: models: HOME is not set; write the whole path for ~/x.");
    lk_config_free(c);
    assert_int_equal(setenv("HOME", home, 1), 0);
    free(home);
}

static void sizes_have_units(void **state) {
    (void)state;
    static const struct {
        char *flag;
        size_t bytes;
    } cases[] = {{"--max-file=2048", 2048},
                 {"--max-file=2k", 2048},
                 {"--max-file=3MB", 3u << 20},
                 {"--max-file=1GiB", 1u << 30}};
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_error err = {0};
        lk_config *c = NULL;
        assert_ok(LOAD(&c, &err, cases[i].flag), err);
        assert_int_equal(lk_config_size(c, LK_SET_MAX_FILE), cases[i].bytes);
        lk_config_free(c);
    }
}

static void bad_files_are_named_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"port = 1\nnonsense\n", "f:2: the line is not \"name = value\"."},
        {"prot = 1", "f:1: there is no setting \"prot\"; did you mean port?"},
        {"zzzzzzzz = 1", "f:1: there is no setting \"zzzzzzzz\"."},
        {"port = 1\n\nport = 2", "f:3: port was given on line 1 already."},
        {"yes = yes", "f:1: yes can only be given as a flag."},
        {"data = a\x1b[0m", "f:1: the line holds a control character."},
        {"port = 99999999", "f:1: port: 99999999 is out of range; it may be from 0 to 65535."},
        {"data =", "f:1: data: the value is empty."},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_error err = {0};
        lk_config *c = NULL;
        assert_ok(lk_config_new(&c, &err), err);
        assert_int_equal(lk_config_read(c, "f", cases[i].text, strlen(cases[i].text), &err), LIKEN_E_ARG);
        assert_string_equal(err.message, cases[i].sentence);
        lk_config_free(c);
    }
    liken_error err = {0};
    lk_config *c = NULL;
    assert_ok(lk_config_new(&c, &err), err);
    assert_int_equal(lk_config_read(c, "f", "a\0b", 3, &err), LIKEN_E_ARG);
    char *large = calloc(1, 70000);
    assert_non_null(large);
    memset(large, '#', 70000);
    assert_int_equal(lk_config_read(c, "f", large, 70000, &err), LIKEN_E_TOO_LARGE);
    assert_int_equal(lk_config_read(c, "f", large, 5000, &err), LIKEN_E_ARG);
    free(large);
    assert_ok(lk_config_read(c, "f", "\xef\xbb\xbfport = 7", 11, &err), err);
    assert_int_equal(lk_config_size(c, LK_SET_PORT), 7);
    lk_config_free(c);
}

static void near_words_are_suggested(void **state) {
    (void)state;
    const char *const names[] = {"add", "search", "compare", "detect", "collections"};
    assert_string_equal(lk_suggest("serach", names, 5), "search");
    assert_string_equal(lk_suggest("ad", names, 5), "add");
    assert_string_equal(lk_suggest("coll", names, 5), "collections");
    assert_null(lk_suggest("frobnicate", names, 5));
    assert_null(lk_suggest("", names, 5));
    assert_null(lk_suggest("a very long word indeed, longer than any command", names, 5));
}

/* Of the same rank the name of today counts. */
static void names_that_settings_had_are_taken(void **state) {
    (void)state;
    liken_error err = {0};
    lk_config *c = NULL;
    const char file[] = "seed-table = a\n", both[] = "seed-table = a\nlegacy-table = b\n";
    assert_ok(lk_config_new(&c, &err), err);
    assert_ok(lk_config_read(c, "f", file, strlen(file), &err), err);
    assert_string_equal(lk_config_text(c, LK_SET_LEGACY_TABLE), "a");
    assert_int_equal(lk_config_read(c, "f", both, strlen(both), &err), LIKEN_E_ARG);
    lk_config_free(c);
    setenv("LIKEN_SEED_TABLE", "c", 1);
    assert_ok(LOAD(&c, &err, "x"), err);
    assert_string_equal(lk_config_text(c, LK_SET_LEGACY_TABLE), "c");
    lk_config_free(c);
    setenv("LIKEN_LEGACY_TABLE", "d", 1);
    assert_ok(LOAD(&c, &err, "x"), err);
    assert_string_equal(lk_config_text(c, LK_SET_LEGACY_TABLE), "d");
    lk_config_free(c);
    assert_ok(LOAD(&c, &err, "--seed-table", "e"), err);
    assert_string_equal(lk_config_text(c, LK_SET_LEGACY_TABLE), "e");
    lk_config_free(c);
    unsetenv("LIKEN_SEED_TABLE");
    unsetenv("LIKEN_LEGACY_TABLE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_table),
        cmocka_unit_test(the_largest_is_the_same_everywhere),
        cmocka_unit_test(every_row_is_whole),
        cmocka_unit_test(flag_beats_environment_beats_file),
        cmocka_unit_test(words_and_flags_may_mix),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(a_tilde_is_the_home_of_whoever_runs_it),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(bad_files_are_named_with_their_line),
        cmocka_unit_test(near_words_are_suggested),
        cmocka_unit_test(names_that_settings_had_are_taken),
    };
    return cmocka_run_group_tests_name("config", tests, isolate, NULL);
}
