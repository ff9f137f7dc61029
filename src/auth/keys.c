/* Making, removing and listing keys, wherever they are, and taking over the file in which an older liken had them. */
#include "auth/auth_int.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lk_key_good_name(const char *name) {
    const size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n <= LK_KEY_NAME_MAX && name[n] == '\0';
}

int lk_key_taken(const char *name, liken_error *err) {
    return lk_fail(err, LIKEN_E_CONFLICT,
                   "There is a key named \"%.64s\" already; remove it first or choose another name.", name);
}

int lk_key_unknown(const char *name, liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no key named \"%.64s\"; `liken keys list` shows them.", name);
}

/* ---- the old file ---- */

static bool is_there(const lk_key_place *place) {
    return place->store != NULL && place->file != NULL && access(place->file, F_OK) == 0;
}

/* Whether it can get another name. */
static bool is_ours(const char *path) {
    const char *slash = strrchr(path, '/');
    LK_FREE char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    return folder != NULL && access(folder, W_OK | X_OK) == 0;
}

static int put_aside(const char *path, int added, liken_error *err) {
    lk_buf aside;
    lk_buf_init(&aside, 8192);
    int rc = lk_buf_format(&aside, err, "%s.taken-over", path);
    if (rc == LIKEN_OK && rename(path, aside.data) != 0 && errno != ENOENT)
        rc = lk_fail_errno(err, LIKEN_E_IO, errno,
                           "The keys of %s are in the store now, but the file cannot be renamed; remove it, so that a "
                           "key that is removed from the store opens nothing",
                           path);
    if (rc == LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "Keys are in the store now: %d of %s were taken over, and the file is %s.", added, path,
               aside.data);
    lk_buf_free(&aside);
    return rc;
}

int lk_key_old_file_list(const lk_key_place *place, lk_key **out, size_t *count, liken_error *err) {
    LK_FREE char *text = NULL;
    char hash[LK_SHA256_HEX];
    size_t size = 0;
    bool taken = false;
    *out = NULL;
    *count = 0;
    if (place->store == NULL)
        return lk_key_file_list(place->file, out, count, err);
    int rc = lk_file_read(place->file, LK_KEY_FILE_BYTES, &text, &size, err);
    if (rc != LIKEN_OK)
        return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc;
    lk_sha256_hex(text, size, hash);
    rc = lk_key_table_has_taken(place->store, hash, &taken, err);
    return rc == LIKEN_OK && !taken ? lk_key_file_parse(place->file, text, size, out, count, err) : rc;
}

/* The caller holds the lock of its folder. */
static int take_file(const lk_key_place *place, liken_error *err) {
    LK_FREE char *text = NULL;
    LK_FREE lk_key *keys = NULL;
    size_t size = 0, count = 0;
    char hash[LK_SHA256_HEX];
    int added = 0;
    int rc = lk_file_read(place->file, LK_KEY_FILE_BYTES, &text, &size, err);
    if (rc != LIKEN_OK)
        return rc == LIKEN_E_NOT_FOUND ? LIKEN_OK : rc; /* another process was quicker */
    lk_sha256_hex(text, size, hash);
    rc = lk_key_file_parse(place->file, text, size, &keys, &count, err);
    if (rc == LIKEN_OK)
        rc = lk_key_table_take(place->store, hash, keys, count, &added, err);
    return rc == LIKEN_OK ? put_aside(place->file, added, err) : rc;
}

