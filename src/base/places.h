/* places.h - where things of this user are kept when nobody says: by the XDG Base Directory Specification, below
 * $XDG_DATA_HOME or ~/.local/share, and below $XDG_CONFIG_HOME or ~/.config. A variable that holds no absolute path is
 * ignored, as the specification asks. */
#ifndef LK_BASE_PLACES_H
#define LK_BASE_PLACES_H

#include "base/error.h"

typedef enum lk_place { LK_PLACE_DATA, LK_PLACE_CONFIG } lk_place;

/* *out, malloc'd: the path of `name` ("liken/liken.conf") in that place; NULL when there is none, since HOME is not set
 * either. MEMORY. */
LK_CHECKED int lk_place_of(lk_place place, const char *name, char **out, liken_error *err);

/* *out, malloc'd: `given`, else the value of `variable`, either unless it is empty, else the data folder `name` of this
 * user. ARG when there is none; the message says that it is the folder of `what` ("the gallery"). `given` may be NULL.
 */
LK_CHECKED int lk_place_folder(const char *given, const char *variable, const char *name, const char *what, char **out,
                               liken_error *err);

/* The folder of the gallery: `given`, else $LIKEN_DATA, else that of this user. As lk_place_folder. */
LK_CHECKED int lk_place_gallery(const char *given, char **out, liken_error *err);

#endif
