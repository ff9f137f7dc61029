#include "unit/test.h"

#include "base/queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static atomic_int done;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void count(void *job, int worker) {
    (void)worker;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    atomic_fetch_add(&done, *(int *)job);
}

static void every_accepted_job_is_done_once(void **state) {
    (void)state;
    liken_error err = {0};
    lk_workers *w = NULL;
    int one = 1;
    atomic_store(&done, 0);
    assert_ok(lk_workers_start(&w, "test", 3, 4, count, &err), err);
    for (int i = 0; i < 1000; i++)
        assert_true(lk_workers_push_wait(w, &one));
    lk_workers_free(w);
    assert_int_equal(atomic_load(&done), 1000);
}

static void a_full_queue_says_so(void **state) {
    (void)state;
    liken_error err = {0};
    lk_workers *w = NULL;
    int one = 1;
    atomic_store(&done, 0);
    assert_ok(lk_workers_start(&w, "test", 1, 2, count, &err), err);
    pthread_mutex_lock(&gate); /* the worker takes one job and waits here */
    assert_true(lk_workers_push(w, &one));
    wait_until(lk_workers_busy(w) > 0);
    assert_true(lk_workers_push(w, &one) && lk_workers_push(w, &one));
    for (int i = 0; i < 10; i++)
        assert_false(lk_workers_push(w, &one));
    assert_int_equal(lk_workers_waiting(w), 2);
    pthread_mutex_unlock(&gate);
    lk_workers_free(w);
    assert_int_equal(atomic_load(&done), 3);
    lk_workers_free(NULL);
}

static bool is_even(void *job, void *ctx) {
    (void)ctx;
    return *(int *)job % 2 == 0;
}

static void waiting_jobs_can_be_taken_out(void **state) {
    (void)state;
    liken_error err = {0};
    lk_workers *w = NULL;
    int jobs[] = {1, 2, 4, 8, 16, 33};
    void *out[4];
    atomic_store(&done, 0);
    assert_ok(lk_workers_start(&w, "test", 1, 5, count, &err), err);
    pthread_mutex_lock(&gate);
    assert_true(lk_workers_push(w, &jobs[0]));
    wait_until(lk_workers_busy(w) > 0);
    for (int i = 1; i < 6; i++)
        assert_true(lk_workers_push(w, &jobs[i]));
    assert_false(lk_workers_push(w, &jobs[0]));
    assert_int_equal(lk_workers_remove(w, is_even, NULL, out, 1), 1);
    assert_ptr_equal(out[0], &jobs[1]);
    assert_int_equal(lk_workers_remove(w, is_even, NULL, out, 4), 3);
    assert_ptr_equal(out[2], &jobs[4]);
    assert_int_equal(lk_workers_waiting(w), 1);
    assert_true(lk_workers_push(w, &jobs[0])); /* there is room again */
    pthread_mutex_unlock(&gate);
    assert_int_equal(lk_workers_remove(w, is_even, NULL, out, 4), 0);
    lk_workers_free(w);
    assert_int_equal(atomic_load(&done), 1 + 33 + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_accepted_job_is_done_once),
                                       cmocka_unit_test(a_full_queue_says_so),
                                       cmocka_unit_test(waiting_jobs_can_be_taken_out)};
    return cmocka_run_group_tests_name("base/queue", tests, NULL, NULL);
}
