/* Reports over vectors of two numbers, computed by hand. */
#include "unit/test.h"

#include "eval/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEAR 1e-6

/* People at the corners of a large square, their photos close by. */
static const char text[] = "file_a,file_b,same,source,fold\n"
                           "a/1,a/2,1,s,1\n" /* distance 1 */
                           "b/1,b/2,1,s,2\n" /* distance 2 */
                           "a/1,b/1,0,s,1\n" /* distance 10 */
                           "a/2,b/2,0,s,2\n" /* sqrt(81 + 4) */
                           "c/1,c/2,1,s,1\n" /* no face in c/2 */
                           "a/1,d/1,0,s,2\n" /* d/1 cannot be read */
                           "a/1,e/1,1,other,\n";

static const struct {
    const char *name;
    float x, y;
    bool face, readable;
} photos[] = {{"a/1", 0, 0, true, true},   {"a/2", 1, 0, true, true},  {"b/1", 10, 0, true, true},
              {"b/2", 10, 2, true, true},  {"c/1", 0, 10, true, true}, {"c/2", 0, 0, false, true},
              {"d/1", 0, 0, false, false}, {"e/1", 0, 4, true, true}};

typedef struct fixture {
    lk_pairs *pairs;
    lk_subject subjects[8];
    float vectors[8][2];
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof *f);
    liken_error err = {0};
    if (f == NULL || lk_pairs_read(&f->pairs, strdup(text), strlen(text), &err) != LIKEN_OK)
        return -1;
    for (size_t i = 0; i < 8; i++) {
        if (strcmp(f->pairs->files[i], photos[i].name) != 0)
            return -1;
        f->vectors[i][0] = photos[i].x;
        f->vectors[i][1] = photos[i].y;
        f->subjects[i] = (lk_subject){.vector = photos[i].face ? f->vectors[i] : NULL,
                                      .dimension = 2,
                                      .unreadable = !photos[i].readable,
                                      .faces = photos[i].face ? 2 : 0,
                                      .seconds = 0.1};
    }
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    lk_pairs_free(f->pairs);
    free(f);
    return 0;
}

static void pairs_without_a_face_count_as_errors(void **state) {
    const fixture *f = *state;
    liken_error err = {0};
    lk_report r;
    assert_ok(lk_report_make(&r, f->pairs, f->subjects, 0, &err), err);
    assert_string_equal(r.source, "s");
    assert_int_equal(r.pairs, 6);
    assert_int_equal(r.same, 3);
    assert_int_equal(r.different, 3);
    assert_int_equal(r.used, 4);
    assert_int_equal(r.used_same, 2);
    assert_false(r.dealt);
    assert_float_equal(r.accuracy_used, 1, NEAR);
    assert_float_equal(r.accuracy, 4.0 / 6, NEAR);
    assert_float_equal(r.threshold, (2 + sqrt(85)) / 2, 1e-5);
    assert_float_equal(r.auc, 1, NEAR);
    assert_float_equal(r.equal_error, 0, NEAR);
    /* seven photos of the source, one unreadable; five of the six have two faces */
    assert_float_equal(r.ms_per_photo, 100, NEAR);
    assert_float_equal(r.ms_per_face, 60, NEAR);
}

/* a, b, c: 2 + 2 + 1 photos with a face, 10 pairs of which 2 are of one person; 1e-2 of 8 is less than one. */
static void too_few_strangers_resolve_nothing(void **state) {
    const fixture *f = *state;
    liken_error err = {0};
    lk_report r;
    assert_ok(lk_report_make(&r, f->pairs, f->subjects, 0, &err), err);
    assert_int_equal(r.strangers_all, 8);
    for (size_t i = 0; i < LK_REPORT_RATES; i++) {
        assert_true(r.rates[i].all);
        assert_int_equal(r.rates[i].strangers, 8);
        assert_true(isnan(r.rates[i].tmr));
        assert_true(isnan(r.rates[i].threshold));
    }
}

static void a_source_of_one_kind_has_no_accuracy(void **state) {
    const fixture *f = *state;
    liken_error err = {0};
    lk_report r;
    assert_ok(lk_report_make(&r, f->pairs, f->subjects, 1, &err), err);
    assert_string_equal(r.source, "other");
    assert_true(r.dealt);
    assert_int_equal(r.strangers_all, 0);
    assert_true(isnan(r.accuracy) && isnan(r.accuracy_used) && isnan(r.threshold) && isnan(r.auc));
    assert_int_equal(r.curve_points, 0);
}

/* 300 people on a line, one apart, one photo each; the first has a second photo, 1.5 from its first. */
static void steady_rates_come_from_all_strangers(void **state) {
    (void)state;
    enum { PEOPLE = 300 };
    liken_error err = {0};
    char *csv = calloc(1, 64 * PEOPLE), *end = csv;
    assert_non_null(csv);
    end += sprintf(end, "file_a,file_b,same\n");
    for (int i = 0; i < PEOPLE; i++)
        end += i == 0 ? sprintf(end, "p000/1,p000/2,1\n") : sprintf(end, "p%03d/1,p%03d/1,0\n", i, i - 1);
    lk_pairs *pairs = NULL;
    assert_ok(lk_pairs_read(&pairs, csv, (size_t)(end - csv), &err), err);
    assert_int_equal(pairs->file_count, PEOPLE + 1);
    lk_subject subjects[PEOPLE + 1];
    float vectors[PEOPLE + 1];
    for (int i = 0; i <= PEOPLE; i++) { /* p000/1, p000/2, p001/1, ... */
        vectors[i] = i == 1 ? -1.5f : (float)(i == 0 ? 0 : i - 1);
        subjects[i] = (lk_subject){.vector = &vectors[i], .dimension = 1, .faces = 1};
    }
    lk_report r;
    assert_ok(lk_report_make(&r, pairs, subjects, 0, &err), err);
    /* photo p000/2 is a stranger to 299 more: 44,850 + 299 */
    assert_int_equal(r.strangers_all, 45149);
    assert_true(r.rates[0].all); /* 299 pairs of the file: 2.99 at 1e-2, fewer than ten */
    assert_int_equal(r.rates[0].strangers, 45149);
    /* 451 may be let in: 299 at distance 1, none until 2 */
    assert_true(r.rates[0].threshold >= 1 && r.rates[0].threshold < 2);
    assert_float_equal(r.rates[0].tmr, 1, NEAR); /* the same pair is 1.5 apart */
    assert_true(r.rates[2].threshold < 1);       /* 4 may be let in, but 299 are equally near */
    assert_float_equal(r.rates[2].tmr, 0, NEAR);
    lk_pairs_free(pairs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pairs_without_a_face_count_as_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_few_strangers_resolve_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_source_of_one_kind_has_no_accuracy, set_up, tear_down),
        cmocka_unit_test(steady_rates_come_from_all_strangers),
    };
    return cmocka_run_group_tests_name("eval/report", tests, NULL, NULL);
}
