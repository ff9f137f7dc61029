/* install.c - puts a known pack into the models folder.
 *
 * The pack is put together in a hidden temporary folder beside its place and moved there in one rename, so that a
 * reader sees the old pack, the new one or none, and an interrupted install leaves only a hidden folder that the next
 * install removes. Installs into one models folder wait for each other on its lock file. */
#include "packs/install_int.h"

#include "base/call.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY ".install-"

/* ---- folders ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_folder(const char *path) {
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS); /* what stays is hidden and removed by the next install */
}

static void remove_leftovers(const char *models) {
    DIR *folder = opendir(models);
    if (folder == NULL)
        return;
    for (struct dirent *e; (e = readdir(folder)) != NULL;) {
        LK_FREE char *path =
            strncmp(e->d_name, TEMPORARY, strlen(TEMPORARY)) == 0 ? lk_path_join(models, e->d_name) : NULL;
        if (path != NULL)
            remove_folder(path);
    }
    closedir(folder);
}

static int make_folder(const char *path, liken_error *err) {
    return mkdir(path, 0755) == 0 ? LIKEN_OK
                                  : lk_fail_errno(err, LIKEN_E_IO, errno, "The folder %s cannot be made", path);
}

/* A file descriptor that holds the lock until it is closed, or a negative status. */
static int lock_models(const char *models, liken_error *err) {
    LK_FREE char *path = lk_path_join(models, ".lock");
    if (path == NULL)
        return lk_fail_memory(err);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The models folder %s cannot be written", models);
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            const int failed = errno;
            close(fd);
            return lk_fail_errno(err, LIKEN_E_IO, failed, "%s cannot be locked", path);
        }
    return fd;
}

/* The old folder, if any, ends up under `temporary`. */
static int move_into_place(const char *pack, const char *place, const char *temporary, liken_error *err) {
    if (rename(pack, place) == 0)
        return LIKEN_OK;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) {
        if (renameat2(AT_FDCWD, pack, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
            return LIKEN_OK;
        LK_FREE char *old = lk_path_join(temporary, "old"); /* a file system that cannot exchange */
        if (old == NULL)
            return lk_fail_memory(err);
        if (rename(place, old) == 0) {
            if (rename(pack, place) == 0)
                return LIKEN_OK;
            const int failed = errno;
            (void)rename(old, place);
            return lk_fail_errno(err, LIKEN_E_IO, failed, "The model pack cannot be moved to %s", place);
        }
    }
    return lk_fail_errno(err, LIKEN_E_IO, errno, "The model pack cannot be moved to %s", place);
}

static int open_to_all(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)ftw;
    return type == FTW_D || type == FTW_F ? chmod(path, S_ISDIR(st->st_mode) ? 0755 : 0644) : 0;
}

/* Weights are no secret: whoever runs the server reads them, also where root installed them under a strict umask. */
static int make_readable(const char *pack, liken_error *err) {
    return nftw(pack, open_to_all, 16, FTW_PHYS) == 0
               ? LIKEN_OK
               : lk_fail_errno(err, LIKEN_E_IO, errno, "The model pack in %s cannot be made readable", pack);
}

static void sync_folder(const char *path) {
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems cannot; the rename is then as durable as they make it */
        close(fd);
    }
}

/* ---- one install ---- */

/* pack.json is the one that this liken writes, and every file is what was pinned. */
static bool intact(const lk_known_pack *known, const char *place, const char *json, size_t json_size) {
    LK_FREE char *path = lk_path_join(place, "pack.json");
    LK_FREE char *text = NULL;
    size_t size = 0;
    if (path == NULL || lk_file_read(path, LK_PACK_JSON_CEILING, &text, &size, NULL) != LIKEN_OK || size != json_size ||
        memcmp(text, json, size) != 0)
        return false;
    lk_pack pinned = known->pack;
    pinned.path = place;
    return lk_pack_verify(&pinned, NULL) == LIKEN_OK;
}

static int make_staging(lk_staging *s, const char *temporary, liken_error *err) {
    s->pack = lk_path_join(temporary, "pack");
    s->work = lk_path_join(temporary, "work");
    LK_FREE char *samples = s->pack == NULL ? NULL : lk_path_join(s->pack, "samples");
    if (s->work == NULL || samples == NULL)
        return lk_fail_memory(err);
    int rc = make_folder(s->pack, err);
    if (rc == LIKEN_OK)
        rc = make_folder(s->work, err);
    return rc == LIKEN_OK && s->known->pack.sample_count > 0 ? make_folder(samples, err) : rc;
}

static int fail_incomplete(const lk_staging *s, liken_error *err) {
    const char *name = s->known->pack.name;
    lk_staging_say(s, "not installed: %zu files could not be had", lk_staging_missing(s));
    return lk_fail(err, LIKEN_E_IO,
                   "The model pack %s could not be installed. Without a network, put its files into DIR/%s and set "
                   "LIKEN_MODEL_MIRROR=DIR. What was tried:%s",
                   name, name, s->tried.size == 0 ? " nothing;" : s->tried.data);
}

