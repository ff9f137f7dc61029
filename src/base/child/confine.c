/* confine.c - limits first, then the filter, which also forbids changing them.
 *
 * The filter is a list of what is allowed, each because something that decodes photos was seen to need it: memory,
 * locks, threads, clocks, the descriptors at hand, the end. clone3 hides its flags from a filter, so it is said not to
 * exist, and the C library falls back to clone, whose flags are looked at. The number of CPUs is withheld: a decoder
 * that asks for it in order to start as many threads then works on one, as photos are what is done at once here.
 *
 * There is no limit on the number of processes: it counts all those of the user, and the filter forbids any. */
#include "base/child/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- limits ---- */

static bool set(int what, size_t most) {
    const struct rlimit limit = {(rlim_t)most, (rlim_t)most};
    return setrlimit((enum __rlimit_resource)what, &limit) == 0;
}

static size_t address_space_now(void) {
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return 0;
    const bool read = fscanf(f, "%llu", &pages) == 1;
    (void)fclose(f);
    return read ? (size_t)pages * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

static int limit(size_t memory, int last_fd, size_t *address_space, liken_error *err) {
    size_t now = memory == 0 || LK_SANITIZED ? 0 : address_space_now();
    if (memory != 0 && !LK_SANITIZED && now == 0)
        return lk_fail(err, LIKEN_E_UNSUPPORTED, "/proc cannot be read, so a helper's memory cannot be limited.");
    if (close_range((unsigned)last_fd + 1, ~0u, 0) != 0)
        return lk_fail_errno(err, LIKEN_E_UNSUPPORTED, errno,
                             "The kernel cannot close a helper's files (Linux 5.9 can)");
    /* poll() wants room for the descriptors that it is asked about */
    const bool set_all = set(RLIMIT_CORE, 0) && set(RLIMIT_FSIZE, 0) && set(RLIMIT_NOFILE, (size_t)last_fd + 1) &&
                         set(RLIMIT_MEMLOCK, 0) && set(RLIMIT_MSGQUEUE, 0) &&
                         (now == 0 || set(RLIMIT_AS, now + memory)) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
                         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (!set_all)
        return lk_fail_errno(err, LIKEN_E_UNSUPPORTED, errno, "The kernel refuses to limit a helper");
    *address_space = now;
    return LIKEN_OK;
}

/* ---- the filter ---- */

static const int plain[] = {
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* locks and threads */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(gettid),
    SCMP_SYS(getpid), SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    /* clocks and chance */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    /* the descriptors at hand */
    SCMP_SYS(read), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close),
    /* the end */
    SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* What is allowed with any arguments, and what is said not to exist. */
static int allow_plain(scmp_filter_ctx filter) {
    int failed = 0;
    for (size_t i = 0; i < LK_LENGTH(plain) && failed == 0; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, plain[i], 0);
    if (failed == 0 && LK_SANITIZED) /* which looks at each thread that starts */
        failed = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_getaffinity), 0);
    if (failed == 0)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return failed;
}

/* What is allowed with some arguments only. */
static int allow_partly(scmp_filter_ctx filter) {
    const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM);
    const struct scmp_arg_cmp name = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = PR_SET_NAME};
    const struct scmp_arg_cmp self = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)getpid()};
    const struct {
        int call;
        struct scmp_arg_cmp when;
    } partly[] = {{SCMP_SYS(mmap), no_code}, {SCMP_SYS(mprotect), no_code}, {SCMP_SYS(clone), thread},
                  {SCMP_SYS(prctl), name},   {SCMP_SYS(tgkill), self},      {SCMP_SYS(kill), self}};
    int failed = 0;
    for (size_t i = 0; i < LK_LENGTH(partly) && failed == 0; i++)
        failed = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, partly[i].call, 1, &partly[i].when);
    return failed;
}

static int filter_calls(liken_error *err) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return lk_fail_memory(err);
    int failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* for the threads that libraries have started */
    if (failed == 0)
        failed = allow_plain(filter);
    if (failed == 0)
        failed = allow_partly(filter);
    if (failed == 0)
        failed = seccomp_load(filter);
    seccomp_release(filter);
    if (failed != 0)
        return lk_fail_errno(err, LIKEN_E_UNSUPPORTED, -failed,
                             "The kernel refuses to filter a helper's system calls (it must be built with "
                             "CONFIG_SECCOMP_FILTER, and a container must allow seccomp)");
    return LIKEN_OK;
}

int lk_confine(size_t memory, int last_fd, size_t *address_space, liken_error *err) {
    size_t now = 0;
    int rc = limit(memory, last_fd, &now, err);
    if (rc == LIKEN_OK)
        rc = filter_calls(err);
    if (rc == LIKEN_OK)
        *address_space = now;
    return rc;
}
