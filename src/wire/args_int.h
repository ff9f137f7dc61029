/* args_int.h - private to wire/: what the readers of parameters share. */
#ifndef LK_WIRE_ARGS_INT_H
#define LK_WIRE_ARGS_INT_H

#include "wire/args.h"

/* Notes a fault, unless there is one. */
void lk_args_fault(lk_args *a, int code, const char *parameter, double limit, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
bool lk_args_are_json(const lk_request *r);
bool lk_args_are_form(const lk_request *r);
/* The row of the table, which must be there, with this kind. */
const lk_param *lk_args_find(const lk_args *a, const char *name, lk_kind kind);
/* Of the JSON body; NULL when absent or null. */
const json_t *lk_args_member(const lk_args *a, const char *name);
/* How many values with this name there are in form and query. */
size_t lk_args_count(const lk_args *a, const char *name);

/* ---- photos.c ---- */

/* NULL: there is none, or a fault. `max`: bytes of one. */
const liken_photo *lk_args_read_photo(lk_args *a, const lk_param *p, size_t max);
const liken_photo *lk_args_read_photos(lk_args *a, const lk_param *p, size_t max, size_t *count);

#endif
