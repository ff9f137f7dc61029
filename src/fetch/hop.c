/* hop.c - one request, and what comes back while it does.
 *
 * libcurl drives; its callbacks judge: the address before a socket is opened, every line of the headers, the status,
 * type and length before the first byte of a body, every part of it, and the clock. A callback that says no leaves the
 * reason and its sentence in the hop; libcurl then only reports that it was stopped, and the hop knows why.
 *
 * Each request has a handle of libcurl of its own, though handles can be used again: libcurl 7.88 takes a header line
 * that begins with a space for more of the header before, also where that one was of the request before, and is freed.
 */
#include "fetch/fetch_int.h"

#include "base/call.h"
#include "base/clock.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_LEFT_OUT 65536 /* bytes of the body of a redirect or an error that are read, so that the line stays */
#define SLOW_BYTES 100L     /* a second */
#define CONNECT_SECONDS 15.0
#define LOOK_MILLISECONDS 200 /* how soon it is seen that the call was stopped */

int lk_hop_end(lk_hop *h, lk_fetch_reason reason, int rc, const char *format, ...) {
    if (h->reason != LK_FETCH_DONE)
        return h->rc;
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(h->err.message, sizeof h->err.message, format, ap);
    va_end(ap);
    h->err.code = rc;
    h->reason = reason;
    h->rc = rc;
    return rc;
}

/* Keeps the error of somebody else, who filled in h->err. */
static void stop(lk_hop *h, int rc) {
    h->reason = LK_FETCH_STOPPED;
    h->rc = rc;
}

/* ---- the socket ---- */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address) {
    lk_hop *h = ctx;
    lk_ip ip;
    int port = 0;
    if (purpose != CURLSOCKTYPE_IPCXN || !lk_ip_of(&address->addr, &ip, &port))
        return CURL_SOCKET_BAD;
    const char *what = lk_ip_special(&ip);
    if (what != NULL && !lk_fetch_rules_address(h->rules, h->rule_count, &ip, port)) {
        char text[LK_IP_TEXT];
        lk_ip_format(&ip, text);
        (void)snprintf(h->refused, sizeof h->refused, "%s, %s", text, what);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- the headers ---- */

static size_t take_header(char *line, size_t size, size_t count, void *ctx) {
    lk_hop *h = ctx;
    (void)line;
    h->header_bytes += size * count;
    if (h->header_bytes <= h->options->header_bytes)
        return size * count;
    (void)lk_hop_end(h, LK_FETCH_HEADERS, LIKEN_E_TOO_LARGE,
                     "The headers of the answer are larger than %zu bytes; no photo needs that: the server is broken, "
                     "or means harm.",
                     h->options->header_bytes);
    return 0;
}

/* What is printable of a value, trimmed; nothing when it has no room. */
static void copy_value(const char *value, char *out, size_t room) {
    size_t size = strlen(value);
    *out = '\0';
    if (size >= room)
        return;
    for (size_t i = 0; i < size; i++)
        out[i] = isprint((unsigned char)value[i]) ? value[i] : '?';
    out[size] = '\0';
}

static void copy_header(const lk_hop *h, const char *name, char *out, size_t room) {
    struct curl_header *header = NULL;
    if (curl_easy_header(h->curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        copy_value(header->value, out, room);
}

static void read_headers(lk_hop *h) {
    lk_fetch_answer *a = h->answer;
    long status = 0;
    curl_off_t wait = 0;
    (void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
    a->status = (int)status;
    a->retry_after = wait;
    a->type[0] = a->etag[0] = a->last_modified[0] = '\0';
    copy_header(h, "etag", a->etag, sizeof a->etag);
    copy_header(h, "last-modified", a->last_modified, sizeof a->last_modified);
    copy_header(h, "content-type", a->type, sizeof a->type);
    a->type[strcspn(a->type, "; ")] = '\0';
    for (char *c = a->type; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
}

/* ---- the body ---- */

static bool is_wanted(const lk_hop *h) {
    const char *const *types = h->ask->types;
    if (types == NULL || h->answer->type[0] == '\0')
        return true;
    for (; *types != NULL; types++)
        if (strncmp(h->answer->type, *types, strlen(*types)) == 0)
            return true;
    return false;
}

static void too_large(lk_hop *h) {
    (void)lk_hop_end(h, LK_FETCH_TOO_LARGE, LIKEN_E_TOO_LARGE,
                     "It is larger than %zu bytes, which is the most that may come; raise that limit if it should be "
                     "had.",
                     h->options->bytes);
}

/* Once the headers are there: is it what was asked for? */
static void begin_body(lk_hop *h) {
    curl_off_t length = -1;
    if (h->begun)
        return;
    h->begun = true;
    read_headers(h);
    if (h->answer->status != 200 && h->answer->status != 203)
        return;
    h->wanted = true;
    (void)curl_easy_getinfo(h->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (!is_wanted(h))
        (void)lk_hop_end(h, LK_FETCH_TYPE, LIKEN_E_FORMAT,
                         "The server says that this is %s; if it is the page around a photo, or asks to log in, name "
                         "the address of the photo itself.",
                         h->answer->type);
    else if (length > 0 && (uint64_t)length > h->options->bytes)
        too_large(h);
}

/* Not what was asked for: a little of it is read past, so that the connection can be used again. */
static size_t leave_out(lk_hop *h, size_t size) {
    h->left_out += size;
    return h->left_out <= BODY_LEFT_OUT ? size : 0;
}

static size_t take_body(char *bytes, size_t one, size_t count, void *ctx) {
    lk_hop *h = ctx;
    const size_t size = one * count;
    begin_body(h);
    if (h->reason != LK_FETCH_DONE)
        return 0;
    if (!h->wanted)
        return leave_out(h, size);
    if (size > h->options->bytes - h->answer->bytes) {
        too_large(h);
        return 0;
    }
    const int rc = h->ask->sink(h->ask->ctx, bytes, size, &h->err);
    if (rc != LIKEN_OK) {
        stop(h, rc);
        return 0;
    }
    h->answer->bytes += size;
    return size;
}

/* ---- the clock ---- */

/* Called whenever something moves, and a few times a second. */
static int look(void *ctx, curl_off_t total, curl_off_t now, curl_off_t to_send, curl_off_t sent) {
    lk_hop *h = ctx;
    (void)to_send;
    (void)sent;
    if (h->reason != LK_FETCH_DONE)
        return 1;
    if (now > 0 && (uint64_t)now > h->options->bytes && h->wanted)
        too_large(h);
    lk_call_tell(&(liken_progress){.what = "bytes", .done = now, .total = total});
    if (h->reason == LK_FETCH_DONE && (h->rc = lk_call_check(&h->err)) != LIKEN_OK)
        stop(h, h->rc);
    return h->reason != LK_FETCH_DONE;
}

/* ---- together ---- */

static CURLcode set_guards(lk_hop *h) {
    CURL *c = h->curl;
    CURLcode e = curl_easy_setopt(c, CURLOPT_CURLU, h->target->url);
    e |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    e |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    e |= curl_easy_setopt(c, CURLOPT_PROXY, "");
    e |= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    e |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
    e |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
    e |= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    e |= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h);
    e |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    e |= curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
    e |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    e |= curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
    e |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look);
    e |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
    e |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    return e;
}

/* `e |=`: any of them but CURLE_OK is a fault. */
static CURLcode set_rest(lk_hop *h, struct curl_slist *headers) {
    CURL *c = h->curl;
    const double left = fmax(h->until - lk_clock_monotonic(), 0.001);
    CURLcode e = curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    e |= curl_easy_setopt(c, CURLOPT_USERAGENT, "liken/" LIKEN_VERSION);
    e |= curl_easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    e |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    e |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    e |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)ceil(left * 1000));
    e |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)ceil(fmin(left, CONNECT_SECONDS) * 1000));
    e |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES);
    e |= curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)ceil(h->options->quiet_seconds));
    e |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->said);
    return e;
}

