/* reader.h - reading a table of the legacy system row by row, for whoever copies it. */
#ifndef LK_STORE_LEGACY_READER_H
#define LK_STORE_LEGACY_READER_H

#include "base/error.h"

#define LK_LEGACY_PAGE 512 /* rows at most in a page */

typedef struct lk_legacy_entry { /* borrowed until the next page */
    int64_t id;
    const char *file, *image_id; /* NULL: none */
    float descriptor[128];
    const char *unfit; /* why the descriptor cannot be used, or NULL */
} lk_legacy_entry;

typedef struct lk_legacy_reader lk_legacy_reader; /* for one thread at a time */

/* `where` is a connection string of libpq, `table` TABLE or SCHEMA.TABLE. *total: rows there are. All of it is read as
 * it is now. NOT_FOUND, UNSUPPORTED (not of the legacy form), ARG, BUSY, STORE. */
int lk_legacy_reader_open(lk_legacy_reader **out, const char *where, const char *table, int64_t *total,
                          liken_error *err);
void lk_legacy_reader_free(lk_legacy_reader *r);
/* The next rows, by id; *count 0: that was all. */
int lk_legacy_reader_next(lk_legacy_reader *r, const lk_legacy_entry **rows, size_t *count, liken_error *err);

#endif
