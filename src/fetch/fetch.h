/* fetch.h - one guarded HTTP client, for everything that fetches what somebody else named: photos by address, and
 * whatever of liken will fetch pages or call others.
 *
 * An address that comes from outside is a way into the network of whoever runs liken, so nothing is asked that the
 * operator did not name: hosts by name, and of what those names lead to only public addresses, but for the very
 * addresses that he named as well. Names are judged when an address is read, of every redirect again; what they resolve
 * to is judged when the socket is opened, so that a name which answers differently the second time gains nothing.
 * Nothing is taken from the environment (no proxy, no .netrc), nothing is remembered (no cookies), nothing is sent but
 * the request. All that comes has a ceiling, in bytes and in time.
 *
 * libcurl is named only in this folder. */
#ifndef LK_FETCH_FETCH_H
#define LK_FETCH_FETCH_H

#include "base/error.h"

#define LK_FETCH_URL_MAX 4096 /* bytes of an address */

/* Why nothing came of it: a code for programs (lk_fetch_reason_code), beside the sentence. */
typedef enum lk_fetch_reason {
    LK_FETCH_DONE = 0,    /* "done": it came, or is unchanged */
    LK_FETCH_BAD_URL,     /* "bad_url": no address that can be asked. ARG */
    LK_FETCH_SCHEME,      /* "scheme_not_allowed": neither http nor https. ARG */
    LK_FETCH_CREDENTIALS, /* "credentials_in_url". ARG */
    LK_FETCH_HOST,        /* "host_not_allowed": nobody named it. ARG */
    LK_FETCH_ADDRESS,     /* "address_refused": the name leads to an address that is not public. ARG */
    LK_FETCH_REDIRECTS,   /* "too_many_redirects". IO */
    LK_FETCH_DOWNGRADE,   /* "redirect_to_http": from https. IO */
    LK_FETCH_NOT_FOUND,   /* "host_not_found": the name does not resolve. IO */
    LK_FETCH_CONNECTION,  /* "no_connection". IO */
    LK_FETCH_TLS,         /* "tls_failed": its certificate, or what both speak. IO */
    LK_FETCH_STATUS,      /* "http_status": it answered, and not with what was asked. NOT_FOUND (404, 410), BUSY (429,
                             503), IO */
    LK_FETCH_BROKEN,      /* "broken_answer": no HTTP, cut short. IO */
    LK_FETCH_HEADERS,     /* "headers_too_large". TOO_LARGE */
    LK_FETCH_TYPE,        /* "type_not_wanted". FORMAT */
    LK_FETCH_TOO_LARGE,   /* "too_large". TOO_LARGE */
    LK_FETCH_SLOW,        /* "too_slow": it sends next to nothing. IO */
    LK_FETCH_TIMEOUT,     /* "timeout": it took too long in all. IO */
    LK_FETCH_STOPPED      /* "stopped": by the call (CANCELLED, DEADLINE), the sink, or for want of memory (MEMORY) */
} lk_fetch_reason;

/* Never NULL. */
const char *lk_fetch_reason_code(lk_fetch_reason reason);

/* 0 or NULL: the default, which is named. */
typedef struct lk_fetch_options {
    size_t bytes;         /* of a body, as it comes and again as it is decoded: 64 MiB */
    size_t header_bytes;  /* of one answer: 64 KiB */
    double seconds;       /* in all, with redirects: 300; a name server that does not answer may add its own time */
    double quiet_seconds; /* so long it may send less than 100 bytes a second: 20 */
    int redirects;        /* 5 */
    int per_host;         /* connections at once: 4 */
    const char *how;      /* by what a host is allowed, for sentences: "the setting of hosts" */
} lk_fetch_options;

typedef struct lk_fetch lk_fetch;

/* What may be asked. Each of `allowed` is one of
 *   photos.example.org   that host, and no other; a name in other letters is written as it is asked, xn--...
 *   *.example.org        all hosts below it, not itself; at least two names
 *   192.0.2.7, [2001:db8::7], 10.1.0.0/16, fd12::/32
 *                        an address, or all of a range: it may be asked by itself, and what an allowed name leads to
 *                        may lie there, though it is not public
 * with :PORT behind it (not behind a range) for that port alone; without, a URL must have the usual port of its scheme.
 * `options` NULL: all default. ARG: one is none of these; it is named. May be used by any number of threads at once.
 */
LK_CHECKED int lk_fetch_open(lk_fetch **out, const char *const *allowed, size_t count, const lk_fetch_options *options,
                             liken_error *err);
/* No lk_fetch_get may be under way. NULL is accepted. */
void lk_fetch_close(lk_fetch *f);

/* Takes a part of the body, decoded; never more in all than options.bytes. Other than LIKEN_OK ends the transfer and is
 * what lk_fetch_get returns, with this error. */
typedef int lk_fetch_sink(void *ctx, const void *bytes, size_t size, liken_error *err);

typedef struct lk_fetch_ask {
    const char *url;
    const char *const *types;  /* what may come, up to a NULL: "image/" is all that begins so. NULL: anything. An answer
                                  that does not say its type is taken */
    const char *etag;          /* of an earlier answer, so that what is unchanged does not come again; or NULL */
    const char *last_modified; /* the same */
    lk_fetch_sink *sink;
    void *ctx;
} lk_fetch_ask;

typedef struct lk_fetch_answer {
    lk_fetch_reason reason;
    int status; /* of the last answer, 200; 0: none came */
    int redirects;
    bool unchanged;                    /* 304 to a conditional request: no body came */
    int64_t retry_after;               /* seconds that it asks to wait; 0: it does not say */
    size_t bytes;                      /* handed to the sink */
    char url[LK_FETCH_URL_MAX + 1];    /* that was asked last, without a fragment */
    char type[128];                    /* "image/jpeg", lower case and without parameters; "": not said, or too long */
    char etag[256], last_modified[64]; /* as they came; "": not said, or too long */
} lk_fetch_answer;

/* One GET. Runs on the caller's thread until all has come, asks lk_call_check now and then and tells lk_call_tell
 * bytes. *answer is filled in also on failure, as far as it is known; the sink may have got some bytes by then. What it
 * may return stands with the reasons. */
LK_CHECKED int lk_fetch_get(lk_fetch *f, const lk_fetch_ask *ask, lk_fetch_answer *answer, liken_error *err);

#endif
