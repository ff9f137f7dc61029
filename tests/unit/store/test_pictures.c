/* What is kept of photos: it comes with the photo and goes with it, whatever the store. */
#include "kinds.h"
#include "sample.h"
#include "unit/test.h"

#include "store/codec.h"

#include <stdlib.h>
#include <string.h>

/* Bytes that follow from the photo's seed and the kind; `size` of them. */
static liken_picture sample_picture(unsigned seed, liken_keep kind, size_t size) {
    liken_picture p = {.kind = kind, .type = "image/jpeg", .width = 10 * (int)kind, .height = 7, .size = size};
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(seed * 31 + (unsigned)kind * 7 + i * i);
    p.bytes = bytes;
    return p;
}

static liken_image *with_pictures(unsigned seed, liken_keep most, size_t size) {
    liken_image *image = sample_image(seed, 2);
    for (liken_keep kind = LIKEN_KEEP_THUMBNAIL; kind <= most; kind++) {
        const liken_picture p = sample_picture(seed, kind, size);
        assert_ok(lk_image_picture(image, &p, &err), err);
    }
    return image;
}

static int64_t add_with(int64_t collection, unsigned seed, liken_keep most, size_t size) {
    liken_image *image = with_pictures(seed, most, size), *existing = NULL;
    assert_ok(store->ops->images->add(store, collection, image, false, &existing, &err), err);
    assert_null(existing);
    const int64_t id = image->id;
    liken_image_free(image);
    return id;
}

/* The photo has the kinds up to `most`, each as it was given, and no others. */
static void expect_pictures(int64_t collection, int64_t id, unsigned seed, liken_keep most, size_t size) {
    liken_image *image = NULL;
    assert_ok(store->ops->images->get(store, collection, id, &image, &err), err);
    assert_int_equal(image->picture_count, (size_t)most);
    for (size_t i = 0; i < image->picture_count; i++) {
        assert_int_equal(image->pictures[i].kind, i + 1);
        assert_int_equal(image->pictures[i].size, size);
        assert_null(image->pictures[i].bytes);
    }
    liken_image_free(image);
    for (liken_keep kind = LIKEN_KEEP_THUMBNAIL; kind <= LIKEN_KEEP_ORIGINAL; kind++) {
        liken_picture want = sample_picture(seed, kind, size), have = {0};
        const int rc = store->ops->pictures->get(store, collection, id, kind, &have, &err);
        assert_int_equal(rc, kind <= most ? LIKEN_OK : LIKEN_E_NOT_FOUND);
        if (kind <= most) {
            assert_int_equal(have.size, size);
            assert_memory_equal(have.bytes, want.bytes, size);
            assert_string_equal(have.type, "image/jpeg");
            assert_int_equal(have.width, 10 * (int)kind);
            assert_int_equal(have.height, 7);
        }
        free(have.bytes);
        free(want.bytes);
    }
}

static int64_t make_keeping(const char *name, liken_keep keep) {
    const int64_t id = make_collection(name);
    assert_ok(store->ops->pictures->keep(store, id, keep, &err), err);
    return id;
}

static void keeps_what_the_collection_says(void **state) {
    (void)state;
    for (liken_keep keep = LIKEN_KEEP_NOTHING; keep <= LIKEN_KEEP_ORIGINAL; keep++) {
        const int64_t c = make_keeping(liken_keep_code(keep), keep);
        liken_collection *read = NULL;
        assert_ok(store->ops->collections->get(store, liken_keep_code(keep), &read, &err), err);
        assert_int_equal(read->keep, keep);
        liken_collection_free(read);
        const int64_t id = add_with(c, 10 + keep, LIKEN_KEEP_ORIGINAL, 3000);
        expect_pictures(c, id, 10 + keep, keep, 3000);
        reopen();
        expect_pictures(c, id, 10 + keep, keep, 3000);
        expect_pictures(0, id, 10 + keep, keep, 3000);
        liken_picture none = {0};
        assert_int_equal(store->ops->pictures->get(store, c + 1000, id, LIKEN_KEEP_THUMBNAIL, &none, &err),
                         LIKEN_E_NOT_FOUND);
    }
    expect_healthy();
}

