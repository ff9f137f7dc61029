/* avx2.c - vectors of 8 floats with fused multiply-add. A tile is 6 pixels by 16 channels: 12 sums, 2 weights and 1
 * broadcast in the 16 registers. */
#include <immintrin.h>
#include <stdint.h>

#define LANES 8
#define ROWS 6
#define WIDE 1
typedef __m256 vec;

static inline vec vload(const float *p) {
    return _mm256_loadu_ps(p);
}
static inline void vstore(float *p, vec x) {
    _mm256_storeu_ps(p, x);
}
static inline vec vbytes(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
static inline vec vset(float x) {
    return _mm256_set1_ps(x);
}
static inline vec vadd(vec a, vec b) {
    return _mm256_add_ps(a, b);
}
static inline vec vsub(vec a, vec b) {
    return _mm256_sub_ps(a, b);
}
static inline vec vmul(vec a, vec b) {
    return _mm256_mul_ps(a, b);
}
static inline vec vfma(vec a, vec b, vec c) {
    return _mm256_fmadd_ps(a, b, c);
}
/* max and min give their second operand when either is NaN */
static inline vec vabove(vec low, vec x) {
    return _mm256_max_ps(low, x);
}
static inline vec vbelow(vec high, vec x) {
    return _mm256_min_ps(high, x);
}
static inline vec vmaximum(vec a, vec b) {
    const vec larger = _mm256_max_ps(a, b);
    return _mm256_blendv_ps(larger, _mm256_add_ps(a, b), _mm256_cmp_ps(a, b, _CMP_UNORD_Q));
}

#include "kern/nets/vector.h"

const lk_kern lk_kern_avx2 = LK_KERN_TABLE(LK_CPU_AVX2);
