/* Adding and detecting. A photo is recognised by the sha256 of its bytes before anything is decoded, so adding it
 * again is cheap; when two threads add the same new photo at once both look at it, and the store keeps the first. */
#include "gallery/gallery_int.h"
#include "gallery/pictures.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/sized.h"
#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

/* ---- the answer ---- */

int lk_gallery_image(const lk_engine *e, const char sha256[65], lk_faces *faces, liken_image **out, liken_error *err) {
    liken_image *image = calloc(1, sizeof *image);
    if (image != NULL) {
        image->model = strdup(lk_models_id(e->models));
        image->detector = strdup(lk_models_detector(e->models));
        image->note = faces->note[0] == '\0' ? NULL : strdup(faces->note);
    }
    if (image == NULL || image->model == NULL || image->detector == NULL ||
        (faces->note[0] != '\0' && image->note == NULL)) {
        liken_image_free(image);
        return lk_fail_memory(err);
    }
    memcpy(image->sha256, sha256, sizeof image->sha256);
    image->captured_at = faces->captured_at;
    image->width = faces->width;
    image->height = faces->height;
    image->smallest_face = faces->smallest_face;
    image->faces = faces->kept;
    image->face_count = faces->kept_count;
    image->refused = faces->refused;
    image->refused_count = faces->refused_count;
    *faces = (lk_faces){0};
    *out = image;
    return LIKEN_OK;
}

/* A photo, and the hash of its bytes: what it is known by. */
struct photo {
    const void *bytes;
    size_t size;
    char sha256[LK_SHA256_HEX];
};

static int take_photo(struct photo *out, const void *bytes, size_t size, liken_error *err) {
    if (bytes == NULL)
        return lk_fail(err, LIKEN_E_ARG, "No photo was given.");
    out->bytes = bytes;
    out->size = size;
    lk_sha256_hex(bytes, size, out->sha256);
    return LIKEN_OK;
}

/* With the pictures that `keep` says. */
static int look(liken *lk, lk_engine *e, const struct photo *p, bool describe, int min_face, liken_keep keep,
                liken_image **out, liken_error *err) {
    lk_faces faces = {0};
    liken_image *image = NULL;
    int rc =
        lk_gallery_look_and_view(lk, e, p->bytes, p->size, describe, min_face, lk_pictures_side(keep), &faces, err);
    lk_image view = faces.view;
    const char *kind = faces.kind;
    faces.view = (lk_image){0};
    if (rc == LIKEN_OK)
        rc = lk_gallery_image(e, p->sha256, &faces, &image, err);
    if (rc == LIKEN_OK)
        rc = lk_pictures_make(image, keep, &view, p->bytes, p->size, kind, err);
    lk_image_clear(&view);
    lk_faces_clear(&faces);
    if (rc == LIKEN_OK)
        *out = image;
    else
        liken_image_free(image);
    return rc;
}

