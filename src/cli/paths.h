/* paths.h - which photos are meant: files, folders (walked, sorted), lists on standard input. */
#ifndef LK_CLI_PATHS_H
#define LK_CLI_PATHS_H

#include "base/error.h"

#include <stdio.h>

#define LK_PATH_CEILING 4095      /* bytes of one path */
#define LK_PATHS_CEILING 10000000 /* paths in one run */
#define LK_FOLDERS_CEILING 100    /* folders in folders */
#define LK_TOO_DEEP (-1)

typedef struct lk_path {
    char *name;
    bool walked; /* found in a folder, not named by the user */
    int fault;   /* errno of a folder that could not be read, LK_TOO_DEEP, or 0 */
} lk_path;

typedef struct lk_paths {
    lk_path *items;
    size_t count, capacity;
} lk_paths; /* {0} is an empty one */

/* Adds a file as it is named, or everything in a folder: entries by byte order, folders in place. What starts with '.'
 * and links to folders are left out; so is what is no regular file. */
int lk_paths_add(lk_paths *p, const char *name, liken_error *err);
/* Adds each line (or NUL-ended text) of `in` as lk_paths_add does; empty ones are left out. */
int lk_paths_add_list(lk_paths *p, FILE *in, bool nul, liken_error *err);
void lk_paths_free(lk_paths *p);

#endif
