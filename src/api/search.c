/* search.c - POST /v1/collections/{c}/search: by a photo (every face in it on its own, or the main one), by several
 * photos of one person, by a stored face, or by a descriptor. */
#include "api/api_int.h"

#include <stdio.h>

static void read_options(lk_ask *q, liken_search_options *o) {
    lk_args *a = &q->args;
    o->collection = q->collection;
    o->threshold = (float)lk_args_number(a, "threshold");
    o->max_false_matches = lk_args_number(a, "max_false_matches");
    o->limit = (int)lk_args_whole(a, "limit");
    o->distinct = (liken_distinct)lk_args_word(a, "distinct");
    o->tags = lk_args_texts(a, "tags", &o->tag_count);
    o->captured_from = lk_args_time(a, "captured_from");
    o->captured_to = lk_args_time(a, "captured_to");
    o->partial = lk_args_switch(a, "partial");
    o->main_face = lk_args_switch(a, "main_face");
    o->min_face = lk_ask_min_face(q);
    o->one_per_photo = lk_args_switch(a, "one_per_photo");
    o->uncounted = lk_args_has(a, "total") && !lk_args_switch(a, "total");
    if (o->threshold > 0 && o->max_false_matches > 0)
        lk_args_fail(a, LIKEN_E_ARG, "max_false_matches", "Give threshold or max_false_matches, not both.");
}

/* What the key may search within; 0: anything. False: that could not be told. */
static bool find_most(lk_ask *q, double *most, liken_error *err) {
    liken_collection *c = NULL;
    *most = q->key == NULL ? 0 : lk_key_max_threshold(q->key);
    if (*most >= 0)
        return true;
    const int rc = liken_collection_get(q->api->lk, &q->call, q->collection, &c, err);
    if (rc == LIKEN_OK)
        *most = (double)c->threshold;
    liken_collection_free(c);
    return rc == LIKEN_OK;
}

static bool over(lk_ask *q, const char *parameter, double most) {
    char sentence[200];
    (void)snprintf(
        sentence, sizeof sentence,
        "This key may not ask for so much: its %s is %g at most. Whoever runs the server can make a key that "
        "may (liken keys add --max-%s).",
        parameter, most, parameter);
    lk_answer_problem(q->request, 403, "over_cap", sentence, parameter, most);
    return false;
}

bool lk_search_hold(lk_ask *q, liken_search_options *o, bool asked) {
    liken_error err = {0};
    double most = 0;
    const int limit = q->key == NULL ? 0 : q->key->limits.max_limit;
    if (limit > 0 && o->limit > limit && asked)
        return over(q, "limit", limit);
    if (limit > 0 && o->limit > limit)
        o->limit = limit;
    if (!find_most(q, &most, &err)) {
        lk_answer_error(q->request, &err);
        return false;
    }
    if (most > 0 && o->threshold > (float)most)
        return over(q, "threshold", most);
    o->max_threshold = (float)most;
    return true;
}

typedef struct query {
    const liken_photo *photo, *photos;
    size_t photo_count;
    int64_t face;
    const float *descriptor;
    size_t dimension;
} query;

static void read_query(lk_args *a, query *q) {
    q->photo = lk_args_photo(a, "file");
    q->photos = lk_args_photos(a, "files", &q->photo_count);
    q->face = lk_args_whole(a, "face_id");
    q->descriptor = lk_args_floats(a, "descriptor", &q->dimension);
    const int given = (q->photo != NULL) + (q->photo_count > 0) + (q->face > 0) + (q->descriptor != NULL);
    size_t size = 0;
    (void)lk_request_start(a->request, &size);
    const bool empty = given == 0 && size == 0;
    if (given != 1)
        lk_args_fail(a, LIKEN_E_ARG, NULL,
                     empty
                         ? "The body is empty: a search needs a photo (the part \"file\" or the body), a face_id or a "
                           "descriptor."
                         : "A search needs exactly one of: a photo (the part \"file\" or the body), several photos of "
                           "one person (parts \"files\"), a face_id, a descriptor.");
}

static int run(const lk_ask *q, const query *by, const liken_search_options *o, liken_result **result,
               liken_error *err) {
    liken *lk = q->api->lk;
    if (by->photo != NULL)
        return liken_search_photo(lk, &q->call, by->photo->bytes, by->photo->size, o, result, err);
    if (by->photo_count > 0)
        return liken_search_photos(lk, &q->call, by->photos, by->photo_count, o, result, err);
    if (by->descriptor != NULL)
        return liken_search_descriptor(lk, &q->call, by->descriptor, by->dimension, lk_args_text(&q->args, "model"), o,
                                       result, err);
    const int rc = lk_faces_check(q, by->face, err);
    return rc != LIKEN_OK ? rc : liken_search_face(lk, &q->call, by->face, o, result, err);
}

void lk_search(lk_ask *q) {
    liken_error err = {0};
    liken_search_options o = LIKEN_SEARCH_INIT;
    liken_result *result = NULL;
    query by = {0};
    read_query(&q->args, &by);
    read_options(q, &o);
    if (lk_args_refused(&q->args) || !lk_search_hold(q, &o, lk_args_has(&q->args, "limit")))
        return;
    if (run(q, &by, &o, &result, &err) != LIKEN_OK)
        lk_args_answer_photo(&q->args, &(const char *){"file"}, by.photo != NULL, &err);
    else
        lk_answer_json(q->request, 200, lk_json_result(result));
    liken_result_free(result);
}

lk_lane lk_search_lane(const lk_request *r) {
    if (lk_request_part_count(r) > 0)
        return lk_request_part(r, "file") != NULL || lk_request_part(r, "files") != NULL ? LK_LANE_PHOTO
                                                                                         : LK_LANE_STORE;
    return lk_request_has_body(r) && !lk_request_is(r, "application/json") ? LK_LANE_PHOTO : LK_LANE_STORE;
}
