#include "index/loops.h"

#include "base/cpu.h"

static const lk_loops scalar = {lk_squares_scalar};
#if defined(__x86_64__)
static const lk_loops avx2 = {lk_squares_avx2};
static const lk_loops avx512 = {lk_squares_avx512};
#endif

const lk_loops *lk_loops_get(void) {
    switch (lk_cpu_level()) {
#if defined(__x86_64__)
    case LK_CPU_AVX512:
        return &avx512;
    case LK_CPU_AVX2:
        return &avx2;
#endif
    default:
        return &scalar;
    }
}
