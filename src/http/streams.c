/* streams.c - answers that come bit by bit: events as they happen, downloads that nobody wants in memory whole.
 *
 *   libmicrohttpd has sent what it had --> read --> source.next, here (LK_LANE_AT_ONCE)
 *                                               \-> suspended, a lane's queue --> source.next --> resumed
 *   nothing yet  --> suspended, in the ring of those that wait --> resumed by a wake, or by the thread below
 *
 * A source is asked only when the last bytes have left for the client, and never for more than one buffer: a client
 * that reads slowly costs its buffer and its connection, not a thread, and a lane's thread is the stream's only while
 * `next` runs. One that takes nothing is ended by patience.c, as one that does not take any other answer.
 *
 * Whose a stream is: the connection's thread's while read runs, the lane's from the suspension until it resumes the
 * connection or puts the stream into the ring, and the ring's (under the lock) until somebody takes it out and resumes
 * the connection. A wake must not fall between a source that says "nothing yet" and the ring: wakes are counted, and
 * who waits compares.
 *
 * One thread looks after the ring while there is somebody in it: whose heartbeat is due, who has hung up, who found the
 * queue of the lane full. A client that closed its sending side may still read; the heartbeat asks it, and where there
 * is none to send, nothing is owed to it. */
#include "base/clock.h"
#include "base/lock.h"
#include "http/http_int.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOOK 0.1          /* seconds between looks at who waits */
#define TAKE_SECONDS 60.0 /* in which a client must have taken what was last handed over */
#define LANE_ROOM 65536   /* bytes that a lane's thread makes ready at a time */
#define SEND_ROOM 16384   /* likewise libmicrohttpd, of a size known */

struct lk_flow {
    lk_stream source;
    lk_request *request;
    lk_peer *peer;
    lk_flow *previous, *next; /* in the ring of those that wait; NULL: not in it */
    char *ready;              /* made by a lane's thread; NULL until then */
    size_t ready_at, ready_size;
    lk_streamed last; /* what the source said */
    uint64_t sent;
    double beat_at;
    bool counted, again, beat, probed, over; /* again: the queue was full; beat: due; probed: since it hung up; over:
                                                nobody is there */
};

struct lk_streams {
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below, and the peers' streams */
    pthread_cond_t changed;
    lk_flow waiting; /* the ring's own; no stream */
    lk_patience *patience;
    atomic_ullong wakes;
    size_t count, most, most_per_peer;
    bool hurry, closing;
};

/* ---- those that wait ---- */

static void leave_ring(lk_flow *f) {
    assert(f->next != NULL); /* it waits */
    f->previous->next = f->next;
    f->next->previous = f->previous;
    f->previous = f->next = NULL;
}

/* Under the lock. From here on it is the connection's thread's, and may be gone. */
static void resume(lk_flow *f) {
    LK_HELD(&f->request->server->streams->lock);
    leave_ring(f);
    lk_lanes_resume(f->request);
}

/* Puts the stream to those that wait; false when there was a wake since `wakes`, or the server stops, unless it waits
 * for its lane. `suspended`: its connection is so already. */
static bool wait_for_more(lk_streams *s, lk_flow *f, unsigned long long wakes, bool suspended) {
    pthread_mutex_lock(&s->lock);
    const bool waits = f->again || (atomic_load(&s->wakes) == wakes && !s->hurry);
    if (waits) {
        f->beat_at = f->source.beat == NULL ? INFINITY : lk_clock_monotonic() + f->source.beat_seconds;
        f->previous = s->waiting.previous;
        f->next = &s->waiting;
        f->previous->next = f->next->previous = f;
        lk_patience_at(s->patience, f->request->watch, LK_STAGE_STREAM, INFINITY);
        if (!suspended)
            MHD_suspend_connection(f->request->connection);
        pthread_cond_signal(&s->changed);
    }
    pthread_mutex_unlock(&s->lock);
    return waits;
}

/* Is there something to do for it? Notes what. */
static bool is_due(const lk_streams *s, lk_flow *f, double now) {
    const lk_watch *watch = f->request->watch;
    const bool hung = !f->probed && lk_patience_hung(s->patience, watch);
    f->over = lk_patience_gone(watch) || (hung && f->source.beat == NULL && !f->again);
    f->probed = f->probed || hung;
    f->beat = hung || now >= f->beat_at;
    return f->over || f->beat || f->again;
}

