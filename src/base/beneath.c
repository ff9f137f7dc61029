/* Opening files that lie in a folder, whoever wrote the name and whatever was put into the folder meanwhile.
 *
 * A name is not checked and then opened: between the two a folder can become a link. The kernel resolves it below the
 * folder's descriptor and refuses to leave (openat2, RESOLVE_BENEATH). Where it cannot, each part of the name is opened
 * by itself, in the folder that the part before is, and never through a link. */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
#define PART_MAX 255 /* bytes of one part of a path, on Linux */
#define TRIES 8      /* a name that is being moved while it is resolved is to be tried again */

static int close_failed(int fd, int why) {
    if (fd >= 0)
        (void)close(fd);
    errno = why;
    return -1;
}

/* The same descriptor, if it is of a file. */
static int only_file(int fd) {
    struct stat st;
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0)
        return close_failed(fd, errno);
    return S_ISREG(st.st_mode) ? fd : close_failed(fd, S_ISDIR(st.st_mode) ? EISDIR : EINVAL);
}

static int open_folder(const char *folder) {
    return open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The part of a path at *at, without what stands for the same folder; false: it was the last. Errno is set where it is
 * none that can be followed. */
static bool next_part(const char **at, char part[PART_MAX + 1]) {
    size_t length;
    do {
        *at += strspn(*at, "/");
        length = strcspn(*at, "/");
        if (length > PART_MAX) {
            errno = ENAMETOOLONG;
            return false;
        }
        memcpy(part, *at, length);
        part[length] = '\0';
        *at += length;
    } while (strcmp(part, ".") == 0);
    errno = strcmp(part, "..") == 0 ? EXDEV : 0;
    return length > 0 && errno == 0;
}

int lk_beneath_walk(const char *folder, const char *path) {
    char part[PART_MAX + 1];
    int at = open_folder(folder), fd = -1;
    while (at >= 0 && next_part(&path, part)) {
        const bool last = path[strspn(path, "/")] == '\0';
        fd = openat(at, part, last ? READ_FLAGS | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int why = errno;
        (void)close(at);
        errno = why;
        at = last ? -1 : fd;
        if (last || fd < 0)
            return only_file(fd);
    }
    return close_failed(at, errno == 0 ? ENOENT : errno);
}

/* -1 with ENOSYS where there is no such call; a sandbox may say EPERM of calls that it does not know. */
static int open_in(int folder, const char *path) {
    const struct open_how how = {.flags = READ_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = -1;
    for (int i = 0; i < TRIES && fd < 0 && (i == 0 || errno == EAGAIN || errno == EINTR); i++)
        fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
    return (int)fd;
}

int lk_beneath_open(const char *folder, const char *path) {
    const int at = open_folder(folder);
    if (at < 0)
        return -1;
    const int fd = open_in(at, path), why = errno;
    (void)close(at);
    errno = why;
    return fd < 0 && (why == ENOSYS || why == EPERM) ? lk_beneath_walk(folder, path) : only_file(fd);
}

/* How many bytes came, up to `room`; -1: errno. */
static ssize_t read_all(int fd, char *to, size_t room) {
    size_t got = 0;
    while (got < room) {
        const ssize_t n = read(fd, to + got, room - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

int lk_beneath_read(int fd, size_t most, void **bytes, size_t *size, liken_error *err) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return lk_fail(err, LIKEN_E_IO, "The file cannot be looked at: %s.", strerror(errno));
    if (st.st_size < 0 || (uint64_t)st.st_size > most)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The file has more than %zu bytes.", most);
    const size_t room = (size_t)st.st_size;
    char *all = malloc(room + 1), more;
    if (all == NULL)
        return lk_fail_memory(err);
    const ssize_t got = read_all(fd, all, room);
    if (got < 0 || (size_t)got != room || read_all(fd, &more, 1) != 0) {
        free(all);
        return lk_fail(err, LIKEN_E_IO, "The file cannot be read, or it is being written.");
    }
    *bytes = all;
    *size = room;
    return LIKEN_OK;
}
