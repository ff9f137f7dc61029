/* rules.c - which hosts may be asked, and what a URL names.
 *
 * Two programs that read one URL differently are the oldest way around such a rule, so libcurl's own reader is the only
 * one: what it made of the text is looked at, put right, and that object, not the text, is what libcurl is then given.
 * The names of rules go through it as well. */
#include "fetch/fetch_int.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- hosts ---- */

static bool is_numeric(const char *label) {
    const bool hex = label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
    return hex || strspn(label, "0123456789") == strcspn(label, ".");
}

/* Labels of 1 to 63 letters, digits, hyphens and underscores; the last is no number, which would be another way of
 * writing an address. */
static bool is_name(const char *name) {
    const char *label = name;
    for (;;) {
        const size_t size = strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-_");
        if (size == 0 || size > 63 || (label[size] != '.' && label[size] != '\0'))
            return false;
        if (label[size] == '\0')
            return !is_numeric(label);
        label += size + 1;
    }
}

/* `text`: as libcurl gives a host. Names of other alphabets are not: what libcurl makes of them follows the locale, and
 * some of their letters become digits and dots. False: it is none. */
static bool read_host(const char *text, lk_host *out) {
    const size_t size = strlen(text);
    const bool bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';
    const size_t inner = bracketed ? size - 2 : size;
    lk_host host = {0};
    if (inner == 0 || inner > LK_HOST_MAX + 1)
        return false;
    char whole[LK_HOST_MAX + 2];
    for (size_t i = 0; i < inner; i++)
        whole[i] = (char)tolower((unsigned char)text[i + bracketed]);
    const size_t used = inner - (!bracketed && inner > 1 && whole[inner - 1] == '.');
    if (used > LK_HOST_MAX)
        return false;
    whole[used] = '\0';
    memcpy(host.name, whole, used + 1);
    host.literal = lk_ip_read(host.name, &host.ip);
    if (host.literal ? bracketed != (strchr(host.name, ':') != NULL) : bracketed || !is_name(host.name))
        return false;
    *out = host;
    return true;
}

/* Of a URL that was read. */
static bool host_of(CURLU *url, lk_host *out) {
    char *text = NULL, *zone = NULL;
    if (curl_url_get(url, CURLUPART_ZONEID, &zone, 0) == CURLUE_OK) {
        curl_free(zone); /* a way out that only this host knows */
        return false;
    }
    const bool had = curl_url_get(url, CURLUPART_HOST, &text, 0) == CURLUE_OK;
    const bool read = had && read_host(text, out);
    curl_free(text);
    return read;
}

/* ---- URLs ---- */

#define URL_FLAGS (CURLU_URLENCODE | CURLU_ALLOW_SPACE | CURLU_NON_SUPPORT_SCHEME)

void lk_fetch_target_free(lk_fetch_target *t) {
    curl_url_cleanup(t->url);
    t->url = NULL;
}

