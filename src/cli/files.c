/* A label is what a user calls a file, and people call one file by many names and many files by one: every camera has
 * its IMG_0001.JPG, and `liken add .` is said in every folder. So the store keeps where each file lies beside its
 * label, and a file is known by that. */
#include "cli/files.h"

#include "cli/caller.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* `rest` below the folder that the first `size` bytes of `path` name. */
static char *place_below(const char *path, size_t size, const char *rest) {
    LK_FREE char *folder = size == 0 ? strdup(".") : strndup(path, size);
    LK_FREE char *real = folder == NULL ? NULL : realpath(folder, NULL);
    if (real == NULL)
        return NULL;
    const size_t length = strlen(real);
    LK_FREE char *whole = malloc(length + strlen(rest) + 2);
    if (whole == NULL)
        return NULL;
    (void)snprintf(whole, length + strlen(rest) + 2, "%s%s%s", real, *rest != '\0' && strcmp(real, "/") != 0 ? "/" : "",
                   rest);
    return liken_label_of_path(whole);
}

char *lk_file_place(const lk_path *path) {
    const char *slash = strrchr(path->name, '/');
    const size_t size = path->root > 0 ? path->root : slash == NULL ? 0 : (size_t)(slash - path->name) + 1;
    return place_below(path->name, size, path->name + size);
}

char *lk_file_place_of_folder(const char *folder) {
    return place_below(folder, strlen(folder), "");
}

/* Whether the file that lies at `place` is there and another one than `path` leads to. */
static bool is_another(const char *place, const char *path) {
    struct stat there, here;
    LK_FREE char *other = liken_path_of_label(place);
    if (other == NULL)
        return true;
    if (stat(other, &there) != 0)
        return errno != ENOENT && errno != ENOTDIR; /* what cannot be looked at may be there */
    return stat(path, &here) != 0 || there.st_dev != here.st_dev || there.st_ino != here.st_ino;
}

/* What to call a file when `known` has its place or its label. */
static char *label_by(const liken_file *known, const char *path, char **place) {
    if (known->place == NULL || *place == NULL || strcmp(known->place, *place) == 0)
        return strdup(known->file);
    struct stat st;
    LK_FREE char *other = liken_path_of_label(known->place);
    if (is_another(known->place, path))
        return strdup(*place);
    if (other != NULL && stat(other, &st) == 0) { /* the same file, met on another way */
        free(*place);
        *place = strdup(known->place);
    }
    return strdup(known->file);
}

int lk_file_label(liken *lk, const char *collection, const lk_path *path, char **label, char **place,
                  liken_error *err) {
    liken_file *known = NULL;
    LK_FREE char *own = liken_label_of_path(path->name);
    if (own == NULL)
        return lk_fail_memory(err);
    char *lies = lk_file_place(path);
    const int rc = liken_file_find(lk, lk_cli_call(), collection, lies, own, &known, err);
    char *called = rc == LIKEN_OK ? label_by(known, path->name, &lies) : rc == LIKEN_E_NOT_FOUND ? strdup(own) : NULL;
    liken_file_free(known);
    if (called == NULL) {
        free(lies);
        return rc == LIKEN_OK || rc == LIKEN_E_NOT_FOUND ? lk_fail_memory(err) : rc;
    }
    *label = called;
    *place = lies;
    return LIKEN_OK;
}

int lk_file_named(liken *lk, const char *collection, const char *word, char **label, liken_error *err) {
    liken_file *known = NULL;
    LK_FREE char *path = liken_path_of_label(word);
    LK_FREE char *place = path == NULL ? NULL : lk_file_place(&(lk_path){.name = path});
    const int rc =
        place == NULL ? LIKEN_E_NOT_FOUND : liken_file_find(lk, lk_cli_call(), collection, place, NULL, &known, err);
    char *called = rc == LIKEN_OK ? strdup(known->file) : rc == LIKEN_E_NOT_FOUND ? lk_cli_label(word) : NULL;
    liken_file_free(known);
    if (called == NULL)
        return rc == LIKEN_OK || rc == LIKEN_E_NOT_FOUND ? lk_fail_memory(err) : rc;
    *label = called;
    return LIKEN_OK;
}
