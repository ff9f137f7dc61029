/* copy.h - what the stores share that can be copied whole (the copy_ operations of store.h). */
#ifndef LK_STORE_COPY_H
#define LK_STORE_COPY_H

#include "base/error.h"

/* CONFLICT: `name` cannot become a copy. `source`: the store of which it is a copy already, or "": it has photos. */
int lk_store_copy_refused(const char *name, const char *source, liken_error *err);

#endif
