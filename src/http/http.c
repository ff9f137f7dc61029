/* http.c - the server: accepting, receiving, running, stopping.
 *
 *   accept thread --> libmicrohttpd's threads (epoll) --> handler, at once
 *                                                     \-> suspended, worker queue --> handler --> resumed
 *
 * We accept ourselves and hand the sockets over (libmicrohttpd runs without a listening socket): that makes it possible
 * to stop listening while everything accepted goes on. libmicrohttpd calls `access` once with the headers, then for
 * every piece of the body, then once more at its end; `completed` ends a request however it went.
 *
 * Limits: a body is counted as it comes, per request (max_body) and over all (held against max_memory); forms
 * by parts as well. A refusal before the body goes through libmicrohttpd; in the middle of a body it takes no answer,
 * so that one is written to the socket by hand. In both cases the socket lingers (linger.c) so that the answer arrives.
 *
 * Time: headers have HEAD_IDLES idle times to arrive, a body BODY_SECONDS, an answer ANSWER_SECONDS to be taken
 * (patience.c), however busily a client trickles; where nothing moves at all, the idle timeout ends it.
 *
 * Stopping: `active` counts requests from their first line on, `running` those that were received whole. Stop waits for
 * all that run, and GRACE seconds for those still being received; later ones are answered 503. */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/queue.h"
#include "http/http_int.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GRACE 10 /* seconds for a body that is still coming when the server stops */
#define HEAD_IDLES 2.0
#define BODY_SECONDS 600.0
#define ANSWER_SECONDS 300.0
#define CONNECTION_ROOM 65536 /* bytes of headers, and of one read */

struct lk_http {
    lk_http_options o;
    const lk_route *routes;
    size_t route_count;
    struct MHD_Daemon *daemon;
    lk_workers *workers;
    lk_linger *linger;
    lk_patience *patience;
    int listener, port, wake; /* wake ends the accept thread */
    pthread_t acceptor;
    bool accepting;
    atomic_size_t held; /* bytes of bodies in memory */
    atomic_int connections;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    size_t active, running;
    bool stopping, cut; /* no new requests; not even those being received */
};

/* ---- answers ---- */

static void fault(lk_request *r, int status, const char *sentence) {
    const lk_http *h = r->server;
    if (h->o.fault != NULL)
        h->o.fault(r, status, sentence, h->o.ctx);
    if (r->answer.status == 0)
        lk_respond(r, status, "text/plain; charset=utf-8", sentence, strlen(sentence));
}

static void busy(lk_request *r, const char *sentence) {
    lk_respond_header(r, "Retry-After", "1");
    fault(r, 503, sentence);
}

static void fault_error(lk_request *r, const liken_error *err) {
    if (err->code == LIKEN_E_MEMORY)
        busy(r, err->message);
    else
        fault(r, err->code == LIKEN_E_TOO_LARGE ? 413 : 400, err->message);
}

static bool stopping(lk_http *h) {
    pthread_mutex_lock(&h->lock);
    const bool now = h->stopping;
    pthread_mutex_unlock(&h->lock);
    return now;
}

static void allow(lk_http *h, struct MHD_Connection *connection, double seconds) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info != NULL)
        lk_patience_allow(h->patience, info->socket_context, seconds);
}

static double head_seconds(const lk_http *h) {
    return HEAD_IDLES * h->o.idle_timeout;
}

/* Hands the answer to libmicrohttpd. */
static enum MHD_Result send_answer(lk_request *r) {
    lk_answer *a = &r->answer;
    allow(r->server, r->connection, ANSWER_SECONDS);
    struct MHD_Response *response = a->body == NULL
                                        ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                                        : MHD_create_response_from_buffer_with_free_callback(a->size, a->body, free);
    if (response == NULL)
        return MHD_NO;
    a->body = NULL; /* the response's now */
    bool ok = MHD_add_response_header(response, "X-Request-Id", r->id) == MHD_YES;
    if (a->type != NULL)
        ok = ok && MHD_add_response_header(response, "Content-Type", a->type) == MHD_YES;
    for (size_t i = 0; i < a->header_count; i++)
        ok = ok && MHD_add_response_header(response, a->headers[i].name, a->headers[i].value) == MHD_YES;
    if (stopping(r->server))
        ok = ok && MHD_add_response_header(response, "Connection", "close") == MHD_YES;
    const enum MHD_Result rc = ok ? MHD_queue_response(r->connection, (unsigned)a->status, response) : MHD_NO;
    MHD_destroy_response(response);
    r->sent = rc == MHD_YES;
    return rc;
}

static int socket_of(const lk_request *r) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

