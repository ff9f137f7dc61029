#include "base/buf.h"

#include "base/outfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void lk_buf_init(lk_buf *b, size_t ceiling) {
    *b = (lk_buf){.ceiling = ceiling};
}

static int reserve(lk_buf *b, size_t more, liken_error *err) {
    if (more > b->ceiling - b->size)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The data is larger than the limit of %zu bytes.", b->ceiling);
    const size_t need = b->size + more + 1;
    if (need <= b->capacity)
        return LIKEN_OK;
    size_t capacity = b->capacity < 128 ? 256 : b->capacity * 2;
    if (capacity < need)
        capacity = need;
    char *data = realloc(b->data, capacity);
    if (data == NULL)
        return lk_fail_memory(err);
    b->data = data;
    b->capacity = capacity;
    return LIKEN_OK;
}

int lk_buf_append(lk_buf *b, const void *bytes, size_t size, liken_error *err) {
    const int rc = reserve(b, size, err);
    if (rc != LIKEN_OK)
        return rc;
    if (size > 0)
        memcpy(b->data + b->size, bytes, size);
    b->size += size;
    assert(b->size <= b->ceiling && b->size < b->capacity);
    b->data[b->size] = '\0';
    return LIKEN_OK;
}

int lk_buf_string(lk_buf *b, const char *text, liken_error *err) {
    return lk_buf_append(b, text, strlen(text), err);
}

int lk_buf_format(lk_buf *b, liken_error *err, const char *format, ...) {
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    const int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    int rc = n < 0 ? lk_fail(err, LIKEN_E_INTERNAL, "A text could not be formatted.") : reserve(b, (size_t)n, err);
    if (rc == LIKEN_OK) {
        (void)vsnprintf(b->data + b->size, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    }
    va_end(again);
    return rc;
}

void lk_buf_clear(lk_buf *b) {
    b->size = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

char *lk_buf_steal(lk_buf *b, size_t *size) {
    char *data = b->data;
    if (size != NULL)
        *size = b->size;
    lk_buf_init(b, b->ceiling);
    return data;
}

void lk_buf_free(lk_buf *b) {
    if (b == NULL)
        return;
    free(b->data);
    lk_buf_init(b, b->ceiling);
}

static int read_all(int fd, const char *path, lk_buf *b, liken_error *err) {
    char chunk[65536];
    for (;;) {
        const ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            return LIKEN_OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return lk_fail_errno(err, LIKEN_E_IO, errno, "%s cannot be read", path);
        const int rc = lk_buf_append(b, chunk, (size_t)n, err);
        if (rc == LIKEN_E_TOO_LARGE)
            return lk_fail(err, rc, "%s is larger than the limit of %zu bytes.", path, b->ceiling);
        if (rc != LIKEN_OK)
            return rc;
    }
}

int lk_file_read(const char *path, size_t ceiling, char **out, size_t *size, liken_error *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* NONBLOCK: a FIFO must not hang us */
    if (fd < 0)
        return lk_fail_errno(err, errno == ENOENT || errno == ENOTDIR ? LIKEN_E_NOT_FOUND : LIKEN_E_IO, errno,
                             "%s cannot be opened", path);
    struct stat st;
    lk_buf b;
    lk_buf_init(&b, ceiling);
    int rc = LIKEN_OK;
    if (fstat(fd, &st) != 0)
        rc = lk_fail_errno(err, LIKEN_E_IO, errno, "%s cannot be read", path);
    else if (!S_ISREG(st.st_mode))
        rc = lk_fail(err, LIKEN_E_IO, "%s is not a regular file.", path);
    else if ((uint64_t)st.st_size > ceiling)
        rc = lk_fail(err, LIKEN_E_TOO_LARGE, "%s has %lld bytes, more than the limit of %zu.", path,
                     (long long)st.st_size, ceiling);
    else
        rc = reserve(&b, (size_t)st.st_size, err);
    if (rc == LIKEN_OK)
        rc = read_all(fd, path, &b, err);
    close(fd);
    if (rc == LIKEN_OK && b.size == 0)
        rc = lk_buf_append(&b, "", 0, err);
    if (rc != LIKEN_OK) {
        lk_buf_free(&b);
        return rc;
    }
    *out = lk_buf_steal(&b, size);
    return LIKEN_OK;
}

int lk_file_write(const char *path, const void *bytes, size_t size, liken_error *err) {
    lk_outfile *f = NULL;
    int rc = lk_outfile_open(&f, path, err);
    if (rc == LIKEN_OK)
        rc = lk_outfile_write(f, bytes, size, err);
    if (rc == LIKEN_OK)
        return lk_outfile_finish(f, err);
    lk_outfile_drop(f);
    return rc;
}

/* A new one is on disk when this returns. */
static int make_folder(const char *path, liken_error *err) {
    if (mkdir(path, 0700) == 0)
        lk_folder_sync_of(path);
    else if (errno != EEXIST)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The folder %s cannot be made", path);
    return LIKEN_OK;
}

int lk_folder_make(const char *path, liken_error *err) {
    LK_FREE char *part = strdup(path);
    if (part == NULL)
        return lk_fail_memory(err);
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        const int failed = make_folder(part, err);
        if (failed != LIKEN_OK)
            return failed;
        *p = '/';
    }
    struct stat st;
    const int rc = make_folder(part, err);
    if (rc != LIKEN_OK)
        return rc;
    if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode))
        return lk_fail(err, LIKEN_E_IO, "%s is not a folder.", path);
    return LIKEN_OK;
}

char *lk_path_join(const char *a, const char *b) {
    const size_t na = strlen(a), nb = strlen(b);
    char *path = malloc(na + nb + 2);
    if (path == NULL)
        return NULL;
    memcpy(path, a, na);
    path[na] = '/';
    memcpy(path + na + 1, b, nb + 1);
    return path;
}
