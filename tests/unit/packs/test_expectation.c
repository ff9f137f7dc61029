/* What a face is told of strangers. With LIKEN_DESCRIPTORS and LIKEN_FACES it prints, for galleries of real
 * descriptors (reid), how many strangers the queries found for each that they were told, altogether and by tenths of
 * the queries in the order of what they were told. The model was chosen on a random half of the people, some of whom
 * are among these:  build/tests/unit/test_packs_expectation */
#include "unit/test.h"

#include "kern/search/distance.h"
#include "packs/expectation.h"
#include "packs/pack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count_rate(lk_expectation *e, double rate) {
    size_t passed = 0;
    while (passed < e->level_count && rate > e->levels[passed])
        passed++;
    lk_expectation_count(e, passed);
}

static void nothing_learnt_is_about_the_curve(void **state) {
    (void)state;
    lk_expectation e;
    lk_expectation_init(&e, 1e-4);
    double before = 0;
    for (double rate = 1e-6; rate < 1; rate *= 1.3) {
        const double told = lk_expectation_rate(&e, rate);
        assert_true(told > 0.6 * rate && told < 1.6 * rate + 1e-6);
        assert_true(told > before);
        assert_true(fabs(log(lk_expectation_inverse(&e, told) / rate)) < 1e-3);
        before = told;
    }
    assert_true(lk_expectation_rate(&e, 1) == 1);
}

static double after(double near_share, double far_share) {
    lk_expectation e;
    lk_expectation_init(&e, 1e-4);
    for (int i = 0; i < 2000; i++)
        count_rate(&e, i < 2000 * near_share ? 2e-3 : i < 2000 * far_share ? 0.05 : 0.9);
    lk_expectation_learn(&e);
    return lk_expectation_rate(&e, 1e-4);
}

static void look_alikes_tell_of_more(void **state) {
    (void)state;
    assert_true(after(0.03, 0.3) > 3 * after(0.003, 0.1));
    assert_true(after(0.001, 0.03) < after(0.003, 0.1));
    lk_expectation e; /* its own photos tell nothing */
    lk_expectation_init(&e, 1e-4);
    const double before = lk_expectation_rate(&e, 1e-4);
    for (int i = 0; i < 50; i++)
        count_rate(&e, 1e-5);
    lk_expectation_learn(&e);
    assert_true(fabs(lk_expectation_rate(&e, 1e-4) - before) < 1e-12);
}

/* ---- real descriptors ---- */

#define D 256
#define ROWS_MAX 6000
#define TURNS 2 /* other galleries of 500 */

struct set {
    size_t count;
    float *rows;
    char names[ROWS_MAX][96]; /* of the person */
};

static bool read_set(struct set *s) {
    char path[512], line[512];
    const char *folder = getenv("LIKEN_DESCRIPTORS");
    (void)snprintf(path, sizeof path, "%s/reid_dev.names", folder == NULL ? "/nonexistent" : folder);
    FILE *names = fopen(path, "r");
    (void)snprintf(path, sizeof path, "%s/reid_dev.f32", folder == NULL ? "/nonexistent" : folder);
    FILE *rows = fopen(path, "rb");
    s->rows = malloc((size_t)ROWS_MAX * D * sizeof *s->rows);
    assert_non_null(s->rows);
    while (names != NULL && rows != NULL && s->count < ROWS_MAX && fgets(line, sizeof line, names) != NULL) {
        const char *person = strchr(line, '/');
        assert_non_null(person);
        (void)snprintf(s->names[s->count], sizeof s->names[0], "%.*s", (int)strcspn(person + 1, "/"), person + 1);
        assert_int_equal(fread(s->rows + s->count * D, sizeof(float), D, rows), D);
        s->count++;
    }
    if (names != NULL)
        (void)fclose(names);
    if (rows != NULL)
        (void)fclose(rows);
    return s->count > 4000;
}

