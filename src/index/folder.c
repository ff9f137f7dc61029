/* The folder of a cache: who may write in it, and how it is deleted. `owner` carries the lock. It is deleted with the
 * rest, so whoever gets a lock looks whether the file still has its name: else somebody deleted it meanwhile. */
#include "index/inner.h"

#include "base/buf.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 8

int lk_cache_own(const char *folder) {
    LK_FREE char *path = lk_path_join(folder, "owner");
    for (int tries = 0; path != NULL && tries < TRIES; tries++) {
        struct stat file;
        const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        const bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
        if (locked && fstat(fd, &file) == 0 && file.st_nlink > 0)
            return fd;
        close(fd);
        if (!locked)
            return -1;
    }
    return -1;
}

static bool is_ours(const char *name) {
    const size_t length = strlen(name), tail = strlen(".segment");
    return strcmp(name, "owner") == 0 || strncmp(name, "contents", strlen("contents")) == 0 ||
           (length > tail && strcmp(name + length - tail, ".segment") == 0);
}

/* `contents` goes first: without it the rest is nothing. Files that are not an index's stay, and then the folder. */
static void erase(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL)
        return;
    (void)unlinkat(dirfd(folder), "contents", 0);
    for (struct dirent *d; (d = readdir(folder)) != NULL;)
        if (is_ours(d->d_name))
            (void)unlinkat(dirfd(folder), d->d_name, 0);
    closedir(folder);
    (void)rmdir(path);
}

void lk_index_discard(lk_index *ix) {
    pthread_mutex_lock(&ix->saving);
    if (ix->folder != NULL) {
        lk_keep_stop(ix);
        erase(ix->folder);
        close(ix->owner);
        free(ix->folder);
        ix->folder = NULL;
        ix->owner = -1;
    }
    pthread_mutex_unlock(&ix->saving);
}

void lk_index_remove(const char *folder) {
    const int owner = lk_cache_own(folder);
    if (owner < 0)
        return;
    erase(folder);
    close(owner);
}
