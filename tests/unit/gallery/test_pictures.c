/* What is kept of photos that are added: as the collection says, and with the photo. */
#include "gallery/gallery_int.h"
#include "unit/gallery/opened.h"

#include <stdlib.h>
#include <string.h>

static void assert_kept(int64_t id, const char *thumbnail, const char *preview, const char *original) {
    const char *const want[] = {thumbnail, preview, original};
    for (int kind = LIKEN_KEEP_THUMBNAIL; kind <= LIKEN_KEEP_ORIGINAL; kind++) {
        liken_picture p = {0};
        const lk_store *s = lk->store;
        const int rc = s->ops->pictures->get(lk->store, 0, id, (liken_keep)kind, &p, &err);
        assert_int_equal(rc, want[kind - 1] == NULL ? LIKEN_E_NOT_FOUND : LIKEN_OK);
        if (rc == LIKEN_OK) {
            assert_int_equal(p.size, strlen(want[kind - 1]));
            assert_memory_equal(p.bytes, want[kind - 1], p.size);
        }
        free(p.bytes);
    }
}

static void keep(liken_keep what) {
    liken_collection *c = NULL;
    assert_ok(liken_collection_set_keep(lk, NULL, "default", what, &c, &err), err);
    assert_int_equal(c->keep, what);
    liken_collection_free(c);
}

static void a_photo_is_kept_as_its_collection_says(void **state) {
    (void)state;
    static const char one[] = "photo 2000 1000\nface 1 0.1 50", two[] = "photo 2000 1001", three[] = "photo 2000 1002";
    liken_image *image = add_to(lk, one, NULL);
    assert_int_equal(image->picture_count, 1);
    assert_null(image->pictures[0].bytes);
    assert_kept(image->id, "picture 400 400", NULL, NULL);
    keep(LIKEN_KEEP_NOTHING);
    assert_kept(image->id, NULL, NULL, NULL); /* erased at once */
    liken_image_free(image);
    image = add_to(lk, one, NULL);
    assert_true(image->existed);
    assert_int_equal(image->picture_count, 0);
    liken_image_free(image);
    keep(LIKEN_KEEP_ORIGINAL);
    image = add_to(lk, two, NULL);
    assert_kept(image->id, "picture 400 400", NULL, two);
    liken_image_free(image);
    keep(LIKEN_KEEP_PREVIEW);
    image = add_to(lk, three, NULL);
    assert_kept(image->id, "picture 400 400", "picture 1280 1002", NULL);
    liken_image_free(image);
    image = add_to(lk, one, NULL); /* what came before it was kept gets it now */
    assert_true(image->existed);
    assert_int_equal(image->picture_count, 2);
    assert_kept(image->id, "picture 400 400", "picture 1280 1000", NULL);
    liken_image_free(image);
    liken_collection *c = NULL;
    assert_int_equal(liken_collection_set_keep(lk, NULL, "default", (liken_keep)7, &c, &err), LIKEN_E_ARG);
    assert_int_equal(liken_collection_set_keep(lk, NULL, "none", LIKEN_KEEP_NOTHING, &c, &err), LIKEN_E_NOT_FOUND);
}

/* Of one that has some pictures those are made that it lacks; its file is asked for where it looks unchanged. */
static void what_is_kept_later_is_made_later(void **state) {
    (void)state;
    static const char one[] = "photo 2000 1000\nface 1 0.1 50";
    const liken_mark mark = {100, 200, 300};
    liken_add_options o = LIKEN_ADD_INIT;
    o.file = "a.jpg";
    o.file_kind = LIKEN_LABEL_FILE;
    o.file_mark = &mark;
    liken_image *image = add_to(lk, one, &o);
    liken_image_free(image);
    assert_ok(liken_add_unchanged(lk, NULL, &o, &image, &err), err);
    liken_image_free(image);
    static const struct {
        liken_keep keep;
        const char *preview, *original;
    } steps[] = {{LIKEN_KEEP_PREVIEW, "picture 1280 1000", NULL}, {LIKEN_KEEP_ORIGINAL, "picture 1280 1000", one}};
    for (size_t i = 0; i < LK_LENGTH(steps); i++) {
        keep(steps[i].keep);
        assert_int_equal(liken_add_unchanged(lk, NULL, &o, &image, &err), LIKEN_E_NOT_FOUND);
        image = add_to(lk, one, &o);
        assert_true(image->existed);
        assert_int_equal(image->picture_count, 2 + i);
        assert_int_equal(image->pictures[1 + i].width, i == 0 ? 1280 : 2000);
        assert_kept(image->id, "picture 400 400", steps[i].preview, steps[i].original);
        liken_image_free(image);
        assert_ok(liken_add_unchanged(lk, NULL, &o, &image, &err), err);
        liken_image_free(image);
    }
}

static void a_collection_is_made_keeping_what_it_should(void **state) {
    (void)state;
    liken_collection *c = NULL;
    assert_ok(liken_collection_create(lk, NULL, "whole", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, LIKEN_KEEP_ORIGINAL,
                                      &c, &err),
              err);
    assert_int_equal(c->keep, LIKEN_KEEP_ORIGINAL);
    liken_collection_free(c);
    assert_ok(liken_collection_get(lk, NULL, "whole", &c, &err), err);
    assert_int_equal(c->keep, LIKEN_KEEP_ORIGINAL);
    liken_collection_free(c);
    assert_int_equal(
        liken_collection_create(lk, NULL, "odd", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, (liken_keep)4, &c, &err),
        LIKEN_E_ARG);
    assert_int_equal(liken_collection_get(lk, NULL, "odd", &c, &err), LIKEN_E_NOT_FOUND);
}

static void what_was_cut_off_while_erasing_is_finished(void **state) {
    (void)state;
    keep(LIKEN_KEEP_ORIGINAL);
    liken_image *image = add_to(lk, "photo 2000 1000", NULL);
    liken_collection *c = NULL;
    assert_ok(liken_collection_get(lk, NULL, "default", &c, &err), err);
    assert_ok(lk->store->ops->pictures->keep(lk->store, c->id, LIKEN_KEEP_NOTHING, &err), err);
    liken_collection_free(c);
    assert_kept(image->id, "picture 400 400", NULL, "photo 2000 1000"); /* as if killed here */
    keep(LIKEN_KEEP_NOTHING);
    assert_kept(image->id, NULL, NULL, NULL);
    liken_image_free(image);
}

static void links_are_signed_with_a_secret_of_the_store(void **state) {
    (void)state;
    char first[65], again[65], other[65];
    assert_ok(liken_sign(lk, NULL, "a text", first, &err), err);
    assert_ok(liken_sign(lk, NULL, "a text", again, &err), err);
    assert_ok(liken_sign(lk, NULL, "a texT", other, &err), err);
    assert_int_equal(strlen(first), 64);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_photo_is_kept_as_its_collection_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_later_is_made_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_collection_is_made_keeping_what_it_should, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_cut_off_while_erasing_is_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_are_signed_with_a_secret_of_the_store, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