/* The answer to a request whose body has yet to come. */
static enum MHD_Result refuse(lk_request *r) {
    const int fd = socket_of(r);
    r->linger = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return send_answer(r);
}

/* The answer to a request in the middle of its body; always MHD_NO, which ends the connection. */
static enum MHD_Result cut_off(lk_request *r) {
    const int fd = socket_of(r);
    size_t size = 0;
    LK_FREE char *text = lk_request_wire(r, &size);
    if (fd < 0 || text == NULL)
        return MHD_NO;
    const ssize_t n =
        send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT); /* nothing was sent before: it fits the buffer */
    r->sent = n == (ssize_t)size;
    r->linger = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return MHD_NO;
}

/* ---- the three moments of a request: headers, body, end ---- */

static bool declared_length(const lk_request *r, unsigned long long *length) {
    const char *text = lk_request_header(r, "Content-Length");
    if (text == NULL)
        return false;
    errno = 0;
    *length = strtoull(text, NULL, 10); /* libmicrohttpd has refused what is no number */
    return errno == 0;
}

static size_t body_limit(const lk_request *r) {
    const lk_route *found = r->routed.route;
    return found != NULL && found->max_body > 0 ? found->max_body : r->server->o.max_body;
}

static void fault_size(lk_request *r) {
    char sentence[128];
    (void)snprintf(sentence, sizeof sentence, "The request body is larger than the limit of %zu bytes.", body_limit(r));
    fault(r, 413, sentence);
}

static void admit_body(lk_request *r) {
    unsigned long long length = 0;
    const bool declared = declared_length(r, &length);
    r->has_body = length > 0 || lk_request_header(r, "Transfer-Encoding") != NULL;
    if (!r->has_body || r->answer.status != 0)
        return;
    if (declared && length > body_limit(r)) {
        fault_size(r);
        return;
    }
    const char *type = lk_request_header(r, "Content-Type");
    liken_error err = {0};
    if (lk_form_reads(type)) {
        if (lk_form_start(&r->form, r->connection, body_limit(r), &err) != LIKEN_OK)
            fault_error(r, &err);
    } else {
        lk_buf_init(&r->body, body_limit(r));
    }
}

static void route(lk_request *r) {
    lk_http *h = r->server;
    const char *framing = lk_framing_fault(r->connection);
    if (framing != NULL) {
        lk_respond_header(r, "Connection", "close"); /* whatever follows may be the rest of this one */
        fault(r, 400, framing);
        return;
    }
    if (r->fault.code != LIKEN_OK) {
        fault_error(r, &r->fault);
        return;
    }
    lk_route_find(&r->routed, &r->arena, h->routes, h->route_count, r->method, &r->target);
    const lk_route *found = r->routed.route;
    if (found == NULL && r->routed.allow[0] == '\0') {
        fault(r, 404, "There is nothing at this address.");
    } else if (found == NULL) {
        char sentence[160];
        lk_respond_header(r, "Allow", r->routed.allow);
        (void)snprintf(sentence, sizeof sentence, "This address does not answer that method; it answers %s.",
                       r->routed.allow);
        fault(r, 405, sentence);
    } else if (h->o.admit != NULL && !h->o.admit(r, found, h->o.ctx)) {
        if (r->answer.status == 0)
            fault(r, 403, "The request is not allowed.");
    } else if (found->heavy && lk_workers_waiting(h->workers) >= h->o.queue) {
        busy(r, "All workers are busy and the queue is full; try again in a moment.");
    }
}

static enum MHD_Result begin(lk_request *r, const char *method) {
    r->begun = true;
    allow(r->server, r->connection, INFINITY);
    (void)snprintf(r->method, sizeof r->method, "%s", method);
    if (stopping(r->server))
        busy(r, "The server is stopping; try again in a moment.");
    else
        route(r);
    admit_body(r); /* also where refused: whether a body comes decides how to answer */
    return r->answer.status != 0 && r->has_body ? refuse(r) : MHD_YES;
}

static enum MHD_Result receive(lk_request *r, const char *data, size_t size) {
    lk_http *h = r->server;
    liken_error err = {0};
    r->received += size;
    const size_t held = atomic_fetch_add(&h->held, size) + size;
    if (r->received > body_limit(r))
        fault_size(r);
    else if (held > h->o.max_memory)
        busy(r, "The server holds as many uploads as its memory allows; try again in a moment.");
    else if (lk_clock_monotonic() - r->started > BODY_SECONDS)
        fault(r, 408, "The request body took too long to arrive.");
    else if ((r->form != NULL ? lk_form_feed(r->form, data, size, &err) : lk_buf_append(&r->body, data, size, &err)) !=
             LIKEN_OK)
        fault_error(r, &err);
    return r->answer.status != 0 ? cut_off(r) : MHD_YES;
}

