#include "served.h"

#include "unit/wire.h"

#include "api/api.h"

#include <poll.h>

static lk_api *api;

static void start(void) {
    liken *lk = NULL;
    liken_error err = {0};
    const lk_api_options o = {.workers = 1, .threads = 1, .max_file_bytes = 65536};
    if (liken_open(&lk, &(liken_options){0}, &err) != LIKEN_OK || lk_api_start(&api, &o, lk, &err) != LIKEN_OK) {
        (void)fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

int served_ask(const void *head, size_t head_size, const void *body, size_t body_size, int patience) {
    if (api == NULL)
        start();
    const int fd = wire_open(lk_api_port(api));
    if (fd < 0)
        abort();
    (void)wire_send(fd, head, head_size); /* the server may have heard enough before the end */
    (void)wire_send(fd, body, body_size);
    char line[64] = "";
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    const ssize_t n = poll(&ready, 1, patience) == 1 ? recv(fd, line, sizeof line - 1, 0) : 0;
    close(fd);
    const int status = n <= 0 ? 0 : wire_status(line);
    if (status < 0)
        abort(); /* something that is no HTTP answer */
    return status;
}

int served_post(const char *path, const char *type, const void *body, size_t size) {
    char head[512];
    const int n = snprintf(
        head, sizeof head,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
        path, type, size);
    return served_ask(head, (size_t)n, body, size, 30000);
}
