/* One table of tests over lk_store, for every kind of store (kinds.h). Names of photos are in test_names.c. */
#include "unit/test.h"

#include "store/codec.h"
#include "unit/store/kinds.h"
#include "unit/store/sample.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- collections ---- */

static void creates_lists_and_refuses_a_collection_twice(void **state) {
    (void)state;
    const int64_t b = make_collection("b"), a = make_collection("a");
    assert_int_not_equal(a, b);
    liken_collection c = {
        .name = (char *)(uintptr_t) "a", .model = (char *)(uintptr_t)SAMPLE_MODEL, .dimension = SAMPLE_DIMENSION};
    assert_int_equal(store->ops->collections->create(store, &c, &err), LIKEN_E_CONFLICT);
    liken_collection **list;
    size_t count;
    assert_ok(store->ops->collections->list(store, &list, &count, &err), err);
    assert_int_equal(count, 2);
    assert_string_equal(list[0]->name, "a");
    assert_int_equal(list[1]->id, b);
    assert_string_equal(list[1]->model, SAMPLE_MODEL);
    assert_int_equal(list[1]->dimension, SAMPLE_DIMENSION);
    assert_true(list[1]->threshold == 0.375f);
    liken_collections_free(list, count);
    liken_collection *got;
    assert_int_equal(store->ops->collections->get(store, "none", &got, &err), LIKEN_E_NOT_FOUND);
}

static void one_model_has_one_dimension(void **state) {
    (void)state;
    (void)make_collection("a");
    liken_collection c = {.name = (char *)(uintptr_t) "b", .model = (char *)(uintptr_t)SAMPLE_MODEL, .dimension = 64};
    assert_int_equal(store->ops->collections->create(store, &c, &err), LIKEN_E_MISMATCH);
    liken_collection *got;
    assert_int_equal(store->ops->collections->get(store, "b", &got, &err), LIKEN_E_NOT_FOUND);
}

/* ---- listeners of the feed and of the doctor ---- */

struct heard {
    int64_t ids[64];
    size_t count;
    float first;
    int64_t seq;
};

static int hear(void *ctx, const lk_store_vector *v) {
    struct heard *h = ctx;
    assert_int_equal(v->dimension, SAMPLE_DIMENSION);
    assert_true(h->count < LK_LENGTH(h->ids));
    assert_true(h->count == 0 || v->id > h->ids[h->count - 1]);
    if (h->count == 0)
        h->first = v->descriptor[0];
    h->ids[h->count++] = v->id;
    return LIKEN_OK;
}

static int hear_removal(void *ctx, int64_t seq, int64_t face) {
    struct heard *h = ctx;
    assert_true(seq > h->seq);
    assert_true(h->count < LK_LENGTH(h->ids));
    h->seq = seq;
    h->ids[h->count++] = face;
    return LIKEN_OK;
}

static int refuse(void *ctx, const lk_store_vector *v) {
    (void)ctx;
    (void)v;
    return LIKEN_E_CANCELLED;
}

/* ---- removing a collection ---- */

/* The steps it takes to erase all there is to be erased. */
static int erase_all(void) {
    bool more = true;
    int steps = 0;
    for (; more; steps++)
        assert_ok(store->ops->erasing->step(store, &more, &err), err);
    int64_t left = -1;
    assert_ok(store->ops->erasing->left(store, &left, &err), err);
    assert_int_equal(left, 0);
    return steps;
}

static void removing_a_collection_takes_everything(void **state) {
    (void)state;
    const int64_t a = make_collection("a"), b = make_collection("b");
    const int64_t gone = add(a, 1, 2);
    (void)add(b, 2, 1);
    assert_ok(store->ops->collections->remove(store, a, false, &err), err);
    assert_int_equal(store->ops->collections->remove(store, a, false, &err), LIKEN_E_NOT_FOUND);
    expect_counts(1, 1, 1);
    liken_image *image;
    assert_int_equal(store->ops->images->get(store, 0, gone, &image, &err), LIKEN_E_NOT_FOUND);
    liken_collection *again;
    assert_ok(store->ops->collections->remove(store, b, true, &err), err);
    assert_ok(store->ops->collections->get(store, "b", &again, &err), err);
    assert_int_not_equal(again->id, b);
    assert_string_equal(again->model, SAMPLE_MODEL);
    assert_true(again->threshold == 0.375f);
    liken_collection_free(again);
    expect_counts(1, 0, 0);
    assert_true(erase_all() > 2);
    expect_counts(1, 0, 0);
}

