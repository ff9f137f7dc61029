/* add_report.h - what became of each photo of an add, in a file: JSON lines as --json prints them, or CSV
 * (docs/taking.md). It is written as photos are done, under a temporary name until lk_add_report_finish. */
#ifndef LK_CLI_ADD_REPORT_H
#define LK_CLI_ADD_REPORT_H

#include "cli/batch.h"

typedef struct lk_add_report lk_add_report;

/* ARG: the name of the file ends neither in .csv nor in .jsonl. IO. */
int lk_add_report_open(lk_add_report **out, const char *path, liken_error *err);
/* `line` is what --json prints. The first fault is kept for the end, so that photos are added all the same. */
void lk_add_report_photo(lk_add_report *r, const lk_outcome *o, const char *status, const json_t *line);
/* `summary` is what --json prints at the end; `why` is a sentence when not all was looked at, else NULL. Frees `r`.
 * NULL is accepted for `r`. */
int lk_add_report_finish(lk_add_report *r, const json_t *summary, const char *why, liken_error *err);
/* Instead: nothing is left of it. NULL is accepted. */
void lk_add_report_drop(lk_add_report *r);

#endif
