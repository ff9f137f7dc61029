/* search.c - POST /v1/collections/{c}/search: by a photo (every face in it on its own, or the main one), by several
 * photos of one person, by a stored face, or by a descriptor. */
#include "api/api_int.h"

#define DISTANCE_MAX 1e6
#define DIMENSION_MAX 4096

static void read_options(lk_args *a, liken_search_options *o) {
    o->collection = lk_request_param(a->request, "c");
    o->threshold = (float)lk_args_number(a, "threshold", 0, DISTANCE_MAX, 0);
    o->max_false_matches = lk_args_number(a, "max_false_matches", 0, 1e12, 0);
    o->limit = (int)lk_args_integer(a, "limit", 1, 10000, 20);
    o->distinct = (liken_distinct)lk_args_choice(a, "distinct", "face image person");
    o->tags = lk_args_list(a, "tags", LK_TAGS_MAX, LK_TAG_MAX, &o->tag_count);
    o->captured_from = lk_args_time(a, "captured_from", false);
    o->captured_to = lk_args_time(a, "captured_to", true);
    o->partial = lk_args_switch(a, "partial");
    o->main_face = lk_args_switch(a, "main_face");
    o->uncounted = lk_args_has(a, "total") && !lk_args_switch(a, "total");
    if (o->threshold > 0 && o->max_false_matches > 0)
        lk_args_fail(a, LIKEN_E_ARG, "max_false_matches", "Give threshold or max_false_matches, not both.");
    lk_args_order(a, "captured_from", o->captured_from, "captured_to", o->captured_to);
}

typedef struct query {
    const void *photo;
    size_t photo_size;
    liken_photo photos[LIKEN_PHOTOS_MAX];
    size_t photo_count;
    int64_t face;
    const float *descriptor;
    size_t dimension;
    const char *model;
} query;

static void read_query(lk_args *a, const lk_api *api, query *q) {
    const bool photo = lk_args_photo(a, "file", api->max_file, &q->photo, &q->photo_size);
    q->photo_count = lk_args_photos(a, "files", api->max_file, q->photos, LIKEN_PHOTOS_MAX);
    q->face = lk_args_integer(a, "face_id", 1, INT64_MAX, 0);
    q->descriptor = lk_args_floats(a, "descriptor", DIMENSION_MAX, &q->dimension);
    q->model = lk_args_text(a, "model", 256);
    const int given = photo + (q->photo_count > 0) + (q->face > 0) + (q->descriptor != NULL);
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

static int run(lk_api *api, const liken_call *call, const query *q, const liken_search_options *o,
               liken_result **result, liken_error *err) {
    if (q->photo != NULL)
        return liken_search_photo(api->lk, call, q->photo, q->photo_size, o, result, err);
    if (q->photo_count > 0)
        return liken_search_photos(api->lk, call, q->photos, q->photo_count, o, result, err);
    if (q->descriptor != NULL)
        return liken_search_descriptor(api->lk, call, q->descriptor, q->dimension, q->model, o, result, err);
    const int rc = lk_faces_check(api, call, o->collection, q->face, err);
    return rc != LIKEN_OK ? rc : liken_search_face(api->lk, call, q->face, o, result, err);
}

static void search(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_search_options o = {0};
    liken_result *result = NULL;
    query q = {0};
    read_query(a, api, &q);
    read_options(a, &o);
    if (lk_args_refused(a))
        return;
    if (run(api, lk_api_call(r), &q, &o, &result, &err) != LIKEN_OK)
        lk_args_answer_photo(a, &(const char *){"file"}, q.photo != NULL, &err);
    else
        lk_answer_json(r, 200, lk_json_result(result));
    liken_result_free(result);
}

lk_lane lk_search_lane(const lk_request *r) {
    if (lk_request_part_count(r) > 0)
        return lk_request_part(r, "file") != NULL || lk_request_part(r, "files") != NULL ? LK_LANE_PHOTO
                                                                                         : LK_LANE_STORE;
    return lk_request_has_body(r) && !lk_request_is(r, "application/json") ? LK_LANE_PHOTO : LK_LANE_STORE;
}

void lk_search(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r,
                 "file files face_id descriptor model threshold max_false_matches limit distinct tags captured_from "
                 "captured_to partial main_face total");
    search(r, ctx, &a);
    lk_args_close(&a);
}
