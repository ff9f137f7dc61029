/* metrics.c - counters per route, in the text format of Prometheus.
 *
 * Each route has its requests by class of status and a histogram of seconds; one more row counts what fitted no route.
 * Every number is an atomic of its own: a reading may catch a request between two of them, which a scrape cannot tell.
 */
#include "api/api_int.h"
#include "base/buf.h"
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double edges[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
#define EDGES LK_LENGTH(edges)
#define TEXT_BYTES ((size_t)1 << 20)

struct row {
    atomic_ullong classes[6];         /* [0]: the client went away; [2] 2xx ... [5] 5xx */
    atomic_ullong buckets[EDGES + 1]; /* not cumulative */
    atomic_ullong microseconds;
};

struct lk_metrics {
    const lk_route *routes;
    size_t count;
    struct row rows[]; /* count + 1 */
};

int lk_metrics_make(lk_metrics **out, const lk_route *routes, size_t count, liken_error *err) {
    lk_metrics *m = calloc(1, sizeof *m + (count + 1) * sizeof m->rows[0]);
    if (m == NULL)
        return lk_fail_memory(err);
    m->routes = routes;
    m->count = count;
    *out = m;
    return LIKEN_OK;
}

void lk_metrics_free(lk_metrics *m) {
    free(m);
}

static void count(lk_metrics *m, const lk_route *route, int status, double seconds) {
    struct row *row = &m->rows[route == NULL ? m->count : (size_t)(route - m->routes)];
    size_t edge = 0;
    while (edge < EDGES && seconds > edges[edge])
        edge++;
    atomic_fetch_add_explicit(&row->classes[status / 100 % 6], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->buckets[edge], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->microseconds, (unsigned long long)(seconds * 1e6), memory_order_relaxed);
}

/* The line per request. The path is the client's: what is not printable in it becomes '?'. */
static void log_line(const lk_request *r, int status, double seconds) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s", lk_request_path(r));
    for (char *p = path; *p != '\0'; p++)
        if (*p < 0x21 || *p > 0x7e)
            *p = '?';
    const char *method = lk_request_method(r); /* "" when the headers were never read to their end */
    const lk_row *row = lk_row_of(r);
    const bool probe = row != NULL && row->scope == 0;
    lk_log(probe ? LIKEN_LOG_DEBUG : LIKEN_LOG_INFO, "%s %s %d %.0f ms %s %s", *method == '\0' ? "-" : method, path,
           status, seconds * 1e3, lk_request_peer(r), lk_request_id(r));
}

void lk_metrics_done(const lk_request *r, int status, double seconds, void *ctx) {
    lk_api *api = ctx;
    count(api->metrics, lk_request_route(r), status, seconds);
    log_line(r, status, seconds);
}

