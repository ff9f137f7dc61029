/* args.c - the parameters of one request, wherever they came from: the query, parts of a form, or members of a JSON
 * object.
 *
 * They are read in the order of the resource's table, each by the reader of its kind, before the resource is asked; it
 * finds the values by name. What is unknown, given twice, of the wrong type or out of range is refused with a sentence
 * that names the parameter; nothing is ignored silently, since a misspelt threshold would be a wrong answer. */
#include "wire/args_int.h"

#include "base/clock.h"
#include "base/text.h"
#include "wire/json.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 64   /* characters of a number, a time, a word */
#define NAME_SHOWN 60 /* bytes of a parameter's name in an answer */

void lk_args_fault(lk_args *a, int code, const char *parameter, double limit, const char *format, ...) {
    if (a->err.code != LIKEN_OK)
        return;
    va_list ap;
    va_start(ap, format);
    char sentence[sizeof a->err.message];
    (void)vsnprintf(sentence, sizeof sentence, format, ap);
    va_end(ap);
    (void)lk_fail(&a->err, code, "%s", sentence);
    char name[NAME_SHOWN + 1] = ""; /* it may be the client's own, and of any length */
    (void)snprintf(name, sizeof name, "%s", parameter == NULL ? "" : parameter);
    a->parameter = parameter == NULL ? NULL : lk_arena_string(&a->arena, name);
    a->limit = limit;
}

void lk_args_fail(lk_args *a, int code, const char *parameter, const char *sentence) {
    lk_args_fault(a, code, parameter, -1, "%s", sentence);
}

/* ---- names ---- */

bool lk_args_are_json(const lk_request *r) {
    return lk_request_is(r, "application/json");
}

bool lk_args_are_form(const lk_request *r) {
    return lk_request_part_count(r) > 0 || lk_request_is(r, "multipart/form-data") ||
           lk_request_is(r, "application/x-www-form-urlencoded");
}

static void load_json(lk_args *a) {
    size_t size = 0;
    const void *body = lk_request_body(a->request, &size);
    json_error_t error;
    a->json = json_loadb(size > 0 ? body : "", size, JSON_REJECT_DUPLICATES, &error);
    if (a->json == NULL)
        lk_args_fault(a, LIKEN_E_ARG, NULL, -1, "The body is not valid JSON: line %d, column %d: %s.", error.line,
                      error.column, error.text);
    else if (!json_is_object(a->json))
        lk_args_fault(a, LIKEN_E_ARG, NULL, -1, "The JSON body must be an object, like {\"name\": value}.");
}

/* "a b c": what the resource takes, for a sentence. */
static const char *names_of(lk_args *a) {
    size_t size = 1;
    for (const lk_param *p = a->params; p->name != NULL; p++)
        size += strlen(p->name) + 1;
    char *list = lk_arena_alloc(&a->arena, size), *end = list;
    for (const lk_param *p = a->params; list != NULL && p->name != NULL; p++)
        end += snprintf(end, size - (size_t)(end - list), "%s%s", p == a->params ? "" : " ", p->name);
    return list == NULL ? "?" : list;
}

static void check_name(lk_args *a, const char *name) {
    for (const lk_param *p = a->params; p->name != NULL; p++)
        if (strcmp(p->name, name) == 0)
            return;
    if (a->params->name == NULL)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "There is no parameter \"%.*s\" here; this takes none.", NAME_SHOWN,
                      name);
    else
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "There is no parameter \"%.*s\" here; there are: %s.", NAME_SHOWN, name,
                      names_of(a));
}

/* Some clients say application/json of these as well; what they send as a body is not read. */
static bool has_no_body(const lk_request *r) {
    const char *method = lk_request_method(r);
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "DELETE") == 0;
}

static void check_names(lk_args *a) {
    const char *name, *value;
    for (size_t i = 0; lk_request_query_at(a->request, i, &name, &value); i++)
        check_name(a, name);
    for (size_t i = 0; i < lk_request_part_count(a->request); i++)
        check_name(a, lk_request_part_at(a->request, i)->name);
    if (!lk_args_are_json(a->request) || has_no_body(a->request))
        return;
    load_json(a);
    if (!json_is_object(a->json))
        return;
    json_t *member;
    json_object_foreach(a->json, name, member) check_name(a, name);
}

const lk_param *lk_args_find(const lk_args *a, const char *name, lk_kind kind) {
    (void)kind; /* of the assertion alone */
    const lk_param *p = a->params;
    while (p->name != NULL && strcmp(p->name, name) != 0)
        p++;
    assert(p->name != NULL && p->kind == kind); /* a resource asks for what its own table holds */
    return p;
}

