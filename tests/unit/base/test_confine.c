/* What a confined process may still do, tried by one: this program starts itself anew, confines itself and reports. */
#include "unit/test.h"

#include "base/child/child.h"
#include "base/child/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
enum { REPORT = 3, MEMFD = 4 };

/* ---- in the child ---- */

static long open_file(void) {
    return open("/etc/passwd", O_RDONLY);
}
static long make_file(void) {
    return open("/tmp/liken-confined", O_CREAT | O_WRONLY, 0600);
}
static long look_at_file(void) {
    struct stat s;
    return stat("/etc/passwd", &s);
}
static long open_socket(void) {
    return socket(AF_INET, SOCK_STREAM, 0);
}
static long open_local_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static long run_program(void) {
    static char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    return execve("/bin/true", argv, NULL);
}
static long run_descriptor(void) {
    static char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    return syscall(SYS_execveat, MEMFD, "", argv, NULL, AT_EMPTY_PATH);
}
static long make_process(void) {
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static long make_process_anew(void) {
    uint64_t args[11] = {0};
    args[4] = SIGCHLD;
    return syscall(SYS_clone3, args, sizeof args);
}
static long trace_parent(void) {
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static long kill_parent(void) {
    return kill(getppid(), 0);
}
static long read_parent(void) {
    char byte;
    struct iovec mine = {&byte, 1}, theirs = {(void *)(uintptr_t)&open_file, 1};
    return process_vm_readv(getppid(), &mine, 1, &theirs, 1, 0);
}
static long map_code(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
                                                                                                                  : 0;
}
static long make_code(void) {
    static char page[8192] __attribute__((aligned(4096)));
    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}
static long raise_limit(void) {
    const struct rlimit more = {1 << 20, 1 << 20};
    return setrlimit(RLIMIT_NOFILE, &more);
}
static long copy_descriptor(void) {
    return dup(REPORT);
}
static long grow_memfd(void) {
    return ftruncate(MEMFD, 1 << 20);
}
static long write_memfd(void) {
    return write(MEMFD, "x", 1);
}
static long pass_descriptor(void) {
    return syscall(SYS_pidfd_open, getppid(), 0);
}
static long mount_anything(void) {
    return syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL);
}
static long leave_namespace(void) {
    return syscall(SYS_unshare, 0x10000000);
}
static long load_filter(void) {
    return syscall(SYS_bpf, 0, NULL, 0);
}
static long start_ring(void) {
    return syscall(SYS_io_uring_setup, 1, NULL);
}

static const struct {
    const char *name;
    long (*tried)(void);
} forbidden[] = {{"open a file", open_file},
                 {"make a file", make_file},
                 {"look at a file", look_at_file},
                 {"open a socket", open_socket},
                 {"open a local socket", open_local_socket},
                 {"run a program", run_program},
                 {"run a descriptor", run_descriptor},
                 {"make a process", make_process},
                 {"make a process by clone3", make_process_anew},
                 {"trace the parent", trace_parent},
                 {"kill the parent", kill_parent},
                 {"read the parent's memory", read_parent},
                 {"map code", map_code},
                 {"make memory code", make_code},
                 {"raise a limit", raise_limit},
                 {"copy a descriptor", copy_descriptor},
                 {"make the shared file longer", grow_memfd},
                 {"write past the end of the shared file", write_memfd},
                 {"get hold of the parent", pass_descriptor},
                 {"mount", mount_anything},
                 {"leave a namespace", leave_namespace},
                 {"use bpf", load_filter},
                 {"use io_uring", start_ring}};

static void say(const char *what) {
    (void)send(REPORT, what, strlen(what), MSG_NOSIGNAL);
}

static void *in_thread(void *arg) {
    *(int *)arg = 1;
    return NULL;
}

static bool can_compute(void) {
    pthread_t thread;
    int ran = 0;
    char *block = malloc(32 * MIB);
    if (block == NULL)
        return false;
    memset(block, 1, 32 * MIB);
    free(block);
    return pthread_create(&thread, NULL, in_thread, &ran) == 0 && pthread_join(thread, NULL) == 0 && ran == 1;
}

/* Not what malloc gives, which under a sanitizer is not what the kernel gave. */
static bool memory_ends(void) {
    return mmap(NULL, 512 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
}

static atomic_bool is_confined;

/* A thread from before is confined as well. */
static void *wait_and_open(void *arg) {
    (void)arg;
    while (!atomic_load(&is_confined))
        (void)sched_yield();
    if (look_at_file() >= 0)
        say("an older thread can look at files");
    return NULL;
}

static int confined(void) {
    liken_error err = {0};
    size_t address_space = 0;
    pthread_t older;
    if (pthread_create(&older, NULL, wait_and_open, NULL) != 0)
        say("no thread");
    if (lk_confine(256 * MIB, MEMFD, &address_space, &err) != LIKEN_OK) {
        say(err.message);
        _exit(1);
    }
    atomic_store(&is_confined, true);
    (void)pthread_join(older, NULL);
    for (size_t i = 0; i < LK_LENGTH(forbidden); i++)
        if (forbidden[i].tried() >= 0 || (errno != EPERM && errno != ENOSYS)) /* by the filter, not for want of room */
            say(forbidden[i].name);
    if (!can_compute())
        say("cannot compute");
    if (address_space != 0 && !memory_ends())
        say("has no limit of memory");
    say("done");
    _exit(0);
}

/* As in a container that forbids filters: what is then said. */
static int refused(void) {
    liken_error err = {0};
    size_t address_space = 0;
    const struct scmp_arg_cmp by_prctl = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = PR_SET_SECCOMP};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL || seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) != 0 ||
        seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1, &by_prctl) != 0 ||
        seccomp_load(filter) != 0)
        say("no container");
    const int rc = lk_confine(256 * MIB, MEMFD, &address_space, &err);
    say(rc == LIKEN_E_UNSUPPORTED ? err.message : "it was not refused");
    _exit(0);
}

