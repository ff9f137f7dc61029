/* failure.c - what went wrong, as a code and a sentence that says what can be done about it. */
#include "fetch/fetch_int.h"

#include "base/call.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>

const char *lk_fetch_reason_code(lk_fetch_reason reason) {
    static const char *const codes[] = {
        [LK_FETCH_DONE] = "done",
        [LK_FETCH_BAD_URL] = "bad_url",
        [LK_FETCH_SCHEME] = "scheme_not_allowed",
        [LK_FETCH_CREDENTIALS] = "credentials_in_url",
        [LK_FETCH_HOST] = "host_not_allowed",
        [LK_FETCH_ADDRESS] = "address_refused",
        [LK_FETCH_REDIRECTS] = "too_many_redirects",
        [LK_FETCH_DOWNGRADE] = "redirect_to_http",
        [LK_FETCH_NOT_FOUND] = "host_not_found",
        [LK_FETCH_CONNECTION] = "no_connection",
        [LK_FETCH_TLS] = "tls_failed",
        [LK_FETCH_STATUS] = "http_status",
        [LK_FETCH_BROKEN] = "broken_answer",
        [LK_FETCH_HEADERS] = "headers_too_large",
        [LK_FETCH_TYPE] = "type_not_wanted",
        [LK_FETCH_TOO_LARGE] = "too_large",
        [LK_FETCH_SLOW] = "too_slow",
        [LK_FETCH_TIMEOUT] = "timeout",
        [LK_FETCH_STOPPED] = "stopped",
    };
    return (size_t)reason < LK_LENGTH(codes) ? codes[reason] : "stopped";
}

/* An address that was refused explains why there was no other to talk to. */
static void no_connection(lk_hop *h) {
    const lk_host *host = &h->target->host;
    if (h->refused[0] != '\0')
        (void)lk_hop_end(h, LK_FETCH_ADDRESS, LIKEN_E_ARG,
                         "%s leads to %s, which is not asked. If that is meant, allow that address by %s as well.",
                         host->name, h->refused, h->options->how);
    else
        (void)lk_hop_end(h, LK_FETCH_CONNECTION, LIKEN_E_IO, "%s does not take connections on port %d (%s). Is it up?",
                         host->name, h->target->port, h->said[0] == '\0' ? "no answer" : h->said);
}

static void timed_out(lk_hop *h) {
    curl_off_t connected = 0;
    if (lk_call_left() <= 0 && (h->rc = lk_call_check(&h->err)) != LIKEN_OK) {
        h->reason = LK_FETCH_STOPPED;
        return;
    }
    (void)curl_easy_getinfo(h->curl, CURLINFO_CONNECT_TIME_T, &connected);
    if (lk_clock_monotonic() >= h->until - 0.002)
        (void)lk_hop_end(h, LK_FETCH_TIMEOUT, LIKEN_E_IO,
                         "It did not come within the %g seconds that are given to it; try again later.",
                         h->options->seconds);
    else if (connected == 0)
        no_connection(h);
    else
        (void)lk_hop_end(h, LK_FETCH_SLOW, LIKEN_E_IO,
                         "%s sends next to nothing: less than 100 bytes a second for %g seconds; try again later.",
                         h->target->host.name, h->options->quiet_seconds);
}

/* A kind of fault that has a sentence of its own; false: none. */
static bool is_of_tls(CURLcode code) {
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return true;
    default:
        return false;
    }
}

void lk_hop_failed(lk_hop *h, CURLcode code) {
    const char *name = h->target->host.name;
    const char *said = h->said[0] == '\0' ? curl_easy_strerror(code) : h->said;
    if (code == CURLE_OPERATION_TIMEDOUT)
        timed_out(h);
    else if (code == CURLE_COULDNT_CONNECT)
        no_connection(h);
    else if (code == CURLE_COULDNT_RESOLVE_HOST)
        (void)lk_hop_end(h, LK_FETCH_NOT_FOUND, LIKEN_E_IO,
                         "The name %s is not known here. Is it spelt right, and is there a network?", name);
    else if (is_of_tls(code))
        (void)lk_hop_end(h, LK_FETCH_TLS, LIKEN_E_IO,
                         "%s cannot show that it is who it says (%s), so nothing is taken from it. If its certificate "
                         "is of a private authority, this machine must know that.",
                         name, said);
    else if (code == CURLE_OUT_OF_MEMORY) {
        h->reason = LK_FETCH_STOPPED;
        h->rc = lk_fail_memory(&h->err);
    } else
        (void)lk_hop_end(h, LK_FETCH_BROKEN, LIKEN_E_IO, "%s did not answer as it should (%s); try again later.", name,
                         said);
}

static void busy(lk_hop *h) {
    if (h->answer->retry_after > 0)
        (void)lk_hop_end(h, LK_FETCH_STATUS, LIKEN_E_BUSY,
                         "%s is not to be asked now (status %d): it says to come again in %lld seconds.",
                         h->target->host.name, h->answer->status, (long long)h->answer->retry_after);
    else
        (void)lk_hop_end(h, LK_FETCH_STATUS, LIKEN_E_BUSY, "%s is not to be asked now (status %d); try again later.",
                         h->target->host.name, h->answer->status);
}

void lk_hop_status(lk_hop *h) {
    const int status = h->answer->status;
    const char *name = h->target->host.name;
    const bool asked_whether = h->ask->etag != NULL || h->ask->last_modified != NULL;
    if (status == 304 && asked_whether)
        h->answer->unchanged = true;
    else if (status == 404 || status == 410)
        (void)lk_hop_end(h, LK_FETCH_STATUS, LIKEN_E_NOT_FOUND, "%s says that there is no such thing (status %d).",
                         name, status);
    else if (status == 401 || status == 403)
        (void)lk_hop_end(h, LK_FETCH_STATUS, LIKEN_E_IO,
                         "%s does not give it to everybody (status %d), and liken has no account there.", name, status);
    else if (status == 429 || status == 503)
        busy(h);
    else if (!h->wanted)
        (void)lk_hop_end(h, LK_FETCH_STATUS, LIKEN_E_IO, "%s answers with status %d, and not with what was asked.",
                         name, status);
}
