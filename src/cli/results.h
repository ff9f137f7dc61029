/* results.h - what a search found, for people. */
#ifndef LK_CLI_RESULTS_H
#define LK_CLI_RESULTS_H

#include "base/error.h"

/* `names`: the query photos, as they were named. */
void lk_results_print(const liken_result *r, const char *const *names);
/* Says on standard error which of several query photos do not seem to show the person. */
void lk_results_doubt(const liken_result *r, const char *const *names);
/* For --csv, whose rows cannot say it: on standard error, which photos have no usable face, what was refused, and where
 * --limit cut. */
void lk_results_say_left_out(const liken_result *r, const char *const *names);
/* "  refused: 10,20 30x40 too_small. ADVICE" */
void lk_refused_print(const liken_face *refused, size_t count);

#endif
