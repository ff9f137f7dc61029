/* photos.c - the photos of a request: parts of a form, base64 in JSON (which http/ has made parts), or the whole body.
 * They are not copied. */
#include "wire/args_int.h"

#include <string.h>

static const void *photo_bytes(const lk_args *a, const char *name, bool part_only, size_t *size) {
    const lk_part *part = lk_request_part(a->request, name);
    *size = part != NULL ? part->size : 0;
    if (part != NULL || part_only || lk_args_are_json(a->request) || lk_args_are_form(a->request))
        return part != NULL ? part->data : NULL;
    return lk_request_body(a->request, size);
}

/* Why there is none where one is needed. */
static void fail_without_photo(lk_args *a, const char *name) {
    size_t came = 0;
    (void)lk_request_start(a->request, &came);
    lk_args_fault(a, LIKEN_E_ARG, name, -1,
                  "There is no photo: %s. Send it as the part \"%s\" of a multipart form, as the body "
                  "with its Content-Type, or in base64 as \"%s\" of a JSON object.",
                  came == 0                      ? "the body is empty"
                  : lk_args_are_json(a->request) ? "the JSON body has no such member"
                                                 : "the form has no such part",
                  name, name);
}

const liken_photo *lk_args_read_photo(lk_args *a, const lk_param *p, size_t max) {
    const char *name = p->name;
    size_t n = 0;
    const void *data = photo_bytes(a, name, p->part, &n);
    const bool part = lk_request_part(a->request, name) != NULL;
    if (part && lk_args_count(a, name) > 1)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s is given more than once; send one photo.", name);
    if (lk_args_member(a, name) != NULL)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s must be a string: the bytes of the photo in base64.", name);
    if (part && n == 0)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s is empty: a photo of no bytes came.", name);
    if (data == NULL || n == 0) {
        if (p->needed)
            fail_without_photo(a, name);
        return NULL;
    }
    if (n > max)
        lk_args_fault(a, LIKEN_E_TOO_LARGE, name, (double)max, "The photo has %zu bytes, more than the limit of %zu.",
                      n, max);
    liken_photo *photo = lk_arena_alloc(&a->arena, sizeof *photo);
    if (photo == NULL)
        lk_args_fault(a, LIKEN_E_MEMORY, NULL, -1, "The server is out of memory; try again.");
    else
        *photo = (liken_photo){.bytes = data, .size = n};
    return photo;
}

static void check_photo(lk_args *a, const char *name, const lk_part *part, size_t number, size_t max) {
    if (part->size == 0)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "Photo %zu of %s is empty: a photo of no bytes came.", number, name);
    if (part->size > max)
        lk_args_fault(a, LIKEN_E_TOO_LARGE, name, (double)max,
                      "Photo %zu of %s has %zu bytes, more than the limit of %zu.", number, name, part->size, max);
}

const liken_photo *lk_args_read_photos(lk_args *a, const lk_param *p, size_t max, size_t *count) {
    const char *name = p->name;
    const bool others = lk_args_are_json(a->request) || lk_request_part(a->request, name) == NULL ||
                        lk_request_query(a->request, name) != NULL;
    *count = 0;
    if (!lk_args_has(a, name))
        return NULL;
    liken_photo *photos = lk_arena_alloc(&a->arena, p->count * sizeof *photos);
    if (photos == NULL)
        lk_args_fault(a, LIKEN_E_MEMORY, NULL, -1, "The server is out of memory; try again.");
    for (size_t i = 0; photos != NULL && i < lk_request_part_count(a->request); i++) {
        const lk_part *part = lk_request_part_at(a->request, i);
        if (strcmp(part->name, name) != 0)
            continue;
        if (*count == p->count) {
            lk_args_fault(a, LIKEN_E_TOO_LARGE, name, (double)p->count, "%s holds more than the limit of %zu photos.",
                          name, p->count);
            return NULL;
        }
        check_photo(a, name, part, *count + 1, max);
        photos[(*count)++] = (liken_photo){.bytes = part->data, .size = part->size};
    }
    if (others)
        lk_args_fault(a, LIKEN_E_ARG, name, -1, "%s are photos, each a part of that name in a multipart form.", name);
    return photos;
}

const void *lk_args_photo_bytes(const lk_args *a, const char *name, size_t *size) {
    return photo_bytes(a, name, lk_args_find(a, name, LK_KIND_PHOTO)->part, size);
}
