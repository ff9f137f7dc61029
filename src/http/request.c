/* request.c - one request: what its handler reads and the answer it leaves. Nothing here sends; send.c does. */
#include "base/clock.h"
#include "base/crypto.h"
#include "http/http_int.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static void note_peer(lk_request *r) {
    const union MHD_ConnectionInfo *info =
        r->connection == NULL ? NULL : MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info == NULL ? NULL : info->client_addr;
    memcpy(r->peer, "unknown", sizeof "unknown");
    if (address == NULL || (address->sa_family != AF_INET && address->sa_family != AF_INET6))
        return;
    lk_address_of(address, r->client);
    lk_address_format(r->client, r->peer, sizeof r->peer);
}

lk_request *lk_request_make(lk_http *server, struct MHD_Connection *connection, const char *target) {
    lk_request *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->server = server;
    r->connection = connection;
    r->linger = -1;
    r->started = lk_clock_monotonic();
    lk_random_hex(16, r->id);
    note_peer(r);
    r->watch = connection == NULL ? NULL : lk_http_watch(connection);
    r->raw = target;
    r->raw_size = strlen(target);
    (void)lk_target_parse(&r->target, &r->arena, lk_target_below(target, server == NULL ? NULL : server->o.base_path),
                          &r->fault); /* which remembers */
    return r;
}

void lk_request_free(lk_request *r) {
    if (r == NULL)
        return;
    if (r->linger >= 0)
        close(r->linger);
    lk_answer_drop(&r->answer);
    lk_streams_close(r);
    lk_form_free(r->form);
    lk_buf_free(&r->body);
    lk_arena_free(&r->arena);
    free(r);
}

/* ---- reading ---- */

const char *lk_request_method(const lk_request *r) {
    return r->method;
}

const char *lk_request_path(const lk_request *r) {
    return r->target.path;
}

lk_http *lk_request_server(const lk_request *r) {
    return r->server;
}

void *lk_request_ctx(const lk_request *r) {
    return r->server->o.ctx;
}

void *lk_request_note(lk_request *r, size_t size) {
    if (r->note == NULL)
        r->note = lk_arena_alloc(&r->arena, size);
    return r->note;
}

const lk_route *lk_request_route(const lk_request *r) {
    return r->routed.route;
}

size_t lk_request_broken(const lk_request *r) {
    return r->broken;
}

static const char *find(const lk_pair *pairs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *lk_request_param(const lk_request *r, const char *name) {
    return find(r->routed.params, r->routed.param_count, name);
}

const char *lk_request_query(const lk_request *r, const char *name) {
    return find(r->target.queries, r->target.query_count, name);
}

bool lk_request_query_at(const lk_request *r, size_t i, const char **name, const char **value) {
    if (i >= r->target.query_count)
        return false;
    *name = r->target.queries[i].name;
    *value = r->target.queries[i].value;
    return true;
}

const char *lk_request_header(const lk_request *r, const char *name) {
    const char *value = NULL;
    size_t size = 0;
    if (r->connection == NULL ||
        MHD_lookup_connection_value_n(r->connection, MHD_HEADER_KIND, name, strlen(name), &value, &size) != MHD_YES)
        return NULL;
    return value != NULL && strlen(value) == size ? value
                                                  : NULL; /* a value with a NUL inside is not taken for its start */
}

struct each {
    const char *name;
    void (*fn)(const char *value, void *ctx);
    void *ctx;
};

static enum MHD_Result pass_value(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                  const char *value, size_t size) {
    (void)kind;
    (void)name_size;
    const struct each *e = cls;
    if (value != NULL && strlen(value) == size && strcasecmp(name, e->name) == 0)
        e->fn(value, e->ctx);
    return MHD_YES;
}

void lk_request_each(const lk_request *r, const char *name, void (*fn)(const char *value, void *ctx), void *ctx) {
    struct each e = {name, fn, ctx};
    if (r->connection != NULL)
        (void)MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, pass_value, &e);
}

