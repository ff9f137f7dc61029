/* args.h - the parameters of one request, wherever they came from (query, parts of a form, members of a JSON object),
 * each checked with a sentence. One thread's. */
#ifndef LK_WIRE_ARGS_H
#define LK_WIRE_ARGS_H

#include "base/arena.h"
#include "http/http.h"

#include <jansson.h>

#define LK_JSON_BYTES ((size_t)1 << 20) /* of a JSON body without its photos */
#define LK_TAGS_MAX 64
#define LK_TAG_MAX 128 /* characters of one */

/* The first fault sticks; later reads return their fallback. Strings live as long as the args. */
typedef struct lk_args {
    lk_request *request;
    lk_arena arena;
    json_t *json;          /* an object, or NULL */
    json_t *list;          /* of strings, that came as JSON in the one text of a parameter; or NULL */
    liken_error err;       /* code 0: all is well */
    const char *parameter; /* that the fault is about, or NULL */
    double limit;          /* that was broken, or -1 */
} lk_args;

/* `known`: every name the resource takes, separated by spaces; others are refused. */
void lk_args_open(lk_args *a, lk_request *r, const char *known);
void lk_args_close(lk_args *a);
/* Marks a fault found by the caller. */
void lk_args_fail(lk_args *a, int code, const char *parameter, const char *sentence);
bool lk_args_has(lk_args *a, const char *name);
/* At most `max` characters; NULL when absent. */
const char *lk_args_text(lk_args *a, const char *name, size_t max);
int64_t lk_args_integer(lk_args *a, const char *name, int64_t low, int64_t high, int64_t fallback);
/* Finite, above `low`, at most `high`. */
double lk_args_number(lk_args *a, const char *name, double low, double high, double fallback);
bool lk_args_switch(lk_args *a, const char *name);
/* RFC 3339 or a date; `end`: a bare date means its last second. LIKEN_NO_TIME when absent. */
int64_t lk_args_time(lk_args *a, const char *name, bool end);
/* Refuses an end, given, that lies before the beginning. */
void lk_args_order(lk_args *a, const char *from_name, int64_t from, const char *to_name, int64_t to);
/* Position of the word in `words` (separated by spaces), 0 when absent. */
int lk_args_choice(lk_args *a, const char *name, const char *words);
/* A list of texts, of `max` characters each at most: a JSON array, or the parameter repeated. */
const char *const *lk_args_list(lk_args *a, const char *name, size_t max_count, size_t max, size_t *count);
/* A JSON array of finite numbers, NULL when absent. */
const float *lk_args_floats(lk_args *a, const char *name, size_t max_count, size_t *count);
/* The photo: the part of this name, in a form or JSON, or the whole body when it is neither. False when there is none.
 */
bool lk_args_photo(lk_args *a, const char *name, size_t max, const void **bytes, size_t *size);
/* Photos that a multipart form holds as so many parts of one name, `most` at most; how many. */
size_t lk_args_photos(lk_args *a, const char *name, size_t max, liken_photo *photos, size_t most);
/* lk_args_photo where it must be there: a fault when it is not. */
void lk_args_need_photo(lk_args *a, const char *name, size_t max, const void **bytes, size_t *size);
/* The bytes alone, whatever they are and how often; NULL when there are none. */
const void *lk_args_photo_bytes(const lk_args *a, const char *name, size_t *size);
/* The part {param} of the address, a whole number above 0; false when it is none. */
bool lk_args_id(const lk_request *r, const char *param, int64_t *id);

#endif
