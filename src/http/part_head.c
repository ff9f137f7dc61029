/* part_head.c - the headers of one part of a form, as clients write them.
 *
 * RFC 7578 has `form-data; name="file"; filename="a.jpg"`; around it are many dialects, and these are read:
 *   - names and values in any case, folded lines, white space around "=" and ";", parameters that nobody knows;
 *   - values without quotes (.NET), which end at ";";
 *   - in quotes \" and \\ are escapes (curl, browsers of old); every other backslash is one, as in C:\photos\a.jpg (old
 *     Internet Explorer), of which only the name behind the last backslash is kept;
 *   - %22, %0D and %0A in quotes: what HTML writes for a quote and line ends. Other percent signs are themselves;
 *   - filename*=UTF-8''%C3%A4.jpg (RFC 8187; .NET, Python) counts before filename (RFC 6266); where it cannot be read,
 *     filename is there for that. So does name*.
 *
 * What could be read in two ways is refused: a header or parameter that is there twice, text behind a closing quote. */
#include "base/text.h"
#include "http/parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct span {
    const char *at;
    size_t size;
} span;

typedef struct parameter {
    span name, value;
    bool quoted;
} parameter;

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static span trim(const char *at, size_t size) {
    while (size > 0 && is_blank(*at)) {
        at++;
        size--;
    }
    while (size > 0 && is_blank(at[size - 1]))
        size--;
    return (span){at, size};
}

static bool span_is(span s, const char *word) {
    return s.size == strlen(word) && strncasecmp(s.at, word, s.size) == 0;
}

/* ---- parameters ---- */

/* Behind the quote at `p`: the end of what it holds; NULL: it is never closed. */
static const char *closing_quote(const char *p) {
    for (p++; *p != '"'; p++) {
        if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
            p++;
        if (*p == '\0')
            return NULL;
    }
    return p;
}

static int quoted_value(const char **at, parameter *p, liken_error *err) {
    const char *start = *at, *end = closing_quote(start);
    if (end == NULL)
        return lk_fail(err, LIKEN_E_ARG, "A quote is never closed in a header of the form: %.80s", p->name.at);
    p->value = (span){start + 1, (size_t)(end - start - 1)};
    p->quoted = true;
    for (end++; is_blank(*end);)
        end++;
    if (*end != ';' && *end != '\0')
        return lk_fail(err, LIKEN_E_ARG,
                       "There is text behind a closing quote in a header of the form (a quote inside a name is written "
                       "%%22): %.80s",
                       p->name.at);
    *at = end;
    return LIKEN_OK;
}

/* The parameter behind the ";" at *at, which moves on to the next, or to the end. Without "=" its value is empty. */
static int next_parameter(const char **at, parameter *p, liken_error *err) {
    const char *start = ++*at;
    *at += strcspn(*at, "=;");
    *p = (parameter){.name = trim(start, (size_t)(*at - start)), .value = {*at, 0}};
    if (**at != '=')
        return LIKEN_OK;
    for (++*at; is_blank(**at);)
        ++*at;
    if (**at == '"')
        return quoted_value(at, p, err);
    start = *at;
    *at += strcspn(*at, ";");
    p->value = trim(start, (size_t)(*at - start));
    return LIKEN_OK;
}

/* found->name.at NULL: there is none. */
static int find_parameter(const char *value, const char *name, parameter *found, liken_error *err) {
    *found = (parameter){0};
    for (const char *at = value + strcspn(value, ";"); *at != '\0';) {
        parameter p;
        const int rc = next_parameter(&at, &p, err);
        if (rc != LIKEN_OK)
            return rc;
        if (!span_is(p.name, name))
            continue;
        if (found->name.at != NULL)
            return lk_fail(err, LIKEN_E_ARG, "A header of the form gives \"%s\" twice: %.80s", name, value);
        *found = p;
    }
    return LIKEN_OK;
}

static char *copy(lk_arena *arena, span s) {
    char *text = lk_arena_alloc(arena, s.size + 1);
    if (text != NULL && s.size > 0)
        memcpy(text, s.at, s.size);
    return text;
}

static char *unquoted(lk_arena *arena, const parameter *p) {
    char *text = copy(arena, p->value), *to = text;
    for (const char *from = text; p->quoted && text != NULL; from++) {
        if (*from == '\\' && (from[1] == '"' || from[1] == '\\'))
            from++;
        *to++ = *from;
        if (*from == '\0')
            break;
    }
    return text;
}

