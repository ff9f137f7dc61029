/* csv_out.h - writes rows of comma-separated values (RFC 4180, UTF-8) that a spreadsheet can open without harm: a text
 * that it would take for a formula (= + - @, a tab or a carriage return first) gets an apostrophe in front, and so does
 * one that begins with an apostrophe, so that readers take exactly one away. Control characters other than tabs and
 * line ends become U+FFFD. A fault is kept until the row ends. */
#ifndef LK_CLI_CSV_OUT_H
#define LK_CLI_CSV_OUT_H

#include "base/buf.h"
#include "base/outfile.h"

typedef struct lk_csv_out {
    lk_buf row;
    size_t fields;
    int rc;
    liken_error err;
} lk_csv_out;

void lk_csv_out_init(lk_csv_out *o);
void lk_csv_out_free(lk_csv_out *o);

/* NULL: an empty field. */
void lk_csv_put_text(lk_csv_out *o, const char *text);
/* Nine digits, which tell any two floats apart; an empty field when it is not finite. */
void lk_csv_put_number(lk_csv_out *o, double value);
void lk_csv_put_integer(lk_csv_out *o, int64_t value);
/* Names parted by commas: a header. */
void lk_csv_put_names(lk_csv_out *o, const char *names);
/* Writes the row and begins the next, or says what went wrong in this one. */
int lk_csv_row_end(lk_csv_out *o, lk_outfile *to, liken_error *err);

#endif