/* False: out of memory. */
static bool add_condition(struct curl_slist **headers, const char *name, const char *value) {
    char line[400];
    if (value == NULL || *value == '\0')
        return true;
    (void)snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*headers, line);
    if (longer != NULL)
        *headers = longer;
    return longer != NULL;
}

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Until it is over. */
static CURLcode drive(lk_hop *h) {
    int running = 1, left = 0;
    CURLMcode m = curl_multi_add_handle(h->multi, h->curl);
    while (m == CURLM_OK && running > 0) {
        m = curl_multi_perform(h->multi, &running);
        if (m == CURLM_OK && running > 0)
            m = curl_multi_poll(h->multi, NULL, 0, LOOK_MILLISECONDS, NULL);
    }
    const CURLMsg *last = m == CURLM_OK ? curl_multi_info_read(h->multi, &left) : NULL;
    const CURLcode code = last == NULL || last->msg != CURLMSG_DONE ? CURLE_OUT_OF_MEMORY : last->data.result;
    (void)curl_multi_remove_handle(h->multi, h->curl);
    return code;
}

static void perform(lk_hop *h, char **next) {
    char *where = NULL;
    const CURLcode code = drive(h);
    const bool all_of_it = code == CURLE_OK || (h->left_out > BODY_LEFT_OUT && code == CURLE_WRITE_ERROR);
    if (all_of_it)
        begin_body(h);
    else if (!h->begun)
        read_headers(h);
    if (h->reason != LK_FETCH_DONE)
        return;
    if (!all_of_it) {
        lk_hop_failed(h, code);
        return;
    }
    (void)curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &where);
    if (!is_redirect(h->answer->status) || where == NULL)
        lk_hop_status(h);
    else if ((*next = strdup(where)) == NULL)
        stop(h, lk_fail_memory(&h->err));
}

int lk_hop_run(lk_hop *h, char **next, liken_error *err) {
    struct curl_slist *headers = NULL;
    *next = NULL;
    h->curl = curl_easy_init();
    if (h->curl == NULL || !add_condition(&headers, "If-None-Match", h->ask->etag) ||
        !add_condition(&headers, "If-Modified-Since", h->ask->last_modified) || set_guards(h) != CURLE_OK ||
        set_rest(h, headers) != CURLE_OK)
        stop(h, lk_fail_memory(&h->err));
    else
        perform(h, next);
    curl_easy_cleanup(h->curl);
    curl_slist_free_all(headers);
    h->answer->reason = h->reason;
    if (h->reason == LK_FETCH_DONE)
        return LIKEN_OK;
    if (err != NULL)
        *err = h->err;
    return h->rc;
}
