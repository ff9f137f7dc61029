/* helper.c - see helper.h.
 *
 * Time is counted in the CPU time of the helper, which a busy machine does not change; a helper that stands still is
 * told by a clock that does not move. The kernel's own limits are set beside, a little higher. */
#include "image/decode/helper.h"

#include "base/child/child.h"
#include "base/log.h"
#include "image/head.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/* What one photo may cost, about three times what the slowest of its kind took on a machine that starts a helper in
 * START_SECONDS of CPU time. A slower machine, or build, gets more time in proportion. */
#ifndef SECONDS_BASE
#define SECONDS_BASE 1.0
#endif
#define SECONDS_MEGAPIXEL 0.05
#define SECONDS_MEGAPIXEL_HEIF 0.15
#define SECONDS_MEGABYTE 0.1
#define START_SECONDS 0.1
#define SLOWEST 30.0
#define SECONDS_HELLO 60.0
#define MEMORY_BASE (384 * MIB)
#define MEMORY_PIXEL 32     /* bytes; but no more than the work that a decoder is allowed (lk_photo_work_limit) and */
#define MEMORY_PIXEL_MORE 8 /* bytes a pixel for what is made of it */

#define STEP_MS 50 /* how often a helper that has not answered is looked at */
#ifndef STILL_SECONDS
#define STILL_SECONDS 60.0 /* without a millisecond of CPU time */
#endif
#define WALL_SECONDS 1800.0
#ifndef REAP_SECONDS
#define REAP_SECONDS 5.0 /* for one that hung up to end */
#endif
#define KEEP_BYTES (32 * (uint64_t)MIB) /* of either shared file between photos */
#define MOST_PHOTOS 2000
#define MOST_MEMORY (192 * MIB) /* resident between photos */

lk_allowance lk_allow_open(uint64_t file) {
    return (lk_allowance){SECONDS_BASE + SECONDS_MEGABYTE * (double)file / 1e6, MEMORY_BASE + 4 * (size_t)file};
}

lk_allowance lk_allow_pixels(lk_kind kind, uint64_t pixels, uint64_t file) {
    const bool slow = kind == LK_KIND_HEIC || kind == LK_KIND_AVIF || kind == LK_KIND_JXL;
    const size_t each = (size_t)pixels * MEMORY_PIXEL,
                 work = (size_t)lk_photo_work_limit((size_t)pixels) + (size_t)pixels * MEMORY_PIXEL_MORE;
    return (lk_allowance){SECONDS_BASE + (slow ? SECONDS_MEGAPIXEL_HEIF : SECONDS_MEGAPIXEL) * (double)pixels / 1e6 +
                              SECONDS_MEGABYTE * (double)file / 1e6,
                          MEMORY_BASE + (each < work ? each : work) + 4 * (size_t)file};
}

/* ---- starting ---- */

/* A file in memory that nobody can make smaller, so that whoever maps it need not fear for its end. */
static int shared_file(const char *name) {
    const int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Of the environment only what says where libraries are, and how a sanitizer is to work. */
static void pick_environment(char *into[], size_t room) {
    static const char *const kept[] = {"LD_LIBRARY_PATH=", "LIBHEIF_PLUGIN_PATH=", "ASAN_OPTIONS=",
                                       "UBSAN_OPTIONS=",   "LSAN_OPTIONS=",        "TSAN_OPTIONS="};
    size_t n = 0;
    into[n++] = (char *)(uintptr_t) "VIPS_CONCURRENCY=1";
    for (char **e = environ; e != NULL && *e != NULL; e++)
        for (size_t i = 0; i < LK_LENGTH(kept) && n + 1 < room; i++)
            if (strncmp(*e, kept[i], strlen(kept[i])) == 0)
                into[n++] = *e;
    into[n] = NULL;
}

static int spawn(lk_helper *h, const char *path, int peer, const lk_photo_limits *limits) {
    char input[24], output[24], memory[24];
    (void)snprintf(input, sizeof input, "%zu", limits->max_bytes);
    (void)snprintf(output, sizeof output, "%zu", limits->max_pixels * 3);
    (void)snprintf(memory, sizeof memory, "%zu",
                   lk_allow_pixels(LK_KIND_NONE, limits->max_pixels, limits->max_bytes).memory);
    const char *const argv[] = {"liken-decode", input, output, memory, NULL};
    char *environment[16];
    pick_environment(environment, LK_LENGTH(environment));
    const int fds[] = {peer, h->input, h->output};
    const lk_child_plan plan = {path, argv, (const char *const *)(uintptr_t)environment, fds, LK_LENGTH(fds)};
    return lk_child_start(&h->pid, &plan);
}

int lk_helper_start(lk_helper **out, const char *path, const lk_photo_limits *limits, liken_error *err) {
    lk_helper *h = malloc(sizeof *h);
    int ends[2] = {-1, -1};
    if (h == NULL)
        return lk_fail_memory(err);
    *h = (lk_helper){.pid = -1, .slowness = 1, .socket = -1, .input = shared_file("liken-photo")};
    h->output = shared_file("liken-pixels");
    int failed = h->input < 0 || h->output < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0
                     ? errno
                     : spawn(h, path, ends[1], limits);
    h->socket = ends[0];
    if (ends[1] >= 0)
        close(ends[1]);
    if (failed == 0) {
        *out = h;
        return LIKEN_OK;
    }
    lk_helper_free(h);
    if (failed == ENOENT || failed == EACCES || failed == ENOEXEC)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "%.300s, in which photos are decoded, cannot be started (%s). Install liken whole, or say "
                       "--sandbox off.",
                       path, strerror(failed));
    return lk_fail_errno(err, LIKEN_E_BUSY, failed, "No process to decode the photo in can be started now");
}