/* From the moment a collection is removed nothing of it is met by anybody, whatever is left to be erased. */
static void what_is_left_of_a_removed_collection_is_nobodys(void **state) {
    (void)state;
    const int64_t a = make_collection("a"), b = make_collection("b");
    const int64_t gone = add(a, 1, 2), stays = add(b, 2, 1);
    liken_image *image = NULL, *existing = NULL;
    liken_image_list *list = NULL;
    liken_face *face = NULL;
    lk_store_match match = {0};
    struct heard h = {0};
    assert_ok(store->ops->feed->vectors_after(store, 0, hear, &h, &err), err);
    const int64_t one = h.ids[0];
    assert_ok(store->ops->collections->remove(store, a, false, &err), err);
    assert_int_equal(store->ops->images->get(store, 0, gone, &image, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->images->get(store, a, gone, &image, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->images->remove(store, 0, gone, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->faces->get(store, NULL, one, &face, NULL, NULL, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->faces->remove(store, NULL, one, &err), LIKEN_E_NOT_FOUND);
    assert_ok(store->ops->faces->matches(store, &one, 1, &match, &err), err);
    assert_int_equal(match.face, 0);
    assert_ok(store->ops->images->list(store, a, &(liken_list_options){0}, &list, &err), err);
    assert_int_equal(list->count, 0);
    liken_image_list_free(list);
    assert_ok(store->ops->copy->page(store, 0, 100, &list, &err), err);
    assert_int_equal(list->count, 1);
    assert_int_equal(list->images[0]->id, stays);
    liken_image_list_free(list);
    h = (struct heard){0};
    assert_ok(store->ops->feed->vectors_after(store, 0, hear, &h, &err), err);
    assert_int_equal(h.count, 1);
    image = sample_image(3, 1);
    assert_int_equal(store->ops->images->add(store, a, image, false, &existing, &err), LIKEN_E_NOT_FOUND);
    liken_image_free(image);
    image = sample_image(1, 2); /* the bytes that are being erased are new to a collection of the same name */
    const int64_t again = make_collection("a");
    assert_ok(store->ops->images->add(store, again, image, false, &existing, &err), err);
    assert_null(existing);
    assert_true(image->id > stays);
    liken_image_free(image);
    (void)erase_all();
    expect_counts(2, 2, 3);
    expect_healthy();
}

/* More than one transaction's worth; it is left off half-way and gone on with by another process. */
static void a_large_collection_is_erased_in_parts(void **state) {
    (void)state;
    const int64_t a = make_collection("a");
    for (unsigned i = 0; i < 300; i++)
        (void)add(a, 100 + i, i == 0 ? 1500 : 3);
    int64_t face, deletion, left = 0, before = 300;
    bool more = false;
    assert_ok(store->ops->collections->remove(store, a, true, &err), err);
    assert_ok(store->ops->erasing->left(store, &left, &err), err);
    assert_int_equal(left, 300);
    assert_ok(store->ops->erasing->step(store, &more, &err), err);
    assert_true(more);
    assert_ok(store->ops->feed->marks(store, &face, &deletion, &err), err);
    assert_true(deletion > 0 && deletion < 1500);
    (void)add(make_collection("b"), 1, 1); /* others write in between */
    store->ops->close(store);
    assert_ok(kinds_open(&store, false, &err), err);
    for (; more; before = left) {
        assert_ok(store->ops->erasing->step(store, &more, &err), err);
        assert_ok(store->ops->erasing->left(store, &left, &err), err);
        assert_true(left <= before);
    }
    assert_int_equal(left, 0);
    assert_ok(store->ops->feed->marks(store, &face, &deletion, &err), err);
    assert_int_equal(deletion, 1500 + 299 * 3);
    struct heard h = {0};
    assert_ok(store->ops->feed->deletions_after(store, deletion - 3, hear_removal, &h, &err), err);
    assert_int_equal(h.count, 3);
    expect_counts(2, 1, 1);
}

/* ---- images ---- */

static void assert_same_face(const liken_face *a, const liken_face *b) {
    assert_memory_equal(&a->box, &b->box, sizeof a->box);
    assert_memory_equal(a->landmarks, b->landmarks, sizeof a->landmarks);
    assert_memory_equal(&a->quality, &b->quality, sizeof a->quality);
    assert_true(a->confidence == b->confidence);
    assert_int_equal(a->reason, b->reason);
    assert_int_equal(a->weak, b->weak);
}

static void assert_same_image(const liken_image *a, const liken_image *b) {
    assert_int_equal(a->id, b->id);
    assert_string_equal(a->image_id, b->image_id);
    assert_string_equal(a->file, b->file);
    assert_string_equal(a->sha256, b->sha256);
    assert_string_equal(a->model, b->model);
    assert_string_equal(a->detector, b->detector);
    assert_int_equal(a->captured_at, b->captured_at);
    assert_int_equal(a->added_at, b->added_at);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->tag_count, b->tag_count);
    for (size_t i = 0; i < a->tag_count; i++)
        assert_string_equal(a->tags[i], b->tags[i]);
    assert_int_equal(a->face_count, b->face_count);
    for (size_t i = 0; i < a->face_count; i++) {
        assert_int_equal(a->faces[i].id, b->faces[i].id);
        assert_same_face(&a->faces[i], &b->faces[i]);
    }
    assert_int_equal(a->refused_count, b->refused_count);
    for (size_t i = 0; i < a->refused_count; i++)
        assert_same_face(&a->refused[i], &b->refused[i]);
}

static void gives_back_what_was_added(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(7, 3), *existing = NULL, *again, *got;
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    assert_null(existing);
    assert_true(image->id > 0 && image->faces[0].id > 0 && image->faces[1].id > image->faces[0].id);
    reopen();
    assert_ok(store->ops->images->get(store, c, image->id, &got, &err), err);
    assert_same_image(image, got);
    assert_string_equal(got->collection, "a");
    liken_image_free(got);
    assert_ok(store->ops->images->find(store, c, image->sha256, &got, &err), err);
    assert_same_image(image, got);
    liken_image_free(got);
    again = sample_image(7, 1);
    assert_ok(store->ops->images->add(store, c, again, false, &existing, &err), err);
    assert_non_null(existing);
    assert_same_image(image, existing);
    assert_int_equal(again->id, 0);
    liken_image_free(existing);
    liken_image_free(again);
    liken_face *face;
    int64_t of, in;
    assert_ok(store->ops->faces->get(store, NULL, image->faces[1].id, &face, &of, &in, &err), err);
    assert_int_equal(of, image->id);
    assert_int_equal(in, c);
    assert_int_equal(face->dimension, SAMPLE_DIMENSION);
    assert_memory_equal(face->descriptor, image->faces[1].descriptor, SAMPLE_DIMENSION * sizeof(float));
    liken_face_free(face);
    face = NULL;
    (void)make_collection("other");
    assert_int_equal(store->ops->faces->get(store, "other", image->faces[1].id, &face, NULL, NULL, &err),
                     LIKEN_E_NOT_FOUND);
    assert_null(face);
    assert_ok(store->ops->faces->get(store, "a", image->faces[1].id, &face, NULL, NULL, &err), err);
    liken_face_free(face);
    liken_image_free(image);
}

static void same_bytes_in_two_collections_are_two_images(void **state) {
    (void)state;
    const int64_t a = make_collection("a"), b = make_collection("b");
    const int64_t in_a = add(a, 1, 1), in_b = add(b, 1, 1);
    assert_int_not_equal(in_a, in_b);
    liken_image *image;
    assert_int_equal(store->ops->images->get(store, b, in_a, &image, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->images->remove(store, b, in_a, &err), LIKEN_E_NOT_FOUND);
}

static void labels_are_only_data(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    char *ten_thousand = malloc(10001);
    assert_non_null(ten_thousand);
    memset(ten_thousand, 'x', 10000);
    ten_thousand[10000] = '\0';
    static char mixed[60001]; /* which no database can make shorter */
    uint64_t seed = 1;
    for (size_t i = 0; i + 1 < sizeof mixed; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        mixed[i] = (char)('!' + (seed >> 33) % 90);
    }
    const char *const labels[] = {
        "'; DROP TABLE faces; --", "\"quoted\" \\ \n\t%s ?1 $1", "\xf0\x9f\x98\x80 \xc3\xa9", "", ten_thousand, mixed};
    for (unsigned i = 0; i < LK_LENGTH(labels); i++) {
        liken_image *image = sample_image(100 + i, 1), *existing;
        sample_set(&image->file, labels[i]);
        sample_set(&image->image_id, labels[i]);
        /* a tag has a lower ceiling: the end of the label will do */
        const size_t length = strlen(labels[i]);
        sample_set(&image->tags[0], labels[i] + (length > LK_TAG_MAX ? length - LK_TAG_MAX : 0));
        assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
        const liken_list_options o = {.file = labels[i], .image_id = labels[i]};
        liken_image_list *list;
        assert_ok(store->ops->images->list(store, c, &o, &list, &err), err);
        assert_int_equal(list->count, 1);
        assert_int_equal(list->images[0]->id, image->id);
        assert_string_equal(list->images[0]->file, labels[i]);
        const liken_search_options where = {.tags = (const char *const[]){image->tags[0]}, .tag_count = 1};
        int64_t *ids;
        size_t count;
        assert_ok(store->ops->faces->where(store, c, &where, &ids, &count, &err), err);
        assert_int_equal(count, 1);
        assert_int_equal(ids[0], lk_face_key(image->faces[0].id, image->faces[0].weak));
        free(ids);
        liken_image_list_free(list);
        liken_image_free(image);
    }
    free(ten_thousand);
}

static void text_that_is_not_utf8_is_refused(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const char *const bad[] = {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"};
    for (unsigned i = 0; i < LK_LENGTH(bad); i++) {
        for (int where = 0; where < 3; where++) {
            liken_image *image = sample_image(1, 1), *existing = NULL;
            sample_set(where == 0 ? &image->file : where == 1 ? &image->image_id : &image->tags[0], bad[i]);
            assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_ARG);
            assert_non_null(strstr(err.message, "UTF-8"));
            assert_int_equal(image->id, 0);
            liken_image_free(image);
        }
    }
    int64_t collections, images, faces;
    assert_ok(store->ops->counts(store, &collections, &images, &faces, &err), err);
    assert_int_equal(images, 0);
}

static void labels_have_a_ceiling(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    char *text = calloc(1, LK_LABEL_BYTES + 2);
    assert_non_null(text);
    memset(text, 'x', LK_LABEL_BYTES);
    liken_image *image = sample_image(1, 0), *existing;
    sample_set(&image->file, text);
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    liken_image_free(image);
    text[LK_LABEL_BYTES] = 'x';
    image = sample_image(2, 0);
    sample_set(&image->file, text);
    assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_TOO_LARGE);
    liken_image_free(image);
    free(text);
}

static void descriptors_of_another_model_are_refused(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 1), *existing = NULL;
    sample_set(&image->model, "other-2/68");
    assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_MISMATCH);
    assert_non_null(strstr(err.message, SAMPLE_MODEL));
    assert_non_null(strstr(err.message, "other-2/68"));
    sample_set(&image->model, SAMPLE_MODEL);
    image->faces[0].dimension = SAMPLE_DIMENSION - 1;
    assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_MISMATCH);
    image->faces[0].dimension = SAMPLE_DIMENSION;
    image->faces[0].descriptor[3] = (float)(1e30 * 1e30);
    assert_int_equal(store->ops->images->add(store, c, image, false, &existing, &err), LIKEN_E_INTERNAL);
    assert_int_equal(store->ops->images->add(store, c + 100, image, false, &existing, &err), LIKEN_E_INTERNAL);
    image->faces[0].descriptor[3] = 0;
    assert_int_equal(store->ops->images->add(store, c + 100, image, false, &existing, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(image->id, 0);
    liken_image_free(image);
}

static void lists_in_pages(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), other = make_collection("b");
    for (unsigned i = 0; i < 25; i++) {
        (void)add(c, 1000 + i, 1);
        (void)add(other, 1000 + i, 1);
    }
    liken_list_options o = {.limit = 10};
    size_t seen = 0;
    int64_t last = 0;
    do {
        liken_image_list *list;
        assert_ok(store->ops->images->list(store, c, &o, &list, &err), err);
        for (size_t i = 0; i < list->count; i++) {
            assert_true(list->images[i]->id > last);
            last = list->images[i]->id;
        }
        seen += list->count;
        o.after = list->next;
        liken_image_list_free(list);
    } while (o.after != 0);
    assert_int_equal(seen, 25);
    o = (liken_list_options){.limit = 25};
    liken_image_list *list;
    assert_ok(store->ops->images->list(store, c, &o, &list, &err), err);
    assert_int_equal(list->next, 0);
    liken_image_list_free(list);
    o.limit = 1001;
    assert_int_equal(store->ops->images->list(store, c, &o, &list, &err), LIKEN_E_ARG);
}

/* How many are listed, or minus one where the store refuses. */
static int listed(int64_t c, liken_list_options o) {
    liken_image_list *list = NULL;
    if (store->ops->images->list(store, c, &o, &list, &err) != LIKEN_OK)
        return -1;
    const int count = (int)list->count;
    for (size_t i = 0; i < list->count; i++)
        assert_true(list->images[i]->captured_at >= 1600000000);
    liken_image_list_free(list);
    return count;
}

static void lists_by_time(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), first = 1600000100, last = 1600000109; /* sample_image's, by its seed */
    liken_image *timeless = sample_image(200, 1), *existing = NULL;
    timeless->captured_at = LIKEN_NO_TIME;
    assert_ok(store->ops->images->add(store, c, timeless, false, &existing, &err), err);
    for (unsigned i = 100; i < 110; i++)
        (void)add(c, i, 1);
    assert_int_equal(listed(c, (liken_list_options){.captured_from = first}), 10);
    assert_int_equal(listed(c, (liken_list_options){.captured_to = last, .captured_from = LIKEN_NO_TIME}), 10);
    assert_int_equal(listed(c, (liken_list_options){.captured_from = first + 1, .captured_to = last - 1}), 8);
    assert_int_equal(listed(c, (liken_list_options){.captured_from = last, .captured_to = last}), 1);
    assert_int_equal(listed(c, (liken_list_options){.captured_from = last + 1}), 0);
    assert_int_equal(listed(c, (liken_list_options){.captured_from = first, .file = "photos/105.jpg"}), 1);
    assert_int_equal(listed(c, (liken_list_options){.captured_to = first, .file = "photos/105.jpg"}), 0);
    assert_int_equal(listed(c, (liken_list_options){.captured_from = first, .image_id = "105"}), 1);
    assert_int_equal(listed(c, (liken_list_options){.captured_to = first, .image_id = "105"}), 0);
    assert_int_equal(
        listed(c, (liken_list_options){.captured_from = first, .image_id = "105", .file = "photos/105.jpg"}), 1);
    assert_int_equal(listed(c, (liken_list_options){.captured_to = first, .image_id = "105", .file = "photos/105.jpg"}),
                     0);
    liken_image_list *page = NULL; /* pages go on within the time */
    const liken_list_options two = {.captured_from = first + 7, .limit = 2};
    assert_ok(store->ops->images->list(store, c, &two, &page, &err), err);
    const liken_list_options rest = {.captured_from = first + 7, .limit = 2, .after = page->next};
    assert_int_equal(page->count, 2);
    assert_int_equal(listed(c, rest), 1);
    liken_image_list_free(page);
    lk_store_match match = {0};
    assert_ok(store->ops->faces->matches(store, &timeless->faces[0].id, 1, &match, &err), err);
    assert_true(match.captured_at == LIKEN_NO_TIME);
    assert_int_equal(match.weak, timeless->faces[0].weak);
    lk_store_match_clear(&match);
    liken_image_free(timeless);
}

