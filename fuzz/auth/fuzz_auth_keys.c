/* The file of keys, as a ring reads it. Every key that is taken is whole and admits what it says and no more; a file
 * that is refused admits nobody. The secret that the seeds have a key for is "lk_fuzz". */
#include "auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A path to a file in memory that holds the bytes. */
static const char *file_with(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[40];
    if (fd < 0) {
        fd = memfd_create("keys", MFD_CLOEXEC);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    return path;
}

static void check_key(const lk_key *key) {
    char words[40];
    unsigned scopes = 0;
    lk_scopes_format(key->scopes, words, sizeof words);
    const size_t name = strnlen(key->name, sizeof key->name);
    if (lk_scopes_parse(words, &scopes, NULL) != LIKEN_OK || scopes != key->scopes || name == 0 ||
        name > LK_KEY_NAME_MAX || strlen(key->collection) > LK_KEY_NAME_MAX || strlen(key->sha256) != 64)
        abort();
    if (key->collection[0] != '\0' && (lk_key_allows(key, key->scopes, NULL) || lk_key_allows(key, key->scopes, "")))
        abort();
    if (!lk_key_allows(key, key->scopes, key->collection))
        abort();
}

static void check_ring(const char *path, size_t count) {
    lk_keyring *ring = NULL;
    lk_key key;
    if (lk_keyring_open(&ring, &(lk_key_place){NULL, path}, NULL) != LIKEN_OK || lk_keyring_empty(ring) != (count == 0))
        abort();
    if (lk_keyring_find(ring, "lk_fuzz", &key))
        check_key(&key);
    if (lk_keyring_find(ring, "", &key) && count == 0)
        abort();
    lk_keyring_free(ring);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *path = file_with(data, size);
    lk_key *keys = NULL;
    size_t count = 0;
    liken_error err = {0};
    if (lk_key_list(&(lk_key_place){NULL, path}, &keys, &count, &err) != LIKEN_OK) {
        lk_keyring *ring = NULL;
        if (err.message[0] == '\0' || lk_keyring_open(&ring, &(lk_key_place){NULL, path}, NULL) == LIKEN_OK)
            abort();
        return 0;
    }
    for (size_t i = 0; i < count; i++)
        check_key(&keys[i]);
    check_ring(path, count);
    free(keys);
    return 0;
}
