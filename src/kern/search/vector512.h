/* vector512.h - the end of a sum at the AVX-512 level, in the order that distance.h defines. */
#ifndef LK_KERN_SEARCH_VECTOR512_H
#define LK_KERN_SEARCH_VECTOR512_H

#include <immintrin.h>

static inline float fold(__m512 sixteen) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sixteen), 1));
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sixteen), high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

#endif
