/* api.c - starting and stopping the server over the table of routes. */
#include "api/api_int.h"
#include "base/buf.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* Keys that went elsewhere, or a store that was lost with them, must not open the server to whoever a proxy lets in. */
static int check_taken_over(const lk_key_place *place, liken_error *err) {
    LK_FREE lk_key *keys = NULL;
    lk_buf path;
    size_t count = 0;
    if (place->file == NULL)
        return LIKEN_OK;
    lk_buf_init(&path, 8192);
    int rc = lk_buf_format(&path, err, "%s.taken-over", place->file);
    if (rc == LIKEN_OK)
        rc = lk_key_list(&(lk_key_place){.file = path.data}, &keys, &count, err);
    if (rc == LIKEN_OK && count > 0)
        rc = lk_fail(err, LIKEN_E_ARG,
                     "There is no key, but there were: those of %s were taken into a store. If it is another store "
                     "than this one, serve that; else make a key (liken keys add NAME), or delete the file to serve "
                     "without keys.",
                     path.data);
    lk_buf_free(&path);
    return rc;
}

static int check_open(lk_api *api, const lk_key_place *place, liken_error *err) {
    if (!lk_keyring_empty(api->keys)) {
        atomic_store(&api->had_keys, true);
        return LIKEN_OK;
    }
    if (!api->loopback)
        return lk_fail(err, LIKEN_E_ARG,
                       "On %s the server would be open to everybody who reaches it. Make a key first (liken keys add "
                       "NAME), or serve "
                       "on 127.0.0.1.",
                       api->address);
    const int rc = check_taken_over(place, err);
    if (rc != LIKEN_OK)
        return rc;
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

static int open_keys(lk_api *api, const lk_api_options *o, liken_error *err) {
    const lk_key_place place = lk_keys_of(api->lk, o->key_file, o->keys);
    const int rc = lk_keyring_open(&api->keys, &place, err);
    return rc == LIKEN_OK ? check_open(api, &place, err) : rc;
}

#define USES_EVERY 60.0 /* seconds: a key costs the store one write in so many, at most */

/* When keys were used last is worth knowing, and not worth a request's waiting for. */
static bool save_uses(void *ctx) {
    lk_api *api = ctx;
    liken_error err = {0};
    const int rc = lk_keyring_save(api->keys, &err);
    const bool news = rc != LIKEN_OK && rc != api->uses_trouble;
    api->uses_trouble = rc;
    if (news && rc == LIKEN_E_READ_ONLY)
        lk_log(LIKEN_LOG_WARN, "When keys are used last is not written down: the store can only be read.");
    else if (news)
        lk_log(LIKEN_LOG_WARN, "When keys were used last could not be written down, which is tried again: %s",
               err.message);
    return false;
}

static int prepare(lk_api *api, const lk_api_options *o, liken_error *err) {
    api->address = strdup(o->address != NULL ? o->address : "127.0.0.1");
    api->legacy = strdup(o->legacy != NULL ? o->legacy : LK_DEFAULT_COLLECTION);
    api->max_file = o->max_file_bytes > 0 ? o->max_file_bytes : LK_DEFAULT_FILE_BYTES;
    if (api->address == NULL || api->legacy == NULL)
        return lk_fail_memory(err);
    api->tls = o->tls_cert != NULL;
    api->loopback = lk_guard_is_loopback(api->address);
    int rc = lk_rows_routes(&api->routes, api->max_file, err);
    if (rc == LIKEN_OK)
        rc = lk_public_take(api, o->public_url, err);
    if (rc == LIKEN_OK && o->legacy != NULL)
        rc = check_legacy(api, err);
    if (rc == LIKEN_OK)
        rc = open_keys(api, o, err);
    if (rc == LIKEN_OK)
        rc = note_places(api, err);
    if (rc == LIKEN_OK)
        rc = lk_repeats_make(&api->repeats, err);
    if (rc == LIKEN_OK)
        rc = lk_metrics_make(&api->metrics, api->routes, lk_row_count, err);
    if (rc == LIKEN_OK)
        rc = lk_origins_make(&api->origins, o->allowed_origins, err);
    if (rc == LIKEN_OK)
        rc = lk_pace_make(&api->pace, o->address_rate, err);
    if (rc == LIKEN_OK)
        rc = lk_probe_start(&api->probe, api->lk, api->keys, err);
    if (rc == LIKEN_OK)
        rc =
            lk_chore_start(&api->uses, &(lk_chore_options){"liken-uses", save_uses, api, USES_EVERY, 0, 0, false}, err);
    return rc;
}

static lk_http_options http_options(lk_api *api, const lk_api_options *o) {
    return (lk_http_options){.address = api->address,
                             .port = o->port,
                             .threads = o->threads,
                             .workers = o->workers,
                             .store_threads = o->store_threads,
                             .queue = o->queue,
                             .queue_seconds = o->queue_seconds,
                             .max_body = lk_rows_max_body(api->max_file),
                             .max_json = LK_JSON_BYTES,
                             .files = "file files a b",
                             .idle_timeout = o->idle_timeout,
                             .max_connections = o->max_connections,
                             .max_per_peer = o->max_per_peer,
                             .tls_cert = o->tls_cert,
                             .tls_key = o->tls_key,
                             .trusted_proxies = o->trusted_proxies,
                             .forwarded = o->forwarded,
                             .base_path = api->base,
                             .begin = lk_origins_begin,
                             .options = lk_origins_preflight,
                             .glance = lk_guard_glance,
                             .admit = lk_guard_admit,
                             .fault = lk_answer_fault,
                             .done = lk_metrics_done,
                             .ctx = api};
}

int lk_api_start(lk_api **out, const lk_api_options *o, liken *lk, liken_error *err) {
    lk_api *api = calloc(1, sizeof *api);
    if (api == NULL)
        return lk_fail_memory(err);
    api->lk = lk;
    int rc = prepare(api, o, err);
    if (rc == LIKEN_OK) {
        const lk_http_options http = http_options(api, o);
        rc = lk_http_start(&api->http, &http, api->routes, lk_row_count, err);
        if (rc == LIKEN_OK)
            rc = lk_follow_start(&api->follow, lk, api->http, err);
    }
    if (rc != LIKEN_OK) {
        lk_api_stop(api);
        return rc;
    }
    *out = api;
    return LIKEN_OK;
}

int lk_api_reload(lk_api *api, const lk_api_options *o, liken_error *err) {
    int rc = lk_origins_check(o->allowed_origins, err); /* all of it is looked at before any of it counts */
    if (rc == LIKEN_OK)
        rc = lk_http_check_proxies(o->trusted_proxies, err);
    if (rc == LIKEN_OK && o->tls_cert != NULL)
        rc = lk_http_reload_tls(api->http, o->tls_cert, o->tls_key, err);
    if (rc == LIKEN_OK)
        rc = lk_http_set_proxies(api->http, o->trusted_proxies, o->forwarded, err);
    if (rc == LIKEN_OK)
        rc = lk_origins_set(api->origins, o->allowed_origins, err);
    if (rc == LIKEN_OK)
        lk_pace_set(api->pace, o->address_rate);
    return rc;
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
    lk_follow_stop(api->follow);
    lk_http_stop(api->http);
    lk_chore_stop(api->uses);
    if (api->http != NULL) /* what came since its last round */
        (void)save_uses(api);
    lk_probe_stop(api->probe);
    lk_pace_free(api->pace);
    lk_origins_free(api->origins);
    lk_metrics_free(api->metrics);
    lk_repeats_free(api->repeats);
    lk_keyring_free(api->keys);
    free(api->routes);
    free(api->address);
    free(api->data);
    free(api->store);
    free(api->legacy);
    free(api->public_url);
    free(api);
}
