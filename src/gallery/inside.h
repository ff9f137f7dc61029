/* inside.h - what the floors above the gallery have of it beside liken.h. Doors (api, cli) have no use for it. */
#ifndef LK_GALLERY_INSIDE_H
#define LK_GALLERY_INSIDE_H

#include "store/inside.h"

/* liken_open with what is done inside the transactions of this handle: borrowed, as long as it lives. NULL: nothing.
 * UNSUPPORTED too: the store is a legacy table. Other processes on the same store have their own. */
LK_CHECKED int lk_gallery_open(liken **out, const liken_options *options, const lk_inside *inside,
                               const liken_call *call, liken_error *err);

/* Its store, for tables of their own (store/sql.h). Borrowed, as long as `lk` lives. NULL in one without a store. */
lk_store *lk_gallery_store(liken *lk);

#endif
