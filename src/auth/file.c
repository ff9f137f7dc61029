/* The file of keys: read whole, checked line by line, replaced whole under a lock of its folder. */
#include "auth/auth_int.h"

#include "base/buf.h"
#include "base/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FIELDS 8

static bool good_hash(const char *hash) {
    return strspn(hash, "0123456789abcdef") == 64 && hash[64] == '\0';
}

/* Reads one line, which it cuts up. An empty name: the line holds no key. */
static int parse_line(char *line, lk_key *key, liken_error *err) {
    line[strcspn(line, "#")] = '\0';
    char *rest = NULL, *fields[FIELDS + 1];
    size_t n = 0;
    for (char *f = strtok_r(line, " \t\r", &rest); f != NULL && n < LK_LENGTH(fields);
         f = strtok_r(NULL, " \t\r", &rest))
        fields[n++] = f;
    *key = (lk_key){0};
    if (n == 0)
        return LIKEN_OK;
    if (n < 4 || n > FIELDS)
        return lk_fail(err, LIKEN_E_ARG, "a line has four fields, NAME SCOPES COLLECTION SHA256, and limits");
    const bool all = strcmp(fields[2], "*") == 0;
    if (!lk_key_good_name(fields[0]) || (!all && !lk_key_good_name(fields[2])))
        return lk_fail(err, LIKEN_E_ARG, "names are 1 to %d letters, digits, '.', '_' or '-'", LK_KEY_NAME_MAX);
    if (!good_hash(fields[3]))
        return lk_fail(err, LIKEN_E_ARG, "the last field must be 64 hex digits (lower case)");
    int rc = lk_scopes_parse(fields[1], &key->scopes, err);
    for (size_t i = 4; rc == LIKEN_OK && i < n; i++)
        rc = lk_limits_read(fields[i], &key->limits, err);
    if (rc != LIKEN_OK)
        return rc;
    (void)snprintf(key->collection, sizeof key->collection, "%s", all ? "" : fields[2]);
    (void)snprintf(key->sha256, sizeof key->sha256, "%s", fields[3]);
    (void)snprintf(key->name, sizeof key->name, "%s", fields[0]);
    return LIKEN_OK;
}

static int parse_file(const char *path, char *text, lk_key *keys, size_t *count, liken_error *err) {
    int number = 0;
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        number++;
        lk_key key;
        const int rc = parse_line(line, &key, err);
        if (rc != LIKEN_OK) {
            lk_error_prefix(err, "%s line %d", path, number);
            return rc;
        }
        if (key.name[0] == '\0')
            continue;
        if (*count == LK_KEYS_MAX)
            return lk_fail(err, LIKEN_E_TOO_LARGE, "%s holds more than %d keys.", path, LK_KEYS_MAX);
        keys[(*count)++] = key;
    }
    return LIKEN_OK;
}

int lk_key_file_parse(const char *path, char *text, size_t size, lk_key **out, size_t *count, liken_error *err) {
    size_t n = 0;
    if (text != NULL && strlen(text) != size)
        return lk_fail(err, LIKEN_E_ARG, "%s is not a file of keys: it holds a NUL byte.", path);
    lk_key *keys = calloc(LK_KEYS_MAX, sizeof *keys);
    if (keys == NULL)
        return lk_fail_memory(err);
    const int rc = text == NULL ? LIKEN_OK : parse_file(path, text, keys, &n, err);
    if (rc != LIKEN_OK) {
        free(keys);
        return rc;
    }
    *out = keys;
    *count = n;
    return LIKEN_OK;
}

int lk_key_file_list(const char *path, lk_key **out, size_t *count, liken_error *err) {
    LK_FREE char *text = NULL;
    size_t size = 0;
    const int rc = lk_file_read(path, LK_KEY_FILE_BYTES, &text, &size, err);
    return rc == LIKEN_OK || rc == LIKEN_E_NOT_FOUND ? lk_key_file_parse(path, text, size, out, count, err) : rc;
}

int lk_key_file_lock(const char *path, bool make, int *fd, liken_error *err) {
    const char *slash = strrchr(path, '/');
    LK_FREE char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (folder == NULL)
        return lk_fail_memory(err);
    const int rc = make ? lk_folder_make(folder, err) : LIKEN_OK;
    if (rc != LIKEN_OK)
        return rc;
    *fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool failed = *fd < 0;
    while (!failed && flock(*fd, LOCK_EX) != 0)
        failed = errno != EINTR; /* a signal is no reason to give up */
    if (!failed)
        return LIKEN_OK;
    const int why = errno;
    if (*fd >= 0)
        close(*fd);
    return lk_fail_errno(err, LIKEN_E_IO, why, "The folder %s cannot be locked", folder);
}

static int write_key(lk_buf *b, const lk_key *key, liken_error *err) {
    char scopes[40];
    lk_scopes_format(key->scopes, scopes, sizeof scopes);
    int rc = lk_buf_format(b, err, "%s %s %s %s", key->name, scopes, key->collection[0] == '\0' ? "*" : key->collection,
                           key->sha256);
    if (rc == LIKEN_OK)
        rc = lk_limits_write(&key->limits, b, err);
    return rc == LIKEN_OK ? lk_buf_string(b, "\n", err) : rc;
}

static int write_keys(const char *path, const lk_key *keys, size_t count, liken_error *err) {
    lk_buf b;
    lk_buf_init(&b, LK_KEY_FILE_BYTES);
    int rc = lk_buf_string(&b, "# keys of liken: NAME SCOPES COLLECTION SHA256 LIMITS\n", err);
    for (size_t i = 0; rc == LIKEN_OK && i < count; i++)
        rc = write_key(&b, &keys[i], err);
    if (rc == LIKEN_OK)
        rc = lk_file_write(path, b.data, b.size, err);
    lk_buf_free(&b);
    return rc;
}

static size_t position(const lk_key *keys, size_t count, const char *name) {
    size_t i = 0;
    while (i < count && strcmp(keys[i].name, name) != 0)
        i++;
    return i;
}

static int append_key(const char *path, const lk_key *key, liken_error *err) {
    LK_FREE lk_key *keys = NULL;
    size_t count = 0;
    const int rc = lk_key_file_list(path, &keys, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    if (position(keys, count, key->name) < count)
        return lk_key_taken(key->name, err);
    if (count == LK_KEYS_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "%s holds the limit of %d keys; remove one first.", path, LK_KEYS_MAX);
    keys[count] = *key; /* lk_key_file_list gives room for LK_KEYS_MAX */
    return write_keys(path, keys, count + 1, err);
}

int lk_key_file_add(const char *path, const lk_key *key, liken_error *err) {
    int lock = -1;
    int rc = lk_key_file_lock(path, true, &lock, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = append_key(path, key, err);
    close(lock);
    return rc;
}

static int drop_key(const char *path, const char *name, liken_error *err) {
    LK_FREE lk_key *keys = NULL;
    size_t count = 0;
    const int rc = lk_key_file_list(path, &keys, &count, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t at = position(keys, count, name);
    if (at == count)
        return lk_key_unknown(name, err);
    memmove(&keys[at], &keys[at + 1], (count - at - 1) * sizeof *keys);
    return write_keys(path, keys, count - 1, err);
}

int lk_key_file_remove(const char *path, const char *name, liken_error *err) {
    int lock = -1;
    int rc = lk_key_file_lock(path, false, &lock, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = drop_key(path, name, err);
    close(lock);
    return rc;
}
