#include "kern/search/distance.h"

#include <math.h>

/* The definition. What is missing to the sixteen at the end counts as zeros, which change no sum. */
static float square(const float *q, const float *x, size_t dimension) {
    const size_t whole = dimension & ~(size_t)15;
    float sum[16] = {0};
    for (size_t i = 0; i < whole; i += 16)
        for (size_t j = 0; j < 16; j++) {
            const float d = q[i + j] - x[i + j];
            sum[j] += d * d;
        }
    for (size_t i = whole; i < dimension; i++) {
        const float d = q[i] - x[i];
        sum[i - whole] += d * d;
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

float lk_distance(const float *a, const float *b, size_t dimension) {
    return sqrtf(square(a, b, dimension));
}
