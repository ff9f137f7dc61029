#include "cli/csv_out.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROW_BYTES ((size_t)64 << 20)

void lk_csv_out_init(lk_csv_out *o) {
    *o = (lk_csv_out){0};
    lk_buf_init(&o->row, ROW_BYTES);
}

void lk_csv_out_free(lk_csv_out *o) {
    lk_buf_free(&o->row);
}

static void append(lk_csv_out *o, const char *bytes, size_t size) {
    if (o->rc == LIKEN_OK)
        o->rc = lk_buf_append(&o->row, bytes, size, &o->err);
}

static void begin_field(lk_csv_out *o) {
    if (o->fields++ > 0)
        append(o, ",", 1);
}

static bool is_control(char c) {
    return ((unsigned char)c < 0x20 && strchr("\t\r\n", c) == NULL) || c == 0x7f;
}

static void put_quoted(lk_csv_out *o, const char *text) {
    append(o, "\"", 1);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"')
            append(o, "\"\"", 2);
        else if (is_control(*p))
            append(o, "\xef\xbf\xbd", 3);
        else
            append(o, p, 1);
    }
    append(o, "\"", 1);
}

/* Of bytes that mean nothing to a reader of CSV. */
static bool is_plain(const char *text) {
    for (const char *p = text; *p != '\0'; p++)
        if (*p == '"' || *p == ',' || (unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return text[0] != ' ' && (text[0] == '\0' || text[strlen(text) - 1] != ' ');
}

static void put_field(lk_csv_out *o, const char *text) {
    begin_field(o);
    if (is_plain(text))
        append(o, text, strlen(text));
    else
        put_quoted(o, text);
}

void lk_csv_put_text(lk_csv_out *o, const char *text) {
    const char *given = text == NULL ? "" : text;
    if (*given == '\0' || strchr("=+-@'\t\r", *given) == NULL) {
        put_field(o, given);
        return;
    }
    const size_t size = strlen(given);
    LK_FREE char *harmless = malloc(size + 2);
    if (harmless == NULL) {
        o->rc = o->rc == LIKEN_OK ? lk_fail_memory(&o->err) : o->rc;
        return;
    }
    harmless[0] = '\'';
    memcpy(harmless + 1, given, size + 1);
    put_field(o, harmless);
}

void lk_csv_put_number(lk_csv_out *o, double value) {
    begin_field(o);
    if (o->rc == LIKEN_OK && isfinite(value))
        o->rc = lk_buf_format(&o->row, &o->err, "%.9g", value);
}

void lk_csv_put_integer(lk_csv_out *o, int64_t value) {
    begin_field(o);
    if (o->rc == LIKEN_OK)
        o->rc = lk_buf_format(&o->row, &o->err, "%lld", (long long)value);
}

void lk_csv_put_names(lk_csv_out *o, const char *names) {
    begin_field(o);
    append(o, names, strlen(names));
}

int lk_csv_row_end(lk_csv_out *o, lk_outfile *to, liken_error *err) {
    append(o, "\r\n", 2);
    const int rc = o->rc;
    if (rc != LIKEN_OK && err != NULL)
        *err = o->err;
    const int written = rc == LIKEN_OK ? lk_outfile_write(to, o->row.data, o->row.size, err) : rc;
    lk_buf_clear(&o->row);
    o->fields = 0;
    o->rc = LIKEN_OK;
    return written;
}
