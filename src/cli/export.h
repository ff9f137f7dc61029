/* export.h - a gallery as JSON lines or CSV, written piece by piece (docs/taking.md has the format). One thread. */
#ifndef LK_CLI_EXPORT_H
#define LK_CLI_EXPORT_H

#include "cli/csv_out.h"

#define LK_EXPORT_SCHEMA 1 /* raised when what a reader knows changes its meaning or goes; new fields may come */

typedef struct lk_export {
    lk_outfile *to;
    bool csv;
    lk_csv_out row;
    size_t collections, images, faces; /* written */
} lk_export;

/* Begins with what says that it is an export; `path` NULL: standard output. */
int lk_export_begin(lk_export *e, const char *path, bool csv, const liken_state *state, liken_error *err);
int lk_export_collection(lk_export *e, const liken_collection *c, liken_error *err);
/* `image` is of the collection `c`, and described. */
int lk_export_image(lk_export *e, const liken_collection *c, const liken_image *image, liken_error *err);
/* Says that all was said, and puts the file in its place. */
int lk_export_finish(lk_export *e, liken_error *err);
/* In any case, at last: what was not finished is not there. {0} is accepted. */
void lk_export_free(lk_export *e);

#endif
