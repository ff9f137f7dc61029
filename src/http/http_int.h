/* http_int.h - private to http/: how a request is put together from its pieces.
 *
 *   target.c   "/a/{b}?c=d": taken apart, decoded, matched with a route (pure functions)
 *   file.c     answers from memory: tags, codings, caching
 *   framing.c  headers that contradict each other
 *   form.c     the parts of a body, as the readers of parts.h tell of them
 *   request.c  the request object: what handlers read, and the answer they leave
 *   linger.c   closing a connection whose client is still sending, so that it sees its answer
 *   patience.c connections that are over, or ought to be
 *   peers.c    what each address takes
 *   http.c     the server: starting, stopping
 *   accept.c   listening, accepting, turning away
 *   receive.c  headers, body, end of body
 *   lanes.c    where handlers run
 *   late.c     answers that are held back
 *   streams.c  answers that come bit by bit
 *   tls.c      certificates
 *   proxies.c  whom a proxy speaks for
 *   send.c     handing answers over */
#ifndef LK_HTTP_HTTP_INT_H
#define LK_HTTP_HTTP_INT_H

#include "base/arena.h"
#include "base/queue.h"
#include "http/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

/* ---- target.c ---- */

#define LK_TARGET_SEGMENTS 32
#define LK_TARGET_QUERIES 64

typedef struct lk_pair {
    const char *name, *value;
} lk_pair;

typedef struct lk_target {
    const char *path;                         /* as it came, without the query */
    const char *segments[LK_TARGET_SEGMENTS]; /* decoded; "/" has none */
    size_t segment_count;
    lk_pair queries[LK_TARGET_QUERIES]; /* decoded */
    size_t query_count;
} lk_target;

/* Takes apart a request target ("/a/b%20c?d=e", or with "http://host" before it); strings live in the arena.
 * LIKEN_E_ARG for a bad escape, a NUL, a control character, too many parts. */
int lk_target_parse(lk_target *t, lk_arena *arena, const char *raw, liken_error *err);

typedef struct lk_routed {
    const lk_route *route; /* NULL: nothing fits */
    lk_pair params[LK_TARGET_SEGMENTS];
    size_t param_count;
    char allow[64]; /* the methods that the path has, for 405; "" when it has none */
} lk_routed;

/* The target without the path that a proxy has the server below ("/faces"; NULL: none), where it begins with that. */
const char *lk_target_below(const char *raw, const char *base);

/* HEAD is answered by the route of GET. Out of memory looks like no route. */
void lk_route_find(lk_routed *out, lk_arena *arena, const lk_route *routes, size_t count, const char *method,
                   const lk_target *target);

/* ---- form.c ---- */

#define LK_FORM_PARTS 128
#define LK_FORM_NAME_MAX 256   /* bytes of a part's name */
#define LK_FORM_LABEL_MAX 4096 /* bytes of a filename or type */
#define LK_FORM_TEXT_MAX 65536 /* bytes of all parts together that are no files */

typedef struct lk_form lk_form;

/* Is a Content-Type (may be NULL) this media type? */
bool lk_media_is(const char *content_type, const char *media_type);
/* Is this content type one that lk_form reads? */
bool lk_form_reads(const char *content_type);
/* Of such a type, or of application/json, of which the members that `files` names become parts. Memory of all parts
 * together stays below max_body, the rest of JSON below max_json; `files` as in lk_http_options, borrowed. LIKEN_E_ARG
 * when the boundary is missing. */
int lk_form_start(lk_form **out, const char *content_type, const char *files, size_t max_body, size_t max_json,
                  liken_error *err);
int lk_form_feed(lk_form *f, const char *data, size_t size, liken_error *err);
/* After the last piece. LIKEN_E_ARG when the form was cut off or its boundary never came. */
int lk_form_finish(lk_form *f, liken_error *err);
/* The JSON without its photos; NULL when nothing came. */
const char *lk_form_json(const lk_form *f, size_t *size);
/* The name of the part in which feed, or finish in JSON, found a fault; or NULL. */
const char *lk_form_blamed(const lk_form *f);
size_t lk_form_count(const lk_form *f);
const lk_part *lk_form_at(const lk_form *f, size_t i);
void lk_form_free(lk_form *f);

/* ---- file.c ---- */

/* Is the tag in the value of an If-None-Match header? Weakness is not minded (RFC 9110, 13.1.2); "*" is any tag. */
bool lk_etag_listed(const char *list, const char *etag);
/* How much an Accept-Encoding header (NULL: none) wants the coding: 0 (not at all) to 1000; what it does not name: 0.
 */
int lk_coding_wanted(const char *accept, const char *coding);

/* ---- framing.c ---- */

