/* images.c - /v1/collections/{c}/images */
#include "api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The label: `url`, else for a raw body `file`: the photo's own; else the name that the photo's part came with, which
 * others may have too, and which may hold any bytes. */
static const char *label(lk_args *a, liken_label_kind *kind) {
    const char *url = lk_args_text(a, "url");
    const lk_part *part = lk_request_part(a->request, "file");
    *kind = url != NULL || part == NULL ? LIKEN_LABEL_OWN : LIKEN_LABEL_SHARED;
    if (url != NULL)
        return url;
    if (part == NULL)
        return lk_args_label(a, "file");
    if (part->filename == NULL || *part->filename == '\0')
        return NULL;
    LK_FREE char *name = liken_label_of_path(part->filename);
    return name == NULL ? NULL : lk_arena_string(&a->arena, name);
}

static void read_options(lk_ask *q, liken_add_options *o) {
    lk_args *a = &q->args;
    o->collection = q->collection;
    o->image_id = lk_args_text(a, "image_id");
    o->file = label(a, &o->file_kind);
    o->tags = lk_args_texts(a, "tags", &o->tag_count);
    o->captured_at = lk_args_time(a, "captured_at");
    o->require_face = lk_args_switch(a, "require_face");
    o->min_face = lk_ask_min_face(q);
}

static void mix(char print[LK_SHA256_HEX], const void *bytes, size_t size) {
    char both[2 * LK_SHA256_HEX];
    memcpy(both, print, LK_SHA256_HEX);
    lk_sha256_hex(bytes, size, both + LK_SHA256_HEX);
    lk_sha256_hex(both, sizeof both, print);
}

/* What was asked for beside the photo, as one hash. */
static void fingerprint(const liken_add_options *o, char print[LK_SHA256_HEX]) {
    const char *texts[] = {o->image_id != NULL ? o->image_id : "", o->file != NULL ? o->file : "",
                           o->require_face ? "1" : "0"};
    memset(print, 0, LK_SHA256_HEX);
    for (size_t i = 0; i < LK_LENGTH(texts); i++)
        mix(print, texts[i], strlen(texts[i]));
    for (size_t i = 0; i < o->tag_count; i++)
        mix(print, o->tags[i], strlen(o->tags[i]));
    mix(print, &o->captured_at, sizeof o->captured_at);
    mix(print, &o->min_face, sizeof o->min_face);
}

void lk_images_place(lk_request *r, const liken_image *image) {
    char place[192];
    (void)snprintf(place, sizeof place, "/v1/collections/%.64s/images/%lld", image->collection, (long long)image->id);
    lk_respond_header(r, "Location", place);
}

static void answer(const lk_ask *q, const liken_image *image, lk_repeat *repeat) {
    const int status = image->existed ? 200 : 201;
    json_t *json = lk_json_image(image);
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    lk_repeats_end(q->api->repeats, repeat, image, status, line);
    lk_images_place(q->request, image);
    lk_answer_line(q->request, status, line);
}

void lk_images_add(lk_ask *q) {
    liken_error err = {0};
    liken_add_options o = LIKEN_ADD_INIT;
    const liken_photo *photo = lk_args_photo(&q->args, "file");
    lk_repeat repeat = {.photo = photo->bytes, .photo_size = photo->size};
    read_options(q, &o);
    fingerprint(&o, repeat.print);
    if (!lk_repeats_begin(q, &repeat))
        return;
    liken_image *image = NULL;
    if (liken_add(q->api->lk, &q->call, photo->bytes, photo->size, &o, &image, &err) == LIKEN_OK) {
        answer(q, image, &repeat);
    } else {
        lk_repeats_end(q->api->repeats, &repeat, NULL, 0, NULL);
        lk_args_answer_photo(&q->args, &(const char *){"file"}, 1, &err);
    }
    liken_image_free(image);
}

void lk_images_list(lk_ask *q) {
    const lk_args *a = &q->args;
    liken_error err = {0};
    liken_image_list *page = NULL;
    const liken_list_options o = {.size = sizeof(liken_list_options),
                                  .collection = q->collection,
                                  .image_id = lk_args_text(a, "image_id"),
                                  .file = lk_args_text(a, "file"),
                                  .captured_from = lk_args_time(a, "captured_from"),
                                  .captured_to = lk_args_time(a, "captured_to"),
                                  .after = lk_args_whole(a, "after"),
                                  .limit = (int)lk_args_whole(a, "limit")};
    if (liken_list(q->api->lk, &q->call, &o, &page, &err) != LIKEN_OK) {
        lk_answer_error(q->request, &err);
        return;
    }
    json_t *images = json_array();
    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(images, lk_json_image(page->images[i]));
    lk_answer_json(
        q->request, 200,
        json_pack("{s:o, s:o}", "images", images, "next", page->next > 0 ? json_integer(page->next) : json_null()));
    liken_image_list_free(page);
}

void lk_images_get(lk_ask *q) {
    liken_error err = {0};
    liken_image *image = NULL;
    if (liken_image_get(q->api->lk, &q->call, q->collection, q->id, &image, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else
        lk_answer_json(q->request, 200, lk_json_image(image));
    liken_image_free(image);
}

void lk_images_remove(lk_ask *q) {
    liken_error err = {0};
    if (liken_image_remove(q->api->lk, &q->call, q->collection, q->id, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else
        lk_answer_empty(q->request);
}
