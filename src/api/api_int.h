/* api_int.h - private to api/.
 *
 *   api.c      start and stop
 *   routes.c   the table: one row says everything of a route
 *   dispatch.c from a request to its row's function
 *   guard.c    who may: keys, and on an open server which browser pages
 *   answer.c   JSON answers and problems (RFC 9457), of parameters too
 *   hide.c     what a problem does not tell
 *   hints.c    what a body is that is not what it is said to be
 *   repeat.c   Idempotency-Key
 *   metrics.c  counters and /metrics
 *   origins.c  pages of other sites
 *   pace.c     how often: rates, and wrong keys
 *   public.c   addresses in answers
 *   probe.c    how the store is, known without waiting for it
 *   follow.c   wakes the streams of events when something happened
 *   pages.c    the pages of web/, which lie in the program (pages.h)
 *   collections.c images.c faces.c pictures.c events.c search.c compare.c detect.c status.c legacy.c   the resources */
#ifndef LK_API_API_INT_H
#define LK_API_API_INT_H

#include "api/api.h"
#include "auth/auth.h"
#include "base/chore.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "wire/args.h"
#include "wire/json.h"

#include <stdatomic.h>

#define LK_LEGACY_FILE ((size_t)10 << 20) /* the legacy system's own limit of a photo */

#define LK_PICTURES_HELD ((size_t)128 << 20) /* bytes of pictures that clients are still taking, all together */

typedef struct lk_metrics lk_metrics;
typedef struct lk_origins lk_origins;
typedef struct lk_pace lk_pace;
typedef struct lk_probe lk_probe;
typedef struct lk_follow lk_follow;
typedef struct lk_repeats lk_repeats;

struct lk_api {
    liken *lk;
    lk_http *http;
    lk_route *routes; /* of the rows, in their order */
    lk_keyring *keys;
    lk_metrics *metrics;
    lk_pace *pace;
    lk_origins *origins;
    lk_chore *uses;   /* writes down when keys were used */
    int uses_trouble; /* the last time; the chore's own */
    lk_probe *probe;
    lk_follow *follow;
    lk_repeats *repeats;
    char *address;
    char *data, *store; /* places that no answer tells of, or NULL */
    char *public_url;   /* without a slash at its end; NULL: not known */
    const char *base;   /* its path, "/liken"; NULL: it has none */
    char *legacy;       /* the collection of the two legacy calls */
    bool loopback, tls;
    atomic_bool had_keys; /* since it started */
    size_t max_file;
    _Atomic size_t pictures_held; /* bytes of pictures that are on their way to clients */
};

/* One request on its way through a resource: what the dispatcher found before, and where the answer goes. */
typedef struct lk_ask {
    lk_api *api;
    lk_request *request;
    const lk_key *key;      /* it came with; NULL: none was needed */
    const char *collection; /* that it is about; NULL: about none, or all */
    liken_call call;        /* on whose behalf the library is called */
    int64_t id;             /* the {id} of the address; 0: it has none */
    lk_args args;           /* all as the row's table says; not of a row without one */
} lk_ask;

/* Answers, exactly once. */
typedef void lk_resource_fn(lk_ask *q);

/* ---- routes.c ---- */

typedef enum lk_body { LK_BODY_SMALL, LK_BODY_PHOTO, LK_BODY_TWO_PHOTOS, LK_BODY_LEGACY } lk_body;

/* Which collection a key must be good for. */
typedef enum lk_about {
    LK_ABOUT_ADDRESS, /* the {c} of the address; where there is none, all of them */
    LK_ABOUT_ANY,     /* none is touched, or only what the key is bound to */
    LK_ABOUT_LEGACY   /* that of the legacy calls, in whose language it is answered */
} lk_about;

/* All that is to be said of a route; lk_route.tag. */
typedef struct lk_row {
    const char *method, *pattern; /* a part {id} is a whole number above 0 */
    lk_resource_fn *fn;
    const lk_param *params; /* NULL: whatever comes is left to fn, unread */
    lk_lane lane;
    bool writes;    /* see lk_route */
    lk_scope scope; /* 0: no key is needed */
    lk_about about;
    lk_body body;
    lk_lane (*lane_of)(const lk_request *r); /* see lk_route */
} lk_row;

extern const lk_row lk_rows[];
extern const size_t lk_row_count;

/* The largest body that any row takes, of photos of `max_file` bytes. */
size_t lk_rows_max_body(size_t max_file);
/* The same rows for http/; free() frees them. */
int lk_rows_routes(lk_route **out, size_t max_file, liken_error *err);
/* Of a request; NULL when no route fitted. */
const lk_row *lk_row_of(const lk_request *r);

/* ---- dispatch.c ---- */

