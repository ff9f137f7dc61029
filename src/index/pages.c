#include "index/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE ((size_t)2 << 20)

size_t lk_page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *lk_pages_new(size_t bytes) {
    const size_t page = lk_page_size(), size = (bytes + page - 1) / page * page;
    char *all = mmap(NULL, size + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return NULL;
    const size_t before = (LARGE - (uintptr_t)all % LARGE) % LARGE;
    if (before > 0) /* what is not wanted before and after */
        (void)munmap(all, before);
    (void)munmap(all + before + size, LARGE - before);
    (void)madvise(all + before, size, MADV_HUGEPAGE); /* a wish */
    return all + before;
}

void lk_pages_free(void *p, size_t bytes) {
    if (p != NULL)
        (void)munmap(p, bytes);
}
