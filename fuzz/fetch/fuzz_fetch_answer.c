/* What a server sends, byte by byte: the client against a socket that holds the input. Whatever it is, no more comes
 * than may, and what is told of it is printable. */
#include "fetch/fetch.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST 4096
#define ROOM 16384

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the two below */
static uint8_t answer[ROOM];
static size_t answer_size;

static lk_fetch *client;
static int port;

/* To every visit the same, and then the line is closed. */
static void visit(int with) {
    char head[4096];
    uint8_t bytes[ROOM];
    (void)recv(with, head, sizeof head, 0);
    pthread_mutex_lock(&lock);
    const size_t size = answer_size;
    memcpy(bytes, answer, size);
    pthread_mutex_unlock(&lock);
    (void)send(with, bytes, size, MSG_NOSIGNAL);
    (void)shutdown(with, SHUT_WR);
    while (recv(with, head, sizeof head, 0) > 0)
        ;
    close(with);
}

static void *serve(void *p) {
    const int *listening = p;
    for (;;)
        visit(accept(*listening, NULL, NULL));
    return NULL;
}

static void start(void) {
    static int listening;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof address;
    char rule[32];
    const char *const rules[] = {rule};
    const lk_fetch_options options = {.bytes = MOST, .header_bytes = 2048, .seconds = 20, .redirects = 1};
    pthread_t thread;
    listening = socket(AF_INET, SOCK_STREAM, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listening, 16) != 0 || getsockname(listening, (struct sockaddr *)&address, &room) != 0)
        abort();
    port = ntohs(address.sin_port);
    (void)snprintf(rule, sizeof rule, "127.0.0.1:%d", port);
    if (lk_fetch_open(&client, rules, 1, &options, NULL) != LIKEN_OK ||
        pthread_create(&thread, NULL, serve, &listening) != 0)
        abort();
    pthread_detach(thread);
}

static int count(void *ctx, const void *bytes, size_t size, liken_error *err) {
    size_t *total = ctx;
    (void)bytes;
    (void)err;
    *total += size;
    return LIKEN_OK;
}

static void check(const char *text) {
    for (; *text != '\0'; text++)
        if (!isprint((unsigned char)*text))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char url[64];
    size_t total = 0;
    lk_fetch_answer a;
    liken_error err = {0};
    if (client == NULL)
        start();
    if (size > ROOM)
        return 0;
    pthread_mutex_lock(&lock);
    memcpy(answer, data, size);
    answer_size = size;
    pthread_mutex_unlock(&lock);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    const lk_fetch_ask ask = {.url = url, .sink = count, .ctx = &total, .etag = "\"e\""};
    const int rc = lk_fetch_get(client, &ask, &a, &err);
    if (total > MOST || total != a.bytes || (rc == LIKEN_OK) != (a.reason == LK_FETCH_DONE))
        abort();
    check(a.type);
    check(a.etag);
    check(a.last_modified);
    check(a.url);
    return 0;
}
