#include "unit/refuse.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

static _Atomic long left; /* allocations until the one that fails; 0: none is to fail */
static atomic_bool all_after, refused;

void refuse_begin(long n, bool all) {
    atomic_store(&refused, false);
    atomic_store(&all_after, all);
    atomic_store(&left, n);
}

bool refuse_end(void) {
    atomic_store(&left, 0);
    return atomic_load(&refused);
}

static bool refuses(void) {
    long seen = atomic_load(&left);
    while (seen > 0 && !atomic_compare_exchange_weak(&left, &seen, seen > 1 || !atomic_load(&all_after) ? seen - 1 : 1))
        continue;
    if (seen != 1)
        return false;
    atomic_store(&refused, true);
    errno = ENOMEM;
    return true;
}

/* the linker puts these in the place of the C library's: -Wl,--wrap */
#define WRAP(name, parameters, arguments)                                                                              \
    void *__real_##name parameters;                                                                                    \
    void *__wrap_##name parameters;                                                                                    \
    void *__wrap_##name parameters {                                                                                   \
        return refuses() ? NULL : __real_##name arguments;                                                             \
    }

WRAP(malloc, (size_t size), (size))
WRAP(calloc, (size_t count, size_t size), (count, size))
WRAP(realloc, (void *old, size_t size), (old, size))
WRAP(aligned_alloc, (size_t alignment, size_t size), (alignment, size))
WRAP(strdup, (const char *text), (text))
WRAP(strndup, (const char *text, size_t size), (text, size))
