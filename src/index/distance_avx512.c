#include "index/distance.h"

#include <immintrin.h>

static inline float fold(__m512 sixteen) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sixteen), 1));
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sixteen), high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline __m512 step(__m512 sum, __m512 q, const float *x) {
    const __m512 d = _mm512_sub_ps(q, _mm512_load_ps(x));
    return _mm512_add_ps(sum, _mm512_mul_ps(d, d));
}

static inline float one(const float *q, const float *x, size_t stride) {
    __m512 sum = _mm512_setzero_ps();
    for (size_t i = 0; i < stride; i += 16)
        sum = step(sum, _mm512_load_ps(q + i), x + i);
    return fold(sum);
}

/* Four rows at once, to hide the latency of the additions. */
void lk_squares_avx512(const float *query, const float *rows, size_t stride, size_t count, float *out) {
    size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        const float *x = rows + r * stride;
        __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a;
        for (size_t i = 0; i < stride; i += 16) {
            const __m512 q = _mm512_load_ps(query + i);
            a = step(a, q, x + i);
            b = step(b, q, x + stride + i);
            c = step(c, q, x + 2 * stride + i);
            d = step(d, q, x + 3 * stride + i);
        }
        out[r] = fold(a);
        out[r + 1] = fold(b);
        out[r + 2] = fold(c);
        out[r + 3] = fold(d);
    }
    for (; r < count; r++)
        out[r] = one(query, rows + r * stride, stride);
}
