/* proxies.c - whom a proxy speaks for.
 *
 * A reverse proxy adds the address that it was asked from to the end of a header: X-Forwarded-For, or Forwarded (RFC
 * 7239). What stands before was sent by that client, and may be anything. So only a connection that comes from a proxy
 * that is trusted is asked, and the list is read from its end: each address that is a trusted proxy's own is passed
 * over, and the first that is not is the client. Nothing to the left of it counts, nor anything behind an entry that is
 * no address. One header is read and never the other, because a proxy hands on the one that it does not write. */
#include "http/http_int.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HOPS 32 /* of the list, from its end */
#define LIST_BYTES 65536

/* ---- addresses ---- */

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

void lk_address_of(const struct sockaddr *a, uint8_t out[16]) {
    memset(out, 0, 16);
    if (a->sa_family == AF_INET) {
        memcpy(out, mapped, sizeof mapped);
        memcpy(out + sizeof mapped, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    } else if (a->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    }
}

void lk_address_mask(uint8_t address[16]) {
    static const uint8_t one[16] = {[15] = 1};
    if (memcmp(address, mapped, sizeof mapped) != 0 && memcmp(address, one, sizeof one) != 0)
        memset(address + 8, 0, 8);
}

void lk_address_format(const uint8_t address[16], char *out, size_t room) {
    const bool four = memcmp(address, mapped, sizeof mapped) == 0;
    if (inet_ntop(four ? AF_INET : AF_INET6, four ? address + sizeof mapped : address, out, (socklen_t)room) == NULL)
        out[0] = '\0';
}

static bool read_address(const char *text, uint8_t out[16]) {
    if (strchr(text, ':') != NULL)
        return inet_pton(AF_INET6, text, out) == 1;
    memcpy(out, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out + sizeof mapped) == 1;
}

/* ---- those that are trusted ---- */

static bool within(const lk_network *n, const uint8_t address[16]) {
    const int whole = n->bits / 8, rest = n->bits % 8;
    if (memcmp(n->address, address, (size_t)whole) != 0)
        return false;
    const uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return rest == 0 || ((n->address[whole] ^ address[whole]) & mask) == 0;
}

bool lk_proxies_trust(const lk_proxies *p, const uint8_t address[16]) {
    for (size_t i = 0; i < p->count; i++)
        if (within(&p->list[i], address))
            return true;
    return false;
}

/* "10.0.0.0/8", "fd00::/8", or one address. */
static bool read_network(char *text, lk_network *out) {
    char *slash = strchr(text, '/'), *end = NULL;
    if (slash != NULL)
        *slash++ = '\0';
    if (!read_address(text, out->address))
        return false;
    const int most = strchr(text, ':') != NULL ? 128 : 32;
    const long bits = slash == NULL ? most : *slash >= '0' && *slash <= '9' ? strtol(slash, &end, 10) : -1;
    if (bits < 0 || bits > most || (end != NULL && *end != '\0'))
        return false;
    out->bits = (int)bits + 128 - most;
    return true;
}

int lk_proxies_parse(const char *text, bool forwarded, lk_proxies *out, liken_error *err) {
    lk_proxies p = {.forwarded = forwarded};
    const char *at = text == NULL ? "" : text + strspn(text, ", ");
    while (*at != '\0') {
        char word[64];
        const size_t size = strcspn(at, ", ");
        if (p.count == LK_PROXIES)
            return lk_fail(err, LIKEN_E_ARG, "More than %d trusted proxies are named; name networks.", LK_PROXIES);
        bool good = size < sizeof word;
        if (good) {
            memcpy(word, at, size);
            word[size] = '\0';
            good = read_network(word, &p.list[p.count++]);
        }
        if (!good)
            return lk_fail(err, LIKEN_E_ARG,
                           "\"%.*s\" is no address of a proxy: write addresses or networks, like 127.0.0.1, 10.0.0.0/8 "
                           "or fd00::/8, parted by commas.",
                           size > 60 ? 60 : (int)size, at);
        at += size;
        at += strspn(at, ", ");
    }
    *out = p;
    return LIKEN_OK;
}

/* ---- the list ---- */

typedef struct span {
    const char *start;
    size_t size;
} span;

static span trimmed(span s) {
    while (s.size > 0 && (*s.start == ' ' || *s.start == '\t')) {
        s.start++;
        s.size--;
    }
    while (s.size > 0 && (s.start[s.size - 1] == ' ' || s.start[s.size - 1] == '\t'))
        s.size--;
    return s;
}

/* Up to the next semicolon outside of quotes. */
static span cut(const char **at) {
    const char *start = *at, *p = start;
    for (bool quoted = false; *p != '\0' && (quoted || *p != ';'); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (quoted && *p == '\\' && p[1] != '\0')
            p++;
    }
    *at = *p == '\0' ? NULL : p + 1;
    return trimmed((span){start, (size_t)(p - start)});
}

/* The last entries, the last first; parted by commas, where `quotes` are known by those outside of them. Read
 * backwards, so that a quote that somebody left open takes nothing of what was added behind it. */
static size_t last_entries(const char *list, bool quotes, span out[HOPS]) {
    size_t n = 0;
    const char *end = list + strlen(list);
    bool quoted = false;
    for (const char *p = end; n < HOPS; p--) {
        if (p == list || (p[-1] == ',' && !quoted)) {
            out[n++] = trimmed((span){p, (size_t)(end - p)});
            end = p - 1;
        }
        if (p == list)
            break;
        if (quotes && p[-1] == '"')
            quoted = !quoted;
    }
    return n;
}

/* The value of "for=" in an entry of Forwarded, without its quotes; of size 0: there is none. */
static span for_of(span entry, char *room, size_t size) {
    if (entry.size >= size)
        return (span){room, 0};
    memcpy(room, entry.start, entry.size);
    room[entry.size] = '\0';
    for (const char *at = room; at != NULL;) {
        span pair = cut(&at);
        if (pair.size < 4 || strncasecmp(pair.start, "for=", 4) != 0)
            continue;
        pair = (span){pair.start + 4, pair.size - 4};
        const bool quoted = pair.size >= 2 && *pair.start == '"' && pair.start[pair.size - 1] == '"';
        return quoted ? (span){pair.start + 1, pair.size - 2} : pair;
    }
    return (span){room, 0};
}

/* "1.2.3.4", "1.2.3.4:5", "::1", "[::1]" or "[::1]:5". */
static bool read_entry(span s, uint8_t out[16]) {
    char text[64];
    if (s.size == 0 || s.size >= sizeof text || memchr(s.start, '\0', s.size) != NULL)
        return false;
    memcpy(text, s.start, s.size);
    text[s.size] = '\0';
    char *end = NULL;
    if (text[0] == '[') {
        end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        *end = '\0';
        return strchr(text + 1, ':') != NULL && read_address(text + 1, out);
    }
    end = strchr(text, ':');
    if (end != NULL && strchr(end + 1, ':') == NULL)
        *end = '\0';
    return read_address(text, out);
}

bool lk_proxies_client(const lk_proxies *p, const char *list, uint8_t client[16]) {
    span entries[HOPS];
    const size_t count = list == NULL ? 0 : last_entries(list, p->forwarded, entries);
    for (size_t i = 0; i < count && lk_proxies_trust(p, client); i++) {
        char room[512];
        uint8_t address[16];
        const span s = p->forwarded ? for_of(entries[i], room, sizeof room) : entries[i];
        if (!read_entry(s, address))
            return false;
        memcpy(client, address, sizeof address);
    }
    return true;
}

/* ---- of a request ---- */

static void add_line(const char *value, void *ctx) {
    lk_buf *b = ctx;
    (void)lk_buf_format(b, NULL, "%s%s", b->size > 0 ? "," : "", value); /* a list that is too long stays cut short */
}

void lk_request_find_client(lk_request *r) {
    lk_http *h = r->server;
    pthread_mutex_lock(&h->proxies_lock);
    const lk_proxies p = h->proxies;
    pthread_mutex_unlock(&h->proxies_lock);
    if (!lk_proxies_trust(&p, r->client))
        return;
    lk_buf list;
    lk_buf_init(&list, LIST_BYTES);
    lk_request_each(r, p.forwarded ? "Forwarded" : "X-Forwarded-For", add_line, &list);
    const bool told = lk_proxies_client(&p, list.data, r->client);
    lk_buf_free(&list);
    if (told)
        lk_address_format(r->client, r->peer, sizeof r->peer);
    else /* somebody whom the proxy does not name: counted as the proxy, and not taken for this machine's own */
        memcpy(r->peer, "unknown", sizeof "unknown");
}

bool lk_http_trusts(lk_http *h, const struct sockaddr *peer) {
    uint8_t address[16];
    lk_address_of(peer, address);
    pthread_mutex_lock(&h->proxies_lock);
    const bool trusted = lk_proxies_trust(&h->proxies, address);
    pthread_mutex_unlock(&h->proxies_lock);
    return trusted;
}

int lk_http_check_proxies(const char *trusted, liken_error *err) {
    lk_proxies p;
    return lk_proxies_parse(trusted, false, &p, err);
}

int lk_http_set_proxies(lk_http *h, const char *trusted, bool forwarded, liken_error *err) {
    lk_proxies p;
    const int rc = lk_proxies_parse(trusted, forwarded, &p, err);
    if (rc != LIKEN_OK)
        return rc;
    pthread_mutex_lock(&h->proxies_lock);
    h->proxies = p;
    pthread_mutex_unlock(&h->proxies_lock);
    return LIKEN_OK;
}
