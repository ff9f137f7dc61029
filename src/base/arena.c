#include "base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct lk_arena_block {
    struct lk_arena_block *below;
    size_t used, size; /* of what follows the header */
};

enum { HEADER = 64, BLOCK = 64 * 1024, LARGE_PAGE = 2 << 20 };

void *lk_large_alloc(size_t size) {
    if (size > SIZE_MAX - LARGE_PAGE)
        return NULL;
    const size_t align = size >= LARGE_PAGE ? LARGE_PAGE : 64;
    void *p = aligned_alloc(align, (size + align - 1) & ~(align - 1));
    if (p != NULL && align == LARGE_PAGE)
        /* a wish: without it all is as before, only slower */
        (void)madvise(p, size / LARGE_PAGE * LARGE_PAGE, MADV_HUGEPAGE);
    return p;
}

static struct lk_arena_block *push(lk_arena *a, size_t size) {
    if (size > SIZE_MAX - HEADER - 64)
        return NULL;
    const size_t total = (HEADER + size + 63) & ~(size_t)63;
    struct lk_arena_block *block = lk_large_alloc(total);
    if (block == NULL)
        return NULL;
    *block = (struct lk_arena_block){.below = a->top, .size = total - HEADER};
    a->top = block;
    return block;
}

void *lk_arena_alloc(lk_arena *a, size_t size) {
    const size_t align = size >= 64 ? 64 : 16;
    struct lk_arena_block *block = a->top;
    size_t at = block == NULL ? 0 : (block->used + align - 1) & ~(align - 1);
    if (block == NULL || at > block->size || size > block->size - at) {
        block = push(a, size > BLOCK ? size : BLOCK);
        at = 0;
    }
    if (block == NULL)
        return NULL;
    assert(at + size <= block->size);
    block->used = at + size;
    return memset((char *)block + HEADER + at, 0, size);
}

char *lk_arena_string(lk_arena *a, const char *text) {
    if (text == NULL)
        return NULL;
    const size_t size = strlen(text) + 1;
    char *copy = lk_arena_alloc(a, size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

void lk_arena_free(lk_arena *a) {
    while (a->top != NULL) {
        struct lk_arena_block *below = a->top->below;
        free(a->top);
        a->top = below;
    }
}
