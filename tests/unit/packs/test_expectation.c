/* What a face is told of strangers. With LIKEN_DESCRIPTORS and LIKEN_FACES it prints, for galleries of real
 * descriptors (reid), how many strangers the queries found for each that they were told, altogether and by tenths of
 * the queries in the order of what they were told. The weights were fitted to the queries of the other half of the
 * people:  build/tests/unit/test_packs_expectation */
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
    lk_expectation_init(&e, &lk_expectation_reid, 1e-4);
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

/* What is told at a rate of 1e-4 by 2,000 faces that lie as the curve's do but for a shift. */
static double after(double shift) {
    lk_expectation e;
    lk_expectation_init(&e, &lk_expectation_reid, 1e-4);
    double z = -9;
    for (int i = 0; i < 2000; i++) { /* the i-th of them, as a normal distribution has it */
        while (0.5 * erfc(-z * M_SQRT1_2) < (i + 0.5) / 2000)
            z += 1e-3;
        count_rate(&e, 0.5 * erfc(-(z - shift) * M_SQRT1_2));
    }
    lk_expectation_learn(&e);
    return lk_expectation_rate(&e, 1e-4);
}

static void look_alikes_tell_of_more(void **state) {
    (void)state;
    const double usual = after(0);
    assert_true(usual > 0.2e-4 && usual < 3e-4);
    assert_true(after(0.2) > 1.4 * usual && after(0.4) > 1.4 * after(0.2));
    assert_true(after(-0.2) < usual);
}

static void its_own_photos_tell_nothing(void **state) {
    (void)state;
    lk_expectation e[2];
    for (int k = 0; k < 2; k++) {
        lk_expectation_init(&e[k], &lk_expectation_reid, 1e-4);
        for (int i = 0; i < 1000; i++)
            count_rate(&e[k], (i + 0.5) / 1000);
        for (int i = 0; i < 50 * k; i++)
            count_rate(&e[k], 1e-5);
        lk_expectation_learn(&e[k]);
    }
    assert_true(fabs(lk_expectation_rate(&e[0], 1e-4) - lk_expectation_rate(&e[1], 1e-4)) < 1e-12);
}

/* At a distance beyond the collection's threshold, of what lies between the two no less than half is told. */
static void a_group_that_is_seen_is_told(void **state) {
    (void)state;
    lk_expectation e;
    lk_expectation_init(&e, &lk_expectation_reid, 1e-4);
    for (int i = 0; i < 1000; i++)
        count_rate(&e, i < 40 ? 5e-4 : 0.9);
    lk_expectation_learn(&e);
    assert_true(lk_expectation_rate(&e, 1e-3) >= 0.019);
    double before = 0;
    for (double rate = 1e-6; rate < 1; rate *= 1.2) {
        const double told = lk_expectation_rate(&e, rate);
        assert_true(told > before && told <= 1);
        before = told;
    }
}

/* ---- real descriptors ---- */

#define D 256
#define ROWS_MAX 6000
#define TURNS 4 /* other galleries of 500 */
#define SAMPLE 2048

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
static char aliases[64][96];
static size_t alias_count;

static void read_aliases(void) {
    char path[512], line[512];
    const char *folder = getenv("LIKEN_FACES");
    (void)snprintf(path, sizeof path, "%s/aliases.csv", folder == NULL ? "/nonexistent" : folder);
    FILE *f = fopen(path, "r");
    alias_count = 0;
    while (f != NULL && alias_count + 2 <= LK_LENGTH(aliases) && fgets(line, sizeof line, f) != NULL) {
        const char *second = strchr(line, ',');
        if (second == NULL)
            continue;
        (void)snprintf(aliases[alias_count++], sizeof aliases[0], "%.*s", (int)(second - line), line);
        (void)snprintf(aliases[alias_count++], sizeof aliases[0], "%.*s", (int)strcspn(second + 1, ","), second + 1);
    }
    if (f != NULL)
        (void)fclose(f);
}

static bool is_alias(const char *name) {
    bool found = false;
    for (size_t i = 0; i < alias_count; i++)
        found = found || strcmp(name, aliases[i]) == 0;
    return found;
}

static unsigned hash(const char *text) {
    unsigned h = 2166136261u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h >> 7;
}

struct outcome {
    const char *name;
    double told, found;
};

static int by_told(const void *a, const void *b) {
    const struct outcome *x = a, *y = b;
    return (x->told > y->told) - (x->told < y->told);
}

static const double rates[] = {1e-4, 1e-3};

/* For each of the rates, in a collection whose threshold lies at the first. */
static void ask(const struct set *s, size_t q, size_t size, size_t turn, const lk_calibration *c,
                struct outcome out[2]) {
    lk_expectation e;
    size_t compared = 0;
    for (size_t r = 0; r < 2; r++)
        out[r] = (struct outcome){.name = s->names[q]};
    lk_expectation_init(&e, &lk_expectation_reid, rates[0]);
    for (size_t i = 0; i < s->count; i++) {
        if (i == q || (i * 2654435761u + turn * 733) % 4093 * s->count / 4093 >= size)
            continue;
        const double rate = lk_calibration_fmr(c, lk_distance(s->rows + q * D, s->rows + i * D, D));
        const bool stranger = strcmp(s->names[q], s->names[i]) != 0 && !is_alias(s->names[i]);
        if (compared++ % (size > SAMPLE ? 2 : 1) == 0) /* as a search samples */
            count_rate(&e, rate);
        for (size_t r = 0; r < 2; r++)
            out[r].found += stranger && rate <= rates[r];
    }
    lk_expectation_learn(&e);
    for (size_t r = 0; r < 2; r++)
        out[r].told = lk_expectation_rate(&e, rates[r]) * (double)compared;
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
        if (rate >= 1e-3) /* of rarer strangers there are too few to tell */
            assert_true(one_found / one_told > 0.7 && one_found / one_told < 1.3);
        told += one_told;
        found += one_found;
    }
    print_message("; found %.0f of %.0f told: %.2f; of %zu told 5 or more, %zu found under 3 times that\n", found, told,
                  found / told, many, under);
    assert_true(found / told > 0.8 && found / told < 1.25);
    assert_true((double)under >= 0.98 * (double)many);
}

static int by_ratio(const void *a, const void *b) {
    const struct outcome *x = a, *y = b;
    const double p = x->found / fmax(x->told, 1), q = y->found / fmax(y->told, 1);
    return (p < q) - (p > q);
}

static void print_worst(struct outcome *all, size_t n) {
    qsort(all, n, sizeof *all, by_ratio);
    print_message("  worst:");
    for (size_t i = 0; i < 10 && i < n; i++)
        print_message(" %s %.0f of %.1f;", all[i].name, all[i].found, all[i].told);
    print_message("\n");
}

static void real_people_find_what_they_are_told(void **state) {
    (void)state;
    static struct set s;
    static struct outcome all[2][TURNS * ROWS_MAX];
    static const size_t sizes[] = {500, 2000, 4000}, turns[] = {TURNS, 1, 1};
    const lk_calibration *curve = &lk_known_find("reid")->pack.descriptor.normalized;
    const bool there = read_set(&s);
    read_aliases();
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
        print_worst(all[1], n);
    }
    free(s.rows);
    if (!there) {
        print_message("LIKEN_DESCRIPTORS does not name the folder of real descriptors\n");
        skip();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_learnt_is_about_the_curve),   cmocka_unit_test(look_alikes_tell_of_more),
        cmocka_unit_test(its_own_photos_tell_nothing),         cmocka_unit_test(a_group_that_is_seen_is_told),
        cmocka_unit_test(real_people_find_what_they_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
