/* Every CPU level of the index's hot loops gives the bits of the scalar one, whatever the lengths. */
#include "unit/test.h"

#include "base/cpu.h"
#include "kern/search/loops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    lk_cpu level;
    lk_loops loops;
} levels[] = {
#if defined(__x86_64__)
    {"avx2", LK_CPU_AVX2, {lk_squares_avx2, lk_dots_avx2, lk_coarse_avx2, lk_fine_avx2, lk_crc_sse42}},
    {"avx512", LK_CPU_AVX512, {lk_squares_avx512, lk_dots_avx512, lk_coarse_avx2, lk_fine_avx512, lk_crc_sse42}},
    {"vnni", LK_CPU_AVX512, {lk_squares_avx512, lk_dots_avx512, lk_coarse_vnni, lk_fine_avx512, lk_crc_sse42}},
#elif defined(__aarch64__)
    {"neon", LK_CPU_NEON, {lk_squares_neon, lk_dots_neon, lk_coarse_neon, lk_fine_neon, lk_crc_arm}},
#endif
    {"scalar", LK_CPU_SCALAR, {lk_squares_scalar, lk_dots_scalar, lk_coarse_scalar, lk_fine_scalar, lk_crc_scalar}},
};

enum { LEVELS = sizeof levels / sizeof levels[0], MOST_ROWS = 48, MOST_DIMS = 1024 };

static bool here(size_t l) {
    bool there = levels[l].level == LK_CPU_SCALAR || levels[l].level == lk_cpu_level() ||
                 (levels[l].level == LK_CPU_AVX2 && lk_cpu_level() == LK_CPU_AVX512);
#if defined(__x86_64__)
    if (strcmp(levels[l].name, "vnni") == 0)
        there = there && __builtin_cpu_supports("avx512vnni");
#endif
    return there;
}

static uint64_t seed = 1;