static void keeps_large_ones(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_ORIGINAL);
    const int64_t id = add_with(c, 1, LIKEN_KEEP_ORIGINAL, (size_t)9 << 20);
    expect_pictures(c, id, 1, LIKEN_KEEP_ORIGINAL, (size_t)9 << 20);
}

/* Nothing is left of a photo, whichever way it went. */
static void goes_with_the_photo(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_ORIGINAL), other = make_keeping("b", LIKEN_KEEP_ORIGINAL);
    const int64_t first = add_with(c, 1, LIKEN_KEEP_ORIGINAL, 500), second = add_with(c, 2, LIKEN_KEEP_ORIGINAL, 500);
    const int64_t third = add_with(other, 3, LIKEN_KEEP_ORIGINAL, 500);
    assert_ok(store->ops->images->remove(store, c, first, &err), err);
    liken_picture p = {0};
    assert_int_equal(store->ops->pictures->get(store, 0, first, LIKEN_KEEP_ORIGINAL, &p, &err), LIKEN_E_NOT_FOUND);
    expect_pictures(c, second, 2, LIKEN_KEEP_ORIGINAL, 500);
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    assert_int_equal(store->ops->pictures->get(store, 0, second, LIKEN_KEEP_THUMBNAIL, &p, &err), LIKEN_E_NOT_FOUND);
    for (bool more = true; more;)
        assert_ok(store->ops->erasing->step(store, &more, &err), err);
    expect_pictures(other, third, 3, LIKEN_KEEP_ORIGINAL, 500);
    expect_counts(1, 1, 2);
    expect_healthy();
}

/* A collection that is emptied keeps as much as before. */
static void an_emptied_collection_keeps_the_same(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_PREVIEW);
    liken_collection *read = NULL;
    assert_ok(store->ops->collections->remove(store, c, true, &err), err);
    assert_ok(store->ops->collections->get(store, "a", &read, &err), err);
    assert_int_not_equal(read->id, c);
    assert_int_equal(read->keep, LIKEN_KEEP_PREVIEW);
    liken_collection_free(read);
}

static void erases_what_is_kept_no_longer(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_ORIGINAL), other = make_keeping("b", LIKEN_KEEP_ORIGINAL);
    int64_t ids[70];
    for (size_t i = 0; i < LK_LENGTH(ids); i++)
        ids[i] = add_with(c, 100 + (unsigned)i, LIKEN_KEEP_ORIGINAL, 20);
    const int64_t apart = add_with(other, 1, LIKEN_KEEP_ORIGINAL, 20);
    assert_ok(store->ops->pictures->keep(store, c, LIKEN_KEEP_THUMBNAIL, &err), err);
    int steps = 0;
    for (bool more = true; more; steps++)
        assert_ok(store->ops->pictures->trim(store, c, &more, &err), err);
    assert_true(steps > 1); /* a part at a time */
    for (size_t i = 0; i < LK_LENGTH(ids); i++)
        expect_pictures(c, ids[i], 100 + (unsigned)i, LIKEN_KEEP_THUMBNAIL, 20);
    expect_pictures(other, apart, 1, LIKEN_KEEP_ORIGINAL, 20);
    assert_int_equal(store->ops->pictures->keep(store, c + 1000, LIKEN_KEEP_NOTHING, &err), LIKEN_E_NOT_FOUND);
}

/* What goes in one transaction is a matter of bytes as well. */
static void erases_large_ones_few_at_a_time(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_ORIGINAL);
    for (unsigned seed = 1; seed <= 4; seed++)
        add_with(c, seed, LIKEN_KEEP_ORIGINAL, 600000);
    assert_ok(store->ops->pictures->keep(store, c, LIKEN_KEEP_PREVIEW, &err), err);
    int steps = 0;
    for (bool more = true; more; steps++)
        assert_ok(store->ops->pictures->trim(store, c, &more, &err), err);
    assert_true(steps > 1);
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    for (bool more = true; more;)
        assert_ok(store->ops->erasing->step(store, &more, &err), err);
    int64_t left = -1;
    assert_ok(store->ops->erasing->left(store, &left, &err), err);
    assert_int_equal(left, 0);
}

