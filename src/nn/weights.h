/* weights.h - how the readers fill an lk_weights. Inside src/nn only. */
#ifndef LK_NN_WEIGHTS_H
#define LK_NN_WEIGHTS_H

#include "nn/nn.h"

/* Ceilings of every reader. The largest network here has 117 tensors and 5.6 million values. */
#define LK_WEIGHTS_MAX_TENSORS 4096
#define LK_WEIGHTS_MAX_NAME 255
#define LK_WEIGHTS_MAX_VALUES ((size_t)1 << 26)

/* NULL when out of memory. */
lk_weights *lk_weights_new(void);

/* Adds a tensor of zeros and gives its values to fill. Refuses names that are empty, too long, hold a NUL or are there
 * already, ranks over 4, dimensions below 1, and what passes the ceilings. */
int lk_weights_add(lk_weights *w, const char *name, size_t name_size, int rank, const int64_t *shape, float **values,
                   liken_error *err);

/* The float16 at two little-endian bytes. */
float lk_from_half(const uint8_t *at);

#endif
