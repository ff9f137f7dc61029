/* framing.c - heads about which a proxy before us and libmicrohttpd might think differently.
 *
 * Where a message ends follows from Content-Length and Transfer-Encoding, and whom it is for from Host. Two that
 * contradict each other let one request hide inside another (request smuggling): such a message is refused, as RFC 9112
 * allows or demands, and its connection closed.
 *
 * libmicrohttpd is generous before that: a line may end without CR, a NUL ends a target, a name, a value, even the head
 * itself, a header may be folded over two lines. It parses in place, though, and hands out pointers into what came. So
 * the head is measured: each piece must begin where the one before it ends by the grammar, the last one where the head
 * ends. A byte that was dropped or put in on the way does not fit. (Version 1.0 and later are strict themselves where
 * http.c asks for it, and nothing is measured.) */
#include "http/http_int.h"

#include <string.h>
#include <strings.h>

#define CRLF 2

typedef struct seen {
    int lengths, encodings, hosts;
    bool chunked, name, value, gap; /* gap: something does not begin where it should */
    uintptr_t at;                   /* where the next header's name must begin */
} seen;

/* "token" of RFC 9110, 5.6.2 */
static bool is_token(const char *s, size_t size) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < size; i++) {
        const char c = s[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c != '\0' && strchr(others, c) != NULL)))
            return false;
    }
    return size > 0;
}

static bool has_control(const char *s, size_t size, const char *allowed) {
    for (size_t i = 0; i < size; i++)
        if (((unsigned char)s[i] < ' ' || s[i] == 0x7f) && (s[i] == '\0' || strchr(allowed, s[i]) == NULL))
            return true;
    return false;
}

static enum MHD_Result note(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
                            size_t value_size) {
    (void)kind;
    seen *s = cls;
    const char *text = value != NULL ? value : "";
    s->name = s->name || !is_token(name, name_size);
    s->value = s->value || has_control(text, value_size, "\t");
    s->gap = s->gap || (uintptr_t)name != s->at || (uintptr_t)text <= (uintptr_t)name + name_size;
    s->at = (uintptr_t)text + value_size + CRLF;
    s->lengths += strcasecmp(name, "Content-Length") == 0;
    s->hosts += strcasecmp(name, "Host") == 0;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        s->encodings++;
        s->chunked = strcasecmp(text, "chunked") == 0;
    }
    return MHD_YES;
}

static bool is_generous(void) {
    return MHD_get_version()[0] == '0';
}

/* method SP target SP version CRLF *(name ":" OWS value CRLF) CRLF */
static bool measures(const lk_request *r, const char *method, const char *version, const seen *s) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info != NULL && (uintptr_t)r->raw == (uintptr_t)method + strlen(method) + 1 &&
           (uintptr_t)version == (uintptr_t)r->raw + r->raw_size + 1 && !s->gap &&
           s->at + CRLF == (uintptr_t)method + info->header_size;
}

const char *lk_framing_fault(const lk_request *r, const char *method, const char *version) {
    seen s = {.at = (uintptr_t)version + strlen(version) + CRLF};
    (void)MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, note, &s);
    if (!is_token(method, strlen(method)))
        return "The request's method holds a character that does not belong there.";
    if (s.name)
        return "A header's name holds a space or another character that does not belong there.";
    if (s.value)
        return "A header's value holds a control character.";
    if (is_generous() && !measures(r, method, version, &s))
        return "The request's head holds a NUL, a line that does not end with CR LF, or a header folded over two "
               "lines.";
    if (s.hosts > 1)
        return "The request names more than one Host.";
    if (s.lengths > 1 || (s.lengths > 0 && s.encodings > 0))
        return "The request states the length of its body more than once; send one Content-Length, or one "
               "Transfer-Encoding.";
    if (s.encodings > 1 || (s.encodings == 1 && !s.chunked))
        return "The only Transfer-Encoding that this server reads is chunked.";
    return NULL;
}
