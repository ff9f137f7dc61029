/* A photo's own file, found by its labels.
 *
 * Labels come from whoever adds photos, and a server may show pictures to many: so a file is read only where the
 * operator allowed it (options.photo_folders), only if it lies there, wherever a link leads within it, and only the
 * very bytes that were added count, by their SHA-256. Whoever sees the picture sees nothing that was not given to
 * liken. What does not fit is passed over in silence: there are other pictures, and an answer that told why would tell
 * of files. */
#include "gallery/pictures.h"

#include "base/beneath.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABELS_TRIED 16 /* of one photo, for one picture */
#define FILES_READ 2    /* whole, for one picture: those whose size fits and whose bytes do not */

/* ---- the folders ---- */

static int add_folder(liken *lk, const char *folder, liken_error *err) {
    if (folder[0] != '/')
        return lk_fail(err, LIKEN_E_ARG,
                       "photo-folders: \"%.200s\" is no whole path. Name each folder from the root, and part several "
                       "with a colon.",
                       folder);
    if (access(folder, R_OK | X_OK) != 0)
        lk_log(LIKEN_LOG_WARN,
               "photo-folders: %s cannot be read now (%s); photos in it are not shown from their files.", folder,
               strerror(errno));
    return lk_texts_add(&lk->photo_folders, &lk->photo_folder_count, folder) ? LIKEN_OK : lk_fail_memory(err);
}

int lk_photo_folders_take(liken *lk, const char *folders, liken_error *err) {
    int rc = LIKEN_OK;
    for (const char *at = folders == NULL ? "" : folders; rc == LIKEN_OK && *at != '\0';) {
        size_t length = strcspn(at, ":");
        const char *next = at + length + (at[length] == ':');
        while (length > 1 && at[length - 1] == '/')
            length--;
        LK_FREE char *folder = strndup(at, length);
        if (folder == NULL)
            return lk_fail_memory(err);
        if (length > 0)
            rc = add_folder(lk, folder, err);
        at = next;
    }
    return rc;
}

/* ---- one file ---- */

/* What of `path` is behind "folder/"; NULL: it is not below it. */
static const char *below(const char *path, const char *folder) {
    const size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

/* A path from the root lies in a folder under the folder's own name or under the one that it has without links; any
 * other is looked for in each. */
static int open_in_folder(const char *folder, const char *path) {
    const char *rest = path[0] == '/' ? below(path, folder) : path;
    LK_FREE char *real = rest == NULL ? realpath(folder, NULL) : NULL;
    if (rest == NULL && real != NULL)
        rest = below(path, real);
    return rest == NULL ? -1 : lk_beneath_open(folder, rest);
}

static int open_anywhere(const liken *lk, const char *path) {
    int fd = -1;
    for (size_t i = 0; fd < 0 && i < lk->photo_folder_count; i++)
        fd = open_in_folder(lk->photo_folders[i], path);
    return fd;
}

/* The descriptor of the file that a label names; -1: none that may be read. */
static int open_label(const liken *lk, const liken_label *label) {
    const char *name = label->place != NULL ? label->place : label->file;
    if (label->kind == LIKEN_LABEL_LOST || name == NULL)
        return -1;
    LK_FREE char *path = liken_path_of_label(name);
    return path == NULL ? -1 : open_anywhere(lk, path);
}

static bool size_fits(int fd, const liken_label *label) {
    return label->mark.size <= 0 || lseek(fd, 0, SEEK_END) == (off_t)label->mark.size;
}

/* NOT_FOUND: its bytes are others now, or cannot be had. */
static int read_photo(const liken *lk, const liken_image *image, int fd, liken_picture *out, liken_error *err) {
    char hash[LK_SHA256_HEX];
    liken_picture p = {.kind = LIKEN_KEEP_NOTHING, .width = image->width, .height = image->height};
    liken_error why;
    int rc = lseek(fd, 0, SEEK_SET) == 0
                 ? lk_beneath_read(fd, lk_photo_limits_of(&lk->limits).max_bytes, &p.bytes, &p.size, &why)
                 : LIKEN_E_IO;
    if (rc == LIKEN_E_MEMORY)
        return lk_fail_memory(err);
    if (rc == LIKEN_OK) {
        lk_sha256_hex(p.bytes, p.size, hash);
        rc = strcmp(hash, image->sha256) == 0 ? LIKEN_OK : LIKEN_E_NOT_FOUND;
    }
    if (rc == LIKEN_OK) {
        *out = p;
        return LIKEN_OK;
    }
    free(p.bytes);
    return LIKEN_E_NOT_FOUND;
}

int lk_photo_file(const liken *lk, const liken_image *image, liken_picture *out, liken_error *err) {
    liken_label label;
    size_t read = 0;
    int rc = LIKEN_E_NOT_FOUND;
    const size_t count = lk->photo_folder_count == 0 ? 0 : lk_image_names(image, SIZE_MAX, &label);
    for (size_t i = 0; rc == LIKEN_E_NOT_FOUND && i < count && i < LABELS_TRIED && read < FILES_READ; i++) {
        (void)lk_image_names(image, i, &label);
        const int fd = open_label(lk, &label);
        if (fd < 0)
            continue;
        if (size_fits(fd, &label)) {
            rc = read_photo(lk, image, fd, out, err);
            read++;
        }
        (void)close(fd);
    }
    return rc;
}
