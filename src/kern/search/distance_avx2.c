#include "kern/search/distance.h"
#include "kern/search/vector256.h"

static inline __m256 step(__m256 sum, __m256 q, const float *x) {
    const __m256 d = _mm256_sub_ps(q, _mm256_load_ps(x));
    return _mm256_add_ps(sum, _mm256_mul_ps(d, d));
}

/* Two rows at once, to hide the latency of the additions. */
static inline void pair(const float *q, const float *x, const float *y, size_t stride, float *out) {
    __m256 x0 = _mm256_setzero_ps(), x1 = x0, y0 = x0, y1 = x0;
    for (size_t i = 0; i < stride; i += 16) {
        const __m256 q0 = _mm256_load_ps(q + i), q1 = _mm256_load_ps(q + i + 8);
        x0 = step(x0, q0, x + i);
        x1 = step(x1, q1, x + i + 8);
        y0 = step(y0, q0, y + i);
        y1 = step(y1, q1, y + i + 8);
    }
    out[0] = fold(x0, x1);
    out[1] = fold(y0, y1);
}

void lk_squares_avx2(const float *query, const float *rows, size_t stride, size_t count, float *out) {
    size_t r = 0;
    for (; r + 2 <= count; r += 2)
        pair(query, rows + r * stride, rows + (r + 1) * stride, stride, out + r);
    if (r < count) {
        float both[2];
        pair(query, rows + r * stride, rows + r * stride, stride, both);
        out[r] = both[0];
    }
}