bool lk_request_is(const lk_request *r, const char *media_type) {
    return lk_media_is(lk_request_header(r, "Content-Type"), media_type);
}

bool lk_request_gone(const lk_request *r) {
    return lk_patience_gone(r->watch);
}

const char *lk_request_peer(const lk_request *r) {
    return r->peer;
}

void lk_request_address(const lk_request *r, uint8_t out[16]) {
    memcpy(out, r->client, 16);
    lk_address_mask(out);
}

const char *lk_request_id(const lk_request *r) {
    return r->id;
}

const lk_part *lk_request_part(const lk_request *r, const char *name) {
    for (size_t i = 0; i < lk_form_count(r->form); i++)
        if (strcmp(lk_form_at(r->form, i)->name, name) == 0)
            return lk_form_at(r->form, i);
    return NULL;
}

size_t lk_request_part_count(const lk_request *r) {
    return lk_form_count(r->form);
}

const lk_part *lk_request_part_at(const lk_request *r, size_t i) {
    return lk_form_at(r->form, i);
}

bool lk_request_has_body(const lk_request *r) {
    return r->has_body;
}

const void *lk_request_body(const lk_request *r, size_t *size) {
    if (r->form != NULL)
        return lk_form_json(r->form, size);
    *size = r->body.size;
    return r->body.data;
}

const void *lk_request_start(const lk_request *r, size_t *size) {
    *size = r->start_size;
    return r->start;
}

const char *lk_request_blamed(const lk_request *r) {
    return r->form == NULL ? NULL : lk_form_blamed(r->form);
}

/* ---- answering ---- */

void lk_respond_header(lk_request *r, const char *name, const char *value) {
    lk_answer *a = &r->answer;
    const char *kept = lk_arena_string(&r->arena, value);
    if (kept != NULL && a->header_count < LK_ANSWER_HEADERS)
        a->headers[a->header_count++] = (lk_pair){name, kept};
}

void lk_respond(lk_request *r, int status, const char *content_type, const void *body, size_t size) {
    lk_answer *a = &r->answer;
    if (a->status != 0)
        return; /* the first answer counts */
    char *copy = malloc(size + 1);
    if (copy != NULL && size > 0)
        memcpy(copy, body, size);
    a->body = (lk_bytes){copy, copy == NULL ? 0 : size};
    a->release = free;
    a->owner = copy;
    a->type = lk_arena_string(&r->arena, content_type);
    a->status = copy == NULL ? 503 : status; /* out of memory for the answer itself */
}

void lk_answer_drop(lk_answer *a) {
    if (a->release != NULL)
        a->release(a->owner);
    a->release = NULL;
    a->body = (lk_bytes){0};
}

char *lk_request_wire(const lk_request *r, size_t *size) {
    const lk_answer *a = &r->answer;
    lk_buf b;
    lk_buf_init(&b, a->body.size + 65536);
    int rc = lk_buf_format(&b, NULL,
                           "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\nX-Request-Id: %s\r\n"
                           "X-Content-Type-Options: nosniff\r\n",
                           a->status, MHD_get_reason_phrase_for((unsigned)a->status), a->body.size, r->id);
    if (rc == LIKEN_OK && a->type != NULL)
        rc = lk_buf_format(&b, NULL, "Content-Type: %s\r\n", a->type);
    for (size_t i = 0; rc == LIKEN_OK && i < a->header_count; i++)
        rc = lk_buf_format(&b, NULL, "%s: %s\r\n", a->headers[i].name, a->headers[i].value);
    if (rc == LIKEN_OK)
        rc = lk_buf_string(&b, "\r\n", NULL);
    if (rc == LIKEN_OK)
        rc = lk_buf_append(&b, a->body.bytes, a->body.size, NULL);
    char *text = rc == LIKEN_OK ? lk_buf_steal(&b, size) : NULL;
    lk_buf_free(&b);
    return text;
}
