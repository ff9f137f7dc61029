/* The names of photos, labels and image_ids: one table of tests over lk_store, for every kind of store (kinds.h). */
#include "unit/test.h"

#include "store/store.h"
#include "unit/store/kinds.h"
#include "unit/store/sample.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Adds the photo of this seed with a label; the one that is there when its bytes are. */
static liken_image *add_as(int64_t collection, unsigned seed, const char *file, liken_label_kind as,
                           const char *image_id) {
    liken_image *image = sample_image(seed, 2), *existing = NULL;
    const liken_mark mark = {1000 + seed, 1700000000123456789, UINT64_MAX - seed};
    lk_image_forget_labels(image);
    if (file != NULL)
        assert_true(lk_image_label(image, file, as, NULL, as == LIKEN_LABEL_FILE ? &mark : NULL));
    free(image->image_id);
    image->image_id = NULL;
    if (image_id != NULL)
        assert_true(lk_image_id(image, image_id));
    assert_ok(store->ops->images->add(store, collection, image, false, &existing, &err), err);
    if (existing == NULL)
        return image;
    liken_image_free(image);
    return existing;
}

static int64_t add_id(int64_t collection, unsigned seed, const char *file, liken_label_kind as) {
    liken_image *image = add_as(collection, seed, file, as, NULL);
    const int64_t id = image->id;
    liken_image_free(image);
    return id;
}

/* `texts` ends with NULL. */
static void assert_labels(int64_t id, const char *const *texts) {
    liken_image *image = NULL;
    size_t n = 0;
    assert_ok(store->ops->images->get(store, 0, id, &image, &err), err);
    for (; texts[n] != NULL; n++) {
        assert_true(n < image->label_count);
        assert_string_equal(image->labels[n].file, texts[n]);
    }
    assert_int_equal(image->label_count, n);
    if (n == 0)
        assert_null(image->file);
    else
        assert_string_equal(image->file, texts[0]);
    liken_image_free(image);
}
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_LABELS ((const char *const[]){NULL})

static size_t listed(int64_t collection, const char *file, const char *image_id, int64_t *first) {
    liken_image_list *list = NULL;
    const liken_list_options o = {.file = file, .image_id = image_id};
    assert_ok(store->ops->images->list(store, collection, &o, &list, &err), err);
    const size_t count = list->count;
    if (count > 0)
        *first = list->images[0]->id;
    liken_image_list_free(list);
    return count;
}

static bool exists(int64_t id) {
    liken_image *image = NULL;
    const int rc = store->ops->images->get(store, 0, id, &image, &err);
    assert_true(rc == LIKEN_OK || rc == LIKEN_E_NOT_FOUND);
    liken_image_free(image);
    return rc == LIKEN_OK;
}

static void the_same_bytes_gather_names(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    int64_t found = 0;
    liken_image *one = add_as(c, 1, "p/one.jpg", LIKEN_LABEL_FILE, "7");
    assert_false(one->extended);
    liken_image *two = add_as(c, 1, "p/two.jpg", LIKEN_LABEL_FILE, "8");
    assert_int_equal(two->id, one->id);
    assert_true(two->extended && two->replaced == 0);
    assert_int_equal(two->label_count, 2);
    assert_string_equal(two->labels[1].file, "p/two.jpg");
    assert_int_equal(two->labels[1].kind, LIKEN_LABEL_FILE);
    assert_true(two->labels[1].mark.size == 1001 && two->labels[1].mark.mtime == 1700000000123456789 &&
                two->labels[1].mark.inode == UINT64_MAX - 1);
    assert_int_equal(two->image_id_count, 2);
    assert_string_equal(two->image_id, "7");
    assert_string_equal(two->image_ids[1], "8");
    liken_image_free(two);
    two = add_as(c, 1, "p/two.jpg", LIKEN_LABEL_FILE, "8");
    assert_false(two->extended);
    liken_image_free(two);
    assert_true(listed(c, "p/two.jpg", NULL, &found) == 1 && found == one->id);
    assert_true(listed(c, "p/one.jpg", "8", &found) == 1 && found == one->id);
    assert_int_equal(listed(c, "p/one.jpg", "9", &found), 0);
    lk_store_match match;
    assert_ok(store->ops->faces->matches(store, &one->faces[0].id, 1, &match, &err), err);
    assert_true(match.file_count == 2 && match.image_id_count == 2);
    assert_string_equal(match.file, "p/one.jpg");
    assert_string_equal(match.files[1], "p/two.jpg");
    assert_string_equal(match.image_ids[1], "8");
    lk_store_match_clear(&match);
    liken_image_free(one);
    expect_healthy();
}

