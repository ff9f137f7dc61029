/* What is kept of a photo that is added, made of the pixels in which its faces were looked for.
 *
 * Nothing is decoded for it: the picture that the detector saw, upright and sRGB, is shrunk and written as JPEG, which
 * every browser draws and which costs a tenth of other kinds to write. An original is kept as it came and is never
 * shown so (show.c). */
#include "gallery/pictures.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREVIEW_BYTES 400000

int lk_pictures_side(liken_keep keep) {
    return keep == LIKEN_KEEP_NOTHING ? 0 : keep == LIKEN_KEEP_PREVIEW ? LK_PREVIEW_SIDE : LK_THUMBNAIL_SIDE;
}

/* Takes the bytes, also when it fails. */
static int give(liken_image *image, liken_picture *p, liken_error *err) {
    const int rc = lk_image_picture(image, p, err);
    if (rc != LIKEN_OK)
        free(p->bytes);
    return rc;
}

static int add_view(liken_image *image, const lk_image *view, liken_keep kind, int side, size_t most,
                    liken_error *err) {
    lk_image small = {0};
    liken_picture p = {.kind = kind};
    int rc = lk_image_fit(view, side, &small, err);
    if (rc == LIKEN_OK)
        rc = lk_image_encode_within(&small, LK_IMAGE_JPEG, most, &p.bytes, &p.size, err);
    p.width = small.width;
    p.height = small.height;
    lk_image_clear(&small);
    (void)snprintf(p.type, sizeof p.type, "%s", lk_image_media(LK_IMAGE_JPEG));
    return rc == LIKEN_OK ? give(image, &p, err) : rc;
}

static int add_original(liken_image *image, const void *bytes, size_t size, const char *kind, liken_error *err) {
    liken_picture p = {.kind = LIKEN_KEEP_ORIGINAL, .width = image->width, .height = image->height, .size = size};
    p.bytes = malloc(size);
    if (p.bytes == NULL)
        return lk_fail_memory(err);
    memcpy(p.bytes, bytes, size);
    (void)snprintf(p.type, sizeof p.type, "image/%s", kind);
    return give(image, &p, err);
}

int lk_pictures_make(liken_image *image, liken_keep keep, const lk_image *view, const void *bytes, size_t size,
                     const char *kind, liken_error *err) {
    if (keep == LIKEN_KEEP_NOTHING || view->rgb == NULL)
        return LIKEN_OK;
    int rc = add_view(image, view, LIKEN_KEEP_THUMBNAIL, LK_THUMBNAIL_SIDE, LK_THUMBNAIL_BYTES, err);
    if (rc == LIKEN_OK && keep == LIKEN_KEEP_PREVIEW)
        rc = add_view(image, view, LIKEN_KEEP_PREVIEW, LK_PREVIEW_SIDE, PREVIEW_BYTES, err);
    if (rc == LIKEN_OK && keep == LIKEN_KEEP_ORIGINAL)
        rc = add_original(image, bytes, size, kind, err);
    return rc;
}

void lk_pictures_forget(liken_image *image) {
    for (size_t i = 0; i < image->picture_count; i++) {
        free(image->pictures[i].bytes);
        image->pictures[i].bytes = NULL;
    }
}

/* Into an image that is nothing yet. */
static int make_of_bytes(liken *lk, liken_keep keep, liken_image *image, const void *bytes, size_t size,
                         liken_error *err) {
    lk_photo *photo = NULL;
    lk_image view = {0};
    int rc = lk_photo_open(&photo, bytes, size, &lk->limits, err);
    if (rc == LIKEN_OK) {
        image->width = lk_photo_width(photo);
        image->height = lk_photo_height(photo);
        rc = lk_photo_decode(photo, lk_pictures_side(keep), &view, NULL, err);
    }
    if (rc == LIKEN_OK)
        rc = lk_pictures_make(image, keep, &view, bytes, size, lk_photo_kind(photo), err);
    lk_image_clear(&view);
    lk_photo_free(photo);
    return rc;
}

static bool has(const liken_image *image, liken_keep kind) {
    for (size_t i = 0; i < image->picture_count; i++)
        if (image->pictures[i].kind == kind)
            return true;
    return false;
}

bool lk_pictures_lack(const liken *lk, const liken_collection *c, const liken_image *image) {
    return lk->store->ops->pictures != NULL && c->keep != LIKEN_KEEP_NOTHING &&
           !(has(image, LIKEN_KEEP_THUMBNAIL) && has(image, c->keep));
}

/* All that is kept of such a photo goes to the store, which takes what it has not got. */
static int put_pictures(liken *lk, const liken_collection *c, int64_t id, const void *bytes, size_t size,
                        liken_error *err) {
    liken_image made = {0};
    int rc = make_of_bytes(lk, c->keep, &made, bytes, size, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->pictures->put(lk->store, id, made.pictures, made.picture_count, err);
    lk_pictures_forget(&made);
    free(made.pictures);
    return rc;
}

int lk_pictures_catch_up(liken *lk, const liken_collection *c, liken_image **image, const void *bytes, size_t size,
                         liken_error *err) {
    liken_image *now = NULL;
    liken_error why = {0};
    const int64_t id = (*image)->id;
    if (!lk_pictures_lack(lk, c, *image))
        return LIKEN_OK;
    int rc = put_pictures(lk, c, id, bytes, size, &why);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->images->get(lk->store, c->id, id, &now, &why);
    if (rc == LIKEN_OK) {
        now->existed = (*image)->existed;
        liken_image_free(*image);
        *image = now;
        return LIKEN_OK;
    }
    if (rc == LIKEN_E_NOT_FOUND) {
        if (err != NULL)
            *err = why;
        return rc;
    }
    lk_log(LIKEN_LOG_WARN, "Photo %lld is known, but no picture of it could be kept. %s", (long long)id, why.message);
    return LIKEN_OK;
}
