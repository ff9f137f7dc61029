/* rivals.h - the other engines, each behind the same few functions. */
#ifndef LK_BENCH_RIVALS_H
#define LK_BENCH_RIVALS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rival {
    const char *name; /* with its version */
    void *(*build)(const float *vectors, size_t count, int dimension);
    void (*set)(void *index, int effort); /* NULL: exact, nothing to set */
    void (*search)(void *index, const float *query, int k, int64_t *ids);
    void (*free)(void *index);
    const int *efforts; /* ends with 0 */
} rival;

extern const rival *const rivals[]; /* ends with NULL */

#ifdef __cplusplus
}
#endif
#endif
