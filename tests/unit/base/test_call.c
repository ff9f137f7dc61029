#include "unit/test.h"

#include "base/call.h"
#include "base/sized.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

static int answer; /* of the two functions below */

static int cancelled(void *ctx) {
    ++*(int *)ctx;
    return answer;
}

static int told(void *ctx, const liken_progress *p) {
    assert_string_equal(p->what, "rows");
    ++*(int *)ctx;
    return answer;
}

static void nobody_calls(void **state) {
    (void)state;
    liken_error err = {0};
    lk_call k;
    assert_ok(lk_call_check(&err), err);
    assert_ok(lk_call_begin(&k, NULL, &err), err);
    assert_ok(lk_call_check(&err), err);
    assert_true(isinf(lk_call_left()));
    assert_null(lk_call_now()->actor);
    lk_call_say("rows", "nobody hears %d", 1);
    lk_call_end(&k);
}

static void it_is_asked_whether_to_go_on(void **state) {
    (void)state;
    liken_error err = {0};
    int asked = 0;
    const liken_call call = {.size = sizeof call, .actor = "me", .cancelled = cancelled, .ctx = &asked};
    lk_call k;
    answer = 0;
    assert_ok(lk_call_begin(&k, &call, &err), err);
    assert_ok(lk_call_check(&err), err);
    assert_true(asked > 0);
    assert_string_equal(lk_call_now()->actor, "me");
    answer = 1;
    assert_int_equal(lk_call_check(&err), LIKEN_E_CANCELLED);
    assert_int_equal(err.code, LIKEN_E_CANCELLED);
    lk_call_end(&k);
    assert_ok(lk_call_check(&err), err);
    assert_int_equal(lk_call_begin(&k, &call, &err), LIKEN_E_CANCELLED); /* before it began */
    lk_call_end(&k);
}

static void what_progress_returns_stops_it(void **state) {
    (void)state;
    liken_error err = {0};
    int heard = 0;
    const liken_call call = {.size = sizeof call, .progress = told, .ctx = &heard};
    lk_call k;
    answer = 0;
    assert_ok(lk_call_begin(&k, &call, &err), err);
    lk_call_tell(&(liken_progress){.what = "rows"});
    assert_ok(lk_call_check(&err), err);
    answer = 1;
    lk_call_tell(&(liken_progress){.what = "rows"});
    assert_int_equal(heard, 2);
    assert_int_equal(lk_call_check(&err), LIKEN_E_CANCELLED);
    lk_call_end(&k);
}

static void a_deadline_passes(void **state) {
    (void)state;
    liken_error err = {0};
    liken_call call = LIKEN_CALL_INIT;
    lk_call k;
    call.deadline = liken_deadline(3600);
    assert_ok(lk_call_begin(&k, &call, &err), err);
    assert_true(lk_call_left() > 0 && lk_call_left() <= 3600);
    lk_call_end(&k);
    call.deadline = liken_deadline(-1);
    assert_int_equal(lk_call_begin(&k, &call, &err), LIKEN_E_DEADLINE);
    assert_true(lk_call_left() == 0);
    lk_call_end(&k);
}

static void *elsewhere(void *arg) {
    lk_call k;
    liken_error err = {0};
    const bool bare = lk_call_now()->actor == NULL;
    const int rc = lk_call_begin(&k, arg, &err);
    const bool taken = rc == LIKEN_OK && strcmp(lk_call_now()->actor, "inner") == 0;
    lk_call_end(&k);
    return bare && taken ? arg : NULL;
}

static void calls_nest_and_belong_to_their_thread(void **state) {
    (void)state;
    liken_error err = {0};
    liken_call outer = LIKEN_CALL_INIT, inner = LIKEN_CALL_INIT;
    lk_call a, b, c;
    outer.actor = "outer";
    inner.actor = "inner";
    assert_ok(lk_call_begin(&a, &outer, &err), err);
    assert_ok(lk_call_begin(&b, &inner, &err), err);
    pthread_t thread;
    void *ok = NULL;
    assert_int_equal(pthread_create(&thread, NULL, elsewhere, (void *)lk_call_now()), 0);
    assert_int_equal(pthread_join(thread, &ok), 0);
    assert_non_null(ok);
    assert_ok(lk_call_begin(&c, NULL, &err), err); /* nobody's, whatever is around it */
    assert_null(lk_call_now()->actor);
    lk_call_end(&c);
    lk_call_end(&b);
    assert_string_equal(lk_call_now()->actor, "outer");
    lk_call_end(&a);
}

/* ---- structs that grow ---- */

struct known {
    size_t size;
    int a, b;
};

struct newer {
    size_t size;
    int a, b, c, d;
};

static void an_older_struct_lacks_its_end(void **state) {
    (void)state;
    liken_error err = {0};
    struct {
        size_t size;
        int a;
        char beyond[4];
    } old = {offsetof(struct known, b), 7, {'x', 'x', 'x', 'x'}};
    struct known k = {.b = 9};
    assert_ok(lk_sized_take(&k, sizeof k, &old, "known", &err), err);
    assert_int_equal(k.a, 7);
    assert_int_equal(k.b, 0);
    assert_int_equal(k.size, sizeof k);
    assert_ok(lk_sized_take(&k, sizeof k, NULL, "known", &err), err);
    assert_int_equal(k.a, 0);
}

static void a_newer_struct_may_ask_for_nothing_new(void **state) {
    (void)state;
    liken_error err = {0};
    struct newer n = {.size = sizeof n, .a = 1, .b = 2};
    struct known k;
    assert_ok(lk_sized_take(&k, sizeof k, &n, "known", &err), err);
    assert_int_equal(k.b, 2);
    n.d = 1;
    assert_int_equal(lk_sized_take(&k, sizeof k, &n, "known", &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "newer liken"));
}

static void a_struct_without_a_size_is_refused(void **state) {
    (void)state;
    liken_error err = {0};
    struct known k, none = {.a = 1};
    assert_int_equal(lk_sized_take(&k, sizeof k, &none, "known", &err), LIKEN_E_ARG);
    assert_non_null(strstr(err.message, "INIT"));
    lk_call c;
    assert_int_equal(lk_call_begin(&c, &(liken_call){.actor = "me"}, &err), LIKEN_E_ARG);
    assert_null(lk_call_now()->actor);
    lk_call_end(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_calls),
                                       cmocka_unit_test(it_is_asked_whether_to_go_on),
                                       cmocka_unit_test(what_progress_returns_stops_it),
                                       cmocka_unit_test(a_deadline_passes),
                                       cmocka_unit_test(calls_nest_and_belong_to_their_thread),
                                       cmocka_unit_test(an_older_struct_lacks_its_end),
                                       cmocka_unit_test(a_newer_struct_may_ask_for_nothing_new),
                                       cmocka_unit_test(a_struct_without_a_size_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
