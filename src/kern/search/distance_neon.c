#include "kern/search/distance.h"
#include "kern/search/vector128.h"

static inline sums step(sums s, const float *q, const float *x) {
    for (int i = 0; i < 4; i++) {
        const float32x4_t d = vsubq_f32(vld1q_f32(q + 4 * i), vld1q_f32(x + 4 * i));
        s.part[i] = vaddq_f32(s.part[i], vmulq_f32(d, d));
    }
    return s;
}

/* Two rows at once, to hide the latency of the additions. */
static inline void pair(const float *q, const float *x, const float *y, size_t stride, float *out) {
    sums a = no_sums(), b = a;
    for (size_t i = 0; i < stride; i += 16) {
        a = step(a, q + i, x + i);
        b = step(b, q + i, y + i);
    }
    out[0] = fold(a);
    out[1] = fold(b);
}

void lk_squares_neon(const float *query, const float *rows, size_t stride, size_t count, float *out) {
    size_t r = 0;
    for (; r + 2 <= count; r += 2)
        pair(query, rows + r * stride, rows + (r + 1) * stride, stride, out + r);
    if (r < count) {
        float both[2];
        pair(query, rows + r * stride, rows + r * stride, stride, both);
        out[r] = both[0];
    }
}
