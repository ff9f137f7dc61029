/* events.c - GET /v1/collections/{c}/events: what happened, a page at a time, or as it happens (server-sent events).
 *
 * A stream is a reader of pages that is asked again whenever something may have come (follow.c), and told each time
 * only while the key with which it was opened still may. Each event carries its number as the stream's id, so a client
 * that lost its connection goes on where it was (Last-Event-ID). */
#include "api/api_int.h"
#include "base/buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SSE "text/event-stream"
#define STREAM_PAGE 100        /* events that a stream holds at a time */
#define TEXT_CEILING (1 << 20) /* of those, as text */
#define BEAT ":\n\n"           /* a comment: clients skip it */
#define BEAT_SECONDS 15

/* Does the client ask for a stream, rather than for a page? */
static bool wants_stream(const lk_request *r) {
    const char *accept = lk_request_header(r, "Accept");
    for (const char *p = accept == NULL ? "" : accept; *p != '\0'; p += *p == ',') {
        p += strspn(p, " \t");
        if (strncasecmp(p, SSE, sizeof SSE - 1) == 0 && strchr(" \t,;", p[sizeof SSE - 1]) != NULL)
            return lk_http_weight(p + sizeof SSE - 1) > 0;
        p += strcspn(p, ",");
    }
    return false;
}

/* Who did it is for those who administer. */
static bool tells_actors(const lk_ask *q) {
    return q->key == NULL || lk_key_allows(q->key, LK_SCOPE_ADMIN, q->collection);
}

static void answer_page(const lk_ask *q, const liken_event_list *page) {
    json_t *events = json_array();
    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(events, lk_json_event(&page->events[i], tells_actors(q)));
    lk_answer_json(q->request, 200,
                   json_pack("{s:o, s:I, s:b}", "events", events, "next", (json_int_t)page->next, "more", page->more));
}

/* ---- as it happens ---- */

struct tail {
    lk_api *api;
    lk_request *request;
    char *collection;
    bool actors;
    int64_t after;
    lk_buf text; /* made of the last page, of which so much is taken: */
    size_t taken;
    bool over; /* nothing comes behind the text */
};

static void tail_free(void *cls) {
    struct tail *t = cls;
    if (t == NULL)
        return;
    lk_buf_free(&t->text);
    free(t->collection);
    free(t);
}

static int write_event(struct tail *t, const liken_event *event, liken_error *err) {
    json_t *json = lk_json_event(event, t->actors);
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    if (line == NULL)
        return lk_fail_memory(err);
    return lk_buf_format(&t->text, err, "id: %lld\nevent: %s\ndata: %s\n\n", (long long)event->number,
                         liken_event_code(event->kind), line);
}

static int write_page(struct tail *t, const liken_event_list *page, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < page->count; i++)
        rc = write_event(t, &page->events[i], err);
    t->after = page->next;
    return rc;
}

/* The last thing that a stream says: why it ends. A client that opens it anew gets the same as a problem. */
static void write_end(struct tail *t, const liken_error *err) {
    json_t *json =
        json_pack("{s:s, s:s}", "code", err->code == LIKEN_E_GONE ? "gone" : "not_found", "detail", err->message);
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    t->over = line == NULL || lk_buf_format(&t->text, NULL, "event: end\ndata: %s\n\n", line) == LIKEN_OK;
}

/* Makes the text of what happened since; none when nothing did. */
static int read_on(struct tail *t, liken_error *err) {
    liken_event_list *page = NULL;
    liken_call call = LIKEN_CALL_INIT;
    call.request_id = lk_request_id(t->request);
    lk_buf_clear(&t->text);
    t->taken = 0;
    int rc = LIKEN_OK;
    bool more = true;
    while (rc == LIKEN_OK && more && t->text.size == 0) {
        rc = liken_events_after(t->api->lk, &call, t->collection, t->after, STREAM_PAGE, &page, err);
        if (rc == LIKEN_OK)
            rc = write_page(t, page, err);
        more = rc == LIKEN_OK && page->more;
        liken_event_list_free(page);
        page = NULL;
    }
    return rc;
}

static lk_streamed next(void *cls, void *to, size_t room, size_t *size) {
    struct tail *t = cls;
    liken_error err = {0};
    if (t->taken == t->text.size && !t->over) {
        if (!lk_guard_still_may(t->api, t->request))
            return LK_STREAM_END;
        const int rc = read_on(t, &err);
        if (rc == LIKEN_E_NOT_FOUND || rc == LIKEN_E_GONE)
            write_end(t, &err);
        else if (rc != LIKEN_OK)
            return LK_STREAM_FAILED;
    }
    const size_t left = t->text.size - t->taken;
    if (left == 0)
        return t->over ? LK_STREAM_END : LK_STREAM_NOTHING_YET;
    *size = left < room ? left : room;
    memcpy(to, t->text.data + t->taken, *size);
    t->taken += *size;
    return LK_STREAM_MORE;
}

static int open_tail(const lk_ask *q, const liken_event_list *page, struct tail **out, liken_error *err) {
    struct tail *t = calloc(1, sizeof *t);
    if (t == NULL)
        return lk_fail_memory(err);
    *t = (struct tail){.api = q->api, .request = q->request, .actors = tells_actors(q)};
    lk_buf_init(&t->text, TEXT_CEILING);
    t->collection = strdup(q->collection);
    const int rc = t->collection == NULL ? lk_fail_memory(err) : write_page(t, page, err);
    if (rc == LIKEN_OK)
        *out = t;
    else
        tail_free(t);
    return rc;
}

static void answer_stream(const lk_ask *q, const liken_event_list *page) {
    liken_error err = {0};
    struct tail *t = NULL;
    if (open_tail(q, page, &t, &err) != LIKEN_OK) {
        lk_answer_error(q->request, &err);
        return;
    }
    lk_respond_header(q->request, "Cache-Control", "no-store");
    lk_respond_header(q->request, "X-Accel-Buffering", "no"); /* nginx hands events on at once then */
    lk_respond_stream(q->request, &(lk_stream){.type = SSE,
                                               .next = next,
                                               .lane = LK_LANE_STORE,
                                               .close = tail_free,
                                               .cls = t,
                                               .beat = BEAT,
                                               .beat_seconds = BEAT_SECONDS});
}

/* Where to begin: where the lost connection was, else `after`, else now. */
static int64_t beginning(lk_args *a) {
    const char *last = lk_request_header(a->request, "Last-Event-ID");
    if (last == NULL || *last == '\0')
        return lk_args_has(a, "after") ? lk_args_whole(a, "after") : LIKEN_EVENTS_NOW;
    errno = 0;
    const long long number = strtoll(last, NULL, 10);
    if (strspn(last, "0123456789") != strlen(last) || errno != 0)
        lk_args_fail(a, LIKEN_E_ARG, NULL, "Last-Event-ID is not the number of an event, a whole number from 0 on.");
    return number;
}

void lk_events(lk_ask *q) {
    liken_error err = {0};
    liken_event_list *page = NULL;
    const bool stream = wants_stream(q->request);
    const int64_t after = beginning(&q->args);
    const int limit = stream ? STREAM_PAGE : (int)lk_args_whole(&q->args, "limit");
    if (lk_args_refused(&q->args))
        return;
    if (liken_events_after(q->api->lk, &q->call, q->collection, after, limit, &page, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else if (stream)
        answer_stream(q, page);
    else
        answer_page(q, page);
    liken_event_list_free(page);
}
