#include "kern/search/distance.h"
#include "kern/search/vector512.h"

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
