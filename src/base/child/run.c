/* run.c - a program that is run to its end. Its output is read to the end, the first 64 KB kept, so that a failure can
 * be told in the program's own words. */
#include "base/child/child.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/child/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_CEILING ((size_t)64 << 10)
#define SECONDS_CEILING 1800.0

static int spawn(pid_t *pid, const char *const *argv, const char *folder, int output) {
    lk_spawn s;
    int failed = lk_spawn_begin(&s);
    if (failed == 0)
        failed = posix_spawn_file_actions_addopen(&s.actions, 0, "/dev/null", O_RDONLY, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&s.actions, output, 1);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&s.actions, output, 2);
    if (failed == 0)
        failed = posix_spawn_file_actions_addchdir_np(&s.actions, folder);
    if (failed == 0)
        failed = posix_spawnp(pid, argv[0], &s.actions, &s.attributes, (char *const *)(uintptr_t)argv, environ);
    lk_spawn_end(&s);
    return failed;
}

/* Reads until the program closes its output; false when it took too long. */
static bool drain(int fd, lk_buf *output) {
    const double end = lk_clock_monotonic() + SECONDS_CEILING;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        const double left = end - lk_clock_monotonic();
        if (left <= 0)
            return false;
        const int ready = poll(&p, 1, (int)(left * 1000) + 1);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return false;
        char chunk[4096];
        const ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0 || (n < 0 && errno != EINTR))
            return true;
        if (n > 0)
            (void)lk_buf_append(output, chunk, (size_t)n, NULL); /* past the ceiling it is dropped */
    }
}

/* The line that tells most: the first that speaks of an error, else the last. At most `room` bytes, printable. */
static void telling_line(lk_buf *output, char *line, size_t room) {
    (void)snprintf(line, room, "no output");
    char *save = NULL;
    for (char *l = output->data == NULL ? NULL : strtok_r(output->data, "\r\n", &save); l != NULL;
         l = strtok_r(NULL, "\r\n", &save)) {
        if (strspn(l, " \t") == strlen(l))
            continue;
        (void)snprintf(line, room, "%s", l);
        if (strcasestr(l, "err") != NULL || strstr(l, "curl:") != NULL)
            break;
    }
    for (char *c = line; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
}

int lk_child_run(const char *const *argv, const char *folder, liken_error *err) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "%s cannot be started", argv[0]);
    pid_t pid = 0;
    const int failed = spawn(&pid, argv, folder, ends[1]);
    close(ends[1]);
    if (failed != 0) {
        close(ends[0]);
        return lk_fail_errno(err, failed == ENOENT ? LIKEN_E_NOT_FOUND : LIKEN_E_IO, failed, "%s cannot be started",
                             argv[0]);
    }
    lk_buf output;
    lk_buf_init(&output, OUTPUT_CEILING);
    const bool drained = drain(ends[0], &output);
    close(ends[0]);
    lk_child_end end;
    const bool ended = lk_child_reap(pid, drained ? SECONDS_CEILING : 0, &end) && drained;
    char line[200];
    telling_line(&output, line, sizeof line);
    lk_buf_free(&output);
    if (!ended)
        return lk_fail(err, LIKEN_E_IO, "%s was stopped after %.0f minutes: %s", argv[0], SECONDS_CEILING / 60, line);
    if (!end.exited || end.code != 0)
        return lk_fail(err, LIKEN_E_IO, "%s failed: %s", argv[0], line);
    return LIKEN_OK;
}
