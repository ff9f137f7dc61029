/* auth.h - who may do what: keys, in the gallery's store, so that all servers on it have the same.
 *
 * A key is "lk_" and 64 hex digits of 32 random bytes. Only its SHA-256 is written down: a key of 256 random bits needs
 * no slow hash, and the table gives nothing away. The text of a key is seen once, by whoever made it.
 *
 * A gallery that cannot hold them (a legacy table in place), and whoever says so (--key-file), has them in a file:
 *
 *     NAME SCOPES COLLECTION SHA256 LIMIT...  # '#' starts a comment; COLLECTION is '*' for all of them
 *
 * where a LIMIT is expires=TIME, rate=60/min, max_limit=NUMBER or max_threshold=DISTANCE.
 *
 * Functions that change the file lock its folder, so that two programs may do it at once, and replace it whole. A file
 * of that form where an older liken had it is taken over: its keys go into the store in one transaction, which notes
 * the file's hash too, then it gets another name. After a crash between the two the note keeps a key that was removed
 * meanwhile from coming back. Until it is taken over, by whoever first may write both, the file's keys count too. */
#ifndef LK_AUTH_AUTH_H
#define LK_AUTH_AUTH_H

#include "base/error.h"

#include <jansson.h>

struct lk_store;

#define LK_KEY_TEXT 68     /* room for the text of a key, with NUL */
#define LK_KEY_NAME_MAX 64 /* characters of a key's name, of [A-Za-z0-9._-] */
#define LK_KEYS_MAX 1000   /* keys in one file; and in a store none is made beyond so many */

typedef enum lk_scope {
    LK_SCOPE_READ = 1,   /* list and get */
    LK_SCOPE_SEARCH = 2, /* search, compare, detect */
    LK_SCOPE_ADD = 4,    /* add images */
    LK_SCOPE_DELETE = 8, /* remove images and faces */
    LK_SCOPE_ADMIN = 16  /* make and remove collections; includes all the others */
} lk_scope;

/* So many requests in so many seconds, which may all come at once; {0}: any number. */
typedef struct lk_rate {
    int count, seconds;
} lk_rate;

/* What holds a key back beside its scopes; all 0: nothing does. */
typedef struct lk_key_limits {
    int64_t expires_at;   /* it opens nothing from then on */
    lk_rate rate;         /* at each server */
    int max_limit;        /* matches of one face that it may ask for */
    double max_threshold; /* the largest distance that it may search within; see lk_key_max_threshold */
} lk_key_limits;

typedef struct lk_key {
    char name[LK_KEY_NAME_MAX + 1];
    unsigned scopes;     /* lk_scope, or-ed */
    char collection[65]; /* the only one it opens, or "" for all */
    char sha256[65];     /* of its text, hex */
    lk_key_limits limits;
    int64_t used_at; /* when it opened something last, to a minute; 0: never, or it is in a file, which does not say */
} lk_key;

/* "60/min"; also per s, h and d, and "600/10min". ARG. */
LK_CHECKED int lk_rate_parse(const char *text, lk_rate *rate, liken_error *err);
/* In the same words; `room` at least 32. */
void lk_rate_format(lk_rate rate, char *text, size_t room);
/* A span from `now` on ("30d"; also min, h and w), or a moment: RFC 3339, or a date, which counts to its end. ARG: it
 * is neither, or over. */
LK_CHECKED int lk_expiry_parse(const char *text, int64_t now, int64_t *when, liken_error *err);
/* ARG: a limit that cannot be. */
LK_CHECKED int lk_limits_check(const lk_key_limits *limits, liken_error *err);

#define LK_OWN_THRESHOLD (-1.0)
/* The largest distance that a key may search within; 0: any; LK_OWN_THRESHOLD: that of the collection. That one counts
 * for a key that may search and not read, unless it says another: else one call, with a distance that every face is
 * within, would list what it may not read. */
double lk_key_max_threshold(const lk_key *key);
bool lk_key_expired(const lk_key *key, int64_t now);

/* All but its hash; with its text where that is known (`secret`, else NULL). NULL: out of memory. */
json_t *lk_key_json(const lk_key *key, const char *secret);

/* "read,search" (also separated by spaces) to or-ed lk_scope. LIKEN_E_ARG names the word that is no scope. */
LK_CHECKED int lk_scopes_parse(const char *text, unsigned *scopes, liken_error *err);
/* "read,search"; `room` at least 32. */
void lk_scopes_format(unsigned scopes, char *text, size_t room);

/* Where keys are. All of it is borrowed. */
typedef struct lk_key_place {
    struct lk_store *store; /* NULL: in the file alone */
    const char *file;       /* with a store: where an older liken had them; NULL: nowhere */
} lk_key_place;
/* In the store of `lk`; in `given` where that is not NULL; in `old`, where an older liken had them, when the store
 * cannot. */
lk_key_place lk_keys_of(liken *lk, const char *given, const char *old);

/* Takes the old file over, where there is one and both the store and its folder may be written; else nothing is done.
 * lk_key_add, lk_key_remove and lk_keyring_open begin with it. ARG: the file is damaged; IO. */
LK_CHECKED int lk_keys_take_over(const lk_key_place *place, liken_error *err);
/* Makes a key and writes its text to `secret`; a running server takes it from its next request on. `collection` NULL:
 * all; `limits` NULL: none. CONFLICT when the name is taken. */
LK_CHECKED int lk_key_add(const lk_key_place *place, const char *name, unsigned scopes, const char *collection,
                          const lk_key_limits *limits, char secret[LK_KEY_TEXT], liken_error *err);
/* Removes a key by name; a running server refuses it from its next request on. NOT_FOUND. */
LK_CHECKED int lk_key_remove(const lk_key_place *place, const char *name, liken_error *err);
/* Every key, the oldest first. *out: free(). Errors of a file name path and line. */
LK_CHECKED int lk_key_list(const lk_key_place *place, lk_key **out, size_t *count, liken_error *err);

/* ---- checking, by any number of threads ----------------------------------------------------------------------- */

typedef struct lk_keyring lk_keyring;

/* Reads the keys; the store and the text of `place` must outlive the ring. */
LK_CHECKED int lk_keyring_open(lk_keyring **out, const lk_key_place *place, liken_error *err);
/* Reads the keys again when they have changed: what was done to them before this call counts when it returns. The only
 * call that waits, once the ring is open (for one small statement in the store, which callers at the same time share,
 * or one stat of the file); the others say what was there at the last refresh. A fault: it is not known who may. */
LK_CHECKED int lk_keyring_refresh(lk_keyring *ring, liken_error *err);
void lk_keyring_free(lk_keyring *ring);

/* Another number whenever the keys may be others than before: what was found under the same number still holds. */
unsigned long long lk_keyring_version(lk_keyring *ring);

/* True while the ring holds no key at all. A file that became unreadable does not count as empty: it opens nothing. */
bool lk_keyring_empty(lk_keyring *ring);

/* Copies the key with this text to *out; false when there is none. Constant time in the text. */
bool lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out);

/* The key has just opened something. Remembered until lk_keyring_save; nothing is waited for. */
void lk_keyring_used(lk_keyring *ring, const lk_key *key, int64_t now);
/* Writes down when keys of the store were used last, in one transaction, where any was since the last call. READ_ONLY
 * and whatever else a write may meet: then they are still to be written. */
LK_CHECKED int lk_keyring_save(lk_keyring *ring, liken_error *err);

/* Has the key this scope, and is it good for this collection (NULL: for all of them)? */
bool lk_key_allows(const lk_key *key, lk_scope scope, const char *collection);

#endif
