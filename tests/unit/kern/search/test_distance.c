#include "unit/test.h"

#include "base/cpu.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    lk_cpu level;
    lk_squares_fn *fn;
} levels[] = {
#if defined(__x86_64__)
    {"avx2", LK_CPU_AVX2, lk_squares_avx2},
    {"avx512", LK_CPU_AVX512, lk_squares_avx512},
#endif
    {"scalar", LK_CPU_SCALAR, lk_squares_scalar},
};

static uint32_t seed = 1;

static float draw(int kind) {
    seed = seed * 1664525u + 1013904223u;
    const float u = (float)(seed >> 8) / 16777216.0f - 0.5f;
    switch (kind) {
    case 0:
        return u;
    case 1:
        return u * 1e15f;
    case 2:
        return u * 1e-30f; /* squares are denormal or zero */
    default:
        return seed % 3 == 0 ? 0 : u * powf(10, (float)(seed >> 10 & 15) - 8);
    }
}

static void every_level_agrees_to_the_bit(void **state) {
    (void)state;
    static const int dimensions[] = {16, 17, 31, 48, 100, 128, 129, 512, 1000, 1024};
    for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++) {
        if (levels[l].level > lk_cpu_level()) {
            print_message("%s: not on this machine\n", levels[l].name);
            continue;
        }
        for (size_t d = 0; d < sizeof dimensions / sizeof dimensions[0]; d++)
            for (size_t count = 0; count <= 9; count++) {
                const size_t stride = lk_row_stride(dimensions[d]);
                float *q = aligned_alloc(64, stride * sizeof *q), expected[9], got[9];
                float *rows = aligned_alloc(64, (count + 1) * stride * sizeof *rows);
                assert_non_null(q);
                assert_non_null(rows);
                for (size_t i = 0; i < stride; i++)
                    q[i] = i < (size_t)dimensions[d] ? draw((int)(count % 4)) : 0;
                for (size_t i = 0; i < count * stride; i++)
                    rows[i] = i % stride < (size_t)dimensions[d] ? draw((int)(count % 4)) : 0;
                lk_squares_scalar(q, rows, stride, count, expected);
                levels[l].fn(q, rows, stride, count, got);
                assert_memory_equal(expected, got, count * sizeof *got);
                free(q);
                free(rows);
            }
    }
}

static void the_sum_is_the_documented_one(void **state) {
    (void)state;
    _Alignas(64) float q[32], x[32], sum[16] = {0}, got;
    for (int i = 0; i < 32; i++) {
        q[i] = draw(0);
        x[i] = draw(0);
    }
    for (int i = 0; i < 32; i++) {
        const volatile float d = q[i] - x[i], square = d * d;
        const volatile float added = sum[i % 16] + square;
        sum[i % 16] = added;
    }
    const float a[4] = {(sum[0] + sum[8]) + (sum[4] + sum[12]), (sum[1] + sum[9]) + (sum[5] + sum[13]),
                        (sum[2] + sum[10]) + (sum[6] + sum[14]), (sum[3] + sum[11]) + (sum[7] + sum[15])};
    const float expected = (a[0] + a[2]) + (a[1] + a[3]);
    lk_squares_scalar(q, x, 32, 1, &got);
    assert_memory_equal(&expected, &got, sizeof got);
}

/* As long as it likes and wherever it lies. */
static void a_distance_of_two_is_that_of_a_search(void **state) {
    (void)state;
    _Alignas(64) float q[80], x[80], square;
    float a[71], b[71];
    for (size_t n = 1; n <= 70; n++) {
        memset(q, 0, sizeof q);
        memset(x, 0, sizeof x);
        for (size_t i = 0; i < n; i++) {
            a[i + 1] = q[i] = draw((int)(n % 4));
            b[i + 1] = x[i] = draw((int)(n % 4));
        }
        lk_squares_scalar(q, x, lk_row_stride((int)n), 1, &square);
        const float expected = sqrtf(square), got = lk_distance(a + 1, b + 1, n);
        assert_memory_equal(&expected, &got, sizeof got);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_agrees_to_the_bit),
        cmocka_unit_test(the_sum_is_the_documented_one),
        cmocka_unit_test(a_distance_of_two_is_that_of_a_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