/* What is wrong with the request's head: bytes that do not belong there, or headers that contradict each other; as a
 * sentence, NULL: nothing. `method` and `version` are libmicrohttpd's own pointers, not copies. */
const char *lk_framing_fault(const lk_request *r, const char *method, const char *version);

/* ---- linger.c ---- */

typedef struct lk_linger lk_linger;

int lk_linger_start(lk_linger **out, liken_error *err);
/* Takes the socket over: drops what still comes, for a few seconds at most, then closes it. `stranger`: less is done
 * for it, see there. */
void lk_linger_take(lk_linger *l, int fd, bool stranger);
void lk_linger_free(lk_linger *l);

/* ---- peers.c ---- */

typedef struct lk_peer {
    struct lk_peer *next;
    uint8_t address[16];
    bool local; /* loopback: as a rule a proxy, or one that is trusted: not held to the limit of connections */
    atomic_int connections;
    atomic_size_t held; /* bytes of bodies in memory */
    size_t streams;     /* under the lock of streams.c */
} lk_peer;
typedef struct lk_peers lk_peers;

int lk_peers_make(lk_peers **out, liken_error *err);
void lk_peers_free(lk_peers *p);
/* One connection more of this address; a trusted proxy is held to no more than loopback is. NULL: out of memory, and
 * nothing is counted; leave takes it. */
lk_peer *lk_peers_enter(lk_peers *p, const struct sockaddr *address, bool trusted);
/* Of an address that has a connection; borrowed while it has. */
lk_peer *lk_peers_find(lk_peers *p, const struct sockaddr *address);
void lk_peers_leave(lk_peers *p, lk_peer *peer);

/* ---- proxies.c ---- */

#define LK_PROXIES 64

typedef struct lk_network {
    uint8_t address[16];
    int bits; /* that count, of 128 */
} lk_network;

typedef struct lk_proxies {
    lk_network list[LK_PROXIES];
    size_t count;
    bool forwarded; /* they write Forwarded; else X-Forwarded-For */
} lk_proxies;

/* As 16 bytes, of IPv4 mapped into IPv6; and then what it is counted by: of IPv6 its /64. */
void lk_address_of(const struct sockaddr *address, uint8_t out[16]);
void lk_address_mask(uint8_t address[16]);
void lk_address_format(const uint8_t address[16], char *out, size_t room); /* `room` at least 46 */
/* Addresses and networks, parted by commas or spaces; NULL: none. ARG. */
int lk_proxies_parse(const char *text, bool forwarded, lk_proxies *out, liken_error *err);
bool lk_proxies_trust(const lk_proxies *p, const uint8_t address[16]);
/* From the address that a connection came from to its client, by the list that came with it (NULL: none). False: a
 * proxy that is trusted names somebody by no address, and so `client` is that proxy. */
bool lk_proxies_client(const lk_proxies *p, const char *list, uint8_t client[16]);
/* Settles who the client of a request is, once its headers are there. */
void lk_request_find_client(lk_request *r);
bool lk_http_trusts(lk_http *h, const struct sockaddr *peer);

/* ---- patience.c ---- */

typedef struct lk_patience lk_patience;
typedef struct lk_watch lk_watch;

/* What a connection is at: no request yet, or half its head; the body; a whole request, waiting or being worked on; the
 * answer being taken; a stream that has nothing to send. */
enum lk_stage { LK_STAGE_HEAD, LK_STAGE_BODY, LK_STAGE_WORK, LK_STAGE_ANSWER, LK_STAGE_STREAM };

int lk_patience_start(lk_patience **out, liken_error *err);
void lk_patience_free(lk_patience *p);
/* From now on the socket is looked after: hang-ups are noticed, and it is shut when the seconds are over. The peer is
 * borrowed. NULL, out of memory, is a watch that sees nothing and never ends; all below take it. */
lk_watch *lk_patience_watch(lk_patience *p, int fd, lk_peer *peer, double seconds);
/* The connection is at this now and has so many seconds for it; INFINITY: no end. From LK_STAGE_WORK until the next
 * call nothing else may be sent on the socket. */
void lk_patience_at(lk_patience *p, lk_watch *w, enum lk_stage stage, double seconds);
/* A byte has come. */
void lk_patience_moved(lk_patience *p, lk_watch *w);
/* Its client speaks HTTP/1.1, which skips "100 Continue". */
void lk_patience_skips_continue(lk_patience *p, lk_watch *w);
/* Is the client gone? Any thread, while the connection lives. */
bool lk_patience_gone(const lk_watch *w);
/* Will the client send no more, or is it gone? */
bool lk_patience_hung(lk_patience *p, const lk_watch *w);
lk_peer *lk_patience_peer(const lk_watch *w);
/* Before the socket is closed. */
void lk_patience_drop(lk_patience *p, lk_watch *w);
/* Makes room: shuts the connection (of this peer; NULL: of all) that can best be spared: one whose client hung up, else
 * the oldest without a whole head, else the oldest body, else an answer that nobody takes. Returns how many have been
 * shut so and are not closed yet. */
