#include "store/copy.h"

#include <stdlib.h>

liken_image_list *lk_store_page(int limit) {
    liken_image_list *page = calloc(1, sizeof *page);
    if (page != NULL)
        page->images = calloc((size_t)limit, sizeof(*page->images));
    if (page == NULL || page->images == NULL) {
        free(page);
        return NULL;
    }
    return page;
}

int lk_store_copy_refused(const char *name, const char *source, liken_error *err) {
    if (*source == '\0')
        return lk_fail(err, LIKEN_E_CONFLICT,
                       "%s holds photos already, and a gallery keeps its ids when it is moved; move it to a place that is "
                       "empty.",
                       name);
    return lk_fail(err, LIKEN_E_CONFLICT,
                   "%s is a copy, not yet finished, of another gallery (store %s); finish that first, or take a place that is "
                   "empty.",
                   name, source);
}
