#include "base/vector.h"

#include <math.h>
#include <string.h>

bool lk_vector_normalize(const float *v, size_t dimension, float *out) {
    double sum = 0;
    for (size_t i = 0; i < dimension; i++)
        sum += (double)v[i] * (double)v[i];
    if (!(sum > 0) || !isfinite(sum)) {
        memmove(out, v, dimension * sizeof *out);
        return false;
    }
    const double scale = 1 / sqrt(sum);
    for (size_t i = 0; i < dimension; i++)
        out[i] = (float)((double)v[i] * scale);
    return true;
}