static uint32_t draw(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

static float draw_float(int kind) {
    const float u = (float)(draw() >> 8) / 16777216.0f - 0.5f;
    return kind == 0 ? u : kind == 1 ? u * 1e15f : kind == 2 ? u * 1e-30f : draw() % 3 == 0 ? 0 : u * 100;
}

static void *room(size_t bytes) {
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(p);
    return p;
}

static void sums_of_floats(void **state) {
    (void)state;
    static const size_t strides[] = {16, 32, 112, 128, 512, 1024};
    float *x = room(MOST_DIMS * sizeof *x), *rows = room((size_t)9 * MOST_DIMS * sizeof *rows), expected[9], got[9];
    for (size_t l = 0; l < LEVELS; l++)
        for (size_t s = 0; here(l) && s < sizeof strides / sizeof strides[0]; s++)
            for (size_t count = 0; count <= 9; count++) {
                for (size_t i = 0; i < strides[s]; i++)
                    x[i] = draw_float((int)(count % 4));
                for (size_t i = 0; i < 9 * strides[s]; i++)
                    rows[i] = draw_float((int)(count % 4));
                lk_squares_scalar(x, rows, strides[s], count, expected);
                levels[l].loops.squares(x, rows, strides[s], count, got);
                assert_memory_equal(expected, got, count * sizeof *got);
                lk_dots_scalar(x, rows, strides[s], count, expected);
                levels[l].loops.dots(x, rows, strides[s], count, got);
                assert_memory_equal(expected, got, count * sizeof *got);
            }
    free(x);
    free(rows);
}

/* Codes and query as large as they can be, so that a narrow sum would overflow; then any. */
static void fill_codes(uint8_t *codes, size_t bytes, int8_t *query, size_t dims, int kind) {
    for (size_t i = 0; i < bytes; i++)
        codes[i] = kind == 0 ? 0xff : (uint8_t)draw();
    for (size_t i = 0; i < dims; i++)
        query[i] = kind == 0 ? 127 : kind == 1 ? -127 : (int8_t)((int)(draw() % 255) - 127);
}

static void survivors_of_the_coarse_test(void **state) {
    (void)state;
    uint8_t *codes = room((size_t)MOST_ROWS / 2 * MOST_DIMS);
    uint16_t *values = room(MOST_ROWS * sizeof *values), expected[MOST_ROWS / 16], got[MOST_ROWS / 16];
    int8_t query[MOST_DIMS];
    size_t survived = 0, looked = 0;
    for (size_t l = 0; l < LEVELS; l++)
        for (size_t dims = 8; here(l) && dims <= MOST_DIMS; dims += dims < 160 ? 8 : 216)
            for (size_t blocks = 1; blocks <= MOST_ROWS / 16; blocks++)
                for (int kind = 0; kind < 6; kind++) {
                    fill_codes(codes, blocks * 8 * dims, query, dims, kind);
                    for (size_t i = 0; i < 16 * blocks; i++)
                        values[i] = (uint16_t)(draw() % 7 == 0 ? 0 : draw() % 5 == 0 ? 65535 : draw());
                    const float slope = 0.01f * (float)(draw() % 1000);
                    const float limit = kind == 0 ? INFINITY : slope * 30000 + 500 * draw_float(0);
                    lk_coarse_scalar(codes, values, query, dims, blocks, slope, limit, expected);
                    levels[l].loops.coarse(codes, values, query, dims, blocks, slope, limit, got);
                    assert_memory_equal(expected, got, blocks * sizeof *got);
                    for (size_t b = 0; b < blocks; b++)
                        survived += (size_t)__builtin_popcount(got[b]);
                    looked += 16 * blocks;
                }
    assert_true(survived > looked / 10 && survived < looked * 9 / 10);
    free(codes);
    free(values);
}

static void sums_of_fine_records(void **state) {
    (void)state;
    uint8_t *records = room((size_t)MOST_ROWS * MOST_DIMS);
    float *query = room(MOST_DIMS * sizeof *query), *scale = room(MOST_DIMS * sizeof *scale);
    float expected[MOST_ROWS], got[MOST_ROWS];
    uint32_t rows[MOST_ROWS];
    for (size_t l = 0; l < LEVELS; l++)
        for (size_t record = 64; here(l) && record <= MOST_DIMS; record += record < 256 ? 64 : 256)
            for (size_t count = 0; count < 20; count++) {
                for (size_t i = 0; i < MOST_ROWS * record; i++)
                    records[i] = (uint8_t)draw();
                for (size_t i = 0; i < record; i++) {
                    query[i] = i < record - 4 ? draw_float(0) : 0;
                    scale[i] = i < record - 4 ? fabsf(draw_float(0)) / 100 : 0;
                }
                for (size_t i = 0; i < count; i++)
                    rows[i] = draw() % MOST_ROWS;
                lk_fine_scalar(records, record, query, scale, rows, count, expected);
                levels[l].loops.fine(records, record, query, scale, rows, count, got);
                assert_memory_equal(expected, got, count * sizeof *got);
            }
    free(records);
    free(query);
    free(scale);
}

static void checksums(void **state) {
    (void)state;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)draw();
    assert_int_equal(lk_crc_scalar(0, "123456789", 9), 0xe3069283u);
    for (size_t l = 0; l < LEVELS; l++)
        for (size_t first = 0; here(l) && first < 9; first++)
            for (size_t size = 0; first + size <= sizeof bytes; size += 1 + size / 20)
                assert_int_equal(levels[l].loops.crc(77, bytes + first, size), lk_crc_scalar(77, bytes + first, size));
}

static void what_is_tested(void **state) {
    (void)state;
    for (size_t l = 0; l < LEVELS; l++)
        print_message("%s: %s\n", levels[l].name, here(l) ? "tested" : "not on this machine");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_tested),
        cmocka_unit_test(sums_of_floats),
        cmocka_unit_test(survivors_of_the_coarse_test),
        cmocka_unit_test(sums_of_fine_records),
        cmocka_unit_test(checksums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
