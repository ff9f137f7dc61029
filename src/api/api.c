/* api.c - the table of routes, and starting and stopping the server over it. docs/openapi.yaml says what each answers.
 */
#include "api/api_int.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define FORM_ROOM ((size_t)1 << 20)    /* beside the photo: the other parts and what divides them */
#define LEGACY_FILE ((size_t)10 << 20) /* the legacy system's own limit of a photo */

enum body { SMALL, PHOTO, TWO_PHOTOS, LEGACY };

static const lk_access open_to_all = {0}, read_all = {LK_SCOPE_READ, false, false},
                       read_any = {LK_SCOPE_READ, true, false}, search_any = {LK_SCOPE_SEARCH, true, false},
                       search = {LK_SCOPE_SEARCH, false, false}, add = {LK_SCOPE_ADD, false, false},
                       drop = {LK_SCOPE_DELETE, false, false}, admin = {LK_SCOPE_ADMIN, false, false},
                       legacy_add = {LK_SCOPE_ADD, false, true}, legacy_search = {LK_SCOPE_SEARCH, false, true};

enum { READS, WRITES };
enum { AT_ONCE = LK_LANE_AT_ONCE, STORE = LK_LANE_STORE, PHOTOS = LK_LANE_PHOTO };

static const struct row {
    const char *method, *pattern;
    lk_handler_fn *fn;
    int lane, writes;
    const lk_access *access;
    enum body body;
    lk_lane (*lane_of)(const lk_request *r);
} rows[] = {
    {"GET", "/v1/collections", lk_collections_list, STORE, READS, &read_any, SMALL, NULL},
    {"POST", "/v1/collections", lk_collections_create, PHOTOS, WRITES, &admin, SMALL, NULL}, /* it may load a pack */
    {"GET", "/v1/collections/{c}", lk_collections_get, STORE, READS, &read_all, SMALL, NULL},
    {"PATCH", "/v1/collections/{c}", lk_collections_change, STORE, WRITES, &admin, SMALL, NULL},
    {"DELETE", "/v1/collections/{c}", lk_collections_remove, STORE, WRITES, &admin, SMALL, NULL},
    {"POST", "/v1/collections/{c}/images", lk_images_add, PHOTOS, WRITES, &add, PHOTO, NULL},
    {"GET", "/v1/collections/{c}/images", lk_images_list, STORE, READS, &read_all, SMALL, NULL},
    {"GET", "/v1/collections/{c}/images/{id}", lk_images_get, STORE, READS, &read_all, SMALL, NULL},
    {"DELETE", "/v1/collections/{c}/images/{id}", lk_images_remove, STORE, WRITES, &drop, SMALL, NULL},
    {"GET", "/v1/collections/{c}/faces/{id}", lk_faces_get, STORE, READS, &read_all, SMALL, NULL},
    {"DELETE", "/v1/collections/{c}/faces/{id}", lk_faces_remove, STORE, WRITES, &drop, SMALL, NULL},
    {"POST", "/v1/collections/{c}/search", lk_search, PHOTOS, READS, &search, PHOTO, lk_search_lane},
    {"POST", "/v1/compare", lk_compare, PHOTOS, READS, &search_any, TWO_PHOTOS, NULL},
    {"POST", "/v1/detect", lk_detect, PHOTOS, READS, &search_any, PHOTO, NULL},
    {"GET", "/v1/status", lk_status, STORE, READS, &read_all, SMALL, NULL},
    {"GET", "/metrics", lk_metrics_get, AT_ONCE, READS, &read_all, SMALL, NULL},
    {"GET", "/healthz", lk_health, AT_ONCE, READS, &open_to_all, SMALL, NULL},
    {"GET", "/readyz", lk_ready, AT_ONCE, READS, &open_to_all, SMALL, NULL},
    {"POST", "/faces", lk_legacy_add, PHOTOS, WRITES, &legacy_add, LEGACY, NULL},
    {"POST", "/faces/searches", lk_legacy_search, PHOTOS, READS, &legacy_search, LEGACY, NULL},
};

static size_t body_limit(enum body body, size_t max_file) {
    switch (body) {
    case PHOTO:
        return max_file + FORM_ROOM;
    case TWO_PHOTOS:
        return 2 * max_file + FORM_ROOM;
    case LEGACY:
        return LEGACY_FILE + 65536;
    default:
        return FORM_ROOM;
    }
}

/* Of a JSON body whose photos are base64: a third more, and an eighth for line ends and escapes. 0: it has none. */
static size_t json_limit(enum body body, size_t max_file) {
    const size_t photos = body == TWO_PHOTOS ? 2 * max_file
                          : body == LEGACY   ? LEGACY_FILE
                          : body == PHOTO    ? max_file
                                             : 0;
    return photos == 0 ? 0 : photos + photos / 3 + photos / 8 + LK_JSON_BYTES;
}

