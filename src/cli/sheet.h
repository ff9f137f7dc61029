/* sheet.h - a search as a contact sheet: each query face, and beside it the matched photos with the face marked. */
#ifndef LK_CLI_SHEET_H
#define LK_CLI_SHEET_H

#include "cli/cli.h"

/* Writes the picture to `path`; cli->words are the query photos. A photo whose file is not there, or is another one
 * now, has an empty frame that says so. Says on standard error how many photos are on it. CANCELLED after an interrupt.
 */
int lk_sheet_write(const lk_cli *cli, liken *lk, const liken_result *r, const char *path, liken_error *err);

#endif
