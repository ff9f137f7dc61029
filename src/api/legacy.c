/* legacy.c - the two calls of the system liken grew from, as its clients know them (docs/openapi.yaml, tag "legacy"):
 * its form fields, its answers, its words for failures. They work on the collection that --legacy-collection names,
 * else on "default". What it got wrong is not kept: every face of a query is answered, and a query without a face is
 * answered with no matches. */
#include "api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The legacy system's words, and a sentence of our own where its clients never came; `detail` NULL: none. */
static void failure(lk_request *r, int status, const char *text, const char *detail) {
    lk_answer_json(r, status,
                   json_pack("{s:s, s:o*}", "error", text, "detail", detail == NULL ? NULL : lk_json_text(detail)));
}

bool lk_legacy_fault(lk_request *r, int status, const char *sentence) {
    const lk_row *row = lk_row_of(r);
    if (row == NULL || row->about != LK_ABOUT_LEGACY || (status != 400 && status != 413))
        return false;
    const bool adds = row->fn == lk_legacy_add;
    failure(r, status,
            status == 413 ? "File too large"
            : adds        ? "Invalid file or URL"
                          : "Invalid file",
            status == 400 ? sentence : NULL);
    return true;
}

/* What a body in JSON holds beside its photo; NULL where it is no object. */
static json_t *load_fields(const lk_request *r) {
    size_t size = 0;
    const char *body = lk_request_body(r, &size);
    json_t *all = json_loadb(size > 0 ? body : "", size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(all))
        return all;
    json_decref(all);
    return NULL;
}

