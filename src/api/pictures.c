/* pictures.c - what is kept of photos, shown: /v1/collections/{c}/images/{id}/picture, .../faces/{id}/crop,
 * /v1/preview, and the links for pages.
 *
 * A page's <img> sends no key. So whoever has one asks for links, which are good for minutes: an address with the time
 * up to which it counts and a signature of everything in it (collection, photo or face, size, time) by a secret of the
 * store. It opens this one picture in this one size, at every server of the store, and nothing else; what is erased is
 * gone for links as well.
 *
 * A picture is in memory until its client has it. All together they have a ceiling; beyond it clients are asked to come
 * again. */
#include "api/api_int.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- which kind of file ---- */

/* The weight, in thousandths, that the header Accept gives a media type by this very range; -1: it does not name it.
 * Other parameters than q make another range of it, which no client asks for pictures with. */
static int weight_of(const char *accept, const char *range) {
    const size_t size = strlen(range);
    for (const char *at = accept; *at != '\0'; at += strcspn(at, ","), at += *at == ',') {
        at += strspn(at, " \t");
        const size_t name = strcspn(at, ";, \t");
        if (name != size || strncasecmp(at, range, size) != 0)
            continue;
        return lk_http_weight(at + name);
    }
    return -1;
}

/* JPEG, which is what is kept, unless WebP is named and liked better. */
static liken_picture_type type_for(const lk_request *r) {
    const char *accept = lk_request_header(r, "Accept");
    if (accept == NULL)
        return LIKEN_PICTURE_JPEG;
    int jpeg = weight_of(accept, "image/jpeg");
    jpeg = jpeg >= 0 ? jpeg : weight_of(accept, "image/*");
    jpeg = jpeg >= 0 ? jpeg : weight_of(accept, "*/*");
    return weight_of(accept, "image/webp") > (jpeg < 0 ? 0 : jpeg) ? LIKEN_PICTURE_WEBP : LIKEN_PICTURE_JPEG;
}

/* ---- the answer ---- */

typedef struct held {
    lk_api *api;
    liken_picture *picture;
} held;

static void release(void *owner) {
    held *h = owner;
    (void)atomic_fetch_sub(&h->api->pictures_held, h->picture->size);
    liken_picture_free(h->picture);
    free(h);
}

/* Takes the picture, unless there is no room for it: NULL, answered. One alone always has room. */
static held *hold(lk_ask *q, liken_picture *p) {
    liken_error err = {0};
    held *h = malloc(sizeof *h);
    if (h == NULL) {
        (void)lk_fail_memory(&err);
        liken_picture_free(p);
        lk_answer_error(q->request, &err);
        return NULL;
    }
    *h = (held){q->api, p};
    const size_t others = atomic_fetch_add(&q->api->pictures_held, p->size);
    if (others == 0 || others + p->size <= LK_PICTURES_HELD)
        return h;
    release(h);
    lk_respond_header(q->request, "Retry-After", "5");
    lk_answer_problem(q->request, 503, "busy",
                      "Too many pictures are on their way to clients that take them slowly. Try again soon.", NULL, -1);
    return NULL;
}

/* Takes the picture. */
static void answer(lk_ask *q, liken_picture *p) {
    char etag[LK_SHA256_HEX];
    held *h = hold(q, p);
    if (h == NULL)
        return;
    lk_sha256_hex(p->bytes, p->size, etag);
    etag[32] = '\0';
    lk_respond_file(q->request, &(lk_file){.type = p->type,
                                           .plain = {p->bytes, p->size},
                                           .etag = etag,
                                           .personal = true,
                                           .release = release,
                                           .owner = h});
}

/* ---- pictures ---- */

typedef int get_fn(liken *lk, const liken_call *call, const char *collection, int64_t id, int size,
                   liken_picture_type type, liken_picture **out, liken_error *err);

/* Pages of other sites may show what they have a link to, and nothing else: not what an open server would give them. */
static void show(lk_ask *q, bool linked, get_fn *get) {
    liken_error err = {0};
    liken_picture *p = NULL;
    const int size = (int)lk_args_whole(&q->args, "size");
    lk_respond_header(q->request, "Vary", "Accept");
    if (!linked || lk_api_open(q->api))
        lk_respond_header(q->request, "Cross-Origin-Resource-Policy", "same-origin");
    if (get(q->api->lk, &q->call, q->collection, q->id, size, type_for(q->request), &p, &err) == LIKEN_OK)
        answer(q, p);
    else
        lk_answer_error(q->request, &err);
}

void lk_pictures_image(lk_ask *q) {
    show(q, false, liken_picture_get);
}

void lk_pictures_face(lk_ask *q) {
    show(q, false, liken_crop_get);
}

