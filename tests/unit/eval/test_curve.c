/* Curves of people on a line: how many strangers are within a distance is counted by hand. */
#include "unit/test.h"

#include "eval/curve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `people` at 0, 1, 2, ... with two photos each, the second 0.25 further on. */
typedef struct line {
    lk_pairs *pairs;
    lk_subject *subjects;
    float (*vectors)[1];
} line;

static line line_of(int people) {
    const size_t room = (size_t)people * 64 + 64;
    char *text = malloc(room);
    size_t used = (size_t)snprintf(text, room, "file_a,file_b,same\n");
    for (int i = 0; i < people; i++)
        used += (size_t)snprintf(text + used, room - used, "%05d/a,%05d/b,1\n", i, i);
    line l = {.subjects = calloc((size_t)people * 2, sizeof *l.subjects),
              .vectors = calloc((size_t)people * 2, sizeof *l.vectors)};
    liken_error err = {0};
    assert_int_equal(lk_pairs_read(&l.pairs, text, used, &err), LIKEN_OK);
    assert_int_equal(l.pairs->file_count, people * 2);
    for (int i = 0; i < people * 2; i++) {
        l.vectors[i][0] = (float)(i / 2) + (float)(i % 2) / 4;
        l.subjects[i] = (lk_subject){.vector = l.vectors[i], .dimension = 1};
    }
    return l;
}

static void free_line(line *l) {
    lk_pairs_free(l->pairs);
    free(l->subjects);
    free(l->vectors);
}

static void a_curve_counts_strangers(void **state) {
    (void)state;
    line l = line_of(300);
    lk_curve c;
    liken_error err = {0};
    assert_int_equal(lk_curve_make(&c, l.pairs, l.subjects, &err), LIKEN_OK);
    assert_int_equal(c.strangers, 300 * 299 / 2 * 4);
    assert_int_equal(c.same, 300);
    assert_true(c.rate > 0.99e-4 && c.rate < 1.01e-4); /* 179,400 pairs tell it */
    assert_true(c.threshold < 0.75f);                  /* the nearest strangers are that far apart */
    for (size_t i = 0; i < c.count; i++) {
        size_t within = 0;
        for (size_t a = 0; a < 600; a++)
            for (size_t b = a + 1; b < 600; b++)
                within += a / 2 != b / 2 && l.vectors[b][0] - l.vectors[a][0] <= c.points[i].distance;
        assert_true((double)within <= c.points[i].false_matches * 179400 + 1e-6);
        assert_true(i == 0 || c.points[i].distance > c.points[i - 1].distance);
        assert_true(c.points[i].true_matches == 1);
    }
    free_line(&l);
}

static void faces_that_are_missing_do_not_count(void **state) {
    (void)state;
    line l = line_of(160);
    lk_curve c;
    liken_error err = {0};
    for (size_t i = 0; i < 10; i++)
        l.subjects[i].vector = NULL;
    assert_int_equal(lk_curve_make(&c, l.pairs, l.subjects, &err), LIKEN_OK);
    assert_int_equal(c.same, 155);
    assert_int_equal(c.strangers, 155 * 154 / 2 * 4);
    assert_true(c.rate > 2.9e-4 && c.rate < 3.1e-4); /* 47,740 pairs tell no less */
    free_line(&l);
}

static void too_few_are_told(void **state) {
    (void)state;
    lk_curve c = {.count = 7};
    liken_error err = {0};
    line few = line_of(60), lonely = line_of(9);
    assert_int_equal(lk_curve_make(&c, few.pairs, few.subjects, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "7080 pairs of different people; a curve takes 10000"));
    assert_int_equal(lk_curve_make(&c, lonely.pairs, lonely.subjects, &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "9 pairs of one person"));
    for (size_t i = 0; i < 120; i++)
        few.subjects[i].vector = NULL;
    assert_int_equal(lk_curve_make(&c, few.pairs, few.subjects, &err), LIKEN_E_ARG);
    assert_int_equal(c.count, 7);
    free_line(&few);
    free_line(&lonely);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_curve_counts_strangers),
                                       cmocka_unit_test(faces_that_are_missing_do_not_count),
                                       cmocka_unit_test(too_few_are_told)};
    return cmocka_run_group_tests_name("eval/curve", tests, NULL, NULL);
}