static void *look_after(void *arg) {
    lk_streams *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->closing) {
        const struct timespec until = lk_clock_after(LOOK);
        if (s->waiting.next == &s->waiting)
            pthread_cond_wait(&s->changed, &s->lock);
        else
            (void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
        const double now = lk_clock_monotonic();
        for (lk_flow *f = s->waiting.next, *next; f != &s->waiting; f = next) {
            next = f->next;
            if (is_due(s, f, now))
                resume(f);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void resume_all(lk_streams *s) {
    while (s->waiting.next != &s->waiting)
        resume(s->waiting.next);
}

void lk_http_wake_streams(lk_http *h) {
    lk_streams *s = h->streams;
    pthread_mutex_lock(&s->lock);
    atomic_fetch_add(&s->wakes, 1);
    resume_all(s);
    pthread_mutex_unlock(&s->lock);
}

/* ---- one stream ---- */

static lk_streamed ask(lk_flow *f, char *to, size_t room, size_t *size) {
    *size = 0;
    f->last = f->source.next(f->source.cls, to, room, size);
    assert(*size <= room);
    if (f->last != LK_STREAM_MORE)
        *size = 0;
    else if (*size == 0)
        f->last = LK_STREAM_NOTHING_YET;
    return f->last;
}

/* What read answers when there are no bytes. */
static ssize_t without_bytes(const lk_flow *f) {
    const bool whole = f->source.size == 0 || f->sent == f->source.size;
    return f->last == LK_STREAM_END && whole ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t send_beat(lk_flow *f, char *to, size_t room) {
    const size_t size = strnlen(f->source.beat, room);
    memcpy(to, f->source.beat, size);
    f->beat = false;
    return (ssize_t)size;
}

/* On the connection's thread. */
static ssize_t read_at_once(lk_streams *s, lk_flow *f, char *to, size_t room) {
    for (;;) {
        const unsigned long long wakes = atomic_load(&s->wakes);
        size_t size = 0;
        if (ask(f, to, room, &size) == LK_STREAM_MORE)
            return (ssize_t)size;
        if (f->last != LK_STREAM_NOTHING_YET)
            return without_bytes(f);
        if (f->beat)
            return send_beat(f, to, room);
        if (lk_http_stopping(f->request->server)) {
            f->last = LK_STREAM_END;
            return without_bytes(f);
        }
        if (wait_for_more(s, f, wakes, false))
            return 0;
    }
}

/* Suspends the connection until the lane has more. Where its queue is full, the stream waits for another try. */
static void ask_lane(lk_streams *s, lk_flow *f) {
    lk_request *r = f->request;
    lk_patience_at(s->patience, r->watch, LK_STAGE_STREAM, INFINITY);
    MHD_suspend_connection(r->connection);
    f->again = false;
    if (lk_lanes_fill(r, f->source.lane))
        return;
    f->again = true; /* with which it waits in any case */
    (void)wait_for_more(s, f, 0, true);
}

static ssize_t read_from_lane(lk_streams *s, lk_flow *f, char *to, size_t room) {
    const size_t left = f->ready_size - f->ready_at, size = left < room ? left : room;
    if (size > 0) {
        memcpy(to, f->ready + f->ready_at, size);
        f->ready_at += size;
        return (ssize_t)size;
    }
    if (f->last == LK_STREAM_NOTHING_YET && !f->again) {
        if (f->beat)
            return send_beat(f, to, room);
        if (lk_http_stopping(f->request->server))
            f->last = LK_STREAM_END;
    }
    if (f->last == LK_STREAM_END || f->last == LK_STREAM_FAILED)
        return without_bytes(f);
    ask_lane(s, f);
    return 0;
}

void lk_streams_fill(lk_request *r) {
    lk_streams *s = r->server->streams;
    lk_flow *f = r->flow;
    const unsigned long long wakes = atomic_load(&s->wakes);
    const uint64_t left = f->source.size == 0 ? LANE_ROOM : f->source.size - f->sent;
    f->ready_at = f->ready_size = 0;
    if (f->ready == NULL)
        f->ready = malloc(LANE_ROOM);
    if (f->ready == NULL)
        f->last = LK_STREAM_FAILED;
    else if (ask(f, f->ready, left < LANE_ROOM ? (size_t)left : LANE_ROOM, &f->ready_size) == LK_STREAM_NOTHING_YET &&
             wait_for_more(s, f, wakes, true))
        return;
    lk_lanes_resume(r);
}

/* libmicrohttpd has room. */
static ssize_t read_stream(void *cls, uint64_t at, char *to, size_t room) {
    (void)at; /* it asks for one piece after the other */
    lk_request *r = cls;
    lk_streams *s = r->server->streams;
    lk_flow *f = r->flow;
    (void)atomic_load(&r->worked);
    const uint64_t left = f->source.size - f->sent;
    if (f->over || lk_request_gone(r) || lk_http_cut(r->server))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (f->source.size > 0 && left < room)
        room = (size_t)left;
    lk_patience_at(s->patience, r->watch, LK_STAGE_ANSWER, TAKE_SECONDS);
    const ssize_t n = f->source.lane == LK_LANE_AT_ONCE ? read_at_once(s, f, to, room) : read_from_lane(s, f, to, room);
    if (n > 0) { /* else it may be another thread's already */
        r->first = f->sent == 0 ? lk_clock_monotonic() : r->first;
        f->sent += (uint64_t)n;
    }
    return n;
}

/* ---- opening and closing ---- */

/* A place for it; false when there is none. One that is answered without a body needs none. */
static bool enter(lk_streams *s, lk_flow *f) {
    pthread_mutex_lock(&s->lock);
    const size_t theirs = f->peer == NULL || f->peer->local ? 0 : f->peer->streams;
    f->counted = s->count < s->most && theirs < s->most_per_peer;
    s->count += f->counted;
    if (f->counted && f->peer != NULL)
        f->peer->streams++;
    pthread_mutex_unlock(&s->lock);
    return f->counted;
}

void lk_respond_stream(lk_request *r, const lk_stream *stream) {
    lk_answer *a = &r->answer;
    lk_flow *f = a->status == 0 ? calloc(1, sizeof *f) : NULL;
    if (f != NULL)
        *f = (lk_flow){.source = *stream, .request = r, .peer = lk_patience_peer(r->watch)};
    if (f != NULL && (strcmp(r->method, "HEAD") == 0 || enter(r->server->streams, f))) {
        r->flow = f;
        a->status = 200;
        a->type = lk_arena_string(&r->arena, stream->type);
        return;
    }
    free(f);
    stream->close(stream->cls);
    if (a->status == 0)
        lk_http_busy(r, "The server has as many streams open as it can keep; try again in a moment.");
}

struct MHD_Response *lk_streams_response(lk_request *r) {
    const uint64_t size = r->flow->source.size == 0 ? MHD_SIZE_UNKNOWN : r->flow->source.size;
    return MHD_create_response_from_callback(size, SEND_ROOM, read_stream, r, NULL);
}

void lk_streams_close(lk_request *r) {
    lk_flow *f = r->flow;
    if (f == NULL)
        return;
    lk_streams *s = r->server->streams;
    r->flow = NULL;
    f->source.close(f->source.cls);
    pthread_mutex_lock(&s->lock);
    assert(f->next == NULL && s->count >= f->counted); /* nobody resumes it any more */
    s->count -= f->counted;
    if (f->counted && f->peer != NULL)
        f->peer->streams--;
    pthread_mutex_unlock(&s->lock);
    free(f->ready);
    free(f);
}

size_t lk_http_streams(lk_http *h) {
    pthread_mutex_lock(&h->streams->lock);
    const size_t count = h->streams->count;
    pthread_mutex_unlock(&h->streams->lock);
    return count;
}

/* ---- starting and stopping ---- */

int lk_streams_start(lk_streams **out, const lk_http *h, liken_error *err) {
    lk_streams *s = calloc(1, sizeof *s);
    if (s == NULL)
        return lk_fail_memory(err);
    s->waiting.previous = s->waiting.next = &s->waiting;
    s->patience = h->patience;
    s->most = (size_t)h->o.max_streams;
    s->most_per_peer = (s->most + 1) / 2;
    pthread_mutex_init(&s->lock, NULL);
    lk_clock_condition(&s->changed);
    const int failed = pthread_create(&s->thread, NULL, look_after, s);
    if (failed != 0) {
        pthread_cond_destroy(&s->changed);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return lk_fail_errno(err, LIKEN_E_MEMORY, failed, "The server could not start a thread");
    }
    *out = s;
    return LIKEN_OK;
}

void lk_streams_hurry(lk_streams *s) {
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->hurry = true;
    resume_all(s);
    pthread_mutex_unlock(&s->lock);
}

void lk_streams_free(lk_streams *s) {
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
