/* bench_peak.c - compiled with -march=native, so that the compiler takes the widest vectors there are. */
#include "bench_peak.h"

#include <math.h>

#include "base/clock.h"

#ifdef __AVX512F__
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
#define CHAINS 12 /* independent sums: enough to hide the latency, few enough for the registers */
#define ROUNDS 4000000

typedef float vec __attribute__((vector_size(LANES * sizeof(float))));

double bench_peak_gflops(void) {
    double best = 0;
    for (int attempt = 0; attempt < 5; attempt++) {
        vec sum[CHAINS];
        for (int i = 0; i < CHAINS; i++)
            sum[i] = (vec){0} + 0.01f * (float)i; /* all different, or the compiler would do the work once */
        const vec a = (vec){0} + 0.999f, b = (vec){0} + 1e-3f;
        const double start = lk_clock_cpu();
        for (int round = 0; round < ROUNDS; round++)
#pragma GCC unroll 12
            for (int i = 0; i < CHAINS; i++)
                sum[i] = sum[i] * a + b;
        const double took = lk_clock_cpu() - start;
        float total = 0;
        for (int i = 0; i < CHAINS; i++)
            for (int k = 0; k < LANES; k++)
                total += sum[i][k];
        const double rate = 2.0 * LANES * CHAINS * ROUNDS / took / 1e9;
        best = isfinite(total) && rate > best ? rate : best;
    }
    return best;
}