static unsigned long long value_of(const atomic_ullong *v) {
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void head(lk_buf *b, const char *name, const char *type, const char *help) {
    (void)lk_buf_format(b, NULL, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void requests(lk_buf *b, const lk_metrics *m) {
    head(b, "liken_requests_total", "counter", "Requests by route and class of status; 0xx: the client went away.");
    for (size_t i = 0; i <= m->count; i++)
        for (size_t c = 0; c < LK_LENGTH(m->rows[i].classes); c++)
            if (value_of(&m->rows[i].classes[c]) > 0)
                (void)lk_buf_format(b, NULL, "liken_requests_total{method=\"%s\",route=\"%s\",status=\"%zuxx\"} %llu\n",
                                    i < m->count ? m->routes[i].method : "", i < m->count ? m->routes[i].pattern : "",
                                    c, value_of(&m->rows[i].classes[c]));
}

static void seconds_of(lk_buf *b, const lk_route *route, const struct row *row) {
    unsigned long long all = 0;
    char labels[160];
    (void)snprintf(labels, sizeof labels, "method=\"%s\",route=\"%s\"", route->method, route->pattern);
    for (size_t e = 0; e <= EDGES; e++) {
        char edge[24] = "+Inf";
        if (e < EDGES)
            (void)snprintf(edge, sizeof edge, "%g", edges[e]);
        all += value_of(&row->buckets[e]);
        (void)lk_buf_format(b, NULL, "liken_request_seconds_bucket{%s,le=\"%s\"} %llu\n", labels, edge, all);
    }
    (void)lk_buf_format(b, NULL, "liken_request_seconds_sum{%s} %.6f\nliken_request_seconds_count{%s} %llu\n", labels,
                        (double)value_of(&row->microseconds) / 1e6, labels, all);
}

static void latencies(lk_buf *b, const lk_metrics *m) {
    head(b, "liken_request_seconds", "histogram",
         "Seconds from the first line of a request to the end of its answer, of a stream to its first byte.");
    for (size_t i = 0; i < m->count; i++)
        seconds_of(b, &m->routes[i], &m->rows[i]);
}

static void gauge(lk_buf *b, const char *name, const char *help, double value) {
    head(b, name, "gauge", help);
    (void)lk_buf_format(b, NULL, "%s %.17g\n", name, value);
}

static const struct lane {
    lk_lane lane;
    bool writes;
    const char *labels;
} lanes[] = {{LK_LANE_STORE, false, "lane=\"store\",kind=\"read\""},
             {LK_LANE_STORE, true, "lane=\"store\",kind=\"write\""},
             {LK_LANE_PHOTO, false, "lane=\"photo\",kind=\"read\""},
             {LK_LANE_PHOTO, true, "lane=\"photo\",kind=\"write\""}};

static void lanes_of(lk_buf *b, lk_http *http) {
    lk_lane_state states[LK_LENGTH(lanes)];
    for (size_t i = 0; i < LK_LENGTH(lanes); i++)
        lk_http_lane(http, lanes[i].lane, lanes[i].writes, &states[i]);
    head(b, "liken_lane_waiting", "gauge", "Requests that wait for a thread of their lane.");
    for (size_t i = 0; i < LK_LENGTH(lanes); i++)
        (void)lk_buf_format(b, NULL, "liken_lane_waiting{%s} %zu\n", lanes[i].labels, states[i].waiting);
    head(b, "liken_lane_running", "gauge", "Requests that a thread of their lane is at.");
    for (size_t i = 0; i < LK_LENGTH(lanes); i++)
        (void)lk_buf_format(b, NULL, "liken_lane_running{%s} %zu\n", lanes[i].labels, states[i].running);
    head(b, "liken_lane_refused_total", "counter",
         "Requests that were not run: full: there was no room, late: they waited too long, gone: the client left.");
    for (size_t i = 0; i < LK_LENGTH(lanes); i++)
        (void)lk_buf_format(b, NULL,
                            "liken_lane_refused_total{%s,why=\"full\"} %llu\n"
                            "liken_lane_refused_total{%s,why=\"late\"} %llu\n"
                            "liken_lane_refused_total{%s,why=\"gone\"} %llu\n",
                            lanes[i].labels, states[i].full, lanes[i].labels, states[i].late, lanes[i].labels,
                            states[i].gone);
}

static void refusals(lk_buf *b, const lk_pace *pace) {
    static const char *const whys[LK_PACE_WHYS] = {"address_rate", "key_rate", "wrong_keys", "wrong_key"};
    head(b, "liken_guard_refused_total", "counter",
         "Requests refused for a rate, of their address or key, for too many wrong keys, or for a wrong key.");
    for (lk_pace_why why = 0; why < LK_PACE_WHYS; why++)
        (void)lk_buf_format(b, NULL, "liken_guard_refused_total{why=\"%s\"} %llu\n", whys[why],
                            lk_pace_refused(pace, why));
}

/* What the store said when it was last asked; without an answer these are left out. */
static void gallery_of(lk_buf *b, lk_probe *probe) {
    lk_finding found;
    lk_probe_read(probe, &found);
    gauge(b, "liken_store_up", "1 when the store answers, 0 when it does not.", found.trouble.code == LIKEN_OK);
    if (found.trouble.code != LIKEN_OK)
        return;
    gauge(b, "liken_collections", "Collections in the store.", (double)found.collections);
    gauge(b, "liken_images", "Images in the store.", (double)found.images);
    gauge(b, "liken_faces", "Faces in the store.", (double)found.faces);
    gauge(b, "liken_indexed_faces", "Faces in the index.", (double)found.indexed);
    gauge(b, "liken_index_bytes", "Bytes of the index.", (double)found.index_bytes);
    gauge(b, "liken_decoders", "Processes that photos are decoded in.", found.decoders);
    head(b, "liken_decoders_lost_total", "counter", "Decoding processes lost to crashes, limits and kills.");
    (void)lk_buf_format(b, NULL, "liken_decoders_lost_total %lld\n", (long long)found.decoders_lost);
}

void lk_metrics_get(lk_ask *q) {
    lk_api *api = q->api;
    lk_http *http = lk_request_server(q->request);
    lk_buf b;
    lk_buf_init(&b, TEXT_BYTES);
    requests(&b, api->metrics);
    latencies(&b, api->metrics);
    gauge(&b, "liken_queue_waiting", "Requests that wait for a worker.", (double)lk_http_waiting(http));
    gauge(&b, "liken_streams", "Answers that come bit by bit and have not ended.", (double)lk_http_streams(http));
    lanes_of(&b, http);
    refusals(&b, api->pace);
    gallery_of(&b, api->probe);
    lk_respond(q->request, 200, "text/plain; version=0.0.4; charset=utf-8", b.data != NULL ? b.data : "", b.size);
    lk_buf_free(&b);
}