static void lists_with_descriptors_of_what_is_there(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), other = make_collection("b");
    int64_t first = 0;
    for (unsigned i = 0; i < 9; i++) {
        const int64_t id = add(c, 50 + i, i % 4);
        first = i == 3 ? id : first;
        (void)add(other, 50 + i, 2);
    }
    liken_image *image = NULL;
    assert_ok(store->ops->images->get(store, c, first, &image, &err), err);
    const int64_t gone = image->faces[1].id;
    liken_image_free(image);
    assert_ok(store->ops->faces->remove(store, NULL, gone, &err), err);
    liken_list_options o = {.limit = 4, .describe = true};
    unsigned i = 0;
    do {
        liken_image_list *list = NULL;
        assert_ok(store->ops->images->list(store, c, &o, &list, &err), err);
        for (size_t n = 0; n < list->count; n++, i++) {
            liken_image *made = sample_image(50 + i, i % 4), *got = list->images[n];
            assert_int_equal(got->face_count, i == 3 ? 2 : i % 4);
            for (size_t f = 0; f < got->face_count; f++) {
                const liken_face *want = &made->faces[i == 3 && f == 1 ? 2 : f];
                assert_true(got->faces[f].id != gone);
                assert_non_null(got->faces[f].descriptor);
                assert_int_equal(got->faces[f].dimension, SAMPLE_DIMENSION);
                assert_memory_equal(got->faces[f].descriptor, want->descriptor, SAMPLE_DIMENSION * sizeof(float));
            }
            liken_image_free(made);
        }
        o.after = list->next;
        liken_image_list_free(list);
    } while (o.after != 0);
    assert_int_equal(i, 9);
}

