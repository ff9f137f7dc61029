/* Bodies that come apart into parts: the input as a multipart form with the boundary XX, as one with the boundary x, as
 * an urlencoded form and as JSON. Fed in pieces of any sizes it must become what it becomes whole: the same parts with
 * the same data, or the same fault. */
#include "http/http_int.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CEILING 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where to split: any sizes will do, the same for the same input. */
static size_t next_piece(uint64_t *state, size_t left) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    const size_t few = (size_t)(*state >> 60), many = (size_t)(*state >> 33) % 997;
    const size_t n = few == 0 ? many : few;
    return n < left ? n : left;
}

/* All of it from memory of its own size, so that a look beyond a piece is seen. */
static int feed(lk_form *f, const uint8_t *data, size_t size, liken_error *err) {
    char *piece = malloc(size + 1);
    if (piece == NULL)
        abort();
    char *own = size > 0 ? memcpy(piece + 1, data, size) : piece; /* ends where the memory does */
    const int rc = lk_form_feed(f, own, size, err);
    free(piece);
    return rc;
}

static void check_parts(const lk_form *f) {
    size_t texts = 0;
    if (lk_form_count(f) > LK_FORM_PARTS)
        abort();
    for (size_t i = 0; i < lk_form_count(f); i++) {
        const lk_part *p = lk_form_at(f, i);
        const bool file = strcmp(p->name, "file") == 0 || strcmp(p->name, "a") == 0 || strcmp(p->name, "b") == 0;
        texts += file ? 0 : p->size;
        if (strlen(p->name) > LK_FORM_NAME_MAX || p->size > CEILING * 2 || ((const char *)p->data)[p->size] != '\0')
            abort();
    }
    if (texts > 2 * LK_FORM_TEXT_MAX) /* Latin-1 becomes longer */
        abort();
}

/* NULL after a fault, which *err tells. */
static lk_form *read_form(const char *type, const uint8_t *data, size_t size, bool whole, liken_error *err) {
    lk_form *f = NULL;
    uint64_t state = size;
    if (lk_form_start(&f, type, "file a b", CEILING, 1024, err) != LIKEN_OK)
        abort();
    int rc = LIKEN_OK;
    for (size_t i = 0; i < size && i < 64; i++)
        state = state * 31 + data[i];
    for (size_t at = 0, n; rc == LIKEN_OK && at < size; at += n) {
        n = whole ? size : next_piece(&state, size - at);
        rc = feed(f, data + at, n, err);
    }
    if (rc == LIKEN_OK)
        rc = lk_form_finish(f, err);
    if (rc == LIKEN_OK) {
        check_parts(f);
        return f;
    }
    if (rc != err->code || err->message[0] == '\0')
        abort();
    lk_form_free(f);
    return NULL;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_bytes(const void *a, size_t size, const void *b, size_t other) {
    return size == other && (size == 0 || memcmp(a, b, size) == 0);
}

static bool same_forms(const lk_form *a, const lk_form *b) {
    size_t left = 0, right = 0;
    const char *one = lk_form_json(a, &left), *two = lk_form_json(b, &right);
    bool same = lk_form_count(a) == lk_form_count(b) && same_bytes(one, left, two, right);
    for (size_t i = 0; same && i < lk_form_count(a); i++) {
        const lk_part *p = lk_form_at(a, i), *q = lk_form_at(b, i);
        same = same_text(p->name, q->name) && same_text(p->filename, q->filename) && same_text(p->type, q->type) &&
               same_bytes(p->data, p->size, q->data, q->size);
    }
    return same;
}

static void compare(const char *type, const uint8_t *data, size_t size) {
    liken_error one = {0}, two = {0};
    lk_form *whole = read_form(type, data, size, true, &one), *split = read_form(type, data, size, false, &two);
    const bool same = whole != NULL && split != NULL ? same_forms(whole, split)
                                                     : whole == split && strcmp(one.message, two.message) == 0;
    if (!same) {
        (void)fprintf(stderr, "%s: in pieces it is something else (%s) (%s)\n", type, one.message, two.message);
        abort();
    }
    lk_form_free(whole);
    lk_form_free(split);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    compare("multipart/form-data; boundary=XX", data, size);
    compare("multipart/form-data; Boundary=\"x\"", data, size);
    compare("application/x-www-form-urlencoded", data, size);
    compare("application/json", data, size);
    return 0;
}
