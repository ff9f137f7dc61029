/* lanes.c - running handlers: at once on the connection's thread, or by the workers behind their queue. */
#include "http/http_int.h"

static void run_handler(lk_request *r) {
    r->routed.route->fn(r, r->server->o.ctx);
    if (r->answer.status == 0)
        lk_http_fault(r, 500, "The server left this request without an answer; please report it.");
}

void lk_lanes_work(void *job, int worker) {
    (void)worker;
    lk_request *r = job;
    struct MHD_Connection *connection = r->connection;
    if (!lk_request_gone(r))
        run_handler(r);
    atomic_store(&r->worked, true);
    MHD_resume_connection(connection);
}

bool lk_lanes_enter(lk_request *r) {
    lk_http *h = r->server;
    pthread_mutex_lock(&h->lock);
    r->running = !h->cut;
    h->running += r->running;
    pthread_mutex_unlock(&h->lock);
    return r->running;
}

enum MHD_Result lk_lanes_run(lk_request *r) {
    if (!r->routed.route->heavy) {
        run_handler(r);
        return lk_http_send(r);
    }
    MHD_suspend_connection(r->connection);
    if (lk_workers_push(r->server->workers, r))
        return MHD_YES; /* from here on the request is the worker's, until it resumes the connection */
    MHD_resume_connection(r->connection);
    lk_http_busy(r, "All workers are busy and the queue is full; try again in a moment.");
    return MHD_YES; /* called again after the resumption */
}

bool lk_lanes_full(const lk_http *h, const lk_route *route) {
    return route->heavy && lk_workers_waiting(h->workers) >= h->o.queue;
}