static void the_same_bytes_gather_tags_and_a_time(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 1), *existing = NULL;
    image->captured_at = LIKEN_NO_TIME;
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    const int64_t id = image->id;
    liken_image_free(image);
    image = sample_image(1, 1);
    sample_set(&image->tags[0], "c tag");
    image->captured_at = 1234;
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    assert_true(existing->id == id && existing->extended && existing->captured_at == 1234);
    assert_int_equal(existing->tag_count, 3);
    assert_string_equal(existing->tags[2], "c tag");
    liken_image_free(existing);
    existing = NULL;
    image->captured_at = 99; /* it has one */
    assert_ok(store->ops->names->extend(store, c, id, image, &existing, &err), err);
    assert_true(!existing->extended && existing->captured_at == 1234);
    liken_image_free(existing);
    assert_int_equal(store->ops->names->extend(store, c + 1, id, image, &existing, &err), LIKEN_E_NOT_FOUND);
    liken_image_free(image);
}

/* Photos 1 and 2 change places, and 3 comes to lie where 1 was. */
static void a_label_of_its_own_names_one_photo(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), other = make_collection("b");
    const int64_t elsewhere = add_id(other, 9, "x", LIKEN_LABEL_OWN);
    const int64_t one = add_id(c, 1, "x", LIKEN_LABEL_OWN);
    liken_image *image = add_as(c, 2, "x", LIKEN_LABEL_OWN, NULL);
    assert_int_equal(image->replaced, one);
    assert_labels(one, NO_LABELS);
    assert_labels(image->id, LABELS("x"));
    assert_labels(elsewhere, LABELS("x"));
    const int64_t shared = add_id(c, 3, "x", LIKEN_LABEL_SHARED), also = add_id(c, 4, "x", LIKEN_LABEL_SHARED);
    int64_t found = 0, ids[1000];
    size_t count = 99;
    assert_int_equal(listed(c, "x", NULL, &found), 3);
    assert_labels(shared, LABELS("x"));
    assert_labels(also, LABELS("x"));
    assert_ok(store->ops->names->lost(store, c, 0, ids, &count, &err), err);
    assert_int_equal(count, 0); /* it stays, without a label */
    liken_image_free(image);
    expect_healthy();
}

static void a_file_is_followed(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    int64_t ids[1000];
    size_t count = 0;
    bool gone = true;
    const int64_t one = add_id(c, 1, "p/1", LIKEN_LABEL_FILE), two = add_id(c, 2, "p/2", LIKEN_LABEL_FILE);
    const int64_t both = add_id(c, 3, "p/3", LIKEN_LABEL_FILE);
    assert_int_equal(add_id(c, 3, "p/copy", LIKEN_LABEL_FILE), both);
    assert_int_equal(add_id(c, 2, "p/1", LIKEN_LABEL_FILE), two); /* 1 and 2 change places */
    assert_labels(one, NO_LABELS);
    assert_ok(store->ops->names->lost(store, c, 0, ids, &count, &err), err);
    assert_true(count == 1 && ids[0] == one);
    assert_int_equal(add_id(c, 1, "p/2", LIKEN_LABEL_FILE), one);
    assert_labels(one, LABELS("p/2"));
    assert_labels(two, LABELS("p/1"));
    const int64_t four = add_id(c, 4, "p/3", LIKEN_LABEL_FILE); /* other bytes; what lay there is also elsewhere */
    const int64_t five = add_id(c, 5, "p/1", LIKEN_LABEL_FILE); /* and what lay here is not */
    assert_labels(both, LABELS("p/copy"));
    assert_ok(store->ops->names->lost(store, c, 0, ids, &count, &err), err);
    assert_true(count == 1 && ids[0] == two);
    expect_healthy();
    assert_ok(store->ops->names->lost_remove(store, c, one, &gone, &err), err);
    assert_false(gone);
    assert_ok(store->ops->names->lost_remove(store, c, two, &gone, &err), err);
    assert_true(gone && !exists(two));
    assert_labels(four, LABELS("p/3"));
    assert_labels(five, LABELS("p/1"));
    expect_counts(1, 4, 8);
    expect_healthy();
}

/* The photo that has the file at `place`, or of that label; 0: none. */
static int64_t file_at(int64_t collection, const char *place, const char *file, liken_mark *mark) {
    liken_file *f = NULL;
    assert_ok(store->ops->names->file_find(store, collection, place, file, &f, mark, &err), err);
    const int64_t image = f == NULL ? 0 : f->image;
    liken_file_free(f);
    return image;
}

