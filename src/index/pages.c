#include "index/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define LARGE ((size_t)2 << 20)

void *lk_pages_new(size_t bytes) {
    char *all = mmap(NULL, bytes + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    const size_t before = LARGE - (uintptr_t)all % LARGE, page = 4096; /* 1..LARGE, whole small pages */
    char *start = all + before % LARGE, *end = start + (bytes + page - 1) / page * page;
    if (start > all)
        (void)munmap(all, (size_t)(start - all));
    if (end < all + bytes + LARGE)
        (void)munmap(end, (size_t)(all + bytes + LARGE - end));
    (void)madvise(start, bytes, MADV_HUGEPAGE); /* a wish */
    return start;
}

void lk_pages_free(void *p, size_t bytes) {
    if (p != NULL)
        (void)munmap(p, bytes);
}
