/* lanes.c - where handlers run.
 *
 *   at once   on the connection's own thread, among a hundred other connections: only what never waits
 *   store     what may wait for the store, a disk or a lock
 *   photo     what decodes and describes
 *
 * A thread that serves connections must not wait for anything, or all its connections wait with it. So everything else
 * is suspended and goes to a crew: a bounded queue and the threads that empty it. Each lane has two, one for the routes
 * that write, since a write may have to wait for a lock that another program holds while reads go on.
 *
 * Streams that want more (streams.c) have half of a queue at most, so that many of them leave room for requests; one
 * that finds none tries again.
 *
 * A full queue answers 503. What waits longer than `queue_seconds` is answered 503 as well, and what is waiting for a
 * client that went away is dropped: both by a look, once a second, so that they do not depend on a thread that is
 * free. A job is in the queue or with a worker or with the look, and whoever has it resumes its connection as the last
 * thing.
 */
#include "base/chore.h"
#include "base/clock.h"
#include "http/http_int.h"

#include <assert.h>
#include <stdlib.h>

#define LOOK 1.0   /* seconds from one to the next */
#define DROPPED 64 /* requests that leave a queue at a time */

struct crew {
    lk_workers *workers;
    size_t room;
    atomic_size_t streams; /* that wait in the queue: at most half of it */
    atomic_ullong full, late, gone;
};

struct lk_lanes {
    struct crew crews[LK_LANES][2]; /* [lane][writes]; those of LK_LANE_AT_ONCE stay empty */
    lk_chore *looker;
    lk_late *late; /* the server's */
};

static struct crew *crew_of(const lk_http *h, lk_lane lane, bool writes) {
    return &h->lanes->crews[lane][writes];
}

static lk_lane lane_of(const lk_request *r) {
    const lk_route *route = r->routed.route;
    return route->lane_of == NULL ? route->lane : route->lane_of(r);
}

/* ---- running ---- */

void lk_lanes_resume(lk_request *r) {
    struct MHD_Connection *connection = r->connection;
    atomic_store(&r->worked, true);
    MHD_resume_connection(connection);
}

static void run_handler(lk_request *r) {
    r->routed.route->fn(r, r->server->o.ctx);
    if (r->answer.status == 0)
        lk_http_fault(r, 500, "The server left this request without an answer; please report it.");
}

/* May it? Asked on a crew's thread; a refusal is the answer. */
static bool admitted(lk_request *r) {
    const lk_http *h = r->server;
    if (h->o.admit == NULL || h->o.admit(r, r->routed.route, h->o.ctx))
        return true;
    if (r->answer.status == 0)
        lk_http_fault(r, 403, "The request is not allowed.");
    return false;
}

static bool is_late(const lk_request *r, double now) {
    return r->flow == NULL && now - r->queued > r->server->o.queue_seconds; /* a stream that has begun goes on */
}

static void answer_late(lk_request *r, struct crew *crew) {
    (void)atomic_fetch_add(&crew->late, 1);
    lk_http_busy(r, "The server did not come to this request in time; try again in a moment.");
}

/* It is not in its crew's queue any more. */
static void leave_queue(lk_request *r) {
    if (r->flow == NULL)
        return;
    const size_t before = atomic_fetch_sub(&r->crew->streams, 1);
    assert(before > 0);
    (void)before;
}

static void work(void *job, int worker) {
    (void)worker;
    lk_request *r = job;
    leave_queue(r);
    if (lk_request_gone(r))
        (void)atomic_fetch_add(&r->crew->gone, 1);
    else if (r->flow != NULL) {
        lk_streams_fill(r);
        return;
    } else if (is_late(r, lk_clock_monotonic()))
        answer_late(r, r->crew);
    else if (admitted(r) && r->complete)
        run_handler(r);
    lk_lanes_resume(r);
}

/* ---- the queues ---- */

static void answer_full(lk_request *r, struct crew *crew) {
    (void)atomic_fetch_add(&crew->full, 1);
    lk_http_busy(r, "All workers are busy and the queue is full; try again in a moment.");
}

/* After this the request is a worker's, until it resumes the connection; what does not fit is answered. */
static void enqueue(lk_request *r, struct crew *crew) {
    r->crew = crew;
    r->queued = lk_clock_monotonic();
    MHD_suspend_connection(r->connection);
    if (lk_workers_push(crew->workers, r))
        return;
    answer_full(r, crew);
    lk_lanes_resume(r);
}

static bool is_unwanted(void *job, void *ctx) {
    return lk_request_gone(job) || is_late(job, *(const double *)ctx);
}

static void drop_unwanted(struct crew *crew) {
    void *jobs[DROPPED];
    double now = lk_clock_monotonic();
    const size_t count = lk_workers_remove(crew->workers, is_unwanted, &now, jobs, DROPPED);
    for (size_t i = 0; i < count; i++) {
        leave_queue(jobs[i]);
        if (lk_request_gone(jobs[i]))
            (void)atomic_fetch_add(&crew->gone, 1);
        else
            answer_late(jobs[i], crew);
        lk_lanes_resume(jobs[i]);
    }
}