static void removes_images_and_faces(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 3), *existing, *got;
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    assert_ok(store->ops->faces->remove(store, NULL, image->faces[1].id, &err), err);
    assert_int_equal(store->ops->faces->remove(store, NULL, image->faces[1].id, &err), LIKEN_E_NOT_FOUND);
    assert_ok(store->ops->images->get(store, c, image->id, &got, &err), err);
    assert_int_equal(got->face_count, 2);
    liken_image_free(got);
    assert_ok(store->ops->images->remove(store, 0, image->id, &err), err);
    assert_int_equal(store->ops->images->remove(store, 0, image->id, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->images->find(store, c, image->sha256, &got, &err), LIKEN_E_NOT_FOUND);
    const int64_t old = image->faces[2].id;
    liken_image_free(image);
    image = sample_image(1, 1);
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    assert_true(image->faces[0].id > old); /* an id is never given twice */
    liken_image_free(image);
    liken_collection *col;
    assert_ok(store->ops->collections->get(store, "a", &col, &err), err);
    assert_int_equal(col->images, 1);
    assert_int_equal(col->faces, 1);
    liken_collection_free(col);
}

/* ---- searching's questions ---- */

static void matches_carry_labels_and_leave_out_what_is_gone(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 2), *existing;
    assert_ok(store->ops->images->add(store, c, image, false, &existing, &err), err);
    const int64_t ids[3] = {image->faces[1].id, 999999, image->faces[0].id};
    lk_store_match matches[3];
    assert_ok(store->ops->faces->matches(store, ids, 3, matches, &err), err);
    assert_int_equal(matches[0].face, ids[0]);
    assert_int_equal(matches[0].image, image->id);
    assert_string_equal(matches[0].file, image->file);
    assert_string_equal(matches[0].image_id, image->image_id);
    assert_int_equal(matches[0].width, image->width);
    assert_int_equal(matches[0].captured_at, image->captured_at);
    assert_memory_equal(&matches[0].box, &image->faces[1].box, sizeof matches[0].box);
    assert_int_equal(matches[1].face, 0);
    assert_null(matches[1].file);
    assert_int_equal(matches[2].face, ids[2]);
    for (int i = 0; i < 3; i++)
        lk_store_match_clear(&matches[i]);
    liken_image_free(image);
}

