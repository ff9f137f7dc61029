/* faces.c - /v1/collections/{c}/faces/{id}. A face is looked for in the collection of the address only: a key bound to
 * one collection reaches no other through a face's id. */
#include "api/api_int.h"

int lk_faces_check(lk_api *api, const liken_call *call, const char *collection, int64_t id, liken_error *err) {
    liken_face *face = NULL;
    const int rc = liken_face_get(api->lk, call, collection, id, &face, NULL, err);
    liken_face_free(face);
    return rc;
}

static void get(lk_request *r, lk_api *api, int64_t id) {
    liken_error err = {0};
    liken_face *face = NULL;
    int64_t image = 0;
    if (liken_face_get(api->lk, lk_api_call(r), lk_request_param(r, "c"), id, &face, &image, &err) != LIKEN_OK) {
        lk_answer_error(r, &err);
    } else {
        json_t *json = lk_json_face(face);
        json_object_set_new(json, "image", json_integer(image));
        lk_answer_json(r, 200, json);
    }
    liken_face_free(face);
}

static void drop(lk_request *r, lk_api *api, int64_t id) {
    liken_error err = {0};
    if (liken_face_remove(api->lk, lk_api_call(r), lk_request_param(r, "c"), id, &err) != LIKEN_OK)
        lk_answer_error(r, &err);
    else
        lk_answer_empty(r);
}

void lk_faces_get(lk_request *r, void *ctx) {
    lk_args_with_id(r, ctx, get);
}

void lk_faces_remove(lk_request *r, void *ctx) {
    lk_args_with_id(r, ctx, drop);
}
