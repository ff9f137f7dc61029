#include "base/outfile.h"

#include "base/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEPT 65536

struct lk_outfile {
    int fd;
    char *said;      /* the path as it was given, for messages */
    char *path;      /* what is replaced */
    char *temporary; /* NULL: written into as it is */
    bool create;     /* replaces nothing */
    size_t kept;
    char bytes[KEPT];
};

static void free_outfile(lk_outfile *f) {
    free(f->said);
    free(f->path);
    free(f->temporary);
    free(f);
}

static int cannot(const lk_outfile *f, int failed, liken_error *err) {
    return lk_fail_errno(err, LIKEN_E_IO, failed, "%s cannot be written", f->said);
}

void lk_folder_sync_of(const char *path) {
    const char *slash = strrchr(path, '/');
    LK_FREE char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    const int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems cannot; the rename is then as durable as they make it */
        close(fd);
    }
}

/* A name of its own beside the path. */
static int open_temporary(lk_outfile *f, liken_error *err) {
    char suffix[17];
    lk_random_hex(8, suffix);
    const size_t room = strlen(f->path) + sizeof suffix + 1;
    f->temporary = malloc(room);
    if (f->temporary == NULL)
        return lk_fail_memory(err);
    (void)snprintf(f->temporary, room, "%s.%s", f->path, suffix);
    f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); /* less what the umask takes away */
    return f->fd >= 0 ? LIKEN_OK : cannot(f, errno, err);
}

/* The path as a new name: what is there is not looked at. */
static int open_new(lk_outfile *f, const char *path, liken_error *err) {
    f->said = strdup(path);
    f->path = strdup(path);
    return f->said == NULL || f->path == NULL ? lk_fail_memory(err) : open_temporary(f, err);
}

static int open_path(lk_outfile *f, const char *path, liken_error *err) {
    struct stat st;
    const bool there = path != NULL && stat(path, &st) == 0;
    const bool replaced = path != NULL && (!there || S_ISREG(st.st_mode));
    f->said = strdup(path == NULL ? "Standard output" : path);
    f->path = there && replaced ? realpath(path, NULL) : NULL;
    if (f->path == NULL)
        f->path = strdup(path == NULL ? "" : path);
    if (f->said == NULL || f->path == NULL)
        return lk_fail_memory(err);
    if (replaced)
        return open_temporary(f, err);
    f->fd = path == NULL ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_WRONLY | O_CLOEXEC);
    return f->fd >= 0 ? LIKEN_OK : cannot(f, errno, err);
}

static int make(lk_outfile **out, const char *path, bool create, liken_error *err) {
    lk_outfile *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    f->fd = -1;
    f->create = create;
    const int rc = create ? open_new(f, path, err) : open_path(f, path, err);
    if (rc == LIKEN_OK)
        *out = f;
    else
        free_outfile(f);
    return rc;
}

int lk_outfile_open(lk_outfile **out, const char *path, liken_error *err) {
    return make(out, path, false, err);
}

int lk_outfile_create(lk_outfile **out, const char *path, liken_error *err) {
    return make(out, path, true, err);
}

static int write_all(lk_outfile *f, const char *bytes, size_t size, liken_error *err) {
    while (size > 0) {
        const ssize_t n = write(f->fd, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cannot(f, errno, err);
        bytes += n;
        size -= (size_t)n;
    }
    return LIKEN_OK;
}

int lk_outfile_flush(lk_outfile *f, liken_error *err) {
    const size_t kept = f->kept;
    f->kept = 0;
    return write_all(f, f->bytes, kept, err);
}

int lk_outfile_write(lk_outfile *f, const void *bytes, size_t size, liken_error *err) {
    if (size > KEPT - f->kept) {
        const int rc = lk_outfile_flush(f, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    if (size > KEPT)
        return write_all(f, bytes, size, err);
    if (size > 0)
        memcpy(f->bytes + f->kept, bytes, size);
    f->kept += size;
    return LIKEN_OK;
}

/* Gives the file its name; 0 or errno. Where the file system cannot refuse to replace, the name is taken by an empty
 * file first, which only this one knows. */
static int take_name(const lk_outfile *f) {
    if (!f->create)
        return rename(f->temporary, f->path) == 0 ? 0 : errno;
    if (renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    const int fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    close(fd);
    return rename(f->temporary, f->path) == 0 ? 0 : errno;
}

/* What cannot be synced (a pipe, a device) has no temporary name. */
static int put_in_place(lk_outfile *f, liken_error *err) {
    int failed = f->temporary != NULL && fsync(f->fd) != 0 ? errno : 0;
    if (close(f->fd) != 0 && failed == 0)
        failed = errno;
    f->fd = -1;
    if (failed == 0 && f->temporary != NULL)
        failed = take_name(f);
    if (failed == EEXIST && f->create)
        return lk_fail(err, LIKEN_E_CONFLICT, "%s is there already.", f->said);
    if (failed != 0)
        return cannot(f, failed, err);
    if (f->temporary != NULL)
        lk_folder_sync_of(f->path);
    free(f->temporary);
    f->temporary = NULL;
    return LIKEN_OK;
}

int lk_outfile_finish(lk_outfile *f, liken_error *err) {
    int rc = lk_outfile_flush(f, err);
    if (rc == LIKEN_OK)
        rc = put_in_place(f, err);
    lk_outfile_drop(f);
    return rc;
}

void lk_outfile_drop(lk_outfile *f) {
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (f->temporary != NULL)
        (void)unlink(f->temporary);
    free_outfile(f);
}
