/* Keys in memory, checked against requests.
 *
 * A check looks at memory alone and never waits. Whoever may wait calls lk_keyring_refresh before: it looks whether the
 * keys changed, and reads them again when they did. In the store that is one small statement (how many keys there are
 * and the last of their ids), so that a key counts, and no longer counts, from the next request on whichever process
 * made or removed it; requests that come at the same time share a look, as long as it began after they came, so that
 * keys never take more than one of the store's connections. A store that does not answer tells nothing about a key, and
 * the refresh fails. A file is looked at by one stat: every change of it is a rename, so its inode or time differs. A
 * file that went bad opens nothing: refusing everybody is the safe mistake.
 *
 * When a key was used last is noted in memory and written down by lk_keyring_save, many at once and seldom, so that no
 * request waits for it or writes.
 *
 * `lock` guards what is in memory and is held for microseconds; `reading` is held by whoever looks. */
#include "auth/auth_int.h"

#include "base/crypto.h"
#include "base/lock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct file_mark { /* which file it was; all zero: none */
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct part { /* the keys of one place */
    lk_key *keys;
    size_t count;
    bool *used; /* of a store: whose last use is still to be written down; else NULL */
};

struct lk_keyring {
    pthread_mutex_t reading, lock;    /* taken in this order */
    struct lk_store *store;           /* borrowed; NULL: there is a file alone */
    char *path;                       /* NULL: no file */
    _Atomic unsigned long long begun; /* looks into the store */
    unsigned long long done;          /* the last of them that ended; under `reading`, as what came of it */
    int status;
    liken_error error;
    struct file_mark file_mark;
    lk_key_mark store_mark;
    struct part file, table;
    bool bad; /* the file could not be read */
    unsigned long long version;
};

static struct file_mark look(const char *path) {
    struct stat st;
    struct file_mark mark;
    memset(&mark, 0, sizeof mark);
    if (path != NULL && stat(path, &st) == 0) {
        mark.device = st.st_dev;
        mark.inode = st.st_ino;
        mark.size = st.st_size;
        mark.changed = st.st_mtim;
    }
    return mark;
}

static bool same(const struct file_mark *a, const struct file_mark *b) {
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* ---- the file; the caller holds `reading` ---- */

static int load_file(lk_keyring *ring, liken_error *err) {
    LK_HELD(&ring->reading);
    struct part part = {0};
    const struct file_mark mark = look(ring->path); /* before reading: a change in between is seen at the next look */
    const lk_key_place place = {.store = ring->store, .file = ring->path};
    const int rc = lk_key_old_file_list(&place, &part.keys, &part.count, err);
    pthread_mutex_lock(&ring->lock);
    lk_key *before = ring->file.keys;
    ring->file_mark = mark;
    ring->file = part;
    ring->bad = rc != LIKEN_OK;
    ring->version++;
    pthread_mutex_unlock(&ring->lock);
    free(before);
    return rc;
}

static bool is_old(lk_keyring *ring) {
    const struct file_mark now = look(ring->path);
    pthread_mutex_lock(&ring->lock);
    const bool old = !same(&now, &ring->file_mark);
    pthread_mutex_unlock(&ring->lock);
    return old;
}

static void refresh_file(lk_keyring *ring) {
    liken_error err = {0};
    if (!is_old(ring)) /* another thread was quicker */
        return;
    if (load_file(ring, &err) == LIKEN_OK)
        lk_log(LIKEN_LOG_INFO, "%s: %zu keys", ring->path, ring->file.count); /* which changes only in here */
    else
        lk_log(LIKEN_LOG_ERROR, "%s No key of the file is accepted until this is mended.", err.message);
}

/* ---- the store; the caller holds `reading` ---- */

static void free_part(struct part *part) {
    free(part->keys);
    free(part->used);
}

static size_t place_of(const struct part *part, const char *sha256) {
    size_t i = 0;
    while (i < part->count && memcmp(part->keys[i].sha256, sha256, LK_SHA256_HEX) != 0)
        i++;
    return i;
}

static void note_use(struct part *part, const char *sha256, int64_t when) {
    const size_t i = place_of(part, sha256);
    if (i == part->count || part->used == NULL || part->keys[i].used_at >= when)
        return;
    part->keys[i].used_at = when;
    part->used[i] = true;
}

/* What is known of uses and not written down yet stays so. */
static void carry_uses(const struct part *from, struct part *to) {
    for (size_t i = 0; i < from->count; i++)
        if (from->used[i])
            note_use(to, from->keys[i].sha256, from->keys[i].used_at);
}

static int load_store(lk_keyring *ring, liken_error *err) {
    LK_HELD(&ring->reading);
    struct part part = {0};
    lk_key_mark mark;
    const int rc = lk_key_table_list(ring->store, &part.keys, &part.count, &mark, err);
    if (rc != LIKEN_OK)
        return rc;
    part.used = calloc(part.count + 1, sizeof *part.used);
    if (part.used == NULL) {
        free_part(&part);
        return lk_fail_memory(err);
    }
    pthread_mutex_lock(&ring->lock);
    struct part before = ring->table;
    carry_uses(&before, &part);
    ring->store_mark = mark;
    ring->table = part;
    ring->version++;
    pthread_mutex_unlock(&ring->lock);
    free_part(&before);
    return LIKEN_OK;
}

static int look_into_store(lk_keyring *ring, liken_error *err) {
    lk_key_mark now;
    const int rc = lk_key_table_mark(ring->store, &now, err);
    if (rc != LIKEN_OK || (now.count == ring->store_mark.count && now.last == ring->store_mark.last))
        return rc;
    return load_store(ring, err);
}

/* A look that was under way when the caller came may have missed what was done before; the next has not. */
static int refresh_store(lk_keyring *ring, unsigned long long needed, liken_error *err) {
    if (ring->done < needed) {
        const unsigned long long number = atomic_fetch_add(&ring->begun, 1) + 1;
        ring->error = (liken_error){0};
        ring->status = look_into_store(ring, &ring->error);
        ring->done = number;
    }
    if (ring->status != LIKEN_OK && err != NULL)
        *err = ring->error;
    return ring->status;
}

int lk_keyring_refresh(lk_keyring *ring, liken_error *err) {
    const bool old = ring->path != NULL && is_old(ring);
    const unsigned long long needed = atomic_load(&ring->begun) + 1; /* after: what left the file is in the store */
    int rc = LIKEN_OK;
    if (ring->store == NULL && !old)
        return LIKEN_OK;
    pthread_mutex_lock(&ring->reading);
    if (ring->store != NULL)
        rc = refresh_store(ring, needed, err);
    if (old) /* after the store: its keys may just have gone there */
        refresh_file(ring);
    pthread_mutex_unlock(&ring->reading);
    return rc;
}

int lk_keyring_open(lk_keyring **out, const lk_key_place *place, liken_error *err) {
    lk_keyring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&ring->reading, NULL);
    pthread_mutex_init(&ring->lock, NULL);
    ring->store = place->store;
    ring->path = place->file == NULL ? NULL : strdup(place->file);
    int rc = place->file != NULL && ring->path == NULL ? lk_fail_memory(err) : lk_keys_take_over(place, err);
    pthread_mutex_lock(&ring->reading);
    if (rc == LIKEN_OK && ring->path != NULL)
        rc = load_file(ring, err);
    if (rc == LIKEN_OK && ring->store != NULL)
        rc = load_store(ring, err);
    pthread_mutex_unlock(&ring->reading);
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
    free_part(&ring->file);
    free_part(&ring->table);
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
    const bool empty = ring->file.count + ring->table.count == 0 && !ring->bad;
    pthread_mutex_unlock(&ring->lock);
    return empty;
}