/* Those who are one person under two names, or perhaps: out of it. */
static bool is_alias(const char *name) {
    static const char *const names[] = {"Gabrielle_Rose", "Martha_Bowen", "DF_02", "Jennifer_Aniston"};
    bool found = false;
    for (size_t i = 0; i < LK_LENGTH(names); i++)
        found = found || strcmp(name, names[i]) == 0;
    return found;
}

static unsigned hash(const char *text) {
    unsigned h = 2166136261u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h >> 7;
}

struct outcome {
    double told, found;
};

static int by_told(const void *a, const void *b) {
    const struct outcome *x = a, *y = b;
    return (x->told > y->told) - (x->told < y->told);
}

static const double rates[] = {1e-4, 1e-3};

/* For each of the rates. */
static void ask(const struct set *s, size_t q, size_t size, size_t turn, const lk_calibration *c,
                struct outcome out[2]) {
    lk_expectation e[2];
    size_t compared = 0;
    for (size_t r = 0; r < 2; r++) {
        out[r] = (struct outcome){0};
        lk_expectation_init(&e[r], rates[r]);
    }
    for (size_t i = 0; i < s->count; i++) {
        if (i == q || (i * 2654435761u + turn * 733) % 4093 * s->count / 4093 >= size)
            continue;
        const double rate = lk_calibration_fmr(c, lk_distance(s->rows + q * D, s->rows + i * D, D));
        const bool stranger = strcmp(s->names[q], s->names[i]) != 0 && !is_alias(s->names[i]);
        compared++;
        for (size_t r = 0; r < 2; r++) {
            count_rate(&e[r], rate);
            out[r].found += stranger && rate <= rates[r];
        }
    }
    for (size_t r = 0; r < 2; r++) {
        lk_expectation_learn(&e[r]);
        out[r].told = lk_expectation_rate(&e[r], rates[r]) * (double)compared;
    }
}

static void print_tenths(struct outcome *all, size_t n, size_t size, double rate) {
    double told = 0, found = 0;
    size_t many = 0, under = 0;
    qsort(all, n, sizeof *all, by_told);
    print_message("gallery of %zu, threshold at %g: tenths", size, rate);
    for (size_t t = 0; t < 10; t++) {
        double one_told = 0, one_found = 0;
        for (size_t i = t * n / 10; i < (t + 1) * n / 10; i++) {
            one_told += all[i].told;
            one_found += all[i].found;
            many += all[i].told >= 5;
            under += all[i].told >= 5 && all[i].found < 3 * all[i].told;
        }
        print_message(" %.2f", one_found / one_told);
        told += one_told;
        found += one_found;
    }
    print_message("; found %.0f of %.0f told: %.2f; of %zu told 5 or more, %zu found under 3 times that\n", found, told,
                  found / told, many, under);
    if (rate >= 1e-3) /* of rarer strangers there are too few to tell */
        assert_true(found / told > 0.8 && found / told < 1.25);
}

static void real_people_find_what_they_are_told(void **state) {
    (void)state;
    static struct set s;
    static struct outcome all[2][TURNS * ROWS_MAX];
    static const size_t sizes[] = {500, 2000, 4000}, turns[] = {TURNS, 1, 1};
    const lk_calibration *curve = &lk_known_find("reid")->pack.descriptor.normalized;
    const bool there = read_set(&s);
    for (size_t i = 0; there && i < LK_LENGTH(sizes); i++) {
        size_t n = 0;
        for (size_t q = 0; q < turns[i] * s.count; q++) {
            struct outcome out[2];
            const char *name = s.names[q % s.count];
            if (hash(name) % 2 == 0 || is_alias(name))
                continue;
            ask(&s, q % s.count, sizes[i], q / s.count, curve, out);
            all[0][n] = out[0];
            all[1][n++] = out[1];
        }
        for (size_t r = 0; r < 2; r++)
            print_tenths(all[r], n, sizes[i], rates[r]);
    }
    free(s.rows);
    if (!there) {
        print_message("LIKEN_DESCRIPTORS does not name the folder of real descriptors\n");
        skip();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_learnt_is_about_the_curve),
        cmocka_unit_test(look_alikes_tell_of_more),
        cmocka_unit_test(real_people_find_what_they_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