static void the_faces_of_images_are_listed(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const int64_t images[3] = {add(c, 1, 3), 999999, add(c, 2, 2)};
    (void)add(c, 3, 4);
    liken_image *image = NULL;
    assert_ok(store->ops->images->get(store, c, images[0], &image, &err), err);
    assert_ok(store->ops->faces->remove(store, NULL, image->faces[1].id, &err), err);
    int64_t *faces = NULL;
    size_t count = 0;
    assert_ok(store->ops->members->faces_of(store, images, 3, &faces, &count, &err), err);
    assert_int_equal(count, 4);
    int found = 0;
    for (size_t i = 0; i < count; i++)
        found += faces[i] == image->faces[0].id || faces[i] == image->faces[2].id;
    assert_int_equal(found, 2);
    free(faces);
    liken_image_free(image);
    assert_ok(store->ops->members->faces_of(store, images, 0, &faces, &count, &err), err);
    assert_int_equal(count, 0);
    free(faces);
}

static size_t where(int64_t collection, const liken_search_options *o, int64_t **ids) {
    size_t count = 0;
    assert_ok(store->ops->faces->where(store, collection, o, ids, &count, &err), err);
    for (size_t i = 1; i < count; i++)
        assert_true((*ids)[i] > (*ids)[i - 1]);
    return count;
}

