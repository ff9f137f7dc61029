#include "index/loops.h"

#include <immintrin.h>
#include <string.h>

typedef struct pair {
    __m512i low, high;
} pair; /* inner products of the low and of the high halves */

static inline pair line(pair dot, const uint8_t *codes, __m512i q_low, __m512i q_high) {
    const __m512i half = _mm512_set1_epi8(15), both = _mm512_load_si512(codes);
    dot.low = _mm512_dpbusd_epi32(dot.low, _mm512_and_si512(both, half), q_low);
    dot.high = _mm512_dpbusd_epi32(dot.high, _mm512_and_si512(_mm512_srli_epi16(both, 4), half), q_high);
    return dot;
}

static inline uint16_t survivors(pair dot, const uint16_t *values, __m512 slope, __m512 limit) {
    const __m512i value = _mm512_cvtepu16_epi32(_mm256_load_si256((const __m256i *)values));
    const __m512 scaled = _mm512_mul_ps(slope, _mm512_cvtepi32_ps(value));
    const __m512 left = _mm512_sub_ps(scaled, _mm512_cvtepi32_ps(_mm512_add_epi32(dot.low, dot.high)));
    return (uint16_t)(_mm512_cmp_ps_mask(left, limit, _CMP_LE_OQ) | _mm512_testn_epi32_mask(value, value));
}

/* Two blocks at once, to hide the latency of the products. */
void lk_coarse_vnni(const uint8_t *codes, const uint16_t *values, const int8_t *query, size_t dims, size_t blocks,
                    float slope, float limit, uint16_t *masks) {
    const __m512 slopes = _mm512_set1_ps(slope), limits = _mm512_set1_ps(limit);
    const pair none = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    for (size_t b = 0; b < blocks; b += 2) {
        const uint8_t *x = codes + b * dims * 8, *y = b + 1 < blocks ? x + dims * 8 : x;
        pair dx = none, dy = none;
        for (size_t l = 0; l < dims / 8; l++) {
            int32_t q[2];
            memcpy(q, query + 8 * l, sizeof q);
            const __m512i q_low = _mm512_set1_epi32(q[0]), q_high = _mm512_set1_epi32(q[1]);
            dx = line(dx, x + 64 * l, q_low, q_high);
            dy = line(dy, y + 64 * l, q_low, q_high);
        }
        masks[b] = survivors(dx, values + 16 * b, slopes, limits);
        if (b + 1 < blocks)
            masks[b + 1] = survivors(dy, values + 16 * b + 16, slopes, limits);
    }
}
