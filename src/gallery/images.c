/* Reading and removing what is stored. */
#include "gallery/gallery_int.h"

#include <stdlib.h>
#include <string.h>

/* "default" exists from the start, also before the first handle with models has written it down. */
static int empty_list(liken_image_list **out, liken_error *err) {
    *out = calloc(1, sizeof(**out));
    return *out == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int list(liken *lk, const liken_list_options *o, liken_image_list **out, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    const int rc = lk_gallery_collection(lk, o->collection, &c, err);
    if (rc == LIKEN_E_NOT_FOUND && (o->collection == NULL || strcmp(o->collection, LK_DEFAULT_COLLECTION) == 0))
        return empty_list(out, err);
    return rc == LIKEN_OK ? lk->store->ops->image_list(lk->store, c->id, o, out, err) : rc;
}

int liken_list(liken *lk, const liken_list_options *options, liken_image_list **out, liken_error *err) {
    static const liken_list_options none;
    lk_gallery_enter(lk);
    const int rc = list(lk, options == NULL ? &none : options, out, err);
    lk_gallery_leave(lk);
    return rc;
}

/* *id 0: any collection. */
static int collection_id(liken *lk, const char *name, int64_t *id, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    *id = 0;
    if (name == NULL)
        return LIKEN_OK;
    const int rc = lk_gallery_collection(lk, name, &c, err);
    if (rc == LIKEN_OK)
        *id = c->id;
    return rc;
}

int liken_image_get(liken *lk, const char *collection, int64_t id, liken_image **out, liken_error *err) {
    int64_t owner;
    lk_gallery_enter(lk);
    int rc = collection_id(lk, collection, &owner, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->image_get(lk->store, owner, id, out, err);
    lk_gallery_leave(lk);
    return rc;
}

int liken_face_get(liken *lk, int64_t face_id, liken_face **out, int64_t *image, liken_error *err) {
    lk_gallery_enter(lk);
    const int rc = lk->store->ops->face_get(lk->store, face_id, out, image, NULL, err);
    lk_gallery_leave(lk);
    return rc;
}

int liken_image_remove(liken *lk, const char *collection, int64_t id, liken_error *err) {
    int64_t owner;
    lk_gallery_enter(lk);
    int rc = collection_id(lk, collection, &owner, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->image_remove(lk->store, owner, id, err);
    if (rc == LIKEN_OK)
        lk_gallery_sync_after_write(lk);
    lk_gallery_leave(lk);
    return rc;
}

int liken_face_remove(liken *lk, int64_t face_id, liken_error *err) {
    lk_gallery_enter(lk);
    const int rc = lk->store->ops->face_remove(lk->store, face_id, err);
    if (rc == LIKEN_OK)
        lk_gallery_sync_after_write(lk);
    lk_gallery_leave(lk);
    return rc;
}
