/* chore.h - background work: a thread of its own that does one thing, whenever it is asked and once in a while. */
#ifndef LK_BASE_CHORE_H
#define LK_BASE_CHORE_H

#include "base/error.h"

typedef struct lk_chore lk_chore;

/* Does a part of the work, a short one, since a chore that is to stop waits for it; true: there is more, and it is
 * called again at once. Called by the chore's thread alone, with no lock held. What fails is logged by `fn`. */
typedef bool lk_chore_fn(void *ctx);

typedef struct lk_chore_options {
    const char *name; /* of the thread, at most 15 characters; copied */
    lk_chore_fn *fn;
    void *ctx;
    double every;          /* seconds from the end of one round to the next; 0: only when asked */
    double share, longest; /* share > 0: so many times as long as the round took, where that is more than `every`, but
                              not more than `longest` */
    bool now;              /* the first round begins at once, else when `every` is over */
} lk_chore_options;

/* MEMORY: no room for it, or no thread. */
LK_CHECKED int lk_chore_start(lk_chore **out, const lk_chore_options *o, liken_error *err);
/* A round begins soon that sees all that was done before this call; any number of calls may be answered by one. Waits
 * for nothing. NULL is accepted: nothing happens. */
void lk_chore_ask(lk_chore *k);
/* Waits for the part under way, ends the thread, frees. What was asked and not begun is not done. NULL is accepted. */
void lk_chore_stop(lk_chore *k);

#endif
