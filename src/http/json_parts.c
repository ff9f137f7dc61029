/* json_parts.c - a JSON body whose photos are strings in base64: {"file": "/9j/4AAQ...", "image_id": "7"}.
 *
 * JSON is read whole by whoever asked for it (jansson), which costs many times its size; a photo must not. So the
 * photos are cut out while the body arrives: the strings that are values of certain members of the outermost object are
 * decoded into parts, and null stands in their place in what is left, which has a small limit of its own. No more of
 * JSON is understood here than that takes: how deep it is nested, where strings end, which string is a name. What is
 * malformed is copied as it is and refused by the one who reads it.
 *
 * Base64 is of either alphabet, padded or not. White space in it is skipped, line ends as they are too: `base64` of the
 * shell breaks its lines. A data URL (data:image/jpeg;base64,...) is taken for what follows its comma. */
#include "base/base64.h"
#include "base/text.h"
#include "http/parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE 4096

enum mode { TEXT, STRING, NAME, PHOTO };

struct lk_json_parts {
    lk_part_sink sink;
    const char *files;
    lk_buf *rest;
    enum mode mode;
    size_t depth;
    bool object;   /* the outermost thing is one */
    char last;     /* the last byte at depth 1 that is no white space */
    int escape;    /* inside one: 1 behind the backslash, then 2 to 5: digits of \u to come + 1 */
    unsigned code; /* of \u */
    char name[32]; /* of the member at hand */
    size_t name_size;
    char scheme[128]; /* the beginning of a photo while it may be that of a data URL */
    size_t scheme_size;
    bool decoding;
    lk_base64 base64;
    size_t position; /* of the next character of the photo, from 1 */
};

int lk_json_parts_start(lk_json_parts **out, const char *files, lk_buf *rest, const lk_part_sink *sink,
                        liken_error *err) {
    lk_json_parts *j = calloc(1, sizeof *j);
    if (j == NULL)
        return lk_fail_memory(err);
    j->sink = *sink;
    j->files = files;
    j->rest = rest;
    *out = j;
    return LIKEN_OK;
}

void lk_json_parts_free(lk_json_parts *j) {
    free(j);
}

static int keep(lk_json_parts *j, const char *bytes, size_t size, liken_error *err) {
    if (j->rest->size + size > j->rest->ceiling)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "The JSON body is, without its photos, longer than the limit of %zu bytes.", j->rest->ceiling);
    return lk_buf_append(j->rest, bytes, size, err);
}

/* ---- photos ---- */

static int bad_character(const lk_json_parts *j, char c, liken_error *err) {
    static const char *const must = "It must hold the photo's bytes in base64, not its name or address.";
    if (isprint((unsigned char)c))
        return lk_fail(err, LIKEN_E_ARG, "%s is not base64: its character %zu is \"%c\". %s", j->name, j->position, c,
                       must);
    return lk_fail(err, LIKEN_E_ARG, "%s is not base64: its character %zu is the byte %u. %s", j->name, j->position,
                   (unsigned)(unsigned char)c, must);
}

static int decode(lk_json_parts *j, const char *text, size_t size, liken_error *err) {
    uint8_t out[LK_BASE64_ROOM(PIECE)];
    for (size_t at = 0; at < size;) {
        size_t written = 0;
        const size_t n = size - at < PIECE ? size - at : PIECE,
                     read = lk_base64_read(&j->base64, text + at, n, out, &written);
        j->position += read;
        if (read < n)
            return bad_character(j, text[at + read], err);
        const int rc = written > 0 ? j->sink.data(j->sink.cls, (const char *)out, written, err) : LIKEN_OK;
        if (rc != LIKEN_OK)
            return rc;
        at += n;
    }
    return LIKEN_OK;
}

static bool may_be_url(const lk_json_parts *j) {
    return strncasecmp(j->scheme, "data:", j->scheme_size < 5 ? j->scheme_size : 5) == 0;
}

