/* faces.c - /v1/collections/{c}/faces/{id}. A face is looked for in the collection of the address only: a key bound to
 * one collection reaches no other through a face's id. */
#include "api/api_int.h"

int lk_faces_check(const lk_ask *q, int64_t id, liken_error *err) {
    liken_face *face = NULL;
    const int rc = liken_face_get(q->api->lk, &q->call, q->collection, id, &face, NULL, err);
    liken_face_free(face);
    return rc;
}

void lk_faces_get(lk_ask *q) {
    liken_error err = {0};
    liken_face *face = NULL;
    int64_t image = 0;
    if (liken_face_get(q->api->lk, &q->call, q->collection, q->id, &face, &image, &err) != LIKEN_OK) {
        lk_answer_error(q->request, &err);
    } else {
        json_t *json = lk_json_face(face);
        json_object_set_new(json, "image", json_integer(image));
        lk_answer_json(q->request, 200, json);
    }
    liken_face_free(face);
}

void lk_faces_remove(lk_ask *q) {
    liken_error err = {0};
    if (liken_face_remove(q->api->lk, &q->call, q->collection, q->id, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else
        lk_answer_empty(q->request);
}
