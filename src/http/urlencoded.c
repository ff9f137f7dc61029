/* urlencoded.c - application/x-www-form-urlencoded: a=1+2&b=%41, as the URL standard has it, but for one thing: a
 * percent sign that two hex digits do not follow is refused, as in addresses, for a misread label is a wrong answer.
 *
 * Control characters are never in such a body unencoded; curl gives this type to whatever --data-binary sends, and
 * photos are full of them. Only line ends at its end are let pass. */
#include "http/parts.h"

#include "base/text.h"

/* In an escape: + 1 behind the percent sign, + 2 behind its first digit. */
enum state { NAME, NAME_ESCAPE, NAME_DIGIT, VALUE, VALUE_ESCAPE, VALUE_DIGIT, END };

void lk_urlencoded_start(lk_urlencoded *u, size_t name_max, const lk_part_sink *sink) {
    *u = (lk_urlencoded){.sink = *sink, .state = NAME};
    lk_buf_init(&u->name, name_max);
}

void lk_urlencoded_free(lk_urlencoded *u) {
    lk_buf_free(&u->name);
}

static int open_part(lk_urlencoded *u, liken_error *err) {
    const lk_part_head head = {.name = u->name.data};
    if (u->name.size == 0)
        return lk_fail(err, LIKEN_E_ARG, "A part of the form has no name: there is nothing before its \"=\".");
    u->state = VALUE;
    return u->sink.open(u->sink.cls, &head, err);
}

/* At "&" or the end of the body. */
static int close_part(lk_urlencoded *u, liken_error *err) {
    if (u->state == NAME && u->name.size == 0)
        return LIKEN_OK; /* nothing between two "&" */
    int rc = u->state == NAME ? open_part(u, err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        rc = u->sink.close(u->sink.cls, err);
    lk_buf_clear(&u->name);
    u->state = NAME;
    return rc;
}

static int keep(lk_urlencoded *u, const char *bytes, size_t size, liken_error *err) {
    if (u->state == VALUE)
        return u->sink.data(u->sink.cls, bytes, size, err);
    if (u->name.size + size > u->name.ceiling)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The name of a part is longer than the limit of %zu bytes.",
                       u->name.ceiling);
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '\0')
            return lk_fail(err, LIKEN_E_ARG, "The name of a part of the form holds a NUL byte.");
    return lk_buf_append(&u->name, bytes, size, err);
}

static int bad_escape(liken_error *err) {
    return lk_fail(err, LIKEN_E_ARG,
                   "The form has a \"%%\" that two hex digits do not follow (a percent sign itself is written %%25).");
}

static int escape(lk_urlencoded *u, char c, liken_error *err) {
    if (lk_hex_value(c) < 0)
        return bad_escape(err);
    if (u->state == NAME_ESCAPE || u->state == VALUE_ESCAPE) {
        u->digit = c;
        u->state++;
        return LIKEN_OK;
    }
    const char byte = (char)(lk_hex_value(u->digit) << 4 | lk_hex_value(c));
    u->state -= 2;
    return keep(u, &byte, 1, err);
}

static bool is_control(char c) {
    return (unsigned char)c < ' ' || c == 0x7f;
}

static int control(lk_urlencoded *u, char c, liken_error *err) {
    if (c != '\r' && c != '\n')
        return lk_fail(
            err, LIKEN_E_ARG,
            "The body is not what its Content-Type says, application/x-www-form-urlencoded: it holds control "
            "characters.");
    const int rc = u->state == END ? LIKEN_OK : close_part(u, err);
    u->state = END;
    return rc;
}

/* A byte that stands for something else. */
static int special(lk_urlencoded *u, char c, liken_error *err) {
    if (u->state == NAME_ESCAPE || u->state == NAME_DIGIT || u->state == VALUE_ESCAPE || u->state == VALUE_DIGIT)
        return escape(u, c, err);
    if (is_control(c))
        return control(u, c, err);
    if (u->state == END)
        return lk_fail(err, LIKEN_E_ARG, "The form goes on behind the end of a line; it must be one line.");
    switch (c) {
    case '%':
        u->state++;
        return LIKEN_OK;
    case '+':
        return keep(u, " ", 1, err);
    case '&':
        return close_part(u, err);
    case '=':
        return u->state == NAME ? open_part(u, err) : keep(u, &c, 1, err);
    default:
        return keep(u, &c, 1, err);
    }
}

/* Bytes that stand for themselves. */
static size_t plain(const lk_urlencoded *u, const char *data, size_t size) {
    size_t n = 0;
    if (u->state != NAME && u->state != VALUE)
        return 0;
    while (n < size && data[n] != '%' && data[n] != '+' && data[n] != '&' && data[n] != '=' && !is_control(data[n]))
        n++;
    return n;
}

int lk_urlencoded_feed(lk_urlencoded *u, const char *data, size_t size, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t at = 0; rc == LIKEN_OK && at < size;) {
        const size_t n = plain(u, data + at, size - at);
        rc = n > 0 ? keep(u, data + at, n, err) : special(u, data[at], err);
        at += n > 0 ? n : 1;
    }
    return rc;
}

int lk_urlencoded_finish(lk_urlencoded *u, liken_error *err) {
    if (u->state == END)
        return LIKEN_OK;
    return u->state == NAME || u->state == VALUE ? close_part(u, err) : bad_escape(err);
}
