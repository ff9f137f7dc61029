#include "unit/test.h"

#include "base/arena.h"

#include <string.h>

static void gives_zeroed_aligned_memory_of_any_size(void **state) {
    (void)state;
    lk_arena a = {0};
    for (size_t size = 1; size < 300000; size = size * 3 + 1) {
        unsigned char *p = lk_arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (size >= 64 ? 64 : 16), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xee, size);
    }
    assert_null(lk_arena_alloc(&a, SIZE_MAX));
    assert_string_equal(lk_arena_string(&a, "text"), "text");
    assert_null(lk_arena_string(&a, NULL));
    lk_arena_free(&a);
    lk_arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_zeroed_aligned_memory_of_any_size)};
    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
