/* nearby.h - where the gallery that somebody means may be. */
#ifndef LK_CLI_NEARBY_H
#define LK_CLI_NEARBY_H

#include "base/error.h"

/* Adds to the sentence that there is no gallery in `folder` where there is one: in a folder of nearly the same name, in
 * one below, or where the file of a gallery was named instead of its folder. */
void lk_cli_hint_gallery(const char *folder, liken_error *err);

#endif
