/* copies.h - the photos of a search, copied into a folder.
 *
 * A photo is copied from the first of its labels whose file has the very bytes that were added: what a label says comes
 * from the store, where a server's users wrote it, and a file that changed may show somebody else. Copies keep their
 * names (made harmless) and times; a name that is taken gets a number, and a file is never replaced. A copy that is
 * there already is left. */
#ifndef LK_CLI_COPIES_H
#define LK_CLI_COPIES_H

#include "cli/cli.h"

typedef struct lk_copy {
    int64_t image;
    char *file;    /* the path copied from, or the label that was in vain; NULL: it has none */
    char *to;      /* the copy; NULL when there is none */
    bool there;    /* already */
    char why[512]; /* there is none: a sentence */
} lk_copy;

typedef struct lk_copies {
    lk_copy *list;                /* nearest first */
    size_t count, photos, failed; /* fewer than `photos` when it was broken off */
} lk_copies;

/* ARG: `folder` is none and cannot become one. Makes nothing. */
int lk_copies_check(const char *folder, liken_error *err);
/* Makes the folder when there is something to copy. CANCELLED after an interrupt, with what was done in *out. */
int lk_copies_make(const lk_cli *cli, liken *lk, const liken_result *r, const char *folder, lk_copies *out,
                   liken_error *err);
/* {"folder", "copied": [...], "failed": [...], "left": how many were not come to} */
json_t *lk_copies_json(const lk_copies *c, const char *folder);
/* On standard error: what was copied, then what could not be. */
void lk_copies_say(const lk_copies *c, const char *folder);
void lk_copies_free(lk_copies *c);

#endif
