#include "unit/test.h"

#include "face/hog.h"

#include <string.h>

static void says_that_it_is_not_there(void **state) {
    (void)state;
    liken_error err = {0};
    lk_hog *hog = NULL;
    assert_int_equal(lk_hog_new(&hog, &err), LIKEN_E_UNSUPPORTED);
    assert_null(hog);
    assert_non_null(strstr(err.message, "libdlib-dev"));
    lk_hog_free(hog);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_that_it_is_not_there)};
    return cmocka_run_group_tests_name("face/hog_absent", tests, NULL, NULL);
}
