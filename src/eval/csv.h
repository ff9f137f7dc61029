/* csv.h - a strict reader of comma-separated values (RFC 4180, UTF-8 or any bytes but NUL): fields may be quoted, "" is
 * a quote inside one, rows end with LF or CRLF. Empty lines are passed over. Every fault is named with its line. */
#ifndef LK_EVAL_CSV_H
#define LK_EVAL_CSV_H

#include "base/error.h"

#define LK_CSV_BYTES (64u << 20) /* of a file */
#define LK_CSV_FIELDS 64         /* of a row */
#define LK_CSV_FIELD_BYTES 4096

typedef struct lk_csv {
    char *at, *end; /* what is left */
    size_t line;    /* of the row's first byte, from 1 */
    size_t next_line;
    const char *fields[LK_CSV_FIELDS]; /* of the row; they live as long as the text */
    size_t count;
} lk_csv;

/* Reads from `text`, which is changed in place and has a NUL at text[size]. */
void lk_csv_start(lk_csv *c, char *text, size_t size);
/* 1: c->fields hold the next row. 0: there is none. Else a liken_status; the row is then of no use. */
int lk_csv_next(lk_csv *c, liken_error *err);
/* Index of the field that is `name`, or -1. */
int lk_csv_find(const lk_csv *c, const char *name);

#endif
