/* images.c - /v1/collections/{c}/images */
#include "api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_ID_MAX 512
#define LABEL_MAX 4096

/* The label: `url`, else for a raw body `file`: the photo's own; else the name that the photo's part came with, which
 * others may have too, and which may hold any bytes. */
static const char *label(lk_args *a, liken_label_kind *kind) {
    const char *url = lk_args_text(a, "url", LABEL_MAX);
    const lk_part *part = lk_request_part(a->request, "file");
    *kind = url != NULL || part == NULL ? LIKEN_LABEL_OWN : LIKEN_LABEL_SHARED;
    if (url != NULL)
        return url;
    if (part == NULL)
        return lk_args_text(a, "file", LABEL_MAX);
    if (part->filename == NULL || *part->filename == '\0')
        return NULL;
    LK_FREE char *name = liken_label_of_path(part->filename);
    return name == NULL ? NULL : lk_arena_string(&a->arena, name);
}

static void read_options(lk_args *a, liken_add_options *o) {
    o->collection = lk_request_param(a->request, "c");
    o->image_id = lk_args_text(a, "image_id", IMAGE_ID_MAX);
    o->file = label(a, &o->file_kind);
    o->tags = lk_args_list(a, "tags", LK_TAGS_MAX, LK_TAG_MAX, &o->tag_count);
    o->captured_at = lk_args_time(a, "captured_at", false);
    o->require_face = lk_args_switch(a, "require_face");
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
}

void lk_images_place(lk_request *r, const liken_image *image) {
    char place[192];
    (void)snprintf(place, sizeof place, "/v1/collections/%.64s/images/%lld", image->collection, (long long)image->id);
    lk_respond_header(r, "Location", place);
}

static void answer(lk_api *api, lk_request *r, const liken_image *image, lk_repeat *repeat) {
    const int status = image->existed ? 200 : 201;
    json_t *json = lk_json_image(image);
    LK_FREE char *line = json == NULL ? NULL : lk_json_line(json);
    json_decref(json);
    lk_repeats_end(api->repeats, repeat, image, status, line);
    lk_images_place(r, image);
    lk_answer_line(r, status, line);
}

static void add(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_add_options o = {0};
    const void *bytes = NULL;
    size_t size = 0;
    lk_repeat repeat = {0};
    lk_args_need_photo(a, "file", api->max_file, &bytes, &size);
    read_options(a, &o);
    if (lk_args_refused(a))
        return;
    fingerprint(&o, repeat.print);
    repeat.photo = bytes;
    repeat.photo_size = size;
    if (!lk_repeats_begin(api, r, o.collection, &repeat))
        return;
    liken_image *image = NULL;
    if (liken_add(api->lk, lk_api_call(r), bytes, size, &o, &image, &err) == LIKEN_OK) {
        answer(api, r, image, &repeat);
    } else {
        lk_repeats_end(api->repeats, &repeat, NULL, 0, NULL);
        lk_args_answer_photo(a, &(const char *){"file"}, 1, &err);
    }
    liken_image_free(image);
}

void lk_images_add(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r, "file url image_id tags captured_at require_face");
    add(r, ctx, &a);
    lk_args_close(&a);
}

static void list(lk_request *r, lk_api *api, lk_args *a) {
    liken_error err = {0};
    liken_image_list *page = NULL;
    const liken_list_options o = {.collection = lk_request_param(r, "c"),
                                  .image_id = lk_args_text(a, "image_id", IMAGE_ID_MAX),
                                  .file = lk_args_text(a, "file", LABEL_MAX),
                                  .captured_from = lk_args_time(a, "captured_from", false),
                                  .captured_to = lk_args_time(a, "captured_to", true),
                                  .after = lk_args_integer(a, "after", 0, INT64_MAX, 0),
                                  .limit = (int)lk_args_integer(a, "limit", 1, 1000, 100)};
    lk_args_order(a, "captured_from", o.captured_from, "captured_to", o.captured_to);
    if (lk_args_refused(a))
        return;
    if (liken_list(api->lk, lk_api_call(r), &o, &page, &err) != LIKEN_OK) {
        lk_answer_error(r, &err);
        return;
    }
    json_t *images = json_array();
    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(images, lk_json_image(page->images[i]));
    lk_answer_json(
        r, 200,
        json_pack("{s:o, s:o}", "images", images, "next", page->next > 0 ? json_integer(page->next) : json_null()));
    liken_image_list_free(page);
}

void lk_images_list(lk_request *r, void *ctx) {
    lk_args a;
    lk_args_open(&a, r, "image_id file captured_from captured_to after limit");
    list(r, ctx, &a);
    lk_args_close(&a);
}

static void get(lk_request *r, lk_api *api, int64_t id) {
    liken_error err = {0};
    liken_image *image = NULL;
    if (liken_image_get(api->lk, lk_api_call(r), lk_request_param(r, "c"), id, &image, &err) != LIKEN_OK)
        lk_answer_error(r, &err);
    else
        lk_answer_json(r, 200, lk_json_image(image));
    liken_image_free(image);
}

static void drop(lk_request *r, lk_api *api, int64_t id) {
    liken_error err = {0};
    if (liken_image_remove(api->lk, lk_api_call(r), lk_request_param(r, "c"), id, &err) != LIKEN_OK)
        lk_answer_error(r, &err);
    else
        lk_answer_empty(r);
}

void lk_images_get(lk_request *r, void *ctx) {
    lk_args_with_id(r, ctx, get);
}

void lk_images_remove(lk_request *r, void *ctx) {
    lk_args_with_id(r, ctx, drop);
}