/* All of them, whichever fits. */
static const lk_key *find_in(const struct part *part, const char *hash) {
    const lk_key *found = NULL;
    for (size_t i = 0; i < part->count; i++)
        if (lk_equal_secret(part->keys[i].sha256, hash, LK_SHA256_HEX - 1))
            found = &part->keys[i];
    return found;
}

bool lk_keyring_find(lk_keyring *ring, const char *secret, lk_key *out) {
    char hash[LK_SHA256_HEX];
    lk_sha256_hex(secret, strlen(secret), hash);
    pthread_mutex_lock(&ring->lock);
    const lk_key *in_table = find_in(&ring->table, hash), *in_file = find_in(&ring->file, hash);
    const lk_key *found = in_table != NULL ? in_table : in_file;
    if (found != NULL)
        *out = *found;
    pthread_mutex_unlock(&ring->lock);
    return found != NULL;
}

/* ---- last uses ---- */

void lk_keyring_used(lk_keyring *ring, const lk_key *key, int64_t now) {
    pthread_mutex_lock(&ring->lock);
    note_use(&ring->table, key->sha256, now);
    pthread_mutex_unlock(&ring->lock);
}

/* Takes out what is to be written down. NULL: nothing is, or there is no memory for it. */
static lk_key_use *take_uses(lk_keyring *ring, size_t *count) {
    struct part *part = &ring->table;
    size_t n = 0;
    *count = 0;
    pthread_mutex_lock(&ring->lock);
    for (size_t i = 0; i < part->count; i++)
        n += part->used[i];
    lk_key_use *uses = n == 0 ? NULL : calloc(n, sizeof *uses);
    for (size_t i = 0; uses != NULL && i < part->count; i++)
        if (part->used[i]) {
            uses[*count].used_at = part->keys[i].used_at;
            memcpy(uses[(*count)++].sha256, part->keys[i].sha256, LK_SHA256_HEX);
            part->used[i] = false;
        }
    pthread_mutex_unlock(&ring->lock);
    return uses;
}

/* They could not be written down. */
static void put_back(lk_keyring *ring, const lk_key_use *uses, size_t count) {
    struct part *part = &ring->table;
    pthread_mutex_lock(&ring->lock);
    for (size_t k = 0; k < count; k++) {
        const size_t i = place_of(part, uses[k].sha256);
        if (i < part->count)
            part->used[i] = true;
    }
    pthread_mutex_unlock(&ring->lock);
}

int lk_keyring_save(lk_keyring *ring, liken_error *err) {
    size_t count = 0;
    LK_FREE lk_key_use *uses = take_uses(ring, &count);
    const int rc = uses == NULL ? LIKEN_OK : lk_key_table_used(ring->store, uses, count, err);
    if (rc != LIKEN_OK)
        put_back(ring, uses, count);
    return rc;
}
