/* What is said of photos later, and lists by what they have: one table of tests over lk_store, for every kind of store
 * (kinds.h). */
#include "unit/test.h"

#include "base/limits.h"
#include "store/store.h"
#include "unit/store/kinds.h"
#include "unit/store/sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAGS(...)                                                                                                      \
    .tags = (const char *const[]){__VA_ARGS__},                                                                        \
    .tag_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

static int change(int64_t collection, int64_t id, liken_image_changes c, liken_image **out) {
    return store->ops->images->change(store, collection, id, &c, out, &err);
}

static int64_t changes_told(int64_t collection) {
    liken_event_list *list = NULL;
    int64_t told = 0;
    assert_ok(store->ops->events->after(store, collection, "a", 0, 1000, &list, &err), err);
    for (size_t i = 0; i < list->count; i++)
        told += list->events[i].kind == LIKEN_IMAGE_CHANGED;
    liken_event_list_free(list);
    return told;
}

static void what_is_said_of_a_photo_changes(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), id = add(c, 1, 2);
    liken_image *image = NULL, *before = NULL;
    assert_ok(store->ops->images->get(store, c, id, &before, &err), err);
    assert_true(before->revision == 1 && before->source == NULL && before->metadata == NULL);
    const liken_image_changes all = {.what = LIKEN_CHANGE_TAGS | LIKEN_CHANGE_CAPTURED_AT | LIKEN_CHANGE_SOURCE |
                                             LIKEN_CHANGE_METADATA,
                                     TAGS("b", "z"),
                                     .captured_at = -5,
                                     .source = "a \xc3\xa9",
                                     .metadata = "{\"a\":1}",
                                     .revision = 1};
    assert_ok(change(c, id, all, &image), err);
    assert_true(image->revision == 2 && image->tag_count == 2 && image->captured_at == -5);
    assert_string_equal(image->tags[1], "z");
    assert_string_equal(image->source, "a \xc3\xa9");
    assert_string_equal(image->metadata, "{\"a\":1}");
    assert_true(image->face_count == 2 && image->label_count == before->label_count);
    liken_image_free(image);
    assert_int_equal(changes_told(c), 1);

    assert_int_equal(change(c, id, all, &image), LIKEN_E_CONFLICT); /* somebody else's page is old */
    assert_ok(
        change(0, id,
               (liken_image_changes){
                   .what = all.what, TAGS("b", "z"), .captured_at = -5, .source = all.source, .metadata = all.metadata},
               &image),
        err);
    assert_int_equal(image->revision, 2); /* nothing was new */
    liken_image_free(image);
    assert_int_equal(changes_told(c), 1);

    assert_ok(
        change(c, id, (liken_image_changes){.what = LIKEN_CHANGE_SOURCE, TAGS("never"), .metadata = "{}"}, &image),
        err);
    assert_true(image->source == NULL && image->metadata != NULL && image->tag_count == 2 && image->revision == 3);
    liken_image_free(image);
    assert_ok(change(c, id,
                     (liken_image_changes){.what = LIKEN_CHANGE_TAGS | LIKEN_CHANGE_CAPTURED_AT,
                                           .captured_at = LIKEN_NO_TIME},
                     &image),
              err);
    assert_true(image->tag_count == 0 && image->captured_at == LIKEN_NO_TIME && image->metadata != NULL);
    liken_image_free(image);
    reopen();
    assert_ok(store->ops->images->get(store, c, id, &image, &err), err);
    assert_true(image->revision == 4 && image->tag_count == 0 && image->source == NULL);
    assert_string_equal(image->metadata, "{\"a\":1}");
    liken_image_free(image);
    liken_image_free(before);
    expect_healthy();
}

static void what_cannot_be_said_changes_nothing(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), other = make_collection("b"), id = add(c, 1, 1);
    liken_image *image = NULL;
    char *longest = calloc(1, LK_SOURCE_MAX + 2);
    const char *many[LK_TAGS_MAX + 1];
    assert_non_null(longest);
    memset(longest, 'x', LK_SOURCE_MAX + 1);
    for (size_t i = 0; i <= LK_TAGS_MAX; i++)
        many[i] = "t";
    const liken_image_changes source = {.what = LIKEN_CHANGE_SOURCE, .source = "s"};
    assert_int_equal(change(other, id, source, &image), LIKEN_E_NOT_FOUND);
    assert_int_equal(change(c, id + 1, source, &image), LIKEN_E_NOT_FOUND);
    assert_int_equal(change(0, id + 1, source, &image), LIKEN_E_NOT_FOUND);
    assert_int_equal(change(c, id, (liken_image_changes){.what = LIKEN_CHANGE_SOURCE, .source = longest}, &image),
                     LIKEN_E_TOO_LARGE);
    assert_int_equal(change(c, id, (liken_image_changes){.what = LIKEN_CHANGE_SOURCE, .source = "\xff"}, &image),
                     LIKEN_E_ARG);
    assert_int_equal(
        change(c, id, (liken_image_changes){.what = LIKEN_CHANGE_TAGS, .tags = many, .tag_count = LK_TAGS_MAX + 1},
               &image),
        LIKEN_E_TOO_LARGE);
    longest[LK_SOURCE_MAX] = '\0';
    assert_int_equal(changes_told(c), 0);
    assert_ok(change(c, id, (liken_image_changes){.what = LIKEN_CHANGE_SOURCE, .source = longest}, &image), err);
    liken_image_free(image);
    free(longest);
}

