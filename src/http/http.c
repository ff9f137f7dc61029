/* http.c - the server: starting and stopping.
 *
 *   accept thread --> libmicrohttpd's threads (epoll) --> handler, at once
 *                                                     \-> suspended, a lane's queue --> handler --> resumed (lanes.c)
 *
 * Time: headers have HEAD_IDLES idle times to arrive, a body BODY_SECONDS, an answer ANSWER_SECONDS to be taken
 * (patience.c), however busily a client trickles; where nothing moves at all, the idle timeout ends it.
 *
 * Stopping: `active` counts requests from their first line on, `running` those that were received whole. Stop waits for
 * all that run, and GRACE seconds for those of which bytes still come; later ones are answered 503. Streams run until
 * they have nothing to send, GRACE seconds at most. */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/limits.h"
#include "http/http_int.h"

#include <errno.h>
#include <stdlib.h>

#define GRACE 10              /* seconds for a body that is still coming when the server stops */
#define CONNECTION_ROOM 65536 /* bytes of headers, and of one read */

static void set_defaults(lk_http_options *o) {
    o->address = o->address != NULL ? o->address : LK_DEFAULT_ADDRESS;
    o->threads = o->threads > 0 ? o->threads : 4;
    o->workers = o->workers > 0 ? o->workers : lk_cpu_count();
    o->store_threads = o->store_threads > 0 ? o->store_threads : LK_DEFAULT_STORE_THREADS;
    o->queue_seconds = o->queue_seconds > 0 ? o->queue_seconds : LK_DEFAULT_QUEUE_SECONDS;
    o->queue = o->queue > 0 ? o->queue : LK_DEFAULT_QUEUE;
    o->max_body = o->max_body > 0 ? o->max_body : LK_DEFAULT_FILE_BYTES;
    o->max_memory = o->max_memory > 0 ? o->max_memory : 8 * o->max_body;
    o->idle_timeout = o->idle_timeout > 0 ? o->idle_timeout : LK_DEFAULT_IDLE_SECONDS;
    o->max_connections = o->max_connections > 0 ? o->max_connections : LK_DEFAULT_CONNECTIONS;
    o->max_streams = o->max_streams > 0 ? o->max_streams : (o->max_connections + 3) / 4;
    o->max_per_peer = o->max_per_peer > 0 ? o->max_per_peer : (o->max_connections + 1) / 2;
}

static int start_daemon(lk_http *h, liken_error *err) {
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_THREAD_POOL_SIZE, h->o.threads, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, h->o.idle_timeout, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, h->o.max_connections + h->o.threads, NULL}, /* ours is reached first */
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_ROOM, NULL},
#if MHD_VERSION < 0x00097701
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL}, /* the rest is seen to in framing.c */
#else
        {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL},
#endif
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)lk_http_request_line, h},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)lk_http_completed, h},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)lk_http_connection_changed, h},
        {MHD_OPTION_END, 0, NULL}
    };
    struct MHD_OptionItem tls[3] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
    if (h->tls != NULL)
        lk_tls_options(tls);
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_SUSPEND_RESUME | MHD_USE_ITC |
                           MHD_USE_NO_LISTEN_SOCKET | (h->tls != NULL ? (unsigned)MHD_USE_TLS : 0);
    h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, lk_http_access, h, MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY,
                                 tls, MHD_OPTION_END);
    return h->daemon != NULL
               ? LIKEN_OK
               : lk_fail_errno(err, LIKEN_E_MEMORY, errno, "The server's connection threads could not be started");
}

static int start_listening(lk_http *h, liken_error *err) {
    int rc = lk_http_set_proxies(h, h->o.trusted_proxies, h->o.forwarded, err);
    if (rc == LIKEN_OK && h->o.tls_cert != NULL)
        rc = lk_tls_make(&h->tls, h->o.tls_cert, h->o.tls_key, err);
    return rc == LIKEN_OK ? lk_http_listen(h, err) : rc;
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
    pthread_mutex_init(&h->proxies_lock, NULL);
    lk_clock_condition(&h->changed);
    int rc = start_listening(h, err);
    if (rc == LIKEN_OK)
        rc = lk_peers_make(&h->peers, err);
    if (rc == LIKEN_OK)
        rc = lk_patience_start(&h->patience, err);
    if (rc == LIKEN_OK)
        rc = lk_streams_start(&h->streams, h, err);
    if (rc == LIKEN_OK)
        rc = lk_late_make(&h->late, err);
    if (rc == LIKEN_OK)
        rc = lk_lanes_start(&h->lanes, &h->o, h->late, err);
    if (rc == LIKEN_OK)
        rc = lk_linger_start(&h->linger, err);
    if (rc == LIKEN_OK)
        rc = start_daemon(h, err);
    if (rc == LIKEN_OK)
        rc = lk_http_start_accepting(h, err);
    if (rc != LIKEN_OK) {
        lk_http_stop(h);
        return rc;
    }
    *out = h;
    return LIKEN_OK;
}

int lk_http_reload_tls(lk_http *h, const char *cert, const char *key, liken_error *err) {
    if (h->tls == NULL)
        return lk_fail(err, LIKEN_E_UNSUPPORTED,
                       "The server was started without a certificate; start it again with one.");
    return lk_tls_load(h->tls, cert, key, err);
}

int lk_http_port(const lk_http *h) {
    return h->port;
}

/* Waits for every request that will be finished. */
static void settle(lk_http *h) {
    const struct timespec until = lk_clock_after(GRACE);
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_mutex_unlock(&h->lock);
    if (h->patience != NULL)
        lk_patience_hurry(h->patience);
    lk_streams_hurry(h->streams);
    pthread_mutex_lock(&h->lock);
    while (h->active > 0 && pthread_cond_timedwait(&h->changed, &h->lock, &until) == 0)
        continue;
    h->cut = true;
    while (h->running > 0)
        pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
}

void lk_http_stop(lk_http *h) {
    if (h == NULL)
        return;
    lk_http_stop_accepting(h);
    settle(h);
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    lk_lanes_free(h->lanes);
    lk_late_free(h->late);
    lk_streams_free(h->streams);
    lk_linger_free(h->linger);
    lk_patience_free(h->patience);
    lk_peers_free(h->peers);
    lk_tls_free(h->tls);
    pthread_cond_destroy(&h->changed);
    pthread_mutex_destroy(&h->proxies_lock);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
