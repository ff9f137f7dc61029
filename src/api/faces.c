/* faces.c - /v1/collections/{c}/faces/{id}. A face is looked for in the collection of the address only: a key bound to
 * one collection reaches no other through a face's id. */
#include "api/api_int.h"

static int load(lk_api *api, const char *collection, int64_t id, liken_face **face, int64_t *image, liken_error *err) {
    liken_image *owner = NULL;
    int rc = liken_face_get(api->lk, id, face, image, err);
    if (rc == LIKEN_OK)
        rc = liken_image_get(api->lk, collection, *image, &owner, err);
    if (rc == LIKEN_E_NOT_FOUND)
        rc = lk_fail(err, rc, "There is no face %lld in the collection \"%.64s\".", (long long)id, collection);
    liken_image_free(owner);
    return rc;
}

int lk_faces_check(lk_api *api, const char *collection, int64_t id, liken_error *err) {
    liken_face *face = NULL;
    int64_t image = 0;
    const int rc = load(api, collection, id, &face, &image, err);
    liken_face_free(face);
    return rc;
}

static void get(lk_request *r, lk_api *api, int64_t id) {
    liken_error err = {0};
    liken_face *face = NULL;
    int64_t image = 0;
    if (load(api, lk_request_param(r, "c"), id, &face, &image, &err) != LIKEN_OK) {
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
    if (lk_faces_check(api, lk_request_param(r, "c"), id, &err) != LIKEN_OK ||
        liken_face_remove(api->lk, id, &err) != LIKEN_OK)
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
