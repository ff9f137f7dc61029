/* The whole of liken.h but packs, over a real store and a real index, with a stand-in for photos and faces. */
#include "base/error.h"
#include "unit/gallery/opened.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- adding ---- */

static void takes_the_time_of_the_photo_where_none_is_given(void **state) {
    (void)state;
    const liken_add_options given = {.size = sizeof(liken_add_options), .captured_at = 55},
                            none = {.size = sizeof(liken_add_options), .captured_at = LIKEN_NO_TIME};
    liken_image *own = add_to(lk, "photo 640 481 taken 77\nface 1 0.1 50", NULL),
                *said = add_to(lk, "photo 640 482 taken 77 preview\nface 1 0.1 50", &given),
                *unknown = add_to(lk, "photo 640 483\nface 1 0.1 50", &none), *stored = NULL;
    assert_int_equal(own->captured_at, 77);
    assert_null(own->note);
    assert_int_equal(said->captured_at, 55);
    assert_string_equal(said->note, "a preview");
    assert_true(unknown->captured_at == LIKEN_NO_TIME);
    assert_ok(liken_image_get(lk, NULL, "default", own->id, &stored, &err), err);
    assert_int_equal(stored->captured_at, 77);
    liken_image_free(own);
    liken_image_free(said);
    liken_image_free(unknown);
    liken_image_free(stored);
}

static void the_same_bytes_give_the_first_answer(void **state) {
    (void)state;
    const char *photo = "photo 640 480\nface 1 0.1 50\nface 2 0.1 90\nsmall 4";
    const liken_add_options o = {.size = sizeof(liken_add_options),
                                 .image_id = "7",
                                 .file = "a.jpg",
                                 .tags = (const char *const[]){"z", "a", "z"},
                                 .tag_count = 3,
                                 .captured_at = 1234};
    liken_image *first = add_to(lk, photo, &o), *again = add_to(lk, photo, NULL), *by_bytes = NULL;
    assert_ok(liken_find_bytes(lk, NULL, "default", photo, strlen(photo), &by_bytes, &err), err);
    assert_false(first->existed);
    assert_true(again->existed && by_bytes->existed);
    assert_int_equal(again->id, first->id);
    assert_int_equal(by_bytes->id, first->id);
    assert_int_equal(first->tag_count, 2);
    assert_int_equal(again->tag_count, 2);
    assert_string_equal(first->tags[0], "a");
    assert_string_equal(again->tags[1], "z");
    assert_string_equal(again->image_id, "7");
    assert_string_equal(again->collection, "default");
    assert_int_equal(again->captured_at, 1234);
    assert_int_equal(again->added_at, first->added_at);
    assert_int_equal(first->face_count, 2);
    assert_int_equal(again->face_count, 2);
    assert_true(first->faces[0].box.height == 90 && again->faces[0].box.height == 90);
    assert_int_equal(first->faces[1].id, again->faces[1].id);
    assert_null(first->faces[0].descriptor);
    assert_int_equal(first->refused_count, 1);
    assert_int_equal(again->refused_count, 1);
    assert_int_equal(again->refused[0].reason, LIKEN_TOO_SMALL);
    liken_image_free(first);
    liken_image_free(again);
    liken_image_free(by_bytes);
    liken_image *none = NULL;
    assert_int_equal(liken_find_bytes(lk, NULL, NULL, "photo", 5, &none, &err), LIKEN_E_NOT_FOUND);
}

static void what_cannot_be_added_leaves_nothing(void **state) {
    (void)state;
    liken_image *image = NULL;
    assert_int_equal(liken_add(lk, NULL, "GIF", 3, NULL, &image, &err), LIKEN_E_FORMAT);
    assert_int_equal(liken_add(lk, NULL, NULL, 0, NULL, &image, &err), LIKEN_E_ARG);
    liken_add_options o = {.size = sizeof(liken_add_options), .require_face = true};
    assert_int_equal(liken_add(lk, NULL, "photo 9 9\nsmall 3", 17, &o, &image, &err), LIKEN_E_NO_FACE);
    assert_non_null(strstr(err.message, "too_small"));
    o = (liken_add_options){.size = sizeof(liken_add_options), .collection = "none"};
    assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), LIKEN_E_NOT_FOUND);
    o = (liken_add_options){.size = sizeof(liken_add_options), .file = "\xff"};
    assert_int_equal(liken_add(lk, NULL, "photo 9 9", 9, &o, &image, &err), LIKEN_E_ARG);
    assert_null(image);
    liken_state *s;
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    assert_int_equal(s->images, 0);
    liken_state_free(s);
    image = add_to(lk, "photo 9 9\nsmall 3", NULL); /* without require_face it is stored, */
    liken_image_free(image);
    o = (liken_add_options){.size = sizeof(liken_add_options), .require_face = true}; /* and then still has no face */
    assert_int_equal(liken_add(lk, NULL, "photo 9 9\nsmall 3", 17, &o, &image, &err), LIKEN_E_NO_FACE);
}