int lk_patience_evict(lk_patience *p, const lk_peer *peer);
/* The server stops: unfinished requests on which nothing moves are shut from now on. */
void lk_patience_hurry(lk_patience *p);

/* ---- request.c ---- */

#define LK_ANSWER_HEADERS 16
#define LK_BODY_START 128 /* bytes of a body that lk_request_start tells */

typedef struct lk_answer {
    int status; /* 0: not answered yet */
    const char *type;
    lk_bytes body;
    void (*release)(void *owner); /* of the body; NULL: it outlives the server */
    void *owner;
    lk_pair headers[LK_ANSWER_HEADERS];
    size_t header_count;
} lk_answer;

typedef struct lk_flow lk_flow;

struct lk_request {
    lk_http *server;
    struct MHD_Connection *connection; /* NULL in tests and fuzzing */
    lk_watch *watch;                   /* the connection's; NULL: none */
    const char *raw;                   /* the target where libmicrohttpd keeps it, and its size before it was decoded */
    size_t raw_size;
    lk_arena arena;
    liken_error fault; /* of the target; said once the method is known */
    lk_target target;
    lk_routed routed;
    char method[16], id[33], peer[48];
    uint8_t client[16];                  /* `peer` */
    bool begun, complete, running, sent; /* headers seen; body seen; counted as running; answer handed over */
    bool asked, has_body;                /* asked: whether it may, on another thread */
    struct crew *crew;                   /* whose queue it is or was in (lanes.c) */
    double queued;                       /* since when; or held back since */
    double late;                         /* seconds that its answer is to be held back */
    bool held_back;                      /* it is, or was */
    lk_request *next_late;               /* of those that are */
    atomic_bool worked;                  /* hands what another thread wrote to the one that sends it */
    size_t received, held, broken; /* bytes of the body: that came, that are in memory; the limit that a 413 is about */
    char start[LK_BODY_START];     /* of the body */
    size_t start_size;
    lk_form *form;
    lk_buf body;
    lk_answer answer;
    void *note;    /* lk_request_note */
    lk_flow *flow; /* of an answer that is a stream, or NULL */
    double first;  /* when the first byte of a stream was handed over; 0: not yet */
    int linger;    /* a duplicate of the socket, or -1 */
    double started;
};

lk_request *lk_request_make(lk_http *server, struct MHD_Connection *connection, const char *target);
void lk_request_free(lk_request *r);
/* Calls fn with each value of the header's lines, in order. */
void lk_request_each(const lk_request *r, const char *name, void (*fn)(const char *value, void *ctx), void *ctx);
/* Gives the answer's body back to whoever owns it. */
void lk_answer_drop(lk_answer *a);
/* The answer as one HTTP/1.1 message that closes the connection, for places where libmicrohttpd takes none. malloc'd.
 */
char *lk_request_wire(const lk_request *r, size_t *size);

/* ---- http.c ---- */

typedef struct lk_lanes lk_lanes;
typedef struct lk_streams lk_streams;
typedef struct lk_late lk_late;
typedef struct lk_tls lk_tls;

struct lk_http {
    lk_http_options o;
    const lk_route *routes;
    size_t route_count;
    struct MHD_Daemon *daemon;
    lk_lanes *lanes;
    lk_streams *streams;
    lk_late *late;
    lk_tls *tls; /* NULL: plain HTTP */
    lk_linger *linger;
    lk_patience *patience;
    lk_peers *peers;
    int listener, port, wake; /* wake ends the accept thread */
    pthread_t acceptor;
    bool accepting;
    atomic_size_t held;               /* bytes of bodies in memory */
    atomic_int connections, arriving; /* all; of them those that libmicrohttpd has not told of yet */
    int waits;                        /* for room, one after the other; the accept thread's own */
    pthread_mutex_t proxies_lock;
    lk_proxies proxies;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t changed;
    size_t active, running;
    bool stopping, cut; /* no new requests; not even those being received */
};

/* ---- accept.c ---- */

int lk_http_listen(lk_http *h, liken_error *err);
int lk_http_start_accepting(lk_http *h, liken_error *err);
void lk_http_stop_accepting(lk_http *h);
/* Wakes the thread that polls this eventfd. */
void lk_http_wake(int event);
/* The seconds that a request's headers have to arrive. */
double lk_http_head_seconds(const lk_http *h);
/* libmicrohttpd's word that a connection began or ended; its patience is watched in between. */
void lk_http_connection_changed(void *cls, struct MHD_Connection *connection, void **watch,
                                enum MHD_ConnectionNotificationCode what);

