/* Good faces and weak ones: each search is that of two, one for each class with its own radius, merged. */
#include "unit/gallery/opened.h"

#include "base/vector.h"
#include "kern/search/distance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define D 128
#define FACES_MAX 1000

/* What the stand-in's curves give: of two good faces, of a good and a weak one, of two weak ones. */
static const float shares[] = {1, 0.75f, 0.5f};

struct face {
    int64_t id;
    bool weak;
    float vector[D]; /* normalised */
};

static struct face there[FACES_MAX];
static size_t there_count;

static void list_faces(const char *collection) {
    const liken_list_options o = {
        .size = sizeof(liken_list_options), .collection = collection, .describe = true, .limit = 1000};
    liken_image_list *list = NULL;
    assert_ok(liken_list(lk, NULL, &o, &list, &err), err);
    assert_int_equal(list->next, 0);
    there_count = 0;
    for (size_t i = 0; i < list->count; i++)
        for (size_t k = 0; k < list->images[i]->face_count; k++) {
            const liken_face *f = &list->images[i]->faces[k];
            assert_true(there_count < FACES_MAX);
            there[there_count].id = f->id;
            there[there_count].weak = f->weak;
            (void)lk_vector_normalize(f->descriptor, D, there[there_count++].vector);
        }
    liken_image_list_free(list);
}

static struct face seen_in(const char *photo) {
    const liken_detect_options o = {.size = sizeof(liken_detect_options), .describe = true};
    liken_image *image = NULL;
    struct face out = {0};
    assert_ok(liken_detect(lk, NULL, photo, strlen(photo), &o, &image, &err), err);
    assert_int_equal(image->face_count, 1);
    out.weak = image->faces[0].weak;
    (void)lk_vector_normalize(image->faces[0].descriptor, D, out.vector);
    liken_image_free(image);
    return out;
}

/* The answer as comparing with every face gives it. */
static void check(const char *collection, const char *photo, float threshold, int limit) {
    const struct face q = seen_in(photo);
    const liken_search_options o = {
        .size = sizeof(liken_search_options), .collection = collection, .threshold = threshold, .limit = limit};
    liken_result *r = search(lk, photo, &o);
    const liken_answer *a = &r->answers[0];
    float distances[FACES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < there_count; i++) {
        const float d = lk_distance(q.vector, there[i].vector, D), radius = shares[q.weak + there[i].weak] * threshold;
        distances[i] = d <= radius ? d : INFINITY;
        n += d <= radius;
    }
    assert_int_equal(a->face.weak, q.weak);
    assert_int_equal(a->total, n);
    assert_int_equal(a->match_count, n < (size_t)limit ? n : (size_t)limit);
    assert_true(r->searched == there_count);
    for (size_t m = 0; m < a->match_count; m++) {
        size_t best = 0;
        for (size_t i = 1; i < there_count; i++)
            best = distances[i] < distances[best] ? i : best; /* ties: the smaller id comes first */
        assert_int_equal(a->matches[m].face_id, there[best].id);
        assert_int_equal(a->matches[m].weak, there[best].weak);
        assert_memory_equal(&a->matches[m].distance, &distances[best], sizeof distances[best]);
        distances[best] = INFINITY;
    }
    liken_result_free(r);
}

static void check_all(const char *collection) {
    static const float thresholds[] = {0.05f, 0.3f, 0.4f, 0.7f, 1, 1.3f};
    char photo[96];
    list_faces(collection);
    for (int i = 0; i < 24; i++) {
        (void)snprintf(photo, sizeof photo, "photo %d 9\n%s %d 0.%d 40", i + 1, i % 2 == 0 ? "face" : "weak", i % 5, i);
        check(collection, photo, thresholds[i % 6], i % 3 == 0 ? 3 : i % 3 == 1 ? 20 : 1000);
    }
}

static void fill(const char *collection, int photos) {
    const liken_add_options o = {.size = sizeof(liken_add_options), .collection = collection};
    char photo[192];
    for (int i = 0; i < photos; i++) {
        (void)snprintf(photo, sizeof photo, "photo %d 1\nface %d 0.%d 50\nweak %d 0.%d 20\n%s %d 0.%d 30", i + 1, i % 5,
                       10 + i, i % 7, 10 + i, i % 2 == 0 ? "face" : "weak", i % 3, 99 - i);
        liken_image_free(add_to(lk, photo, &o));
    }
}

static void both_classes_are_searched_as_by_brute_force(void **state) {
    (void)state;
    fill(NULL, 80);
    check_all(NULL);
    for (size_t i = 0; i < 60; i++) /* of both */
        assert_ok(liken_face_remove(lk, NULL, NULL, there[3 * i + i % 3].id, &err), err);
    check_all(NULL);
    liken_free(lk); /* from the cache, */
    lk = open_with((liken_options){.size = sizeof(liken_options), .threads = 2});
    check_all(NULL);
    fill(NULL, 90); /* which grows */
    check_all(NULL);
}