static bool look_at_all(void *ctx) {
    lk_lanes *l = ctx;
    for (lk_lane lane = LK_LANE_STORE; lane < LK_LANES; lane++)
        for (int writes = 0; writes < 2; writes++)
            drop_unwanted(&l->crews[lane][writes]);
    lk_late_look(l->late);
    return false;
}

bool lk_lanes_enter(lk_request *r) {
    lk_http *h = r->server;
    pthread_mutex_lock(&h->lock);
    r->running = !h->cut;
    h->running += r->running;
    pthread_mutex_unlock(&h->lock);
    return r->running;
}

void lk_lanes_leave(lk_request *r) {
    lk_http *h = r->server;
    pthread_mutex_lock(&h->lock);
    assert(h->running >= r->running);
    h->running -= r->running;
    r->running = false;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

enum MHD_Result lk_lanes_run(lk_request *r) {
    const lk_lane lane = lane_of(r);
    if (lane == LK_LANE_AT_ONCE) {
        run_handler(r);
        return lk_http_send(r);
    }
    enqueue(r, crew_of(r->server, lane, r->routed.route->writes));
    return MHD_YES; /* called again after the resumption */
}

bool lk_lanes_fill(lk_request *r, lk_lane lane) {
    struct crew *crew = crew_of(r->server, lane, false);
    const bool fits = atomic_fetch_add(&crew->streams, 1) < (crew->room + 1) / 2;
    r->crew = crew;
    r->queued = lk_clock_monotonic();
    if (fits && lk_workers_push(crew->workers, r))
        return true;
    (void)atomic_fetch_sub(&crew->streams, 1);
    return false;
}

void lk_lanes_ask(lk_request *r) {
    enqueue(r, crew_of(r->server, LK_LANE_STORE, false));
}

void lk_lanes_check(lk_request *r) {
    if (r->form != NULL && r->routed.route->lane_of != NULL)
        return; /* its parts will say which lane */
    const lk_lane lane = lane_of(r);
    struct crew *crew = crew_of(r->server, lane, r->routed.route->writes);
    if (lane != LK_LANE_AT_ONCE && lk_workers_waiting(crew->workers) >= crew->room)
        answer_full(r, crew);
}

void lk_http_lane(lk_http *h, lk_lane lane, bool writes, lk_lane_state *out) {
    struct crew *crew = crew_of(h, lane, writes);
    *out = (lk_lane_state){.waiting = lk_workers_waiting(crew->workers),
                           .running = lk_workers_busy(crew->workers),
                           .full = atomic_load(&crew->full),
                           .late = atomic_load(&crew->late),
                           .gone = atomic_load(&crew->gone)};
}

size_t lk_http_waiting(lk_http *h) {
    size_t waiting = 0;
    for (lk_lane lane = LK_LANE_STORE; lane < LK_LANES; lane++)
        for (int writes = 0; writes < 2; writes++)
            waiting += lk_workers_waiting(crew_of(h, lane, writes)->workers);
    return waiting;
}

/* ---- starting and stopping ---- */

static int start_crews(lk_lanes *l, const lk_http_options *o, liken_error *err) {
    const struct {
        lk_lane lane;
        bool writes;
        const char *name;
        int threads;
    } crews[] = {{LK_LANE_STORE, false, "liken-store-r", o->store_threads},
                 {LK_LANE_STORE, true, "liken-store-w", (o->store_threads + 1) / 2},
                 {LK_LANE_PHOTO, false, "liken-photo-r", o->workers},
                 {LK_LANE_PHOTO, true, "liken-photo-w", o->workers}};
    int rc = LIKEN_OK;
    for (size_t i = 0; rc == LIKEN_OK && i < LK_LENGTH(crews); i++) {
        struct crew *crew = &l->crews[crews[i].lane][crews[i].writes];
        crew->room = o->queue;
        rc = lk_workers_start(&crew->workers, crews[i].name, crews[i].threads, o->queue, work, err);
    }
    return rc;
}

int lk_lanes_start(lk_lanes **out, const lk_http_options *o, lk_late *late, liken_error *err) {
    lk_lanes *l = calloc(1, sizeof *l);
    if (l == NULL)
        return lk_fail_memory(err);
    l->late = late;
    const lk_chore_options looker = {.name = "liken-lanes", .fn = look_at_all, .ctx = l, .every = LOOK};
    int rc = start_crews(l, o, err);
    if (rc == LIKEN_OK)
        rc = lk_chore_start(&l->looker, &looker, err);
    if (rc == LIKEN_OK)
        *out = l;
    else
        lk_lanes_free(l);
    return rc;
}

void lk_lanes_free(lk_lanes *l) {
    if (l == NULL)
        return;
    lk_chore_stop(l->looker);
    for (lk_lane lane = LK_LANE_STORE; lane < LK_LANES; lane++)
        for (int writes = 0; writes < 2; writes++)
            lk_workers_free(l->crews[lane][writes].workers);
    free(l);
}