/* ---- receive.c: what libmicrohttpd calls ---- */

void *lk_http_request_line(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result lk_http_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                               const char *version, const char *data, size_t *size, void **state);
void lk_http_completed(void *cls, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode how);

/* ---- lanes.c ---- */

/* It takes the looks of `late`, which must outlive it. */
int lk_lanes_start(lk_lanes **out, const lk_http_options *o, lk_late *late, liken_error *err);
/* Once nothing runs and nothing waits. NULL is accepted. */
void lk_lanes_free(lk_lanes *l);
/* Answers a request whose lane has no room for it; said with its headers, so that its body need not come. */
void lk_lanes_check(lk_request *r);
/* Suspends the request until `admit` was asked; refused, it has an answer. */
void lk_lanes_ask(lk_request *r);
/* Counts the request as one that will be finished; false when it came too late. */
bool lk_lanes_enter(lk_request *r);
void lk_lanes_leave(lk_request *r);
/* Ends the suspension: from here on the request is the connection's thread's again, and may be gone. */
void lk_lanes_resume(lk_request *r);
/* Hands the request, suspended, to the lane for lk_streams_fill; false when there is no room for a stream. */
bool lk_lanes_fill(lk_request *r, lk_lane lane);
/* Runs the handler of a request that was received whole, here or in its lane. */
enum MHD_Result lk_lanes_run(lk_request *r);

/* ---- late.c ---- */

int lk_late_make(lk_late **out, liken_error *err);
/* Once none is held back. NULL is accepted. */
void lk_late_free(lk_late *l);
/* Suspends a request that has an answer which is to come late, once; false: there is nothing to wait for. Afterwards it
 * counts as running until lk_lanes_leave. */
bool lk_late_hold(lk_late *l, lk_request *r);
/* Resumes those whose time has come. */
void lk_late_look(lk_late *l);

/* ---- streams.c ---- */

/* Uses the server's patience. */
int lk_streams_start(lk_streams **out, const lk_http *h, liken_error *err);
/* The server stops: those that wait end now, others when they have nothing. NULL is accepted, here and below. */
void lk_streams_hurry(lk_streams *s);
/* Once no request is left. */
void lk_streams_free(lk_streams *s);
/* On a lane's thread: gets the next bytes, and resumes the request or leaves it waiting. */
void lk_streams_fill(lk_request *r);
struct MHD_Response *lk_streams_response(lk_request *r);
/* Of a request that may have a stream; on the connection's thread, before the connection ends. */
void lk_streams_close(lk_request *r);

/* ---- tls.c ---- */

/* Reads certificate (with its chain) and key from files in PEM. ARG says what is wrong with them; UNSUPPORTED. */
int lk_tls_make(lk_tls **out, const char *cert, const char *key, liken_error *err);
/* Takes others in their place; on failure those that were there go on. Any thread. */
int lk_tls_load(lk_tls *t, const char *cert, const char *key, liken_error *err);
/* Once no connection is left. NULL is accepted. */
void lk_tls_free(lk_tls *t);
/* What libmicrohttpd is to be told. */
void lk_tls_options(struct MHD_OptionItem out[2]);
/* A connection began. */
void lk_tls_begin(lk_tls *t, struct MHD_Connection *connection);
/* Sends at once, on the connection's thread; false: not all of it went. */
bool lk_tls_send(struct MHD_Connection *connection, const void *bytes, size_t size);

/* ---- send.c ---- */

/* Leaves an answer that tells what is wrong; none when there is one already. */
void lk_http_fault(lk_request *r, int status, const char *sentence);
void lk_http_fault_error(lk_request *r, const liken_error *err); /* 400, 413 or 503 */
void lk_http_busy(lk_request *r, const char *sentence);          /* 503 with Retry-After */
bool lk_http_stopping(lk_http *h);
bool lk_http_cut(lk_http *h); /* the time for what still goes on is over */
/* The watch of a connection; NULL: none. */
lk_watch *lk_http_watch(struct MHD_Connection *connection);
/* Hands the answer to libmicrohttpd. */
enum MHD_Result lk_http_send(lk_request *r);
/* The answer to a request whose body has yet to come. */
enum MHD_Result lk_http_refuse(lk_request *r);
/* The answer to a request in the middle of its body; always MHD_NO, which ends the connection. */
enum MHD_Result lk_http_cut_off(lk_request *r);

#endif
