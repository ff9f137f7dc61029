/* distinct = image: the best face of each image, exactly, with work that grows with the faces and not with their
 * square. Work is counted: passes over the index, faces labelled by the store. */
#include "unit/test.h"

#include "base/buf.h"

#include "gallery/gallery_int.h"
#include "unit/gallery/fake_face.h"
#include "unit/store/sample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sample_folder folder;
static liken *lk;
static liken_error err;

/* ---- counting ---- */

static size_t passes, labelled;

int __real_lk_index_search(lk_index *ix, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                           uint64_t *searched, liken_error *e);
int __wrap_lk_index_search(lk_index *ix, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                           uint64_t *searched, liken_error *e);

int __wrap_lk_index_search(lk_index *ix, const lk_index_query *query, lk_neighbour *neighbours, size_t *count,
                           uint64_t *searched, liken_error *e) {
    passes++;
    return __real_lk_index_search(ix, query, neighbours, count, searched, e);
}

static lk_store_ops counting;
static lk_store_faces counting_faces;
static lk_store_members counting_members;
static const lk_store_ops *real;

static int count_matches(lk_store *s, const int64_t *faces, size_t count, lk_store_match *neighbours, liken_error *e) {
    labelled += count;
    return real->faces->matches(s, faces, count, neighbours, e);
}

static int no_faces(lk_store *s, const int64_t *images, size_t count, int64_t **out, size_t *faces, liken_error *e) {
    (void)s;
    (void)images;
    (void)count;
    (void)e;
    *out = NULL;
    *faces = 0;
    return LIKEN_OK;
}

/* `forgetful`: of images that were met no further face is known, so that none is left out of the next page for it. */
static void count_store(bool forgetful) {
    counting = *real;
    counting_faces = *real->faces;
    counting_faces.matches = count_matches;
    counting.faces = &counting_faces;
    counting_members = *real->members;
    if (forgetful)
        counting_members.faces_of = no_faces;
    counting.members = &counting_members;
    lk->store->ops = &counting;
}

static int set_up(void **state) {
    (void)state;
    sample_folder_make(&folder);
    const liken_options o = {.size = sizeof(liken_options), .data = folder.path, .models = "/nowhere", .threads = 2};
    const int rc = liken_open(&lk, &o, NULL, &err);
    if (rc == LIKEN_OK)
        real = lk->store->ops;
    return rc;
}

static int tear_down(void **state) {
    (void)state;
    lk->store->ops = real;
    liken_free(lk);
    sample_folder_remove(&folder);
    return 0;
}

/* ---- photos ---- */

/* A photo of `faces` faces of person 1, all about `noise` away from the query, in no order. */
static void add_crowd(unsigned number, size_t faces, double noise) {
    lk_buf photo;
    lk_buf_init(&photo, 64 * faces + 64);
    assert_ok(lk_buf_string(&photo, "photo 1 1\n", &err), err);
    for (size_t i = 0; i < faces; i++)
        assert_ok(lk_buf_format(&photo, &err, "face 1 %.4f%u%zu 50\n", noise, number, i), err);
    liken_image *image = NULL;
    const char *tag = number % 2 == 0 ? "even" : "odd";
    const liken_add_options o = {.size = sizeof(liken_add_options), .tags = &tag, .tag_count = 1};
    assert_ok(liken_add(lk, NULL, photo.data, photo.size, &o, &image, &err), err);
    assert_int_equal(image->face_count, faces);
    liken_image_free(image);
    lk_buf_free(&photo);
}

static liken_result *search(const liken_search_options *o) {
    static const char query[] = "photo 2 2\nface 1 0 50";
    liken_result *r = NULL;
    assert_ok(liken_search_photo(lk, NULL, query, strlen(query), o, &r, &err), err);
    assert_int_equal(r->answer_count, 1);
    return r;
}

static int64_t images_among(const liken_answer *a) {
    int64_t n = 0;
    for (size_t i = 0; i < a->match_count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = a->matches[j].image == a->matches[i].image;
        n += !seen;
    }
    return n;
}

