#include "kern/search/loops.h"

#include <immintrin.h>
#include <string.h>

#define AHEAD 8192 /* bytes that memory is asked for before they are needed: more than the processor does by itself */

typedef struct pair {
    __m512i low, high;
} pair; /* inner products of the low and of the high halves */

static inline pair line(pair dot, const uint8_t *codes, __m512i q_low, __m512i q_high) {
    _mm_prefetch((const char *)codes + AHEAD, _MM_HINT_T0); /* beyond the end it does no harm */
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

/* Lines are read strictly in order, which is what memory is fastest at; even and odd ones are summed apart, to hide the
 * latency of the products. */
void lk_coarse_vnni(const uint8_t *codes, const uint16_t *values, const int8_t *query, size_t dims, size_t blocks,
                    float slope, float limit, uint16_t *masks) {
    const __m512 slopes = _mm512_set1_ps(slope), limits = _mm512_set1_ps(limit);
    const pair none = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    const size_t lines = dims / 8;
    for (size_t b = 0; b < blocks; b++, codes += 64 * lines) {
        pair even = none, odd = none;
        size_t l = 0;
        for (; l + 2 <= lines; l += 2) {
            int32_t q[4];
            memcpy(q, query + 8 * l, sizeof q);
            even = line(even, codes + 64 * l, _mm512_set1_epi32(q[0]), _mm512_set1_epi32(q[1]));
            odd = line(odd, codes + 64 * l + 64, _mm512_set1_epi32(q[2]), _mm512_set1_epi32(q[3]));
        }
        if (l < lines) {
            int32_t q[2];
            memcpy(q, query + 8 * l, sizeof q);
            even = line(even, codes + 64 * l, _mm512_set1_epi32(q[0]), _mm512_set1_epi32(q[1]));
        }
        even.low = _mm512_add_epi32(even.low, odd.low);
        even.high = _mm512_add_epi32(even.high, odd.high);
        masks[b] = survivors(even, values + 16 * b, slopes, limits);
    }
}
