/* bench_peak.h - what one core can do at best: fused multiply-adds on registers, nothing else. */
#ifndef LK_BENCH_PEAK_H
#define LK_BENCH_PEAK_H

/* GFLOP/s of the widest vectors that this file was compiled for. */
double bench_peak_gflops(void);

#endif
