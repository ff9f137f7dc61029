/* copy.h - what the stores share that can be copied whole (the copy_ operations of store.h). */
#ifndef LK_STORE_COPY_H
#define LK_STORE_COPY_H

#include "store/store.h"

/* CONFLICT: `name` cannot become a copy. `source`: the store of which it is a copy already, or "": it has photos. */
int lk_store_copy_refused(const char *name, const char *source, liken_error *err);

/* What lies in the tables of sql.h goes from one store into another, and what is there already stays. */
LK_CHECKED int lk_store_copy_tables(lk_store *from, lk_store *to, liken_error *err);

#endif