static int bad_url(const lk_json_parts *j, liken_error *err) {
    return lk_fail(err, LIKEN_E_ARG, "%s is a data URL that is not in base64: write data:image/jpeg;base64, before it.",
                   j->name);
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A character of the beginning: it turns out what the photo is in. */
static int begin(lk_json_parts *j, char c, liken_error *err) {
    static const char mark[] = ";base64";
    if (j->scheme_size == 0 && is_space(c)) {
        j->position++;
        return LIKEN_OK;
    }
    if (j->scheme_size == sizeof j->scheme)
        return bad_url(j, err);
    j->scheme[j->scheme_size++] = c;
    if (!may_be_url(j)) {
        j->decoding = true;
        return decode(j, j->scheme, j->scheme_size, err);
    }
    if (c != ',')
        return LIKEN_OK;
    const size_t size = j->scheme_size - 1, n = sizeof mark - 1;
    if (size < n || strncasecmp(j->scheme + size - n, mark, n) != 0)
        return bad_url(j, err);
    j->decoding = true;
    j->position += j->scheme_size;
    return LIKEN_OK;
}

static int photo(lk_json_parts *j, const char *text, size_t size, liken_error *err) {
    int rc = LIKEN_OK;
    while (rc == LIKEN_OK && !j->decoding && size > 0) {
        rc = begin(j, *text++, err);
        size--;
    }
    return rc == LIKEN_OK && size > 0 ? decode(j, text, size, err) : rc;
}

static int open_photo(lk_json_parts *j, liken_error *err) {
    const lk_part_head head = {.name = j->name};
    j->mode = PHOTO;
    j->decoding = false;
    j->scheme_size = 0;
    j->base64 = (lk_base64){0};
    j->position = 1;
    const int rc = keep(j, "null", 4, err);
    return rc == LIKEN_OK ? j->sink.open(j->sink.cls, &head, err) : rc;
}

static int close_photo(lk_json_parts *j, liken_error *err) {
    uint8_t out[2];
    size_t written = 0;
    int rc = LIKEN_OK;
    if (!j->decoding)
        rc = j->scheme_size < 5 ? decode(j, j->scheme, j->scheme_size, err) : bad_url(j, err);
    if (rc == LIKEN_OK && !lk_base64_end(&j->base64, out, &written))
        rc = lk_fail(err, LIKEN_E_ARG, "%s is not base64: its end is cut off.", j->name);
    if (rc == LIKEN_OK && written > 0)
        rc = j->sink.data(j->sink.cls, (const char *)out, written, err);
    return rc == LIKEN_OK ? j->sink.close(j->sink.cls, err) : rc;
}

/* ---- strings ---- */

/* A character of a name or photo, without its escape. */
static int character(lk_json_parts *j, char c, liken_error *err) {
    if (j->mode == PHOTO)
        return photo(j, &c, 1, err);
    if (j->name_size < sizeof j->name - 1)
        j->name[j->name_size] = c;
    j->name_size++;
    return LIKEN_OK;
}

static int digit(lk_json_parts *j, char c, liken_error *err) {
    const int value = lk_hex_value(c);
    if (value < 0 && j->mode == PHOTO)
        return bad_character(j, c, err);
    j->code = j->code << 4 | ((unsigned)value & 15);
    j->escape = j->escape == 5 ? 0 : j->escape + 1;
    return j->escape > 0 ? LIKEN_OK : character(j, j->code > 0 && j->code < 0x80 ? (char)j->code : '\x7f', err);
}

static int escaped(lk_json_parts *j, char c, liken_error *err) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    if (j->escape > 1)
        return digit(j, c, err);
    const char *known = strchr(from, c);
    j->code = 0;
    j->escape = c == 'u' ? 2 : 0;
    if (c == 'u')
        return LIKEN_OK;
    return character(j, c != '\0' && known != NULL ? to[known - from] : c, err);
}

static int end_string(lk_json_parts *j, liken_error *err) {
    const int rc = j->mode == PHOTO ? close_photo(j, err) : keep(j, "\"", 1, err);
    if (j->mode == NAME)
        j->name[j->name_size < sizeof j->name ? j->name_size : 0] = '\0'; /* too long: none that is looked for */
    j->mode = TEXT;
    j->last = '"';
    return rc;
}

/* A byte of a string. */
static int in_string(lk_json_parts *j, char c, liken_error *err) {
    if (j->escape == 0 && c == '"')
        return end_string(j, err);
    const int rc = j->mode == PHOTO ? LIKEN_OK : keep(j, &c, 1, err);
    if (rc != LIKEN_OK)
        return rc;
    if (j->mode == STRING)
        j->escape = j->escape == 0 && c == '\\';
    else if (j->escape > 0)
        return escaped(j, c, err);
    else if (c == '\\')
        j->escape = 1;
    else
        return character(j, c, err);
    return LIKEN_OK;
}

/* ---- between strings ---- */

static int start_string(lk_json_parts *j, liken_error *err) {
    const bool member = j->depth == 1 && j->object;
    if (member && j->last == ':' && lk_word_find(j->files, j->name) >= 0)
        return open_photo(j, err);
    j->mode = member && (j->last == '{' || j->last == ',') ? NAME : STRING;
    j->name_size = j->mode == NAME ? 0 : j->name_size;
    return keep(j, "\"", 1, err);
}

static int between(lk_json_parts *j, char c, liken_error *err) {
    if (c == '"')
        return start_string(j, err);
    if (c == '{' || c == '[')
        j->object = j->depth++ == 0 ? c == '{' : j->object;
    else if ((c == '}' || c == ']') && j->depth > 0)
        j->depth--;
    if (!is_space(c))
        j->last = c;
    return keep(j, &c, 1, err);
}

/* Characters of a photo that stand for themselves. */
static size_t plain(const lk_json_parts *j, const char *data, size_t size) {
    size_t n = 0;
    if (j->mode != PHOTO || j->escape > 0)
        return 0;
    while (n < size && data[n] != '"' && data[n] != '\\')
        n++;
    return n;
}

int lk_json_parts_feed(lk_json_parts *j, const char *data, size_t size, liken_error *err) {
    int rc = LIKEN_OK;
    for (size_t at = 0; rc == LIKEN_OK && at < size;) {
        const size_t n = plain(j, data + at, size - at);
        rc = n > 0             ? photo(j, data + at, n, err)
             : j->mode == TEXT ? between(j, data[at], err)
                               : in_string(j, data[at], err);
        at += n > 0 ? n : 1;
    }
    return rc;
}

int lk_json_parts_finish(lk_json_parts *j, liken_error *err) {
    if (j->mode == PHOTO)
        return lk_fail(err, LIKEN_E_ARG, "The JSON body is cut short: it ends inside %s.", j->name);
    return LIKEN_OK;
}
