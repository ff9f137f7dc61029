/* serve.c - see serve.h.
 *
 * The helper dies with liken, also in the middle of a photo, and also when liken is killed: the kernel signals the end
 * of the socket (SIGIO). The signal that it sends when a parent dies is of no use here, as it is sent when the thread
 * that started the helper ends. */
#include "image/decode/serve.h"

#include "base/child/confine.h"
#include "image/decode/ran_out.h"
#include "image/decode/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MS (10 * 60 * 1000) /* a helper that nobody needs gives its memory back */
#define KEEP_BYTES (64 << 20)    /* of freed memory: the next photo needs as much */

static void on_socket(int number) {
    (void)number;
    const int saved = errno;
    struct pollfd p = {LK_DECODE_SOCKET, 0, 0};
    if (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        _exit(LK_DECODE_EXIT_DONE);
    errno = saved;
}

static bool watch_socket(void) {
    struct sigaction act = {.sa_handler = on_socket, .sa_flags = SA_RESTART};
    sigemptyset(&act.sa_mask);
    const int flags = fcntl(LK_DECODE_SOCKET, F_GETFL);
    return sigaction(SIGIO, &act, NULL) == 0 && flags >= 0 && fcntl(LK_DECODE_SOCKET, F_SETOWN, getpid()) == 0 &&
           fcntl(LK_DECODE_SOCKET, F_SETFL, flags | O_ASYNC) == 0;
}

static int map(lk_decode_server *s, char **argv, liken_error *err) {
    s->input_room = strtoull(argv[1], NULL, 10);
    s->output_room = strtoull(argv[2], NULL, 10);
    void *input = mmap(NULL, s->input_room, PROT_READ, MAP_SHARED, LK_DECODE_INPUT, 0);
    void *output = mmap(NULL, s->output_room, PROT_READ | PROT_WRITE, MAP_SHARED, LK_DECODE_OUTPUT, 0);
    if (input == MAP_FAILED || output == MAP_FAILED)
        return lk_fail_errno(err, LIKEN_E_UNSUPPORTED, errno,
                             "A helper cannot map the memory that it shares with liken");
    s->input = input;
    s->output = output;
    return LIKEN_OK;
}

bool lk_decode_begin(lk_decode_server *s, char **argv) {
    lk_decode_answer hello = {.magic = LK_DECODE_MAGIC, .what = LK_DECODE_HELLO, .version = LIKEN_VERSION};
    liken_error err = {0};
    size_t address_space = 0;
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
    lk_ran_out_watch();
    *s = (lk_decode_server){0};
    int rc = map(s, argv, &err);
    if (rc == LIKEN_OK && !watch_socket())
        rc = lk_fail_errno(&err, LIKEN_E_UNSUPPORTED, errno, "A helper cannot watch over its socket");
    if (rc == LIKEN_OK)
        rc = lk_decode_warm(&err);
    if (rc == LIKEN_OK)
        rc = lk_confine(strtoull(argv[3], NULL, 10), LK_DECODE_OUTPUT, &address_space, &err);
    hello.code = rc;
    hello.address_space = address_space;
    (void)snprintf(hello.message, sizeof hello.message, "%s", rc == LIKEN_OK ? "" : err.message);
    return lk_decode_say(&hello) && rc == LIKEN_OK;
}

bool lk_decode_next(lk_decode_request *request) {
    for (;;) {
        struct pollfd p = {LK_DECODE_SOCKET, POLLIN, 0};
        const int ready = poll(&p, 1, IDLE_MS);
        if (ready == 0)
            _exit(LK_DECODE_EXIT_IDLE);
        const ssize_t n = ready < 0 ? -1 : recv(LK_DECODE_SOCKET, request, sizeof *request, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        return n == (ssize_t)sizeof *request && request->magic == LK_DECODE_MAGIC;
    }
}

bool lk_decode_say(const lk_decode_answer *answer) {
    ssize_t n;
    while ((n = send(LK_DECODE_SOCKET, answer, sizeof *answer, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        continue;
    return n == (ssize_t)sizeof *answer;
}

static int open_photo(lk_decode_server *s, const lk_decode_request *request, lk_decode_answer *answer,
                      liken_error *err) {
    const lk_photo_limits limits = {.max_bytes = request->max_bytes, .max_pixels = request->max_pixels};
    lk_photo_free(s->photo);
    s->photo = NULL;
    if (request->size > s->input_room)
        return lk_fail(err, LIKEN_E_INTERNAL, "liken gave its helper more bytes than there is room for.");
    const int rc = lk_photo_open(&s->photo, s->input, request->size, &limits, err);
    if (rc == LIKEN_OK) {
        answer->width = lk_photo_width(s->photo);
        answer->height = lk_photo_height(s->photo);
        answer->kind = (int32_t)lk_photo_kind_of(s->photo);
        answer->captured_at = lk_photo_captured_at(s->photo);
        if (lk_photo_note(s->photo) != NULL)
            (void)snprintf(answer->note, sizeof answer->note, "%s", lk_photo_note(s->photo));
    }
    return rc;
}

static int give_pixels(lk_decode_server *s, const lk_decode_request *request, lk_decode_answer *answer,
                       liken_error *err) {
    lk_image image = {0};
    if (s->photo == NULL || request->room > s->output_room)
        return lk_fail(err, LIKEN_E_INTERNAL, "liken asked its helper for the pixels of no photo.");
    const int rc = lk_photo_decode(s->photo, request->want, &image, &answer->scale, err);
    if (rc != LIKEN_OK)
        return rc;
    const size_t row = (size_t)image.width * 3;
    const bool fits = row * (size_t)image.height <= request->room;
    for (int y = 0; y < image.height && fits; y++)
        memcpy(s->output + row * (size_t)y, image.rgb + image.stride * (size_t)y, row);
    answer->width = image.width;
    answer->height = image.height;
    lk_image_clear(&image);
    return fits ? LIKEN_OK
                : lk_fail(err, LIKEN_E_DECODE, "This photo is damaged: it holds more pixels than its header says.");
}

void lk_decode_do(lk_decode_server *s, const lk_decode_request *request, lk_decode_answer *answer) {
    liken_error err = {0};
    *answer = (lk_decode_answer){.magic = LK_DECODE_MAGIC, .what = request->what};
    (void)lk_ran_out_take();
    answer->code =
        request->what == LK_DECODE_OPEN ? open_photo(s, request, answer, &err) : give_pixels(s, request, answer, &err);
    if (answer->code == LIKEN_E_DECODE && lk_ran_out_take())
        answer->code = LIKEN_E_MEMORY;
    if (answer->code != LIKEN_OK)
        memcpy(answer->message, err.message, sizeof answer->message);
}
