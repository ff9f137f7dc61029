#include "unit/test.h"

#include "base/places.h"

#include <stdlib.h>
#include <string.h>

/* NULL: not set. */
static void set(const char *variable, const char *value) {
    assert_int_equal(value == NULL ? unsetenv(variable) : setenv(variable, value, 1), 0);
}

static void a_place_is_as_xdg_says(void **state) {
    (void)state;
    static const struct {
        lk_place place;
        const char *data, *config, *home, *want;
    } cases[] = {
        {LK_PLACE_DATA, "/d", "/c", "/h", "/d/x/y"},
        {LK_PLACE_CONFIG, "/d", "/c", "/h", "/c/x/y"},
        {LK_PLACE_DATA, NULL, "/c", "/h", "/h/.local/share/x/y"},
        {LK_PLACE_CONFIG, "/d", NULL, "/h", "/h/.config/x/y"},
        {LK_PLACE_DATA, "d", NULL, "/h", "/h/.local/share/x/y"},
        {LK_PLACE_CONFIG, NULL, "", "/h", "/h/.config/x/y"},
        {LK_PLACE_DATA, "/d", NULL, NULL, "/d/x/y"},
        {LK_PLACE_DATA, NULL, NULL, NULL, NULL},
        {LK_PLACE_CONFIG, "/d", "c", "", NULL},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        set("XDG_DATA_HOME", cases[i].data);
        set("XDG_CONFIG_HOME", cases[i].config);
        set("HOME", cases[i].home);
        char *path = NULL;
        liken_error err;
        assert_int_equal(lk_place_of(cases[i].place, "x/y", &path, &err), LIKEN_OK);
        if (cases[i].want == NULL)
            assert_null(path);
        else
            assert_string_equal(path, cases[i].want);
        free(path);
    }
}

static void what_is_given_goes_first(void **state) {
    (void)state;
    static const struct {
        const char *given, *variable, *home, *want;
    } cases[] = {
        {"g", "v", "/h", "g"},
        {"", "v", "/h", "v"},
        {NULL, "v", NULL, "v"},
        {NULL, "", "/h", "/h/.local/share/liken"},
        {NULL, NULL, "/h", "/h/.local/share/liken"},
    };
    set("XDG_DATA_HOME", NULL);
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        set("LIKEN_DATA", cases[i].variable);
        set("HOME", cases[i].home);
        char *path = NULL;
        liken_error err;
        assert_int_equal(lk_place_gallery(cases[i].given, &path, &err), LIKEN_OK);
        assert_string_equal(path, cases[i].want);
        free(path);
    }
    set("LIKEN_DATA", NULL);
    set("HOME", NULL);
    char *untouched = NULL;
    liken_error err;
    assert_int_equal(lk_place_gallery(NULL, &untouched, &err), LIKEN_E_ARG);
    assert_null(untouched);
    assert_string_equal(err.message,
                        "Where is the folder of the gallery? Set LIKEN_DATA to it, since HOME is not set.");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_place_is_as_xdg_says),
                                       cmocka_unit_test(what_is_given_goes_first)};
    return cmocka_run_group_tests_name("base/places", tests, NULL, NULL);
}
