/* receive.c - the three moments of a request: headers, body, end.
 *
 * libmicrohttpd calls `access` once with the headers, then for every piece of the body, then once more at its end;
 * `completed` ends a request however it went.
 *
 * A body is counted as it comes: per request (max_body), over all (held against max_memory), and per address, which may
 * hold half of that; forms by parts as well. GET, HEAD and DELETE have no use for one (RFC 9110, 9.3): theirs is
 * dropped, so that what anybody may ask costs no memory. */
#include "base/clock.h"
#include "http/http_int.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_SECONDS 600.0 /* told with 408 when a piece comes later; without one, patience ends it soon after */
#define IDLE_BODY 65536    /* bytes of a body that nobody asked for; they are read and dropped */

static bool declared_length(const lk_request *r, unsigned long long *length) {
    const char *text = lk_request_header(r, "Content-Length");
    if (text == NULL)
        return false;
    errno = 0;
    *length = strtoull(text, NULL, 10); /* libmicrohttpd has refused what is no number */
    return errno == 0;
}

static bool keeps_body(const lk_route *route) {
    return strcmp(route->method, "GET") != 0 && strcmp(route->method, "DELETE") != 0;
}

static bool is_json(const lk_request *r) {
    return lk_request_is(r, "application/json");
}

static size_t json_limit(const lk_http_options *o, size_t most) {
    return o->max_json > 0 && o->max_json < most ? o->max_json : most;
}

static size_t body_limit(const lk_request *r) {
    const lk_route *found = r->routed.route;
    if (found != NULL && !keeps_body(found))
        return IDLE_BODY;
    const lk_http_options *o = &r->server->o;
    const size_t most = found != NULL && found->max_body > 0 ? found->max_body : o->max_body;
    if (!is_json(r))
        return most;
    return found != NULL && found->max_json > 0 ? found->max_json : json_limit(o, most);
}

static void fault_size(lk_request *r) {
    char sentence[128];
    (void)snprintf(sentence, sizeof sentence, "The request body is larger than the limit of %zu bytes.", body_limit(r));
    r->broken = body_limit(r);
    lk_http_fault(r, 413, sentence);
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
    if (!keeps_body(r->routed.route))
        return;
    const lk_http_options *o = &r->server->o;
    const char *type = lk_request_header(r, "Content-Type");
    const size_t limit = body_limit(r);
    liken_error err = {0};
    if (!lk_form_reads(type) && !(is_json(r) && r->routed.route->max_json > 0))
        lk_buf_init(&r->body, limit);
    else if (lk_form_start(&r->form, type, o->files, limit, json_limit(o, limit), &err) != LIKEN_OK)
        lk_http_fault_error(r, &err);
}

static bool answers_options(lk_request *r) {
    const lk_http_options *o = &r->server->o;
    if (o->options != NULL && strcmp(r->method, "OPTIONS") == 0)
        o->options(r, r->routed.allow, o->ctx);
    return r->answer.status != 0;
}

static void route(lk_request *r, const char *method, const char *version) {
    lk_http *h = r->server;
    const char *framing = lk_framing_fault(r, method, version);
    if (framing != NULL) {
        lk_respond_header(r, "Connection", "close"); /* whatever follows may be the rest of this one */
        lk_http_fault(r, 400, framing);
        return;
    }
    if (r->fault.code != LIKEN_OK) {
        lk_respond_header(r, "Connection", "close");
        lk_http_fault_error(r, &r->fault);
        return;
    }
    lk_route_find(&r->routed, &r->arena, h->routes, h->route_count, r->method, &r->target);
    const lk_route *found = r->routed.route;
    if (found == NULL && r->routed.allow[0] == '\0') {
        lk_http_fault(r, 404, "There is nothing at this address.");
    } else if (found == NULL && !answers_options(r)) {
        char sentence[160];
        lk_respond_header(r, "Allow", r->routed.allow);
        (void)snprintf(sentence, sizeof sentence, "This address does not answer that method; it answers %s.",
                       r->routed.allow);
        lk_http_fault(r, 405, sentence);
    }
}

/* False while another thread is asked whether the request may go on; begin is called again then. */
static bool admit(lk_request *r) {
    const lk_http *h = r->server;
    if (h->o.glance == NULL || r->answer.status != 0)
        return true;
    const lk_glance may = h->o.glance(r, r->routed.route, h->o.ctx);
    if (may == LK_MAY_NOT && r->answer.status == 0)
        lk_http_fault(r, 403, "The request is not allowed.");
    if (may != LK_NOT_SURE)
        return true;
    if (!lk_lanes_enter(r)) { /* a request on another thread has to be waited for when the server stops */
        lk_http_busy(r, "The server is stopping; try again in a moment.");
        return true;
    }
    r->asked = true;
    lk_lanes_ask(r);
    return false;
}

