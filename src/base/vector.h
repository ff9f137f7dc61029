/* vector.h - a descriptor made unit length, in double, one at a time; the distance of two is in kern/search. */
#ifndef LK_BASE_VECTOR_H
#define LK_BASE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

/* out = v / |v|; false when v has no direction (then out = v). `out` may be v. */
bool lk_vector_normalize(const float *v, size_t dimension, float *out);

#endif