/* The value of a field of JSON as a text; what the old clients number may be a number. */
static json_t *member(const json_t *fields, const char *name) {
    const json_t *value = json_object_get(fields, name);
    char number[32];
    (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    return json_is_integer(value) ? json_string(number) : lk_json_text(json_string_value(value));
}

/* A text field without a NUL inside, UTF-8, kept by *holder; NULL when absent or empty. `fields`: of a body in JSON. */
static const char *field(const lk_request *r, const json_t *fields, const char *name, json_t **holder) {
    const lk_part *p = lk_request_part(r, name);
    if (fields != NULL)
        *holder = member(fields, name);
    else if (p != NULL && strlen(p->data) == p->size)
        *holder = lk_json_text(p->data);
    return json_string_length(*holder) > 0 ? json_string_value(*holder) : NULL;
}

static size_t count_files(const lk_request *r) {
    size_t n = 0;
    for (size_t i = 0; i < lk_request_part_count(r); i++)
        n += strcmp(lk_request_part_at(r, i)->name, "file") == 0;
    return n;
}

/* NULL: nothing that its clients do not know. */
static const char *no_file(const lk_request *r, char *hint, size_t room) {
    size_t started = 0, size = 0;
    (void)lk_request_start(r, &started);
    if (started == 0)
        return lk_request_header(r, "Content-Type") != NULL ? "The body is empty." : NULL;
    if (lk_hint_body(r, hint, room))
        return hint;
    (void)lk_request_body(r, &size);
    return size > 0 && !lk_request_is(r, "application/json")
               ? "This call takes a form: send the photo as its part \"file\" (curl: -F file=@photo.jpg)."
               : NULL;
}

/* The photo, and what a body in JSON holds beside it (NULL: it is a form), to be freed in any case. False when the
 * request was answered. */
static bool take_file(lk_request *r, const lk_part **file, json_t **fields, const char *otherwise) {
    char hint[LK_HINT_ROOM];
    const bool json = lk_request_is(r, "application/json");
    *file = lk_request_part(r, "file");
    *fields = json && *file != NULL ? load_fields(r) : NULL;
    if (*file != NULL && json && *fields == NULL)
        failure(r, 400, otherwise, "The body is not valid JSON, or no object in it, like {\"file\": \"...\"}.");
    else if (*file == NULL)
        failure(r, 400, otherwise, no_file(r, hint, sizeof hint));
    else if (count_files(r) > 1)
        failure(r, 400, otherwise, "file is given more than once; send one photo.");
    else if ((*file)->size == 0)
        failure(r, 400, otherwise, "file is empty: a photo of no bytes came.");
    else if ((*file)->size > LK_LEGACY_FILE)
        failure(r, 413, "File too large", NULL);
    else
        return true;
    return false;
}

/* The legacy system knows two words for what can be wrong with a photo; the server's own troubles are told as
 * elsewhere. */
static void refuse(lk_request *r, const lk_part *file, const liken_error *err, const char *words) {
    const int status = lk_answer_status(err->code);
    char hint[LK_HINT_ROOM];
    const bool text = err->code == LIKEN_E_FORMAT && file->filename == NULL &&
                      lk_hint_photo("file", file->data, file->size, hint, sizeof hint);
    if (err->code == LIKEN_E_NO_FACE)
        lk_answer_json(r, 500, json_pack("{s:s}", "status", "FAILED"));
    else if (status == 413)
        failure(r, 413, "File too large", NULL);
    else if (status < 500 && err->code != LIKEN_E_READ_ONLY)
        failure(r, 400, words, text ? hint : NULL);
    else
        lk_answer_error(r, err);
}

static void answer_ids(lk_request *r, const liken_image *image) {
    json_t *ids = json_array();
    for (size_t i = 0; i < image->face_count; i++)
        json_array_append_new(ids, json_integer(image->faces[i].id));
    lk_answer_json(r, 201, json_pack("{s:s, s:o}", "status", "PROCESSED", "ids", ids));
}

void lk_legacy_add(lk_ask *q) {
    lk_request *r = q->request;
    liken_error err = {0};
    const lk_part *file;
    static const char words[] = "Invalid file or URL";
    json_t *fields = NULL, *url_holder = NULL, *id_holder = NULL;
    liken_image *image = NULL;
    const bool taken = take_file(r, &file, &fields, words);
    const liken_add_options o = {.size = sizeof(liken_add_options),
                                 .collection = q->collection,
                                 .file = taken ? field(r, fields, "url", &url_holder) : NULL,
                                 .file_kind = LIKEN_LABEL_SHARED,
                                 .image_id = taken ? field(r, fields, "image_id", &id_holder) : NULL,
                                 .require_face = true};
    json_decref(fields);
    if (!taken)
        return;
    if (o.file == NULL)
        failure(r, 400, words, NULL);
    else if (liken_add(q->api->lk, &q->call, file->data, file->size, &o, &image, &err) != LIKEN_OK)
        refuse(r, file, &err, words);
    else
        answer_ids(r, image);
    liken_image_free(image);
    json_decref(url_holder);
    json_decref(id_holder);
}

static int nearer(const void *a, const void *b) {
    const liken_match *x = *(const liken_match *const *)a, *y = *(const liken_match *const *)b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->face_id < y->face_id ? -1 : x->face_id > y->face_id;
}

static int by_face(const void *a, const void *b) {
    const liken_match *x = *(const liken_match *const *)a, *y = *(const liken_match *const *)b;
    if (x->face_id != y->face_id)
        return x->face_id < y->face_id ? -1 : 1;
    return nearer(a, b);
}

/* The matches of all query faces, each stored face once with its smallest distance, nearest first. */
static const liken_match **merge(const liken_result *result, size_t *count) {
    size_t all = 0, kept = 0;
    for (size_t i = 0; i < result->answer_count; i++)
        all += result->answers[i].match_count;
    const liken_match **list = calloc(all + 1, sizeof(const liken_match *));
    if (list == NULL)
        return NULL;
    for (size_t i = 0, n = 0; i < result->answer_count; i++)
        for (size_t k = 0; k < result->answers[i].match_count; k++)
            list[n++] = &result->answers[i].matches[k];
    qsort(list, all, sizeof *list, by_face);
    for (size_t i = 0; i < all; i++)
        if (kept == 0 || list[kept - 1]->face_id != list[i]->face_id)
            list[kept++] = list[i];
    qsort(list, kept, sizeof *list, nearer);
    *count = kept;
    return list;
}

static const char *name_of(char *const *names, size_t count, size_t i, const char *first) {
    return count == 0 ? first : names[i < count ? i : count - 1];
}

/* A row of the legacy system had one file and one image_id: a photo that was added under several is several matches,
 * each name once at least, in the order in which they were given. */
static void push_matches(json_t *matches, const liken_match *m) {
    const size_t most = m->file_count > m->image_id_count ? m->file_count : m->image_id_count;
    for (size_t i = 0; i < (most > 0 ? most : 1); i++)
        json_array_append_new(matches,
                              json_pack("{s:I, s:o, s:o}", "id", (json_int_t)m->face_id, "file",
                                        lk_json_text(name_of(m->files, m->file_count, i, m->file)), "image_id",
                                        lk_json_text(name_of(m->image_ids, m->image_id_count, i, m->image_id))));
}

static void answer_matches(lk_request *r, const liken_result *result) {
    size_t count = 0;
    const liken_match **list = merge(result, &count);
    json_t *matches = list == NULL ? NULL : json_array();
    for (size_t i = 0; i < count; i++)
        push_matches(matches, list[i]);
    free(list);
    lk_answer_json(r, 200, matches == NULL ? NULL : json_pack("{s:o}", "matches", matches));
}

void lk_legacy_search(lk_ask *q) {
    lk_request *r = q->request;
    liken_error err = {0};
    const lk_part *file;
    liken_result *result = NULL;
    liken_search_options o = {
        .size = sizeof(liken_search_options), .collection = q->collection, .limit = LK_MATCHES_MAX, .uncounted = true};
    json_t *fields = NULL;
    const bool taken = take_file(r, &file, &fields, "Invalid file");
    json_decref(fields);
    if (!taken || !lk_search_hold(q, &o, false))
        return;
    if (liken_search_photo(q->api->lk, &q->call, file->data, file->size, &o, &result, &err) != LIKEN_OK)
        refuse(r, file, &err, "Invalid file");
    else
        answer_matches(r, result);
    liken_result_free(result);
}
