/* rivals.h - the other engines, each behind the same few functions. */
#ifndef LK_BENCH_RIVALS_H
#define LK_BENCH_RIVALS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rival {
    const char *key;                                                   /* to choose it by */
    const char *name;                                                  /* with its version */
    void *(*build)(const float *vectors, size_t count, int dimension); /* NULL: it cannot be had, and said why */
    void (*set)(void *index, int effort);                              /* NULL: exact, nothing to set */
    void (*search)(void *index, const float *query, int k, int64_t *ids);
    void (*free)(void *index);
    double (*cpu)(void *index); /* CPU seconds spent so far in another process; NULL: all is spent in this one */
    const char *effort;         /* its name for what is set */
    int least;                  /* smallest effort */
} rival;

extern const rival *const rivals[]; /* ends with NULL */
extern const rival rival_postgres;

#ifdef __cplusplus
}
#endif
#endif