static int fill(lk_staging *s, const char *json, size_t json_size, liken_error *err) {
    const int rc = lk_fetch_all(s, err);
    if (rc != LIKEN_OK)
        return rc;
    if (lk_staging_missing(s) > 0)
        return fail_incomplete(s, err);
    LK_FREE char *path = lk_path_join(s->pack, "pack.json");
    return path == NULL ? lk_fail_memory(err) : lk_file_write(path, json, json_size, err);
}

static int put_together(lk_staging *s, const char *place, const char *json, size_t json_size, liken_error *err) {
    char name[96];
    (void)snprintf(name, sizeof name, TEMPORARY "%s-XXXXXX", s->known->pack.name);
    LK_FREE char *temporary = lk_path_join(s->models, name);
    if (temporary == NULL)
        return lk_fail_memory(err);
    if (mkdtemp(temporary) == NULL)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The models folder %s cannot be written", s->models);
    int rc = make_staging(s, temporary, err);
    if (rc == LIKEN_OK)
        rc = fill(s, json, json_size, err);
    if (rc == LIKEN_OK)
        rc = make_readable(s->pack, err);
    if (rc == LIKEN_OK)
        rc = move_into_place(s->pack, place, temporary, err);
    if (rc == LIKEN_OK) {
        sync_folder(s->models);
        lk_staging_say(s, "verified and installed in %s", place);
    }
    remove_folder(temporary);
    return rc;
}

static int install_locked(lk_staging *s, liken_error *err) {
    LK_FREE char *place = lk_path_join(s->models, s->known->pack.name);
    if (place == NULL)
        return lk_fail_memory(err);
    LK_FREE char *json = NULL;
    size_t json_size = 0;
    int rc = lk_pack_write(&s->known->pack, &json, &json_size, err);
    if (rc != LIKEN_OK)
        return rc;
    remove_leftovers(s->models);
    if (intact(s->known, place, json, json_size)) {
        lk_staging_say(s, "installed already, and intact");
        return LIKEN_OK;
    }
    lk_buf_init(&s->tried, 4096);
    rc = put_together(s, place, json, json_size, err);
    lk_buf_free(&s->tried);
    free(s->pack);
    free(s->work);
    return rc;
}

/* The models folder as an absolute path; where it is not there it is made, and readable like the packs. */
static int open_models(const char *given, char **out, liken_error *err) {
    LK_FREE char *folder = NULL;
    struct stat st;
    int rc = lk_models_folder(given, &folder, err);
    const bool is_new = rc == LIKEN_OK && stat(folder, &st) != 0 && errno == ENOENT;
    if (rc == LIKEN_OK)
        rc = lk_folder_make(folder, err);
    if (rc != LIKEN_OK)
        return rc;
    if (is_new && chmod(folder, 0755) != 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The models folder %s cannot be made readable", folder);
    *out = realpath(folder, NULL);
    return *out == NULL ? lk_fail_errno(err, LIKEN_E_IO, errno, "The models folder %s cannot be used", folder)
                        : LIKEN_OK;
}

static int fail_unknown(const char *name, liken_error *err) {
    if (!lk_pack_name_ok(name))
        return lk_fail(err, LIKEN_E_ARG,
                       "The name of a model pack is 1 to 64 of A-Z a-z 0-9 . _ - and starts with no dot.");
    return lk_fail(
        err, LIKEN_E_NOT_FOUND,
        "liken cannot install a model pack %s by itself; it can install faceapi, yunet, reid, mobilefacenet, "
        "dlib, seed, antispoof and mesh. A pack of your own is a folder with a pack.json, put into the models folder.",
        name);
}

/* Where nothing can be written: what is there and intact need not be. */
static bool is_there(const lk_known_pack *known, const char *folder) {
    LK_FREE char *place = lk_path_join(folder, known->pack.name), *json = NULL;
    size_t size = 0;
    return place != NULL && lk_pack_write(&known->pack, &json, &size, NULL) == LIKEN_OK &&
           intact(known, place, json, size);
}

int lk_known_install(const lk_known_pack *known, const char *models, liken_error *err) {
    LK_FREE char *folder = NULL;
    int rc = open_models(models, &folder, err);
    if (rc != LIKEN_OK)
        return rc;
    const int lock = lock_models(folder, err);
    if (lock < 0)
        return is_there(known, folder) ? LIKEN_OK : lock;
    lk_staging s = {.known = known, .models = folder};
    rc = install_locked(&s, err);
    close(lock);
    return rc;
}

int liken_pack_install(const char *models, const char *name, const liken_call *call, liken_error *err) {
    const lk_known_pack *known = name == NULL ? NULL : lk_known_find(name);
    if (known != NULL && known->lender != NULL)
        known = lk_known_find(known->lender);
    lk_call k;
    int rc = lk_call_begin(&k, call, err);
    if (rc == LIKEN_OK)
        rc = known == NULL ? fail_unknown(name == NULL ? "" : name, err) : lk_known_install(known, models, err);
    lk_call_end(&k);
    return rc;
}
