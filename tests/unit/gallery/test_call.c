/* Calls that are stopped, or whose time is up: whenever that is, nothing is half-done, and the handle goes on. */
#include "unit/gallery/opened.h"

#include <pthread.h>
#include <stdatomic.h>

#define CROWD "photo 9 9\nface 1 0.1 20\nface 2 0.1 60\nface 3 0.1 40"

static int left; /* questions that are answered with "go on" */

static int stop_after(void *ctx) {
    (void)ctx;
    return left-- <= 0;
}

static const liken_call stopping = {.size = sizeof stopping, .cancelled = stop_after};

static int64_t photos_stored(void) {
    liken_state *s = NULL;
    assert_ok(liken_get_state(lk, NULL, &s, &err), err);
    const int64_t n = s->images;
    liken_state_free(s);
    return n;
}

/* At every question that an add asks. */
static void an_add_that_is_stopped_stores_nothing(void **state) {
    (void)state;
    liken_image *image = NULL;
    int rc = LIKEN_E_CANCELLED, n = 0;
    for (; rc == LIKEN_E_CANCELLED; n++) {
        left = n;
        rc = liken_add(lk, &stopping, CROWD, strlen(CROWD), NULL, &image, &err);
        if (rc == LIKEN_E_CANCELLED) {
            assert_null(image);
            assert_int_equal(err.code, LIKEN_E_CANCELLED);
            assert_int_equal(photos_stored(), 0);
        }
    }
    assert_ok(rc, err);
    assert_true(n > 5); /* before, while a slot is waited for, at each face, and before it is stored */
    assert_false(image->existed);
    assert_int_equal(image->face_count, 3);
    liken_image_free(image);
    assert_int_equal(photos_stored(), 1);
}

static void a_search_is_stopped_between_faces_and_pages(void **state) {
    (void)state;
    liken_result *r = NULL;
    int rc = LIKEN_E_CANCELLED, n = 0;
    (void)add(CROWD);
    for (; rc == LIKEN_E_CANCELLED; n++) {
        left = n;
        rc = liken_search_photo(lk, &stopping, CROWD, strlen(CROWD), NULL, &r, &err);
        assert_true(rc == LIKEN_OK || (rc == LIKEN_E_CANCELLED && r == NULL));
    }
    assert_ok(rc, err);
    assert_true(n > 8);
    assert_int_equal(r->answer_count, 3);
    liken_result_free(r);
}

static void a_deadline_that_has_passed_stops_whatever_is_asked(void **state) {
    (void)state;
    liken_call call = LIKEN_CALL_INIT;
    liken_image *image = NULL;
    liken_result *r = NULL;
    liken_image_list *page = NULL;
    liken *other = NULL;
    const liken_options o = {.size = sizeof(liken_options), .data = folder.path, .models = "/nowhere"};
    call.deadline = liken_deadline(-1);
    assert_int_equal(liken_add(lk, &call, CROWD, strlen(CROWD), NULL, &image, &err), LIKEN_E_DEADLINE);
    assert_int_equal(liken_search_photo(lk, &call, CROWD, strlen(CROWD), NULL, &r, &err), LIKEN_E_DEADLINE);
    assert_int_equal(liken_list(lk, &call, NULL, &page, &err), LIKEN_E_DEADLINE);
    assert_int_equal(liken_lost_remove(lk, &call, NULL, NULL, &err), LIKEN_E_DEADLINE);
    assert_int_equal(liken_check(&o, &call, &err), LIKEN_E_DEADLINE);
    assert_int_equal(liken_open(&other, &o, &call, &err), LIKEN_E_DEADLINE);
    assert_null(other);
    call.deadline = liken_deadline(3600);
    assert_ok(liken_add(lk, &call, CROWD, strlen(CROWD), NULL, &image, &err), err);
    liken_image_free(image);
}

/* ---- waiting for a slot ---- */

struct waiter {
    liken *handle;
    atomic_bool stop;
    double deadline;
    int rc;
};

static int stopped(void *ctx) {
    return atomic_load((atomic_bool *)ctx);
}

static void *waits(void *arg) {
    struct waiter *w = arg;
    liken_image *image = NULL;
    liken_error e;
    const liken_call call = {.size = sizeof call, .cancelled = stopped, .ctx = &w->stop, .deadline = w->deadline};
    w->rc = liken_detect(w->handle, &call, CROWD, strlen(CROWD), NULL, &image, &e);
    liken_image_free(image);
    return NULL;
}

/* Stopped by another thread while it works through a photo of very many faces on the only slot, and another waits for
 * that slot until its time is up. */
static void who_waits_for_a_slot_can_be_stopped(void **state) {
    (void)state;
    liken *one = open_with((liken_options){.size = sizeof(liken_options), .threads = 1});
    struct waiter stoppable = {.handle = one}, late = {.handle = one, .deadline = liken_deadline(0.3)};
    pthread_t a, b;
    fake_hold_faces(true);
    liken_image *image = NULL;
    assert_int_equal(pthread_create(&a, NULL, waits, &stoppable), 0);
    wait_until(fake_faces_wait());
    assert_int_equal(pthread_create(&b, NULL, waits, &late), 0);
    assert_int_equal(pthread_join(b, NULL), 0); /* while the slot is held */
    assert_int_equal(late.rc, LIKEN_E_DEADLINE);
    atomic_store(&stoppable.stop, true);
    fake_hold_faces(false);
    assert_int_equal(pthread_join(a, NULL), 0);
    assert_int_equal(stoppable.rc, LIKEN_E_CANCELLED);
    assert_ok(liken_detect(one, NULL, CROWD, strlen(CROWD), NULL, &image, &err), err); /* the slot is free again */
    liken_image_free(image);
    liken_free(one);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_add_that_is_stopped_stores_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_search_is_stopped_between_faces_and_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_deadline_that_has_passed_stops_whatever_is_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_for_a_slot_can_be_stopped, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
