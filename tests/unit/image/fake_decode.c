/* fake_decode.c - a helper that misbehaves when a photo tells it to, as one would that a hostile file took over or a
 * fault of a decoder hit: the photo ends with "LIKEN-TEST:WHEN-WHAT", WHEN being open or pixels. Else it is an honest
 * one. */
#include "image/decode/serve.h"

#include <glib.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MARK "LIKEN-TEST:"

static char word[32];

/* Reads the order at the end of a photo. */
static void read_word(const lk_decode_server *s, const lk_decode_request *request) {
    const size_t back = request->size < 40 ? request->size : 40;
    const char *end = (const char *)s->input + request->size - back;
    const char *found = memmem(end, back, MARK, strlen(MARK));
    const size_t from = found == NULL ? back : (size_t)(found - end) + strlen(MARK);
    word[0] = '\0';
    if (found != NULL && back - from < sizeof word) {
        memcpy(word, end + from, back - from);
        word[back - from] = '\0';
    }
}

static void swallow_memory(void) {
    while (malloc(16 << 20) != NULL)
        continue;
    (void)g_malloc(64 << 20); /* as libvips does: it ends the process */
}

static void send_bytes(const void *bytes, size_t size) {
    (void)send(LK_DECODE_SOCKET, bytes, size, MSG_NOSIGNAL);
}

/* What ends or delays it. */
static void act(const char *what) {
    static volatile int forever = 1;
    if (strcmp(what, "crash") == 0)
        (void)raise(SIGSEGV);
    else if (strcmp(what, "glib") == 0)
        g_error("this is what an assertion of GLib does");
    else if (strcmp(what, "abort") == 0)
        abort();
    else if (strcmp(what, "exit") == 0)
        _exit(1);
    else if (strcmp(what, "idle") == 0)
        _exit(LK_DECODE_EXIT_IDLE);
    else if (strcmp(what, "memory") == 0)
        swallow_memory();
    while (strcmp(what, "spin") == 0 && forever)
        continue;
    while (strcmp(what, "sleep") == 0)
        (void)poll(NULL, 0, -1);
    while (strcmp(what, "hangup") == 0) {
        close(LK_DECODE_SOCKET);
        (void)poll(NULL, 0, -1);
    }
}

/* What it answers instead; false: nothing more is to be sent. */
static bool twist(const char *what, lk_decode_answer *a) {
    char longer[sizeof *a + 1] = "";
    memcpy(longer, a, sizeof *a);
    if (strcmp(what, "short") == 0)
        send_bytes(a, 3);
    else if (strcmp(what, "long") == 0)
        send_bytes(longer, sizeof longer);
    else if (strcmp(what, "magic") == 0)
        a->magic++;
    else if (strcmp(what, "what") == 0)
        a->what++;
    else if (strcmp(what, "huge") == 0)
        a->width = a->height = INT32_MAX;
    else if (strcmp(what, "negative") == 0)
        a->width = -a->width, a->height = -a->height;
    else if (strcmp(what, "tiny") == 0)
        a->width = a->height = 0;
    else if (strcmp(what, "thin") == 0)
        a->width = 2000000, a->height = 1;
    else if (strcmp(what, "time") == 0)
        a->captured_at = INT64_MAX;
    else if (strcmp(what, "scale") == 0)
        a->scale = (double)NAN;
    else if (strcmp(what, "shrunk") == 0)
        a->scale = 1e-9;
    else if (strcmp(what, "code") == 0)
        a->code = 77;
    else if (strcmp(what, "busy") == 0)
        a->code = LIKEN_E_BUSY;
    else if (strcmp(what, "text") == 0) {
        a->code = LIKEN_E_DECODE;
        memset(a->message, 0x1b, sizeof a->message);
    }
    return strcmp(what, "short") != 0 && strcmp(what, "long") != 0;
}

int main(int argc, char **argv) {
    static lk_decode_server server;
    lk_decode_request request;
    lk_decode_answer answer;
    if (argc != 4 || !lk_decode_begin(&server, argv))
        _exit(LK_DECODE_EXIT_USAGE);
    while (lk_decode_next(&request)) {
        if (request.what == LK_DECODE_OPEN)
            read_word(&server, &request);
        const char *when = request.what == LK_DECODE_OPEN ? "open-" : "pixels-";
        const char *what = strncmp(word, when, strlen(when)) == 0 ? word + strlen(when) : "";
        act(what);
        lk_decode_do(&server, &request, &answer);
        if (twist(what, &answer))
            (void)lk_decode_say(&answer);
    }
    _exit(LK_DECODE_EXIT_DONE);
}
