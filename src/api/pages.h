/* pages.h - the pages of web/ as they lie in the program: one row a file, written by tools/pages.py when liken is
 * built. Without Node there is one alone, "index.html", which says how to get the others. */
#ifndef LK_API_PAGES_H
#define LK_API_PAGES_H

#include "http/http.h"

typedef struct lk_page {
    const char *name; /* "index.html", "assets/index-1a2b3c4d.js" */
    lk_file file;
} lk_page;

extern const lk_page lk_pages[];
extern const size_t lk_page_count;

#endif
