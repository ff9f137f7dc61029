/* Showing what is kept of photos: upright, sRGB, without metadata, no larger than asked and never enlarged.
 *
 * Of what is kept the smallest that has the pixels is taken, so that a wall of thumbnails costs one reading each: what
 * fits is given as it lies there. Where none has them the photo's own file is looked for (photo_file.c), then the
 * largest that is kept is taken. Everything else is decoded as an upload is, by the same decoders under the same
 * limits, and written anew, so nothing that came from outside is ever passed on. What is kept and cannot be decoded any
 * more (a limit was lowered) gives way to the next. */
#include "gallery/pictures.h"

#include "base/crypto.h"
#include "base/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROP_AROUND 1.6f /* side of the square, in sides of the face's box */

void liken_picture_free(liken_picture *p) {
    if (p == NULL)
        return;
    free(p->bytes);
    free(p);
}

static int check_size(int size, liken_error *err) {
    if (size >= 1 && size <= LK_SIDE_MAX)
        return LIKEN_OK;
    return lk_fail(err, LIKEN_E_ARG, "A picture has a size of 1 to %d pixels.", LK_SIDE_MAX);
}

static int longer(int width, int height) {
    return width > height ? width : height;
}

/* Takes picture->bytes. */
static int hand_out(const liken_picture *picture, liken_picture **out, liken_error *err) {
    liken_picture *p = malloc(sizeof *p);
    if (p == NULL) {
        free(picture->bytes);
        return lk_fail_memory(err);
    }
    *p = *picture;
    *out = p;
    return LIKEN_OK;
}

static int encode(const lk_image *image, liken_keep kind, liken_picture_type type, liken_picture **out,
                  liken_error *err) {
    const lk_image_type as = type == LIKEN_PICTURE_WEBP ? LK_IMAGE_WEBP : LK_IMAGE_JPEG;
    liken_picture p = {.kind = kind, .width = image->width, .height = image->height};
    const int rc = lk_image_encode(image, as, LK_IMAGE_QUALITY, &p.bytes, &p.size, err);
    (void)snprintf(p.type, sizeof p.type, "%s", lk_image_media(as));
    return rc == LIKEN_OK ? hand_out(&p, out, err) : rc;
}

/* Decoded so that its longer side is `want` pixels or some more, where it has them. */
static int decode(liken *lk, const void *bytes, size_t size, int want, lk_image *out, liken_error *err) {
    lk_photo *photo = NULL;
    int rc = lk_photo_open(&photo, bytes, size, &lk->limits, err);
    if (rc == LIKEN_OK)
        rc = lk_photo_decode(photo, want, out, NULL, err);
    lk_photo_free(photo);
    return rc;
}

/* ---- what it is made of ---- */

static int nothing_kept(const liken_image *image, liken_error *err) {
    return lk_fail(err, LIKEN_E_NOT_FOUND,
                   "No picture of photo %lld is kept: it was added when its collection \"%s\" kept none. Let the "
                   "collection keep thumbnails and add the same photo again; it then gets its picture.",
                   (long long)image->id, image->collection);
}

/* Of those that are kept, which are in the order of their sizes, the first that has as many pixels as are wanted, or
 * all that the photo has. */
static size_t first_enough(const liken_image *image, int want) {
    const int full = longer(image->width, image->height);
    size_t i = 0;
    while (i < image->picture_count && longer(image->pictures[i].width, image->pictures[i].height) < want &&
           longer(image->pictures[i].width, image->pictures[i].height) < full)
        i++;
    return i;
}

typedef int use_fn(liken *lk, const liken_image *image, liken_picture *p, void *ctx, liken_error *err);

/* A picture is wanted, and what makes it. */
struct wanted {
    const liken_image *image;
    use_fn *use;
    void *ctx;
};

static int use_kept(liken *lk, const struct wanted *w, const liken_picture *kept, liken_error *err) {
    liken_picture p = {0};
    int rc = lk->store->ops->pictures->get(lk->store, 0, w->image->id, kept->kind, &p, err);
    if (rc == LIKEN_OK)
        rc = w->use(lk, w->image, &p, w->ctx, err);
    if (rc != LIKEN_OK)
        lk_log(LIKEN_LOG_DEBUG, "The %s of photo %lld: %s", liken_keep_code(kept->kind), (long long)w->image->id,
               err == NULL ? "cannot be used" : err->message);
    free(p.bytes);
    return rc;
}

/* A file that cannot be used says nothing. */
static int use_file(liken *lk, const struct wanted *w) {
    liken_picture p = {0};
    liken_error why = {0};
    int rc = lk_photo_file(lk, w->image, &p, &why);
    if (rc == LIKEN_OK)
        rc = w->use(lk, w->image, &p, w->ctx, &why);
    if (rc != LIKEN_OK && why.code != LIKEN_OK)
        lk_log(LIKEN_LOG_DEBUG, "The file of photo %lld: %s", (long long)w->image->id, why.message);
    free(p.bytes);
    return rc;
}