static void filters_by_tags_and_time(void **state) {
    (void)state;
    const int64_t c = make_collection("a"), other = make_collection("b");
    for (unsigned i = 0; i < 20; i++) {
        for (int in = 0; in < 2; in++) {
            liken_image *image = sample_image(i, 1), *existing;
            image->captured_at = i == 19 ? LIKEN_NO_TIME : 1000 + (int64_t)i;
            sample_set(&image->tags[0], i % 2 == 0 ? "even" : "odd");
            sample_set(&image->tags[1], i % 3 == 0 ? "three" : "x");
            assert_ok(store->ops->images->add(store, in == 0 ? c : other, image, false, &existing, &err), err);
            liken_image_free(image);
        }
    }
    int64_t *ids = NULL;
    liken_search_options o = {.tags = (const char *const[]){"even", "three"}, .tag_count = 2};
    assert_int_equal(where(c, &o, &ids), 4); /* 0 6 12 18 */
    free(ids);
    o.captured_from = 1006;
    o.captured_to = 1012;
    assert_int_equal(where(c, &o, &ids), 2);
    free(ids);
    o.tag_count = 0;
    assert_int_equal(where(c, &o, &ids), 7);
    free(ids);
    o.captured_to = LIKEN_NO_TIME;
    assert_int_equal(where(c, &o, &ids), 13); /* one has no time */
    free(ids);
    o = (liken_search_options){.tags = (const char *const[]){"none"}, .tag_count = 1};
    ids = NULL;
    assert_int_equal(where(c, &o, &ids), 0);
    free(ids);
}

