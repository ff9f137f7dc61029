/* What may go into a store, and how numbers lie in it: text is valid UTF-8 with a ceiling, floats are little-endian. */
#include "store/codec.h"

#include "base/text.h"
#include "store/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int lk_store_text(const char *what, const char *text, size_t most, liken_error *err) {
    if (text == NULL)
        return LIKEN_OK;
    const size_t length = strnlen(text, most + 1);
    if (length > most)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "The %s is longer than %zu bytes; shorten it.", what, most);
    const size_t good = lk_utf8_span(text, length);
    return good == length
               ? LIKEN_OK
               : lk_fail(err, LIKEN_E_ARG, "The %s is not valid UTF-8 (byte %zu); send it as UTF-8.", what, good + 1);
}

int lk_store_short(const char *what, const char *text, size_t most, liken_error *err) {
    if (text == NULL)
        return LIKEN_OK;
    const bool fits = strnlen(text, 4 * most + 1) <= 4 * most; /* or it is longer for sure */
    const int rc = fits ? lk_store_text(what, text, 4 * most, err) : LIKEN_OK;
    if (rc != LIKEN_OK || (fits && lk_utf8_count(text) <= most))
        return rc;
    return lk_fail(err, LIKEN_E_TOO_LARGE, "The %s is longer than the limit of %zu characters.", what, most);
}

void lk_floats_encode(const float *values, size_t count, unsigned char *bytes) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        for (size_t b = 0; b < 4; b++)
            bytes[4 * i + b] = (unsigned char)(bits >> (8 * b) & 0xff);
    }
}

void lk_floats_decode(const void *bytes, size_t count, float *values) {
    const unsigned char *from = bytes;
    for (size_t i = 0; i < count; i++, from += 4) {
        const uint32_t bits =
            (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
        memcpy(values + i, &bits, sizeof bits);
    }
}

bool lk_floats_sane(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!(fabsf(values[i]) <= 1e15f))
            return false;
    }
    return true;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool lk_sha256_parse(const char *hex, unsigned char out[32]) {
    unsigned char bytes[32];
    for (size_t i = 0; i < 32; i++) {
        const int high = hex_digit(hex[2 * i]);
        const int low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    if (hex[64] != '\0')
        return false;
    memcpy(out, bytes, sizeof bytes);
    return true;
}

/* ---- rows of faces ---- */

void lk_face_to_row(const liken_face *f, lk_face_row *out) {
    const liken_quality *q = &f->quality;
    const float numbers[LK_FACE_NUMBERS] = {f->box.x,      f->box.y, f->box.width, f->box.height,
                                            f->confidence, q->size,  q->sharpness, q->brightness,
                                            q->yaw,        q->pitch, q->roll,      q->score};
    float points[10];
    for (size_t i = 0; i < 5; i++) {
        points[2 * i] = f->landmarks[i].x;
        points[2 * i + 1] = f->landmarks[i].y;
    }
    memcpy(out->numbers, numbers, sizeof numbers);
    lk_floats_encode(points, 10, out->landmarks);
}

void lk_face_from_row(const lk_face_row *row, liken_face *f) {
    const float *n = row->numbers;
    float points[10];
    f->box = (liken_box){n[0], n[1], n[2], n[3]};
    f->confidence = n[4];
    f->quality = (liken_quality){
        .size = n[5], .sharpness = n[6], .brightness = n[7], .yaw = n[8], .pitch = n[9], .roll = n[10], .score = n[11]};
    lk_floats_decode(row->landmarks, 10, points);
    for (size_t i = 0; i < 5; i++)
        f->landmarks[i] = (liken_point){points[2 * i], points[2 * i + 1]};
}

/* ---- what may be stored at all ---- */

int lk_store_check_names(const liken_image *image, liken_error *err) {
    int rc = LIKEN_OK;
    liken_label label;
    const char *image_id;
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_id_names(image, i, &image_id); i++)
        rc = lk_store_text("image_id", image_id, LK_LABEL_BYTES, err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_names(image, i, &label); i++)
        rc = lk_store_text("file label", label.file, LK_LABEL_BYTES, err);
    for (size_t i = 0; rc == LIKEN_OK && i < lk_image_names(image, i, &label); i++)
        rc = lk_store_text("place of a file", label.place, LK_LABEL_BYTES, err);
    if (rc == LIKEN_OK && image->tag_count > LK_TAGS_MAX)
        rc = lk_store_too_many_tags(image->tag_count, err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->tag_count; i++)
        rc = lk_store_short("tag", image->tags[i], LK_TAG_MAX, err);
    return rc;
}

