/* file.c - answers from memory: which coding of a file a client gets, and whether it has it already.
 *
 * A file may be there as it is and compressed, made once when it was put in (nothing is compressed while a client
 * waits). Each coding is other bytes and so has a tag of its own (RFC 9110, 8.8.3.3): "abc", "abc-gzip", "abc-br". */
#include "http/http_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- headers ---- */

static const char *skip(const char *p, const char *what) {
    return p + strspn(p, what);
}

bool lk_etag_listed(const char *list, const char *etag) {
    const size_t length = strlen(etag);
    const char *p = skip(list, " \t,");
    if (*p == '*')
        return *skip(p + 1, " \t") == '\0';
    while (*p != '\0') {
        if (strncmp(p, "W/", 2) == 0)
            p += 2;
        const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (end == NULL)
            return false; /* no tag: what follows cannot be told apart any more */
        if ((size_t)(end - p) == length + 1 && memcmp(p + 1, etag, length) == 0)
            return true;
        p = skip(end + 1, " \t,");
    }
    return false;
}

/* "0.25" as thousandths; what is malformed is 0. */
static int weight(const char *p) {
    int value = *p == '1' ? 1000 : 0;
    if ((*p != '0' && *p != '1') || p[1] != '.')
        return value;
    p += 2;
    for (int unit = 100; *p >= '0' && *p <= '9' && unit > 0; unit /= 10)
        value += unit * (*p++ - '0');
    return value > 1000 ? 1000 : value;
}

int lk_http_weight(const char *p) {
    p = skip(p, " \t");
    if (*p != ';')
        return 1000;
    p = skip(p + 1, " \t");
    return (*p == 'q' || *p == 'Q') && p[1] == '=' ? weight(p + 2) : 1000;
}

int lk_coding_wanted(const char *accept, const char *coding) {
    const size_t length = strlen(coding);
    int any = 0;
    for (const char *p = accept == NULL ? "" : skip(accept, " \t,"); *p != '\0'; p = skip(p, " \t,")) {
        const size_t n = strcspn(p, " \t,;");
        if (n == length && strncasecmp(p, coding, n) == 0)
            return lk_http_weight(p + n);
        if (n == 1 && *p == '*' && strcmp(coding, "identity") != 0)
            any = lk_http_weight(p + 1);
        p += strcspn(p, ",");
    }
    return any;
}

/* ---- the answer ---- */

typedef struct variant {
    lk_bytes bytes;
    const char *coding; /* NULL: as it is */
    char etag[96];      /* in quotes; "": it has none */
} variant;

static variant choose(const lk_request *r, const lk_file *file) {
    const char *accept = lk_request_header(r, "Accept-Encoding");
    const struct {
        lk_bytes bytes;
        const char *coding;
    } codings[] = {{file->brotli, "br"}, {file->gzip, "gzip"}};
    variant v = {.bytes = file->plain};
    int best = lk_coding_wanted(accept, "identity");
    for (size_t i = 0; i < LK_LENGTH(codings); i++) {
        const int wanted = codings[i].bytes.bytes == NULL ? 0 : lk_coding_wanted(accept, codings[i].coding);
        if (wanted > 0 && (wanted > best || (wanted == best && codings[i].bytes.size < v.bytes.size))) {
            v.bytes = codings[i].bytes;
            v.coding = codings[i].coding;
            best = wanted;
        }
    }
    if (file->etag != NULL)
        (void)snprintf(v.etag, sizeof v.etag, "\"%.80s%s%s\"", file->etag, v.coding != NULL ? "-" : "",
                       v.coding != NULL ? v.coding : "");
    return v;
}

struct sought {
    char etag[96];
    bool found;
};

static void look(const char *value, void *ctx) {
    struct sought *s = ctx;
    s->found = s->found || lk_etag_listed(value, s->etag);
}

/* Does the client have these bytes? The header may be there more than once. */
static bool has_it(const lk_request *r, const variant *v) {
    struct sought s = {0};
    const size_t length = strlen(v->etag);
    if (length == 0 || (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0))
        return false;
    memcpy(s.etag, v->etag + 1, length - 2);
    lk_request_each(r, "If-None-Match", look, &s);
    return s.found;
}

static void add_headers(lk_request *r, const lk_file *file, const variant *v) {
    char cache[80];
    const char *who = file->personal ? "private" : "public";
    if (file->max_age > 0)
        (void)snprintf(cache, sizeof cache, "%s, max-age=%d%s", who, file->max_age,
                       file->immutable ? ", immutable" : "");
    else
        (void)snprintf(cache, sizeof cache, "%s, no-cache", who);
    lk_respond_header(r, "Cache-Control", cache);
    if (v->etag[0] != '\0')
        lk_respond_header(r, "ETag", v->etag);
    if (file->gzip.bytes != NULL || file->brotli.bytes != NULL)
        lk_respond_header(r, "Vary", "Accept-Encoding");
}

void lk_respond_file(lk_request *r, const lk_file *file) {
    lk_answer *a = &r->answer;
    if (a->status != 0) {
        if (file->release != NULL)
            file->release(file->owner);
        return;
    }
    const variant v = choose(r, file);
    const bool has = has_it(r, &v);
    add_headers(r, file, &v);
    if (!has && v.coding != NULL)
        lk_respond_header(r, "Content-Encoding", v.coding);
    a->release = file->release;
    a->owner = file->owner;
    a->status = has ? 304 : 200;
    a->type = has ? NULL : lk_arena_string(&r->arena, file->type);
    a->body = v.bytes; /* of a 304 nothing is sent of it but its length */
}