/* ---- the feed ---- */

static void the_feed_tells_additions_and_removals(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const int64_t first = add(c, 1, 2);
    (void)add(c, 2, 1);
    struct heard h = {0};
    assert_ok(store->ops->feed->vectors_after(store, 0, hear, &h, &err), err);
    assert_int_equal(h.count, 3);
    liken_image *expected = sample_image(1, 2);
    assert_true(h.first == expected->faces[0].descriptor[0]);
    liken_image_free(expected);
    const int64_t last = h.ids[2], gone[2] = {h.ids[0], h.ids[1]};
    int64_t face = -1, deletion = -1;
    assert_ok(store->ops->feed->marks(store, &face, &deletion, &err), err);
    assert_int_equal(face, last);
    assert_int_equal(deletion, 0);
    assert_int_equal(store->ops->feed->vectors_after(store, 0, refuse, NULL, &err), LIKEN_E_CANCELLED);
    h = (struct heard){0};
    assert_ok(store->ops->feed->vectors_after(store, last, hear, &h, &err), err);
    assert_int_equal(h.count, 0);
    assert_ok(store->ops->images->remove(store, c, first, &err), err);
    assert_ok(store->ops->feed->deletions_after(store, 0, hear_removal, &h, &err), err);
    assert_int_equal(h.count, 2);
    assert_memory_equal(h.ids, gone, sizeof gone);
    h.count = 0;
    assert_ok(store->ops->collections->remove(store, c, false, &err), err);
    (void)erase_all();
    assert_ok(store->ops->feed->deletions_after(store, h.seq, hear_removal, &h, &err), err);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.ids[0], last);
    assert_ok(store->ops->feed->marks(store, &face, &deletion, &err), err);
    assert_int_equal(face, last);
    assert_int_equal(deletion, h.seq);
}

