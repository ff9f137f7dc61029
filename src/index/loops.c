#include "index/loops.h"

#include "base/cpu.h"

static const lk_loops scalar = {lk_squares_scalar, lk_dots_scalar, lk_coarse_scalar, lk_fine_scalar, lk_crc_scalar};
#if defined(__x86_64__)
static const lk_loops avx2 = {lk_squares_avx2, lk_dots_avx2, lk_coarse_avx2, lk_fine_avx2, lk_crc_sse42};
static const lk_loops avx512 = {lk_squares_avx512, lk_dots_avx512, lk_coarse_avx2, lk_fine_avx512, lk_crc_sse42};
static const lk_loops vnni = {lk_squares_avx512, lk_dots_avx512, lk_coarse_vnni, lk_fine_avx512, lk_crc_sse42};
#endif

const lk_loops *lk_loops_get(void) {
    switch (lk_cpu_level()) {
#if defined(__x86_64__)
    case LK_CPU_AVX512:
        return __builtin_cpu_supports("avx512vnni") ? &vnni : &avx512;
    case LK_CPU_AVX2: /* every processor with AVX2 has SSE 4.2 */
        return &avx2;
#endif
    default:
        return &scalar;
    }
}
