/* A photo's bytes are hashed once, whatever becomes of them: they may be many. */
#include "unit/test.h"

#include "base/crypto.h"
#include "unit/gallery/fake_face.h"
#include "unit/store/sample.h"

#include <string.h>

static const char photo[] = "photo 64 48\nface 1 0.0 40";
static int hashed;

void __real_lk_sha256_hex(const void *bytes, size_t size, char out[LK_SHA256_HEX]);
void __wrap_lk_sha256_hex(const void *bytes, size_t size, char out[LK_SHA256_HEX]);
void __wrap_lk_sha256_hex(const void *bytes, size_t size, char out[LK_SHA256_HEX]) {
    hashed += bytes == photo && size == sizeof photo - 1;
    __real_lk_sha256_hex(bytes, size, out);
}

static int times(void) {
    const int n = hashed;
    hashed = 0;
    return n;
}

static void a_photo_is_hashed_once(void **state) {
    (void)state;
    struct sample_folder folder;
    liken *lk = NULL;
    liken_image *first = NULL, *again = NULL, *seen = NULL;
    liken_error err;
    sample_folder_make(&folder);
    const liken_options o = {.size = sizeof(liken_options), .data = folder.path, .models = "/nowhere"};
    const liken_add_options named = {.size = sizeof(liken_add_options), .image_id = "b"};
    assert_ok(liken_open(&lk, &o, NULL, &err), err);
    assert_ok(liken_add(lk, NULL, photo, sizeof photo - 1, NULL, &first, &err), err);
    assert_int_equal(times(), 1);
    assert_ok(liken_add(lk, NULL, photo, sizeof photo - 1, &named, &again, &err), err);
    assert_int_equal(times(), 1);
    assert_true(again->existed);
    assert_ok(liken_detect(lk, NULL, photo, sizeof photo - 1, NULL, &seen, &err), err);
    assert_int_equal(times(), 1);
    assert_string_equal(seen->sha256, first->sha256);
    assert_string_equal(again->sha256, first->sha256);
    liken_image_free(first);
    liken_image_free(again);
    liken_image_free(seen);
    liken_free(lk);
    sample_folder_remove(&folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_photo_is_hashed_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