static int make_routes(lk_api *api, liken_error *err) {
    api->routes = calloc(LK_LENGTH(rows), sizeof *api->routes);
    if (api->routes == NULL)
        return lk_fail_memory(err);
    api->route_count = LK_LENGTH(rows);
    for (size_t i = 0; i < LK_LENGTH(rows); i++)
        api->routes[i] = (lk_route){.method = rows[i].method,
                                    .pattern = rows[i].pattern,
                                    .fn = rows[i].fn,
                                    .lane = (lk_lane)rows[i].lane,
                                    .writes = rows[i].writes == WRITES,
                                    .tag = rows[i].access,
                                    .max_body = body_limit(rows[i].body, api->max_file),
                                    .max_json = json_limit(rows[i].body, api->max_file),
                                    .lane_of = rows[i].lane_of};
    return LIKEN_OK;
}

static int check_open(lk_api *api, liken_error *err) {
    if (!lk_keyring_empty(api->keys))
        return LIKEN_OK;
    if (!api->loopback)
        return lk_fail(err, LIKEN_E_ARG,
                       "On %s the server would be open to everybody who reaches it. Make a key first (liken keys add "
                       "NAME), or serve "
                       "on 127.0.0.1.",
                       api->address);
    lk_log(LIKEN_LOG_WARN,
           "There is no key: the server is open to every program on this machine (liken keys add NAME makes one).");
    return LIKEN_OK;
}

/* A misspelt collection is told of now, not to clients that cannot mend it. */
static int check_legacy(lk_api *api, liken_error *err) {
    liken_collection *collection = NULL;
    const int rc = liken_collection_get(api->lk, NULL, api->legacy, &collection, err);
    liken_collection_free(collection);
    if (rc != LIKEN_OK)
        lk_error_prefix(err, "The collection of POST /faces and POST /faces/searches");
    return rc;
}

/* What the server has to keep to itself; a store that does not answer tells nothing. */
static int note_places(lk_api *api, liken_error *err) {
    liken_state *state = NULL;
    if (liken_get_state(api->lk, NULL, &state, NULL) != LIKEN_OK)
        return LIKEN_OK;
    api->data = strdup(state->data);
    api->store = strdup(state->store);
    liken_state_free(state);
    return api->data == NULL || api->store == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int prepare(lk_api *api, const lk_api_options *o, liken_error *err) {
    api->address = strdup(o->address != NULL ? o->address : "127.0.0.1");
    api->legacy = strdup(o->legacy != NULL ? o->legacy : "default");
    api->max_file = o->max_file_bytes > 0 ? o->max_file_bytes : (size_t)64 << 20;
    if (api->address == NULL || api->legacy == NULL)
        return lk_fail_memory(err);
    api->loopback = lk_guard_is_loopback(api->address);
    int rc = make_routes(api, err);
    if (rc == LIKEN_OK && o->legacy != NULL)
        rc = check_legacy(api, err);
    if (rc == LIKEN_OK)
        rc = lk_keyring_open(&api->keys, o->keys, err);
    if (rc == LIKEN_OK)
        rc = check_open(api, err);
    if (rc == LIKEN_OK)
        rc = note_places(api, err);
    if (rc == LIKEN_OK)
        rc = lk_repeats_make(&api->repeats, err);
    if (rc == LIKEN_OK)
        rc = lk_metrics_make(&api->metrics, api->routes, api->route_count, err);
    if (rc == LIKEN_OK)
        rc = lk_probe_start(&api->probe, api->lk, api->keys, err);
    return rc;
}

int lk_api_start(lk_api **out, const lk_api_options *o, liken *lk, liken_error *err) {
    lk_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return lk_fail_memory(err);
    api->lk = lk;
    int rc = prepare(api, o, err);
    if (rc == LIKEN_OK) {
        const lk_http_options http = {.address = api->address,
                                      .port = o->port,
                                      .threads = o->threads,
                                      .workers = o->workers,
                                      .store_threads = o->store_threads,
                                      .queue = o->queue,
                                      .queue_seconds = o->queue_seconds,
                                      .max_body = body_limit(TWO_PHOTOS, api->max_file),
                                      .max_json = LK_JSON_BYTES,
                                      .files = "file files a b",
                                      .idle_timeout = o->idle_timeout,
                                      .max_connections = o->max_connections,
                                      .max_per_peer = o->max_per_peer,
                                      .glance = lk_guard_glance,
                                      .admit = lk_guard_admit,
                                      .fault = lk_answer_fault,
                                      .done = lk_metrics_done,
                                      .ctx = api};
        rc = lk_http_start(&api->http, &http, api->routes, api->route_count, err);
    }
    if (rc != LIKEN_OK) {
        lk_api_stop(api);
        return rc;
    }
    *out = api;
    return LIKEN_OK;
}

int lk_api_port(const lk_api *api) {
    return lk_http_port(api->http);
}

/* The first key closes the server until it is started again: behind a proxy on this machine, a key file that was lost
 * or emptied would otherwise open it to the world. */
bool lk_api_open(lk_api *api) {
    if (!lk_keyring_empty(api->keys))
        atomic_store(&api->had_keys, true);
    return api->loopback && !atomic_load(&api->had_keys);
}

void lk_api_stop(lk_api *api) {
    if (api == NULL)
        return;
    lk_http_stop(api->http);
    lk_probe_stop(api->probe);
    lk_metrics_free(api->metrics);
    lk_repeats_free(api->repeats);
    lk_keyring_free(api->keys);
    free(api->routes);
    free(api->address);
    free(api->data);
    free(api->store);
    free(api->legacy);
    free(api);
}