/* Of the best there is. What cannot be used gives way to the next. */
static int use_best(liken *lk, const struct wanted *w, int want, liken_error *err) {
    const liken_picture *kept = w->image->pictures;
    const size_t count = w->image->picture_count, first = first_enough(w->image, want);
    int rc = nothing_kept(w->image, err);
    for (size_t i = first; rc != LIKEN_OK && rc != LIKEN_E_MEMORY && i < count; i++)
        rc = use_kept(lk, w, &kept[i], err);
    if (rc != LIKEN_OK && rc != LIKEN_E_MEMORY && use_file(lk, w) == LIKEN_OK)
        return LIKEN_OK;
    for (size_t i = first; rc != LIKEN_OK && rc != LIKEN_E_MEMORY && i > 0; i--)
        rc = use_kept(lk, w, &kept[i - 1], err);
    return rc;
}

/* ---- a photo ---- */

struct shown {
    int size;
    liken_picture_type type;
    const liken_box *box; /* of a crop */
    liken_picture **out;
};

static int show(liken *lk, const liken_image *image, liken_picture *p, void *ctx, liken_error *err) {
    const struct shown *s = ctx;
    lk_image whole = {0}, small = {0};
    (void)image;
    const bool is_ours = p->kind == LIKEN_KEEP_THUMBNAIL || p->kind == LIKEN_KEEP_PREVIEW;
    if (is_ours && s->type == LIKEN_PICTURE_JPEG && longer(p->width, p->height) <= s->size) {
        liken_picture as_it_is = *p;
        p->bytes = NULL;
        return hand_out(&as_it_is, s->out, err);
    }
    int rc = decode(lk, p->bytes, p->size, s->size, &whole, err);
    if (rc == LIKEN_OK)
        rc = lk_image_fit(&whole, s->size, &small, err);
    if (rc == LIKEN_OK)
        rc = encode(&small, p->kind, s->type, s->out, err);
    lk_image_clear(&small);
    lk_image_clear(&whole);
    return rc;
}

static int find_image(liken *lk, const char *collection, int64_t id, liken_image **out, liken_error *err) {
    LK_COLLECTION liken_collection *c = NULL;
    int rc = lk_gallery_collection(lk, collection, &c, err);
    if (rc == LIKEN_OK)
        rc = lk->store->ops->images->get(lk->store, c->id, id, out, err);
    if (rc == LIKEN_OK && lk->store->ops->pictures == NULL)
        rc =
            lk_fail(err, LIKEN_E_NOT_FOUND, "A legacy table keeps no pictures; liken import copies it into a gallery.");
    return rc;
}

static int picture(liken *lk, const char *collection, int64_t id, int size, liken_picture_type type,
                   liken_picture **out, liken_error *err) {
    struct shown s = {.size = size, .type = type, .out = out};
    liken_image *image = NULL;
    int rc = check_size(size, err);
    if (rc == LIKEN_OK)
        rc = find_image(lk, collection, id, &image, err);
    if (rc == LIKEN_OK)
        rc = use_best(lk, &(struct wanted){image, show, &s}, size, err);
    liken_image_free(image);
    return rc;
}

