/* Batches of several threads, on a stand-in for the network that a test can hold up. */
#include "unit/test.h"

#include "face/microbatch.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define FLOATS 2
#define MOST_THREADS 8

/* One thread's network. Values of an input: its number, and that times itself. Passes wait while `gate` is shut. */
typedef struct network {
    float values[LK_MICROBATCH_MOST * FLOATS];
    int largest; /* batch it ran */
} network;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool shut;
    int inside; /* threads in a pass, or held at the gate */
    int most_inside;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_gate(bool shut) {
    pthread_mutex_lock(&gate.lock);
    gate.shut = shut;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void pass_gate(int step) {
    pthread_mutex_lock(&gate.lock);
    gate.inside += step;
    gate.most_inside = gate.inside > gate.most_inside ? gate.inside : gate.most_inside;
    pthread_cond_broadcast(&gate.changed);
    while (gate.shut)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_for_inside(int count) {
    pthread_mutex_lock(&gate.lock);
    while (gate.inside != count)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static const float *forward(void *state, const lk_net_input *inputs, int count) {
    network *n = state;
    pass_gate(1);
    n->largest = count > n->largest ? count : n->largest;
    for (int i = 0; i < count; i++) {
        const float value = (float)inputs[i].stride;
        n->values[i * FLOATS] = value;
        n->values[i * FLOATS + 1] = value * value;
    }
    pass_gate(-1);
    return n->values;
}

static lk_microbatch *new_batch(int slots) {
    liken_error err;
    lk_microbatch *b = NULL;
    gate.most_inside = 0;
    assert_ok(lk_microbatch_new(&b, slots, FLOATS, &err), err);
    return b;
}

/* A thread that has `times` batches of `count` inputs run, and counts what came out wrong. */
typedef struct caller {
    lk_microbatch *batch;
    network network;
    int id, count, times;
    int wrong;
} caller;

static void run_once(caller *c, int round) {
    lk_net_input inputs[LK_MICROBATCH_MOST] = {{NULL, 0}};
    float out[LK_MICROBATCH_MOST * FLOATS + 1];
    out[c->count * FLOATS] = -1;
    for (int i = 0; i < c->count; i++)
        inputs[i].stride = (size_t)(c->id * 1000 + (round + i) % 1000);
    lk_microbatch_run(c->batch, forward, &c->network, inputs, c->count, out);
    for (int i = 0; i < c->count; i++) {
        const float value = (float)(c->id * 1000 + (round + i) % 1000);
        c->wrong += out[i * FLOATS] != value || out[i * FLOATS + 1] != value * value;
    }
    c->wrong += out[c->count * FLOATS] != -1;
}

static void *run_caller(void *arg) {
    caller *c = arg;
    for (int round = 0; round < c->times; round++)
        run_once(c, round);
    return NULL;
}

static void start(pthread_t *thread, caller *c, lk_microbatch *b, int id, int count, int times) {
    *c = (caller){.batch = b, .id = id, .count = count, .times = times};
    assert_int_equal(pthread_create(thread, NULL, run_caller, c), 0);
}

static void finish(pthread_t thread, const caller *c) {
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(c->wrong, 0);
}

static void counted(lk_microbatch *b, uint64_t passes, uint64_t inputs) {
    const lk_microbatch_count c = lk_microbatch_counts(b);
    assert_int_equal(c.passes, passes);
    assert_int_equal(c.inputs, inputs);
    assert_int_equal(c.waiting, 0);
}

static void who_is_alone_goes_at_once(void **state) {
    (void)state;
    lk_microbatch *b = new_batch(1);
    caller c = {.batch = b, .id = 1, .count = 5};
    for (int round = 0; round < 3; round++)
        run_once(&c, round);
    assert_int_equal(c.wrong, 0);
    assert_int_equal(c.network.largest, 5);
    counted(b, 3, 15);
    lk_microbatch_free(b);
}

static void let_them_queue(lk_microbatch *b, int count) {
    wait_until(lk_microbatch_counts(b).waiting >= count);
}

static void who_waits_goes_along_with_the_next(void **state) {
    (void)state;
    lk_microbatch *b = new_batch(1);
    caller c[4];
    pthread_t t[4];
    set_gate(true);
    start(&t[0], &c[0], b, 1, 4, 1);
    wait_for_inside(1);
    for (int i = 1; i < 4; i++) {
        start(&t[i], &c[i], b, i + 1, 4, 1);
        let_them_queue(b, i);
    }
    set_gate(false);
    for (int i = 0; i < 4; i++)
        finish(t[i], &c[i]);
    assert_int_equal(c[0].network.largest, 4);  /* began before the others came */
    assert_int_equal(c[1].network.largest, 12); /* the oldest took the two others along */
    assert_int_equal(c[2].network.largest + c[3].network.largest, 0);
    counted(b, 2, 16);
    lk_microbatch_free(b);
}

static void a_batch_has_its_bound(void **state) {
    (void)state;
    lk_microbatch *b = new_batch(1);
    caller c[4];
    pthread_t t[4];
    set_gate(true);
    start(&t[0], &c[0], b, 1, 1, 1);
    wait_for_inside(1);
    static const int counts[] = {0, 10, 8, 4};
    for (int i = 1; i < 4; i++) {
        start(&t[i], &c[i], b, i + 1, counts[i], 1);
        let_them_queue(b, i);
    }
    set_gate(false);
    for (int i = 0; i < 4; i++)
        finish(t[i], &c[i]);
    assert_int_equal(c[1].network.largest, 10); /* 8 more are too many; and nobody overtakes */
    assert_int_equal(c[2].network.largest, 12);
    counted(b, 3, 23);
    lk_microbatch_free(b);
}

static void every_slot_is_used_before_anyone_waits(void **state) {
    (void)state;
    lk_microbatch *b = new_batch(3);
    caller c[3];
    pthread_t t[3];
    set_gate(true);
    for (int i = 0; i < 3; i++)
        start(&t[i], &c[i], b, i + 1, 4, 1);
    wait_for_inside(3);
    set_gate(false);
    for (int i = 0; i < 3; i++)
        finish(t[i], &c[i]);
    counted(b, 3, 12);
    lk_microbatch_free(b);
}

static void among_many_everyone_gets_what_it_would_alone(void **state) {
    (void)state;
    enum { TIMES = 2000 };
    for (int slots = 1; slots <= 3; slots++) {
        lk_microbatch *b = new_batch(slots);
        caller c[MOST_THREADS];
        pthread_t t[MOST_THREADS];
        uint64_t sum = 0;
        for (int i = 0; i < MOST_THREADS; i++) {
            start(&t[i], &c[i], b, i + 1, 1 + i * 2, TIMES);
            sum += (uint64_t)(1 + i * 2) * TIMES;
        }
        for (int i = 0; i < MOST_THREADS; i++) {
            finish(t[i], &c[i]);
            assert_true(c[i].network.largest <= LK_MICROBATCH_MOST);
        }
        assert_int_equal(lk_microbatch_counts(b).inputs, sum);
        assert_true(lk_microbatch_counts(b).passes <= (uint64_t)MOST_THREADS * TIMES);
        assert_true(gate.most_inside <= slots);
        lk_microbatch_free(b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_goes_at_once),
        cmocka_unit_test(who_waits_goes_along_with_the_next),
        cmocka_unit_test(a_batch_has_its_bound),
        cmocka_unit_test(every_slot_is_used_before_anyone_waits),
        cmocka_unit_test(among_many_everyone_gets_what_it_would_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
