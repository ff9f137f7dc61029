/* packed.c - an archive is read twice: first for its names, since a run says how many photos lie before it, then for
 * the bytes, in the order in which they are packed. Only the reader's position is shared: whoever has the next entry
 * takes it, whoever is early waits for that. */
#include "cli/packed.h"

#include "base/call.h"
#include "base/clock.h"
#include "cli/caller.h"
#include "cli/files.h"
#include "jobs/unpack.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NONE SIZE_MAX /* as an entry: the archive itself, which could not be listed */

typedef struct package {
    char *name, *place;       /* as it was named, and from the root */
    lk_archive *reader;       /* NULL: not begun, or over */
    size_t turn;              /* of its paths, which is to be read next */
    size_t at;                /* entries that the reader has met */
    lk_archive_reason reason; /* why it cannot be read: */
    int rc;
    liken_error err;
} package;

struct lk_packed {
    pthread_mutex_t lock; /* of all packages, but for what is set by lk_packed_open */
    pthread_cond_t change;
    package *items;
    size_t count;
    lk_archive_options options;
};

void lk_packed_free(lk_packed *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++) {
        lk_archive_close(p->items[i].reader);
        free(p->items[i].name);
        free(p->items[i].place);
    }
    free(p->items);
    pthread_cond_destroy(&p->change);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* ---- listing ---- */

static bool is_package(const lk_path *path) {
    struct stat st;
    return path->source == LK_SOURCE_FILE && !path->walked && path->fault == 0 && lk_archive_is(path->name) &&
           (stat(path->name, &st) != 0 || !S_ISDIR(st.st_mode));
}

static char *joined(const char *folder, const char *name) {
    const size_t room = strlen(folder) + strlen(name) + 2;
    char *whole = malloc(room);
    if (whole != NULL)
        (void)snprintf(whole, room, "%s/%s", folder, name);
    return whole;
}

/* Adds the names of an archive that is open. On failure of the archive only *reason says more. */
static int list_entries(lk_archive *reader, lk_paths *to, const char *archive, size_t index, lk_archive_reason *reason,
                        liken_error *err) {
    size_t turn = 0;
    for (size_t entry = 0;; entry++) {
        const char *name = NULL;
        int rc = lk_archive_next(reader, &name, reason, err);
        if (rc != LIKEN_OK || name == NULL)
            return rc;
        if (lk_paths_leave_out(to, name))
            continue;
        LK_FREE char *whole = joined(archive, name);
        *reason = LK_ARCHIVE_FINE;
        rc = whole == NULL
                 ? lk_fail_memory(err)
                 : lk_paths_push(
                       to, whole,
                       (lk_path){
                           .source = LK_SOURCE_ENTRY, .walked = true, .archive = index, .entry = entry, .turn = turn++},
                       err);
        if (rc != LIKEN_OK)
            return rc;
    }
}

/* What an archive is at fault for is kept with it, and is no failure here. */
static int list(lk_packed *p, package *k, lk_paths *to, liken_error *err) {
    lk_archive *reader = NULL;
    const size_t before = to->count, index = (size_t)(k - p->items);
    k->rc = lk_archive_open(&reader, k->name, &p->options, &k->reason, &k->err);
    if (k->rc == LIKEN_OK)
        k->rc = list_entries(reader, to, k->name, index, &k->reason, &k->err);
    lk_archive_close(reader);
    if (k->rc == LIKEN_OK)
        return LIKEN_OK;
    if (k->reason == LK_ARCHIVE_FINE || k->reason == LK_ARCHIVE_STOPPED) {
        if (err != NULL)
            *err = k->err;
        return k->rc;
    }
    lk_paths_cut(to, before); /* nothing of it */
    return lk_paths_push(to, k->name, (lk_path){.source = LK_SOURCE_ENTRY, .archive = index, .entry = NONE}, err);
}

static int add_package(lk_packed *p, const lk_path *path, package **out, liken_error *err) {
    package *items = realloc(p->items, (p->count + 1) * sizeof *items);
    if (items == NULL)
        return lk_fail_memory(err);
    p->items = items;
    package *k = &items[p->count++];
    *k = (package){.name = strdup(path->name), .place = lk_file_place(path)};
    if (k->place == NULL)
        k->place = liken_label_of_path(path->name);
    *out = k;
    return k->name == NULL || k->place == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int expand(lk_packed *p, const lk_paths *from, lk_paths *to, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < from->count; i++) {
        package *k = NULL;
        if (!is_package(&from->items[i])) {
            rc = lk_paths_push(to, from->items[i].name, from->items[i], err);
            continue;
        }
        rc = add_package(p, &from->items[i], &k, err);
        if (rc == LIKEN_OK)
            rc = list(p, k, to, err);
    }
    return rc;
}

