/* caller.h - on whose behalf a command calls the library: "cli:USER", until Ctrl-C (interrupt.h). */
#ifndef LK_CLI_CALLER_H
#define LK_CLI_CALLER_H

#include "liken.h"

/* For all that a command asks of the library; never NULL. */
const liken_call *lk_cli_call(void);
/* The same, with a function that is told of progress. */
liken_call lk_cli_call_telling(liken_progress_fn *progress, void *ctx);

#endif
