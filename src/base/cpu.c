#include "base/cpu.h"

#include "base/log.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"scalar", "avx2", "avx512", "neon"};

static lk_cpu found(void) {
#if defined(__x86_64__)
    __builtin_cpu_init(); /* checks xgetbv as well as cpuid */
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return LK_CPU_SCALAR;
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
               ? LK_CPU_AVX512
               : LK_CPU_AVX2;
#elif defined(__aarch64__)
    return LK_CPU_NEON; /* part of the base instruction set */
#else
    return LK_CPU_SCALAR;
#endif
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static lk_cpu level;

static void choose(void) {
    const lk_cpu best = found();
    level = best;
    const char *want = getenv("LIKEN_CPU");
    if (want == NULL || *want == '\0')
        return;
    for (int i = LK_CPU_SCALAR; i <= LK_CPU_NEON; i++) {
        if (strcmp(want, names[i]) != 0)
            continue;
        const int allowed = i == LK_CPU_SCALAR || i == (int)best || (i == LK_CPU_AVX2 && best == LK_CPU_AVX512);
        if (allowed)
            level = (lk_cpu)i;
        else
            lk_log(LIKEN_LOG_WARN, "LIKEN_CPU=%s is not possible on this machine; using %s.", want, names[best]);
        return;
    }
    lk_log(LIKEN_LOG_WARN, "LIKEN_CPU=%s is not a level (scalar, avx2, avx512, neon); using %s.", want, names[best]);
}

lk_cpu lk_cpu_level(void) {
    pthread_once(&once, choose);
    return level;
}

const char *lk_cpu_name(lk_cpu c) {
    return names[c];
}

int lk_cpu_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    const int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n;
}
