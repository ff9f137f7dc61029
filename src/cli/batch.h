/* batch.h - the same work on many photos, by several threads, answered in the order of the paths.
 *
 * Photos are read and worked on inside a window that moves over the paths; the calling thread hands out the outcomes in
 * order, so that output needs no lock and is the same in every run. After an interrupt (interrupt.h) what is being
 * worked on is finished and handed out, the rest is left. */
#ifndef LK_CLI_BATCH_H
#define LK_CLI_BATCH_H

#include "cli/paths.h"

#include <jansson.h>

typedef struct lk_outcome {
    const lk_path *path;
    size_t index;
    int rc;
    liken_error err;    /* when rc is not LIKEN_OK */
    liken_image *image; /* when it is; freed after `done` */
    bool unread;        /* it was `known` */
    const char *reason; /* a code for why what was fetched did not come; NULL: `err` says it all */
    double seconds;     /* of `work` alone */
} lk_outcome;

typedef struct lk_batch {
    const lk_path *paths;
    size_t count;
    int threads;
    size_t max_file; /* bytes of one file */
    /* On any of the threads. `known` is asked before the file is read, which it need not be unless the answer is
     * NOT_FOUND; NULL: all are read. `mark` tells the file as it was read; all 0 when it may have been written to
     * meanwhile or a moment before, so that another look could miss it. */
    int (*known)(void *ctx, const lk_path *path, const liken_mark *mark, liken_image **out, liken_error *err);
    int (*work)(void *ctx, const lk_path *path, const liken_mark *mark, const char *bytes, size_t size,
                liken_image **out, liken_error *err);
    /* All bytes of what is no file of its own, but an address or an entry. */
    int (*fetch)(void *ctx, const lk_path *path, char **bytes, size_t *size, const char **reason, liken_error *err);
    /* On the calling thread, in the order of `paths`. Anything but LIKEN_OK ends the batch. */
    int (*done)(void *ctx, const lk_outcome *o, liken_error *err);
    void *ctx;
} lk_batch;

/* Shows progress as well. *handed: outcomes handed out. CANCELLED after an interrupt. */
int lk_batch_run(const lk_batch *b, size_t *handed, liken_error *err);

/* Says "PATH: SENTENCE" on standard error, the path once. */
void lk_outcome_say(const lk_outcome *o);

/* `head`, whose reference it takes, and behind it what the image has, or {"error": {code, message}}. NULL: out of
 * memory. */
json_t *lk_outcome_json(const lk_outcome *o, json_t *head);

#endif
