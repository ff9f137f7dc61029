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
    lk_public_location(r, place);
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

/* A filter that is given as false asks for the others. */
static liken_wanted wanted(const lk_args *a, const char *name) {
    if (!lk_args_has(a, name))
        return LIKEN_EITHER;
    return lk_args_switch(a, name) ? LIKEN_ONLY_WITH : LIKEN_ONLY_WITHOUT;
}

static void read_filters(const lk_ask *q, liken_list_options *o) {
    const lk_args *a = &q->args;
    o->collection = q->collection;
    o->image_id = lk_args_text(a, "image_id");
    o->file = lk_args_text(a, "file");
    o->captured_from = lk_args_time(a, "captured_from");
    o->captured_to = lk_args_time(a, "captured_to");
    o->tags = lk_args_texts(a, "tags", &o->tag_count);
    o->file_prefix = lk_args_text(a, "file_prefix");
    o->faces = wanted(a, "has_face");
    o->refused = wanted(a, "has_refused");
    o->newest = lk_args_word(a, "order") == 1;
    o->after = lk_args_whole(a, "after");
    o->limit = (int)lk_args_whole(a, "limit");
}

void lk_images_list(lk_ask *q) {
    liken_error err = {0};
    liken_image_list *page = NULL;
    liken_list_options o = LIKEN_LIST_INIT;
    read_filters(q, &o);
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

/* ---- one image, and the revision of it that a client has seen ---- */

static void tell_revision(lk_request *r, const liken_image *image) {
    char tag[32];
    (void)snprintf(tag, sizeof tag, "\"%lld\"", (long long)image->revision);
    if (image->revision > 0)
        lk_respond_header(r, "ETag", tag);
}

/* Takes the image. */
static void answer_image(lk_ask *q, liken_image *image) {
    tell_revision(q->request, image);
    lk_answer_json(q->request, 200, lk_json_image(image));
    liken_image_free(image);
}

/* Takes the image. A key that may change and not read is not shown what else is said of it. */
static void answer_change(lk_ask *q, liken_image *image) {
    if (q->key == NULL || lk_key_allows(q->key, LK_SCOPE_READ, q->collection)) {
        answer_image(q, image);
        return;
    }
    tell_revision(q->request, image);
    lk_answer_empty(q->request);
    liken_image_free(image);
}

void lk_images_get(lk_ask *q) {
    liken_error err = {0};
    liken_image *image = NULL;
    if (liken_image_get(q->api->lk, &q->call, q->collection, q->id, &image, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else
        answer_image(q, image);
}

/* The revision that If-Match names, 0 where it names none; false, and answered, when it is no ETag of an image. */
static bool read_if_match(lk_ask *q, int64_t *revision) {
    const char *match = lk_request_header(q->request, "If-Match");
    char *end = NULL;
    *revision = 0;
    if (match == NULL || strcmp(match, "*") == 0)
        return true;
    if (match[0] == '"' && match[1] >= '1' && match[1] <= '9')
        *revision = strtoll(match + 1, &end, 10);
    if (end != NULL && strcmp(end, "\"") == 0 && *revision < INT64_MAX)
        return true;
    lk_answer_problem(q->request, 400, "bad_request",
                      "If-Match takes one ETag as an image's answer had it, like \"3\", or *.", NULL, -1);
    return false;
}

/* Given with a value, or taken away by a null. */
static unsigned said(const lk_args *a, const char *name, liken_change_bits bit) {
    return lk_args_has(a, name) || lk_args_null(a, name) ? (unsigned)bit : 0U;
}

static void read_changes(lk_ask *q, liken_image_changes *c) {
    lk_args *a = &q->args;
    c->what = said(a, "tags", LIKEN_CHANGE_TAGS) | said(a, "captured_at", LIKEN_CHANGE_CAPTURED_AT) |
              said(a, "source", LIKEN_CHANGE_SOURCE) | said(a, "metadata", LIKEN_CHANGE_METADATA);
    c->tags = lk_args_texts(a, "tags", &c->tag_count);
    c->captured_at = lk_args_time(a, "captured_at");
    c->source = lk_args_text(a, "source");
    c->metadata = lk_args_object(a, "metadata");
    if (c->source != NULL && *c->source == '\0')
        c->source = NULL;
    if (c->what == 0)
        lk_args_fail(a, LIKEN_E_ARG, "tags",
                     "What can be changed is tags, captured_at, source and metadata; null takes one away.");
}

void lk_images_change(lk_ask *q) {
    liken_error err = {0};
    liken_image *image = NULL;
    liken_image_changes changes = LIKEN_CHANGES_INIT;
    read_changes(q, &changes);
    if (lk_args_refused(&q->args) || !read_if_match(q, &changes.revision))
        return;
    if (liken_image_change(q->api->lk, &q->call, q->collection, q->id, &changes, &image, &err) == LIKEN_OK)
        answer_change(q, image);
    else if (err.code == LIKEN_E_CONFLICT)
        lk_answer_error_as(q->request, 412, &err, NULL);
    else
        lk_answer_error(q->request, &err);
}

void lk_images_remove(lk_ask *q) {
    liken_error err = {0};
    if (liken_image_remove(q->api->lk, &q->call, q->collection, q->id, &err) != LIKEN_OK)
        lk_answer_error(q->request, &err);
    else
        lk_answer_empty(q->request);
}
