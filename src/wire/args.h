/* args.h - the parameters of one request, wherever they came from (query, parts of a form, members of a JSON object):
 * read by a table that says what they are, each checked with a sentence. One thread's. */
#ifndef LK_WIRE_ARGS_H
#define LK_WIRE_ARGS_H

#include "base/arena.h"
#include "http/http.h"

#include <jansson.h>

#define LK_JSON_BYTES ((size_t)1 << 20) /* of a JSON body without its photos */
#define LK_PARAMS_MAX 24                /* of one resource */

typedef enum lk_kind {
    LK_KIND_TEXT,   /* of `chars` characters at most */
    LK_KIND_TEXTS,  /* `count` of them at most: a JSON array, or the parameter repeated */
    LK_KIND_WHOLE,  /* a whole number of low .. high, `otherwise` when absent */
    LK_KIND_WHOLES, /* `count` of them at most, of low .. high: a JSON array, or the parameter repeated */
    LK_KIND_NUMBER, /* finite, above `above`, at most `most`; 0 when absent */
    LK_KIND_SWITCH, /* true or false; false when absent */
    LK_KIND_TIME,   /* RFC 3339 or a date; LIKEN_NO_TIME when absent */
    LK_KIND_WORD,   /* one of `words`, which spaces separate; the first when absent */
    LK_KIND_OBJECT, /* a JSON object, as its text of at most `chars` bytes; of a form or a query: its text as it came */
    LK_KIND_FLOATS, /* a JSON array of 1 .. `count` finite numbers */
    LK_KIND_PHOTO,  /* a part of a form or of JSON, or the whole body when it is neither */
    LK_KIND_PHOTOS  /* `count` at most, each a part of this name in a form */
} lk_kind;

/* One parameter of a resource; a table of them ends with {0}. Written with the macros below. */
typedef struct lk_param {
    const char *name;
    lk_kind kind;
    size_t chars, count;
    int64_t low, high, otherwise;
    double above, most;
    const char *words;
    const char *since; /* of a time: the parameter, before it in the table, that it must not lie before. A bare date
                          means its last second then */
    bool needed;       /* of a photo */
    bool part;         /* of a photo: never the whole body */
} lk_param;

#define LK_TEXT(n, max)                                                                                                \
    { .name = (n), .kind = LK_KIND_TEXT, .chars = (max) }
#define LK_TEXTS(n, most_of_them, max)                                                                                 \
    { .name = (n), .kind = LK_KIND_TEXTS, .count = (most_of_them), .chars = (max) }
#define LK_WHOLE(n, from, to, absent)                                                                                  \
    { .name = (n), .kind = LK_KIND_WHOLE, .low = (from), .high = (to), .otherwise = (absent) }
#define LK_IDS(n, most_of_them)                                                                                        \
    { .name = (n), .kind = LK_KIND_WHOLES, .count = (most_of_them), .low = 1, .high = INT64_MAX }
#define LK_NUMBER(n, more_than, at_most)                                                                               \
    { .name = (n), .kind = LK_KIND_NUMBER, .above = (more_than), .most = (at_most) }
#define LK_SWITCH(n)                                                                                                   \
    { .name = (n), .kind = LK_KIND_SWITCH }
#define LK_TIME(n)                                                                                                     \
    { .name = (n), .kind = LK_KIND_TIME }
#define LK_TIME_SINCE(n, begin)                                                                                        \
    { .name = (n), .kind = LK_KIND_TIME, .since = (begin) }
#define LK_WORD(n, list)                                                                                               \
    { .name = (n), .kind = LK_KIND_WORD, .words = (list) }
#define LK_OBJECT(n, max)                                                                                              \
    { .name = (n), .kind = LK_KIND_OBJECT, .chars = (max) }
#define LK_FLOATS(n, most_of_them)                                                                                     \
    { .name = (n), .kind = LK_KIND_FLOATS, .count = (most_of_them) }
#define LK_PHOTO(n)                                                                                                    \
    { .name = (n), .kind = LK_KIND_PHOTO }
#define LK_PHOTO_PART(n)                                                                                               \
    { .name = (n), .kind = LK_KIND_PHOTO, .part = true }
/* It must be there; where it is the whole body the name is free, for a label of so many characters. */
#define LK_PHOTO_NEEDED(n, label)                                                                                      \
    { .name = (n), .kind = LK_KIND_PHOTO, .needed = true, .chars = (label) }
#define LK_PHOTOS(n, most_of_them)                                                                                     \
    { .name = (n), .kind = LK_KIND_PHOTOS, .count = (most_of_them) }

typedef union lk_value {
    const char *text; /* NULL: absent */
    struct {
        const char *const *texts;
        const float *floats;
        const int64_t *wholes;
        const liken_photo *photos; /* of a photo: NULL, or the one */
        const char *label;
        size_t count;
    } list;
    int64_t whole; /* and times */
    double number;
    bool on;
    int word;
} lk_value;

/* The first fault sticks. What getters return lives as long as the args. */
typedef struct lk_args {
    lk_request *request;
    const lk_param *params;
    lk_value values[LK_PARAMS_MAX];
    lk_arena arena;
    json_t *json;          /* an object, or NULL */
    json_t *list;          /* of strings, that came as JSON in the one text of a parameter; or NULL */
    liken_error err;       /* code 0: all is well */
    const char *parameter; /* that the fault is about, or NULL */
    double limit;          /* that was broken, or -1 */
} lk_args;

/* Reads and checks all of them, in the order of the table; a parameter that is not in it is refused. `max_photo`: bytes
 * of one photo. After a fault the values are not to be used. */
void lk_args_open(lk_args *a, lk_request *r, const lk_param *params, size_t max_photo);
void lk_args_close(lk_args *a);
/* Marks a fault found by the caller. */
void lk_args_fail(lk_args *a, int code, const char *parameter, const char *sentence);

/* Was it given, in whatever way? */
bool lk_args_has(const lk_args *a, const char *name);
/* Was it given as a JSON null, which is absent else? */
bool lk_args_null(const lk_args *a, const char *name);
/* The values by name; each must be in the table, with this kind. */
const char *lk_args_text(const lk_args *a, const char *name);   /* NULL when absent */
const char *lk_args_object(const lk_args *a, const char *name); /* NULL when absent */
const char *const *lk_args_texts(const lk_args *a, const char *name, size_t *count);
int64_t lk_args_whole(const lk_args *a, const char *name);
const int64_t *lk_args_wholes(const lk_args *a, const char *name, size_t *count);
double lk_args_number(const lk_args *a, const char *name);
bool lk_args_switch(const lk_args *a, const char *name);
int64_t lk_args_time(const lk_args *a, const char *name);
int lk_args_word(const lk_args *a, const char *name);                                 /* its position */
const float *lk_args_floats(const lk_args *a, const char *name, size_t *count);       /* NULL when absent */
const liken_photo *lk_args_photo(const lk_args *a, const char *name);                 /* NULL when there is none */
const liken_photo *lk_args_photos(const lk_args *a, const char *name, size_t *count); /* NULL likewise */
/* What the query says under a photo's name where the photo is the whole body. NULL when absent. */
const char *lk_args_label(const lk_args *a, const char *name);

/* The bytes of a photo alone, whatever they are and how often; NULL when there are none. */
const void *lk_args_photo_bytes(const lk_args *a, const char *name, size_t *size);
/* The part {param} of the address, a whole number above 0; false when it is none. */
bool lk_args_id(const lk_request *r, const char *param, int64_t *id);

#endif