/* ---- finding values ---- */

/* A JSON null counts as absent. */
const json_t *lk_args_member(const lk_args *a, const char *name) {
    const json_t *m = json_object_get(a->json, name);
    return json_is_null(m) ? NULL : m;
}

static const char *too_long(lk_args *a, const char *name, size_t max) {
    lk_args_fault(a, LIKEN_E_TOO_LARGE, name, (double)max, "%s is longer than the limit of %zu characters.", name, max);
    return NULL;
}

/* A copy in the arena, surely UTF-8, of `max` characters at most; what is surely longer is not copied at all. */
static const char *keep(lk_args *a, const char *name, const char *text, size_t size, size_t max) {
    if (size > max * 4)
        return too_long(a, name, max);
    if (strlen(text) != size) {
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must not hold a NUL byte.", name);
        return NULL;
    }
    json_t *clean = lk_json_text(text);
    const char *kept = clean == NULL ? NULL : lk_arena_string(&a->arena, json_string_value(clean));
    json_decref(clean);
    if (kept == NULL)
        lk_args_fault(a, LIKEN_E_MEMORY, NULL, -1, "The server is out of memory; try again.");
    return kept == NULL || lk_utf8_count(kept) <= max ? kept : too_long(a, name, max);
}

/* The i-th value with this name in form and query, as it came; NULL beyond the last. */
static const char *raw(const lk_args *a, const char *name, size_t i, size_t *size) {
    const char *other, *value;
    for (size_t k = 0; k < lk_request_part_count(a->request); k++) {
        const lk_part *p = lk_request_part_at(a->request, k);
        *size = p->size;
        if (strcmp(p->name, name) == 0 && i-- == 0)
            return p->data;
    }
    for (size_t k = 0; lk_request_query_at(a->request, k, &other, &value); k++) {
        *size = strlen(value);
        if (strcmp(other, name) == 0 && i-- == 0)
            return value;
    }
    return NULL;
}

/* The same as a text that lasts; NULL also after a fault. */
static const char *nth(lk_args *a, const char *name, size_t i, size_t max) {
    size_t size = 0;
    const char *value = raw(a, name, i, &size);
    return value == NULL ? NULL : keep(a, name, value, size, max);
}

/* The text of a parameter that may be given once; NULL when absent or in the JSON body. */
static const char *once(lk_args *a, const char *name, size_t max) {
    size_t size = 0;
    const char *text = nth(a, name, 0, max);
    if (text != NULL && (lk_args_member(a, name) != NULL || raw(a, name, 1, &size) != NULL))
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s is given more than once.", name);
    return text;
}

/* The same for a number, a time or a word; one that is too long to be any is read as a text that is none. */
static const char *word(lk_args *a, const char *name) {
    size_t size = 0;
    return raw(a, name, 0, &size) != NULL && size > WORD_MAX ? "?" : once(a, name, WORD_MAX);
}

bool lk_args_has(const lk_args *a, const char *name) {
    size_t size = 0;
    return lk_args_member(a, name) != NULL || raw(a, name, 0, &size) != NULL;
}

bool lk_args_null(const lk_args *a, const char *name) {
    return json_is_null(json_object_get(a->json, name));
}

static const char *read_text(lk_args *a, const char *name, size_t max) {
    const char *text = once(a, name, max);
    const json_t *m = lk_args_member(a, name);
    if (text != NULL || m == NULL)
        return text;
    if (!json_is_string(m)) {
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must be a string.", name);
        return NULL;
    }
    return keep(a, name, json_string_value(m), json_string_length(m), max);
}

static const char *word_or_string(lk_args *a, const char *name) {
    const char *text = word(a, name);
    if (text != NULL)
        return text;
    return json_string_length(lk_args_member(a, name)) > WORD_MAX ? "?" : read_text(a, name, WORD_MAX);
}

/* What it is, is for its resource to say. */
static const char *read_object(lk_args *a, const lk_param *p) {
    const char *text = once(a, p->name, p->chars);
    const json_t *m = lk_args_member(a, p->name);
    if (text != NULL || m == NULL)
        return text;
    if (!json_is_object(m)) {
        lk_args_fault(a, LIKEN_E_ARG, p->name, -1, "%s must be a JSON object.", p->name);
        return NULL;
    }
    LK_FREE char *line = json_dumps(m, JSON_COMPACT);
    if (line != NULL && strlen(line) > p->chars) {
        lk_args_fault(a, LIKEN_E_TOO_LARGE, p->name, (double)p->chars, "%s has more than the limit of %zu bytes.",
                      p->name, p->chars);
        return NULL;
    }
    const char *kept = line == NULL ? NULL : lk_arena_string(&a->arena, line);
    if (kept == NULL)
        lk_args_fault(a, LIKEN_E_MEMORY, NULL, -1, "The server is out of memory; try again.");
    return kept;
}

