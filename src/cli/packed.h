/* packed.h - photos in archives that the user named: each entry becomes a path like those of a folder,
 * "party.zip/a.jpg", and is read when its turn comes. */
#ifndef LK_CLI_PACKED_H
#define LK_CLI_PACKED_H

#include "cli/paths.h"

typedef struct lk_packed lk_packed;

/* Puts the entries of each archive among the paths (by its name a zip or tar, named by the user, no folder) in the
 * place of its own path; what is left out of folders is left out of them. One that cannot be read stays, for
 * lk_packed_read to say why. `max`: bytes of one entry. *out is to be freed, NULL when there is no archive. */
int lk_packed_open(lk_packed **out, lk_paths *paths, size_t max, liken_error *err);
void lk_packed_free(lk_packed *p); /* NULL is accepted */

/* All bytes of one entry. Any threads; the entries of an archive are read one after the other, so whoever is early
 * waits. *reason: a code for why it failed; a constant. */
int lk_packed_read(lk_packed *p, const lk_path *path, char **bytes, size_t *size, const char **reason,
                   liken_error *err);

/* Where an entry lies, from the root, as a label. malloc'd; NULL when out of memory. */
char *lk_packed_label(const lk_packed *p, const lk_path *path);

#endif
