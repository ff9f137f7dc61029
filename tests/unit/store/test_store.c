/* One table of tests over lk_store, for every kind of store: a kind is a row in `kinds`. */
#include "unit/test.h"

#include "store/codec.h"
#include "unit/store/sample.h"
#include "unit/store/server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct sample_folder folder;
static struct server server; /* started once; each test gets a database of its own */
static char database[32];
static lk_store *store;
static liken_error err;

static int open_sqlite(lk_store **out, bool read_only, liken_error *e) {
    return lk_store_open_sqlite(out, folder.path, read_only, e);
}

static int open_postgres(lk_store **out, bool read_only, liken_error *e) {
    return lk_store_open_postgres(out, server_where(&server, database, false, 0), read_only, e);
}

static void new_database(void) {
    static int number;
    if (server.pid == 0)
        server_make(&server);
    (void)snprintf(database, sizeof database, "test%d", ++number);
    server_database(&server, database);
}

static const struct {
    const char *name;
    void (*prepare)(void); /* a new place for a store, beside the folder */
    int (*open)(lk_store **out, bool read_only, liken_error *e);
} kinds[] = {
    {"sqlite", NULL, open_sqlite},
    {"postgresql", new_database, open_postgres},
};
static size_t kind;

static int set_up(void **state) {
    (void)state;
    sample_folder_make(&folder);
    store = NULL;
    if (kinds[kind].prepare != NULL)
        kinds[kind].prepare();
    const int rc = kinds[kind].open(&store, false, &err);
    if (rc != LIKEN_OK)
        print_error("%s\n", err.message);
    return rc;
}

static int tear_down(void **state) {
    (void)state;
    if (store != NULL)
        store->ops->close(store);
    sample_folder_remove(&folder);
    return 0;
}

static void reopen(void) {
    store->ops->close(store);
    store = NULL;
    assert_ok(kinds[kind].open(&store, false, &err), err);
}

static int64_t make_collection(const char *name) {
    return sample_collection(store, name, SAMPLE_MODEL, LIKEN_NORMALIZED);
}

/* Adds a photo that must be new; gives its id. */
static int64_t add(int64_t collection, unsigned seed, size_t faces) {
    liken_image *image = sample_image(seed, faces), *existing = NULL;
    assert_ok(store->ops->image_add(store, collection, image, &existing, &err), err);
    assert_null(existing);
    const int64_t id = image->id;
    liken_image_free(image);
    return id;
}

/* ---- collections ---- */

static void creates_lists_and_refuses_a_collection_twice(void **state) {
    (void)state;
    const int64_t b = make_collection("b"), a = make_collection("a");
    assert_int_not_equal(a, b);
    liken_collection c = {
        .name = (char *)(uintptr_t) "a", .model = (char *)(uintptr_t)SAMPLE_MODEL, .dimension = SAMPLE_DIMENSION};
    assert_int_equal(store->ops->collection_create(store, &c, &err), LIKEN_E_CONFLICT);
    liken_collection **list;
    size_t count;
    assert_ok(store->ops->collection_list(store, &list, &count, &err), err);
    assert_int_equal(count, 2);
    assert_string_equal(list[0]->name, "a");
    assert_int_equal(list[1]->id, b);
    assert_string_equal(list[1]->model, SAMPLE_MODEL);
    assert_int_equal(list[1]->dimension, SAMPLE_DIMENSION);
    assert_true(list[1]->threshold == 0.375f);
    liken_collections_free(list, count);
    liken_collection *got;
    assert_int_equal(store->ops->collection_get(store, "none", &got, &err), LIKEN_E_NOT_FOUND);
}

static void one_model_has_one_dimension(void **state) {
    (void)state;
    (void)make_collection("a");
    liken_collection c = {.name = (char *)(uintptr_t) "b", .model = (char *)(uintptr_t)SAMPLE_MODEL, .dimension = 64};
    assert_int_equal(store->ops->collection_create(store, &c, &err), LIKEN_E_MISMATCH);
    liken_collection *got;
    assert_int_equal(store->ops->collection_get(store, "b", &got, &err), LIKEN_E_NOT_FOUND);
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

static void ignore_finding(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)ctx;
    (void)what;
    (void)verdict;
    (void)message;
}

/* ---- removing a collection ---- */