/* ---- numbers ---- */

static bool parse_whole(const char *text, int64_t *value) {
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && strspn(text, "-0123456789") == strlen(text);
}

/* 7.0 is a whole number as well: that is how some languages write every number. */
static bool whole_of_json(const json_t *m, int64_t *value) {
    const double real = json_real_value(m);
    *value = json_is_real(m) && fabs(real) < 9e15 ? (int64_t)real : json_integer_value(m);
    return json_is_integer(m) || (json_is_real(m) && (double)*value == real);
}

/* Is `value` within the parameter's limits? `whole`: it is a number at all. `what` it must be: "a whole number". */
static bool within(lk_args *a, const lk_param *p, bool whole, int64_t value, const char *what) {
    if (whole && value >= p->low && value <= p->high)
        return true;
    if (p->high == INT64_MAX)
        lk_args_fault(a, LIKEN_E_ARG, p->name, -1, "%s must be %s from %lld on.", p->name, what, (long long)p->low);
    else
        lk_args_fault(a, LIKEN_E_ARG, p->name, whole && value > p->high ? (double)p->high : -1,
                      "%s must be %s from %lld to %lld.", p->name, what, (long long)p->low, (long long)p->high);
    return false;
}

static int64_t read_whole(lk_args *a, const lk_param *p) {
    const char *text = word(a, p->name);
    const json_t *m = lk_args_member(a, p->name);
    int64_t value = 0;
    if (text == NULL && m == NULL)
        return p->otherwise;
    const bool whole = text != NULL ? parse_whole(text, &value) : whole_of_json(m, &value);
    return within(a, p, whole, value, "a whole number") ? value : p->otherwise;
}

static bool parse_number(const char *text, double *value) {
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-.0123456789eE") == strlen(text);
}

static double read_number(lk_args *a, const char *name, double low, double high) {
    const char *text = word(a, name);
    const json_t *m = lk_args_member(a, name);
    double value = 0;
    if (text == NULL && m == NULL)
        return 0;
    const bool number = text != NULL ? parse_number(text, &value) : json_is_number(m);
    if (number && text == NULL)
        value = json_number_value(m);
    if (number && isfinite(value) && value > low && value <= high)
        return value;
    lk_args_fault(a, LIKEN_E_ARG, name, number && value > high ? high : -1, "%s must be a number above %g, at most %g.",
                  name, low, high);
    return 0;
}

static bool read_switch(lk_args *a, const char *name) {
    const char *text = word(a, name);
    const json_t *m = lk_args_member(a, name);
    if (text == NULL && m == NULL)
        return false;
    if (m != NULL && json_is_boolean(m))
        return json_is_true(m);
    const int value = text != NULL ? lk_switch_value(text) : -1; /* Python writes True, a checkbox says on */
    if (value >= 0)
        return value == 1;
    lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must be true or false.", name);
    return false;
}

/* ---- times, words, lists ---- */

static int64_t read_time(lk_args *a, const char *name, bool end) {
    const char *text = word_or_string(a, name);
    int64_t when = LIKEN_NO_TIME;
    if (text == NULL)
        return LIKEN_NO_TIME;
    if (!(end ? lk_clock_parse_end : lk_clock_parse)(text, &when)) {
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must be a time like 2026-11-24T21:56:00Z, or a date.", name);
        return LIKEN_NO_TIME;
    }
    return when;
}

/* A time that may be the end of a span, of which the beginning was read. */
static int64_t read_end(lk_args *a, const lk_param *p) {
    const int64_t to = read_time(a, p->name, p->since != NULL);
    const int64_t from = p->since == NULL ? LIKEN_NO_TIME : lk_args_time(a, p->since);
    if (from != LIKEN_NO_TIME && to != LIKEN_NO_TIME && from > to)
        lk_args_fault(a, LIKEN_E_ARG, p->name, -1, "%s lies before %s.", p->name, p->since);
    return to;
}

static int read_word(lk_args *a, const char *name, const char *words) {
    const char *text = word_or_string(a, name);
    const int position = text == NULL ? 0 : lk_word_find(words, text);
    if (position >= 0)
        return position;
    lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must be one of: %s.", name, words);
    return 0;
}

size_t lk_args_count(const lk_args *a, const char *name) {
    size_t n = 0, size = 0;
    while (raw(a, name, n, &size) != NULL)
        n++;
    return n;
}

