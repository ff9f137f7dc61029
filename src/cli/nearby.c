#include "cli/nearby.h"

#include "base/buf.h"
#include "config/config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GALLERY "liken.db"
#define MOST 256 /* folders that are looked into */

static bool holds_gallery(const char *folder) {
    LK_FREE char *file = lk_path_join(folder, GALLERY);
    struct stat st;
    return file != NULL && stat(file, &st) == 0 && S_ISREG(st.st_mode);
}

/* Galleries in the folders of `parent`: their names, malloc'd, as many as fit. */
static size_t list_galleries(const char *parent, char **names, size_t room) {
    size_t count = 0, seen = 0;
    DIR *folder = opendir(parent);
    if (folder == NULL)
        return 0;
    for (struct dirent *d; seen < MOST && count < room && (d = readdir(folder)) != NULL;) {
        LK_FREE char *path = d->d_name[0] == '.' ? NULL : lk_path_join(parent, d->d_name);
        seen++;
        if (path != NULL && holds_gallery(path) && (names[count] = strdup(d->d_name)) != NULL)
            count++;
    }
    closedir(folder);
    return count;
}

/* The gallery in a folder of `parent` with the name most like `name`, or, with NULL, the only one; malloc'd. */
static char *find_in(const char *parent, const char *name) {
    char *names[32];
    const size_t count = list_galleries(parent, names, LK_LENGTH(names));
    const char *best = name != NULL ? lk_suggest(name, (const char *const *)names, count)
                       : count == 1 ? names[0]
                                    : NULL;
    char *path = best == NULL ? NULL : lk_path_join(strcmp(parent, "/") == 0 ? "" : parent, best);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return path;
}

/* "/a/b/": "/a" and "b"; "b": "." and "b". */
static char *find_beside(const char *folder) {
    LK_FREE char *path = strdup(folder);
    size_t size = path == NULL ? 0 : strlen(path);
    while (size > 1 && path[size - 1] == '/')
        path[--size] = '\0';
    if (size == 0)
        return NULL;
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return find_in(".", path);
    *slash = '\0';
    if (strcmp(slash + 1, GALLERY) == 0 && holds_gallery(*path == '\0' ? "/" : path))
        return strdup(*path == '\0' ? "/" : path);
    return find_in(*path == '\0' ? "/" : path, slash + 1);
}

void lk_cli_hint_gallery(const char *folder, liken_error *err) {
    LK_FREE char *below = find_in(folder, NULL);
    LK_FREE char *beside = below == NULL ? find_beside(folder) : NULL;
    const char *found = below != NULL ? below : beside;
    const size_t used = strlen(err->message);
    if (found != NULL)
        (void)snprintf(err->message + used, sizeof err->message - used, " There is one in %s.", found);
}