static bool has(CURLU *url, CURLUPart part) {
    char *text = NULL;
    const bool is_there = curl_url_get(url, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return is_there;
}

static int bad(lk_fetch_reason *reason, liken_error *err, const char *why) {
    *reason = LK_FETCH_BAD_URL;
    return lk_fail(err, LIKEN_E_ARG, "This is no address that can be fetched: %s.", why);
}

static int read_scheme(lk_fetch_target *t, lk_fetch_reason *reason, liken_error *err) {
    char *scheme = NULL;
    if (curl_url_get(t->url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
        return bad(reason, err, "it does not begin with http:// or https://");
    t->https = strcmp(scheme, "https") == 0;
    const bool http = strcmp(scheme, "http") == 0;
    curl_free(scheme);
    if (t->https || http)
        return LIKEN_OK;
    *reason = LK_FETCH_SCHEME;
    return lk_fail(err, LIKEN_E_ARG, "Only http:// and https:// are fetched.");
}

static int read_port(lk_fetch_target *t, lk_fetch_reason *reason, liken_error *err) {
    char *port = NULL;
    if (curl_url_get(t->url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
        return bad(reason, err, "it has no port");
    t->port = (int)strtol(port, NULL, 10);
    curl_free(port);
    return t->port > 0 && t->port < 65536 ? LIKEN_OK : bad(reason, err, "ports are 1 to 65535");
}

/* Writes back what was understood, and takes the text of that. */
static int settle(lk_fetch_target *t, lk_fetch_reason *reason, liken_error *err) {
    char host[LK_HOST_MAX + 3];
    char *whole = NULL;
    (void)snprintf(host, sizeof host, strchr(t->host.name, ':') == NULL ? "%s" : "[%s]", t->host.name);
    if (curl_url_set(t->url, CURLUPART_HOST, host, 0) != CURLUE_OK ||
        curl_url_set(t->url, CURLUPART_FRAGMENT, NULL, 0) != CURLUE_OK ||
        curl_url_get(t->url, CURLUPART_URL, &whole, 0) != CURLUE_OK)
        return bad(reason, err, "its host cannot be written");
    const size_t size = strlen(whole);
    if (size <= LK_FETCH_URL_MAX)
        memcpy(t->text, whole, size + 1);
    curl_free(whole);
    return size <= LK_FETCH_URL_MAX ? LIKEN_OK : bad(reason, err, "it is too long");
}

int lk_fetch_target_read(const char *text, lk_fetch_target *t, lk_fetch_reason *reason, liken_error *err) {
    *t = (lk_fetch_target){.url = curl_url()};
    *reason = LK_FETCH_STOPPED;
    if (t->url == NULL)
        return lk_fail_memory(err);
    if (strlen(text) > LK_FETCH_URL_MAX)
        return bad(reason, err, "it is too long");
    const CURLUcode code = curl_url_set(t->url, CURLUPART_URL, text, URL_FLAGS);
    if (code == CURLUE_OUT_OF_MEMORY)
        return lk_fail_memory(err);
    if (code != CURLUE_OK)
        return bad(reason, err, curl_url_strerror(code));
    if (has(t->url, CURLUPART_USER) || has(t->url, CURLUPART_PASSWORD)) {
        *reason = LK_FETCH_CREDENTIALS;
        return lk_fail(err, LIKEN_E_ARG, "An address with a user or a password in it is not fetched: leave them out.");
    }
    int rc = read_scheme(t, reason, err);
    if (rc == LIKEN_OK && !host_of(t->url, &t->host))
        rc = bad(reason, err,
                 "its host is neither a name in plain letters (others are written xn--...) nor a numeric address");
    if (rc == LIKEN_OK)
        rc = read_port(t, reason, err);
    return rc == LIKEN_OK ? settle(t, reason, err) : rc;
}

/* ---- rules ---- */

static int no_rule(const char *text, liken_error *err, const char *why) {
    char shown[128];
    (void)snprintf(shown, sizeof shown, "%s", text);
    for (char *c = shown; *c != '\0'; c++)
        *c = isprint((unsigned char)*c) ? *c : '?';
    return lk_fail(err, LIKEN_E_ARG,
                   "\"%s\" names no host that may be asked: %s. Write it as photos.example.org, *.example.org, "
                   "example.org:8080, 10.1.2.3, [fd12::7]:8080 or 10.1.0.0/16.",
                   shown, why);
}

/* A name or an address, perhaps with a port: through libcurl's reader. */
static int read_named(const char *text, const char *host, lk_fetch_rule *out, liken_error *err) {
    char whole[LK_HOST_MAX + 64];
    lk_fetch_target t = {0};
    lk_fetch_reason reason;
    char *port = NULL;
    if (strpbrk(host, "/?#@\\%*") != NULL || strlen(host) > LK_HOST_MAX + 16)
        return no_rule(text, err, "it is more than a name");
    (void)snprintf(whole, sizeof whole, "http://%s/", host);
    int rc = lk_fetch_target_read(whole, &t, &reason, NULL);
    if (rc == LIKEN_OK) {
        out->host = t.host;
        out->port = curl_url_get(t.url, CURLUPART_PORT, &port, 0) == CURLUE_OK ? t.port : 0;
        out->ranged = t.host.literal;
        out->range = (lk_ip_range){t.host.ip, 128};
    }
    curl_free(port);
    lk_fetch_target_free(&t);
    if (rc == LIKEN_E_MEMORY)
        return lk_fail_memory(err);
    return rc == LIKEN_OK ? rc : no_rule(text, err, "it is no name of a host");
}

int lk_fetch_rule_read(const char *text, lk_fetch_rule *out, liken_error *err) {
    lk_fetch_rule rule = {0};
    if (strstr(text, "://") != NULL)
        return no_rule(text, err, "it is an address, and a host is asked for");
    if (lk_ip_range_read(text, &rule.range)) {
        rule.ranged = true;
        *out = rule;
        return LIKEN_OK;
    }
    rule.below = strncmp(text, "*.", 2) == 0;
    const int rc = read_named(text, text + (rule.below ? 2 : 0), &rule, err);
    if (rc != LIKEN_OK)
        return rc;
    if (rule.below && (rule.ranged || strchr(rule.host.name, '.') == NULL))
        return no_rule(text, err, "that is far too many");
    *out = rule;
    return LIKEN_OK;
}

static bool is_named(const lk_fetch_rule *rule, const lk_host *host) {
    const size_t own = strlen(rule->host.name), asked = strlen(host->name);
    if (host->literal || rule->ranged)
        return host->literal && rule->ranged && lk_ip_in(&host->ip, &rule->range);
    if (!rule->below)
        return strcmp(rule->host.name, host->name) == 0;
    return asked > own + 1 && host->name[asked - own - 1] == '.' &&
           strcmp(host->name + asked - own, rule->host.name) == 0;
}

bool lk_fetch_rules_host(const lk_fetch_rule *rules, size_t count, const lk_fetch_target *t) {
    const int usual = t->https ? 443 : 80;
    for (size_t i = 0; i < count; i++)
        if (t->port == (rules[i].port == 0 ? usual : rules[i].port) && is_named(&rules[i], &t->host))
            return true;
    return false;
}

bool lk_fetch_rules_address(const lk_fetch_rule *rules, size_t count, const lk_ip *ip, int port) {
    for (size_t i = 0; i < count; i++)
        if (rules[i].ranged && (rules[i].port == 0 || rules[i].port == port) && lk_ip_in(ip, &rules[i].range))
            return true;
    return false;
}
