/* files.h - which file a path means, whatever it is called: ./a, a/, a link to its folder, from any working folder. */
#ifndef LK_CLI_FILES_H
#define LK_CLI_FILES_H

#include "cli/paths.h"

/* Where a path leads, from the root, as a label (liken_label_of_path): links in the folder that was named are followed,
 * those below it are not. malloc'd; NULL when that folder is not there. */
char *lk_file_place(const lk_path *path);
char *lk_file_place_of_folder(const char *folder);

/* What the file is called in the collection: as it was the first time, else by its path; where another file that is
 * still there has that label, by its place. *place: NULL when it is not known. Both are to be freed. */
int lk_file_label(liken *lk, const char *collection, const lk_path *path, char **label, char **place, liken_error *err);

/* The label that a user means with `word`: of the file that lies there, else the word itself. To be freed. */
int lk_file_named(liken *lk, const char *collection, const char *word, char **label, liken_error *err);

#endif
