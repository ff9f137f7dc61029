/* http.h - an HTTP/1.1 server that knows no faces (libmicrohttpd and GnuTLS are named only here).
 *
 * docs/http.md tells what is done about clients that hang up, stall or flood, and what libmicrohttpd decides alone.
 *
 * A route is a method and a path pattern with {name} parts, of which the last may be {name*}: it stands for the rest of
 * the address, one part at least ("/files/{path*}" for /files/css/a.css: "css/a.css", each part percent-decoded). Where
 * a part of the rest is empty, "." or "..", or holds a "/" once it is decoded, that does not fit. Of the patterns that
 * fit the first in the table counts; one with {name*} only where none without it fits, whatever its method. The body is
 * received, counted and bounded while it streams; multipart forms come apart into parts. A handler runs in the lane of
 * its route: at once on the connection's own thread, where nothing may wait, or on the threads of a lane behind a
 * bounded queue. When that is full, or did not come to the request in time, the client gets 503 with Retry-After. */
#ifndef LK_HTTP_HTTP_H
#define LK_HTTP_HTTP_H

#include "base/buf.h"

typedef struct lk_http lk_http;
typedef struct lk_request lk_request;

/* Reading a request. Returned pointers live as long as the request; NULL when absent. */
const char *lk_request_method(const lk_request *r);
const char *lk_request_path(const lk_request *r);
const char *lk_request_param(const lk_request *r, const char *name); /* {name} of the pattern, percent-decoded */
const char *lk_request_query(const lk_request *r, const char *name); /* ?name=value, decoded, first one */
/* All of them in order; false beyond the last. */
bool lk_request_query_at(const lk_request *r, size_t i, const char **name, const char **value);
const char *lk_request_header(const lk_request *r, const char *name);
/* Is this the media type of the body, whatever parameters follow it? */
bool lk_request_is(const lk_request *r, const char *media_type);
const char *lk_request_peer(const lk_request *r); /* "127.0.0.1"; "unknown": a proxy does not name it */
/* The same as 16 bytes, for counting: of IPv4 mapped into IPv6, of IPv6 its /64, which is what one subscriber is given.
 */
void lk_request_address(const lk_request *r, uint8_t out[16]);
/* Is its client gone? Then nobody need work for it. Any thread, while the request lives. */
bool lk_request_gone(const lk_request *r);
lk_http *lk_request_server(const lk_request *r);
void *lk_request_ctx(const lk_request *r); /* lk_http_options.ctx */
/* Memory of the callbacks' own that lasts as long as the request: zeroed at first, the same from then on, whatever
 * `size` is. NULL: out of memory. */
void *lk_request_note(lk_request *r, size_t size);
const char *lk_request_id(const lk_request *r); /* random, also sent as X-Request-Id */

typedef struct lk_part {
    const char *name, *filename, *type;
    const void *data;
    size_t size;
} lk_part;
/* Of multipart/form-data or application/x-www-form-urlencoded, or the photos of a JSON body. Part data is
 * NUL-terminated beyond its size. */
const lk_part *lk_request_part(const lk_request *r, const char *name);
size_t lk_request_part_count(const lk_request *r);
const lk_part *lk_request_part_at(const lk_request *r, size_t i);
bool lk_request_has_body(const lk_request *r); /* known with the headers */
/* The raw body of any other content type; JSON with null in place of photos that became parts. */
const void *lk_request_body(const lk_request *r, size_t *size);
/* The first bytes of the body, whatever became of it: some 128 at most. */
const void *lk_request_start(const lk_request *r, size_t *size);

/* Answering: exactly one of these per request; the first counts. Body is copied. */
void lk_respond(lk_request *r, int status, const char *content_type, const void *body, size_t size);
/* Adds a header to the answer; call before the answer. The value is copied, the name borrowed. */
void lk_respond_header(lk_request *r, const char *name, const char *value);

/* A refusal of `glance` or `admit` is to be held back so long, and a second more at most; no thread waits for it. */
void lk_respond_late(lk_request *r, double seconds);

typedef struct lk_bytes {
    const void *bytes;
    size_t size;
} lk_bytes;

