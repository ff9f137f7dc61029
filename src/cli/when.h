/* when.h - times on the command line, in the words that the HTTP API takes: RFC 3339 with Z or an offset, or a bare
 * date, which is one of UTC. */
#ifndef LK_CLI_WHEN_H
#define LK_CLI_WHEN_H

#include "cli/cli.h"

/* --captured-at; LIKEN_NO_TIME where it is not given. ARG, naming the flag. */
int lk_cli_captured_at(const lk_cli *cli, int64_t *when, liken_error *err);
/* --captured-from and --captured-to, likewise; ARG also when the one lies after the other. */
int lk_cli_captured_between(const lk_cli *cli, int64_t *from, int64_t *to, liken_error *err);

#endif
