#include "kern/search/loops.h"

#include "base/cpu.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static const lk_loops scalar = {lk_squares_scalar, lk_dots_scalar, lk_coarse_scalar, lk_fine_scalar, lk_crc_scalar};
#if defined(__x86_64__)
static const lk_loops avx2 = {lk_squares_avx2, lk_dots_avx2, lk_coarse_avx2, lk_fine_avx2, lk_crc_sse42};
static const lk_loops avx512 = {lk_squares_avx512, lk_dots_avx512, lk_coarse_avx2, lk_fine_avx512, lk_crc_sse42};
static const lk_loops vnni = {lk_squares_avx512, lk_dots_avx512, lk_coarse_vnni, lk_fine_avx512, lk_crc_sse42};
#elif defined(__aarch64__)
static const lk_loops neon = {lk_squares_neon, lk_dots_neon, lk_coarse_neon, lk_fine_neon, lk_crc_scalar};
static const lk_loops neon_crc = {lk_squares_neon, lk_dots_neon, lk_coarse_neon, lk_fine_neon, lk_crc_arm};
#endif

const lk_loops *lk_loops_get(void) {
    switch (lk_cpu_level()) {
#if defined(__x86_64__)
    case LK_CPU_AVX512:
        return __builtin_cpu_supports("avx512vnni") ? &vnni : &avx512;
    case LK_CPU_AVX2: /* every processor with AVX2 has SSE 4.2 */
        return &avx2;
#elif defined(__aarch64__)
    case LK_CPU_NEON:
        return getauxval(AT_HWCAP) & HWCAP_CRC32 ? &neon_crc : &neon;
#endif
    default:
        return &scalar;
    }
}