/* A file that is in memory. */
typedef struct lk_file {
    const char *type; /* copied, as the tag is */
    lk_bytes plain;
    lk_bytes gzip, brotli; /* the same, compressed already; {0}: there is none */
    const char *etag;      /* of printable ASCII without spaces and quotes; other bytes, another tag. NULL: none */
    int max_age;           /* seconds in which nobody need ask again; 0: ask each time */
    bool immutable;        /* nor then */
    bool personal;         /* not for caches that several people share */
    void (*release)(void *owner); /* called once, on any thread, when nobody reads the bytes any more; NULL: they
                                     outlive the server */
    void *owner;
} lk_file;

/* 200 with the bytes, which are not copied, in the shortest coding that the client takes (Accept-Encoding; Vary tells
 * caches of it), or 304 where the client has them (If-None-Match: tags, a list of them, "*"; a coding has its own tag).
 */
void lk_respond_file(lk_request *r, const lk_file *file);
/* The weight, in thousandths, that stands behind a name in a header like Accept: ";q=0.5", or nothing, which is 1000.
 */
int lk_http_weight(const char *behind);

typedef enum lk_lane {
    LK_LANE_AT_ONCE, /* never waits: for no lock that is held during I/O, no disk, no store, no network */
    LK_LANE_STORE,   /* may wait for the store, a disk, a lock */
    LK_LANE_PHOTO,   /* decodes and describes, or loads what does; and then may wait as well */
    LK_LANES
} lk_lane;

typedef enum lk_streamed {
    LK_STREAM_MORE,        /* wrote some bytes */
    LK_STREAM_NOTHING_YET, /* to be asked again after lk_http_wake_streams; ends the stream when the server stops */
    LK_STREAM_END,
    LK_STREAM_FAILED, /* the connection is closed, so that the client sees that this was not the end */
} lk_streamed;

/* An answer that comes bit by bit. Its texts are borrowed until `close`. */
typedef struct lk_stream {
    const char *type;
    uint64_t size; /* of all bytes, where known; 0: not known. Fewer, and the stream has failed; more are not sent */
    /* Writes up to `room` bytes (100 at least, but for the last of a size that is known) once the client has taken what
     * came before; of `lane`, as handlers do.
     */
    lk_streamed (*next)(void *cls, void *to, size_t room, size_t *size);
    lk_lane lane;
    void (*close)(void *cls); /* once, on any thread, however it went; it must not wait */
    void *cls;
    const char *beat; /* up to 100 bytes sent where the source had nothing for so many seconds (":\n\n" of
                         server-sent events), so that whoever is gone is found out; NULL: none. Not with a size */
    int beat_seconds; /* 1 or more */
} lk_stream;

/* 200 with what the stream yields; 503 when too many are open (max_streams; one address may have half of them, loopback
 * excepted). Takes the stream over in either case. */
void lk_respond_stream(lk_request *r, const lk_stream *stream);

typedef void lk_handler_fn(lk_request *r, void *ctx);

typedef struct lk_route {
    const char *method, *pattern; /* "POST", "/v1/collections/{c}/images" */
    lk_handler_fn *fn;
    lk_lane lane;
    bool writes; /* to the store, and so may wait for its lock: on threads that the lane's other routes do not use */
    const void *tag; /* the caller's own, e.g. the scope the route needs */
    size_t max_body; /* bytes; 0: the server's max_body */
    size_t max_json; /* bytes of a body of application/json that may hold photos (lk_http_options.files) as strings of
                        base64, which become parts; what is left of it is held to the server's max_json. 0: no photos,
                        and the server's max_json */
    /* Chooses the lane of one request, when the headers are known and again when it is whole (of a form only then).
     * NULL: `lane`. */
    lk_lane (*lane_of)(const lk_request *r);
} lk_route;

const lk_route *lk_request_route(const lk_request *r); /* NULL when none fitted */
size_t lk_request_broken(const lk_request *r);         /* the limit of bytes that a 413 is about; 0: none */
const char *lk_request_blamed(const lk_request *r);    /* the part of the body that a fault is about; NULL: none */

typedef enum lk_glance { LK_MAY, LK_MAY_NOT, LK_NOT_SURE } lk_glance;