lk_handler_fn lk_dispatch;

/* ---- guard.c ---- */

/* By the keys in memory, without waiting: a key that these do not allow may be a new one, so then it is not sure. */
lk_glance lk_guard_glance(lk_request *r, const lk_route *route, void *api);
/* By the keys as they are now. */
bool lk_guard_admit(lk_request *r, const lk_route *route, void *api);
bool lk_guard_is_loopback(const char *address);
/* Is a page of this origin one that came from us, by the Host that was asked for (NULL: none)? */
bool lk_guard_own(const lk_api *api, const char *origin, const char *host);
/* The key that the request came with, found once; NULL: none, or none that is known. It lasts as long as the request.
 */
const lk_key *lk_guard_key(lk_api *api, lk_request *r);
/* May a request that was admitted still go on, by the keys as they are now? For answers that last. On one thread at a
 * time. */
bool lk_guard_still_may(lk_api *api, lk_request *r);
/* 401: none, or one that counts no more. */
void lk_guard_refuse_keyless(lk_request *r);

/* ---- origins.c ---- */

/* `list`: "https://shop.example, http://localhost:3000"; NULL: none. ARG. */
int lk_origins_make(lk_origins **out, const char *list, liken_error *err);
void lk_origins_free(lk_origins *o);
int lk_origins_check(const char *list, liken_error *err);
/* Others from now on. Any thread. */
int lk_origins_set(lk_origins *o, const char *list, liken_error *err);
bool lk_origins_allow(lk_origins *o, const char *origin);
/* Tells the browser, with whatever the answer will be, whether the page may read it. */
void lk_origins_begin(lk_request *r, void *api);
/* Answers a browser that asks before. */
void lk_origins_preflight(lk_request *r, const char *methods, void *api);

/* ---- pace.c ---- */

/* Why it was too often; and how many keys were wrong. */
typedef enum lk_pace_why { LK_PACE_ADDRESS, LK_PACE_KEY, LK_PACE_GUESSES, LK_PACE_WRONG, LK_PACE_WHYS } lk_pace_why;

int lk_pace_make(lk_pace **out, lk_rate address_rate, liken_error *err);
void lk_pace_free(lk_pace *p);
void lk_pace_set(lk_pace *p, lk_rate address_rate); /* of each address from now on; {0}: any */
unsigned long long lk_pace_refused(const lk_pace *p, lk_pace_why why);
/* One request more. False: it is answered 429. None of these waits. */
bool lk_pace_address(lk_pace *p, lk_request *r);
bool lk_pace_key(lk_pace *p, lk_request *r, const lk_key *key);
/* Its address tries a key that is not known. */
bool lk_pace_guess(lk_pace *p, lk_request *r);
/* Its key is wrong: says so in the log ("A key that is not known"), counts, and holds the answer back. */
void lk_pace_wrong(lk_pace *p, lk_request *r, const char *what);

/* ---- answer.c ---- */

/* Takes the reference; NULL (out of memory) becomes a 503. */
void lk_answer_json(lk_request *r, int status, json_t *json);
/* The same with JSON that is written already; NULL: memory did not suffice for it. */
void lk_answer_line(lk_request *r, int status, const char *line);
void lk_answer_empty(lk_request *r); /* 204 */
/* `limit` < 0: none was broken; `parameter` NULL: it was about none. */
void lk_answer_problem(lk_request *r, int status, const char *code, const char *sentence, const char *parameter,
                       double limit);
/* The HTTP status of a liken_status. */
int lk_answer_status(int code);
const char *lk_answer_title(int status); /* "Not Found" */
/* With that status. Trouble of the server's own is logged whole, and told without places (hide.c). */
void lk_answer_error(lk_request *r, const liken_error *err);
/* The same with a status, and the parameter that it is about, of the caller's choice. */
void lk_answer_error_as(lk_request *r, int status, const liken_error *err, const char *parameter);
void lk_answer_fault(lk_request *r, int status, const char *sentence, void *api);

/* True when a fault stuck, or the body is not what it is said to be; the request is answered with it then. */
bool lk_args_refused(lk_args *a);
/* Answers with what went wrong with photos of these names: what is no photo at all may be told better than by err. */
void lk_args_answer_photo(lk_args *a, const char *const *names, size_t count, const liken_error *err);

/* ---- hide.c ---- */

/* Copies the text, cut to `room`, without paths and addresses; `known`: some that it may hold (NULLs are skipped). */
void lk_hide_places(const char *text, const char *const *known, size_t count, char *out, size_t room);

/* ---- hints.c ---- */

#define LK_HINT_ROOM 512

