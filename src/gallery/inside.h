/* inside.h - what the floors above the gallery have of it beside liken.h. Doors (api, cli) have no use for it. */
#ifndef LK_GALLERY_INSIDE_H
#define LK_GALLERY_INSIDE_H

#include "liken.h"

struct lk_store;

/* Its store, for tables of their own (store/sql.h). Borrowed, as long as `lk` lives. NULL in one without a store. */
struct lk_store *lk_gallery_store(liken *lk);

#endif
