/* child.h - other programs as children of this process.
 *
 * They are started by posix_spawn and never by fork, which in a threaded process copies locks that others hold. No
 * shell is involved: the arguments are a vector. */
#ifndef LK_BASE_CHILD_CHILD_H
#define LK_BASE_CHILD_CHILD_H

#include "base/error.h"

#include <sys/types.h>

/* Runs argv[0], looked up in PATH, in `folder` and waits for its end. It runs in our environment, so a registry's
 * client keeps its own settings. NOT_FOUND: there is no such program. IO: it failed, or took half an hour; the sentence
 * holds the line of its output that tells most. */
int lk_child_run(const char *const *argv, const char *folder, liken_error *err);

/* A child that stays, and speaks over the descriptors that it is given. */
typedef struct lk_child_plan {
    const char *path;               /* the program; not looked up in PATH */
    const char *const *argv;        /* ends with NULL */
    const char *const *environment; /* ends with NULL */
    const int *fds;                 /* become 3, 4, ...; all others are closed, and 0, 1, 2 are /dev/null */
    size_t fd_count;
} lk_child_plan;

/* In a session of its own, so that a Ctrl-C in the terminal does not reach it. Returns 0 or an errno. */
int lk_child_start(pid_t *pid, const lk_child_plan *plan);

/* What a child died of. */
typedef struct lk_child_end {
    bool exited; /* by itself, with `code`; else by the signal `code` */
    int code;
} lk_child_end;

/* Waits up to `seconds` for a child that is about to end, then kills it. False: it had to be killed. */
bool lk_child_reap(pid_t pid, double seconds, lk_child_end *end);

/* CPU seconds of all its threads so far; negative when that cannot be known. */
double lk_child_cpu(pid_t pid);
/* Bytes of memory of its own (resident and not shared), 0 when that cannot be known. */
size_t lk_child_memory(pid_t pid);
/* The kernel's own limits, beside what the caller watches: CPU seconds since its start, bytes of address space; 0
 * leaves one as it is. No higher than lk_confine allowed. False where the kernel refuses. */
bool lk_child_limit(pid_t pid, double cpu, size_t address_space);

/* Whether this process runs under valgrind, which knows no limit of memory and no filter of calls in a child. */
bool lk_child_under_valgrind(void);

#endif
