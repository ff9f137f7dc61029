/* web_photo.h - photos by their address on the web, through the guarded client of fetch/. */
#ifndef LK_CLI_WEB_PHOTO_H
#define LK_CLI_WEB_PHOTO_H

#include "cli/cli.h"
#include "fetch/fetch.h"

/* A client that asks the hosts of --allow-host and no others. ARG. */
int lk_web_open(lk_fetch **out, const lk_cli *cli, liken_error *err);

/* All bytes of one, at most `max`. *reason: a code for why it failed; a constant. */
int lk_web_read(lk_fetch *f, const char *url, size_t max, char **bytes, size_t *size, const char **reason,
                liken_error *err);

#endif
