/* arena.h - memory that is freed all at once: one arena a request or a job. Not for threads to share. */
#ifndef LK_BASE_ARENA_H
#define LK_BASE_ARENA_H

#include "base/error.h"

typedef struct lk_arena {
    struct lk_arena_block *top;
} lk_arena; /* {0} is an empty arena */

/* Zeroed, aligned to 64 bytes when size >= 64, else to 16. NULL when out of memory. */
void *lk_arena_alloc(lk_arena *a, size_t size);
char *lk_arena_string(lk_arena *a, const char *text); /* a copy; NULL for NULL */
void lk_arena_free(lk_arena *a);

/* `size` bytes, aligned to 64, not zeroed; from 2 MiB on in large pages where the system has them, so that going
 * through them over and over costs few address translations. free() frees them. NULL when out of memory. */
void *lk_large_alloc(size_t size);

#endif
