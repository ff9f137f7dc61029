/* wire.h - the client's end of a test against a real server: bytes out, bytes in. */
#ifndef LK_TESTS_WIRE_H
#define LK_TESTS_WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static inline int wire_open(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval patience = {30, 0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        return -1;
    int failed = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (failed == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        failed = errno != EINTR; /* interrupted: the next call waits for the same connection */
    if (failed == 0)
        return fd;
    close(fd);
    return -1;
}

/* False when the other side has closed. A signal (libFuzzer's timer) interrupts nothing. */
static inline bool wire_send(int fd, const void *bytes, size_t size) {
    const char *p = bytes;
    while (size > 0) {
        const ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

/* Everything until the other side closes, NUL-terminated; at most 1 MiB. The caller frees it. */
static inline char *wire_read(int fd) {
    const size_t room = 1 << 20;
    char *text = calloc(1, room);
    size_t used = 0;
    while (text != NULL && used < room - 1) {
        const ssize_t n = recv(fd, text + used, room - 1 - used, 0);
        if (n > 0)
            used += (size_t)n;
        else if (n == 0 || errno != EINTR)
            break;
    }
    return text;
}

/* One request, its whole answer. */
static inline char *wire_talk(int port, const void *request, size_t size) {
    const int fd = wire_open(port);
    (void)wire_send(fd, request, size); /* a server that has answered early may not take all */
    char *answer = wire_read(fd);
    close(fd);
    return answer;
}

static inline int wire_status(const char *answer) {
    return answer != NULL && strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : -1;
}

static inline const char *wire_body(const char *answer) {
    const char *gap = strstr(answer, "\r\n\r\n");
    return gap == NULL ? "" : gap + 4;
}

#endif
