/* child.c - see child.h. */
#include "base/child/child.h"

#include "base/child/spawn.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FDS_MAX 8

int lk_spawn_begin(lk_spawn *s) {
    *s = (lk_spawn){0};
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all); /* whatever a server ignores or handles, a child must not inherit */
    int failed = posix_spawn_file_actions_init(&s->actions);
    s->has_actions = failed == 0;
    if (failed == 0)
        failed = posix_spawnattr_init(&s->attributes);
    s->has_attributes = s->has_actions && failed == 0;
    if (failed == 0)
        failed = posix_spawnattr_setsigmask(&s->attributes, &none);
    if (failed == 0)
        failed = posix_spawnattr_setsigdefault(&s->attributes, &all);
    return failed == 0 ? lk_spawn_flags(s, 0) : failed;
}

int lk_spawn_flags(lk_spawn *s, short more) {
    return posix_spawnattr_setflags(&s->attributes, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | more));
}

void lk_spawn_end(lk_spawn *s) {
    if (s->has_attributes)
        posix_spawnattr_destroy(&s->attributes);
    if (s->has_actions)
        posix_spawn_file_actions_destroy(&s->actions);
}

/* Copies above the numbers that they are to get, so that giving out one does not overwrite another. */
static int lift(const lk_child_plan *plan, int lifted[FDS_MAX]) {
    for (size_t i = 0; i < plan->fd_count; i++) {
        lifted[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, 3 + (int)plan->fd_count);
        if (lifted[i] < 0) {
            const int why = errno;
            while (i-- > 0)
                close(lifted[i]);
            return why;
        }
    }
    return 0;
}

static int place(lk_spawn *s, const int *lifted, int count) {
    int failed = posix_spawn_file_actions_addopen(&s->actions, 0, "/dev/null", O_RDWR, 0);
    for (int fd = 1; fd < 3 && failed == 0; fd++)
        failed = posix_spawn_file_actions_adddup2(&s->actions, 0, fd);
    for (int i = 0; i < count && failed == 0; i++)
        failed = posix_spawn_file_actions_adddup2(&s->actions, lifted[i], 3 + i);
    if (failed == 0)
        failed = posix_spawn_file_actions_addclosefrom_np(&s->actions, 3 + count);
    if (failed == 0)
        failed = lk_spawn_flags(s, POSIX_SPAWN_SETSID);
    return failed;
}

int lk_child_start(pid_t *pid, const lk_child_plan *plan) {
    int lifted[FDS_MAX];
    if (plan->fd_count > FDS_MAX)
        return EINVAL;
    int failed = lift(plan, lifted);
    if (failed != 0)
        return failed;
    lk_spawn s;
    failed = lk_spawn_begin(&s);
    if (failed == 0)
        failed = place(&s, lifted, (int)plan->fd_count);
    if (failed == 0)
        failed = posix_spawn(pid, plan->path, &s.actions, &s.attributes, (char *const *)(uintptr_t)plan->argv,
                             (char *const *)(uintptr_t)plan->environment);
    lk_spawn_end(&s);
    for (size_t i = 0; i < plan->fd_count; i++)
        close(lifted[i]);
    return failed;
}

/* True when it has ended; a child that somebody else waited for counts as killed. */
static bool ended(pid_t pid, int options, lk_child_end *end) {
    int status = 0;
    pid_t got;
    while ((got = waitpid(pid, &status, options)) < 0 && errno == EINTR)
        continue;
    if (got == 0)
        return false;
    *end = (lk_child_end){false, SIGKILL};
    if (got == pid)
        *end = WIFEXITED(status) ? (lk_child_end){true, WEXITSTATUS(status)} : (lk_child_end){false, WTERMSIG(status)};
    return true;
}

bool lk_child_reap(pid_t pid, double seconds, lk_child_end *end) {
    const double until = lk_clock_monotonic() + seconds;
    while (!ended(pid, WNOHANG, end)) {
        if (lk_clock_monotonic() >= until) {
            (void)kill(pid, SIGKILL);
            (void)ended(pid, 0, end);
            return false;
        }
        const struct timespec nap = {.tv_nsec = 2000000};
        (void)nanosleep(&nap, NULL);
    }
    return true;
}

double lk_child_cpu(pid_t pid) {
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return -1;
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

size_t lk_child_memory(pid_t pid) {
    char path[64];
    unsigned long long all, resident, shared;
    (void)snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    const bool read = fscanf(f, "%llu %llu %llu", &all, &resident, &shared) == 3;
    (void)fclose(f);
    return read && resident > shared ? (size_t)(resident - shared) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static bool lower(pid_t pid, int what, rlim_t soft) {
    struct rlimit now;
    if (prlimit(pid, (enum __rlimit_resource)what, NULL, &now) != 0)
        return false;
    now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
    return prlimit(pid, (enum __rlimit_resource)what, &now, NULL) == 0;
}

bool lk_child_limit(pid_t pid, double cpu, size_t address_space) {
    return (cpu <= 0 || lower(pid, RLIMIT_CPU, (rlim_t)cpu + 1)) &&
           (address_space == 0 || lower(pid, RLIMIT_AS, (rlim_t)address_space));
}

bool lk_child_under_valgrind(void) {
    const char *preloaded = getenv("LD_PRELOAD");
    return preloaded != NULL && strstr(preloaded, "vgpreload_") != NULL;
}
