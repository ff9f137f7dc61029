#include "cli/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int push(lk_paths *p, const char *name, bool walked, int fault, liken_error *err) {
    if (p->count >= LK_PATHS_CEILING)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "More than %d files were named; add them in several runs.",
                       LK_PATHS_CEILING);
    if (p->count == p->capacity) {
        const size_t capacity = p->capacity == 0 ? 64 : p->capacity * 2;
        lk_path *items = realloc(p->items, capacity * sizeof *items);
        if (items == NULL)
            return lk_fail_memory(err);
        p->items = items;
        p->capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return lk_fail_memory(err);
    p->items[p->count++] = (lk_path){copy, walked, fault};
    return LIKEN_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *e) {
    return e->d_name[0] != '.';
}

static int walk(lk_paths *p, const char *folder, int depth, liken_error *err);

static int visit(lk_paths *p, const char *folder, const char *entry, int depth, liken_error *err) {
    char path[LK_PATH_CEILING + 1];
    const bool slash = folder[strlen(folder) - 1] == '/';
    const int n = snprintf(path, sizeof path, "%s%s%s", folder, slash ? "" : "/", entry);
    if (n < 0 || (size_t)n >= sizeof path)
        return push(p, folder, true, ENAMETOOLONG, err);
    struct stat st, target;
    if (lstat(path, &st) != 0)
        return LIKEN_OK; /* gone since the folder was read */
    if (S_ISDIR(st.st_mode))
        return walk(p, path, depth + 1, err);
    if (S_ISREG(st.st_mode) || (S_ISLNK(st.st_mode) && stat(path, &target) == 0 && S_ISREG(target.st_mode)))
        return push(p, path, true, 0, err);
    return LIKEN_OK;
}

static int walk(lk_paths *p, const char *folder, int depth, liken_error *err) {
    if (depth > LK_FOLDERS_CEILING)
        return push(p, folder, true, LK_TOO_DEEP, err);
    struct dirent **entries;
    const int n = scandir(folder, &entries, not_hidden, by_bytes);
    if (n < 0)
        return push(p, folder, true, errno, err);
    int rc = LIKEN_OK;
    for (int i = 0; i < n; i++) {
        if (rc == LIKEN_OK)
            rc = visit(p, folder, entries[i]->d_name, depth, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int lk_paths_add(lk_paths *p, const char *name, liken_error *err) {
    struct stat st;
    if (*name == '\0')
        return lk_fail(err, LIKEN_E_ARG, "A path is empty; name a photo or a folder.");
    if (strlen(name) > LK_PATH_CEILING)
        return lk_fail(err, LIKEN_E_ARG, "A path is longer than %d bytes: %.40s...", LK_PATH_CEILING, name);
    if (stat(name, &st) == 0 && S_ISDIR(st.st_mode))
        return walk(p, name, 0, err);
    return push(p, name, false, 0, err);
}

int lk_paths_add_list(lk_paths *p, FILE *in, bool nul, liken_error *err) {
    const int mark = nul ? '\0' : '\n';
    char path[LK_PATH_CEILING + 2];
    size_t n = 0;
    int rc = LIKEN_OK;
    for (int c = 0; rc == LIKEN_OK && c != EOF;) {
        c = getc(in);
        if (c != mark && c != EOF) {
            if (c == '\0')
                return lk_fail(err, LIKEN_E_ARG, "The list of paths holds a NUL byte; did you mean -0?");
            if (n > LK_PATH_CEILING)
                return lk_fail(err, LIKEN_E_ARG, "The list of paths holds one of more than %d bytes.", LK_PATH_CEILING);
            path[n++] = (char)c;
            continue;
        }
        path[n] = '\0';
        if (n > 0)
            rc = lk_paths_add(p, path, err);
        n = 0;
    }
    if (rc == LIKEN_OK && ferror(in))
        rc = lk_fail(err, LIKEN_E_IO, "The list of paths on standard input could not be read.");
    return rc;
}

void lk_paths_free(lk_paths *p) {
    if (p == NULL)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i].name);
    free(p->items);
    *p = (lk_paths){0};
}
