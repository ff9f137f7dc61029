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

extern const char *const lk_pack_role_names[LK_PACK_ROLES];
extern const char *const lk_pack_format_names[LK_PACK_FORMATS];
extern const lk_pack_kind_row lk_pack_kinds[LK_PACK_KINDS];

#endif
