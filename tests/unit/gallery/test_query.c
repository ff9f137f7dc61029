/* What is asked with: the faces of a photo that count, and several photos that are views of one person. */
#include "unit/gallery/opened.h"

#include <math.h>
#include <stdio.h>

static void refused_faces_of_a_query_are_told(void **state) {
    (void)state;
    (void)add("photo 1 1\nface 1 0.1 50");
    liken_result *r = search(lk, "photo 3 4 preview\nsmall 2", NULL);
    assert_int_equal(r->answer_count, 0);
    assert_int_equal(r->photo_count, 1);
    assert_int_equal(r->photos[0].refused_count, 1);
    assert_int_equal(r->photos[0].refused[0].reason, LIKEN_TOO_SMALL);
    assert_string_equal(r->photos[0].note, "a preview");
    liken_result_free(r);
    r = search(lk, "photo 3 4\nface 1 0.1 20\nface 2 0.1 60\nsmall 2",
               &(liken_search_options){.size = sizeof(liken_search_options), .main_face = true});
    assert_int_equal(r->answer_count, 1);
    assert_true(r->answers[0].face.box.height == 60);
    assert_int_equal(r->photos[0].others, 1);
    assert_int_equal(r->photos[0].refused_count, 1);
    liken_result_free(r);
}

static liken_result *search_views(const char *const *photos, size_t count, const liken_search_options *o) {
    liken_photo list[LIKEN_PHOTOS_MAX];
    liken_result *r = NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = (liken_photo){.bytes = photos[i], .size = strlen(photos[i])};
    assert_ok(liken_search_photos(lk, NULL, list, count, o, &r, &err), err);
    assert_int_equal(r->photo_count, count);
    return r;
}

/* What several photos find together, against the searches of each. */
static void check_views(const char *const *photos, size_t count, liken_search_options o) {
    const int limit = o.limit;
    liken_result *got = search_views(photos, count, &o);
    const liken_answer *a = &got->answers[0];
    liken_match all[4096];
    size_t n = 0;
    double expected = 0;
    o.limit = 1000;
    for (size_t i = 0; i < count; i++) {
        liken_result *one = search(lk, photos[i], &o);
        for (size_t m = 0; m < one->answers[0].match_count; m++) {
            const liken_match *found = &one->answers[0].matches[m];
            size_t at = 0;
            while (at < n && (o.distinct == LIKEN_DISTINCT_IMAGE ? all[at].image != found->image
                                                                 : all[at].face_id != found->face_id))
                at++;
            if (at < n && all[at].distance <= found->distance)
                continue;
            all[at] = (liken_match){.image = found->image, .face_id = found->face_id, .distance = found->distance};
            n += at == n;
        }
        expected += one->answers[0].expected_false_matches;
        liken_result_free(one);
    }
    assert_int_equal(a->total, n);
    assert_int_equal(a->match_count, n < (size_t)limit ? n : (size_t)limit);
    assert_true(fabs(a->expected_false_matches - expected) < 1e-9);
    for (size_t i = 0; i < a->match_count; i++) {
        size_t nearer = 0;
        const liken_match *m = &a->matches[i];
        for (size_t k = 0; k < n; k++)
            nearer += all[k].distance < m->distance || (all[k].distance <= m->distance && all[k].face_id < m->face_id);
        assert_int_equal(nearer, i);
    }
    liken_result_free(got);
}

static void several_photos_are_views_of_one_person(void **state) {
    (void)state;
    char text[256];
    for (int i = 0; i < 120; i++) {
        (void)snprintf(text, sizeof text, "photo %d 1\nface %d 0.2%d 50\nface %d 0.3%d 40", i + 1, i % 3, i, i % 4, i);
        (void)add(text);
    }
    const char *const photos[] = {"photo 1 1\nface 1 0.1 50", "photo 1 2\nface 1 0.15 50", "photo 1 3\nface 2 0.1 50"};
    static const int limits[] = {1, 20, 1000};
    for (size_t i = 0; i < LK_LENGTH(limits); i++)
        for (size_t count = 1; count <= 3; count++) {
            check_views(photos, count,
                        (liken_search_options){.size = sizeof(liken_search_options), .limit = limits[i]});
            check_views(
                photos, count,
                (liken_search_options){.size = sizeof(liken_search_options), .limit = limits[i], .threshold = 5});
            check_views(photos, count,
                        (liken_search_options){.size = sizeof(liken_search_options),
                                               .limit = limits[i],
                                               .distinct = LIKEN_DISTINCT_IMAGE,
                                               .threshold = 0.9f});
        }
}

static void a_view_of_somebody_else_is_doubtful(void **state) {
    (void)state;
    (void)add("photo 1 1\nface 1 0.1 50");
    const char *const photos[] = {"photo 1 1\nface 2 0.01 50", "photo 1 2\nface 1 0.01 50\nface 3 0.1 40",
                                  "photo 1 3\nsmall 3", "photo 1 4\nface 1 0.02 50"};
    liken_result *r = search_views(photos, 4, NULL);
    assert_true(r->photos[0].doubtful);
    assert_true(r->photos[0].nearest > 0.375f);
    assert_false(r->photos[1].doubtful || r->photos[2].doubtful || r->photos[3].doubtful);
    assert_true(r->photos[1].nearest < 0.2f && r->photos[3].nearest < 0.2f);
    assert_int_equal(r->photos[1].others, 1);
    assert_true(isinf(r->photos[2].nearest));
    assert_int_equal(r->photos[2].refused_count, 1);
    assert_int_equal(r->answer_count, 1);
    assert_int_equal(r->answers[0].match_count, 1);
    assert_true(r->answers[0].matches[0].photo == 1 || r->answers[0].matches[0].photo == 3);
    liken_result_free(r);
    r = search_views(&photos[2], 1, NULL);
    assert_int_equal(r->answer_count, 0);
    liken_result_free(r);
    const liken_photo one = {.bytes = "photo 1 1", .size = 9}, bad[] = {one, {.bytes = "junk", .size = 4}},
                      named[] = {one, {.bytes = "junk", .size = 4, .name = "b.jpg"}};
    r = NULL;
    assert_int_equal(liken_search_photos(lk, NULL, bad, 2, NULL, &r, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "Photo 2 of 2: "));
    assert_int_equal(liken_search_photos(lk, NULL, named, 2, NULL, &r, &err), LIKEN_E_FORMAT);
    assert_non_null(strstr(err.message, "b.jpg: "));
    assert_int_equal(liken_search_photos(lk, NULL, &one, 0, NULL, &r, &err), LIKEN_E_ARG);
    assert_null(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(refused_faces_of_a_query_are_told),
        T(several_photos_are_views_of_one_person),
        T(a_view_of_somebody_else_is_doubtful),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
