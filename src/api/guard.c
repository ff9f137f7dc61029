/* guard.c - who may.
 *
 * With keys: every route that names a scope wants a key that has it, and for its collection.
 * Without keys the server listens on loopback only, where any program of this machine may use it. A browser is such a
 * program, and it runs pages of strangers: so an open server answers only to a loopback Host (a stranger's name that
 * resolves to 127.0.0.1 is DNS rebinding), and takes changes only from pages of its own origin, and of those that
 * allowed-origins names.
 *
 * The keys in memory say at once, on the connection's thread, who surely may go on and who has no key at all. Whatever
 * else is asked of the store, where keys are, on a thread that may wait for it; and so is every request before it is
 * done, so that a key counts, and no longer counts, from the next request on. While the store does not answer nobody
 * is let in where a key is needed; a server that never had one stays open to this machine. A key is looked up once a
 * request, and again only where the keys have changed since. How often is another question (pace.c), asked once a
 * request: of its address before all else, of its key when that is known to be good. /metrics alone, which must answer
 * while the disk does not, takes the keys in memory. */
#include "api/api_int.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

bool lk_guard_is_loopback(const char *address) {
    return strcasecmp(address, "localhost") == 0 || strcmp(address, "::1") == 0 ||
           (strncmp(address, "127.", 4) == 0 && strspn(address, "0123456789.") == strlen(address));
}

/* The name in "name", "name:port", "[v6]" or "[v6]:port". */
static bool host_name(const char *host, char *name, size_t room) {
    const bool bracket = *host == '[';
    const char *start = host + bracket;
    const size_t n = strcspn(start, bracket ? "]" : ":");
    const char *rest = start + n;
    if (bracket && *rest++ != ']')
        return false;
    if (n == 0 || n >= room || (*rest != '\0' && (*rest != ':' || strspn(rest + 1, "0123456789") != strlen(rest + 1))))
        return false;
    memcpy(name, start, n);
    name[n] = '\0';
    return true;
}

static bool refuse(lk_request *r, int status, const char *code, const char *sentence) {
    lk_answer_problem(r, status, code, sentence, NULL, -1);
    return false;
}

static bool reads_only(const lk_request *r) {
    return strcmp(lk_request_method(r), "GET") == 0 || strcmp(lk_request_method(r), "HEAD") == 0;
}

bool lk_guard_own(const lk_api *api, const char *origin, const char *host) {
    const char *scheme = api->tls ? "https://" : "http://";
    const size_t size = strlen(scheme);
    return host != NULL && strncasecmp(origin, scheme, size) == 0 && strcasecmp(origin + size, host) == 0;
}

static bool admit_open(const lk_api *api, lk_request *r) {
    char name[256];
    const char *host = lk_request_header(r, "Host"), *origin = lk_request_header(r, "Origin");
    const char *site = lk_request_header(r, "Sec-Fetch-Site");
    if (!lk_guard_is_loopback(lk_request_peer(r))) /* a trusted proxy says so */
        return refuse(r, 403, "foreign_host",
                      "This server has no keys and answers only to its own machine; make a key to serve others.");
    if (host != NULL && (!host_name(host, name, sizeof name) || !lk_guard_is_loopback(name)))
        return refuse(r, 403, "foreign_host",
                      "This server has no keys and answers only to localhost; make a key to serve under another name.");
    if (reads_only(r))
        return true;
    if (origin != NULL && lk_origins_allow(api->origins, origin))
        return true;
    const bool own = origin == NULL || lk_guard_own(api, origin, host);
    if (!own || (site != NULL && strcasecmp(site, "same-origin") != 0 && strcasecmp(site, "none") != 0))
        return refuse(r, 403, "foreign_origin",
                      "This server has no keys and takes no changes from another site's page; make a key for that.");
    return true;
}

/* What is known of a request's key; the note of the request. */
struct found {
    bool known, looked, expired;
    bool address_paid, key_paid, wrong; /* told to pace.c */
    unsigned long long version;         /* of the keys, when it was looked up */
    lk_key key;
};

static struct found *found_of(lk_request *r) {
    return lk_request_note(r, sizeof(struct found));
}

/* The key that was sent, or what was sent in its place; NULL: nothing was. */
static const char *sent_key(const lk_request *r) {
    const char *header = lk_request_header(r, "Authorization");
    if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
        return NULL;
    return header + 7 + strspn(header + 7, " ");
}

const lk_key *lk_guard_key(lk_api *api, lk_request *r) {
    const char *sent = sent_key(r);
    struct found *f = found_of(r);
    if (sent == NULL)
        return NULL;
    const unsigned long long version = lk_keyring_version(api->keys);
    if (f == NULL) /* nothing is opened without memory */
        return NULL;
    if (!f->looked || f->version != version) {
        f->known = lk_keyring_find(api->keys, sent, &f->key);
        f->version = version;
        f->looked = true;
    }
    f->expired = f->known && lk_key_expired(&f->key, lk_clock_now());
    return f->known && !f->expired ? &f->key : NULL;
}

