/* avx512.c - vectors of 16 floats. A tile is 8 pixels by 32 channels: 16 sums and 2 weights of the 32 registers; the
 * broadcasts are operands in memory. Eight row pointers fit the general registers, more would not. */
#include <immintrin.h>
#include <stdint.h>

#define LANES 16
#define ROWS 8
#define WIDE 2
typedef __m512 vec;

static inline vec vload(const float *p) {
    return _mm512_loadu_ps(p);
}
static inline void vstore(float *p, vec x) {
    _mm512_storeu_ps(p, x);
}
static inline vec vbytes(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
static inline vec vset(float x) {
    return _mm512_set1_ps(x);
}
static inline vec vadd(vec a, vec b) {
    return _mm512_add_ps(a, b);
}
static inline vec vsub(vec a, vec b) {
    return _mm512_sub_ps(a, b);
}
static inline vec vmul(vec a, vec b) {
    return _mm512_mul_ps(a, b);
}
static inline vec vfma(vec a, vec b, vec c) {
    return _mm512_fmadd_ps(a, b, c);
}
/* max and min give their second operand when either is NaN */
static inline vec vabove(vec low, vec x) {
    return _mm512_max_ps(low, x);
}
static inline vec vbelow(vec high, vec x) {
    return _mm512_min_ps(high, x);
}
static inline vec vmaximum(vec a, vec b) {
    const vec larger = _mm512_max_ps(a, b);
    return _mm512_mask_add_ps(larger, _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q), a, b);
}

#include "kern/nets/vector.h"

const lk_kern lk_kern_avx512 = LK_KERN_TABLE(LK_CPU_AVX512);