static void run_handler(lk_request *r) {
    r->routed.route->fn(r, r->server->o.ctx);
    if (r->answer.status == 0)
        fault(r, 500, "The server left this request without an answer; please report it.");
}

static void work(void *job, int worker) {
    (void)worker;
    lk_request *r = job;
    struct MHD_Connection *connection = r->connection;
    run_handler(r);
    atomic_store(&r->worked, true);
    MHD_resume_connection(connection);
}

/* Counts the request as one that will be finished; false when it came too late. */
static bool enter(lk_request *r) {
    lk_http *h = r->server;
    pthread_mutex_lock(&h->lock);
    r->running = !h->cut;
    h->running += r->running;
    pthread_mutex_unlock(&h->lock);
    return r->running;
}

static enum MHD_Result finish(lk_request *r) {
    liken_error err = {0};
    r->complete = true;
    if (r->answer.status == 0 && !enter(r))
        busy(r, "The server is stopping; try again in a moment.");
    if (r->answer.status == 0 && r->form != NULL && lk_form_finish(r->form, &err) != LIKEN_OK)
        fault_error(r, &err);
    if (r->answer.status == 0 && r->routed.route->heavy) {
        MHD_suspend_connection(r->connection);
        if (lk_workers_push(r->server->workers, r))
            return MHD_YES; /* from here on the request is the worker's, until it resumes the connection */
        MHD_resume_connection(r->connection);
        busy(r, "All workers are busy and the queue is full; try again in a moment.");
        return MHD_YES; /* called again after the resumption */
    }
    if (r->answer.status == 0)
        run_handler(r);
    return send_answer(r);
}

static enum MHD_Result access_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                      const char *version, const char *data, size_t *size, void **state) {
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    lk_request *r = *state;
    if (r == NULL)
        return MHD_NO; /* there was no memory to make it */
    if (!r->begun)
        return begin(r, method);
    if (*size > 0) {
        const size_t n = *size;
        *size = 0;
        return receive(r, data, n);
    }
    if (!r->complete)
        return finish(r);
    (void)atomic_load(&r->worked); /* libmicrohttpd orders the two threads by itself, but promises it nowhere */
    return send_answer(r);
}

static void *request_line(void *cls, const char *target, struct MHD_Connection *connection) {
    lk_http *h = cls;
    lk_request *r = lk_request_make(h, connection, target);
    if (r == NULL)
        return NULL;
    pthread_mutex_lock(&h->lock);
    h->active++;
    pthread_mutex_unlock(&h->lock);
    return r;
}

static void completed(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how) {
    (void)how;
    lk_http *h = cls;
    lk_request *r = *state;
    *state = NULL;
    allow(h, connection, head_seconds(h)); /* of the next request */
    if (r == NULL)
        return;
    if (h->o.done != NULL)
        h->o.done(r, r->sent ? r->answer.status : 0, lk_clock_monotonic() - r->started, h->o.ctx);
    if (r->linger >= 0)
        lk_linger_take(h->linger, r->linger);
    r->linger = -1;
    atomic_fetch_sub(&h->held, r->received);
    const bool ran = r->running;
    lk_request_free(r);
    pthread_mutex_lock(&h->lock);
    h->active--;
    h->running -= ran;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static void connection_changed(void *cls, struct MHD_Connection *connection, void **watch,
                               enum MHD_ConnectionNotificationCode what) {
    lk_http *h = cls;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *watch = info == NULL ? NULL : lk_patience_watch(h->patience, info->connect_fd, head_seconds(h));
        return;
    }
    lk_patience_drop(h->patience, *watch);
    *watch = NULL;
    atomic_fetch_sub(&h->connections, 1);
}

/* ---- accepting ---- */

static void turn_away(lk_http *h, int fd) {
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 51\r\n\r\n"
                                 "The server has too many connections; try again soon";
    if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 && shutdown(fd, SHUT_WR) == 0)
        lk_linger_take(h->linger, fd);
    else
        close(fd);
}

static void accept_one(lk_http *h) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    const int fd = accept4(h->listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            (void)poll(NULL, 0, 50); /* nothing to accept with; give running requests time to end */
        return;
    }
    if (atomic_load(&h->connections) >= h->o.max_connections) {
        turn_away(h, fd);
        return;
    }
    atomic_fetch_add(&h->connections, 1);
    if (MHD_add_connection(h->daemon, fd, (struct sockaddr *)&address, size) != MHD_YES)
        atomic_fetch_sub(&h->connections, 1); /* which has closed the socket */
}

