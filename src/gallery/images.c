/* Reading and removing what is stored. */
#include "gallery/gallery_int.h"

#include "base/sized.h"
#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

/* "default" exists from the start, also before the first handle with models has written it down. */
static int empty_list(liken_image_list **out, liken_error *err) {
    *out = calloc(1, sizeof(**out));
    return *out == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

static int check_legacy(const liken_list_options *o, liken_error *err) {
    const bool plain = o->tag_count == 0 && o->file_prefix == NULL && o->faces == LIKEN_EITHER &&
                       o->refused == LIKEN_EITHER && !o->newest;
    return plain ? LIKEN_OK
                 : lk_fail(err, LIKEN_E_UNSUPPORTED,
                           "Rows of the legacy table are listed by id, and chosen by image_id, label and time alone.");
}

static int check_wanted(const liken_list_options *o, liken_error *err) {
    if (o->faces < LIKEN_EITHER || o->faces > LIKEN_ONLY_WITHOUT || o->refused < LIKEN_EITHER ||
        o->refused > LIKEN_ONLY_WITHOUT)
        return lk_fail(err, LIKEN_E_ARG, "What is wanted is LIKEN_EITHER, LIKEN_ONLY_WITH or LIKEN_ONLY_WITHOUT.");
    for (size_t i = 0; i < o->tag_count; i++)
        if (o->tags == NULL || o->tags[i] == NULL)
            return lk_fail(err, LIKEN_E_ARG, "A tag is missing its text.");
    return LIKEN_OK;
}

static int list(liken *lk, const liken_list_options *o, liken_image_list **out, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc =
        lk->legacy_table == NULL ? lk_store_short("image_id", o->image_id, LK_IMAGE_ID_MAX, err) : check_legacy(o, err);
    if (rc == LIKEN_OK)
        rc = check_wanted(o, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, o->collection, &c, err);
    if (rc == LIKEN_E_NOT_FOUND && (o->collection == NULL || strcmp(o->collection, LK_DEFAULT_COLLECTION) == 0))
        return empty_list(out, err);
    return rc == LIKEN_OK ? lk->store->ops->images->list(lk->store, c->id, o, out, err) : rc;
}

int liken_list(liken *lk, const liken_call *call, const liken_list_options *options, liken_image_list **out,
               liken_error *err) {
    liken_list_options o;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_sized_take(&o, sizeof o, options, "liken_list_options", err);
    if (rc == LIKEN_OK && o.file_prefix != NULL && *o.file_prefix == '\0')
        o.file_prefix = NULL;
    if (rc == LIKEN_OK)
        rc = list(lk, &o, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

int lk_gallery_collection_id(liken *lk, const char *name, int64_t *id, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    *id = 0;
    if (name == NULL)
        return lk_gallery_needs_store(lk, err);
    const int rc = lk_gallery_collection(lk, name, &c, err);
    if (rc == LIKEN_OK)
        *id = c->id;
    return rc;
}

int liken_image_get(liken *lk, const liken_call *call, const char *collection, int64_t id, liken_image **out,
                    liken_error *err) {
    int64_t owner;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection_id(lk, collection, &owner, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->images->get(lk->store, owner, id, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* A face of the collection `name`; NULL: whichever has it. */
int lk_gallery_face(liken *lk, const char *name, int64_t id, liken_face **out, int64_t *image, liken_error *err) {
    const int rc = lk_gallery_needs_store(lk, err);
    return rc == LIKEN_OK ? lk->store->ops->faces->get(lk->store, name, id, out, image, NULL, err) : rc;
}

int liken_face_get(liken *lk, const liken_call *call, const char *collection, int64_t face_id, liken_face **out,
                   int64_t *image, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_face(lk, collection, face_id, out, image, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

int liken_image_remove(liken *lk, const liken_call *call, const char *collection, int64_t id, liken_error *err) {
    int64_t owner;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection_id(lk, collection, &owner, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->images->remove(lk->store, owner, id, err);
    if (rc == LIKEN_OK)
        lk_gallery_sync_after_write(lk);
    lk_gallery_leave(lk, &k);
    return rc;
}

int liken_face_remove(liken *lk, const liken_call *call, const char *collection, int64_t face_id, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->faces->remove(lk->store, collection, face_id, err);
    if (rc == LIKEN_OK)
        lk_gallery_sync_after_write(lk);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- names ---- */

static int unsupported(liken_error *err) {
    return lk_fail(
        err, LIKEN_E_UNSUPPORTED,
        "A row of the legacy table has the label and the image_id that it was written with; remove the photo "
        "by its id.");
}

static int remove_name(liken *lk, const char *collection, int64_t id, const char *file, const char *image_id,
                       bool *removed, liken_error *err) {
    int64_t owner = 0;
    bool gone = false;
    if (file == NULL && image_id == NULL)
        return lk_fail(err, LIKEN_E_ARG, "Say a label or an image_id to take from the photo.");
    int rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK && lk->store->ops->names == NULL)
        return unsupported(err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection_id(lk, collection == NULL ? LK_DEFAULT_COLLECTION : collection, &owner, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->names->remove(lk->store, owner, id, file, image_id, &gone, err);
    if (rc == LIKEN_OK && gone)
        lk_gallery_sync_after_write(lk);
    if (rc == LIKEN_OK && removed != NULL)
        *removed = gone;
    return rc;
}

int liken_name_remove(liken *lk, const liken_call *call, const char *collection, int64_t id, const char *file,
                      const char *image_id, bool *removed, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = remove_name(lk, collection, id, file, image_id, removed, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

static int remove_lost(liken *lk, const char *collection, int64_t *removed, liken_error *err) {
    int64_t owner = 0, ids[1000], last = 0;
    size_t count = 1;
    int rc = lk_gallery_needs_store(lk, err);
    if (rc != LIKEN_OK || lk->store->ops->names == NULL)
        return rc; /* a photo has one name there */
    rc = lk_gallery_collection_id(lk, collection == NULL ? LK_DEFAULT_COLLECTION : collection, &owner, err);
    while (rc == LIKEN_OK && count > 0) {
        rc = lk->store->ops->names->lost(lk->store, owner, last, ids, &count, err);
        for (size_t i = 0; rc == LIKEN_OK && i < count; i++) {
            bool gone = false;
            rc = lk_call_check(err);
            if (rc != LIKEN_OK)
                break;
            rc = lk->store->ops->names->lost_remove(lk->store, owner, ids[i], &gone, err);
            *removed += gone;
            last = ids[i];
        }
    }
    if (*removed > 0)
        lk_gallery_sync_after_write(lk);
    return rc;
}

int liken_lost_remove(liken *lk, const liken_call *call, const char *collection, int64_t *removed, liken_error *err) {
    int64_t count = 0;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = remove_lost(lk, collection, &count, err);
    lk_gallery_leave(lk, &k);
    if (rc == LIKEN_OK && removed != NULL)
        *removed = count;
    return rc;
}

/* ---- files ---- */

/* By its place, else by its label. */
static int file_find(liken *lk, const char *collection, const char *place, const char *file, liken_file **out,
                     liken_error *err) {
    int64_t owner = 0;
    liken_file *found = NULL;
    int rc = lk_gallery_needs_store(lk, err);
    if (rc != LIKEN_OK)
        return rc;
    const bool able = lk->store->ops->names != NULL;
    rc = lk_gallery_collection_id(lk, collection == NULL ? LK_DEFAULT_COLLECTION : collection, &owner, err);
    if (rc == LIKEN_OK && able && place != NULL)
        rc = lk->store->ops->names->file_find(lk->store, owner, place, NULL, &found, NULL, err);
    if (rc == LIKEN_OK && able && found == NULL && file != NULL)
        rc = lk->store->ops->names->file_find(lk->store, owner, NULL, file, &found, NULL, err);
    if (rc == LIKEN_OK && found == NULL)
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "No photo of the collection has that file.");
    if (rc == LIKEN_OK)
        *out = found;
    return rc;
}

int liken_file_find(liken *lk, const liken_call *call, const char *collection, const char *place, const char *file,
                    liken_file **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = file_find(lk, collection, place, file, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* Everything that begins with "FOLDER/" lies between that and "FOLDER0", the next after '/'. */
static int range_of(const char *folder, char **from, char **to, liken_error *err) {
    size_t size = strlen(folder);
    while (size > 0 && folder[size - 1] == '/')
        size--;
    *from = malloc(size + 2);
    *to = malloc(size + 2);
    if (*from == NULL || *to == NULL)
        return lk_fail_memory(err);
    memcpy(*from, folder, size);
    memcpy(*from + size, "/", 2);
    memcpy(*to, folder, size);
    memcpy(*to + size, "0", 2);
    return LIKEN_OK;
}

static int files_below(liken *lk, const char *collection, const char *folder, const char *place, int64_t after,
                       liken_file_list **out, liken_error *err) {
    int64_t owner = 0;
    LK_FREE char *from = NULL, *to = NULL, *place_from = NULL, *place_to = NULL;
    const int usable = lk_gallery_needs_store(lk, err);
    if (usable != LIKEN_OK)
        return usable;
    if (lk->store->ops->names == NULL)
        return unsupported(err);
    int rc = range_of(folder, &from, &to, err);
    if (rc == LIKEN_OK && place != NULL)
        rc = range_of(place, &place_from, &place_to, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection_id(lk, collection == NULL ? LK_DEFAULT_COLLECTION : collection, &owner, err);
    const lk_store_range range = {from, to, place_from, place_to};
    return rc == LIKEN_OK ? lk->store->ops->names->files_between(lk->store, owner, &range, after, out, err) : rc;
}

int liken_files_below(liken *lk, const liken_call *call, const char *collection, const char *folder, const char *place,
                      int64_t after, liken_file_list **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = files_below(lk, collection, folder, place, after, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