static int detect(liken *lk, const void *bytes, size_t size, const liken_detect_options *options, liken_image **out,
                  liken_error *err) {
    lk_engine *engine;
    liken_detect_options o;
    struct photo p;
    int rc = lk_sized_take(&o, sizeof o, options, "liken_detect_options", err);
    if (rc == LIKEN_OK)
        rc = take_photo(&p, bytes, size, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_engine(lk, o.pack, &engine, err);
    return rc == LIKEN_OK ? look(lk, engine, &p, o.describe, o.min_face, LIKEN_KEEP_NOTHING, out, err) : rc;
}

int liken_detect(liken *lk, const liken_call *call, const void *bytes, size_t size, const liken_detect_options *options,
                 liken_image **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = detect(lk, bytes, size, options, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- adding ---- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Tags are a set: sorted, each once, as the store gives them back. */
static int copy_tags(liken_image *image, const liken_add_options *o, liken_error *err) {
    if (o->tag_count == 0)
        return LIKEN_OK;
    image->tags = calloc(o->tag_count, sizeof(*image->tags));
    if (image->tags == NULL)
        return lk_fail_memory(err);
    for (size_t i = 0; i < o->tag_count; i++) {
        if (o->tags[i] == NULL)
            return lk_fail(err, LIKEN_E_ARG, "A tag is missing its text.");
        image->tags[i] = strdup(o->tags[i]);
        if (image->tags[i] == NULL)
            return lk_fail_memory(err);
        image->tag_count++;
    }
    qsort(image->tags, image->tag_count, sizeof(*image->tags), by_text);
    size_t kept = 1;
    for (size_t i = 1; i < image->tag_count; i++) {
        if (strcmp(image->tags[i], image->tags[kept - 1]) == 0)
            free(image->tags[i]);
        else
            image->tags[kept++] = image->tags[i];
    }
    image->tag_count = kept;
    return LIKEN_OK;
}

/* What the caller says counts before what the photo says; a legacy table has no room for either. */
static void set_captured_at(const liken *lk, liken_image *image, const liken_add_options *o) {
    if (o->captured_at != 0 && o->captured_at != LIKEN_NO_TIME)
        image->captured_at = o->captured_at;
    else if (image->captured_at == 0 || lk->legacy_table != NULL)
        image->captured_at = LIKEN_NO_TIME;
}

static int copy_labels(const liken *lk, liken_image *image, const liken_collection *c, const liken_add_options *o,
                       liken_error *err) {
    image->collection = strdup(c->name);
    if (image->collection == NULL || (o->image_id != NULL && !lk_image_id(image, o->image_id)) ||
        (o->file != NULL && !lk_image_label(image, o->file, o->file_kind, o->file_place, o->file_mark)))
        return lk_fail_memory(err);
    set_captured_at(lk, image, o);
    image->added_at = lk_clock_now();
    return copy_tags(image, o, err);
}

static int no_face(const liken_image *image, liken_error *err) {
    if (image->refused_count == 0)
        return lk_fail(err, LIKEN_E_NO_FACE, "No face was found in the photo; nothing was stored.");
    const liken_reason reason = image->refused[0].reason;
    return lk_fail(err, LIKEN_E_NO_FACE, "No usable face was found in the photo (%s); nothing was stored. %s",
                   liken_reason_code(reason), liken_reason_advice(reason));
}

static void forget_descriptors(liken_image *image) {
    for (size_t i = 0; i < image->face_count; i++) {
        free(image->faces[i].descriptor);
        image->faces[i].descriptor = NULL;
    }
}

/* Of a photo that another process stored a moment ago the index may not have heard yet. */
static void hear_of(liken *lk, const liken_collection *c, const liken_image *image) {
    liken_error err;
    int64_t last = 0;
    for (size_t i = 0; i < image->face_count; i++)
        last = image->faces[i].id > last ? image->faces[i].id : last;
    if (lk->no_models || last <= atomic_load(&lk->seen_face) || lk_place_is_remote(lk, c->id))
        return;
    if (lk_gallery_sync_now(lk, &err) != LIKEN_OK)
        lk_log(LIKEN_LOG_WARN, "The index could not follow the store; the next search tries again. %s", err.message);
}

/* Stores it; in the collection of that name which took the place of one that was emptied meanwhile, if there is one. */
static int store(liken *lk, const liken_collection *c, liken_image *image, bool face_required, liken_image **existing,
                 liken_error *err) {
    LK_COLLECTION liken_collection *now = NULL;
    const int rc = lk->store->ops->images->add(lk->store, c->id, image, face_required, existing, err);
    if (rc != LIKEN_E_NOT_FOUND || lk_gallery_collection(lk, c->name, &now, NULL) != LIKEN_OK || now->id == c->id)
        return rc;
    return lk->store->ops->images->add(lk->store, now->id, image, face_required, existing, err);
}

/* Looks at the photo and hands it to the store; *out is the stored image, the earlier one when it was there. */
static int add_new(liken *lk, const liken_collection *c, const struct photo *p, const liken_add_options *o,
                   liken_image **out, liken_error *err) {
    lk_engine *engine;
    liken_image *image = NULL, *existing = NULL;
    int rc = lk_gallery_engine_for(lk, c, &engine, err);
    if (rc == LIKEN_OK)
        rc = look(lk, engine, p, true, o->min_face, lk->store->ops->pictures == NULL ? LIKEN_KEEP_NOTHING : c->keep,
                  &image, err);
    if (rc == LIKEN_OK && o->require_face && image->face_count == 0)
        rc = no_face(image, err);
    if (rc == LIKEN_OK)
        rc = copy_labels(lk, image, c, o, err);
    if (rc == LIKEN_OK)
        rc = lk_call_check(err); /* the last moment: what is stored is stored */
    if (rc == LIKEN_OK)
        rc = store(lk, c, image, o->require_face, &existing, err);
    if (rc != LIKEN_OK || existing != NULL) {
        liken_image_free(image);
        image = existing;
    }
    if (rc != LIKEN_OK)
        return rc;
    image->existed = existing != NULL;
    if (existing != NULL && o->require_face && image->face_count == 0) {
        rc = no_face(image, err);
        liken_image_free(image);
        return rc;
    }
    forget_descriptors(image);
    lk_pictures_forget(image);
    lk_gallery_sync_after_write(lk);
    if (existing != NULL)
        hear_of(lk, c, image);
    *out = image;
    return LIKEN_OK;
}

#define SWITCHES 5 /* of a collection's model, under one photo */

/* add_new to the collection as it is now: it may have changed its model while the photo was described. */
static int add_to_model(liken *lk, liken_collection **c, const struct photo *p, const liken_add_options *o,
                        liken_image **out, liken_error *err) {
    int rc = add_new(lk, *c, p, o, out, err);
    for (int i = 0; rc == LIKEN_E_MISMATCH && i < SWITCHES; i++) {
        LK_COLLECTION liken_collection *now = NULL;
        if (lk_gallery_collection(lk, (*c)->name, &now, NULL) != LIKEN_OK || now->generation == (*c)->generation)
            break;
        liken_collection *before = *c;
        *c = now;
        now = before;
        rc = add_new(lk, *c, p, o, out, err);
    }
    return rc;
}

static int find(liken *lk, const liken_collection *c, const struct photo *p, liken_image **out, liken_error *err) {
    const int rc = lk->store->ops->images->find(lk->store, c->id, p->sha256, out, err);
    if (rc == LIKEN_OK)
        (*out)->existed = true;
    return rc;
}

/* Whether these options say anything about a photo. */
static bool names(const liken_add_options *o) {
    return o->file != NULL || o->image_id != NULL || o->tag_count > 0 ||
           (o->captured_at != 0 && o->captured_at != LIKEN_NO_TIME);
}

/* Adds what `o` says to the photo *image, which is replaced by what it is then. NOT_FOUND: it was removed meanwhile. */
static int extend(liken *lk, const liken_collection *c, int64_t id, const liken_add_options *o, liken_image **image,
                  liken_error *err) {
    liken_image *with = calloc(1, sizeof *with), *now = NULL;
    if (with == NULL)
        return lk_fail_memory(err);
    int rc = copy_labels(lk, with, c, o, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->names->extend(lk->store, c->id, id, with, &now, err);
    liken_image_free(with);
    if (rc != LIKEN_OK)
        return rc;
    now->existed = true;
    liken_image_free(*image);
    *image = now;
    return LIKEN_OK;
}

/* What is there already, with what `o` says added. */
static int add_again(liken *lk, const liken_collection *c, const liken_add_options *o, liken_image **image,
                     liken_error *err) {
    if (o->require_face && (*image)->face_count == 0) /* stored before, without a face */
        return no_face(*image, err);
    const int rc = names(o) && lk->store->ops->names != NULL ? extend(lk, c, (*image)->id, o, image, err) : LIKEN_OK;
    if (rc == LIKEN_OK)
        hear_of(lk, c, *image);
    return rc;
}

/* A label that others may have too comes from old clients as well, and a legacy table has long ids: what these may be
 * is for the store to say. */
static int check_options(const liken *lk, const liken_add_options *o, liken_error *err) {
    int rc = lk_gallery_check_min_face(o->min_face, err);
    if (rc != LIKEN_OK)
        return rc;
    if ((unsigned)o->file_kind > LIKEN_LABEL_SHARED)
        return lk_fail(err, LIKEN_E_ARG,
                       "A label is given as LIKEN_LABEL_OWN, LIKEN_LABEL_FILE or LIKEN_LABEL_SHARED.");
    if (o->file_kind != LIKEN_LABEL_SHARED)
        rc = lk_store_short("label", o->file, LK_LABEL_MAX, err);
    if (rc == LIKEN_OK && lk->legacy_table == NULL)
        rc = lk_store_short("image_id", o->image_id, LK_IMAGE_ID_MAX, err);
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_store_short("tag", o->tags[i], LK_TAG_MAX, err);
    return rc;
}

static int add(liken *lk, const void *bytes, size_t size, const liken_add_options *o, liken_image **out,
               liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    liken_image *image = NULL;
    struct photo p;
    int rc = lk_gallery_may_write(lk, err);
    if (rc == LIKEN_OK)
        rc = check_options(lk, o, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, o->collection, &c, err);
    if (rc == LIKEN_OK)
        rc = take_photo(&p, bytes, size, err);
    if (rc != LIKEN_OK)
        return rc;
    rc = find(lk, c, &p, &image, err);
    if (rc == LIKEN_OK)
        rc = lk_pictures_catch_up(lk, c, &image, p.bytes, p.size, err);
    if (rc == LIKEN_OK)
        rc = add_again(lk, c, o, &image, err);
    if (rc == LIKEN_E_NOT_FOUND) { /* also when it was removed between the two */
        liken_image_free(image);
        image = NULL;
        rc = add_to_model(lk, &c, &p, o, &image, err);
    }
    if (rc == LIKEN_OK)
        *out = image;
    else
        liken_image_free(image);
    return rc;
}

int liken_add(liken *lk, const liken_call *call, const void *bytes, size_t size, const liken_add_options *options,
              liken_image **out, liken_error *err) {
    liken_add_options o;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_sized_take(&o, sizeof o, options, "liken_add_options", err);
    if (rc == LIKEN_OK)
        rc = add(lk, bytes, size, &o, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- a file that is as it was ---- */

static bool same_mark(const liken_mark *a, const liken_mark *b) {
    return a->size > 0 && a->size == b->size && a->mtime == b->mtime && a->inode == b->inode;
}

static bool same_place(const liken_file *f, const liken_add_options *o) {
    return o->file_place == NULL || (f->place != NULL && strcmp(f->place, o->file_place) == 0);
}

static int add_unchanged(liken *lk, const liken_add_options *o, liken_image **out, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    liken_image *image = NULL;
    liken_file *file = NULL;
    liken_mark mark = {0};
    if (o->file == NULL || o->file_mark == NULL)
        return lk_fail(err, LIKEN_E_ARG, "A file is known again by its label and its mark; both are needed.");
    int rc = check_options(lk, o, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, o->collection, &c, err);
    if (rc == LIKEN_OK && lk->store->ops->names != NULL)
        rc = lk->store->ops->names->file_find(lk->store, c->id, NULL, o->file, &file, &mark, err);
    if (rc == LIKEN_OK && (file == NULL || !same_mark(&mark, o->file_mark) || !same_place(file, o)))
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The file is not known as it is now; read it.");
    if (rc == LIKEN_OK)
        rc = lk->store->ops->images->get(lk->store, c->id, file->image, &image, err);
    if (rc == LIKEN_OK && lk_pictures_lack(lk, c, image))
        rc = lk_fail(err, LIKEN_E_NOT_FOUND, "The collection keeps more of its photos now; read the file.");
    liken_file_free(file);
    if (rc == LIKEN_OK) {
        liken_add_options more = *o;
        image->existed = true;
        more.file = NULL; /* it has this one, and nothing need be written for it */
        rc = add_again(lk, c, &more, &image, err);
    }
    if (rc == LIKEN_OK)
        *out = image;
    else
        liken_image_free(image);
    return rc;
}

int liken_add_unchanged(liken *lk, const liken_call *call, const liken_add_options *options, liken_image **out,
                        liken_error *err) {
    liken_add_options o;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_sized_take(&o, sizeof o, options, "liken_add_options", err);
    if (rc == LIKEN_OK)
        rc = add_unchanged(lk, &o, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

int liken_find_bytes(liken *lk, const liken_call *call, const char *collection, const void *bytes, size_t size,
                     liken_image **out, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    struct photo p;
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_collection(lk, collection, &c, err);
    if (rc == LIKEN_OK)
        rc = take_photo(&p, bytes, size, err);
    if (rc == LIKEN_OK)
        rc = find(lk, c, &p, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