static void expect_counts(int64_t collections, int64_t images, int64_t faces) {
    int64_t counts[3];
    assert_ok(store->ops->counts(store, &counts[0], &counts[1], &counts[2], &err), err);
    assert_int_equal(counts[0], collections);
    assert_int_equal(counts[1], images);
    assert_int_equal(counts[2], faces);
}

/* The steps it takes to erase all there is to be erased. */
static int sweep_all(void) {
    bool more = true;
    int steps = 0;
    for (; more; steps++)
        assert_ok(store->ops->sweep(store, &more, &err), err);
    int64_t left = -1;
    assert_ok(store->ops->erasing(store, &left, &err), err);
    assert_int_equal(left, 0);
    return steps;
}

static void removing_a_collection_takes_everything(void **state) {
    (void)state;
    const int64_t a = make_collection("a"), b = make_collection("b");
    const int64_t gone = add(a, 1, 2);
    (void)add(b, 2, 1);
    assert_ok(store->ops->collection_remove(store, a, false, &err), err);
    assert_int_equal(store->ops->collection_remove(store, a, false, &err), LIKEN_E_NOT_FOUND);
    expect_counts(1, 1, 1);
    liken_image *image;
    assert_int_equal(store->ops->image_get(store, 0, gone, &image, &err), LIKEN_E_NOT_FOUND);
    liken_collection *again;
    assert_ok(store->ops->collection_remove(store, b, true, &err), err);
    assert_ok(store->ops->collection_get(store, "b", &again, &err), err);
    assert_int_not_equal(again->id, b);
    assert_string_equal(again->model, SAMPLE_MODEL);
    assert_true(again->threshold == 0.375f);
    liken_collection_free(again);
    expect_counts(1, 0, 0);
    assert_true(sweep_all() > 2);
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
    lk_store_hit hit = {0};
    struct heard h = {0};
    assert_ok(store->ops->vectors_after(store, 0, hear, &h, &err), err);
    const int64_t one = h.ids[0];
    assert_ok(store->ops->collection_remove(store, a, false, &err), err);
    assert_int_equal(store->ops->image_get(store, 0, gone, &image, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->image_get(store, a, gone, &image, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->image_remove(store, 0, gone, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->face_get(store, one, &face, NULL, NULL, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->face_remove(store, one, &err), LIKEN_E_NOT_FOUND);
    assert_ok(store->ops->hits(store, &one, 1, &hit, &err), err);
    assert_int_equal(hit.face, 0);
    assert_ok(store->ops->image_list(store, a, &(liken_list_options){0}, &list, &err), err);
    assert_int_equal(list->count, 0);
    liken_image_list_free(list);
    assert_ok(store->ops->copy_page(store, 0, 100, &list, &err), err);
    assert_int_equal(list->count, 1);
    assert_int_equal(list->images[0]->id, stays);
    liken_image_list_free(list);
    h = (struct heard){0};
    assert_ok(store->ops->vectors_after(store, 0, hear, &h, &err), err);
    assert_int_equal(h.count, 1);
    image = sample_image(3, 1);
    assert_int_equal(store->ops->image_add(store, a, image, &existing, &err), LIKEN_E_NOT_FOUND);
    liken_image_free(image);
    image = sample_image(1, 2); /* the bytes that are being erased are new to a collection of the same name */
    const int64_t again = make_collection("a");
    assert_ok(store->ops->image_add(store, again, image, &existing, &err), err);
    assert_null(existing);
    assert_true(image->id > stays);
    liken_image_free(image);
    (void)sweep_all();
    expect_counts(2, 2, 3);
    int bad = -1;
    assert_ok(store->ops->check(store, ignore_finding, NULL, &bad, &err), err);
    assert_int_equal(bad, 0);
}

/* More than one transaction's worth; it is left off half-way and gone on with by another process. */
static void a_large_collection_is_erased_in_parts(void **state) {
    (void)state;
    const int64_t a = make_collection("a");
    for (unsigned i = 0; i < 300; i++)
        (void)add(a, 100 + i, i == 0 ? 1500 : 3);
    int64_t face, deletion, left = 0, before = 300;
    bool more = false;
    assert_ok(store->ops->collection_remove(store, a, true, &err), err);
    assert_ok(store->ops->erasing(store, &left, &err), err);
    assert_int_equal(left, 300);
    assert_ok(store->ops->sweep(store, &more, &err), err);
    assert_true(more);
    assert_ok(store->ops->marks(store, &face, &deletion, &err), err);
    assert_true(deletion > 0 && deletion < 1500);
    (void)add(make_collection("b"), 1, 1); /* others write in between */
    store->ops->close(store);
    assert_ok(kinds[kind].open(&store, false, &err), err);
    for (; more; before = left) {
        assert_ok(store->ops->sweep(store, &more, &err), err);
        assert_ok(store->ops->erasing(store, &left, &err), err);
        assert_true(left <= before);
    }
    assert_int_equal(left, 0);
    assert_ok(store->ops->marks(store, &face, &deletion, &err), err);
    assert_int_equal(deletion, 1500 + 299 * 3);
    struct heard h = {0};
    assert_ok(store->ops->deletions_after(store, deletion - 3, hear_removal, &h, &err), err);
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
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    assert_null(existing);
    assert_true(image->id > 0 && image->faces[0].id > 0 && image->faces[1].id > image->faces[0].id);
    reopen();
    assert_ok(store->ops->image_get(store, c, image->id, &got, &err), err);
    assert_same_image(image, got);
    assert_string_equal(got->collection, "a");
    liken_image_free(got);
    assert_ok(store->ops->image_find(store, c, image->sha256, &got, &err), err);
    assert_same_image(image, got);
    liken_image_free(got);
    again = sample_image(7, 1);
    assert_ok(store->ops->image_add(store, c, again, &existing, &err), err);
    assert_non_null(existing);
    assert_same_image(image, existing);
    assert_int_equal(again->id, 0);
    liken_image_free(existing);
    liken_image_free(again);
    liken_face *face;
    int64_t of, in;
    assert_ok(store->ops->face_get(store, image->faces[1].id, &face, &of, &in, &err), err);
    assert_int_equal(of, image->id);
    assert_int_equal(in, c);
    assert_int_equal(face->dimension, SAMPLE_DIMENSION);
    assert_memory_equal(face->descriptor, image->faces[1].descriptor, SAMPLE_DIMENSION * sizeof(float));
    liken_face_free(face);
    liken_image_free(image);
}

static void same_bytes_in_two_collections_are_two_images(void **state) {
    (void)state;
    const int64_t a = make_collection("a"), b = make_collection("b");
    const int64_t in_a = add(a, 1, 1), in_b = add(b, 1, 1);
    assert_int_not_equal(in_a, in_b);
    liken_image *image;
    assert_int_equal(store->ops->image_get(store, b, in_a, &image, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->image_remove(store, b, in_a, &err), LIKEN_E_NOT_FOUND);
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
        sample_set(&image->tags[0], labels[i] + (length > LK_STORE_TAG_MAX ? length - LK_STORE_TAG_MAX : 0));
        assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
        const liken_list_options o = {.file = labels[i], .image_id = labels[i]};
        liken_image_list *list;
        assert_ok(store->ops->image_list(store, c, &o, &list, &err), err);
        assert_int_equal(list->count, 1);
        assert_int_equal(list->images[0]->id, image->id);
        assert_string_equal(list->images[0]->file, labels[i]);
        const liken_search_options where = {.tags = (const char *const[]){image->tags[0]}, .tag_count = 1};
        int64_t *ids;
        size_t count;
        assert_ok(store->ops->faces_where(store, c, &where, &ids, &count, &err), err);
        assert_int_equal(count, 1);
        assert_int_equal(ids[0], image->faces[0].id);
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
            assert_int_equal(store->ops->image_add(store, c, image, &existing, &err), LIKEN_E_ARG);
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
    char *text = calloc(1, LK_STORE_LABEL_MAX + 2);
    assert_non_null(text);
    memset(text, 'x', LK_STORE_LABEL_MAX);
    liken_image *image = sample_image(1, 0), *existing;
    sample_set(&image->file, text);
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    liken_image_free(image);
    text[LK_STORE_LABEL_MAX] = 'x';
    image = sample_image(2, 0);
    sample_set(&image->file, text);
    assert_int_equal(store->ops->image_add(store, c, image, &existing, &err), LIKEN_E_TOO_LARGE);
    liken_image_free(image);
    free(text);
}

static void descriptors_of_another_model_are_refused(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 1), *existing = NULL;
    sample_set(&image->model, "other-2/68");
    assert_int_equal(store->ops->image_add(store, c, image, &existing, &err), LIKEN_E_MISMATCH);
    assert_non_null(strstr(err.message, SAMPLE_MODEL));
    assert_non_null(strstr(err.message, "other-2/68"));
    sample_set(&image->model, SAMPLE_MODEL);
    image->faces[0].dimension = SAMPLE_DIMENSION - 1;
    assert_int_equal(store->ops->image_add(store, c, image, &existing, &err), LIKEN_E_MISMATCH);
    image->faces[0].dimension = SAMPLE_DIMENSION;
    image->faces[0].descriptor[3] = (float)(1e30 * 1e30);
    assert_int_equal(store->ops->image_add(store, c, image, &existing, &err), LIKEN_E_INTERNAL);
    assert_int_equal(store->ops->image_add(store, c + 100, image, &existing, &err), LIKEN_E_INTERNAL);
    image->faces[0].descriptor[3] = 0;
    assert_int_equal(store->ops->image_add(store, c + 100, image, &existing, &err), LIKEN_E_NOT_FOUND);
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
        assert_ok(store->ops->image_list(store, c, &o, &list, &err), err);
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
    assert_ok(store->ops->image_list(store, c, &o, &list, &err), err);
    assert_int_equal(list->next, 0);
    liken_image_list_free(list);
    o.limit = 1001;
    assert_int_equal(store->ops->image_list(store, c, &o, &list, &err), LIKEN_E_ARG);
}

static void removes_images_and_faces(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 3), *existing, *got;
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    assert_ok(store->ops->face_remove(store, image->faces[1].id, &err), err);
    assert_int_equal(store->ops->face_remove(store, image->faces[1].id, &err), LIKEN_E_NOT_FOUND);
    assert_ok(store->ops->image_get(store, c, image->id, &got, &err), err);
    assert_int_equal(got->face_count, 2);
    liken_image_free(got);
    assert_ok(store->ops->image_remove(store, 0, image->id, &err), err);
    assert_int_equal(store->ops->image_remove(store, 0, image->id, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->image_find(store, c, image->sha256, &got, &err), LIKEN_E_NOT_FOUND);
    const int64_t old = image->faces[2].id;
    liken_image_free(image);
    image = sample_image(1, 1);
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    assert_true(image->faces[0].id > old); /* an id is never given twice */
    liken_image_free(image);
    liken_collection *col;
    assert_ok(store->ops->collection_get(store, "a", &col, &err), err);
    assert_int_equal(col->images, 1);
    assert_int_equal(col->faces, 1);
    liken_collection_free(col);
}

/* ---- searching's questions ---- */

static void hits_carry_labels_and_leave_out_what_is_gone(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 2), *existing;
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    const int64_t ids[3] = {image->faces[1].id, 999999, image->faces[0].id};
    lk_store_hit hits[3];
    assert_ok(store->ops->hits(store, ids, 3, hits, &err), err);
    assert_int_equal(hits[0].face, ids[0]);
    assert_int_equal(hits[0].image, image->id);
    assert_string_equal(hits[0].file, image->file);
    assert_string_equal(hits[0].image_id, image->image_id);
    assert_int_equal(hits[0].width, image->width);
    assert_memory_equal(&hits[0].box, &image->faces[1].box, sizeof hits[0].box);
    assert_int_equal(hits[1].face, 0);
    assert_null(hits[1].file);
    assert_int_equal(hits[2].face, ids[2]);
    for (int i = 0; i < 3; i++)
        lk_hit_clear(&hits[i]);
    liken_image_free(image);
}

static void the_faces_of_images_are_listed(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const int64_t images[3] = {add(c, 1, 3), 999999, add(c, 2, 2)};
    (void)add(c, 3, 4);
    liken_image *image = NULL;
    assert_ok(store->ops->image_get(store, c, images[0], &image, &err), err);
    assert_ok(store->ops->face_remove(store, image->faces[1].id, &err), err);
    int64_t *faces = NULL;
    size_t count = 0;
    assert_ok(store->ops->faces_of(store, images, 3, &faces, &count, &err), err);
    assert_int_equal(count, 4);
    int found = 0;
    for (size_t i = 0; i < count; i++)
        found += faces[i] == image->faces[0].id || faces[i] == image->faces[2].id;
    assert_int_equal(found, 2);
    free(faces);
    liken_image_free(image);
    assert_ok(store->ops->faces_of(store, images, 0, &faces, &count, &err), err);
    assert_int_equal(count, 0);
    free(faces);
}

static size_t where(int64_t collection, const liken_search_options *o, int64_t **ids) {
    size_t count = 0;
    assert_ok(store->ops->faces_where(store, collection, o, ids, &count, &err), err);
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
            assert_ok(store->ops->image_add(store, in == 0 ? c : other, image, &existing, &err), err);
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

/* ---- names ---- */

struct adder {
    pthread_t thread;
    lk_store *store;
    int64_t collection;
    unsigned number;
    int failed, fresh;
};

static void count_bad(void *ctx, const char *what, liken_verdict verdict, const char *message) {
    (void)what;
    (void)message;
    *(int *)ctx += verdict == LIKEN_BAD;
}

/* Adds the photo of this seed with a label; the one that is there when its bytes are. */
static liken_image *add_as(int64_t collection, unsigned seed, const char *file, liken_label_kind as,
                           const char *image_id) {
    liken_image *image = sample_image(seed, 2), *existing = NULL;
    const liken_mark mark = {1000 + seed, 1700000000123456789, UINT64_MAX - seed};
    lk_image_forget_labels(image);
    if (file != NULL)
        assert_true(lk_image_label(image, file, as, as == LIKEN_LABEL_FILE ? &mark : NULL));
    free(image->image_id);
    image->image_id = NULL;
    if (image_id != NULL)
        assert_true(lk_image_id(image, image_id));
    assert_ok(store->ops->image_add(store, collection, image, &existing, &err), err);
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
    assert_ok(store->ops->image_get(store, 0, id, &image, &err), err);
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
    assert_ok(store->ops->image_list(store, collection, &o, &list, &err), err);
    const size_t count = list->count;
    if (count > 0)
        *first = list->images[0]->id;
    liken_image_list_free(list);
    return count;
}

static bool exists(int64_t id) {
    liken_image *image = NULL;
    const int rc = store->ops->image_get(store, 0, id, &image, &err);
    assert_true(rc == LIKEN_OK || rc == LIKEN_E_NOT_FOUND);
    liken_image_free(image);
    return rc == LIKEN_OK;
}

static void expect_healthy(void) {
    int told = 0, bad = -1;
    assert_ok(store->ops->check(store, count_bad, &told, &bad, &err), err);
    assert_int_equal(bad, 0);
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
    lk_store_hit hit;
    assert_ok(store->ops->hits(store, &one->faces[0].id, 1, &hit, &err), err);
    assert_true(hit.file_count == 2 && hit.image_id_count == 2);
    assert_string_equal(hit.file, "p/one.jpg");
    assert_string_equal(hit.files[1], "p/two.jpg");
    assert_string_equal(hit.image_ids[1], "8");
    lk_hit_clear(&hit);
    liken_image_free(one);
    expect_healthy();
}

static void the_same_bytes_gather_tags_and_a_time(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_image *image = sample_image(1, 1), *existing = NULL;
    image->captured_at = LIKEN_NO_TIME;
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    const int64_t id = image->id;
    liken_image_free(image);
    image = sample_image(1, 1);
    sample_set(&image->tags[0], "c tag");
    image->captured_at = 1234;
    assert_ok(store->ops->image_add(store, c, image, &existing, &err), err);
    assert_true(existing->id == id && existing->extended && existing->captured_at == 1234);
    assert_int_equal(existing->tag_count, 3);
    assert_string_equal(existing->tags[2], "c tag");
    liken_image_free(existing);
    existing = NULL;
    image->captured_at = 99; /* it has one */
    assert_ok(store->ops->image_extend(store, c, id, image, &existing, &err), err);
    assert_true(!existing->extended && existing->captured_at == 1234);
    liken_image_free(existing);
    assert_int_equal(store->ops->image_extend(store, c + 1, id, image, &existing, &err), LIKEN_E_NOT_FOUND);
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
    assert_ok(store->ops->lost(store, c, 0, ids, &count, &err), err);
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
    assert_ok(store->ops->lost(store, c, 0, ids, &count, &err), err);
    assert_true(count == 1 && ids[0] == one);
    assert_int_equal(add_id(c, 1, "p/2", LIKEN_LABEL_FILE), one);
    assert_labels(one, LABELS("p/2"));
    assert_labels(two, LABELS("p/1"));
    const int64_t four = add_id(c, 4, "p/3", LIKEN_LABEL_FILE); /* other bytes; what lay there is also elsewhere */
    const int64_t five = add_id(c, 5, "p/1", LIKEN_LABEL_FILE); /* and what lay here is not */
    assert_labels(both, LABELS("p/copy"));
    assert_ok(store->ops->lost(store, c, 0, ids, &count, &err), err);
    assert_true(count == 1 && ids[0] == two);
    expect_healthy();
    assert_ok(store->ops->lost_remove(store, c, one, &gone, &err), err);
    assert_false(gone);
    assert_ok(store->ops->lost_remove(store, c, two, &gone, &err), err);
    assert_true(gone && !exists(two));
    assert_labels(four, LABELS("p/3"));
    assert_labels(five, LABELS("p/1"));
    expect_counts(1, 4, 8);
    expect_healthy();
}

static void a_file_is_known_by_its_mark(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    liken_mark mark;
    int64_t image;
    const int64_t one = add_id(c, 1, "p/1", LIKEN_LABEL_FILE);
    (void)add_id(c, 2, "p/2", LIKEN_LABEL_OWN);
    assert_ok(store->ops->file_find(store, c, "p/1", &image, &mark, &err), err);
    assert_true(image == one && mark.size == 1001 && mark.inode == UINT64_MAX - 1);
    assert_ok(store->ops->file_find(store, c, "p/2", &image, &mark, &err), err);
    assert_int_equal(image, 0);
    liken_image *with = calloc(1, sizeof *with), *out = NULL;
    assert_non_null(with);
    with->captured_at = LIKEN_NO_TIME;
    assert_true(lk_image_label(with, "p/1", LIKEN_LABEL_FILE, &(liken_mark){5, 6, 7}));
    assert_ok(store->ops->image_extend(store, c, one, with, &out, &err), err);
    assert_false(out->extended);
    liken_image_free(out);
    liken_image_free(with);
    reopen();
    assert_ok(store->ops->file_find(store, c, "p/1", &image, &mark, &err), err);
    assert_true(image == one && mark.size == 5 && mark.mtime == 6 && mark.inode == 7);
}

static void the_last_name_takes_the_photo(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    bool gone = true;
    liken_image *image = add_as(c, 1, "x", LIKEN_LABEL_FILE, "7");
    liken_image_free(add_as(c, 1, "y", LIKEN_LABEL_FILE, NULL));
    liken_image_free(add_as(c, 1, NULL, LIKEN_LABEL_OWN, "8"));
    assert_int_equal(store->ops->name_remove(store, c, image->id, "z", NULL, &gone, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(store->ops->name_remove(store, c, image->id, "x", "9", &gone, &err), LIKEN_E_NOT_FOUND);
    assert_labels(image->id, LABELS("x", "y")); /* all or nothing */
    assert_ok(store->ops->name_remove(store, c, image->id, "x", NULL, &gone, &err), err);
    assert_false(gone);
    assert_labels(image->id, LABELS("y"));
    assert_ok(store->ops->name_remove(store, c, image->id, NULL, "7", &gone, &err), err);
    assert_false(gone);
    assert_ok(store->ops->name_remove(store, c, image->id, "y", NULL, &gone, &err), err);
    assert_true(gone && !exists(image->id));
    expect_counts(1, 0, 0);
    liken_image_free(image);
    image = add_as(c, 1, "x", LIKEN_LABEL_FILE, "7"); /* the last id as well */
    assert_ok(store->ops->name_remove(store, c, image->id, NULL, "7", &gone, &err), err);
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
        assert_true(lk_image_label(with, label, LIKEN_LABEL_FILE, NULL));
    }
    assert_ok(store->ops->image_extend(store, c, add_id(c, 1, "q", LIKEN_LABEL_OWN), with, &out, &err), err);
    assert_int_equal(out->label_count, 1101);
    liken_image_free(out);
    liken_image_free(with);
    (void)add_id(c, 1, "p0", LIKEN_LABEL_FILE);
    (void)add_id(c, 1, "p.jpg", LIKEN_LABEL_FILE);
    (void)add_id(c, 1, "p/own", LIKEN_LABEL_OWN);
    do {
        liken_file_list *list = NULL;
        assert_ok(store->ops->files_between(store, c, "p/", "p0", after, &list, &err), err);
        for (size_t i = 0; i < list->count; i++)
            assert_true(strncmp(list->files[i].file, "p/", 2) == 0 && list->files[i].image > 0);
        seen += list->count;
        after = list->next;
        liken_file_list_free(list);
    } while (after != 0);
    assert_int_equal(seen, 1100);
}

/* Threads that claim the same few labels with photos of their own, and others that do not. */
static void *claim_many(void *arg) {
    struct adder *a = arg;
    char label[16];
    for (unsigned i = 0; i < 40; i++) {
        liken_error e;
        liken_image *image = sample_image(5000 + 100 * a->number + i, 1), *existing = NULL;
        lk_image_forget_labels(image);
        (void)snprintf(label, sizeof label, "l/%u", i % 4);
        a->failed += !lk_image_label(image, label, i % 8 < 4 ? LIKEN_LABEL_FILE : LIKEN_LABEL_OWN, NULL);
        a->failed += a->store->ops->image_add(a->store, a->collection, image, &existing, &e) != LIKEN_OK;
        liken_image_free(existing);
        liken_image_free(image);
    }
    return NULL;
}

static void many_threads_claim_the_same_labels(void **state) {
    (void)state;
    struct adder a[6];
    const int64_t c = make_collection("a");
    int64_t found;
    char label[16];
    for (unsigned i = 0; i < LK_LENGTH(a); i++) {
        a[i] = (struct adder){.store = store, .collection = c, .number = i};
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

/* ---- the feed ---- */

static void the_feed_tells_additions_and_removals(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    const int64_t first = add(c, 1, 2);
    (void)add(c, 2, 1);
    struct heard h = {0};
    assert_ok(store->ops->vectors_after(store, 0, hear, &h, &err), err);
    assert_int_equal(h.count, 3);
    liken_image *expected = sample_image(1, 2);
    assert_true(h.first == expected->faces[0].descriptor[0]);
    liken_image_free(expected);
    const int64_t last = h.ids[2], gone[2] = {h.ids[0], h.ids[1]};
    int64_t face = -1, deletion = -1;
    assert_ok(store->ops->marks(store, &face, &deletion, &err), err);
    assert_int_equal(face, last);
    assert_int_equal(deletion, 0);
    assert_int_equal(store->ops->vectors_after(store, 0, refuse, NULL, &err), LIKEN_E_CANCELLED);
    h = (struct heard){0};
    assert_ok(store->ops->vectors_after(store, last, hear, &h, &err), err);
    assert_int_equal(h.count, 0);
    assert_ok(store->ops->image_remove(store, c, first, &err), err);
    assert_ok(store->ops->deletions_after(store, 0, hear_removal, &h, &err), err);
    assert_int_equal(h.count, 2);
    assert_memory_equal(h.ids, gone, sizeof gone);
    h.count = 0;
    assert_ok(store->ops->collection_remove(store, c, false, &err), err);
    (void)sweep_all();
    assert_ok(store->ops->deletions_after(store, h.seq, hear_removal, &h, &err), err);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.ids[0], last);
    assert_ok(store->ops->marks(store, &face, &deletion, &err), err);
    assert_int_equal(face, last);
    assert_int_equal(deletion, h.seq);
}

/* A change of another process may take a moment to be heard. */
static int64_t version_other_than(lk_store *s, int64_t before) {
    int64_t after = before;
    for (int tries = 0; tries < 1000 && after == before; tries++) {
        assert_ok(s->ops->version(s, &after, &err), err);
        if (after == before)
            (void)nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    return after;
}

static void the_version_changes_with_every_commit_of_anyone(void **state) {
    (void)state;
    int64_t before, after;
    assert_ok(store->ops->version(store, &before, &err), err);
    assert_ok(store->ops->version(store, &after, &err), err);
    assert_int_equal(before, after);
    const int64_t c = make_collection("a");
    assert_ok(store->ops->version(store, &after, &err), err);
    assert_int_not_equal(before, after);
    lk_store *second;
    assert_ok(kinds[kind].open(&second, false, &err), err);
    char id[37], second_id[37];
    assert_ok(store->ops->id(store, id, &err), err);
    assert_ok(second->ops->id(second, second_id, &err), err);
    assert_string_equal(id, second_id);
    assert_ok(store->ops->version(store, &before, &err), err);
    liken_image *image = sample_image(1, 1), *existing;
    assert_ok(second->ops->image_add(second, c, image, &existing, &err), err);
    liken_image_free(image);
    assert_int_not_equal(before, version_other_than(store, before));
    second->ops->close(second);
}

/* ---- many threads ---- */

/* Every thread adds its own photos and, between them, the same ones as all others. */
static void *add_many(void *arg) {
    struct adder *a = arg;
    for (unsigned i = 0; i < 60; i++) {
        liken_error e;
        const bool shared = i % 3 == 0;
        liken_image *image = sample_image(shared ? i : 1000 * (a->number + 1) + i, 2), *existing = NULL, *got = NULL;
        if (i % 10 == 7)
            sample_set(&image->model, "other"); /* one that fails inside the group */
        const int rc = a->store->ops->image_add(a->store, a->collection, image, &existing, &e);
        if (i % 10 == 7) {
            a->failed += rc != LIKEN_E_MISMATCH;
        } else {
            a->failed += rc != LIKEN_OK;
            a->fresh += rc == LIKEN_OK && existing == NULL;
            /* acknowledged, so every reader finds it whole */
            a->failed += a->store->ops->image_find(a->store, a->collection, image->sha256, &got, &e) != LIKEN_OK ||
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
    assert_ok(kinds[kind].open(&second, false, &err), err);
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
    int told = 0, bad = -1;
    assert_ok(store->ops->check(store, count_bad, &told, &bad, &err), err);
    assert_int_equal(bad, 0);
    assert_int_equal(told, 0);
}

static void a_reader_reads_and_never_writes(void **state) {
    (void)state;
    const int64_t c = make_collection("a");
    (void)add(c, 1, 1);
    lk_store *reader;
    assert_ok(kinds[kind].open(&reader, true, &err), err);
    int64_t collections, images, faces, before;
    assert_ok(reader->ops->counts(reader, &collections, &images, &faces, &err), err);
    assert_int_equal(faces, 1);
    liken_image *image = sample_image(2, 1), *existing;
    assert_int_equal(reader->ops->image_add(reader, c, image, &existing, &err), LIKEN_E_STORE);
    liken_image_free(image);
    assert_ok(reader->ops->version(reader, &before, &err), err);
    (void)add(c, 3, 1);
    assert_int_not_equal(before, version_other_than(reader, before));
    reader->ops->close(reader);
}

static int end_server(void **state) {
    (void)state;
    if (server.pid != 0)
        server_remove(&server);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(creates_lists_and_refuses_a_collection_twice),
        T(one_model_has_one_dimension),
        T(removing_a_collection_takes_everything),
        T(what_is_left_of_a_removed_collection_is_nobodys),
        T(a_large_collection_is_erased_in_parts),
        T(gives_back_what_was_added),
        T(same_bytes_in_two_collections_are_two_images),
        T(labels_are_only_data),
        T(text_that_is_not_utf8_is_refused),
        T(labels_have_a_ceiling),
        T(descriptors_of_another_model_are_refused),
        T(lists_in_pages),
        T(removes_images_and_faces),
        T(hits_carry_labels_and_leave_out_what_is_gone),
        T(the_faces_of_images_are_listed),
        T(filters_by_tags_and_time),
        T(the_same_bytes_gather_names),
        T(the_same_bytes_gather_tags_and_a_time),
        T(a_label_of_its_own_names_one_photo),
        T(a_file_is_followed),
        T(a_file_is_known_by_its_mark),
        T(the_last_name_takes_the_photo),
        T(files_below_a_folder_come_in_pages),
        T(many_threads_claim_the_same_labels),
        T(the_feed_tells_additions_and_removals),
        T(the_version_changes_with_every_commit_of_anyone),
        T(many_threads_share_commits),
        T(a_healthy_store_checks_well),
        T(a_reader_reads_and_never_writes),
    };
    int failed = 0;
    for (kind = 0; kind < LK_LENGTH(kinds); kind++) {
        if (kinds[kind].prepare == new_database && server_programs() == NULL)
            print_message("SKIPPED: %s: %s\n", kinds[kind].name, server_missing);
        else
            failed += cmocka_run_group_tests_name(kinds[kind].name, tests, NULL, end_server);
    }
    return failed;
}