static void every_change_is_another_revision(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 2), *with = sample_image(1, 2), *out = NULL;
    bool gone = false;
    assert_ok(store->ops->images->add(store, c, image, false, &out, &err), err);
    assert_true(out == NULL && image->revision == 1);
    assert_true(lk_image_id(with, "another"));
    assert_ok(store->ops->images->add(store, c, with, false, &out, &err), err);
    assert_int_equal(out->revision, 2);
    liken_image_free(out);
    assert_ok(store->ops->faces->remove(store, NULL, image->faces[0].id, &err), err);
    assert_ok(store->ops->names->remove(store, c, image->id, NULL, "another", &gone, &err), err);
    assert_false(gone);
    assert_ok(store->ops->images->get(store, c, image->id, &out, &err), err);
    assert_int_equal(out->revision, 4);
    liken_image_free(out);
    liken_image_free(image);
    liken_image_free(with);
}

/* ---- lists ---- */

#define PHOTOS 30

/* Photo i: a tag "all", "even", "five"; labels x/..., y%/...; without a face, or one that was refused, now and then. */
static void add_photo(int64_t collection, unsigned i) {
    const size_t faces = i % 3;
    liken_image *image = sample_image(100 + i, faces), *existing = NULL;
    char label[32];
    lk_image_forget_labels(image);
    (void)snprintf(label, sizeof label, "%s/%u.jpg", i % 4 == 0 ? "y%\xf4\x8f\xbf\xbf" : "x", i);
    assert_true(lk_image_label(image, label, LIKEN_LABEL_OWN, NULL, NULL));
    for (size_t k = 0; k < image->tag_count; k++)
        free(image->tags[k]);
    free(image->tags);
    image->tags = calloc(3, sizeof(char *));
    image->tag_count = 0;
    assert_non_null(image->tags);
    image->tags[image->tag_count++] = strdup("all");
    if (i % 2 == 0)
        image->tags[image->tag_count++] = strdup("even");
    if (i % 5 == 0)
        image->tags[image->tag_count++] = strdup("five");
    if (i % 7 < 4)
        image->refused_count = 0;
    assert_ok(store->ops->images->add(store, collection, image, false, &existing, &err), err);
    assert_null(existing);
    liken_image_free(image);
}

static bool has_tag(const liken_image *image, const char *tag) {
    for (size_t i = 0; i < image->tag_count; i++)
        if (strcmp(image->tags[i], tag) == 0)
            return true;
    return false;
}

static bool fits(const liken_image *image, const liken_list_options *o) {
    bool good = o->file_prefix == NULL || strncmp(image->file, o->file_prefix, strlen(o->file_prefix)) == 0;
    for (size_t i = 0; i < o->tag_count; i++)
        good = good && has_tag(image, o->tags[i]);
    good = good && (o->faces == LIKEN_EITHER || (o->faces == LIKEN_ONLY_WITH) == (image->face_count > 0));
    return good && (o->refused == LIKEN_EITHER || (o->refused == LIKEN_ONLY_WITH) == (image->refused_count > 0));
}

/* Page by page it is what is found by looking at all, in order. */
static void expect_list(int64_t collection, const liken_image_list *all, liken_list_options o) {
    o.after = 0;
    o.limit = 3;
    size_t at = 0;
    do {
        liken_image_list *page = NULL;
        assert_ok(store->ops->images->list(store, collection, &o, &page, &err), err);
        for (size_t i = 0; i < page->count; i++, at++) {
            while (at < all->count && !fits(all->images[o.newest ? all->count - 1 - at : at], &o))
                at++;
            assert_true(at < all->count);
            assert_int_equal(page->images[i]->id, all->images[o.newest ? all->count - 1 - at : at]->id);
        }
        o.after = page->next;
        liken_image_list_free(page);
    } while (o.after != 0);
    for (; at < all->count; at++)
        assert_false(fits(all->images[o.newest ? all->count - 1 - at : at], &o));
}

static void lists_are_what_looking_at_all_finds(void **state) {
    (void)state;
    static const char *const prefixes[] = {NULL, "x/", "x/1", "y%\xf4\x8f\xbf\xbf", "y_", "z"};
    static const char *const tags[] = {"all", "even", "five", "none"};
    const int64_t c = make_collection("a"), other = make_collection("b");
    liken_image_list *all = NULL;
    for (unsigned i = 0; i < PHOTOS; i++) {
        add_photo(c, i);
        add_photo(other, i);
    }
    assert_ok(store->ops->images->list(store, c, &(liken_list_options){0}, &all, &err), err);
    assert_int_equal(all->count, PHOTOS);
    for (size_t p = 0; p < LK_LENGTH(prefixes); p++)
        for (int n = 0; n < 2; n++) {
            for (int k = 0; k < 9; k++)
                expect_list(c, all,
                            (liken_list_options){.file_prefix = prefixes[p],
                                                 .newest = n == 1,
                                                 .faces = (liken_wanted)(k % 3),
                                                 .refused = (liken_wanted)(k / 3)});
            for (size_t t = 0; t < LK_LENGTH(tags); t++)
                expect_list(c, all,
                            (liken_list_options){.file_prefix = prefixes[p],
                                                 .newest = n == 1,
                                                 .tags = tags + t,
                                                 .tag_count = t == 3 ? 1 : 1 + (t + 1) % 3,
                                                 .faces = (liken_wanted)(t % 3)});
        }
    const char *one = all->images[4]->file; /* with a label, and all else */
    expect_list(c, all, (liken_list_options){.file_prefix = one, .tags = tags, .tag_count = 2});
    liken_image_list_free(all);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        KIND_TEST(what_is_said_of_a_photo_changes),
        KIND_TEST(what_cannot_be_said_changes_nothing),
        KIND_TEST(every_change_is_another_revision),
        KIND_TEST(lists_are_what_looking_at_all_finds),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