int lk_header_parameter(const char *value, const char *name, lk_arena *arena, const char **out, liken_error *err) {
    parameter p;
    const int rc = find_parameter(value, name, &p, err);
    *out = rc != LIKEN_OK || p.name.at == NULL ? NULL : unquoted(arena, &p);
    return rc == LIKEN_OK && p.name.at != NULL && *out == NULL ? lk_fail_memory(err) : rc;
}

/* ---- names of parts and files ---- */

static int hex_pair(const char *p) {
    const int high = lk_hex_value(p[0]), low = high < 0 ? -1 : lk_hex_value(p[1]);
    return low < 0 ? -1 : high << 4 | low;
}

/* What HTML escapes in quotes, undone in place. */
static void undo_escapes(char *text) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        const int c = *from == '%' ? hex_pair(from + 1) : -1;
        const bool escape = c == '"' || c == '\r' || c == '\n';
        *to++ = escape ? (char)c : *from;
        from += escape ? 2 : 0;
    }
    *to = '\0';
}

/* What follows charset and language of an ext-value, decoded; NULL: it cannot be read. */
static char *decoded(lk_arena *arena, span value, bool latin1) {
    char *text = lk_arena_alloc(arena, 2 * value.size + 1), *to = text;
    for (size_t i = 0; text != NULL && i < value.size; i++) {
        const bool escape = value.at[i] == '%';
        if (escape && i + 2 >= value.size)
            return NULL;
        const int c = escape ? hex_pair(value.at + i + 1) : (unsigned char)value.at[i];
        if (c <= 0 || (!escape && c >= 0x80))
            return NULL;
        i += escape ? 2 : 0;
        if (latin1)
            to += lk_utf8_of_latin1((unsigned char)c, to);
        else
            *to++ = (char)c;
    }
    return text != NULL && lk_utf8_valid(text) ? text : NULL;
}

/* UTF-8'en'%C3%A4.jpg */
static char *extended(lk_arena *arena, span value) {
    const char *end = value.at + value.size, *first = memchr(value.at, '\'', value.size);
    const char *second = first == NULL ? NULL : memchr(first + 1, '\'', (size_t)(end - first - 1));
    if (second == NULL)
        return NULL;
    const span charset = {value.at, (size_t)(first - value.at)}, rest = {second + 1, (size_t)(end - second - 1)};
    const bool latin1 = span_is(charset, "ISO-8859-1");
    return latin1 || span_is(charset, "UTF-8") || span_is(charset, "US-ASCII") ? decoded(arena, rest, latin1) : NULL;
}

/* The parameter, or its extended form; *out NULL when there is neither. */
static int read_name(const char *value, const char *name, lk_arena *arena, const char **out, liken_error *err) {
    char star[16];
    parameter plain, extra;
    (void)snprintf(star, sizeof star, "%s*", name);
    int rc = find_parameter(value, name, &plain, err);
    if (rc == LIKEN_OK)
        rc = find_parameter(value, star, &extra, err);
    if (rc != LIKEN_OK)
        return rc;
    *out = extra.name.at == NULL ? NULL : extended(arena, extra.value);
    if (*out != NULL || plain.name.at == NULL)
        return LIKEN_OK;
    char *text = unquoted(arena, &plain);
    if (text == NULL)
        return lk_fail_memory(err);
    if (plain.quoted)
        undo_escapes(text);
    *out = text;
    return LIKEN_OK;
}

/* Without the folders of a path on Windows; a backslash in any other name is a part of it. */
static const char *without_folders(const char *filename) {
    const bool drive = isalpha((unsigned char)filename[0]) && filename[1] == ':' && filename[2] == '\\';
    return drive || filename[0] == '\\' ? strrchr(filename, '\\') + 1 : filename;
}

static int read_disposition(const char *value, lk_arena *arena, lk_part_head *head, liken_error *err) {
    int rc = read_name(value, "name", arena, &head->name, err);
    if (rc == LIKEN_OK)
        rc = read_name(value, "filename", arena, &head->filename, err);
    if (rc == LIKEN_OK && head->filename != NULL)
        head->filename = without_folders(head->filename);
    return rc;
}

/* ---- headers ---- */

enum { DISPOSITION, TYPE, CODING, KNOWN };
static const char *const known[KNOWN] = {"Content-Disposition", "Content-Type", "Content-Transfer-Encoding"};

