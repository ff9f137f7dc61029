/* send.c - handing answers over.
 *
 * A refusal before the body goes through libmicrohttpd; in the middle of a body it takes no answer, so that one is
 * written to the socket by hand. In both cases the socket lingers (linger.c) so that the answer arrives. */
#include "http/http_int.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SECONDS 300.0

void lk_http_fault(lk_request *r, int status, const char *sentence) {
    const lk_http *h = r->server;
    if (h->o.fault != NULL)
        h->o.fault(r, status, sentence, h->o.ctx);
    if (r->answer.status == 0)
        lk_respond(r, status, "text/plain; charset=utf-8", sentence, strlen(sentence));
}

void lk_http_busy(lk_request *r, const char *sentence) {
    lk_respond_header(r, "Retry-After", "1");
    lk_http_fault(r, 503, sentence);
}

void lk_http_fault_error(lk_request *r, const liken_error *err) {
    if (err->code == LIKEN_E_MEMORY)
        lk_http_busy(r, err->message);
    else
        lk_http_fault(r, err->code == LIKEN_E_TOO_LARGE ? 413 : 400, err->message);
}

bool lk_http_stopping(lk_http *h) {
    pthread_mutex_lock(&h->lock);
    const bool now = h->stopping;
    pthread_mutex_unlock(&h->lock);
    return now;
}

bool lk_http_cut(lk_http *h) {
    pthread_mutex_lock(&h->lock);
    const bool now = h->cut;
    pthread_mutex_unlock(&h->lock);
    return now;
}

lk_watch *lk_http_watch(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* The body is the response's then. */
static struct MHD_Response *response_of(lk_answer *a) {
    void *bytes = (void *)(uintptr_t)a->body.bytes; /* libmicrohttpd does not write to them */
    if (a->release == NULL)
        return MHD_create_response_from_buffer(a->body.size, bytes, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(a->body.size, bytes, a->release, a->owner);
    if (response != NULL)
        a->release = NULL;
    return response;
}

enum MHD_Result lk_http_send(lk_request *r) {
    lk_answer *a = &r->answer;
    lk_patience_at(r->server->patience, r->watch, LK_STAGE_ANSWER, ANSWER_SECONDS);
    struct MHD_Response *response = r->flow != NULL ? lk_streams_response(r) : response_of(a);
    if (response == NULL)
        return MHD_NO;
    bool ok = MHD_add_response_header(response, "X-Request-Id", r->id) == MHD_YES &&
              MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    if (a->type != NULL)
        ok = ok && MHD_add_response_header(response, "Content-Type", a->type) == MHD_YES;
    for (size_t i = 0; i < a->header_count; i++)
        ok = ok && MHD_add_response_header(response, a->headers[i].name, a->headers[i].value) == MHD_YES;
    if (lk_http_stopping(r->server))
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

enum MHD_Result lk_http_refuse(lk_request *r) {
    const int fd = socket_of(r);
    r->linger = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return lk_http_send(r);
}

enum MHD_Result lk_http_cut_off(lk_request *r) {
    const int fd = socket_of(r);
    size_t size = 0;
    LK_FREE char *text = lk_request_wire(r, &size);
    if (fd < 0 || text == NULL)
        return MHD_NO;
    r->sent = r->server->tls != NULL /* nothing was sent before: it fits the buffer */
                  ? lk_tls_send(r->connection, text, size)
                  : send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)size;
    r->linger = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return MHD_NO;
}
