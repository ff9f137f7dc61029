#include "served.h"

#include "unit/wire.h"

#include "api/api.h"

#include <pthread.h>
#include <signal.h>

static lk_api *api;

/* libFuzzer's timer is for the thread that runs the target: the server's threads inherit that they do not hear it. */
static void start(void) {
    liken *lk = NULL;
    liken_error err = {0};
    const lk_api_options o = {.workers = 1, .threads = 1, .max_file_bytes = 65536};
    sigset_t timer, before;
    sigemptyset(&timer);
    sigaddset(&timer, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &timer, &before);
    if (liken_open(&lk, &(liken_options)LIKEN_OPTIONS_INIT, NULL, &err) != LIKEN_OK ||
        lk_api_start(&api, &o, lk, &err) != LIKEN_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static int open_connection(void) {
    if (api == NULL)
        start();
    const int fd = wire_open(lk_api_port(api));
    /* millions of connections, each forgotten at once by the system too */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)) != 0) {
        perror("no connection to the server");
        abort();
    }
    return fd;
}

/* The status of what comes first; 0 when the server closes instead. */
static int first_status(int fd) {
    char line[64] = "";
    ssize_t n;
    do
        n = recv(fd, line, sizeof line - 1, 0); /* with the patience of wire_open */
    while (n < 0 && errno == EINTR);
    const bool silent = n < 0 && errno != ECONNRESET;
    const int status = n <= 0 ? 0 : wire_status(line);
    if (silent || status < 0) {
        (void)fprintf(stderr, "%s\n", silent ? "The server is silent." : "That is no HTTP answer.");
        abort();
    }
    return status;
}

int served_ask(const void *bytes, size_t size) {
    const int fd = open_connection();
    (void)wire_send(fd, bytes, size); /* the server may have heard enough before the end */
    (void)shutdown(fd, SHUT_WR);
    const int status = first_status(fd);
    close(fd);
    return status;
}

int served_post(const char *path, const char *type, const void *body, size_t size) {
    char head[512];
    const int n = snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
        path, type, size);
    const int fd = open_connection();
    if (wire_send(fd, head, (size_t)n))
        (void)wire_send(fd, body, size);
    const int status = first_status(fd);
    close(fd);
    return status;
}