/* The first face of each image among all faces, nearest first, is what must come; and how many there are beyond the
 * limit is told of faces and of images. */
static void check_against_all(liken_search_options o, float threshold, size_t limit) {
    o.threshold = threshold;
    o.limit = 10000;
    liken_result *all = search(&o);
    assert_int_equal(all->answers[0].total, all->answers[0].match_count);
    o.limit = (int)limit;
    liken_result *few = search(&o);
    assert_int_equal(few->answers[0].total, all->answers[0].match_count);
    liken_result_free(few);
    o.limit = (int)limit;
    o.distinct = LIKEN_DISTINCT_IMAGE;
    liken_result *got = search(&o);
    const liken_answer *a = &all->answers[0], *b = &got->answers[0];
    size_t n = 0;
    for (size_t i = 0; i < a->match_count && n < limit; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = a->matches[j].image == a->matches[i].image;
        if (seen)
            continue;
        assert_true(n < b->match_count);
        assert_int_equal(b->matches[n].face_id, a->matches[i].face_id);
        assert_true(b->matches[n].distance == a->matches[i].distance);
        n++;
    }
    assert_int_equal(b->match_count, n);
    assert_int_equal(b->total, images_among(a));
    assert_int_equal(got->searched, all->searched);
    liken_result_free(all);
    liken_result_free(got);
}

static void answers_are_those_of_brute_force(void **state) {
    (void)state;
    static const double noises[] = {0.05, 0.3, 0.1, 0.1, 0.9, 0.2};
    for (unsigned i = 0; i < 120; i++)
        add_crowd(i, 1 + i * 7 % 60, noises[i % LK_LENGTH(noises)] + 0.01 * (i % 5));
    static const size_t limits[] = {1, 2, 20, 100, 119, 120, 500};
    const char *odd = "odd";
    for (size_t i = 0; i < LK_LENGTH(limits); i++) {
        check_against_all((liken_search_options)LIKEN_SEARCH_INIT, i % 2 == 0 ? INFINITY : 0.7f, limits[i]);
        check_against_all((liken_search_options){.size = sizeof(liken_search_options), .tags = &odd, .tag_count = 1},
                          i % 2 == 0 ? 0.5f : INFINITY, limits[i]);
    }
    liken_result *r = search(&(liken_search_options){
        .size = sizeof(liken_search_options), .uncounted = true, .threshold = 0.7f, .limit = 1});
    assert_int_equal(r->answers[0].total, -1);
    liken_result_free(r);
    count_store(true); /* then nothing but the pages themselves leaves a face out */
    check_against_all((liken_search_options)LIKEN_SEARCH_INIT, INFINITY, 100);
}

/* 24,000 faces in 60 images, image after image farther away: the worst order, since a page holds few images. */
static void work_does_not_grow_with_the_square(void **state) {
    (void)state;
    for (unsigned i = 0; i < 60; i++)
        add_crowd(i, 400, 0.01 * (i + 1));
    static const int limits[] = {1, 20, 50, 60, 10000};
    count_store(false);
    for (size_t i = 0; i < LK_LENGTH(limits); i++) {
        passes = labelled = 0;
        liken_result *r = search(&(liken_search_options){.size = sizeof(liken_search_options),
                                                         .distinct = LIKEN_DISTINCT_IMAGE,
                                                         .limit = limits[i],
                                                         .threshold = INFINITY});
        const size_t images = limits[i] < 60 ? (size_t)limits[i] : 60;
        assert_int_equal(r->answers[0].match_count, images);
        assert_int_equal(r->searched, 24000);
        liken_result_free(r);
        if (passes == 0 || passes > 10 || labelled < images || labelled > 1024 + 64 * images)
            fail_msg("limit %d: %zu passes over the index, %zu faces labelled", limits[i], passes, labelled);
    }
}