static void the_threshold_of_a_weak_pair_is_as_rare(void **state) {
    (void)state;
    liken_collection *c = NULL;
    assert_ok(liken_collection_get(lk, NULL, "default", &c, &err), err);
    const float usual = c->threshold;
    liken_collection_free(c);
    (void)add("FACES anna? bob");
    liken_result *good = search(lk, "FACES anna", NULL), *weak = search(lk, "FACES bob?", NULL);
    assert_int_equal(good->answers[0].match_count, 1);
    assert_true(good->answers[0].matches[0].weak);
    assert_false(good->answers[0].face.weak);
    assert_int_equal(weak->answers[0].match_count, 1);
    assert_false(weak->answers[0].matches[0].weak);
    assert_true(weak->answers[0].face.weak);
    assert_true(good->threshold == usual && weak->threshold == usual);
    assert_true(fabs(good->answers[0].expected_false_matches - weak->answers[0].expected_false_matches) < 1e-12);
    assert_true(fabs(good->answers[0].expected_false_matches - 2 * 1e-3) < 1e-6);
    liken_result_free(good);
    liken_result_free(weak);
}

/* At a distance that is near enough for two good faces and for no others. */
static void weak_faces_must_be_nearer(void **state) {
    (void)state;
    const float noise[] = {0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f};
    char text[64];
    bool told = false;
    for (size_t i = 0; i < LK_LENGTH(noise) && !told; i++) {
        (void)snprintf(text, sizeof text, "photo 2 %zu\nface 1 %.2f 50", i + 1, (double)noise[i]);
        const struct face a = seen_in(text), b = seen_in("photo 1 1\nface 1 0 50");
        const float d = lk_distance(a.vector, b.vector, D);
        if (!(d > 0.75f * 0.4f && d <= 0.4f))
            continue;
        told = true;
        (void)add("photo 1 1\nface 1 0 50");
        assert_int_equal(found(lk, text), 1);
        liken_comparison *c = NULL;
        const char *const other = "photo 1 1\nface 1 0 50", *const poor = "photo 1 1\nweak 1 0 50";
        assert_ok(liken_compare(lk, NULL, text, strlen(text), other, strlen(other), NULL, &c, &err), err);
        assert_true(c->same && c->similarity >= 0.5f && c->threshold == 0.4f);
        liken_comparison_free(c);
        assert_ok(liken_compare(lk, NULL, text, strlen(text), poor, strlen(poor), NULL, &c, &err), err);
        assert_true(!c->same && c->similarity < 0.5f && fabsf(c->threshold - 0.3f) < 1e-6f);
        liken_comparison_free(c);
        text[strlen("photo 2 1\n")] = '\0';
        (void)snprintf(text + strlen(text), 32, "weak 1 %.2f 50", (double)noise[i]);
        assert_int_equal(found(lk, text), 0);
    }
    assert_true(told);
}

/* Of two weak ones the poorer says how near they must be, whichever photo comes first. */
static void a_comparison_heeds_the_poorer_face(void **state) {
    (void)state;
    const char *const text[2] = {"photo 1 1\nweak 1 0 50", "photo 2 1\nweak 1 0 8"};
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            liken_comparison *c = NULL;
            assert_ok(liken_compare(lk, NULL, text[a], strlen(text[a]), text[b], strlen(text[b]), NULL, &c, &err), err);
            assert_true(fabsf(c->threshold - (a + b > 0 ? 0.1f : 0.2f)) < 1e-6f);
            liken_comparison_free(c);
        }
}

/* In a gallery of faces that are told apart, one that has look-alikes and one that has none. */
static void the_gallery_tells_what_to_expect(void **state) {
    (void)state;
    char text[64];
    for (int i = 0; i < 400; i++) {
        (void)snprintf(text, sizeof text, "photo %d 1\nface %d 1.%d 50", i + 1, i < 40 ? 0 : i, i);
        (void)add(text);
        if (i == 150) {
            liken_result *few = search(lk, "photo 9 9\nface 999 0 50", NULL);
            assert_int_equal(few->answers[0].expected_by, LIKEN_EXPECTED_BY_PACK);
            assert_true(fabs(few->answers[0].expected_false_matches - 151 * 1e-3) < 1e-6);
            liken_result_free(few);
        }
    }
    const liken_search_options wanted = {.size = sizeof(liken_search_options), .max_false_matches = 0.5};
    liken_result *many = search(lk, "photo 9 9\nface 0 0.5 50", NULL),
                 *none = search(lk, "photo 9 9\nface 999 0 50", NULL),
                 *chosen = search(lk, "photo 9 9\nface 0 0.5 50", &wanted);
    assert_int_equal(many->answers[0].expected_by, LIKEN_EXPECTED_BY_GALLERY);
    assert_int_equal(none->answers[0].expected_by, LIKEN_EXPECTED_BY_GALLERY);
    assert_true(many->answers[0].expected_false_matches > none->answers[0].expected_false_matches);
    assert_true(many->answers[0].threshold == many->threshold && none->answers[0].threshold == many->threshold);
    assert_true(fabs(chosen->answers[0].expected_false_matches - 0.5) < 0.01);
    assert_true(chosen->answers[0].threshold == chosen->threshold && chosen->threshold != many->threshold);
    liken_result_free(many);
    liken_result_free(none);
    liken_result_free(chosen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_classes_are_searched_as_by_brute_force, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_threshold_of_a_weak_pair_is_as_rare, set_up, tear_down),
        cmocka_unit_test_setup_teardown(weak_faces_must_be_nearer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_comparison_heeds_the_poorer_face, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_gallery_tells_what_to_expect, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