int lk_store_check_changes(const liken_image_changes *changes, liken_error *err) {
    const liken_image as = {.tags = (char **)(uintptr_t)changes->tags, .tag_count = changes->tag_count};
    int rc = lk_store_check_names(&as, err);
    if (rc == LIKEN_OK)
        rc = lk_store_short("source", changes->source, LK_SOURCE_MAX, err);
    return rc == LIKEN_OK ? lk_store_text("metadata", changes->metadata, LK_METADATA_MAX, err) : rc;
}

static bool same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_tags(const liken_image *image, const liken_image_changes *to) {
    bool same = image->tag_count == to->tag_count;
    for (size_t i = 0; same && i < to->tag_count; i++)
        same = strcmp(image->tags[i], to->tags[i]) == 0;
    return same;
}

int lk_store_changes(const liken_image *image, const liken_image_changes *to, unsigned *what, liken_error *err) {
    if (to->revision != 0 && to->revision != image->revision)
        return lk_fail(err, LIKEN_E_CONFLICT,
                       "Image %lld was changed meanwhile: it is of revision %lld now, not %lld. Read it again, then "
                       "change it.",
                       (long long)image->id, (long long)image->revision, (long long)to->revision);
    const unsigned same = (same_tags(image, to) ? LIKEN_CHANGE_TAGS : 0U) |
                          (image->captured_at == to->captured_at ? LIKEN_CHANGE_CAPTURED_AT : 0U) |
                          (same_text(image->source, to->source) ? LIKEN_CHANGE_SOURCE : 0U) |
                          (same_text(image->metadata, to->metadata) ? LIKEN_CHANGE_METADATA : 0U);
    *what = to->what & ~same;
    return LIKEN_OK;
}

int lk_store_check_asked(const char *file, const char *image_id, liken_error *err) {
    const int rc = lk_store_text("image_id", image_id, LK_LABEL_BYTES, err);
    return rc == LIKEN_OK ? lk_store_text("file label", file, LK_LABEL_BYTES, err) : rc;
}

static bool is_sane_face(const liken_face *f) {
    lk_face_row row;
    lk_face_to_row(f, &row);
    bool sane = lk_floats_sane(row.numbers, LK_FACE_NUMBERS);
    for (size_t i = 0; i < LK_LENGTH(f->landmarks); i++)
        sane = sane && lk_floats_sane((const float[]){f->landmarks[i].x, f->landmarks[i].y}, 2);
    return sane;
}

static int check_faces(const liken_image *image, liken_error *err) {
    bool good = true;
    for (size_t i = 0; i < image->face_count; i++) {
        const liken_face *f = &image->faces[i];
        good = good && is_sane_face(f) && f->descriptor != NULL && f->dimension > 0 &&
               f->dimension <= LK_DIMENSION_MAX && lk_floats_sane(f->descriptor, (size_t)f->dimension);
    }
    for (size_t i = 0; i < image->refused_count; i++)
        good = good && is_sane_face(&image->refused[i]);
    if (!good)
        return lk_fail(err, LIKEN_E_INTERNAL,
                       "A face without a usable descriptor or box came to the store; nothing was "
                       "stored. Please report it.");
    return LIKEN_OK;
}

int lk_store_check_picture(const liken_picture *p, liken_error *err) {
    if (p->size > LK_STORE_PICTURE_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE,
                       "The photo has %.0f MB, and a store keeps originals up to %.0f MB; let the collection keep "
                       "\"preview\".",
                       (double)p->size / 1e6, (double)LK_STORE_PICTURE_MAX / 1e6);
    if (p->kind < LIKEN_KEEP_THUMBNAIL || p->kind > LIKEN_KEEP_ORIGINAL || p->bytes == NULL || p->size == 0 ||
        p->width < 1 || p->height < 1 || memchr(p->type, '\0', sizeof p->type) == NULL)
        return lk_fail(err, LIKEN_E_INTERNAL, "A picture without pixels came to the store. Please report it.");
    return LIKEN_OK;
}

