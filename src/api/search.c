/* search.c - POST /v1/collections/{c}/search: by a photo (every face in it on its own, or the main one), by several
 * photos of one person, by a stored face, or by a descriptor. */
#include "api/api_int.h"

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
    o->uncounted = lk_args_has(a, "total") && !lk_args_switch(a, "total");
    if (o->threshold > 0 && o->max_false_matches > 0)
        lk_args_fail(a, LIKEN_E_ARG, "max_false_matches", "Give threshold or max_false_matches, not both.");
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
    if (lk_args_refused(&q->args))
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
