/* beneath.h - files that lie in a folder, and no others. */
#ifndef LK_BASE_BENEATH_H
#define LK_BASE_BENEATH_H

#include "base/error.h"

/* Opens `path`, which is relative, for reading in the folder `folder`; a way out of it is not gone: no "..", no
 * symbolic link, that leads out. What is not a regular file is not opened (and a pipe not waited for). The descriptor;
 * -1, with errno, where there is no such file. */
int lk_beneath_open(const char *folder, const char *path);
/* The same for kernels (before 5.6) and sandboxes without openat2; it follows no symbolic link at all. */
int lk_beneath_walk(const char *folder, const char *path);

/* The whole file behind a descriptor, which stays open; free(). TOO_LARGE: more than `most` bytes. IO. MEMORY. */
LK_CHECKED int lk_beneath_read(int fd, size_t most, void **bytes, size_t *size, liken_error *err);

#endif