void lk_pictures_preview(lk_ask *q) {
    liken_error err = {0};
    liken_picture *p = NULL;
    const liken_photo *photo = lk_args_photo(&q->args, "file");
    const int side = (int)lk_args_whole(&q->args, "size");
    if (liken_preview(q->api->lk, &q->call, photo->bytes, photo->size, side, type_for(q->request), &p, &err) !=
        LIKEN_OK)
        lk_args_answer_photo(&q->args, &(const char *){"file"}, 1, &err);
    else
        answer(q, p);
}

/* ---- links ---- */

/* All that a link says, signed. `what`: "images" or "faces". */
static int sign(lk_ask *q, const char *what, int64_t id, int64_t size, int64_t expires, char out[65],
                liken_error *err) {
    char text[256]; /* a collection's name has at most 64 letters, none of them a space */
    (void)snprintf(text, sizeof text, "picture 1 %.64s %s %lld %lld %lld", q->collection, what, (long long)id,
                   (long long)size, (long long)expires);
    return liken_sign(q->api->lk, &q->call, text, out, err);
}

static void refuse_link(lk_ask *q) {
    lk_answer_problem(q->request, 403, "bad_link",
                      "This link is not one that this server gave: it was altered or cut. Ask for a new one.", NULL,
                      -1);
}

static bool looks_whole(const char *signature) {
    return signature != NULL && strlen(signature) == 64;
}

/* What is plainly no link, or an old one, takes no place from anybody. */
lk_lane lk_pictures_lane(const lk_request *r) {
    const char *expires = lk_request_query(r, "expires");
    const bool good = looks_whole(lk_request_query(r, "signature")) && expires != NULL &&
                      strtoll(expires, NULL, 10) >= lk_clock_now();
    return good ? LK_LANE_PHOTO : LK_LANE_AT_ONCE;
}

static void show_linked(lk_ask *q, const char *what, get_fn *get) {
    liken_error err = {0};
    char right[65];
    const char *given = lk_args_text(&q->args, "signature");
    const int64_t expires = lk_args_whole(&q->args, "expires"), size = lk_args_whole(&q->args, "size");
    if (!looks_whole(given) || size == 0)
        refuse_link(q);
    else if (expires < lk_clock_now())
        lk_answer_problem(q->request, 403, "link_expired", "This link is too old. Ask for a new one.", NULL, -1);
    else if (sign(q, what, q->id, size, expires, right, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else if (!lk_equal_secret(given, right, 64))
        refuse_link(q);
    else
        show(q, true, get);
}

void lk_pictures_linked_image(lk_ask *q) {
    show_linked(q, "images", liken_picture_get);
}

void lk_pictures_linked_face(lk_ask *q) {
    show_linked(q, "faces", liken_crop_get);
}

/* NULL: there is no signing, and it is answered. */
static json_t *links_of(lk_ask *q, const char *what, int64_t expires) {
    size_t count = 0;
    const int64_t *ids = lk_args_wholes(&q->args, what, &count), size = lk_args_whole(&q->args, "size");
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char signature[65], path[400], url[800];
        liken_error err = {0};
        if (sign(q, what, ids[i], size, expires, signature, &err) != LIKEN_OK) {
            lk_answer_error(q->request, &err);
            json_decref(list);
            return NULL;
        }
        (void)snprintf(path, sizeof path, "/v1/linked/%.64s/%s/%lld?size=%lld&expires=%lld&signature=%s", q->collection,
                       what, (long long)ids[i], (long long)size, (long long)expires, signature);
        lk_public_address(q->api, path, url, sizeof url);
        json_array_append_new(list, json_pack("{s:I, s:s}", "id", (json_int_t)ids[i], "url", url));
    }
    return list;
}

void lk_pictures_link(lk_ask *q) {
    liken_error err = {0};
    liken_collection *c = NULL;
    if (!lk_args_has(&q->args, "images") && !lk_args_has(&q->args, "faces")) {
        lk_args_fail(&q->args, LIKEN_E_ARG, "images", "Say of which images or faces, by their ids, links are wanted.");
        (void)lk_args_refused(&q->args);
        return;
    }
    if (liken_collection_get(q->api->lk, &q->call, q->collection, &c, &err) != LIKEN_OK) {
        lk_answer_error(q->request, &err);
        return;
    }
    liken_collection_free(c);
    const int64_t expires = lk_clock_now() + 60 * lk_args_whole(&q->args, "minutes");
    json_t *images = links_of(q, "images", expires), *faces = images == NULL ? NULL : links_of(q, "faces", expires);
    if (faces == NULL) {
        json_decref(images);
        return;
    }
    lk_answer_json(q->request, 200,
                   json_pack("{s:o, s:o, s:o}", "expires_at", lk_json_time(expires), "images", images, "faces", faces));
}