static void detecting_stores_nothing(void **state) {
    (void)state;
    const char *photo = "photo 640 480\nface 1 0.1 50\nsmall 4";
    liken_image *image;
    liken_detect_options o = {.size = sizeof(liken_detect_options), .describe = true};
    assert_ok(liken_detect(lk, NULL, photo, strlen(photo), &o, &image, &err), err);
    assert_int_equal(image->id, 0);
    assert_int_equal(image->width, 640);
    assert_int_equal(image->face_count, 1);
    assert_int_equal(image->refused_count, 1);
    float expected[128];
    fake_descriptor("faceapi", 1, 0, 0, expected);
    assert_non_null(image->faces[0].descriptor);
    assert_int_equal(image->faces[0].dimension, 128);
    assert_true(fabsf(image->faces[0].descriptor[5] - expected[5]) < 0.05f);
    void *jpeg;
    size_t size;
    assert_ok(liken_draw(lk, NULL, photo, strlen(photo), image, &jpeg, &size, &err), err);
    assert_int_equal(size, 3 * 640 * 480);
    const uint8_t *pixels = jpeg;
    size_t painted = 0;
    for (size_t i = 0; i < size; i++)
        painted += pixels[i] != 0;
    assert_true(painted > 3 * 20); /* "97%" is more than the one pixel of a box */
    free(jpeg);
    liken_image_free(image);
    o = (liken_detect_options){.size = sizeof(liken_detect_options), .describe = true, .pack = "other"};
    assert_ok(liken_detect(lk, NULL, photo, strlen(photo), &o, &image, &err), err);
    assert_int_equal(image->faces[0].dimension, 64);
    liken_image_free(image);
    liken_state *s;
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    assert_int_equal(s->images, 0);
    liken_state_free(s);
}

/* ---- searching ---- */

struct known {
    int64_t id;
    double distance;
};

