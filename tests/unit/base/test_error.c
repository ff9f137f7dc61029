#include "unit/test.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

static void says_and_returns(void **state) {
    (void)state;
    liken_error err = {0};
    assert_int_equal(lk_fail(&err, LIKEN_E_ARG, "limit is %d.", 0), LIKEN_E_ARG);
    assert_int_equal(err.code, LIKEN_E_ARG);
    assert_string_equal(err.message, "limit is 0.");
    assert_int_equal(lk_fail(NULL, LIKEN_E_IO, "nobody listens"), LIKEN_E_IO);
    (void)lk_fail_errno(&err, LIKEN_E_IO, ENOENT, "x.jpg cannot be read");
    assert_string_equal(err.message, "x.jpg cannot be read: No such file or directory");
    lk_error_prefix(&err, "photo %d", 7);
    assert_string_equal(err.message, "photo 7: x.jpg cannot be read: No such file or directory");
}

static void a_long_message_is_cut_not_overrun(void **state) {
    (void)state;
    struct {
        liken_error err;
        char guard[8];
    } box = {.guard = "guarded"};
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)lk_fail_errno(&box.err, LIKEN_E_IO, EIO, "%s", name);
    lk_error_prefix(&box.err, "%s", name);
    assert_string_equal(box.guard, "guarded");
    assert_int_equal(strlen(box.err.message), sizeof box.err.message - 1);
}

static void every_status_has_a_code(void **state) {
    (void)state;
    assert_string_equal(liken_status_code(LIKEN_OK), "ok");
    assert_string_equal(liken_status_code(LIKEN_E_FORMAT), "not_an_image");
    assert_string_equal(liken_status_code(LIKEN_E_INTERNAL), "internal_error");
    assert_string_equal(liken_status_code(LIKEN_E_FULL), "store_full");
    assert_string_equal(liken_status_code(LIKEN_E_READ_ONLY), "read_only");
    assert_string_equal(liken_status_code(LIKEN_E_DEADLINE), "deadline");
    assert_string_equal(liken_status_code(LIKEN_E_GONE), "gone");
    assert_string_equal(liken_status_code(LIKEN_E_GONE - 1), "unknown");
    assert_string_equal(liken_status_code(1), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_and_returns),
                                       cmocka_unit_test(a_long_message_is_cut_not_overrun),
                                       cmocka_unit_test(every_status_has_a_code)};
    return cmocka_run_group_tests_name("base/error", tests, NULL, NULL);
}