/* Is the body plainly something else than its Content-Type says? Then the sentence tells what, and what to write. */
bool lk_hint_body(const lk_request *r, char *sentence, size_t room);
/* The same for the bytes of a photo that was refused as none: a part, or the body (`name` NULL). */
bool lk_hint_photo(const char *name, const void *bytes, size_t size, char *sentence, size_t room);

/* ---- repeat.c: the first answer to an Idempotency-Key is the answer to its repetitions ---- */

/* A request that is being worked on; its worker's. Start from {0} with all but `name` and `next` set. */
typedef struct lk_repeat {
    char name[LK_SHA256_HEX];  /* "" when it carries no key */
    char print[LK_SHA256_HEX]; /* of what was asked for beside the photo */
    const void *photo;         /* borrowed until lk_repeats_end */
    size_t photo_size;
    struct lk_repeat *next;
} lk_repeat;

int lk_repeats_make(lk_repeats **out, liken_error *err);
void lk_repeats_free(lk_repeats *repeats);
/* False when the request is answered: with the first answer to its key, or with 409 since that came with another
 * request. Else it is to be worked on, and lk_repeats_end must follow; repetitions wait until then. */
bool lk_repeats_begin(lk_ask *q, lk_repeat *it);
/* Remembers the answer: the image that it is about, status and body. `body` NULL: there is none worth repeating. */
void lk_repeats_end(lk_repeats *repeats, lk_repeat *it, const liken_image *image, int status, const char *body);

/* ---- metrics.c ---- */

int lk_metrics_make(lk_metrics **out, const lk_route *routes, size_t count, liken_error *err);
void lk_metrics_free(lk_metrics *m);
void lk_metrics_done(const lk_request *r, int status, double seconds, void *api);

/* ---- probe.c ---- */

typedef struct lk_finding {
    liken_error trouble; /* code 0: the store answers; else the rest is not known */
    liken_error full;    /* code 0: photos can be stored; else the disk is full */
    bool models;         /* the server has its models */
    bool read_only;      /* nothing can be changed */
    int decoders;
    int64_t collections, images, faces, indexed, decoders_lost;
    uint64_t index_bytes;
} lk_finding;

/* Looks once, then again and again on a thread of its own, at the keys as well. */
int lk_probe_start(lk_probe **out, liken *lk, lk_keyring *keys, liken_error *err);
/* Never waits. */
void lk_probe_read(lk_probe *p, lk_finding *out);
void lk_probe_stop(lk_probe *p);

/* ---- follow.c ---- */

int lk_follow_start(lk_follow **out, liken *lk, lk_http *http, liken_error *err);
/* Before the server is stopped. */
void lk_follow_stop(lk_follow *f);

/* ---- public.c ---- */

/* Takes the address over that clients find the server at (NULL: none is known). ARG: it is none. */
int lk_public_take(lk_api *api, const char *url, liken_error *err);
/* The address that clients know this path by: behind the public one, where that is known. */
void lk_public_address(const lk_api *api, const char *path, char *out, size_t room);
/* Adds it to the answer as its Location. */
void lk_public_location(lk_request *r, const char *path);

/* ---- resources ---- */

lk_resource_fn lk_collections_list, lk_collections_create, lk_collections_get, lk_collections_change,
    lk_collections_remove;
lk_resource_fn lk_images_add, lk_images_list, lk_images_get, lk_images_change, lk_images_remove;
lk_resource_fn lk_faces_get, lk_faces_remove;
lk_resource_fn lk_pictures_image, lk_pictures_face, lk_pictures_link, lk_pictures_linked_image, lk_pictures_linked_face,
    lk_pictures_preview;
lk_resource_fn lk_search, lk_compare, lk_detect, lk_events;
/* A photo goes to its lane; a face or a descriptor does not wait behind photos. */
lk_lane lk_search_lane(const lk_request *r);
lk_lane lk_pictures_lane(const lk_request *r);
lk_resource_fn lk_pages_document, lk_pages_asset;
lk_resource_fn lk_status, lk_health, lk_ready, lk_metrics_get;
lk_resource_fn lk_legacy_add, lk_legacy_search;

/* Holds a search to what its key may; `asked`: its limit was. False: it is answered, with 403 or what went wrong. */
bool lk_search_hold(lk_ask *q, liken_search_options *o, bool asked);
/* What the parameters min_face and thorough ask for together, as liken_options.min_face. */
int lk_ask_min_face(const lk_ask *q);
/* Adds the Location of a stored image to the answer. */
void lk_images_place(lk_request *r, const liken_image *image);
/* LIKEN_OK when the face is one of the collection that is asked about. */
int lk_faces_check(const lk_ask *q, int64_t face, liken_error *err);

/* Answers a fault on one of the legacy routes; false when the request is on another. */
bool lk_legacy_fault(lk_request *r, int status, const char *sentence);

#endif