/* A change of another process may take a moment to be heard. */
static int64_t version_other_than(lk_store *s, int64_t before) {
    int64_t after = before;
    for (int tries = 0; tries < 6000 && after == before; tries++) {
        assert_ok(s->ops->feed->version(s, &after, &err), err);
        if (after == before)
            (void)nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return after;
}

static void the_version_changes_with_every_commit_of_anyone(void **state) {
    (void)state;
    int64_t before, after;
    assert_ok(store->ops->feed->version(store, &before, &err), err);
    assert_ok(store->ops->feed->version(store, &after, &err), err);
    assert_int_equal(before, after);
    const int64_t c = make_collection("a");
    assert_ok(store->ops->feed->version(store, &after, &err), err);
    assert_int_not_equal(before, after);
    lk_store *second;
    assert_ok(kinds_open(&second, false, &err), err);
    char id[37], second_id[37];
    assert_ok(store->ops->id(store, id, &err), err);
    assert_ok(second->ops->id(second, second_id, &err), err);
    assert_string_equal(id, second_id);
    assert_ok(store->ops->feed->version(store, &before, &err), err);
    liken_image *image = sample_image(1, 1), *existing;
    assert_ok(second->ops->images->add(second, c, image, false, &existing, &err), err);
    liken_image_free(image);
    assert_int_not_equal(before, version_other_than(store, before));
    second->ops->close(second);
}

/* ---- many threads ---- */

struct adder {
    pthread_t thread;
    lk_store *store;
    int64_t collection;
    unsigned number;
    int failed, fresh;
};

/* Every thread adds its own photos and, between them, the same ones as all others. */
static void *add_many(void *arg) {
    struct adder *a = arg;
    for (unsigned i = 0; i < 60; i++) {
        liken_error e;
        const bool shared = i % 3 == 0;
        liken_image *image = sample_image(shared ? i : 1000 * (a->number + 1) + i, 2), *existing = NULL, *got = NULL;
        if (i % 10 == 7)
            sample_set(&image->model, "other"); /* one that fails inside the group */
        const int rc = a->store->ops->images->add(a->store, a->collection, image, false, &existing, &e);
        if (i % 10 == 7) {
            a->failed += rc != LIKEN_E_MISMATCH;
        } else {
            a->failed += rc != LIKEN_OK;
            a->fresh += rc == LIKEN_OK && existing == NULL;
            /* acknowledged, so every reader finds it whole */
            a->failed += a->store->ops->images->find(a->store, a->collection, image->sha256, &got, &e) != LIKEN_OK ||
                         got->face_count != 2;
        }
        liken_image_free(got);
        liken_image_free(existing);
        liken_image_free(image);
    }
    return NULL;
}

static void many_threads_share_commits(void **state) {
    (void)state;
    struct adder a[8];
    const int64_t c = make_collection("a");
    lk_store *second; /* what another process would be */
    assert_ok(kinds_open(&second, false, &err), err);
    int fresh = 0;
    for (unsigned i = 0; i < LK_LENGTH(a); i++) {
        a[i] = (struct adder){.store = i < 6 ? store : second, .collection = c, .number = i};
        assert_int_equal(pthread_create(&a[i].thread, NULL, add_many, &a[i]), 0);
    }
    for (unsigned i = 0; i < LK_LENGTH(a); i++) {
        pthread_join(a[i].thread, NULL);
        assert_int_equal(a[i].failed, 0);
        fresh += a[i].fresh;
    }
    second->ops->close(second);
    int shared = 0, own = 0;
    for (int i = 0; i < 60; i++) {
        if (i % 10 != 7)
            *(i % 3 == 0 ? &shared : &own) += 1;
    }
    assert_int_equal(fresh, shared + own * (int)LK_LENGTH(a));
    int64_t collections, images, faces;
    assert_ok(store->ops->counts(store, &collections, &images, &faces, &err), err);
    assert_int_equal(images, fresh);
    assert_int_equal(faces, 2 * fresh);
}

/* ---- health, reading only ---- */

static void a_healthy_store_checks_well(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    (void)add(c, 1, 3);
    expect_healthy();
}

static void a_reader_reads_and_never_writes(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    (void)add(c, 1, 1);
    lk_store *reader;
    assert_ok(kinds_open(&reader, true, &err), err);
    int64_t collections, images, faces, before;
    assert_ok(reader->ops->counts(reader, &collections, &images, &faces, &err), err);
    assert_int_equal(faces, 1);
    liken_image *image = sample_image(2, 1), *existing;
    assert_int_equal(reader->ops->images->add(reader, c, image, false, &existing, &err), LIKEN_E_READ_ONLY);
    liken_image_free(image);
    assert_ok(reader->ops->feed->version(reader, &before, &err), err);
    (void)add(c, 3, 1);
    assert_int_not_equal(before, version_other_than(reader, before));
    reader->ops->close(reader);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        KIND_TEST(creates_lists_and_refuses_a_collection_twice),
        KIND_TEST(one_model_has_one_dimension),
        KIND_TEST(removing_a_collection_takes_everything),
        KIND_TEST(what_is_left_of_a_removed_collection_is_nobodys),
        KIND_TEST(a_large_collection_is_erased_in_parts),
        KIND_TEST(gives_back_what_was_added),
        KIND_TEST(same_bytes_in_two_collections_are_two_images),
        KIND_TEST(labels_are_only_data),
        KIND_TEST(text_that_is_not_utf8_is_refused),
        KIND_TEST(labels_have_a_ceiling),
        KIND_TEST(descriptors_of_another_model_are_refused),
        KIND_TEST(lists_in_pages),
        KIND_TEST(lists_by_time),
        KIND_TEST(lists_with_descriptors_of_what_is_there),
        KIND_TEST(removes_images_and_faces),
        KIND_TEST(matches_carry_labels_and_leave_out_what_is_gone),
        KIND_TEST(the_faces_of_images_are_listed),
        KIND_TEST(filters_by_tags_and_time),
        KIND_TEST(the_feed_tells_additions_and_removals),
        KIND_TEST(the_version_changes_with_every_commit_of_anyone),
        KIND_TEST(many_threads_share_commits),
        KIND_TEST(a_healthy_store_checks_well),
        KIND_TEST(a_reader_reads_and_never_writes),
    };
    return kinds_run(tests, LK_LENGTH(tests));
}