/* Its key is none that opens anything: that is told to pace.c, once. */
static void note_wrong(lk_api *api, lk_request *r) {
    struct found *f = found_of(r);
    char what[LK_KEY_NAME_MAX + 64] = "A key that is not known";
    if (f == NULL || f->wrong || sent_key(r) == NULL)
        return;
    f->wrong = true;
    if (f->expired)
        (void)snprintf(what, sizeof what, "The key %s, which has expired,", f->key.name);
    lk_pace_wrong(api->pace, r, what);
}

/* Each once a request. False: answered. */
static bool pay_address(lk_api *api, lk_request *r, const lk_row *row) {
    struct found *f = found_of(r);
    if (f == NULL || f->address_paid || (row->scope == 0 && row->lane == LK_LANE_AT_ONCE))
        return true;
    f->address_paid = true;
    return lk_pace_address(api->pace, r);
}

static bool pay_key(lk_api *api, lk_request *r, const lk_key *key) {
    struct found *f = found_of(r);
    if (f == NULL || f->key_paid)
        return true;
    f->key_paid = true;
    return lk_pace_key(api->pace, r, key);
}

static const char *collection_of(const lk_api *api, const lk_request *r, const lk_row *row, const lk_key *key) {
    if (row->about == LK_ABOUT_ANY)
        return key->collection; /* whichever it is bound to */
    return row->about == LK_ABOUT_LEGACY ? api->legacy : lk_request_param(r, "c");
}

void lk_guard_refuse_keyless(lk_request *r) {
    const struct found *f = found_of(r);
    char when[32], sentence[160];
    lk_respond_header(r, "WWW-Authenticate", "Bearer");
    if (f == NULL || !f->expired) {
        (void)refuse(r, 401, "no_key", "This needs a valid key: send \"Authorization: Bearer lk_...\".");
        return;
    }
    lk_clock_format(f->key.limits.expires_at, when, sizeof when);
    (void)snprintf(sentence, sizeof sentence, "This key ended at %s. Whoever runs the server can make a new one.",
                   when);
    (void)refuse(r, 401, "key_expired", sentence);
}

static bool admit_key(lk_api *api, lk_request *r, const lk_row *row) {
    const lk_key *key = lk_guard_key(api, r);
    if (key == NULL) {
        lk_guard_refuse_keyless(r);
        note_wrong(api, r);
        return false;
    }
    const char *collection = collection_of(api, r, row, key);
    if (!lk_key_allows(key, row->scope, collection)) {
        char scope[40], sentence[160];
        lk_scopes_format(row->scope, scope, sizeof scope);
        (void)snprintf(sentence, sizeof sentence, "This key does not allow that: it takes the scope %s for %s.", scope,
                       collection != NULL && collection[0] != '\0' ? "this collection" : "all collections");
        return refuse(r, 403, "forbidden", sentence);
    }
    if (!pay_key(api, r, key))
        return false;
    lk_keyring_used(api->keys, key, lk_clock_now());
    return true;
}

static bool admit(lk_api *api, lk_request *r, const lk_row *row) {
    if (lk_api_open(api))
        return admit_open(api, r);
    return row->scope == 0 || admit_key(api, r, row);
}

lk_glance lk_guard_glance(lk_request *r, const lk_route *route, void *ctx) {
    lk_api *api = ctx;
    const lk_row *row = route->tag;
    if (!pay_address(api, r, row))
        return LK_MAY_NOT;
    if (row->scope == 0 || lk_api_open(api) || sent_key(r) == NULL)
        return admit(api, r, row) ? LK_MAY : LK_MAY_NOT;
    const lk_key *key = lk_guard_key(api, r);
    if (key != NULL && lk_key_allows(key, row->scope, collection_of(api, r, row, key)))
        return admit(api, r, row) ? LK_MAY : LK_MAY_NOT;
    return key != NULL || lk_pace_guess(api->pace, r) ? LK_NOT_SURE : LK_MAY_NOT;
}

bool lk_guard_still_may(lk_api *api, lk_request *r) {
    const lk_row *row = lk_row_of(r);
    if (lk_keyring_refresh(api->keys, NULL) != LIKEN_OK)
        return false;
    if (lk_api_open(api))
        return true;
    const lk_key *key = lk_guard_key(api, r);
    return key != NULL && lk_key_allows(key, row->scope, collection_of(api, r, row, key));
}

bool lk_guard_admit(lk_request *r, const lk_route *route, void *ctx) {
    lk_api *api = ctx;
    const lk_row *row = route->tag;
    liken_error err = {0};
    if (lk_keyring_refresh(api->keys, &err) != LIKEN_OK && row->scope != 0 && !lk_api_open(api)) {
        lk_answer_error(r, &err);
        return false;
    }
    return admit(api, r, row);
}
