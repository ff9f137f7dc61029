/* reader.h - reading a table of the seed system row by row, for whoever copies it. */
#ifndef LK_STORE_LEGACY_READER_H
#define LK_STORE_LEGACY_READER_H

#include "base/error.h"

#define LK_SEED_PAGE 512 /* rows at most in a page */

typedef struct lk_seed_entry { /* borrowed until the next page */
    int64_t id;
    const char *file, *image_id; /* NULL: none */
    float descriptor[128];
    const char *unfit; /* why the descriptor cannot be used, or NULL */
} lk_seed_entry;

typedef struct lk_seed_reader lk_seed_reader; /* for one thread at a time */

/* `where` is a connection string of libpq, `table` TABLE or SCHEMA.TABLE. *total: rows there are. All of it is read as
 * it is now. NOT_FOUND, UNSUPPORTED (not of the seed's form), ARG, BUSY, STORE. */
int lk_seed_reader_open(lk_seed_reader **out, const char *where, const char *table, int64_t *total, liken_error *err);
void lk_seed_reader_free(lk_seed_reader *r);
/* The next rows, by id; *count 0: that was all. */
int lk_seed_reader_next(lk_seed_reader *r, const lk_seed_entry **rows, size_t *count, liken_error *err);

#endif
