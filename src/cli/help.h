/* help.h - help texts and manual pages, all from the command table and the table of settings. */
#ifndef LK_CLI_HELP_H
#define LK_CLI_HELP_H

#include "cli/cli.h"

#define LK_EXITS 7 /* of one command at most */

/* What a command's exit codes mean, by code; returns how many there are. */
size_t lk_help_exits(const lk_command *c, lk_exit all[LK_EXITS]);
/* `command` NULL: the overview. *out: free(). */
int lk_help_render(const lk_command *command, char **out, liken_error *err);
/* roff; `command` NULL: liken(1). *out: free(). */
int lk_man_render(const lk_command *command, char **out, liken_error *err);

#endif