int liken_picture_get(liken *lk, const liken_call *call, const char *collection, int64_t image, int size,
                      liken_picture_type type, liken_picture **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = picture(lk, collection, image, size, type, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- a face ---- */

/* A square around the box, in pixels of the full photo, moved to lie inside it, and cut where it is larger. */
typedef struct area {
    double left, top, width, height;
} area;

static double within(double at, double length, double whole) {
    return at < 0 ? 0 : at + length > whole ? whole - length : at;
}

static area area_around(const liken_box *box, int width, int height) {
    const double side = (double)(CROP_AROUND * fmaxf(box->width, box->height));
    area a = {.width = fmin(fmax(side, 1), width), .height = fmin(fmax(side, 1), height)};
    a.left = within((double)box->x + (double)box->width / 2 - a.width / 2, a.width, width);
    a.top = within((double)box->y + (double)box->height / 2 - a.height / 2, a.height, height);
    return a;
}

static int at_least_1(double v) {
    return v < 1 ? 1 : (int)lround(v);
}

static int cut(const lk_image *whole, const area *a, double scale_x, double scale_y, int size, lk_image *out,
               liken_error *err) {
    const double across = a->width * scale_x, down = a->height * scale_y, most = fmax(across, down),
                 shrink = most > size ? size / most : 1;
    const int width = at_least_1(across * shrink), height = at_least_1(down * shrink);
    const double step_x = across / width, step_y = down / height;
    const double map[6] = {step_x, 0,      a->left * scale_x + step_x / 2 - 0.5,
                           0,      step_y, a->top * scale_y + step_y / 2 - 0.5};
    lk_image made = {.width = width, .height = height, .stride = (size_t)width * 3};
    made.rgb = malloc(made.stride * (size_t)height);
    if (made.rgb == NULL)
        return lk_fail_memory(err);
    lk_image_warp(whole, map, width, height, made.rgb);
    *out = made;
    return LIKEN_OK;
}

/* The longer side that the photo needs for the crop to have its size. */
static int side_for(const area *a, const liken_image *image, int size) {
    const double full = longer(image->width, image->height), side = size / fmax(a->width, a->height) * full;
    return side < full ? (int)ceil(side) : (int)full;
}

static int crop(liken *lk, const liken_image *image, liken_picture *p, void *ctx, liken_error *err) {
    const struct shown *s = ctx;
    const area a = area_around(s->box, image->width, image->height);
    lk_image whole = {0}, face = {0};
    int rc = decode(lk, p->bytes, p->size, side_for(&a, image, s->size), &whole, err);
    if (rc == LIKEN_OK)
        rc = cut(&whole, &a, (double)whole.width / image->width, (double)whole.height / image->height, s->size, &face,
                 err);
    if (rc == LIKEN_OK)
        rc = encode(&face, p->kind, s->type, s->out, err);
    lk_image_clear(&face);
    lk_image_clear(&whole);
    return rc;
}

static int face_crop(liken *lk, const char *collection, int64_t id, struct shown *s, liken_error *err) {
    liken_face *face = NULL;
    liken_image *image = NULL;
    int64_t owner = 0;
    int rc = check_size(s->size, err);
    if (rc == LIKEN_OK)
        rc = lk_gallery_face(lk, collection, id, &face, &owner, err);
    if (rc == LIKEN_OK)
        rc = find_image(lk, collection, owner, &image, err);
    if (rc == LIKEN_OK) {
        const area a = area_around(&face->box, image->width, image->height);
        s->box = &face->box;
        rc = use_best(lk, &(struct wanted){image, crop, s}, side_for(&a, image, s->size), err);
    }
    liken_face_free(face);
    liken_image_free(image);
    return rc;
}

int liken_crop_get(liken *lk, const liken_call *call, const char *collection, int64_t face, int size,
                   liken_picture_type type, liken_picture **out, liken_error *err) {
    struct shown s = {.size = size, .type = type, .out = out};
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = face_crop(lk, collection, face, &s, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- a photo that is not stored ---- */

static int preview(liken *lk, const void *bytes, size_t size, int side, liken_picture_type type, liken_picture **out,
                   liken_error *err) {
    lk_image whole = {0}, small = {0};
    int rc = check_size(side, err);
    if (rc == LIKEN_OK && bytes == NULL)
        rc = lk_fail(err, LIKEN_E_ARG, "No photo was given.");
    if (rc == LIKEN_OK)
        rc = decode(lk, bytes, size, side, &whole, err);
    if (rc == LIKEN_OK)
        rc = lk_image_fit(&whole, side, &small, err);
    if (rc == LIKEN_OK)
        rc = encode(&small, LIKEN_KEEP_NOTHING, type, out, err);
    lk_image_clear(&small);
    lk_image_clear(&whole);
    return rc;
}

int liken_preview(liken *lk, const liken_call *call, const void *bytes, size_t size, int side, liken_picture_type type,
                  liken_picture **out, liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = preview(lk, bytes, size, side, type, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}

/* ---- links ---- */

/* Asks the store once. */
static int load_secret(liken *lk, liken_error *err) {
    pthread_mutex_lock(&lk->secret_lock);
    const int rc = lk->secret_known ? LIKEN_OK : lk->store->ops->pictures->secret(lk->store, lk->secret, err);
    lk->secret_known = rc == LIKEN_OK;
    pthread_mutex_unlock(&lk->secret_lock);
    return rc;
}

static int sign(liken *lk, const char *text, char out[65], liken_error *err) {
    int rc = lk_gallery_needs_store(lk, err);
    if (rc == LIKEN_OK && lk->store->ops->pictures == NULL)
        rc = lk_fail(err, LIKEN_E_UNSUPPORTED, "A legacy table keeps no pictures, and has nothing to link to.");
    if (rc == LIKEN_OK)
        rc = load_secret(lk, err);
    if (rc == LIKEN_OK)
        lk_hmac_sha256_hex(lk->secret, sizeof lk->secret, text, strlen(text), out); /* it changes no more */
    return rc;
}

int liken_sign(liken *lk, const liken_call *call, const char *text, char out[65], liken_error *err) {
    lk_call k;
    int rc = lk_gallery_enter(lk, &k, call, err);
    if (rc == LIKEN_OK)
        rc = sign(lk, text, out, err);
    lk_gallery_leave(lk, &k);
    return rc;
}
