/* paths.h - which photos are meant: files, folders (walked, sorted), lists on standard input. */
#ifndef LK_CLI_PATHS_H
#define LK_CLI_PATHS_H

#include "base/error.h"

#include <stdio.h>
#include <sys/types.h>

#define LK_PATH_CEILING 4095      /* bytes of one path */
#define LK_PATHS_CEILING 10000000 /* paths in one run */
#define LK_FOLDERS_CEILING 100    /* folders in folders */
#define LK_TOO_DEEP (-1)

typedef enum lk_source {
    LK_SOURCE_FILE,
    LK_SOURCE_URL,  /* the name is an address on the web, http://... or https://... */
    LK_SOURCE_ENTRY /* the name is of an entry of an archive, behind the archive's own (packed.h) */
} lk_source;

typedef struct lk_path {
    char *name;
    bool walked; /* found in a folder or an archive, not named by the user */
    lk_source source;
    size_t archive, entry, turn; /* of an entry: which, which in it, and how many of it are paths before this */
    size_t root;                 /* bytes of that folder's name as it was given, with the slash; 0: not walked */
    int fault;                   /* errno of a folder that could not be read, LK_TOO_DEEP, or 0 */
} lk_path;

typedef struct lk_folder_id {
    dev_t device;
    ino_t inode;
} lk_folder_id;

typedef struct lk_paths {
    bool hidden;                 /* take what is left out of folders otherwise */
    const char *const *excludes; /* borrowed; patterns of what is left out as well */
    size_t exclude_count;

    lk_path *items;
    size_t count, capacity;
    char **bare; /* folders named by the user in which there is no file at all: perhaps a disk is not mounted */
    size_t bare_count;
    size_t left_out; /* files and folders */

    /* while a folder is walked */
    lk_folder_id *seen; /* the folders met in it */
    size_t seen_count, seen_room;
    char **links; /* to folders, which come after all else */
    size_t link_count;
    size_t root; /* bytes of its name, with the slash */
} lk_paths;      /* {0} is an empty one */

/* Adds an address, or a file as it is named, or everything in a folder: entries by byte order, folders in place; what
 * links to folders lead to comes last, and only where it was not met yet. Left out is what is no regular file, unless
 * `hidden` what starts with '.' and the folders that other programs keep beside photos (@eaDir, #recycle, $RECYCLE.BIN
 * ...), and what `excludes` matches: a pattern without a slash the name of an entry, one with a slash its path below
 * the folder (with a slash in front, too) or its whole path as it is named. */
int lk_paths_add(lk_paths *p, const char *name, liken_error *err);
/* Adds each line (or NUL-ended text) of `in` as lk_paths_add does; empty ones are left out. */
int lk_paths_add_list(lk_paths *p, FILE *in, bool nul, liken_error *err);
/* For what is found elsewhere than in a folder: adds `path` under a copy of `name`. */
int lk_paths_push(lk_paths *p, const char *name, lk_path path, liken_error *err);
/* Whether what is called so below something like a folder is left out, which is counted. */
bool lk_paths_leave_out(lk_paths *p, const char *below);
/* Takes away all but the first `count`. */
void lk_paths_cut(lk_paths *p, size_t count);
void lk_paths_free(lk_paths *p);

#endif
