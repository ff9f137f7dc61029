/* json_int.h - the words of pack.json, and what its reader and writer share. Inside src/packs only. */
#ifndef LK_PACKS_JSON_INT_H
#define LK_PACKS_JSON_INT_H

#include "packs/pack.h"

#include <jansson.h>

enum { LK_PACK_ROLES = 5, LK_PACK_FORMATS = 4, LK_PACK_KINDS = LK_KIND_EMBEDDING + 1 };

typedef struct lk_pack_kind_row {
    const char *name;
    lk_pack_role role;
    unsigned formats; /* bit per lk_pack_format */
} lk_pack_kind_row;

/* Where the training photos of ArcFace, of 112 pixels, have the five points; most networks of others know no other. */
#define LK_ARCFACE_PLACES                                                                                              \
    {                                                                                                                  \
        {38.2946f / 112, 51.6963f / 112}, {73.5318f / 112, 51.5014f / 112}, {56.0252f / 112, 71.7366f / 112},          \
            {41.5493f / 112, 92.3655f / 112}, {70.7299f / 112, 92.2041f / 112},                                        \
    }

extern const char *const lk_pack_role_names[LK_PACK_ROLES];
extern const char *const lk_pack_format_names[LK_PACK_FORMATS];
extern const lk_pack_kind_row lk_pack_kinds[LK_PACK_KINDS];

#endif