/* The list that a form's one text spells as JSON, ["a", "b"]; NULL when it is a text of its own. */
static const json_t *list_in_text(lk_args *a, const char *name) {
    size_t size = 0;
    const char *text = raw(a, name, 0, &size);
    if (text == NULL || *text != '[' || size > LK_JSON_BYTES || lk_args_count(a, name) > 1)
        return NULL;
    json_decref(a->list);
    a->list = json_loadb(text, size, 0, NULL);
    return a->list;
}

/* A parameter that is a list: a JSON array, in the body or spelt in a form's one text, or the parameter repeated. */
typedef struct entries {
    const json_t *array; /* NULL: repeated */
    size_t count;
} entries;

/* Finds and counts it, and takes room for `each` bytes an entry; NULL: it is empty, or a fault. `what`: of its entries.
 */
static void *open_list(lk_args *a, const lk_param *p, const char *what, size_t each, entries *l) {
    const json_t *member = lk_args_member(a, p->name);
    l->array = member != NULL ? member : list_in_text(a, p->name);
    l->count = l->array != NULL ? json_array_size(l->array) : lk_args_count(a, p->name);
    if (l->array != NULL && !json_is_array(l->array))
        lk_args_fault(a, LIKEN_E_ARG, p->name, -1, "%s must be a list of %s.", p->name, what);
    if (member != NULL && lk_args_count(a, p->name) > 0)
        lk_args_fault(a, LIKEN_E_ARG, p->name, -1, "%s is given more than once.", p->name);
    if (l->count > p->count)
        lk_args_fault(a, LIKEN_E_TOO_LARGE, p->name, (double)p->count, "%s has more than the limit of %zu entries.",
                      p->name, p->count);
    if (l->count == 0 || a->err.code != LIKEN_OK)
        return NULL;
    void *room = lk_arena_alloc(&a->arena, l->count * each);
    if (room == NULL)
        lk_args_fault(a, LIKEN_E_MEMORY, NULL, -1, "The server is out of memory; try again.");
    return room;
}

static const char *const *read_texts(lk_args *a, const lk_param *p, size_t *count) {
    entries l;
    const char **texts = open_list(a, p, "strings", sizeof *texts, &l);
    for (size_t i = 0; texts != NULL && i < l.count; i++) {
        const json_t *item = json_array_get(l.array, i);
        texts[i] = l.array == NULL ? nth(a, p->name, i, p->chars)
                   : json_is_string(item)
                       ? keep(a, p->name, json_string_value(item), json_string_length(item), p->chars)
                       : NULL;
        if (texts[i] == NULL)
            lk_args_fault(a, LIKEN_E_ARG, p->name, -1, "%s must be a list of strings.", p->name);
    }
    *count = a->err.code == LIKEN_OK ? l.count : 0;
    return *count == 0 ? NULL : texts;
}

static const int64_t *read_wholes(lk_args *a, const lk_param *p, size_t *count) {
    entries l;
    int64_t *wholes = open_list(a, p, "whole numbers", sizeof *wholes, &l);
    for (size_t i = 0; wholes != NULL && i < l.count && a->err.code == LIKEN_OK; i++) {
        const char *text = l.array == NULL ? nth(a, p->name, i, WORD_MAX) : NULL;
        const bool whole = l.array != NULL ? whole_of_json(json_array_get(l.array, i), &wholes[i])
                                           : text != NULL && parse_whole(text, &wholes[i]);
        (void)within(a, p, whole, wholes[i], "a list of whole numbers");
    }
    *count = a->err.code == LIKEN_OK ? l.count : 0;
    return *count == 0 ? NULL : wholes;
}

static const float *read_floats(lk_args *a, const char *name, size_t max_count, size_t *count) {
    const json_t *m = lk_args_member(a, name);
    const size_t n = json_array_size(m);
    *count = 0;
    if (!lk_args_has(a, name))
        return NULL;
    if (n > 0 && lk_args_count(a, name) > 0)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s is given more than once.", name);
    if (n == 0 || n > max_count) {
        lk_args_fault(a, LIKEN_E_ARG, name, n > max_count ? (double)max_count : -1,
                      "%s must be a JSON array of 1 to %zu numbers.", name, max_count);
        return NULL;
    }
    float *list = lk_arena_alloc(&a->arena, n * sizeof *list);
    if (list == NULL)
        lk_args_fault(a, LIKEN_E_MEMORY, NULL, -1, "The server is out of memory; try again.");
    for (size_t i = 0; list != NULL && i < n; i++) {
        const json_t *item = json_array_get(m, i);
        list[i] = (float)json_number_value(item);
        if (!json_is_number(item) || !isfinite(list[i]))
            lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must hold nothing but finite numbers; entry %zu is none.", name,
                          i);
    }
    *count = list == NULL ? 0 : n;
    return list;
}

