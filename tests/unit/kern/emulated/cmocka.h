/* cmocka.h - as much of cmocka as unit/kern/nets/test_kern.c and unit/kern/search/test_loops.c use, so that they run
 * where cmocka itself is not: on an emulated CPU. */
#ifndef LK_TESTS_EMULATED_CMOCKA_H
#define LK_TESTS_EMULATED_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define fail_msg(...) (printf(__VA_ARGS__), printf("\n"), exit(1))
#define assert_true(c) ((c) ? (void)0 : fail_msg("%s:%d: %s", __FILE__, __LINE__, #c))
#define assert_non_null(p) assert_true((p) != NULL)
#define assert_int_equal(a, b) assert_true((a) == (b))
#define assert_memory_equal(a, b, size) assert_true(memcmp(a, b, size) == 0)
#define print_message printf

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(f)                                                                                            \
    { #f, f }
#define cmocka_run_group_tests_name(name, tests, setup, teardown) run_all(tests, sizeof(tests) / sizeof((tests)[0]))
#define cmocka_run_group_tests(tests, setup, teardown) cmocka_run_group_tests_name("", tests, setup, teardown)

static inline int run_all(const struct CMUnitTest *tests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        tests[i].run(NULL);
        printf("[       OK ] %s (emulated)\n", tests[i].name);
        fflush(stdout);
    }
    return 0;
}

#endif