typedef struct lk_http_options {
    const char *address; /* "127.0.0.1" */
    int port;            /* 0: any free one */
    int threads;         /* of connections; default 4 */
    int workers;         /* photos at once, and as many again of the routes that write; default: number of CPUs */
    int store_threads;   /* of the store lane, and half as many of its routes that write; default 8 */
    size_t queue;        /* waiting requests in each lane, those that write apart; default 64 */
    int queue_seconds;   /* a request that waited longer is answered 503; default 60 */
    const char *tls_cert, *tls_key; /* files in PEM: then it speaks HTTPS, TLS 1.2 and later; NULL: plain HTTP */
    size_t max_body;                /* bytes; larger: 413 */
    size_t max_json;                /* the same for bodies of application/json, without their photos; 0: as all */
    const char *files;     /* names of form parts that may be as large as a body, separated by spaces; NULL: every part.
                              All others together hold 64 KiB at most, else 413 */
    size_t max_memory;     /* bytes of bodies held at a time, over all connections; one address may have half, or one
                              body; more: 503. Default 8 x max_body */
    int idle_timeout;      /* seconds; default 30 */
    int max_connections;   /* default 1024 */
    int max_streams;       /* answers by lk_respond_stream at a time; default: a quarter of the connections */
    const char *base_path; /* "/faces": addresses may begin with it, as a proxy may have it; NULL: none */
    const char *trusted_proxies; /* addresses and networks that tell of clients of theirs; NULL: none */
    bool forwarded;              /* in the header Forwarded; else in X-Forwarded-For */
    int max_per_peer; /* connections of one address (IPv6: of its /64), loopback excepted; default: half of all */
    /* Of each request, when its headers are there, on the connection's thread: it may add headers to the answer that is
     * to come, and answers nothing. NULL: nothing is added. */
    void (*begin)(lk_request *r, void *ctx);
    /* OPTIONS came for an address that has these methods ("GET, HEAD, POST"): answers, or leaves it at 405. Likewise.
     */
    void (*options)(lk_request *r, const char *methods, void *ctx);
    /* Who may. `glance` is called on the connection's thread before the body of a matched route is read, and must not
     * wait; where it is not sure, `admit` is asked on a thread of the store lane before the body is read. `admit` is
     * asked again on the lane's thread just before the handler runs. To refuse, both answer (lk_respond) first. NULL:
     * all may. */
    lk_glance (*glance)(lk_request *r, const lk_route *route, void *ctx);
    bool (*admit)(lk_request *r, const lk_route *route, void *ctx);
    /* Writes the answer for errors found in here: 400, 404, 405, 408, 413, 503. */
    void (*fault)(lk_request *r, int status, const char *sentence, void *ctx);
    /* After every answer, for logs and counters; `seconds` to its end, or to the first byte of a stream. */
    void (*done)(const lk_request *r, int status, double seconds, void *ctx);
    void *ctx; /* of all these and of the handlers */
} lk_http_options;

int lk_http_start(lk_http **out, const lk_http_options *options, const lk_route *routes, size_t count,
                  liken_error *err);
int lk_http_port(const lk_http *h);
/* Takes other certificate files, or what is in the same by now; on failure those that were there go on. UNSUPPORTED: it
 * was started without. */
int lk_http_reload_tls(lk_http *h, const char *cert, const char *key, liken_error *err);
/* ARG: it names no proxies. */
int lk_http_check_proxies(const char *trusted, liken_error *err);
/* Others are trusted from now on. */
int lk_http_set_proxies(lk_http *h, const char *trusted, bool forwarded, liken_error *err);
size_t lk_http_waiting(lk_http *h); /* requests waiting, in all lanes */
size_t lk_http_streams(lk_http *h); /* streams that are open */
/* Something has come: all streams that had nothing are asked again. Any thread, but not from within `next`. */
void lk_http_wake_streams(lk_http *h);

typedef struct lk_lane_state {
    size_t waiting, running;
    unsigned long long full, late, gone; /* since the start: no room, waited too long, dropped as the client left */
} lk_lane_state;
/* Of LK_LANE_STORE or LK_LANE_PHOTO: its routes that write, or the others. */
void lk_http_lane(lk_http *h, lk_lane lane, bool writes, lk_lane_state *out);
/* Stops listening, finishes what was accepted, frees. */
void lk_http_stop(lk_http *h);

#endif
