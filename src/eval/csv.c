#include "eval/csv.h"

#include <string.h>

void lk_csv_start(lk_csv *c, char *text, size_t size) {
    const size_t mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    *c = (lk_csv){.at = text + mark, .end = text + size, .next_line = 1};
}

static int fault(const lk_csv *c, const char *what, liken_error *err) {
    return lk_fail(err, LIKEN_E_ARG, "line %zu: %s", c->next_line, what);
}

/* Undoes the quotes of the field at c->at in place and ends it with a NUL; leaves c->at at what follows the field. */
static int read_quoted(lk_csv *c, liken_error *err) {
    char *from = c->at + 1, *to = c->at;
    for (;; from++) {
        if (from == c->end)
            return fault(c, "a quoted field does not end.", err);
        if (*from == '\0')
            return fault(c, "there is a NUL byte.", err);
        if (*from == '"') {
            if (from + 1 == c->end || from[1] != '"')
                break;
            from++;
        }
        c->next_line += *from == '\n';
        *to++ = *from;
    }
    from++;
    if (from != c->end && *from != ',' && *from != '\n' && !(*from == '\r' && from + 1 != c->end && from[1] == '\n'))
        return fault(c, "a closing quote is followed by more text.", err);
    *to = '\0'; /* at the latest where the closing quote was */
    c->at = from;
    return LIKEN_OK;
}

static int read_bare(lk_csv *c, liken_error *err) {
    for (; c->at != c->end && *c->at != ',' && *c->at != '\n'; c->at++) {
        if (*c->at == '"')
            return fault(c, "there is a quote inside a field that does not start with one.", err);
        if (*c->at == '\0')
            return fault(c, "there is a NUL byte.", err);
        if (*c->at == '\r') {
            if (c->at + 1 != c->end && c->at[1] == '\n')
                break;
            return fault(c, "there is a carriage return without a line feed.", err);
        }
    }
    return LIKEN_OK;
}

/* Takes what follows a field away: true when another field of the row follows. */
static bool end_field(lk_csv *c) {
    if (c->at == c->end)
        return false;
    const char mark = *c->at;
    *c->at++ = '\0';
    if (mark == '\r' && c->at != c->end)
        c->at++;
    c->next_line += mark != ',';
    return mark == ',';
}

int lk_csv_next(lk_csv *c, liken_error *err) {
    while (c->at != c->end && (*c->at == '\n' || (*c->at == '\r' && c->at + 1 != c->end && c->at[1] == '\n'))) {
        c->at += *c->at == '\r' ? 2 : 1;
        c->next_line++;
    }
    c->line = c->next_line;
    c->count = 0;
    if (c->at == c->end)
        return 0;
    bool more = true;
    while (more) {
        if (c->count == LK_CSV_FIELDS)
            return fault(c, "there are more than 64 fields.", err);
        char *field = c->at;
        const int rc = c->at != c->end && *c->at == '"' ? read_quoted(c, err) : read_bare(c, err);
        if (rc != LIKEN_OK)
            return rc;
        more = end_field(c); /* at the end of the text its own NUL ends the field */
        if (strlen(field) > LK_CSV_FIELD_BYTES)
            return fault(c, "a field is longer than 4096 bytes.", err);
        c->fields[c->count++] = field;
    }
    return 1;
}

int lk_csv_find(const lk_csv *c, const char *name) {
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->fields[i], name) == 0)
            return (int)i;
    return -1;
}