int lk_packed_open(lk_packed **out, lk_paths *paths, size_t max, liken_error *err) {
    bool any = false;
    for (size_t i = 0; !any && i < paths->count; i++)
        any = is_package(&paths->items[i]);
    if (!any)
        return LIKEN_OK;
    lk_packed *p = calloc(1, sizeof *p);
    if (p == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&p->lock, NULL);
    lk_clock_condition(&p->change);
    p->options.entry_bytes = max;
    lk_paths to = {.hidden = paths->hidden, .excludes = paths->excludes, .exclude_count = paths->exclude_count};
    const int rc = expand(p, paths, &to, err);
    if (rc != LIKEN_OK) {
        lk_paths_free(&to);
        lk_packed_free(p);
        return rc;
    }
    lk_paths old = {.items = paths->items, .count = paths->count};
    paths->items = to.items;
    paths->count = to.count;
    paths->capacity = to.capacity;
    paths->left_out += to.left_out;
    lk_paths_free(&old);
    *out = p;
    return LIKEN_OK;
}

/* ---- reading ---- */

/* Under the lock, in turn. A fault of the archive is kept. */
static int read_entry(lk_packed *p, package *k, const lk_path *path, char **bytes, size_t *size,
                      lk_archive_reason *reason, liken_error *err) {
    const char *name = NULL;
    int rc = LIKEN_OK;
    if (k->reader == NULL)
        rc = lk_archive_open(&k->reader, k->name, &p->options, reason, err);
    for (; rc == LIKEN_OK && k->at <= path->entry; k->at++) {
        rc = lk_archive_next(k->reader, &name, reason, err);
        if (rc == LIKEN_OK && name == NULL) {
            *reason = LK_ARCHIVE_DAMAGED;
            rc = lk_fail(err, LIKEN_E_IO, "The archive has changed while it was read; add it again.");
        }
    }
    return rc == LIKEN_OK ? lk_archive_read(k->reader, bytes, size, reason, err) : rc;
}

static bool ends_all(lk_archive_reason reason) {
    return reason == LK_ARCHIVE_UNREADABLE || reason == LK_ARCHIVE_UNKNOWN || reason == LK_ARCHIVE_BOMB ||
           reason == LK_ARCHIVE_ENTRIES;
}

/* Under the lock. */
static int take(lk_packed *p, package *k, const lk_path *path, char **bytes, size_t *size, lk_archive_reason *reason,
                liken_error *err) {
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && k->rc == LIKEN_OK && k->turn != path->turn)
        rc = lk_call_wait(&p->change, &p->lock, err);
    *reason = LK_ARCHIVE_STOPPED;
    if (rc != LIKEN_OK)
        return rc;
    if (k->rc == LIKEN_OK) {
        rc = read_entry(p, k, path, bytes, size, reason, &k->err);
        k->rc = ends_all(*reason) ? rc : LIKEN_OK;
        k->reason = *reason;
        k->turn++;
        pthread_cond_broadcast(&p->change);
    } else {
        rc = k->rc;
        *reason = k->reason;
    }
    if (rc != LIKEN_OK && err != NULL)
        *err = k->err;
    return rc;
}

int lk_packed_read(lk_packed *p, const lk_path *path, char **bytes, size_t *size, const char **reason,
                   liken_error *err) {
    lk_archive_reason why = LK_ARCHIVE_STOPPED;
    lk_call call;
    int rc = lk_call_begin(&call, lk_cli_call(), err);
    if (rc == LIKEN_OK) {
        pthread_mutex_lock(&p->lock);
        rc = take(p, &p->items[path->archive], path, bytes, size, &why, err);
        pthread_mutex_unlock(&p->lock);
    }
    lk_call_end(&call);
    if (rc != LIKEN_OK && why != LK_ARCHIVE_STOPPED)
        *reason = lk_archive_reason_code(why);
    return rc;
}

char *lk_packed_label(const lk_packed *p, const lk_path *path) {
    const package *k = &p->items[path->archive];
    LK_FREE char *label = path->entry == NONE ? NULL : liken_label_of_path(path->name + strlen(k->name) + 1);
    return label == NULL ? NULL : joined(k->place, label);
}
