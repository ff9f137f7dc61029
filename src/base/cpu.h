/* cpu.h - which instruction sets this machine really offers (the CPU has them and the system saves their
 * registers), found once. LIKEN_CPU=scalar|avx2|avx512|neon lowers the level; it cannot raise it. */
#ifndef LK_BASE_CPU_H
#define LK_BASE_CPU_H

typedef enum lk_cpu { LK_CPU_SCALAR = 0, LK_CPU_AVX2, LK_CPU_AVX512, LK_CPU_NEON } lk_cpu;

lk_cpu lk_cpu_level(void);         /* best allowed level; thread-safe */
const char *lk_cpu_name(lk_cpu c); /* "avx2" */
int lk_cpu_count(void);            /* CPUs this process may use, at least 1 */

#endif
