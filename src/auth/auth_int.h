/* auth_int.h - what the parts of auth.h share: file.c keys in a file, table.c in a store, keys.c whichever it is. */
#ifndef LK_AUTH_AUTH_INT_H
#define LK_AUTH_AUTH_INT_H

#include "auth/auth.h"

#include "base/buf.h"

#define LK_KEY_FILE_BYTES ((size_t)1 << 20)

/* ---- file.c ---- */

/* As lk_key_list and so on do; a missing file has none. */
LK_CHECKED int lk_key_file_list(const char *path, lk_key **out, size_t *count, liken_error *err);
/* Of a file's text, which it cuts up; NULL: there is none. `path` is for sentences. */
LK_CHECKED int lk_key_file_parse(const char *path, char *text, size_t size, lk_key **out, size_t *count,
                                 liken_error *err);
LK_CHECKED int lk_key_file_add(const char *path, const lk_key *key, liken_error *err);
LK_CHECKED int lk_key_file_remove(const char *path, const char *name, liken_error *err);
/* Opens and locks the folder that `path` is in, which with `make` is made where it is not; closing the descriptor
 * unlocks it. */
LK_CHECKED int lk_key_file_lock(const char *path, bool make, int *fd, liken_error *err);

/* ---- table.c ---- */

/* What tells one set of keys from those before it. */
typedef struct lk_key_mark {
    int64_t count, last;
} lk_key_mark;

LK_CHECKED int lk_key_table_mark(struct lk_store *s, lk_key_mark *mark, liken_error *err);
/* All, which may be more than LK_KEYS_MAX where keys were moved there. *mark is that of what was read, or an older one.
 */
LK_CHECKED int lk_key_table_list(struct lk_store *s, lk_key **out, size_t *count, lk_key_mark *mark, liken_error *err);
LK_CHECKED int lk_key_table_add(struct lk_store *s, const lk_key *key, liken_error *err);
LK_CHECKED int lk_key_table_remove(struct lk_store *s, const char *name, liken_error *err);
/* All of them or none, with the hash of the file that they are from, unless that hash is there; *added: how many were
 * new. One whose name another has gets a number behind it. */
LK_CHECKED int lk_key_table_take(struct lk_store *s, const char *hash, const lk_key *keys, size_t count, int *added,
                                 liken_error *err);
/* Was the file with this hash taken over? */
LK_CHECKED int lk_key_table_has_taken(struct lk_store *s, const char *hash, bool *taken, liken_error *err);

/* When it was used last, by the hash of its text. */
typedef struct lk_key_use {
    char sha256[65];
    int64_t used_at;
} lk_key_use;

/* All of them or none; what another server noted later stays. */
LK_CHECKED int lk_key_table_used(struct lk_store *s, const lk_key_use *uses, size_t count, liken_error *err);

/* ---- limits.c ---- */

/* Takes over what one word of a line says; ARG ends without a full stop, since the line is named before it. */
LK_CHECKED int lk_limits_read(const char *word, lk_key_limits *limits, liken_error *err);
/* " expires=... rate=...", or nothing. */
LK_CHECKED int lk_limits_write(const lk_key_limits *limits, lk_buf *b, liken_error *err);

/* ---- keys.c ---- */

/* The keys of place->file that are not in place->store yet; of a file that was taken over whole, and lies there again,
 * none. A missing file has none. */
LK_CHECKED int lk_key_old_file_list(const lk_key_place *place, lk_key **out, size_t *count, liken_error *err);
bool lk_key_good_name(const char *name); /* 1-64 of [A-Za-z0-9._-] */
int lk_key_taken(const char *name, liken_error *err);
int lk_key_unknown(const char *name, liken_error *err);

#endif