int lk_keys_take_over(const lk_key_place *place, liken_error *err) {
    liken_error why = {0};
    int lock = -1;
    if (!is_there(place) || !is_ours(place->file))
        return LIKEN_OK;
    int rc = lk_key_file_lock(place->file, false, &lock, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = take_file(place, &why);
    close(lock);
    if (rc == LIKEN_E_FULL || rc == LIKEN_E_BUSY)
        lk_log(LIKEN_LOG_WARN, "The keys of %s count from where they are, and are not in the store yet. %s",
               place->file, why.message);
    if (rc == LIKEN_E_READ_ONLY || rc == LIKEN_E_FULL || rc == LIKEN_E_BUSY)
        return LIKEN_OK;
    if (rc != LIKEN_OK && err != NULL)
        *err = why;
    return rc;
}

/* ---- keys ---- */

static void make_secret(char secret[LK_KEY_TEXT]) {
    memcpy(secret, "lk_", 3);
    lk_random_hex(32, secret + 3);
}

/* Of a file that could not be taken over, and whose keys count. */
static int find_in_file(const lk_key_place *place, const char *name, bool *found, liken_error *err) {
    LK_FREE lk_key *keys = NULL;
    size_t count = 0;
    *found = false;
    const int rc = is_there(place) ? lk_key_old_file_list(place, &keys, &count, err) : LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        *found = *found || strcmp(keys[i].name, name) == 0;
    return rc;
}

static int add_to_store(const lk_key_place *place, const lk_key *key, liken_error *err) {
    bool found = false;
    int rc = lk_keys_take_over(place, err);
    if (rc == LIKEN_OK)
        rc = find_in_file(place, key->name, &found, err);
    if (rc == LIKEN_OK && found)
        rc = lk_key_taken(key->name, err);
    return rc == LIKEN_OK ? lk_key_table_add(place->store, key, err) : rc;
}

int lk_key_add(const lk_key_place *place, const char *name, unsigned scopes, const char *collection,
               const lk_key_limits *limits, char secret[LK_KEY_TEXT], liken_error *err) {
    if (!lk_key_good_name(name) || (collection != NULL && !lk_key_good_name(collection)))
        return lk_fail(err, LIKEN_E_ARG, "Names are 1 to %d letters, digits, '.', '_' or '-'.", LK_KEY_NAME_MAX);
    if (scopes == 0)
        return lk_fail(err, LIKEN_E_ARG, "A key needs at least one scope: " LK_SCOPE_WORDS(", ") ".");
    char text[LK_KEY_TEXT];
    lk_key key = {.scopes = scopes, .limits = limits == NULL ? (lk_key_limits){0} : *limits};
    int rc = lk_limits_check(&key.limits, err);
    if (rc != LIKEN_OK)
        return rc;
    make_secret(text);
    (void)snprintf(key.name, sizeof key.name, "%s", name);
    (void)snprintf(key.collection, sizeof key.collection, "%s", collection != NULL ? collection : "");
    lk_sha256_hex(text, strlen(text), key.sha256);
    rc = place->store == NULL ? lk_key_file_add(place->file, &key, err) : add_to_store(place, &key, err);
    if (rc == LIKEN_OK)
        memcpy(secret, text, sizeof text);
    return rc;
}

int lk_key_remove(const lk_key_place *place, const char *name, liken_error *err) {
    bool found = false;
    if (place->store == NULL)
        return lk_key_file_remove(place->file, name, err);
    int rc = lk_keys_take_over(place, err);
    if (rc == LIKEN_OK)
        rc = find_in_file(place, name, &found, err);
    if (rc == LIKEN_OK && found)
        return lk_fail(
            err, LIKEN_E_READ_ONLY,
            "The key \"%.64s\" is in %s, which cannot be changed or taken into the store from here; take its "
            "line out of the file.",
            name, place->file);
    return rc == LIKEN_OK ? lk_key_table_remove(place->store, name, err) : rc;
}

static int append(lk_key **list, size_t *count, const lk_key *more, size_t more_count, liken_error *err) {
    lk_key *all = realloc(*list, (*count + more_count) * sizeof *all);
    if (all == NULL)
        return lk_fail_memory(err);
    *list = all;
    memcpy(all + *count, more, more_count * sizeof *more);
    *count += more_count;
    return LIKEN_OK;
}

int lk_key_list(const lk_key_place *place, lk_key **out, size_t *count, liken_error *err) {
    LK_FREE lk_key *old = NULL;
    lk_key *list = NULL;
    lk_key_mark mark;
    size_t n = 0, old_count = 0;
    if (place->store == NULL)
        return lk_key_file_list(place->file, out, count, err);
    int rc = lk_key_table_list(place->store, &list, &n, &mark, err);
    if (rc == LIKEN_OK && is_there(place))
        rc = lk_key_old_file_list(place, &old, &old_count, err);
    if (rc == LIKEN_OK && old_count > 0)
        rc = append(&list, &n, old, old_count, err);
    if (rc != LIKEN_OK) {
        free(list);
        return rc;
    }
    *out = list;
    *count = n;
    return LIKEN_OK;
}