int lk_store_check_image(const liken_image *image, unsigned char sha256[32], liken_error *err) {
    if (!lk_sha256_parse(image->sha256, sha256))
        return lk_fail(err, LIKEN_E_INTERNAL, "A photo came to the store without its sha256. Please report it.");
    int rc = lk_store_check_names(image, err);
    for (size_t i = 0; rc == LIKEN_OK && i < image->picture_count; i++)
        rc = lk_store_check_picture(&image->pictures[i], err);
    return rc == LIKEN_OK ? check_faces(image, err) : rc;
}

int lk_store_too_many_names(const char *what, liken_error *err) {
    return lk_fail(err, LIKEN_E_TOO_LARGE, "The photo has %d %s already, which is the most that one may have.",
                   LK_STORE_NAMES_MAX, what);
}

int lk_store_too_many_tags(size_t count, liken_error *err) {
    return lk_fail(err, LIKEN_E_TOO_LARGE, "A photo may carry at most %d tags, not %zu.", LK_TAGS_MAX, count);
}

liken_file_list *lk_store_files(void) {
    liken_file_list *list = calloc(1, sizeof *list);
    if (list != NULL)
        list->files = calloc(1000, sizeof *list->files);
    if (list == NULL || list->files == NULL) {
        free(list);
        return NULL;
    }
    return list;
}

int lk_store_check_search(const liken_search_options *o, liken_error *err) {
    int rc = LIKEN_OK;
    if (o != NULL && o->tag_count > LK_TAGS_MAX)
        return lk_fail(err, LIKEN_E_TOO_LARGE, "A search may name at most %d tags, not %zu.", LK_TAGS_MAX,
                       o->tag_count);
    for (size_t i = 0; o != NULL && rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_store_short("tag", o->tags[i], LK_TAG_MAX, err);
    return rc;
}

int lk_store_page_size(int limit, int *size, liken_error *err) {
    if (limit < 0 || limit > LK_PAGE_MAX)
        return lk_fail(err, LIKEN_E_ARG, "A page holds 1 to %d images, not %d.", LK_PAGE_MAX, limit);
    *size = limit == 0 ? LK_DEFAULT_PAGE : limit;
    return LIKEN_OK;
}

liken_image_list *lk_store_page(size_t limit) {
    liken_image_list *page = calloc(1, sizeof *page);
    if (page != NULL)
        page->images = calloc(limit, sizeof(*page->images));
    if (page == NULL || page->images == NULL) {
        free(page);
        return NULL;
    }
    return page;
}

int lk_store_list_begin(const liken_list_options *o, int *limit, liken_image_list **out, liken_error *err) {
    int rc = lk_store_page_size(o->limit, limit, err);
    if (rc == LIKEN_OK)
        rc = lk_store_check_asked(o->file, o->image_id, err);
    if (rc == LIKEN_OK)
        rc = lk_store_text("beginning of a label", o->file_prefix, LK_LABEL_BYTES, err);
    if (rc == LIKEN_OK && o->tag_count > LK_TAGS_MAX)
        rc = lk_fail(err, LIKEN_E_TOO_LARGE, "A list may name at most %d tags, not %zu.", LK_TAGS_MAX, o->tag_count);
    for (size_t i = 0; rc == LIKEN_OK && i < o->tag_count; i++)
        rc = lk_store_short("tag", o->tags[i], LK_TAG_MAX, err);
    if (rc != LIKEN_OK)
        return rc;
    *out = lk_store_page((size_t)*limit);
    return *out == NULL ? lk_fail_memory(err) : LIKEN_OK;
}

int lk_store_no_face(int64_t id, const char *in, liken_error *err) {
    if (in == NULL)
        return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld.", (long long)id);
    return lk_fail(err, LIKEN_E_NOT_FOUND, "There is no face %lld in the collection \"%.64s\".", (long long)id, in);
}
