/* A helper that a hostile photo has taken over: the input is what it says. Whatever that is, liken ends with a picture
 * within the limits or with a sentence.
 *
 * The pool and the process are replaced (--wrap): a helper is a socket that has said everything already. */
#include "image/decode/remote.h"

#include "base/child/child.h"
#include "image/decode/pool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int __wrap_lk_decoders_take(lk_decoders *d, lk_helper **out, liken_error *err);
void __wrap_lk_decoders_give(lk_decoders *d, lk_helper *h);
void __wrap_lk_decoders_lose(lk_decoders *d, lk_helper *h, lk_loss why);
bool __wrap_lk_child_reap(pid_t pid, double seconds, lk_child_end *end);
double __wrap_lk_child_cpu(pid_t pid);
bool __wrap_lk_child_limit(pid_t pid, double cpu, size_t address_space);

enum { MOST_PIXELS = 4096, NO_PROCESS = -1 };

static struct {
    int peer;
    const uint8_t *script;
    size_t left, taken;
    lk_child_end end;
} fake;

static uint8_t next(void) {
    if (fake.left == 0)
        return 0;
    fake.left--;
    return *fake.script++;
}

/* A right answer in its main fields, then some bytes of it changed wherever the script says. */
static lk_decode_answer answer_of_script(void) {
    lk_decode_answer a = {.magic = LK_DECODE_MAGIC};
    a.what = next();
    a.code = -next();
    a.scale = next() / 64.0;
    a.width = next();
    a.height = next();
    a.kind = LK_KIND_JPEG;
    memcpy(a.message, "damaged", sizeof "damaged");
    for (int i = next(); i > 0 && fake.left > 0; i--) {
        const size_t at = next() | (size_t)next() << 8;
        ((uint8_t *)&a)[at % sizeof a] = next();
    }
    return a;
}

/* Sends one message: an answer, or too much or too little of one. */
static void say(void) {
    uint8_t bytes[sizeof(lk_decode_answer) + 8] = {0};
    const uint8_t cut = next();
    const lk_decode_answer a = answer_of_script();
    memcpy(bytes, &a, sizeof a);
    if (send(fake.peer, bytes, cut == 0 ? sizeof a : sizeof bytes - cut, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        abort();
}

int __wrap_lk_decoders_take(lk_decoders *d, lk_helper **out, liken_error *err) {
    (void)d, (void)err;
    int ends[2];
    lk_helper *h = calloc(1, sizeof *h);
    if (h == NULL || ++fake.taken > 10 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        abort();
    *h = (lk_helper){.pid = NO_PROCESS, .socket = ends[0], .slowness = 1, .ready = true};
    h->input = memfd_create("in", MFD_CLOEXEC);
    h->output = memfd_create("out", MFD_CLOEXEC);
    fake.peer = ends[1];
    for (int i = next() % 4; i > 0; i--)
        say();
    fake.end = (lk_child_end){(next() & 1) != 0, next()};
    (void)shutdown(fake.peer, SHUT_WR);
    *out = h;
    return LIKEN_OK;
}

void __wrap_lk_decoders_give(lk_decoders *d, lk_helper *h) {
    (void)d;
    close(fake.peer);
    close(h->socket);
    close(h->input);
    close(h->output);
    free(h);
}

void __wrap_lk_decoders_lose(lk_decoders *d, lk_helper *h, lk_loss why) {
    if (why == LK_LOST_NOT)
        abort();
    __wrap_lk_decoders_give(d, h);
}

bool __wrap_lk_child_reap(pid_t pid, double seconds, lk_child_end *end) {
    (void)seconds;
    if (pid != NO_PROCESS)
        abort();
    *end = fake.end;
    return true;
}

double __wrap_lk_child_cpu(pid_t pid) {
    (void)pid;
    return 0;
}

bool __wrap_lk_child_limit(pid_t pid, double cpu, size_t address_space) {
    (void)pid, (void)cpu, (void)address_space;
    return true;
}

static void check_picture(lk_remote *r, int want) {
    lk_image image = {0};
    liken_error err = {0};
    double scale = 0;
    const int rc = lk_remote_decode(r, want, &image, &scale, &err);
    if (rc == LIKEN_OK) {
        unsigned sum = 0;
        for (int y = 0; y < image.height; y++)
            for (int x = 0; x < image.width * 3; x++)
                sum += image.rgb[(size_t)y * image.stride + (size_t)x];
        __asm__ volatile("" : : "r"(sum));
        if (image.width < 1 || image.height < 1 || image.width * image.height > MOST_PIXELS ||
            !(scale > 0 && scale <= 1))
            abort();
    } else if (rc != err.code || err.message[0] == '\0') {
        abort();
    }
    lk_image_clear(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static char anything;
    const lk_photo_limits limits = {
        .max_bytes = 1024, .max_pixels = MOST_PIXELS, .decoders = (lk_decoders *)(void *)&anything};
    lk_remote *r = NULL;
    liken_error err = {0};
    fake.script = data;
    fake.left = size;
    fake.taken = 0;
    const int want = next();
    const int rc = lk_remote_open(&r, "photo", 5, LK_KIND_JPEG, &limits, &err);
    if (rc != LIKEN_OK) {
        if (rc != err.code || err.message[0] == '\0')
            abort();
        return 0;
    }
    check_picture(r, want);
    lk_remote_free(r);
    return 0;
}
