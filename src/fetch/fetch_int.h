/* fetch_int.h - what the files of fetch/ share. */
#ifndef LK_FETCH_FETCH_INT_H
#define LK_FETCH_FETCH_INT_H

#include "fetch/fetch.h"

#include <curl/curl.h>
#include <sys/socket.h>

/* ---- address.c: numeric addresses ---- */

typedef struct lk_ip {
    unsigned char bytes[16]; /* an IPv4 address as ::ffff:a.b.c.d, so that both compare */
} lk_ip;

typedef struct lk_ip_range {
    lk_ip ip;
    int bits; /* of 128 */
} lk_ip_range;

/* "10.1.2.3" or "fd00::1", as inet_pton reads them: no other way of writing one. */
bool lk_ip_read(const char *text, lk_ip *out);
/* The same with an optional "/16" behind it. False also where bits are set behind the prefix. */
bool lk_ip_range_read(const char *text, lk_ip_range *out);
bool lk_ip_in(const lk_ip *ip, const lk_ip_range *range);
/* False: neither IPv4 nor IPv6. A scope is left out. */
bool lk_ip_of(const struct sockaddr *address, lk_ip *ip, int *port);
/* NULL: a public one; else what it is: "a loopback address". */
const char *lk_ip_special(const lk_ip *ip);
#define LK_IP_TEXT 46
void lk_ip_format(const lk_ip *ip, char out[LK_IP_TEXT]);

/* ---- rules.c: what may be asked ---- */

#define LK_HOST_MAX 253
typedef struct lk_host {
    char name[LK_HOST_MAX + 1]; /* lower case, ASCII, no dot at the end; an address without brackets */
    bool literal;               /* it is one: */
    lk_ip ip;
} lk_host;

typedef struct lk_fetch_rule {
    lk_host host;
    bool below;  /* "*." stood before it */
    bool ranged; /* not a name: */
    lk_ip_range range;
    int port; /* 0: none was named */
} lk_fetch_rule;

typedef struct lk_fetch_target {
    CURLU *url; /* without user, fragment and whatever may mean two things; NULL: none */
    char text[LK_FETCH_URL_MAX + 1];
    lk_host host;
    int port;
    bool https;
} lk_fetch_target; /* {0} is an empty one */

LK_CHECKED int lk_fetch_rule_read(const char *text, lk_fetch_rule *out, liken_error *err);
/* Fills *t, which is to be freed, also on failure; *reason as well then. */
LK_CHECKED int lk_fetch_target_read(const char *text, lk_fetch_target *t, lk_fetch_reason *reason, liken_error *err);
void lk_fetch_target_free(lk_fetch_target *t);
/* Whether a rule is for what the URL names. */
bool lk_fetch_rules_host(const lk_fetch_rule *rules, size_t count, const lk_fetch_target *t);
/* Whether a rule is for this very address, which is not public. */
bool lk_fetch_rules_address(const lk_fetch_rule *rules, size_t count, const lk_ip *ip, int port);

/* ---- lines.c: connections that are used again, and how many are under way to a host ---- */

typedef struct lk_line {
    CURLM *multi; /* keeps the connection; what is asked over it has a handle of its own */
    char *host;   /* to which its connection leads; NULL: none yet */
    bool busy;
} lk_line;

typedef struct lk_lines lk_lines;

int lk_lines_open(lk_lines **out, int per_host, liken_error *err);
void lk_lines_close(lk_lines *l);
/* Waits while as many as may be are under way to `host`, "name:port". CANCELLED, DEADLINE. */
LK_CHECKED int lk_lines_take(lk_lines *l, const char *host, lk_line **out, liken_error *err);
void lk_lines_give(lk_lines *l, lk_line *line);

/* ---- hop.c: one request and its answer ---- */

typedef struct lk_hop {
    const lk_fetch_rule *rules;
    size_t rule_count;
    const lk_fetch_options *options;
    const lk_fetch_ask *ask;
    const lk_fetch_target *target;
    lk_fetch_answer *answer;
    double until; /* lk_clock_monotonic */
    CURLM *multi;
    CURL *curl;

    lk_fetch_reason reason; /* why a callback ended it */
    int rc;
    liken_error err;
    char refused[160]; /* an address that was not asked, and why; else empty */
    size_t header_bytes, left_out;
    bool begun;  /* the body, */
    bool wanted; /* and it is what was asked */
    char said[CURL_ERROR_SIZE];
} lk_hop;

/* Fills in the answer. *next, malloc'd: where it redirects to; else NULL. */
LK_CHECKED int lk_hop_run(lk_hop *h, char **next, liken_error *err);
/* Ends it with a sentence; the first counts. Returns `rc`. */
int lk_hop_end(lk_hop *h, lk_fetch_reason reason, int rc, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What libcurl's result means (failure.c). */
void lk_hop_failed(lk_hop *h, CURLcode code);
void lk_hop_status(lk_hop *h);

#endif
