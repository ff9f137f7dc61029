/* An archive, gone through as liken add does. No name leads out of it or comes twice, no entry is larger than it may
 * be, and what went wrong has a code. */
#include "jobs/unpack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRY_BYTES 100000

static void check(const char *name) {
    if (*name == '\0' || strlen(name) > 2048)
        abort();
}

/* An entry that is read is one that could be a file of a folder. */
static void check_read(const char *name, size_t size) {
    const size_t length = strlen(name);
    if (size > ENTRY_BYTES || name[0] == '/' || strncmp(name, "../", 3) == 0 || strstr(name, "/../") != NULL ||
        strcmp(name, "..") == 0 || (length > 3 && strcmp(name + length - 3, "/..") == 0))
        abort();
}

static void go_through(lk_archive *a) {
    for (;;) {
        const char *name = NULL;
        char *bytes = NULL;
        size_t size = 0;
        lk_archive_reason reason;
        liken_error err = {0};
        if (lk_archive_next(a, &name, &reason, &err) != LIKEN_OK) {
            if (reason == LK_ARCHIVE_FINE || err.message[0] == '\0')
                abort();
            return;
        }
        if (name == NULL)
            return;
        check(name);
        const int rc = lk_archive_read(a, &bytes, &size, &reason, &err);
        if ((rc == LIKEN_OK) != (reason == LK_ARCHIVE_FINE))
            abort();
        if (rc == LIKEN_OK)
            check_read(name, size);
        free(bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[64];
    lk_archive *a = NULL;
    lk_archive_reason reason;
    const lk_archive_options options = {.entries = 200, .entry_bytes = ENTRY_BYTES, .total_bytes = 2000000};
    const int file = memfd_create("archive", MFD_CLOEXEC);
    if (file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (lk_archive_open(&a, path, &options, &reason, NULL) == LIKEN_OK)
        go_through(a);
    lk_archive_close(a);
    close(file);
    return 0;
}