static void label_again(int64_t collection, int64_t image, const char *file, const char *place, liken_mark mark) {
    liken_image *with = calloc(1, sizeof *with), *out = NULL;
    assert_non_null(with);
    with->captured_at = LIKEN_NO_TIME;
    assert_true(lk_image_label(with, file, LIKEN_LABEL_FILE, place, &mark));
    assert_ok(store->ops->names->extend(store, collection, image, with, &out, &err), err);
    liken_image_free(out);
    liken_image_free(with);
}

static void a_file_is_known_by_its_mark(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_mark mark;
    const int64_t one = add_id(c, 1, "p/1", LIKEN_LABEL_FILE);
    (void)add_id(c, 2, "p/2", LIKEN_LABEL_OWN);
    assert_int_equal(file_at(c, NULL, "p/1", &mark), one);
    assert_true(mark.size == 1001 && mark.inode == UINT64_MAX - 1);
    assert_int_equal(file_at(c, NULL, "p/2", &mark), 0);
    label_again(c, one, "p/1", NULL, (liken_mark){5, 6, 7});
    reopen();
    assert_int_equal(file_at(c, NULL, "p/1", &mark), one);
    assert_true(mark.size == 5 && mark.mtime == 6 && mark.inode == 7);
}

static size_t files_in(int64_t collection, const lk_store_range *range) {
    liken_file_list *list = NULL;
    assert_ok(store->ops->names->files_between(store, collection, range, 0, &list, &err), err);
    const size_t count = list->count;
    liken_file_list_free(list);
    return count;
}

static void a_file_is_known_by_where_it_lies(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), other = make_collection("b");
    const int64_t one = add_id(c, 1, "p/1", LIKEN_LABEL_FILE), two = add_id(c, 2, "p/2", LIKEN_LABEL_FILE);
    assert_int_equal(file_at(c, "/a/p/1", NULL, NULL), 0);
    label_again(c, one, "p/1", "/a/p/1", (liken_mark){5, 6, 7});
    reopen();
    assert_int_equal(file_at(c, "/a/p/1", NULL, NULL), one);
    assert_int_equal(file_at(c, "/a/p", NULL, NULL), 0);
    assert_int_equal(file_at(other, "/a/p/1", NULL, NULL), 0);
    liken_image *image = NULL;
    assert_ok(store->ops->images->get(store, c, one, &image, &err), err);
    assert_string_equal(image->labels[0].place, "/a/p/1");
    liken_image_free(image);
    const lk_store_range here = {"p/", "p0", "/a/p/", "/a/p0"}, there = {"p/", "p0", "/b/p/", "/b/p0"};
    assert_int_equal(files_in(c, &here), 2);
    assert_int_equal(files_in(c, &there), 1);                /* of which it is not known where it lies */
    label_again(c, one, "p/1", NULL, (liken_mark){5, 6, 7}); /* who does not know the place leaves it */
    assert_int_equal(file_at(c, "/a/p/1", NULL, NULL), one);
    label_again(c, two, "p/1", "/b/p/1", (liken_mark){5, 6, 8}); /* another file: the first is called by its place */
    assert_int_equal(file_at(c, "/a/p/1", NULL, NULL), one);
    assert_labels(one, LABELS("/a/p/1"));
    assert_int_equal(file_at(c, "/b/p/1", NULL, NULL), two);
    label_again(c, two, "./p/1", "/b/p/1", (liken_mark){5, 6, 9}); /* one file has one label */
    assert_labels(two, LABELS("p/2", "p/1"));
    label_again(c, one, "./p/1", "/b/p/1", (liken_mark){5, 6, 9}); /* and one photo, whatever its label */
    assert_labels(two, LABELS("p/2"));
    assert_labels(one, LABELS("/a/p/1", "./p/1"));
    (void)add_id(c, 3, "p/1", LIKEN_LABEL_FILE); /* of which nobody knows where it lies: the label is taken */
    assert_int_equal(file_at(c, "/b/p/1", NULL, NULL), one);
    expect_healthy();
}

