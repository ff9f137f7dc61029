#include "fetch/fetch_int.h"

#include "base/call.h"
#include "base/clock.h"

#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lk_fetch {
    lk_fetch_rule *rules;
    size_t count;
    lk_fetch_options options;
    lk_lines *lines;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode library;

static void start_library(void) {
    library = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static lk_fetch_options options_of(const lk_fetch_options *given) {
    lk_fetch_options l = given == NULL ? (lk_fetch_options){0} : *given;
    l.bytes = l.bytes > 0 ? l.bytes : (size_t)64 << 20;
    l.header_bytes = l.header_bytes > 0 ? l.header_bytes : (size_t)64 << 10;
    l.seconds = l.seconds > 0 ? l.seconds : 300;
    l.quiet_seconds = l.quiet_seconds > 0 ? l.quiet_seconds : 20;
    l.redirects = l.redirects > 0 ? l.redirects : 5;
    l.per_host = l.per_host > 0 ? l.per_host : 4;
    l.how = l.how != NULL ? l.how : "the setting of hosts";
    return l;
}

int lk_fetch_open(lk_fetch **out, const char *const *allowed, size_t count, const lk_fetch_options *options,
                  liken_error *err) {
    (void)pthread_once(&once, start_library);
    if (library != CURLE_OK)
        return lk_fail_memory(err);
    lk_fetch *f = calloc(1, sizeof *f);
    if (f == NULL)
        return lk_fail_memory(err);
    f->options = options_of(options);
    f->rules = calloc(count + 1, sizeof *f->rules);
    int rc = f->rules == NULL ? lk_fail_memory(err) : LIKEN_OK;
    for (; rc == LIKEN_OK && f->count < count; f->count++)
        rc = lk_fetch_rule_read(allowed[f->count], &f->rules[f->count], err);
    if (rc == LIKEN_OK)
        rc = lk_lines_open(&f->lines, f->options.per_host, err);
    if (rc != LIKEN_OK) {
        lk_fetch_close(f);
        return rc;
    }
    *out = f;
    return LIKEN_OK;
}

void lk_fetch_close(lk_fetch *f) {
    if (f == NULL)
        return;
    lk_lines_close(f->lines);
    free(f->rules);
    free(f);
}

/* Reads where to go and whether that may be asked. `from_https`: what leads there came so. */
static int judge(const lk_fetch *f, const char *url, bool from_https, lk_fetch_target *t, lk_fetch_answer *answer,
                 liken_error *err) {
    const int rc = lk_fetch_target_read(url, t, &answer->reason, err);
    if (rc != LIKEN_OK)
        return rc;
    memcpy(answer->url, t->text, strlen(t->text) + 1);
    if (!lk_fetch_rules_host(f->rules, f->count, t)) {
        answer->reason = LK_FETCH_HOST;
        return lk_fail(err, LIKEN_E_ARG,
                       "The host %s%s (port %d) is not one of those that may be asked: allow it by %s.",
                       answer->redirects > 0 ? "that it redirects to, " : "", t->host.name, t->port, f->options.how);
    }
    if (from_https && !t->https) {
        answer->reason = LK_FETCH_DOWNGRADE;
        return lk_fail(err, LIKEN_E_IO,
                       "It redirects from https to http, where anybody on the way could answer: name that address "
                       "itself if it is to be trusted.");
    }
    return LIKEN_OK;
}

/* So long after the deadline of the call libcurl ends it, so that it is past by then whatever clocks say. */
#define LATER 0.02

/* One line of the client, for one request. */
static int ask_once(lk_fetch *f, const lk_fetch_ask *ask, const lk_fetch_target *t, double until, char **next,
                    lk_fetch_answer *answer, liken_error *err) {
    char host[LK_HOST_MAX + 16];
    lk_line *line = NULL;
    (void)snprintf(host, sizeof host, "%s:%d", t->host.name, t->port);
    int rc = lk_lines_take(f->lines, host, &line, err);
    if (rc != LIKEN_OK) {
        answer->reason = LK_FETCH_STOPPED;
        return rc;
    }
    lk_hop hop = {.rules = f->rules,
                  .rule_count = f->count,
                  .options = &f->options,
                  .ask = ask,
                  .target = t,
                  .answer = answer,
                  .until = fmin(until, lk_clock_monotonic() + lk_call_left() + LATER),
                  .multi = line->multi};
    rc = lk_hop_run(&hop, next, err);
    lk_lines_give(f->lines, line);
    return rc;
}

static bool may_be_sent(const char *value) {
    if (value == NULL)
        return true;
    for (const char *c = value; *c != '\0'; c++)
        if (!isprint((unsigned char)*c))
            return false;
    return strlen(value) < 256;
}

/* Goes where it is sent, until there is an answer. *next is to be freed. */
static int follow(lk_fetch *f, const lk_fetch_ask *ask, double until, char **next, lk_fetch_answer *answer,
                  liken_error *err) {
    bool https = false;
    for (;;) {
        lk_fetch_target t;
        LK_FREE char *url = *next;
        *next = NULL;
        int rc = judge(f, url == NULL ? ask->url : url, https, &t, answer, err);
        https = t.https;
        if (rc == LIKEN_OK)
            rc = ask_once(f, ask, &t, until, next, answer, err);
        lk_fetch_target_free(&t);
        if (rc != LIKEN_OK || *next == NULL)
            return rc;
        if (answer->redirects == f->options.redirects) {
            answer->reason = LK_FETCH_REDIRECTS;
            return lk_fail(err, LIKEN_E_IO, "It redirects again and again, more than %d times: name where it ends.",
                           f->options.redirects);
        }
        answer->redirects++;
    }
}

int lk_fetch_get(lk_fetch *f, const lk_fetch_ask *ask, lk_fetch_answer *answer, liken_error *err) {
    LK_FREE char *next = NULL;
    *answer = (lk_fetch_answer){.reason = LK_FETCH_STOPPED};
    if (!may_be_sent(ask->etag) || !may_be_sent(ask->last_modified))
        return lk_fail(err, LIKEN_E_ARG, "An ETag or a time that is no line of text cannot be sent.");
    return follow(f, ask, lk_clock_monotonic() + f->options.seconds, &next, answer, err);
}
