/* opened.h - a gallery in a folder of its own for each test, over the stand-in for photos and faces. */
#ifndef LK_TESTS_UNIT_GALLERY_OPENED_H
#define LK_TESTS_UNIT_GALLERY_OPENED_H

#include "unit/test.h"

#include "unit/gallery/fake_face.h"
#include "unit/store/sample.h"

#include <string.h>

static struct sample_folder folder;
static liken *lk;
static liken_error err;

static inline liken *open_with(liken_options o) {
    liken *handle = NULL;
    o.data = folder.path;
    o.models = "/nowhere";
    assert_ok(liken_open(&handle, &o, NULL, &err), err);
    return handle;
}

static inline int set_up(void **state) {
    (void)state;
    fake_version = "1.0";
    fake_faceapi = true;
    sample_folder_make(&folder);
    lk = open_with((liken_options){.size = sizeof(liken_options), .threads = 3});
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    liken_free(lk);
    lk = NULL;
    sample_folder_remove(&folder);
    return 0;
}

static inline liken_image *add_to(liken *handle, const char *photo, const liken_add_options *o) {
    liken_image *image = NULL;
    assert_ok(liken_add(handle, NULL, photo, strlen(photo), o, &image, &err), err);
    return image;
}

/* Adds to "default"; gives the first face's id. */
static inline int64_t add(const char *photo) {
    liken_image *image = add_to(lk, photo, NULL);
    const int64_t face = image->face_count == 0 ? 0 : image->faces[0].id;
    liken_image_free(image);
    return face;
}

static inline liken_result *search(liken *handle, const char *photo, const liken_search_options *o) {
    liken_result *r = NULL;
    assert_ok(liken_search_photo(handle, NULL, photo, strlen(photo), o, &r, &err), err);
    return r;
}

static inline int search_fails(const char *photo, liken_search_options o) {
    liken_result *r = NULL;
    const int rc = liken_search_photo(lk, NULL, photo, strlen(photo), &o, &r, &err);
    assert_null(r);
    return rc;
}

/* How many matches a search of one face has. */
static inline size_t found(liken *handle, const char *photo) {
    liken_result *r = search(handle, photo, NULL);
    assert_int_equal(r->answer_count, 1);
    const size_t count = r->answers[0].match_count;
    liken_result_free(r);
    return count;
}

#endif