/* A photo of before gets what it lacks, and no more than its collection keeps. */
static void gives_pictures_to_a_photo_that_has_none(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_PREVIEW), id = add(c, 1, 2);
    liken_image *image = with_pictures(1, LIKEN_KEEP_ORIGINAL, 300);
    assert_ok(store->ops->pictures->put(store, id, image->pictures, image->picture_count, &err), err);
    expect_pictures(c, id, 1, LIKEN_KEEP_PREVIEW, 300);
    memset(image->pictures[0].bytes, 0, 300); /* what is there stays as it is */
    assert_ok(store->ops->pictures->put(store, id, image->pictures, image->picture_count, &err), err);
    expect_pictures(c, id, 1, LIKEN_KEEP_PREVIEW, 300);
    assert_int_equal(store->ops->pictures->put(store, id + 1000, image->pictures, 1, &err), LIKEN_E_NOT_FOUND);
    liken_image_free(image);
}

static void refuses_what_is_no_picture(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_ORIGINAL);
    liken_image *image = with_pictures(1, LIKEN_KEEP_ORIGINAL, 10), *existing = NULL;
    image->pictures[1].width = 0;
    assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_INTERNAL);
    image->pictures[1].width = 1;
    image->pictures[2].size = LK_STORE_PICTURE_MAX + 1; /* refused before a byte of it is read */
    assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_TOO_LARGE);
    expect_counts(1, 0, 0);
    liken_image_free(image);
}

/* Everything that reads images tells of them; of a copy the next store has them all. */
static void a_page_tells_of_them_and_a_copy_takes_them(void **state) {
    (void)state;
    const int64_t c = make_keeping("a", LIKEN_KEEP_ORIGINAL);
    const int64_t id = add_with(c, 1, LIKEN_KEEP_ORIGINAL, 40);
    liken_image_list *page = NULL;
    const liken_list_options all = {.limit = 10};
    assert_ok(store->ops->images->list(store, c, &all, &page, &err), err);
    assert_int_equal(page->count, 1);
    assert_int_equal(page->images[0]->picture_count, 3);
    liken_image_list_free(page);
    assert_ok(store->ops->copy->page(store, 0, 10, &page, &err), err);
    assert_int_equal(page->images[0]->picture_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_ok(store->ops->pictures->get(store, 0, id, page->images[0]->pictures[i].kind,
                                            &page->images[0]->pictures[i], &err),
                  err);
    assert_ok(store->ops->images->remove(store, c, id, &err), err);
    assert_ok(store->ops->pictures->keep(store, c, LIKEN_KEEP_NOTHING, &err), err); /* a copy is what was there */
    assert_ok(store->ops->copy->put(store, &c, page->images, 1, &err), err);
    expect_pictures(c, id, 1, LIKEN_KEEP_ORIGINAL, 40);
    liken_image_list_free(page);
}

static void has_one_secret_for_all_who_open_it(void **state) {
    (void)state;
    static const uint8_t nothing[32];
    uint8_t first[32] = {0}, second[32] = {0};
    lk_store *other = NULL;
    assert_ok(store->ops->pictures->secret(store, first, &err), err);
    assert_memory_not_equal(first, nothing, sizeof first);
    assert_ok(kinds_open(&other, true, &err), err);
    assert_ok(other->ops->pictures->secret(other, second, &err), err);
    assert_memory_equal(first, second, sizeof first);
    other->ops->close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        KIND_TEST(keeps_what_the_collection_says),
        KIND_TEST(keeps_large_ones),
        KIND_TEST(goes_with_the_photo),
        KIND_TEST(an_emptied_collection_keeps_the_same),
        KIND_TEST(erases_what_is_kept_no_longer),
        KIND_TEST(erases_large_ones_few_at_a_time),
        KIND_TEST(gives_pictures_to_a_photo_that_has_none),
        KIND_TEST(refuses_what_is_no_picture),
        KIND_TEST(a_page_tells_of_them_and_a_copy_takes_them),
        KIND_TEST(has_one_secret_for_all_who_open_it),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