static int nearer(const void *a, const void *b) {
    const struct known *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void normalize(float *v) {
    double sum = 0;
    for (int i = 0; i < 128; i++)
        sum += (double)v[i] * (double)v[i];
    for (int i = 0; i < 128; i++)
        v[i] = (float)((double)v[i] / sqrt(sum));
}

static void describe(const char *photo, liken_metric metric, float out[128]) {
    liken_image *image;
    const liken_detect_options o = {.size = sizeof(liken_detect_options), .describe = true};
    assert_ok(liken_detect(lk, NULL, photo, strlen(photo), &o, &image, &err), err);
    memcpy(out, image->faces[0].descriptor, 128 * sizeof(float));
    liken_image_free(image);
    if (metric == LIKEN_NORMALIZED)
        normalize(out);
}

static double distance(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < 128; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* 200 faces in each metric: the answer is what sorting all distances gives. */
static void answers_are_those_of_brute_force(void **state) {
    (void)state;
    liken_collection *c;
    assert_ok(
        liken_collection_create(lk, NULL, "raw", NULL, LIKEN_L2, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL, &c, &err),
        err);
    assert_true(c->threshold == 0.6f);
    liken_collection_free(c);
    const char *const names[2] = {"default", "raw"};
    const char *query = "photo 1 1\nface 3 0.3 50";
    for (int metric = 0; metric < 2; metric++) {
        struct known all[200];
        float q[128], v[128];
        describe(query, (liken_metric)metric, q);
        for (int i = 0; i < 200; i++) {
            char photo[96];
            (void)snprintf(photo, sizeof photo, "photo 1 %d\nface %d 0.%d 50", i + 1, i % 20, i);
            liken_image *image =
                add_to(lk, photo, &(liken_add_options){.size = sizeof(liken_add_options), .collection = names[metric]});
            describe(photo, (liken_metric)metric, v);
            all[i] = (struct known){image->faces[0].id, distance(q, v)};
            liken_image_free(image);
        }
        qsort(all, 200, sizeof all[0], nearer);
        liken_result *r = search(lk, query,
                                 &(liken_search_options){.size = sizeof(liken_search_options),
                                                         .collection = names[metric],
                                                         .limit = 150,
                                                         .threshold = INFINITY});
        assert_int_equal(r->answer_count, 1);
        assert_int_equal(r->answers[0].match_count, 150);
        assert_int_equal(r->searched, 200);
        assert_true(r->exact);
        assert_true(r->answers[0].expected_false_matches == 200);
        for (int i = 0; i < 150; i++) {
            const liken_match *m = &r->answers[0].matches[i];
            assert_true(fabs((double)m->distance - all[i].distance) < 1e-5);
            if (i == 0 || all[i].distance - all[i - 1].distance > 1e-5)
                assert_true(m->face_id == all[i].id || (i < 149 && all[i + 1].distance - all[i].distance < 1e-5));
        }
        liken_result_free(r);
        r = search(
            lk, query,
            &(liken_search_options){.size = sizeof(liken_search_options), .collection = names[metric], .limit = 150});
        size_t within = 0;
        while (within < 200 && all[within].distance <= (double)r->threshold)
            within++;
        assert_int_equal(r->answers[0].match_count, within);
        assert_true(within > 0 && within < 150);
        liken_result_free(r);
    }
}

static void every_face_is_answered_largest_first(void **state) {
    (void)state;
    const int64_t one = add("photo 1 1\nface 1 0.1 50"), two = add("photo 1 2\nface 2 0.1 50");
    liken_result *r = search(lk, "photo 3 4\nface 1 0.1 20\nface 2 0.1 60\nface 3 0.1 40\nsmall 2", NULL);
    assert_int_equal(r->answer_count, 3);
    assert_int_equal(r->photos[0].width, 3);
    assert_int_equal(r->photos[0].height, 4);
    assert_int_equal(r->answers[0].match_count, 1);
    assert_int_equal(r->answers[0].matches[0].face_id, two);
    assert_true(r->answers[0].face.box.height == 60);
    assert_null(r->answers[0].face.descriptor);
    assert_int_equal(r->answers[1].match_count, 0);
    assert_int_equal(r->answers[2].matches[0].face_id, one);
    assert_true(r->answers[2].matches[0].similarity > 0.5f);
    liken_result_free(r);
    r = search(lk, "photo 3 4\nsmall 2", NULL);
    assert_int_equal(r->answer_count, 0);
    assert_int_equal(r->searched, 2);
    liken_result_free(r);
}

static void crowd_of_400(char *photo, size_t room, int width) {
    int n = snprintf(photo, room, "photo %d 9", width);
    for (int i = 0; i < 400; i++)
        n += snprintf(photo + n, room - (size_t)n, "\nface %d 0.1 50", i);
}

static void a_page_of_crowds_ends_sooner(void **state) {
    (void)state;
    char crowd[16384];
    liken_image_list *page = NULL;
    for (int i = 0; i < 27; i++) {
        crowd_of_400(crowd, sizeof crowd, 9 + i);
        (void)add(crowd);
    }
    assert_ok(
        liken_list(lk, NULL, &(liken_list_options){.size = sizeof(liken_list_options), .limit = 1000}, &page, &err),
        err);
    assert_int_equal(page->count, 25);
    const int64_t next = page->next;
    assert_int_equal(next, page->images[24]->id);
    liken_image_list_free(page);
    assert_ok(liken_list(lk, NULL,
                         &(liken_list_options){.size = sizeof(liken_list_options), .limit = 1000, .after = next}, &page,
                         &err),
              err);
    assert_int_equal(page->count, 2);
    assert_int_equal(page->next, 0);
    liken_image_list_free(page);
}

static void an_answer_has_a_ceiling(void **state) {
    (void)state;
    char crowd[16384];
    crowd_of_400(crowd, sizeof crowd, 9);
    (void)add(crowd);
    liken_result *r = search(
        lk, crowd, &(liken_search_options){.size = sizeof(liken_search_options), .threshold = INFINITY, .limit = 200});
    assert_int_equal(r->answer_count, 400);
    liken_result_free(r);
    assert_int_equal(
        search_fails(crowd,
                     (liken_search_options){.size = sizeof(liken_search_options), .threshold = INFINITY, .limit = 400}),
        LIKEN_E_TOO_LARGE);
    assert_non_null(strstr(err.message, "smaller threshold"));
}

static void a_face_is_not_its_own_match(void **state) {
    (void)state;
    const int64_t a = add("photo 1 1\nface 1 0.1 50"), b = add("photo 1 2\nface 1 0.1 50");
    liken_result *r;
    assert_ok(liken_search_face(lk, NULL, a, NULL, &r, &err), err);
    assert_int_equal(r->answers[0].face.id, a);
    assert_int_equal(r->answers[0].match_count, 1);
    assert_int_equal(r->answers[0].matches[0].face_id, b);
    assert_int_equal(r->searched, 1);
    liken_result_free(r);
    r = NULL;
    assert_int_equal(liken_search_face(lk, NULL, 999, NULL, &r, &err), LIKEN_E_NOT_FOUND);
    assert_null(r);
}

static void descriptors_are_checked(void **state) {
    (void)state;
    float v[128];
    liken_result *r = NULL;
    (void)add("photo 1 1\nface 1 0 50");
    fake_descriptor("faceapi", 1, 0, 0, v);
    assert_ok(liken_search_descriptor(lk, NULL, v, 128, "faceapi-1.0/fake", NULL, &r, &err), err);
    assert_int_equal(r->answer_count, 1);
    assert_int_equal(r->answers[0].match_count, 1);
    assert_true(r->answers[0].matches[0].distance < 1e-3f);
    liken_result_free(r);
    r = NULL;
    assert_int_equal(liken_search_descriptor(lk, NULL, v, 128, "other-1.0/fake", NULL, &r, &err), LIKEN_E_MISMATCH);
    assert_non_null(strstr(err.message, "other-1.0/fake"));
    assert_non_null(strstr(err.message, "faceapi-1.0/fake"));
    assert_int_equal(liken_search_descriptor(lk, NULL, v, 64, NULL, NULL, &r, &err), LIKEN_E_MISMATCH);
    assert_int_equal(liken_search_descriptor(lk, NULL, NULL, 128, NULL, NULL, &r, &err), LIKEN_E_MISMATCH);
    v[0] = NAN;
    assert_int_equal(liken_search_descriptor(lk, NULL, v, 128, NULL, NULL, &r, &err), LIKEN_E_ARG);
    memset(v, 0, sizeof v);
    assert_int_equal(liken_search_descriptor(lk, NULL, v, 128, NULL, NULL, &r, &err), LIKEN_E_ARG);
    assert_null(r);
}

/* One photo with 300 faces of the person, nearer than 30 photos with one each: pages go on until the limit is met. */
static void distinct_images_never_shorten_an_answer(void **state) {
    (void)state;
    char *crowd = malloc(300 * 32 + 32);
    assert_non_null(crowd);
    char *to = crowd + sprintf(crowd, "photo 1 1\n");
    for (int i = 0; i < 300; i++)
        to += sprintf(to, "face 1 0.01%d 50\n", i);
    (void)add(crowd);
    for (int i = 0; i < 30; i++) {
        char photo[64];
        (void)snprintf(photo, sizeof photo, "photo 1 1\nface 1 0.2%d 50", i);
        (void)add(photo);
    }
    const char *query = "photo 2 2\nface 1 0 50";
    liken_result *r = search(
        lk, query,
        &(liken_search_options){.size = sizeof(liken_search_options), .distinct = LIKEN_DISTINCT_IMAGE, .limit = 25});
    assert_int_equal(r->answers[0].match_count, 25);
    for (size_t i = 1; i < 25; i++) {
        assert_int_not_equal(r->answers[0].matches[i].image, r->answers[0].matches[0].image);
        assert_true(r->answers[0].matches[i].distance >= r->answers[0].matches[i - 1].distance);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(r->answers[0].matches[i].image, r->answers[0].matches[j].image);
    }
    assert_int_equal(r->searched, 330);
    liken_result_free(r);
    r = search(lk, query,
               &(liken_search_options){
                   .size = sizeof(liken_search_options), .distinct = LIKEN_DISTINCT_IMAGE, .limit = 10000});
    assert_int_equal(r->answers[0].match_count, 31);
    liken_result_free(r);
    assert_int_equal(search_fails(query, (liken_search_options){.size = sizeof(liken_search_options),
                                                                .distinct = LIKEN_DISTINCT_PERSON}),
                     LIKEN_E_UNSUPPORTED);
    free(crowd);
}

static void filters_never_shorten_an_answer(void **state) {
    (void)state;
    for (int i = 0; i < 200; i++) {
        char photo[64];
        (void)snprintf(photo, sizeof photo, "photo 1 1\nface 1 0.%d 50", i);
        const bool rare = i % 20 == 19;
        liken_image_free(add_to(lk, photo,
                                &(liken_add_options){.size = sizeof(liken_add_options),
                                                     .tags = (const char *const[]){rare ? "rare" : "common"},
                                                     .tag_count = 1,
                                                     .captured_at = 1000 + i}));
    }
    const char *query = "photo 2 2\nface 1 0 50";
    liken_search_options o = {.size = sizeof(liken_search_options),
                              .tags = (const char *const[]){"rare"},
                              .tag_count = 1,
                              .limit = 10,
                              .threshold = INFINITY};
    liken_result *r = search(lk, query, &o);
    assert_int_equal(r->answers[0].match_count, 10);
    assert_int_equal(r->searched, 10);
    liken_result_free(r);
    o = (liken_search_options){
        .size = sizeof(liken_search_options), .captured_from = 1050, .captured_to = 1052, .threshold = INFINITY};
    r = search(lk, query, &o);
    assert_int_equal(r->answers[0].match_count, 3);
    liken_result_free(r);
    o = (liken_search_options){
        .size = sizeof(liken_search_options), .tags = (const char *const[]){"none"}, .tag_count = 1};
    r = search(lk, query, &o);
    assert_int_equal(r->answers[0].match_count, 0);
    assert_int_equal(r->searched, 0);
    assert_true(r->answers[0].expected_false_matches == 0);
    liken_result_free(r);
    o.tags = (const char *const[]){"\xff"};
    assert_int_equal(search_fails(query, o), LIKEN_E_ARG);
}

static void false_matches_choose_the_threshold(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        char photo[64];
        (void)snprintf(photo, sizeof photo, "photo 1 1\nface %d 0.1 50", i);
        (void)add(photo);
    }
    const char *query = "photo 2 2\nface 1 0 50";
    liken_result *r =
        search(lk, query, &(liken_search_options){.size = sizeof(liken_search_options), .max_false_matches = 0.1});
    assert_true(fabsf(r->threshold - 0.4f) < 1e-5f); /* 0.1 of 100 is a rate of 1e-3, which is at 0.4 */
    assert_true(fabs(r->answers[0].expected_false_matches - 0.1) < 1e-4);
    liken_result_free(r);
    r = search(lk, query, NULL);
    assert_true(r->threshold == 0.4f);
    assert_true(fabs(r->answers[0].expected_false_matches - 0.1) < 1e-4);
    liken_result_free(r);
    const liken_search_options bad[] = {{.threshold = 0.5f, .max_false_matches = 1},
                                        {.threshold = -1},
                                        {.threshold = NAN},
                                        {.max_false_matches = -1},
                                        {.max_false_matches = (double)NAN},
                                        {.limit = -1},
                                        {.limit = 10001},
                                        {.distinct = (liken_distinct)9},
                                        {.tags = (const char *const[]){NULL}, .tag_count = 1},
                                        {.collection = "../x"}};
    for (size_t i = 0; i < LK_LENGTH(bad); i++) {
        liken_search_options o = bad[i];
        o.size = sizeof o;
        assert_int_equal(search_fails(query, o), LIKEN_E_ARG);
        assert_null(strstr(err.message, "_INIT"));
    }
}

static void compares_every_face_with_every_face(void **state) {
    (void)state;
    const char *a = "photo 1 1\nface 1 0.1 50\nface 2 0.1 40",
               *b = "photo 1 1\nface 3 0.1 90\nface 2 0.1 60\nface 4 0.1 5";
    liken_comparison *c;
    assert_ok(liken_compare(lk, NULL, a, strlen(a), b, strlen(b), NULL, &c, &err), err);
    assert_int_equal(c->best_a, 1);
    assert_int_equal(c->best_b, 1);
    assert_true(c->same);
    assert_true(c->distance == c->distances[4]);
    assert_true(c->similarity > 0.5f);
    for (int i = 0; i < 6; i++)
        assert_true(i == 4 || c->distances[i] > c->threshold);
    liken_comparison_free(c);
    assert_ok(liken_compare(lk, NULL, a, strlen(a), "photo 1 1", 9, "default", &c, &err), err);
    assert_int_equal(c->best_a, -1);
    assert_true(isinf(c->distance) && !c->same && c->similarity == 0);
    liken_comparison_free(c);
    assert_int_equal(liken_compare(lk, NULL, a, strlen(a), "x", 1, NULL, &c, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "second"));
    assert_int_equal(liken_compare(lk, NULL, a, strlen(a), a, strlen(a), "none", &c, &err), LIKEN_E_NOT_FOUND);
}

/* ---- removing ---- */

static void what_happened_is_told(void **state) {
    (void)state;
    liken_call call = LIKEN_CALL_INIT;
    liken_event_list *start = NULL, *l = NULL;
    call.actor = "ann";
    assert_ok(liken_events_after(lk, NULL, NULL, LIKEN_EVENTS_NOW, 0, &start, &err), err);
    assert_int_equal(start->count, 0);
    const int64_t id = add("photo 1 1\nface 1 0.1 50");
    assert_ok(liken_events_after(lk, NULL, "default", start->next, 0, &l, &err), err);
    assert_int_equal(l->count, 1);
    assert_int_equal(l->events[0].kind, LIKEN_IMAGE_ADDED);
    assert_int_equal(l->events[0].image, id);
    assert_string_equal(l->events[0].collection, "default");
    assert_null(l->events[0].actor);
    liken_event_list_free(l);
    assert_ok(liken_image_remove(lk, &call, "default", id, &err), err);
    assert_ok(liken_events_after(lk, NULL, NULL, start->next, 0, &l, &err), err);
    assert_int_equal(l->count, 1);
    assert_string_equal(liken_event_code(l->events[0].kind), "image_removed");
    assert_string_equal(l->events[0].actor, "ann");
    assert_int_equal(l->next, l->events[0].number);
    const int64_t end = l->next;
    liken_event_list_free(l);
    liken_event_list_free(start);
    l = NULL;
    assert_int_equal(liken_events_after(lk, NULL, NULL, end + 1, 0, &l, &err), LIKEN_E_GONE);
    assert_int_equal(liken_events_after(lk, NULL, NULL, 0, 1001, &l, &err), LIKEN_E_ARG);
    assert_int_equal(liken_events_after(lk, NULL, NULL, 0, -1, &l, &err), LIKEN_E_ARG);
    assert_int_equal(liken_events_after(lk, NULL, NULL, -2, 1, &l, &err), LIKEN_E_ARG);
    assert_int_equal(liken_events_after(lk, NULL, "none", 0, 1, &l, &err), LIKEN_E_NOT_FOUND);
    assert_null(l);
    assert_string_equal(liken_event_code((liken_event_kind)99), "unknown");
}

static void what_is_removed_is_not_found(void **state) {
    (void)state;
    const char *query = "photo 2 2\nface 1 0 50";
    (void)add("photo 1 1\nface 1 0.1 50");
    liken_image *image = add_to(lk, "photo 1 2\nface 1 0.1 50\nface 1 0.2 40", NULL);
    assert_int_equal(found(lk, query), 3);
    assert_ok(liken_face_remove(lk, NULL, NULL, image->faces[0].id, &err), err);
    assert_int_equal(found(lk, query), 2);
    liken_face *face = NULL;
    int64_t of;
    assert_int_equal(liken_face_get(lk, NULL, NULL, image->faces[0].id, &face, &of, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(liken_face_get(lk, NULL, "none", image->faces[1].id, &face, &of, &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(liken_face_remove(lk, NULL, "none", image->faces[1].id, &err), LIKEN_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"none\""));
    assert_ok(liken_face_get(lk, NULL, "default", image->faces[1].id, &face, &of, &err), err);
    assert_int_equal(of, image->id);
    assert_int_equal(face->dimension, 128);
    liken_face_free(face);
    assert_int_equal(liken_image_remove(lk, NULL, "none", image->id, &err), LIKEN_E_NOT_FOUND);
    assert_ok(liken_image_remove(lk, NULL, "default", image->id, &err), err);
    assert_int_equal(found(lk, query), 1);
    liken_image_free(image);
    assert_ok(liken_collection_remove(lk, NULL, "default", &err), err);
    assert_int_equal(found(lk, query), 0);
    (void)add("photo 1 1\nface 1 0.1 50");
    assert_int_equal(found(lk, query), 1);
    liken_collection *c;
    assert_ok(liken_collection_create(lk, NULL, "b", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL,
                                      &c, &err),
              err);
    liken_collection_free(c);
    c = NULL;
    assert_int_equal(liken_collection_create(lk, NULL, "b", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO,
                                             LIKEN_KEEP_THUMBNAIL, &c, &err),
                     LIKEN_E_CONFLICT);
    assert_int_equal(liken_collection_create(lk, NULL, ".b", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO,
                                             LIKEN_KEEP_THUMBNAIL, &c, &err),
                     LIKEN_E_ARG);
    assert_int_equal(liken_collection_create(lk, NULL, "b/c", NULL, LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO,
                                             LIKEN_KEEP_THUMBNAIL, &c, &err),
                     LIKEN_E_ARG);
    assert_null(c);
    liken_image_free(add_to(lk, "photo 1 1\nface 1 0.1 50",
                            &(liken_add_options){.size = sizeof(liken_add_options), .collection = "b"}));
    assert_ok(liken_collection_remove(lk, NULL, "b", &err), err);
    assert_int_equal(liken_collection_remove(lk, NULL, "b", &err), LIKEN_E_NOT_FOUND);
    assert_int_equal(found(lk, query), 1);
}

static void a_second_handle_sees_it_all(void **state) {
    (void)state;
    const char *query = "photo 2 2\nface 1 0 50";
    (void)add("photo 1 1\nface 1 0.1 50");
    liken *second = open_with((liken_options)LIKEN_OPTIONS_INIT);
    assert_int_equal(found(second, query), 1);
    liken_image *image = add_to(second, "photo 1 2\nface 1 0.1 50", NULL);
    assert_int_equal(found(lk, query), 2);
    assert_ok(liken_image_remove(lk, NULL, NULL, image->id, &err), err);
    assert_int_equal(found(second, query), 1);
    liken_image_free(image);
    liken_collection *c;
    assert_ok(
        liken_collection_create(second, NULL, "b", NULL, LIKEN_L2, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL, &c, &err),
        err);
    liken_collection_free(c);
    liken_image_free(add_to(second, "photo 1 2\nface 1 0.1 50",
                            &(liken_add_options){.size = sizeof(liken_add_options), .collection = "b"}));
    liken_result *r =
        search(lk, query, &(liken_search_options){.size = sizeof(liken_search_options), .collection = "b"});
    assert_int_equal(r->answers[0].match_count, 1);
    liken_result_free(r);
    assert_ok(liken_collection_remove(second, NULL, "b", &err), err);
    assert_int_equal(found(lk, query), 1);
    liken_free(second);
    liken_free(lk);
    lk = open_with((liken_options)LIKEN_OPTIONS_INIT); /* and so does a new start, whatever was removed before it */
    assert_int_equal(found(lk, query), 1);
}

/* ---- models ---- */

static void a_collection_of_another_pack_gets_its_own_models(void **state) {
    (void)state;
    liken_collection *c;
    assert_ok(liken_collection_create(lk, NULL, "b", "other", LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO, LIKEN_KEEP_THUMBNAIL,
                                      &c, &err),
              err);
    assert_string_equal(c->model, "other-1.0/fake");
    assert_int_equal(c->dimension, 64);
    liken_collection_free(c);
    liken_image *image = add_to(lk, "photo 1 1\nface 1 0.1 50",
                                &(liken_add_options){.size = sizeof(liken_add_options), .collection = "b"});
    assert_string_equal(image->model, "other-1.0/fake");
    const int64_t other_face = image->faces[0].id;
    liken_image_free(image);
    const int64_t own_face = add("photo 1 1\nface 1 0.1 50");
    liken_free(lk);
    lk = open_with((liken_options)LIKEN_OPTIONS_INIT);
    const int loads = fake_loads();
    for (int i = 0; i < 3; i++) {
        liken_result *r = search(lk, "photo 2 2\nface 1 0 50",
                                 &(liken_search_options){.size = sizeof(liken_search_options), .collection = "b"});
        assert_string_equal(r->model, "other-1.0/fake");
        assert_int_equal(r->answers[0].match_count, 1);
        liken_result_free(r);
    }
    assert_int_equal(fake_loads(), loads + 1);
    liken_result *r = NULL;
    assert_int_equal(liken_search_face(lk, NULL, own_face,
                                       &(liken_search_options){.size = sizeof(liken_search_options), .collection = "b"},
                                       &r, &err),
                     LIKEN_E_MISMATCH);
    assert_non_null(strstr(err.message, "other-1.0/fake"));
    assert_non_null(strstr(err.message, "faceapi-1.0/fake"));
    assert_null(r);
    assert_ok(liken_search_face(lk, NULL, other_face,
                                &(liken_search_options){.size = sizeof(liken_search_options), .collection = "b"}, &r,
                                &err),
              err);
    liken_result_free(r);
}

static void another_version_of_a_pack_is_refused_by_name(void **state) {
    (void)state;
    const char *photo = "photo 1 1\nface 1 0.1 50";
    (void)add(photo);
    liken_free(lk);
    fake_version = "2.0-beta";
    lk = open_with((liken_options)LIKEN_OPTIONS_INIT);
    assert_int_equal(search_fails(photo, (liken_search_options)LIKEN_SEARCH_INIT), LIKEN_E_MISMATCH);
    assert_non_null(strstr(err.message, "faceapi-1.0/fake"));
    assert_non_null(strstr(err.message, "faceapi-2.0-beta/fake"));
    liken_image *image = NULL;
    assert_int_equal(liken_add(lk, NULL, "photo 1 2", 9, NULL, &image, &err), LIKEN_E_MISMATCH);
    liken_collection *c;
    assert_ok(liken_collection_create(lk, NULL, "new", "other", LIKEN_NORMALIZED, LIKEN_SEARCH_AUTO,
                                      LIKEN_KEEP_THUMBNAIL, &c, &err),
              err);
    liken_collection_free(c);
    liken_result *r =
        search(lk, photo, &(liken_search_options){.size = sizeof(liken_search_options), .collection = "new"});
    assert_string_equal(r->model, "other-2.0-beta/fake");
    liken_result_free(r);
}

/* ---- health ---- */

struct told {
    int good, notes, bad;
    char last[512];
};

static int listen(void *ctx, const liken_progress *p) {
    struct told *t = ctx;
    t->good += p->verdict == LIKEN_GOOD;
    t->notes += p->verdict == LIKEN_NOTE;
    t->bad += p->verdict == LIKEN_BAD;
    if (p->verdict == LIKEN_BAD)
        (void)snprintf(t->last, sizeof t->last, "%s: %s", p->what, p->message);
    return 0;
}

static void the_doctor_finds_nothing_and_then_the_damage(void **state) {
    (void)state;
    struct told t = {0};
    const liken_call call = {.size = sizeof call, .progress = listen, .ctx = &t};
    (void)add("photo 1 1\nface 1 0.1 50");
    const liken_options o = {.size = sizeof(liken_options), .data = folder.path, .models = "/nowhere"};
    if (liken_check(&o, &call, &err) != 0)
        fail_msg("%s", t.last);
    assert_int_equal(t.bad, 0);
    assert_true(t.good >= 8);
    liken_free(lk);
    lk = NULL;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/liken.db", folder.path);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fwrite("this is no database", 1, 19, f), 19);
    assert_int_equal(fclose(f), 0);
    t = (struct told){0};
    assert_int_equal(liken_check(&o, &call, &err), 1);
    assert_non_null(strstr(t.last, "not a liken store"));
    t = (struct told){0};
    const liken_options empty = {.size = sizeof(liken_options), .data = "/nowhere/at/all", .models = "/nowhere"};
    assert_int_equal(liken_check(&empty, &call, &err), 0);
    assert_true(t.notes >= 1);
}

static void reasons_have_words(void **state) {
    (void)state;
    assert_string_equal(liken_reason_code(LIKEN_TOO_SMALL), "too_small");
    assert_string_equal(liken_reason_code(LIKEN_OVER_LIMIT), "over_limit");
    assert_string_equal(liken_reason_code((liken_reason)99), "unknown");
    assert_string_equal(liken_reason_code((liken_reason)-1), "unknown");
    for (int r = LIKEN_KEPT; r <= LIKEN_LOW_LIGHT; r++)
        assert_true(strlen(liken_reason_advice((liken_reason)r)) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(takes_the_time_of_the_photo_where_none_is_given),
        T(the_same_bytes_give_the_first_answer),
        T(what_cannot_be_added_leaves_nothing),
        T(detecting_stores_nothing),
        T(answers_are_those_of_brute_force),
        T(every_face_is_answered_largest_first),
        T(a_page_of_crowds_ends_sooner),
        T(an_answer_has_a_ceiling),
        T(a_face_is_not_its_own_match),
        T(descriptors_are_checked),
        T(distinct_images_never_shorten_an_answer),
        T(filters_never_shorten_an_answer),
        T(false_matches_choose_the_threshold),
        T(compares_every_face_with_every_face),
        T(what_happened_is_told),
        T(what_is_removed_is_not_found),
        T(a_second_handle_sees_it_all),
        T(a_collection_of_another_pack_gets_its_own_models),
        T(another_version_of_a_pack_is_refused_by_name),
        T(the_doctor_finds_nothing_and_then_the_damage),
        T(reasons_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