void lk_helper_free(lk_helper *h) {
    if (h == NULL)
        return;
    lk_child_end end;
    const int fds[] = {h->socket, h->input, h->output};
    for (size_t i = 0; i < LK_LENGTH(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (h->pid > 0)
        (void)lk_child_reap(h->pid, 0, &end);
    free(h);
}

/* ---- asking ---- */

/* It hung up. A helper in good order never does that and lives on. */
static lk_loss gone(lk_helper *h) {
    lk_child_end end;
    const bool by_itself = lk_child_reap(h->pid, REAP_SECONDS, &end);
    h->pid = -1;
    if (!by_itself)
        return LK_LOST_ANSWER;
    if (end.exited)
        return end.code == LK_DECODE_EXIT_IDLE     ? LK_LOST_IDLE
               : end.code == LK_DECODE_EXIT_MEMORY ? LK_LOST_MEMORY
                                                   : LK_LOST_CRASH;
    h->signal = end.code;
    switch (end.code) {
    case SIGKILL:
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
    case SIGQUIT:
        return LK_LOST_OUTSIDE;
    case SIGXCPU:
        return LK_LOST_TIME;
    default:
        return LK_LOST_CRASH;
    }
}

lk_loss lk_helper_left(lk_helper *h) {
    struct pollfd p = {h->socket, 0, 0};
    return h->ready && poll(&p, 1, 0) == 1 && (p.revents & POLLHUP) != 0 ? gone(h) : LK_LOST_NOT;
}

/* One more byte of room than an answer has shows one that is too long. */
static lk_loss take_answer(lk_helper *h, lk_decode_answer *answer, bool *done) {
    const ssize_t n = recv(h->socket, answer, sizeof *answer, MSG_DONTWAIT | MSG_TRUNC);
    *done = true;
    if (n == (ssize_t)sizeof *answer)
        return LK_LOST_NOT;
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        *done = false;
        return LK_LOST_NOT;
    }
    return n == 0 || (n < 0 && errno == ECONNRESET) ? gone(h) : LK_LOST_ANSWER;
}

/* Counted in looks and not by a clock: while all of liken is stopped or starved, nobody looks. */
typedef struct watch {
    double cpu, seen;   /* what its clock said when it was asked, and when it last moved */
    int looks, unmoved; /* since it was asked, and since then */
} watch;

static lk_loss look(lk_helper *h, watch *w, double seconds) {
    const double cpu = lk_child_cpu(h->pid);
    if (cpu >= 0 && cpu - w->cpu > seconds)
        return LK_LOST_TIME;
    w->looks++;
    w->unmoved++;
    if (cpu > w->seen + 1e-3) {
        w->seen = cpu;
        w->unmoved = 0;
    }
    return w->unmoved > STILL_SECONDS * 1e3 / STEP_MS || w->looks > WALL_SECONDS * 1e3 / STEP_MS ? LK_LOST_STILL
                                                                                                 : LK_LOST_NOT;
}

static lk_loss await(lk_helper *h, double cpu, double seconds, lk_decode_answer *answer) {
    watch w = {.cpu = cpu, .seen = cpu};
    for (;;) {
        struct pollfd p = {h->socket, POLLIN, 0};
        const int ready = poll(&p, 1, STEP_MS);
        bool done = false;
        lk_loss loss = LK_LOST_NOT;
        if (ready > 0)
            loss = take_answer(h, answer, &done);
        else if (ready == 0)
            loss = look(h, &w, seconds);
        if (done || loss != LK_LOST_NOT)
            return loss;
    }
}

static bool say(lk_helper *h, const lk_decode_request *request) {
    ssize_t n;
    while ((n = send(h->socket, request, sizeof *request, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno == EINTR)
        continue;
    return n == (ssize_t)sizeof *request;
}

lk_loss lk_helper_ask(lk_helper *h, const lk_decode_request *request, const lk_allowance *allow,
                      lk_decode_answer *answer) {
    const double cpu = lk_child_cpu(h->pid), seconds = allow->seconds * h->slowness;
    (void)lk_child_limit(h->pid, fmax(cpu, 0) + seconds + 1,
                         h->address_space == 0 ? 0 : h->address_space + allow->memory);
    if (!say(h, request))
        return errno == EPIPE || errno == ECONNRESET ? gone(h) : LK_LOST_ANSWER;
    const lk_loss loss = await(h, fmax(cpu, 0), seconds, answer);
    if (loss != LK_LOST_NOT)
        return loss;
    answer->message[sizeof answer->message - 1] = '\0';
    return answer->magic == LK_DECODE_MAGIC && answer->what == request->what ? LK_LOST_NOT : LK_LOST_ANSWER;
}

int lk_helper_ready(lk_helper *h, const char *path, liken_error *err) {
    lk_decode_answer hello;
    const lk_loss loss = h->ready ? LK_LOST_NOT : await(h, 0, SECONDS_HELLO, &hello);
    if (h->ready)
        return LIKEN_OK;
    if (loss == LK_LOST_OUTSIDE)
        return lk_fail(err, LIKEN_E_BUSY, "The process to decode the photo in was killed while it started. Try again.");
    if (loss != LK_LOST_NOT || hello.magic != LK_DECODE_MAGIC || hello.what != LK_DECODE_HELLO)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "%.250s, in which photos are decoded, does not start (%s). Install liken whole, or say "
                       "--sandbox off.",
                       path, loss == LK_LOST_NOT ? "it is of another liken" : lk_loss_name(loss));
    if (hello.code != LIKEN_OK)
        return lk_fail(
            err, LIKEN_E_UNSUPPORTED,
            "Photos cannot be decoded in a process of their own (--sandbox off decodes them without): %.400s",
            hello.message);
    if (strncmp(hello.version, LIKEN_VERSION, sizeof hello.version) != 0)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "%.250s is of liken %.15s, and this is %s. Start liken anew, or install it whole.", path,
                       hello.version, LIKEN_VERSION);
    h->address_space = hello.address_space;
    h->slowness = fmin(fmax(lk_child_cpu(h->pid) / START_SECONDS, 1), SLOWEST);
    h->ready = true;
    return LIKEN_OK;
}

/* ---- shared files ---- */

static bool grow(int fd, uint64_t *size, uint64_t want) {
    if (want <= *size)
        return true;
    if (ftruncate(fd, (off_t)want) != 0)
        return false;
    *size = want;
    return true;
}

bool lk_helper_load(lk_helper *h, const void *bytes, size_t size) {
    if (!grow(h->input, &h->input_size, size))
        return false;
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(h->input, (const char *)bytes + done, size - done, (off_t)done);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool lk_helper_room(lk_helper *h, uint64_t bytes) {
    return grow(h->output, &h->output_size, bytes);
}

static bool read_at(int fd, uint8_t *to, size_t size, size_t from) {
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(fd, to + done, size - done, (off_t)(from + done));
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

bool lk_helper_pixels(lk_helper *h, lk_image *out) {
    const size_t row = (size_t)out->width * 3;
    if (out->stride == row)
        return read_at(h->output, out->rgb, row * (size_t)out->height, 0);
    for (int y = 0; y < out->height; y++)
        if (!read_at(h->output, out->rgb + (size_t)y * out->stride, row, row * (size_t)y))
            return false;
    return true;
}

static void trim(int fd, uint64_t size) {
    if (size > KEEP_BYTES &&
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)KEEP_BYTES, (off_t)(size - KEEP_BYTES)) != 0)
        lk_log(LIKEN_LOG_DEBUG, "memory shared with a helper is kept: %s", strerror(errno));
}

bool lk_helper_rest(lk_helper *h) {
    trim(h->input, h->input_size);
    trim(h->output, h->output_size);
    h->photos++;
    return h->photos < MOST_PHOTOS && (h->photos % 16 != 0 || lk_child_memory(h->pid) < MOST_MEMORY);
}
