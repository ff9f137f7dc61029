#include "unit/test.h"

#include "base/error.h"
#include "eval/csv.h"
#include "eval/pairs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text) {
    char *c = strdup(text);
    assert_non_null(c);
    return c;
}

static void reads_quotes_and_line_ends(void **state) {
    (void)state;
    liken_error err = {0};
    lk_csv c;
    char *text = copy("\xef\xbb\xbfname,b\r\n\"a \"\"b\"\",\nc\",\r\n\n\"\",x");
    lk_csv_start(&c, text, strlen(text));
    assert_int_equal(lk_csv_next(&c, &err), 1);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.fields[0], "name");
    assert_string_equal(c.fields[1], "b");
    assert_int_equal(lk_csv_find(&c, "b"), 1);
    assert_int_equal(lk_csv_find(&c, "d"), -1);
    assert_int_equal(lk_csv_next(&c, &err), 1);
    assert_int_equal(c.line, 2);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.fields[0], "a \"b\",\nc");
    assert_string_equal(c.fields[1], "");
    assert_int_equal(lk_csv_next(&c, &err), 1);
    assert_int_equal(c.line, 5);
    assert_string_equal(c.fields[0], "");
    assert_string_equal(c.fields[1], "x");
    assert_int_equal(lk_csv_next(&c, &err), 0);
    free(text);
}

static void a_trailing_comma_is_an_empty_field(void **state) {
    (void)state;
    liken_error err = {0};
    lk_csv c;
    char *text = copy("a,");
    lk_csv_start(&c, text, 2);
    assert_int_equal(lk_csv_next(&c, &err), 1);
    assert_int_equal(c.count, 2);
    assert_string_equal(c.fields[1], "");
    assert_int_equal(lk_csv_next(&c, &err), 0);
    free(text);
}

static void faults_have_a_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"a\nb\"c\n", "line 2: there is a quote inside a field that does not start with one."},
        {"a\n\"b", "line 2: a quoted field does not end."},
        {"\"a\"b\n", "line 1: a closing quote is followed by more text."},
        {"a\rb\n", "line 1: there is a carriage return without a line feed."},
        {"a\r", "line 1: there is a carriage return without a line feed."},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_error err = {0};
        lk_csv c;
        char *text = copy(cases[i].text);
        int rc;
        lk_csv_start(&c, text, strlen(text));
        while ((rc = lk_csv_next(&c, &err)) == 1)
            continue;
        assert_int_equal(rc, LIKEN_E_ARG);
        assert_string_equal(err.message, cases[i].sentence);
        free(text);
    }
    liken_error err = {0};
    lk_csv c;
    char nul[] = "a\0b", many[200], *longest = calloc(1, 6000);
    lk_csv_start(&c, nul, 3);
    assert_int_equal(lk_csv_next(&c, &err), LIKEN_E_ARG);
    memset(many, ',', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    lk_csv_start(&c, many, strlen(many));
    assert_int_equal(lk_csv_next(&c, &err), LIKEN_E_ARG);
    assert_non_null(longest);
    memset(longest, 'x', 5000);
    lk_csv_start(&c, longest, 5000);
    assert_int_equal(lk_csv_next(&c, &err), LIKEN_E_ARG);
    free(longest);
}

static lk_pairs *read_pairs(const char *text, liken_error *err) {
    lk_pairs *p = NULL;
    return lk_pairs_read(&p, copy(text), strlen(text), err) == LIKEN_OK ? p : NULL;
}

static void pairs_number_their_files(void **state) {
    (void)state;
    liken_error err = {0};
    lk_pairs *p = read_pairs("fold,same,file_b,file_a,source\n3,1,x/2,x/1,s\n,0,y/1,x/1,t\n", &err);
    if (p == NULL)
        fail_msg("%s", err.message);
    assert_int_equal(p->count, 2);
    assert_int_equal(p->file_count, 3);
    assert_string_equal(p->files[p->pairs[0].a], "x/1");
    assert_string_equal(p->files[p->pairs[0].b], "x/2");
    assert_true(p->pairs[0].same);
    assert_int_equal(p->pairs[0].fold, 3);
    assert_int_equal(p->pairs[1].fold, LK_NO_FOLD);
    assert_false(p->pairs[1].same);
    assert_int_equal(p->source_count, 2);
    assert_string_equal(p->sources[p->pairs[1].source], "t");
    lk_pairs_free(p);
    lk_pairs_free(NULL);
}

/* Files: a/1 a/2 (one folder), a/b/1 (another, between them in byte order), c/1 joined to a/b/1 by a same pair. */
static void people_are_folders_and_chains_of_same_pairs(void **state) {
    (void)state;
    liken_error err = {0};
    lk_pairs *p = read_pairs("file_a,file_b,same\na/1,a/z,0\na/b/1,c/1,1\nd,a/1,0\ne,d,0\n", &err);
    if (p == NULL)
        fail_msg("%s", err.message);
    uint32_t of[6];
    const char *const names[] = {"a/1", "a/z", "a/b/1", "c/1", "d", "e"};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < p->file_count; k++)
            if (strcmp(p->files[k], names[i]) == 0)
                of[i] = p->people[k];
    assert_int_equal(of[0], of[1]);
    assert_int_not_equal(of[0], of[2]);
    assert_int_equal(of[2], of[3]);
    assert_int_not_equal(of[0], of[4]);
    assert_int_equal(of[4], of[5]); /* both in the folder of the list itself */
    assert_string_equal(p->sources[0], "all");
    lk_pairs_free(p);
}

static void bad_pairs_are_refused_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "the file is empty."},
        {"file_a,file_b\n", "line 1: the header must name the columns file_a, file_b and same."},
        {"file_a,file_b,same\n", "the file holds no pair."},
        {"file_a,file_b,same\na,b\n", "line 2: there are 2 fields, but the header has 3."},
        {"file_a,file_b,same\na,b,1\na,b,yes\n", "line 3: same must be 0 or 1."},
        {"file_a,file_b,same\n,b,1\n", "line 2: a file name is empty."},
        {"file_a,file_b,same,fold\na,b,1,x\n", "line 2: fold must be empty or a number from 0 to 999."},
        {"file_a,file_b,same,fold\na,b,1,-1\n", "line 2: fold must be empty or a number from 0 to 999."},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++) {
        liken_error err = {0};
        assert_null(read_pairs(cases[i].text, &err));
        assert_string_equal(err.message, cases[i].sentence);
        assert_int_equal(err.code, LIKEN_E_ARG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_quotes_and_line_ends),
        cmocka_unit_test(a_trailing_comma_is_an_empty_field),
        cmocka_unit_test(faults_have_a_line),
        cmocka_unit_test(pairs_number_their_files),
        cmocka_unit_test(people_are_folders_and_chains_of_same_pairs),
        cmocka_unit_test(bad_pairs_are_refused_with_their_line),
    };
    return cmocka_run_group_tests_name("eval/csv", tests, NULL, NULL);
}
