/* framing.c - headers about which a proxy before us and libmicrohttpd might think differently.
 *
 * Where a message ends follows from Content-Length and Transfer-Encoding, and whom it is for from Host. Two that
 * contradict each other let one request hide inside another (request smuggling): such a message is refused, as RFC 9112
 * allows or demands, and its connection closed. */
#include "http/http_int.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

typedef struct seen {
    int lengths, encodings, hosts;
    bool chunked, spaced;
} seen;

static enum MHD_Result note(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    seen *s = cls;
    s->spaced = s->spaced || name[strcspn(name, " \t")] != '\0';
    s->lengths += strcasecmp(name, "Content-Length") == 0;
    s->hosts += strcasecmp(name, "Host") == 0;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        s->encodings++;
        s->chunked = value != NULL && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

const char *lk_framing_fault(struct MHD_Connection *connection) {
    seen s = {0};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, note, &s);
    if (s.spaced)
        return "A header's name holds a space.";
    if (s.hosts > 1)
        return "The request names more than one Host.";
    if (s.lengths > 1 || (s.lengths > 0 && s.encodings > 0))
        return "The request states the length of its body more than once; send one Content-Length, or one "
               "Transfer-Encoding.";
    if (s.encodings > 1 || (s.encodings == 1 && !s.chunked))
        return "The only Transfer-Encoding that this server reads is chunked.";
    return NULL;
}
