/* keyring.c - keys in memory, checked against requests.
 *
 * A check looks at memory alone and never waits. Whoever may wait for a disk calls lk_keyring_refresh before: it looks
 * at the file (one stat) and reads it again when it is another one: every change of it is a rename, so its inode or
 * time differs. A file that went bad opens nothing: refusing everybody is the safe mistake.
 *
 * `lock` guards what is in memory and is held for microseconds; `reading` is held by whoever reads the file. */
#include "auth/auth.h"
#include "base/crypto.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct mark { /* which file it was; all zero: none */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct lk_keyring {
    pthread_mutex_t reading, lock; /* taken in this order */
    char *path;                    /* NULL: no file */
    struct mark mark;
    lk_key *keys;
    size_t count;
    unsigned long long version;
    bool bad; /* the file could not be read */
};

static struct mark look(const char *path) {
    struct stat st;
    struct mark mark;
    memset(&mark, 0, sizeof mark);
    if (path != NULL && stat(path, &st) == 0) {
        mark.device = st.st_dev;
        mark.inode = st.st_ino;
        mark.size = st.st_size;
        mark.changed = st.st_mtim;
    }
    return mark;
}

static bool same(const struct mark *a, const struct mark *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* The file anew; the caller holds `reading`. */
static int load(lk_keyring *ring, liken_error *err) {
    lk_key *keys = NULL;
    size_t count = 0;
    const struct mark mark = look(ring->path); /* before reading: a change in between is seen at the next look */
    const int rc = lk_key_list(ring->path, &keys, &count, err);
    pthread_mutex_lock(&ring->lock);
    lk_key *before = ring->keys;
    ring->mark = mark;
    ring->keys = keys;
    ring->count = count;
    ring->bad = rc != LIKEN_OK;
    ring->version++;
    pthread_mutex_unlock(&ring->lock);
    free(before);
    return rc;
}

static bool is_old(lk_keyring *ring) {
    const struct mark now = look(ring->path);
    pthread_mutex_lock(&ring->lock);
    const bool old = !same(&now, &ring->mark);
    pthread_mutex_unlock(&ring->lock);
    return old;
}

void lk_keyring_refresh(lk_keyring *ring) {
    liken_error err = {0};
    if (ring->path == NULL || !is_old(ring))
        return;
    pthread_mutex_lock(&ring->reading);
    if (is_old(ring)) { /* else another thread was quicker */
        if (load(ring, &err) == LIKEN_OK)
            lk_log(LIKEN_LOG_INFO, "%s: %zu keys", ring->path, ring->count); /* which changes only in here */
        else
            lk_log(LIKEN_LOG_ERROR, "%s No key is accepted until this is mended.", err.message);
    }
    pthread_mutex_unlock(&ring->reading);
}

int lk_keyring_open(lk_keyring **out, const char *path, liken_error *err) {
    lk_keyring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&ring->reading, NULL);
    pthread_mutex_init(&ring->lock, NULL);
    int rc = LIKEN_OK;
    if (path != NULL) {
        ring->path = strdup(path);
        rc = ring->path == NULL ? lk_fail_memory(err) : load(ring, err);
    }
    if (rc != LIKEN_OK) {
        lk_keyring_free(ring);
        return rc;
    }
    *out = ring;
    return LIKEN_OK;
}

void lk_keyring_free(lk_keyring *ring) {
    if (ring == NULL)
        return;
    pthread_mutex_destroy(&ring->reading);
    pthread_mutex_destroy(&ring->lock);
    free(ring->keys);
    free(ring->path);
    free(ring);
}

unsigned long long lk_keyring_version(lk_keyring *ring) {
    pthread_mutex_lock(&ring->lock);
    const unsigned long long version = ring->version;
    pthread_mutex_unlock(&ring->lock);
    return version;
}

bool lk_keyring_empty(lk_keyring *ring) {
    pthread_mutex_lock(&ring->lock);
    const bool empty = ring->count == 0 && !ring->bad;
    pthread_mutex_unlock(&ring->lock);
    return empty;
}

bool lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out) {
    char hash[LK_SHA256_HEX];
    lk_sha256_hex(secret, strlen(secret), hash);
    const lk_key *found = NULL;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < ring->count; i++) /* all of them, whichever fits */
        if (lk_equal_secret(ring->keys[i].sha256, hash, sizeof hash - 1))
            found = &ring->keys[i];
    if (found != NULL)
        *out = *found;
    pthread_mutex_unlock(&ring->lock);
    return found != NULL;
}

bool lk_key_allows(const lk_key *key, lk_scope scope, const char *collection) {
    if ((key->scopes & (scope | LK_SCOPE_ADMIN)) == 0)
        return false;
    return key->collection[0] == '\0' || (collection != NULL && strcmp(key->collection, collection) == 0);
}
