/* multipart.c - multipart/form-data (RFC 7578, RFC 2046), taken apart while it arrives.
 *
 * A line of two hyphens and the boundary divides the parts; two hyphens more end the form. Before the first such line
 * and behind the last anything may stand, and is dropped. White space may follow the boundary; what else follows it
 * makes the line one of the data, since a boundary of one character is easily the beginning of something else.
 *
 * Lines end with CR LF. A form whose first dividing line ends with a bare LF is taken to have bare LFs throughout, as
 * hand-written ones do (Go reads them so, too); in any other a bare LF before a boundary is data, because photos hold
 * all bytes. Headers may end their lines either way.
 *
 * The line end before a boundary belongs to the boundary. So the mark that is looked for is "\r\n--boundary" or
 * "\n--boundary"; its first byte occurs in it once, and where a comparison fails nothing has to be looked at twice: the
 * bytes that fitted are data, and the mark may begin only with the byte that did not fit. Behind headers the mark's
 * line end is taken as seen (`given`): an empty part may have none. The same holds for the start of the body. */
#include "http/parts.h"

#include <stdlib.h>
#include <string.h>

#define PADDING_MAX 128 /* bytes of white space behind a boundary */

enum state { PREAMBLE, HEADERS, DATA, EPILOGUE };

struct lk_multipart {
    lk_part_sink sink;
    enum state state;
    char mark[4 + LK_BOUNDARY_MAX + 1]; /* "\r\n--boundary" */
    size_t start, size;                 /* of the mark: 0 or 1, where it begins; its end */
    size_t matched, given;              /* where the comparison is; up to where it was not data of the body */
    char tail[PADDING_MAX];             /* what came behind the mark */
    size_t tail_size;
    lk_buf headers;
    size_t line; /* where the last line of the headers begins */
    bool any;    /* a byte of the body came */
    lk_arena arena;
};

/* ---- starting ---- */

static int check_boundary(const char *boundary, liken_error *err) {
    if (boundary == NULL || *boundary == '\0')
        return lk_fail(err, LIKEN_E_ARG,
                       "The Content-Type of the form names no boundary. Leave that header to what makes the form: "
                       "curl -F, requests' files=, FormData write it whole.");
    if (strlen(boundary) > LK_BOUNDARY_MAX)
        return lk_fail(err, LIKEN_E_ARG, "The boundary of the form is longer than %d characters.", LK_BOUNDARY_MAX);
    for (const char *p = boundary; *p != '\0'; p++)
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f)
            return lk_fail(err, LIKEN_E_ARG, "The boundary of the form holds other than printable ASCII characters.");
    return LIKEN_OK;
}

int lk_multipart_start(lk_multipart **out, const char *content_type, const lk_part_sink *sink, liken_error *err) {
    lk_multipart *m = calloc(1, sizeof *m);
    const char *boundary = NULL;
    if (m == NULL)
        return lk_fail_memory(err);
    int rc = lk_header_parameter(content_type, "boundary", &m->arena, &boundary, err);
    if (rc == LIKEN_OK)
        rc = check_boundary(boundary, err);
    if (rc != LIKEN_OK) {
        lk_multipart_free(m);
        return rc;
    }
    m->sink = *sink;
    memcpy(m->mark, "\r\n--", 4);
    m->size = 4 + strlen(boundary);
    memcpy(m->mark + 4, boundary, m->size - 4);
    m->start = 1;
    m->matched = m->given = 2;
    lk_buf_init(&m->headers, LK_PART_HEADERS_MAX);
    lk_arena_free(&m->arena);
    m->arena = (lk_arena){0};
    *out = m;
    return LIKEN_OK;
}

void lk_multipart_free(lk_multipart *m) {
    if (m == NULL)
        return;
    lk_buf_free(&m->headers);
    lk_arena_free(&m->arena);
    free(m);
}

/* ---- data ---- */

/* The preamble's go nowhere. */
static int tell(lk_multipart *m, const char *bytes, size_t size, liken_error *err) {
    return m->state == DATA && size > 0 ? m->sink.data(m->sink.cls, bytes, size, err) : LIKEN_OK;
}

/* What fitted so far is no mark: it is data, except for the line end that was given. */
static int give_up(lk_multipart *m, liken_error *err) {
    const size_t from = m->given;
    const size_t to = m->matched;
    m->matched = m->given = m->start;
    return tell(m, m->mark + from, to - from, err);
}

/* One byte that is data or of the mark. */
static int look(lk_multipart *m, char c, liken_error *err) {
    if (c == m->mark[m->matched]) {
        m->matched++;
        return LIKEN_OK;
    }
    const int rc = give_up(m, err);
    if (rc != LIKEN_OK)
        return rc;
    if (c != m->mark[m->start])
        return tell(m, &c, 1, err);
    m->matched++;
    return LIKEN_OK;
}

/* Where the mark begins, or may where the bytes end; `size`: nowhere. */
static size_t find_mark(const lk_multipart *m, const char *data, size_t size) {
    const char *mark = m->mark + m->start;
    const size_t length = m->size - m->start;
    const char *whole = memmem(data, size, mark, length);
    if (whole != NULL)
        return (size_t)(whole - data);
    for (size_t left = size < length ? size : length - 1; left > 0; left--)
        if (memcmp(data + size - left, mark, left) == 0)
            return size - left;
    return size;
}