/* A person is in a photo once: each photo by its nearest face, and none of the photo that is searched by. */
static void check_one_per_photo(const liken_face *face, int64_t photo, size_t own, liken_search_options o) {
    liken_result *all = NULL, *got = NULL;
    o.distinct = LIKEN_DISTINCT_IMAGE;
    const int limit = o.limit;
    o.limit = 10000;
    assert_ok(liken_search_face(lk, NULL, face->id, &o, &all, &err), err);
    o.distinct = LIKEN_DISTINCT_FACE;
    o.one_per_photo = true;
    o.limit = limit;
    assert_ok(liken_search_face(lk, NULL, face->id, &o, &got, &err), err);
    const liken_answer *a = &all->answers[0], *b = &got->answers[0];
    size_t n = 0, others = 0;
    for (size_t i = 0; i < a->match_count; i++) {
        if (a->matches[i].image == photo)
            continue;
        others++;
        if (n == (size_t)limit)
            continue;
        assert_true(n < b->match_count);
        assert_int_equal(b->matches[n].face_id, a->matches[i].face_id);
        n++;
    }
    assert_int_equal(b->match_count, n);
    assert_int_equal(b->total, others);
    assert_int_equal(got->searched, all->searched - own);
    liken_result_free(all);
    liken_result_free(got);
}

static void a_person_is_in_a_photo_once(void **state) {
    (void)state;
    const char *odd = "odd";
    for (unsigned i = 0; i < 40; i++)
        add_crowd(i, 1 + i % 9, 0.05 + 0.01 * (i % 5));
    liken_image_list *list = NULL;
    assert_ok(
        liken_list(lk, NULL, &(liken_list_options){.size = sizeof(liken_list_options), .limit = 1000}, &list, &err),
        err);
    for (size_t i = 0; i < list->count; i++) {
        const liken_image *image = list->images[i];
        const bool is_odd = strcmp(image->tags[0], "odd") == 0;
        const liken_search_options usual = {
            .size = sizeof(liken_search_options), .threshold = i % 2 == 0 ? INFINITY : 0.3f, .limit = (int)(1 + 2 * i)};
        liken_search_options tagged = usual;
        tagged.tags = &odd;
        tagged.tag_count = 1;
        check_one_per_photo(&image->faces[0], image->id, image->face_count - 1, usual);
        check_one_per_photo(&image->faces[0], image->id, is_odd ? image->face_count - 1 : 0, tagged);
    }
    liken_image_list_free(list);
    liken_result *r = search(&(liken_search_options){
        .size = sizeof(liken_search_options), .one_per_photo = true, .threshold = INFINITY, .limit = 1000});
    assert_int_equal(r->answers[0].match_count, 40);
    assert_int_equal(images_among(&r->answers[0]), 40);
    liken_result_free(r);
}

/* ---- the set of ids ---- */

static void a_set_of_ids_holds_each_once(void **state) {
    (void)state;
    lk_ids s = {0};
    assert_false(lk_ids_has(&s, 0));
    for (int round = 0; round < 2; round++)
        for (int64_t i = 0; i < 5000; i++)
            assert_ok(lk_ids_add(&s, i * i - 2500, &err), err);
    assert_ok(lk_ids_add(&s, INT64_MAX, &err), err);
    assert_ok(lk_ids_add(&s, INT64_MIN, &err), err);
    assert_int_equal(s.count, 5002);
    for (int64_t i = 0; i < 5000; i++)
        assert_true(lk_ids_has(&s, i * i - 2500) && s.list[i] == i * i - 2500);
    assert_true(lk_ids_has(&s, INT64_MIN) && lk_ids_has(&s, INT64_MAX));
    assert_false(lk_ids_has(&s, -1) || lk_ids_has(&s, 3));
    lk_ids_free(&s);
    lk_ids_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_are_those_of_brute_force, set_up, tear_down),
        cmocka_unit_test_setup_teardown(work_does_not_grow_with_the_square, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_person_is_in_a_photo_once, set_up, tear_down),
        cmocka_unit_test(a_set_of_ids_holds_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