/* ---- ids ---- */

bool lk_args_id(const lk_request *r, const char *param, int64_t *id) {
    const char *text = lk_request_param(r, param);
    return text != NULL && parse_whole(text, id) && *id > 0;
}

/* ---- the table ---- */

/* With its label, where it is the whole body and may have one. */
static void read_photo(lk_args *a, const lk_param *p, lk_value *v, size_t max) {
    v->list.photos = lk_args_read_photo(a, p, max);
    v->list.count = v->list.photos != NULL;
    if (p->chars > 0 && lk_request_part(a->request, p->name) == NULL)
        v->list.label = read_text(a, p->name, p->chars);
}

static void read_value(lk_args *a, const lk_param *p, lk_value *v, size_t max_photo) {
    switch (p->kind) {
    case LK_KIND_TEXT:
        v->text = read_text(a, p->name, p->chars);
        break;
    case LK_KIND_TEXTS:
        v->list.texts = read_texts(a, p, &v->list.count);
        break;
    case LK_KIND_WHOLE:
        v->whole = read_whole(a, p);
        break;
    case LK_KIND_WHOLES:
        v->list.wholes = read_wholes(a, p, &v->list.count);
        break;
    case LK_KIND_NUMBER:
        v->number = read_number(a, p->name, p->above, p->most);
        break;
    case LK_KIND_SWITCH:
        v->on = read_switch(a, p->name);
        break;
    case LK_KIND_TIME:
        v->whole = read_end(a, p);
        break;
    case LK_KIND_WORD:
        v->word = read_word(a, p->name, p->words);
        break;
    case LK_KIND_OBJECT:
        v->text = read_object(a, p);
        break;
    case LK_KIND_FLOATS:
        v->list.floats = read_floats(a, p->name, p->count, &v->list.count);
        break;
    case LK_KIND_PHOTO:
        read_photo(a, p, v, max_photo);
        break;
    case LK_KIND_PHOTOS:
        v->list.photos = lk_args_read_photos(a, p, max_photo, &v->list.count);
        break;
    }
}

void lk_args_open(lk_args *a, lk_request *r, const lk_param *params, size_t max_photo) {
    *a = (lk_args){.request = r, .params = params, .limit = -1};
    check_names(a);
    for (size_t i = 0; params[i].name != NULL && a->err.code == LIKEN_OK; i++) {
        assert(i < LK_PARAMS_MAX);
        read_value(a, &params[i], &a->values[i], max_photo);
    }
}

void lk_args_close(lk_args *a) {
    json_decref(a->json);
    json_decref(a->list);
    lk_arena_free(&a->arena);
}

static const lk_value *value_of(const lk_args *a, const char *name, lk_kind kind) {
    return &a->values[lk_args_find(a, name, kind) - a->params];
}

const char *lk_args_text(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_TEXT)->text;
}

const char *lk_args_object(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_OBJECT)->text;
}

const char *const *lk_args_texts(const lk_args *a, const char *name, size_t *count) {
    const lk_value *v = value_of(a, name, LK_KIND_TEXTS);
    *count = v->list.count;
    return v->list.texts;
}

int64_t lk_args_whole(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_WHOLE)->whole;
}

const int64_t *lk_args_wholes(const lk_args *a, const char *name, size_t *count) {
    const lk_value *v = value_of(a, name, LK_KIND_WHOLES);
    *count = v->list.count;
    return v->list.wholes;
}

double lk_args_number(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_NUMBER)->number;
}

bool lk_args_switch(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_SWITCH)->on;
}

int64_t lk_args_time(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_TIME)->whole;
}

int lk_args_word(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_WORD)->word;
}

const float *lk_args_floats(const lk_args *a, const char *name, size_t *count) {
    const lk_value *v = value_of(a, name, LK_KIND_FLOATS);
    *count = v->list.count;
    return v->list.floats;
}

const liken_photo *lk_args_photo(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_PHOTO)->list.photos;
}

const liken_photo *lk_args_photos(const lk_args *a, const char *name, size_t *count) {
    const lk_value *v = value_of(a, name, LK_KIND_PHOTOS);
    *count = v->list.count;
    return v->list.photos;
}

const char *lk_args_label(const lk_args *a, const char *name) {
    return value_of(a, name, LK_KIND_PHOTO)->list.label;
}
