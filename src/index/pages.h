/* pages.h - memory for what every search walks through from end to end: in large pages where the system gives them, for
 * with small ones a good part of the time goes into looking up where the next page lies. */
#ifndef LK_INDEX_PAGES_H
#define LK_INDEX_PAGES_H

#include <stddef.h>

size_t lk_page_size(void); /* of the small ones */
/* Zeros, aligned to 64 bytes at least; NULL when out of memory. */
void *lk_pages_new(size_t bytes);
void lk_pages_free(void *p, size_t bytes); /* the same size; p may be NULL */

#endif