/* Takes what surely is data at once; returns how many bytes. */
static size_t skip(lk_multipart *m, const char *data, size_t size, liken_error *err, int *rc) {
    if (m->matched > m->start)
        return 0;
    const size_t n = find_mark(m, data, size);
    *rc = tell(m, data, n, err);
    return n;
}

/* ---- behind the mark ---- */

static int no_boundary(lk_multipart *m, char c, liken_error *err) {
    const size_t size = m->tail_size;
    m->tail_size = 0;
    int rc = give_up(m, err);
    for (size_t i = 0; rc == LIKEN_OK && i < size; i++)
        rc = look(m, m->tail[i], err);
    return rc == LIKEN_OK ? look(m, c, err) : rc;
}

/* The line of a boundary is whole. */
static int divide(lk_multipart *m, bool last, liken_error *err) {
    if (m->state == PREAMBLE)
        m->start = m->tail_size > 0 && m->tail[m->tail_size - 1] == '\r' ? 0 : 1;
    const int rc = m->state == DATA ? m->sink.close(m->sink.cls, err) : LIKEN_OK;
    m->state = last ? EPILOGUE : HEADERS;
    m->tail_size = m->line = 0;
    lk_buf_clear(&m->headers);
    return rc;
}

static int behind_mark(lk_multipart *m, char c, liken_error *err) {
    const char before = m->tail_size == 0 ? ' ' : m->tail[m->tail_size - 1];
    const bool blank = before == ' ' || before == '\t';
    if (c == '\n' && before != '-')
        return divide(m, false, err);
    if (c == '-' && before == '-')
        return divide(m, true, err);
    const bool fits = c == '-' ? m->tail_size == 0 : blank && (c == ' ' || c == '\t' || c == '\r');
    if (!fits || m->tail_size == sizeof m->tail)
        return no_boundary(m, c, err);
    m->tail[m->tail_size++] = c;
    return LIKEN_OK;
}

/* ---- headers ---- */

/* The line that just ended is empty: so are the headers. */
static bool headers_end(const lk_multipart *m) {
    const size_t size = m->headers.size - m->line;
    return size == 1 || (size == 2 && m->headers.data[m->line] == '\r');
}

static int open_part(lk_multipart *m, liken_error *err) {
    lk_part_head head;
    int rc = lk_part_head_read(m->headers.data, m->headers.size, &m->arena, &head, err);
    if (rc == LIKEN_OK)
        rc = m->sink.open(m->sink.cls, &head, err);
    lk_arena_free(&m->arena);
    m->arena = (lk_arena){0};
    m->state = DATA;
    m->matched = m->given = 2;
    return rc;
}

/* Up to the end of a line; returns how many bytes. */
static size_t header_bytes(lk_multipart *m, const char *data, size_t size, liken_error *err, int *rc) {
    const char *end = memchr(data, '\n', size);
    const size_t n = end == NULL ? size : (size_t)(end - data) + 1;
    if (m->headers.size + n > LK_PART_HEADERS_MAX)
        *rc = lk_fail(err, LIKEN_E_TOO_LARGE,
                      "The headers of a part of the form are longer than the limit of %d bytes.", LK_PART_HEADERS_MAX);
    else
        *rc = lk_buf_append(&m->headers, data, n, err);
    if (*rc != LIKEN_OK || end == NULL)
        return n;
    if (headers_end(m))
        *rc = open_part(m, err);
    m->line = m->headers.size;
    return n;
}

/* ---- pieces ---- */

/* Takes one byte or more. */
static size_t step(lk_multipart *m, const char *data, size_t size, liken_error *err, int *rc) {
    if (m->state == EPILOGUE)
        return size;
    if (m->state == HEADERS)
        return header_bytes(m, data, size, err, rc);
    const size_t n = skip(m, data, size, err, rc);
    if (n > 0)
        return n;
    *rc = m->matched == m->size ? behind_mark(m, *data, err) : look(m, *data, err);
    return 1;
}

int lk_multipart_feed(lk_multipart *m, const char *data, size_t size, liken_error *err) {
    int rc = LIKEN_OK;
    m->any = m->any || size > 0;
    for (size_t at = 0; rc == LIKEN_OK && at < size;)
        at += step(m, data + at, size - at, err, &rc);
    return rc;
}

int lk_multipart_finish(lk_multipart *m, liken_error *err) {
    if (m->state == EPILOGUE || !m->any)
        return LIKEN_OK;
    if (m->state == PREAMBLE)
        return lk_fail(err, LIKEN_E_ARG,
                       "The form holds no part: the line \"%.80s\" that its Content-Type promises never occurs.",
                       m->mark + 2);
    return lk_fail(err, LIKEN_E_ARG,
                   "The form is cut short: the line \"%.80s--\" that ends it never came, so its last part may not be "
                   "whole.",
                   m->mark + 2);
}