static enum MHD_Result begin(lk_request *r, const char *method, const char *version) {
    if (r->asked || r->held_back) {
        (void)atomic_load(&r->worked);
        lk_lanes_leave(r);
        if (lk_request_gone(r))
            return MHD_NO;
    } else {
        lk_patience_at(r->server->patience, r->watch, LK_STAGE_BODY, BODY_SECONDS + r->server->o.idle_timeout);
        if (strcmp(version, MHD_HTTP_VERSION_1_1) == 0 && r->server->tls == NULL)
            lk_patience_skips_continue(r->server->patience, r->watch);
        (void)snprintf(r->method, sizeof r->method, "%s", method);
        lk_request_find_client(r);
        if (r->server->o.begin != NULL)
            r->server->o.begin(r, r->server->o.ctx);
        if (lk_http_stopping(r->server))
            lk_http_busy(r, "The server is stopping; try again in a moment.");
        else
            route(r, method, version);
        if (!admit(r))
            return MHD_YES;
    }
    if (lk_late_hold(r->server->late, r))
        return MHD_YES; /* begin is called again */
    r->begun = true;
    admit_body(r); /* also where refused: whether a body comes decides how to answer */
    if (r->answer.status == 0)
        lk_lanes_check(r);
    return r->answer.status != 0 && r->has_body ? lk_http_refuse(r) : MHD_YES;
}

/* Counts what a request keeps; false when it is too much. A request that is its address's only one may be as large as
 * any. */
static bool hold(lk_request *r, size_t size) {
    lk_http *h = r->server;
    lk_peer *peer = lk_patience_peer(r->watch);
    r->held += size;
    const size_t all = atomic_fetch_add(&h->held, size) + size;
    const size_t theirs = peer == NULL ? r->held : atomic_fetch_add(&peer->held, size) + size;
    return all <= h->o.max_memory && (theirs <= h->o.max_memory / 2 || theirs <= r->held);
}

static void let_go(lk_request *r) {
    lk_peer *peer = lk_patience_peer(r->watch);
    atomic_fetch_sub(&r->server->held, r->held);
    if (peer != NULL)
        atomic_fetch_sub(&peer->held, r->held);
}

/* What the body begins with may tell what it is, where that is not what its type says. */
static void note_start(lk_request *r, const char *data, size_t size) {
    const size_t room = sizeof r->start - r->start_size, n = size < room ? size : room;
    memcpy(r->start + r->start_size, data, n);
    r->start_size += n;
}

static enum MHD_Result receive(lk_request *r, const char *data, size_t size) {
    liken_error err = {0};
    lk_patience_moved(r->server->patience, r->watch);
    r->received += size;
    note_start(r, data, size);
    if (r->received > body_limit(r))
        fault_size(r);
    else if (lk_clock_monotonic() - r->started > BODY_SECONDS)
        lk_http_fault(r, 408, "The request body took too long to arrive.");
    else if (!keeps_body(r->routed.route))
        return MHD_YES;
    else if (!hold(r, size))
        lk_http_busy(r, "The server holds as many uploads as its memory allows; try again in a moment.");
    else if ((r->form != NULL ? lk_form_feed(r->form, data, size, &err) : lk_buf_append(&r->body, data, size, &err)) !=
             LIKEN_OK)
        lk_http_fault_error(r, &err);
    return r->answer.status != 0 ? lk_http_cut_off(r) : MHD_YES;
}

static enum MHD_Result finish(lk_request *r) {
    liken_error err = {0};
    r->complete = true;
    lk_patience_at(r->server->patience, r->watch, LK_STAGE_WORK, INFINITY);
    if (r->answer.status == 0 && !lk_lanes_enter(r))
        lk_http_busy(r, "The server is stopping; try again in a moment.");
    if (r->answer.status == 0 && r->form != NULL && lk_form_finish(r->form, &err) != LIKEN_OK)
        lk_http_fault_error(r, &err);
    return r->answer.status == 0 ? lk_lanes_run(r) : lk_http_send(r);
}

enum MHD_Result lk_http_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *data, size_t *size, void **state) {
    (void)cls;
    (void)connection;
    (void)url;
    lk_request *r = *state;
    if (r == NULL)
        return MHD_NO; /* there was no memory to make it */
    if (!r->begun)
        return begin(r, method, version);
    if (*size > 0) {
        const size_t n = *size;
        *size = 0;
        return receive(r, data, n);
    }
    if (!r->complete)
        return finish(r);
    (void)atomic_load(&r->worked); /* libmicrohttpd orders the two threads by itself, but promises it nowhere */
    return lk_request_gone(r) ? MHD_NO : lk_http_send(r);
}

void *lk_http_request_line(void *cls, const char *target, struct MHD_Connection *connection) {
    lk_http *h = cls;
    lk_request *r = lk_request_make(h, connection, target);
    if (r == NULL)
        return NULL;
    lk_patience_moved(h->patience, r->watch);
    pthread_mutex_lock(&h->lock);
    h->active++;
    pthread_mutex_unlock(&h->lock);
    return r;
}

/* For want of a key, or since it came too often. */
static bool is_turned_away(int status) {
    return status == 401 || status == 403 || status == 429;
}

void lk_http_completed(void *cls, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode how) {
    (void)how;
    lk_http *h = cls;
    lk_request *r = *state;
    *state = NULL;
    lk_patience_at(h->patience, lk_http_watch(connection), LK_STAGE_HEAD, lk_http_head_seconds(h)); /* of the next */
    if (r == NULL)
        return;
    if (h->o.done != NULL)
        h->o.done(r, r->sent ? r->answer.status : 0, (r->first > 0 ? r->first : lk_clock_monotonic()) - r->started,
                  h->o.ctx);
    if (r->linger >= 0)
        lk_linger_take(h->linger, r->linger, is_turned_away(r->answer.status));
    r->linger = -1;
    let_go(r);
    const bool ran = r->running;
    lk_request_free(r);
    pthread_mutex_lock(&h->lock);
    h->active--;
    h->running -= ran;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}