static int keep_header(span line, lk_arena *arena, const char *values[KNOWN], liken_error *err) {
    const char *colon = memchr(line.at, ':', line.size);
    if (colon == NULL)
        return lk_fail(err, LIKEN_E_ARG, "A part of the form has a header line without a colon: %.*s",
                       (int)(line.size < 80 ? line.size : 80), line.at);
    const span name = trim(line.at, (size_t)(colon - line.at));
    for (size_t i = 0; i < KNOWN; i++) {
        if (!span_is(name, known[i]))
            continue;
        if (values[i] != NULL)
            return lk_fail(err, LIKEN_E_ARG, "A part of the form has two headers %s.", known[i]);
        values[i] = copy(arena, trim(colon + 1, (size_t)(line.at + line.size - colon - 1)));
        if (values[i] == NULL)
            return lk_fail_memory(err);
    }
    return LIKEN_OK;
}

/* The block as lines that end with a NUL each: folded ones joined by a space, empty ones left out. Two NULs end it. */
static char *unfold(const char *block, size_t size, lk_arena *arena) {
    char *lines = lk_arena_alloc(arena, size + 2), *to = lines;
    for (size_t i = 0; lines != NULL && i < size;) {
        const char *end = memchr(block + i, '\n', size - i);
        const size_t next = end == NULL ? size : (size_t)(end - block) + 1;
        span line = {block + i, next - i - (end != NULL)};
        if (line.size > 0 && line.at[line.size - 1] == '\r')
            line.size--;
        const bool folded = line.size > 0 && is_blank(line.at[0]) && to > lines;
        if (folded) {
            line = trim(line.at, line.size);
            to[-1] = ' ';
        }
        memcpy(to, line.at, line.size);
        to += line.size;
        *to = '\0';
        to += line.size > 0 || folded;
        i = next;
    }
    return lines;
}

static int read_headers(const char *block, size_t size, lk_arena *arena, const char *values[KNOWN], liken_error *err) {
    if (memchr(block, '\0', size) != NULL)
        return lk_fail(err, LIKEN_E_ARG, "A header of a part of the form holds a NUL byte.");
    const char *lines = unfold(block, size, arena);
    if (lines == NULL)
        return lk_fail_memory(err);
    for (const char *line = lines; *line != '\0'; line += strlen(line) + 1) {
        if (strchr(line, '\r') != NULL)
            return lk_fail(err, LIKEN_E_ARG, "A header of a part of the form holds a carriage return.");
        const int rc = keep_header((span){line, strlen(line)}, arena, values, err);
        if (rc != LIKEN_OK)
            return rc;
    }
    return LIKEN_OK;
}

static int read_coding(const char *value, lk_part_head *head, liken_error *err) {
    static const char *const plain[] = {"", "binary", "8bit", "7bit", "identity"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcasecmp(value, plain[i]) == 0)
            return LIKEN_OK;
    head->coding = strcasecmp(value, "base64") == 0             ? LK_CODING_BASE64
                   : strcasecmp(value, "quoted-printable") == 0 ? LK_CODING_QUOTED
                                                                : LK_CODING_NONE;
    if (head->coding != LK_CODING_NONE)
        return LIKEN_OK;
    return lk_fail(
        err, LIKEN_E_ARG,
        "The part \"%.60s\" of the form is in the transfer encoding \"%.40s\": send it as it is, or in base64.",
        head->name, value);
}

static int read_type(const char *value, lk_arena *arena, lk_part_head *head, liken_error *err) {
    if (strncasecmp(value, "multipart/", 10) == 0)
        return lk_fail(
            err, LIKEN_E_ARG,
            "The part \"%.60s\" of the form holds parts of its own (%.60s): send each as a part of the form.",
            head->name, value);
    head->type = value;
    const int rc = lk_header_parameter(value, "charset", arena, &head->charset, NULL);
    return rc == LIKEN_E_MEMORY ? lk_fail_memory(err) : LIKEN_OK; /* a type that is malformed names no charset */
}

int lk_part_head_read(const char *block, size_t size, lk_arena *arena, lk_part_head *out, liken_error *err) {
    const char *values[KNOWN] = {NULL};
    lk_part_head head = {0};
    int rc = read_headers(block, size, arena, values, err);
    if (rc == LIKEN_OK && values[DISPOSITION] != NULL)
        rc = read_disposition(values[DISPOSITION], arena, &head, err);
    if (rc == LIKEN_OK && (head.name == NULL || *head.name == '\0'))
        rc = lk_fail(err, LIKEN_E_ARG,
                     "A part of the form has no name: each needs a header like Content-Disposition: "
                     "form-data; name=\"file\".");
    if (rc == LIKEN_OK && values[CODING] != NULL)
        rc = read_coding(values[CODING], &head, err);
    if (rc == LIKEN_OK && values[TYPE] != NULL)
        rc = read_type(values[TYPE], arena, &head, err);
    if (rc == LIKEN_OK)
        *out = head;
    return rc;
}
