/* buf.h - a growing run of bytes that is born with a ceiling. Everything that comes from outside lands in one:
 * past the ceiling the append fails with LIKEN_E_TOO_LARGE and nothing is lost or written. */
#ifndef LK_BASE_BUF_H
#define LK_BASE_BUF_H

#include "base/error.h"

typedef struct lk_buf {
    char *data;  /* NUL-terminated once anything was appended; NULL before */
    size_t size; /* bytes, without that NUL */
    size_t capacity;
    size_t ceiling; /* size never passes this */
} lk_buf;

void lk_buf_init(lk_buf *b, size_t ceiling);
int lk_buf_append(lk_buf *b, const void *bytes, size_t size, liken_error *err);
int lk_buf_string(lk_buf *b, const char *text, liken_error *err);
int lk_buf_format(lk_buf *b, liken_error *err, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Empties it and keeps the memory. */
void lk_buf_clear(lk_buf *b);
/* Gives the bytes to the caller (free()), leaving the buffer empty. NULL when nothing was appended. */
char *lk_buf_steal(lk_buf *b, size_t *size);
void lk_buf_free(lk_buf *b);

/* A whole file, at most `ceiling` bytes; refuses folders and special files. The bytes are followed by a NUL.
 * NOT_FOUND, IO, TOO_LARGE; the message names the path. */
LK_CHECKED int lk_file_read(const char *path, size_t ceiling, char **out, size_t *size, liken_error *err);

/* Writes a file whole or not at all: temporary name beside it, fsync, rename, fsync of the folder. A link stays and
 * what it points to is replaced; a device or pipe is written into as it is. */
LK_CHECKED int lk_file_write(const char *path, const void *bytes, size_t size, liken_error *err);

/* mkdir -p, mode 0700 for what it makes. */
LK_CHECKED int lk_folder_make(const char *path, liken_error *err);

/* malloc'd "a/b"; NULL when out of memory. */
char *lk_path_join(const char *a, const char *b);

#endif
