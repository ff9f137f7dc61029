/* origins.c - pages of other sites (CORS): which may read answers.
 *
 * A browser lets a page of another origin read an answer only where the answer says so, and asks before (OPTIONS, the
 * preflight) whatever a plain form could not have sent. The origins that --allowed-origins names are told so on every
 * answer, refusals included, since a page must see why it was refused; to all others nothing is told, so that their
 * browsers keep everything from them. Keys are what opens the server: this opens nothing by itself, but for a server
 * without keys, where it lets these pages do what the machine's own programs may.
 *
 * No origin is a pattern, and "*" is none: a page of a stranger is never meant. */
#include "api/api_int.h"
#include "auth/rates.h"
#include "base/clock.h"
#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ORIGIN_MAX 255
#define TOLD 1024 /* origins that the log is not told of again */

static const lk_rate seldom = {1, 3600};

struct lk_origins {
    pthread_mutex_t lock;
    char *list; /* parted by commas or spaces; NULL: none */
    lk_rates *told;
};

/* "https://shop.example" or "http://localhost:3000". */
static bool is_origin(const char *text, size_t size) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]";
    const size_t scheme = size > 8 && strncasecmp(text, "https://", 8) == 0  ? 8
                          : size > 7 && strncasecmp(text, "http://", 7) == 0 ? 7
                                                                             : 0;
    return scheme > 0 && size <= ORIGIN_MAX && strspn(text + scheme, plain) >= size - scheme;
}

int lk_origins_check(const char *list, liken_error *err) {
    for (const char *p = list == NULL ? "" : list + strspn(list, ", "); *p != '\0'; p += strspn(p, ", ")) {
        const size_t size = strcspn(p, ", ");
        if (!is_origin(p, size))
            return lk_fail(
                err, LIKEN_E_ARG,
                "\"%.*s\" is no origin of pages: write scheme, name and port alone, like https://shop.example "
                "or http://localhost:3000, parted by commas.",
                size > 60 ? 60 : (int)size, p);
        p += size;
    }
    return LIKEN_OK;
}

int lk_origins_set(lk_origins *o, const char *list, liken_error *err) {
    const int rc = lk_origins_check(list, err);
    if (rc != LIKEN_OK)
        return rc;
    char *copy = list == NULL ? NULL : strdup(list);
    if (list != NULL && copy == NULL)
        return lk_fail_memory(err);
    pthread_mutex_lock(&o->lock);
    char *before = o->list;
    o->list = copy;
    pthread_mutex_unlock(&o->lock);
    free(before);
    return LIKEN_OK;
}

int lk_origins_make(lk_origins **out, const char *list, liken_error *err) {
    lk_origins *o = calloc(1, sizeof *o);
    if (o == NULL)
        return lk_fail_memory(err);
    pthread_mutex_init(&o->lock, NULL);
    int rc = lk_rates_make(&o->told, TOLD, err);
    if (rc == LIKEN_OK)
        rc = lk_origins_set(o, list, err);
    if (rc == LIKEN_OK)
        *out = o;
    else
        lk_origins_free(o);
    return rc;
}

void lk_origins_free(lk_origins *o) {
    if (o == NULL)
        return;
    lk_rates_free(o->told);
    pthread_mutex_destroy(&o->lock);
    free(o->list);
    free(o);
}

bool lk_origins_allow(lk_origins *o, const char *origin) {
    const size_t wanted = strlen(origin);
    bool found = false;
    pthread_mutex_lock(&o->lock);
    for (const char *p = o->list == NULL ? "" : o->list + strspn(o->list, ", "); *p != '\0' && !found;
         p += strspn(p, ", ")) {
        const size_t size = strcspn(p, ", ");
        found = size == wanted && strncasecmp(p, origin, size) == 0;
        p += size;
    }
    pthread_mutex_unlock(&o->lock);
    return found;
}

/* ---- of a request ---- */

/* Does the page come from where clients find the server? Then its browser asks nobody. */
static bool is_public(const lk_api *api, const char *origin) {
    const size_t size = strlen(origin);
    return api->public_url != NULL && strncasecmp(api->public_url, origin, size) == 0 &&
           (api->public_url[size] == '\0' || api->public_url[size] == '/');
}

/* The browser shows the page nothing, so whoever runs the server is told: once an hour of each. */
static void tell(lk_origins *o, const char *origin) {
    uint8_t hash[LK_SHA256_BYTES];
    double wait = 0;
    lk_sha256(origin, strlen(origin), hash);
    if (is_origin(origin, strlen(origin)) && lk_rates_take(o->told, hash, seldom, lk_clock_monotonic(), &wait))
        lk_log(LIKEN_LOG_WARN,
               "A page of %s asked, and its browser keeps the answer from it: allowed-origins does not name that "
               "origin.",
               origin);
}

void lk_origins_begin(lk_request *r, void *ctx) {
    const lk_api *api = ctx;
    const char *origin = lk_request_header(r, "Origin");
    lk_respond_header(r, "Vary", "Origin");
    if (origin == NULL)
        return;
    if (!lk_origins_allow(api->origins, origin)) {
        if (!lk_guard_own(api, origin, lk_request_header(r, "Host")) && !is_public(api, origin))
            tell(api->origins, origin);
        return;
    }
    lk_respond_header(r, "Access-Control-Allow-Origin", origin);
    lk_respond_header(r, "Access-Control-Expose-Headers",
                      "ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id");
}

void lk_origins_preflight(lk_request *r, const char *methods, void *ctx) {
    const lk_api *api = ctx;
    const char *origin = lk_request_header(r, "Origin");
    if (origin == NULL || lk_request_header(r, "Access-Control-Request-Method") == NULL)
        return; /* OPTIONS for its own sake: 405 */
    if (!lk_origins_allow(api->origins, origin)) {
        lk_answer_problem(r, 403, "foreign_origin",
                          "Pages of this origin may not use the server: its setting allowed-origins does not name it.",
                          NULL, -1);
        return;
    }
    lk_respond_header(r, "Access-Control-Allow-Methods", methods);
    lk_respond_header(r, "Access-Control-Allow-Headers",
                      "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID");
    lk_respond_header(r, "Access-Control-Max-Age", "600");
    lk_answer_empty(r);
}