static void the_last_name_takes_the_photo(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    bool gone = true;
    liken_image *image = add_as(c, 1, "x", LIKEN_LABEL_FILE, "7");
    liken_image_free(add_as(c, 1, "y", LIKEN_LABEL_FILE, NULL));
    liken_image_free(add_as(c, 1, NULL, LIKEN_LABEL_OWN, "8"));
    assert_int_equal(store->ops->names->remove(store, c, image->id, "z", NULL, &gone, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->names->remove(store, c, image->id, "x", "9", &gone, &err), LIKEN_E_NOT_FOUND);
    assert_labels(image->id, LABELS("x", "y")); /* all or nothing */
    assert_ok(store->ops->names->remove(store, c, image->id, "x", NULL, &gone, &err), err);
    assert_false(gone);
    assert_labels(image->id, LABELS("y"));
    assert_ok(store->ops->names->remove(store, c, image->id, NULL, "7", &gone, &err), err);
    assert_false(gone);
    assert_ok(store->ops->names->remove(store, c, image->id, "y", NULL, &gone, &err), err);
    assert_true(gone && !exists(image->id));
    expect_counts(1, 0, 0);
    liken_image_free(image);
    image = add_as(c, 1, "x", LIKEN_LABEL_FILE, "7"); /* the last id as well */
    assert_ok(store->ops->names->remove(store, c, image->id, NULL, "7", &gone, &err), err);
    assert_true(gone && !exists(image->id));
    liken_image_free(image);
    expect_healthy();
}

static void files_below_a_folder_come_in_pages(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    char label[64];
    size_t seen = 0;
    int64_t after = 0;
    liken_image *with = calloc(1, sizeof *with), *out = NULL;
    assert_non_null(with);
    with->captured_at = LIKEN_NO_TIME;
    for (unsigned i = 0; i < 1100; i++) {
        (void)snprintf(label, sizeof label, "p/%u.jpg", i);
        assert_true(lk_image_label(with, label, LIKEN_LABEL_FILE, NULL, NULL));
    }
    assert_ok(store->ops->names->extend(store, c, add_id(c, 1, "q", LIKEN_LABEL_OWN), with, &out, &err), err);
    assert_int_equal(out->label_count, 1101);
    liken_image_free(out);
    liken_image_free(with);
    (void)add_id(c, 1, "p0", LIKEN_LABEL_FILE);
    (void)add_id(c, 1, "p.jpg", LIKEN_LABEL_FILE);
    (void)add_id(c, 1, "p/own", LIKEN_LABEL_OWN);
    do {
        liken_file_list *list = NULL;
        assert_ok(
            store->ops->names->files_between(store, c, &(lk_store_range){"p/", "p0", NULL, NULL}, after, &list, &err),
            err);
        for (size_t i = 0; i < list->count; i++)
            assert_true(strncmp(list->files[i].file, "p/", 2) == 0 && list->files[i].image > 0);
        seen += list->count;
        after = list->next;
        liken_file_list_free(list);
    } while (after != 0);
    assert_int_equal(seen, 1100);
}

struct claimer {
    pthread_t thread;
    int64_t collection;
    unsigned number;
    int failed;
};

/* Threads that claim the same few labels with photos of their own, and others that do not. */
static void *claim_many(void *arg) {
    struct claimer *a = arg;
    char label[16];
    for (unsigned i = 0; i < 40; i++) {
        liken_error e;
        liken_image *image = sample_image(5000 + 100 * a->number + i, 1), *existing = NULL;
        lk_image_forget_labels(image);
        (void)snprintf(label, sizeof label, "l/%u", i % 4);
        a->failed += !lk_image_label(image, label, i % 8 < 4 ? LIKEN_LABEL_FILE : LIKEN_LABEL_OWN, NULL, NULL);
        a->failed += store->ops->images->add(store, a->collection, image, false, &existing, &e) != LIKEN_OK;
        liken_image_free(existing);
        liken_image_free(image);
    }
    return NULL;
}

static void many_threads_claim_the_same_labels(void **state) {
    (void)state;
    struct claimer a[6];
    const int64_t c = make_collection("a");
    int64_t found;
    char label[16];
    for (unsigned i = 0; i < LK_LENGTH(a); i++) {
        a[i] = (struct claimer){.collection = c, .number = i};
        assert_int_equal(pthread_create(&a[i].thread, NULL, claim_many, &a[i]), 0);
    }
    for (unsigned i = 0; i < LK_LENGTH(a); i++) {
        pthread_join(a[i].thread, NULL);
        assert_int_equal(a[i].failed, 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(label, sizeof label, "l/%u", i);
        assert_int_equal(listed(c, label, NULL, &found), 1);
    }
    expect_healthy();
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        KIND_TEST(the_same_bytes_gather_names),        KIND_TEST(the_same_bytes_gather_tags_and_a_time),
        KIND_TEST(a_label_of_its_own_names_one_photo), KIND_TEST(a_file_is_followed),
        KIND_TEST(a_file_is_known_by_its_mark),        KIND_TEST(a_file_is_known_by_where_it_lies),
        KIND_TEST(the_last_name_takes_the_photo),      KIND_TEST(files_below_a_folder_come_in_pages),
        KIND_TEST(many_threads_claim_the_same_labels),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
