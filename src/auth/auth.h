/* auth.h - who may do what: a file of keys, one line a key.
 *
 *     NAME SCOPES COLLECTION SHA256         # '#' starts a comment; COLLECTION is '*' for all of them
 *
 * A key is "lk_" and 64 hex digits of 32 random bytes. Only its SHA-256 is written down: a key of 256 random bits needs
 * no slow hash, and the file gives nothing away. The text of a key is seen once, by whoever made it.
 * Functions that change the file lock its folder, so that two programs may do it at once, and replace it whole. */
#ifndef LK_AUTH_AUTH_H
#define LK_AUTH_AUTH_H

#include "base/error.h"

#define LK_KEY_TEXT 68     /* room for the text of a key, with NUL */
#define LK_KEY_NAME_MAX 64 /* characters of a key's name, of [A-Za-z0-9._-] */
#define LK_KEYS_MAX 1000   /* keys in one file */

typedef enum lk_scope {
    LK_SCOPE_READ = 1,   /* list and get */
    LK_SCOPE_SEARCH = 2, /* search, compare, detect */
    LK_SCOPE_ADD = 4,    /* add images */
    LK_SCOPE_DELETE = 8, /* remove images and faces */
    LK_SCOPE_ADMIN = 16  /* make and remove collections; includes all the others */
} lk_scope;

typedef struct lk_key {
    char name[LK_KEY_NAME_MAX + 1];
    unsigned scopes;     /* lk_scope, or-ed */
    char collection[65]; /* the only one it opens, or "" for all */
    char sha256[65];     /* of its text, hex */
} lk_key;

/* "read,search" (also separated by spaces) to or-ed lk_scope. LIKEN_E_ARG names the word that is no scope. */
LK_CHECKED int lk_scopes_parse(const char *text, unsigned *scopes, liken_error *err);
/* "read,search"; `room` at least 32. */
void lk_scopes_format(unsigned scopes, char *text, size_t room);

/* Makes a key, appends it to the file at `path` (made when missing) and writes its text to `secret`.
 * `collection` NULL: all. CONFLICT when the name is taken. */
LK_CHECKED int lk_key_add(const char *path, const char *name, unsigned scopes, const char *collection,
                          char secret[LK_KEY_TEXT], liken_error *err);
/* Removes a key by name; a running server refuses it from its next request on. NOT_FOUND. */
LK_CHECKED int lk_key_remove(const char *path, const char *name, liken_error *err);
/* Every key of the file, in its order; a missing file has none. *out: free(). Errors name path and line. */
LK_CHECKED int lk_key_list(const char *path, lk_key **out, size_t *count, liken_error *err);

/* ---- checking, by any number of threads ----------------------------------------------------------------------- */

typedef struct lk_keyring lk_keyring;

/* Reads the file. `path` NULL: a ring without keys. */
LK_CHECKED int lk_keyring_open(lk_keyring **out, const char *path, liken_error *err);
/* Reads the file again when it has changed. The only call that waits for a disk, once the ring is open: the others say
 * what the file held at the last refresh. */
void lk_keyring_refresh(lk_keyring *ring);
void lk_keyring_free(lk_keyring *ring);

/* Another number whenever the keys may be others than before: what was found under the same number still holds. */
unsigned long long lk_keyring_version(lk_keyring *ring);

/* True while the ring holds no key at all. A file that became unreadable does not count as empty: it opens nothing. */
bool lk_keyring_empty(lk_keyring *ring);

/* Copies the key with this text to *out; false when there is none. Constant time in the text. */
bool lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out);

/* Has the key this scope, and is it good for this collection (NULL: for all of them)? */
bool lk_key_allows(const lk_key *key, lk_scope scope, const char *collection);

#endif