static void *accept_all(void *arg) {
    lk_http *h = arg;
    for (;;) {
        struct pollfd polls[2] = {{.fd = h->listener, .events = POLLIN}, {.fd = h->wake, .events = POLLIN}};
        (void)poll(polls, 2,
                   atomic_load(&h->connections) > 0 ? 1000 : -1); /* a failed poll is an early look, no more */
        lk_patience_sweep(h->patience);
        if (polls[1].revents != 0)
            return NULL;
        if (polls[0].revents != 0)
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

static int listen_on(lk_http *h, liken_error *err) {
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

/* ---- starting and stopping ---- */

static void set_defaults(lk_http_options *o) {
    o->address = o->address != NULL ? o->address : "127.0.0.1";
    o->threads = o->threads > 0 ? o->threads : 4;
    o->workers = o->workers > 0 ? o->workers : lk_cpu_count();
    o->queue = o->queue > 0 ? o->queue : 64;
    o->max_body = o->max_body > 0 ? o->max_body : (size_t)64 << 20;
    o->max_memory = o->max_memory > 0 ? o->max_memory : 8 * o->max_body;
    o->idle_timeout = o->idle_timeout > 0 ? o->idle_timeout : 30;
    o->max_connections = o->max_connections > 0 ? o->max_connections : 1024;
}

static int start_daemon(lk_http *h, liken_error *err) {
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, h->o.threads, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, h->o.idle_timeout, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, h->o.max_connections + h->o.threads, NULL}, /* ours is reached first */
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_ROOM, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)request_line, h},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, h},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)connection_changed, h},
        {MHD_OPTION_END, 0, NULL}};
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET;
    h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, access_request, h, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    return h->daemon != NULL
               ? LIKEN_OK
               : lk_fail_errno(err, LIKEN_E_MEMORY, errno, "The server's connection threads could not be started");
}

static int start_accepting(lk_http *h, liken_error *err) {
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->wake < 0)
        return lk_fail_errno(err, LIKEN_E_IO, errno, "The server could not make an event descriptor");
    const int failed = pthread_create(&h->acceptor, NULL, accept_all, h);
    if (failed != 0)
        return lk_fail_errno(err, LIKEN_E_MEMORY, failed, "The server could not start a thread");
    h->accepting = true;
    return LIKEN_OK;
}

int lk_http_start(lk_http **out, const lk_http_options *options, const lk_route *routes, size_t count,
                  liken_error *err) {
    lk_http *h = calloc(1, sizeof *h);
    if (h == NULL)
        return lk_fail_memory(err);
    h->o = *options;
    set_defaults(&h->o);
    h->routes = routes;
    h->route_count = count;
    h->listener = h->wake = -1;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->changed, NULL);
    int rc = listen_on(h, err);
    if (rc == LIKEN_OK)
        rc = lk_patience_make(&h->patience, err);
    if (rc == LIKEN_OK)
        rc = lk_workers_start(&h->workers, "liken-work", h->o.workers, h->o.queue, work, err);
    if (rc == LIKEN_OK)
        rc = lk_linger_start(&h->linger, err);
    if (rc == LIKEN_OK)
        rc = start_daemon(h, err);
    if (rc == LIKEN_OK)
        rc = start_accepting(h, err);
    if (rc != LIKEN_OK) {
        lk_http_stop(h);
        return rc;
    }
    *out = h;
    return LIKEN_OK;
}

int lk_http_port(const lk_http *h) {
    return h->port;
}

size_t lk_http_waiting(lk_http *h) {
    return lk_workers_waiting(h->workers);
}

static void stop_accepting(lk_http *h) {
    if (h->accepting) {
        const uint64_t one = 1;
        if (write(h->wake, &one, sizeof one) < 0)
            return; /* cannot be: the counter starts at zero */
        pthread_join(h->acceptor, NULL);
    }
    if (h->listener >= 0)
        close(h->listener);
    if (h->wake >= 0)
        close(h->wake);
}

/* Waits for every request that will be finished. */
static void settle(lk_http *h) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += GRACE;
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    while (h->active > 0 && pthread_cond_timedwait(&h->changed, &h->lock, &until) == 0)
        continue;
    h->cut = true;
    while (h->running > 0) {
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        (void)pthread_cond_timedwait(&h->changed, &h->lock, &until);
        lk_patience_sweep(h->patience);
    }
    pthread_mutex_unlock(&h->lock);
}

void lk_http_stop(lk_http *h) {
    if (h == NULL)
        return;
    stop_accepting(h);
    settle(h);
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    lk_workers_free(h->workers);
    lk_linger_free(h->linger);
    lk_patience_free(h->patience);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