/* ---- in the test ---- */

static pid_t start(const char *how, int *peer) {
    static char *const environment[] = {NULL};
    const char *const argv[] = {"test", how, NULL};
    int ends[2];
    const int memory = memfd_create("shared", MFD_CLOEXEC);
    assert_true(memory >= 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    const int fds[] = {ends[1], memory};
    const lk_child_plan plan = {"/proc/self/exe", argv, (const char *const *)environment, fds, 2};
    pid_t pid = -1;
    assert_int_equal(lk_child_start(&pid, &plan), 0);
    close(ends[1]);
    close(memory);
    *peer = ends[0];
    return pid;
}

static void a_confined_process_can_only_compute(void **state) {
    (void)state;
    int peer;
    const pid_t pid = start("confined", &peer);
    char said[2048] = "";
    for (ssize_t n; (n = recv(peer, said + strlen(said), 500, 0)) > 0;)
        strcat(said, ";");
    lk_child_end end;
    assert_true(lk_child_reap(pid, 60, &end));
    close(peer);
    assert_string_equal(said, "done;");
    assert_true(end.exited && end.code == 0);
}

/* What is not named in the plan does not reach a child, whether it closes on exec or not. */
static void a_child_gets_its_descriptors_and_no_other(void **state) {
    (void)state;
    int peer;
    const int leaked = open("/dev/null", O_RDONLY);
    assert_true(leaked >= 0);
    const pid_t pid = start("descriptors", &peer);
    char said[64] = "";
    assert_true(recv(peer, said, sizeof said - 1, 0) > 0);
    lk_child_end end;
    assert_true(lk_child_reap(pid, 60, &end));
    close(peer);
    close(leaked);
    assert_string_equal(said, "0 1 2 3 4 ");
}

static void a_kernel_that_refuses_is_told(void **state) {
    (void)state;
    int peer;
    const pid_t pid = start("refused", &peer);
    char said[600] = "";
    assert_true(recv(peer, said, sizeof said - 1, 0) > 0);
    lk_child_end end;
    assert_true(lk_child_reap(pid, 60, &end));
    close(peer);
    assert_non_null(strstr(said, "a container must allow seccomp"));
}

static void a_child_that_stays_is_killed(void **state) {
    (void)state;
    int peer;
    const pid_t pid = start("stay", &peer);
    char said[64] = "";
    assert_true(recv(peer, said, sizeof said - 1, 0) > 0);
    lk_child_end end;
    assert_false(lk_child_reap(pid, 0, &end));
    assert_false(end.exited);
    assert_int_equal(end.code, SIGKILL);
    close(peer);
}

static int list_descriptors(void) {
    char text[256] = "";
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%d ", fd);
    say(text);
    _exit(0);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "confined") == 0)
        return confined();
    if (argc == 2 && strcmp(argv[1], "refused") == 0)
        return refused();
    if (argc == 2 && strcmp(argv[1], "descriptors") == 0)
        return list_descriptors();
    if (argc == 2 && strcmp(argv[1], "stay") == 0) {
        say("here");
        for (;;)
            (void)poll(NULL, 0, -1);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_confined_process_can_only_compute),
                                       cmocka_unit_test(a_child_gets_its_descriptors_and_no_other),
                                       cmocka_unit_test(a_kernel_that_refuses_is_told),
                                       cmocka_unit_test(a_child_that_stays_is_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
