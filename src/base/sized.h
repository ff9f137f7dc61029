/* sized.h - structs of options that grow from one liken to the next, and whose first field says how large the caller's
 * is (LIKEN_..._INIT). A shorter one is of an older liken.h: what it lacks is 0, its default. A longer one is of a
 * newer liken.h: it is good as long as what this liken does not know is 0. */
#ifndef LK_BASE_SIZED_H
#define LK_BASE_SIZED_H

#include "base/error.h"

/* Copies *from, a struct that begins with its size_t size, to *to of `size` bytes; NULL: all defaults. `name` is the
 * struct's. ARG: it has no size, or asks for what this liken does not know. */
LK_CHECKED int lk_sized_take(void *to, size_t size, const void *from, const char *name, liken_error *err);

#endif
