#include "kern/search/distance.h"

/* The definition. */
static float square(const float *q, const float *x, size_t stride) {
    float sum[16] = {0};
    for (size_t i = 0; i < stride; i += 16)
        for (size_t j = 0; j < 16; j++) {
            const float d = q[i + j] - x[i + j];
            sum[j] += d * d;
        }
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            sum[j] += sum[j + half];
    return sum[0];
}

void lk_squares_scalar(const float *query, const float *rows, size_t stride, size_t count, float *out) {
    for (size_t r = 0; r < count; r++)
        out[r] = square(query, rows + r * stride, stride);
}
