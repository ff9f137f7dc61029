/* accept.c - listening, accepting, turning away.
 *
 * We accept ourselves and hand the sockets over (libmicrohttpd runs without a listening socket): that makes it possible
 * to stop listening while everything accepted goes on.
 *
 * Where all places are taken, or all that an address may have, whoever can best be spared makes room (patience.c): as a
 * rule the oldest that has not even sent a whole head. Newcomers are turned away with 503 only when every place is
 * taken by work or by answers that are being taken. */
#include "http/http_int.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_IDLES 2.0
#define ROOM_MILLISECONDS 2
#define ROOM_WAITS 500 /* then newcomers are turned away until there is room */
#define PEER_OVER 16   /* connections over an address's limit while those it spares are being closed */

double lk_http_head_seconds(const lk_http *h) {
    return HEAD_IDLES * h->o.idle_timeout;
}

static lk_peer *peer_of(lk_http *h, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL || info->client_addr == NULL ? NULL : lk_peers_find(h->peers, info->client_addr);
}

void lk_http_connection_changed(void *cls, struct MHD_Connection *connection, void **watch,
                                enum MHD_ConnectionNotificationCode what) {
    lk_http *h = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        if (h->tls != NULL)
            lk_tls_begin(h->tls, connection);
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        lk_peer *peer = peer_of(h, connection);
        *watch = info == NULL ? NULL : lk_patience_watch(h->patience, info->connect_fd, peer, lk_http_head_seconds(h));
        atomic_fetch_sub(&h->arriving, 1);
        return;
    }
    lk_patience_drop(h->patience, *watch);
    *watch = NULL;
    lk_peers_leave(h->peers, peer_of(h, connection));
    atomic_fetch_sub(&h->connections, 1);
}

static void turn_away(lk_http *h, int fd) {
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                                 "X-Content-Type-Options: nosniff\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Length: 51\r\n\r\n"
                                 "The server has too many connections; try again soon";
    if (h->tls == NULL && send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 &&
        shutdown(fd, SHUT_WR) == 0)
        lk_linger_take(h->linger, fd, true);
    else
        close(fd);
}

static bool full(const lk_http *h) {
    return atomic_load(&h->connections) >= h->o.max_connections;
}

/* Does the address stay below its limit? Past that it gets a place for one of its own that it can spare. */
static bool within_share(lk_http *h, const lk_peer *peer) {
    if (peer->local)
        return true;
    const int over = atomic_load(&peer->connections) - h->o.max_per_peer;
    return over <= 0 || (over <= PEER_OVER && lk_patience_evict(h->patience, peer) >= over);
}

static void accept_one(lk_http *h) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    const int fd = accept4(h->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) /* nothing to accept with */
            (void)poll(NULL, 0, lk_patience_evict(h->patience, NULL) > 0 ? ROOM_MILLISECONDS : 50);
        return;
    }
    lk_peer *peer =
        lk_peers_enter(h->peers, (struct sockaddr *)&address, lk_http_trusts(h, (struct sockaddr *)&address));
    if (peer == NULL || full(h) || !within_share(h, peer)) { /* without memory to count it, there is no place */
        turn_away(h, fd);
        lk_peers_leave(h->peers, peer);
        return;
    }
    atomic_fetch_add(&h->connections, 1);
    atomic_fetch_add(&h->arriving, 1);
    if (MHD_add_connection(h->daemon, fd, (struct sockaddr *)&address, size) != MHD_YES) {
        atomic_fetch_sub(&h->connections, 1); /* which has closed the socket */
        atomic_fetch_sub(&h->arriving, 1);
        lk_peers_leave(h->peers, peer);
    }
}

/* While all places are taken a newcomer stays in the kernel's queue until one is free, if one can be spared. */
static bool make_room(lk_http *h) {
    struct pollfd wake = {.fd = h->wake, .events = POLLIN};
    if (!full(h)) {
        h->waits = 0;
        return false;
    }
    if (h->waits >= ROOM_WAITS || (lk_patience_evict(h->patience, NULL) == 0 && atomic_load(&h->arriving) == 0))
        return false;
    h->waits++;
    (void)poll(&wake, 1, ROOM_MILLISECONDS);
    return true;
}

static void *accept_all(void *arg) {
    lk_http *h = arg;
    for (;;) {
        struct pollfd polls[2] = {{.fd = h->listener, .events = POLLIN}, {.fd = h->wake, .events = POLLIN}};
        (void)poll(polls, 2, -1); /* a failed poll is an early look, no more */
        if (polls[1].revents != 0)
            return NULL;
        if (polls[0].revents != 0 && !make_room(h))
            accept_one(h);
    }
}

static int bind_to(const struct addrinfo *a) {
    const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol), one = 1;
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 && bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
        listen(fd, 512) == 0)
        return fd;
    const int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

static int port_of(int fd) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return -1;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
                                               : ((struct sockaddr_in *)(void *)&address)->sin_port);
}

int lk_http_listen(lk_http *h, liken_error *err) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    char port[16];
    (void)snprintf(port, sizeof port, "%d", h->o.port);
    const int failed = getaddrinfo(h->o.address, port, &hints, &list);
    if (failed != 0)
        return lk_fail(err, LIKEN_E_ARG, "The address \"%s\" is none to listen on: %s.", h->o.address,
                       gai_strerror(failed));
    for (const struct addrinfo *a = list; a != NULL && h->listener < 0; a = a->ai_next)
        h->listener = bind_to(a);
    const int why = errno;
    freeaddrinfo(list);
    if (h->listener < 0)
        return lk_fail_errno(
            err, why == EADDRINUSE ? LIKEN_E_CONFLICT : LIKEN_E_IO, why,
            "The server cannot listen on %s port %d; choose another address or port, or 0 for any free one",
            h->o.address, h->o.port);
    h->port = port_of(h->listener);
    return LIKEN_OK;
}

int lk_http_start_accepting(lk_http *h, liken_error *err) {
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake < 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The server could not make an event descriptor");
    const int failed = pthread_create(&h->acceptor, NULL, accept_all, h);
    if (failed != 0)
        return lk_fail_errno(err, LIKEN_E_MEMORY, failed, "The server could not start a thread");
    h->accepting = true;
    return LIKEN_OK;
}

void lk_http_wake(int event) {
    const uint64_t one = 1;
    if (write(event, &one, sizeof one) < 0)
        return; /* the counter is full: the thread is awake anyway */
}

void lk_http_stop_accepting(lk_http *h) {
    if (h->accepting) {
        lk_http_wake(h->wake);
        pthread_join(h->acceptor, NULL);
    }
    if (h->listener >= 0)
        close(h->listener);
    if (h->wake >= 0)
        close(h->wake);
}
