/* The index must answer as all distances do, whatever was done to it: programs of chance, each shrunk when it fails.
 *   LIKEN_PROPERTY_PROGRAMS (default 120), LIKEN_PROPERTY_SEED (default 1): how many, from which on
 *   LIKEN_PROPERTY_REPLAY: the list that a failure printed, run instead */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char text[PROGRAM_TEXT];

static size_t setting(const char *name, size_t otherwise) {
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static void replay(const char *list) {
    program p;
    char why[WHY];
    if (!program_read(&p, list))
        fail_msg("LIKEN_PROPERTY_REPLAY is not a list as a failure prints it");
    if (!program_run(&p, why))
        fail_msg("it fails: %s", why);
    print_message("%zu steps: no failure\n", p.count);
}

static void the_index_is_what_it_must_be(void **state) {
    (void)state;
    if (getenv("LIKEN_PROPERTY_REPLAY") != NULL) {
        replay(getenv("LIKEN_PROPERTY_REPLAY"));
        return;
    }
    const size_t first = setting("LIKEN_PROPERTY_SEED", 1), programs = setting("LIKEN_PROPERTY_PROGRAMS", 120);
    for (size_t seed = first; seed < first + programs; seed++) {
        program p;
        char why[WHY];
        program_draw(&p, seed, 5 + seed % 60);
        if (program_run(&p, why))
            continue;
        print_message("seed %zu: %s\n", seed, why);
        const int runs = program_shrink(&p);
        const bool repeats = !program_run(&p, why);
        program_write(&p, text);
        fail_msg("Seed %zu, after %d runs %zu steps are left. %s\nLIKEN_PROPERTY_REPLAY='%s'", seed, runs, p.count,
                 repeats ? why : "It does not fail every time: threads are involved.", text);
    }
    print_message("%zu programs\n", programs);
}

/* An oracle with an error stands for an index with one: it must be found, and little be left of the program. */
static void find_and_shrink(oracle_error wrong, size_t most) {
    program p;
    char why[WHY] = "";
    uint64_t seed = 1;
    for (;; seed++) {
        assert_true(seed < 300);
        program_draw(&p, seed, 40);
        p.wrong = wrong;
        if (p.dimension > 64 || program_run(&p, why)) /* large ones take long */
            continue;
        break;
    }
    const int runs = program_shrink(&p);
    program_write(&p, text);
    print_message("seed %d, 40 steps, shrunk in %d runs to: %s\n", (int)seed, runs, text);
    assert_true(p.count <= most);
    assert_true(p.dimension == 16);
    program again;
    assert_true(program_read(&again, text));
    again.wrong = wrong;
    assert_false(program_run(&again, why)); /* what is printed can be replayed */
    print_message("  %s\n", why);
    again.wrong = RIGHT;
    assert_true(program_run(&again, why)); /* and it is the oracle's error that it shows */
    for (size_t i = 0; i < p.count; i++) {
        program fewer = again;
        fewer.wrong = wrong;
        memmove(fewer.steps + i, fewer.steps + i + 1, (fewer.count - i - 1) * sizeof fewer.steps[0]);
        fewer.count--;
        assert_true(program_run(&fewer, why)); /* no step can be spared */
    }
}

static void a_forgotten_deletion_is_found_and_shrunk(void **state) {
    (void)state;
    find_and_shrink(FORGETS_DELETIONS, 3);
}

static void a_radius_left_out_is_found_and_shrunk(void **state) {
    (void)state;
    find_and_shrink(LEAVES_OUT_THE_RADIUS, 2);
}

static void ties_the_wrong_way_are_found_and_shrunk(void **state) {
    (void)state;
    find_and_shrink(BREAKS_TIES_BACKWARDS, 2);
}

static void what_is_no_program_is_refused(void **state) {
    (void)state;
    program p;
    static const char *const wrong[] = {"",
                                        "kind none dimension 16 small 1",
                                        "kind grid dimension 15 small 1",
                                        "kind grid dimension 16 small 1; jump 1 1",
                                        "kind grid dimension 16 small 1; add 1",
                                        "kind grid dimension 16 small 1; ask 0 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(program_read(&p, wrong[i]));
    assert_true(program_read(&p, "kind grid dimension 16 small 1; add 1 2; settle; ask 3 4\n"));
    assert_true(p.count == 3 && p.steps[2].verb == ASK && p.steps[2].n == 3 && p.steps[2].seed == 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_is_what_it_must_be),
        cmocka_unit_test(a_forgotten_deletion_is_found_and_shrunk),
        cmocka_unit_test(a_radius_left_out_is_found_and_shrunk),
        cmocka_unit_test(ties_the_wrong_way_are_found_and_shrunk),
        cmocka_unit_test(what_is_no_program_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
