#include "kern/search/loops.h"
#include "kern/search/vector512.h"

static inline __m512 dot_step(__m512 sum, __m512 x, const float *row) {
    return _mm512_add_ps(sum, _mm512_mul_ps(x, _mm512_load_ps(row)));
}

/* Four rows at once, to hide the latency of the additions. */
void lk_dots_avx512(const float *x, const float *rows, size_t stride, size_t count, float *out) {
    size_t r = 0;
    for (; r + 4 <= count; r += 4) {
        const float *row = rows + r * stride;
        __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a;
        for (size_t i = 0; i < stride; i += 16) {
            const __m512 xi = _mm512_load_ps(x + i);
            a = dot_step(a, xi, row + i);
            b = dot_step(b, xi, row + stride + i);
            c = dot_step(c, xi, row + 2 * stride + i);
            d = dot_step(d, xi, row + 3 * stride + i);
        }
        out[r] = fold(a);
        out[r + 1] = fold(b);
        out[r + 2] = fold(c);
        out[r + 3] = fold(d);
    }
    for (; r < count; r++) {
        __m512 a = _mm512_setzero_ps();
        for (size_t i = 0; i < stride; i += 16)
            a = dot_step(a, _mm512_load_ps(x + i), rows + r * stride + i);
        out[r] = fold(a);
    }
}

void lk_fine_avx512(const uint8_t *records, size_t record, const float *query, const float *scale, const uint32_t *rows,
                    size_t count, float *out) {
    for (size_t r = 0; r < count; r++) {
        const uint8_t *bytes = records + rows[r] * record;
        if (r + 8 < count)
            _mm_prefetch((const char *)(records + rows[r + 8] * record), _MM_HINT_T0);
        __m512 sum = _mm512_setzero_ps();
        for (size_t i = 0; i < record; i += 16) {
            const __m512i code = _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)(bytes + i)));
            const __m512 decoded = _mm512_mul_ps(_mm512_load_ps(scale + i), _mm512_cvtepi32_ps(code));
            const __m512 d = _mm512_sub_ps(_mm512_load_ps(query + i), decoded);
            sum = _mm512_add_ps(sum, _mm512_mul_ps(d, d));
        }
        out[r] = fold(sum);
    }
}
