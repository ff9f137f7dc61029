/* microbatch.c - see microbatch.h. A caller is a link of the queue, on its own stack, with a condition of its own to be
 * woken by; nothing is allocated on the way. */
#include "face/microbatch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef enum turn { WAITS, GOES, DONE } turn;

typedef struct caller {
    const lk_net_input *inputs;
    int count;
    float *out;
    turn turn;
    pthread_cond_t woken;
    struct caller *next;
} caller;

struct lk_microbatch {
    int slots;
    size_t floats;
    pthread_mutex_t lock;
    int taken;       /* slots */
    caller *waiting; /* oldest first; NULL while a slot is free */
    uint64_t passes, inputs;
};

int lk_microbatch_new(lk_microbatch **out, int slots, size_t floats, liken_error *err) {
    lk_microbatch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return lk_fail_memory(err);
    b->slots = slots;
    b->floats = floats;
    (void)pthread_mutex_init(&b->lock, NULL);
    *out = b;
    return LIKEN_OK;
}

void lk_microbatch_free(lk_microbatch *b) {
    if (b == NULL)
        return;
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

/* True when the caller has a slot, false when another did its work. Locked. */
static bool get_slot(lk_microbatch *b, caller *me) {
    if (b->taken < b->slots) {
        b->taken++;
        return true;
    }
    caller **last = &b->waiting;
    while (*last != NULL)
        last = &(*last)->next;
    *last = me;
    (void)pthread_cond_init(&me->woken, NULL);
    while (me->turn == WAITS)
        (void)pthread_cond_wait(&me->woken, &b->lock);
    (void)pthread_cond_destroy(&me->woken);
    return me->turn == GOES;
}

static caller *next_waiting(lk_microbatch *b) {
    caller *c = b->waiting;
    if (c != NULL) {
        b->waiting = c->next;
        c->next = NULL;
    }
    return c;
}

static void wake(caller *c, turn what) {
    c->turn = what;
    (void)pthread_cond_signal(&c->woken);
}

/* Links those that go along behind `me`. Locked. */
static void take_along(lk_microbatch *b, caller *me) {
    caller *last = me;
    int count = me->count;
    while (b->waiting != NULL && count + b->waiting->count <= LK_MICROBATCH_MOST) {
        count += b->waiting->count;
        last->next = next_waiting(b);
        last = last->next;
    }
    b->passes++;
    b->inputs += (uint64_t)count;
}

static void go(const lk_microbatch *b, lk_microbatch_forward_fn *forward, void *state, const caller *first) {
    lk_net_input inputs[LK_MICROBATCH_MOST] = {{NULL, 0}};
    int count = 0;
    for (const caller *c = first; c != NULL; c = c->next) {
        memcpy(inputs + count, c->inputs, (size_t)c->count * sizeof *inputs);
        count += c->count;
    }
    const float *values = forward(state, inputs, count);
    for (const caller *c = first; c != NULL; c = c->next) {
        const size_t floats = (size_t)c->count * b->floats;
        memcpy(c->out, values, floats * sizeof *values);
        values += floats;
    }
}

/* Wakes those that went along, and hands the slot on. Locked. */
static void give_slot(lk_microbatch *b, caller *me) {
    for (caller *c = me->next, *next; c != NULL; c = next) {
        next = c->next; /* once awake, it is gone */
        wake(c, DONE);
    }
    caller *oldest = next_waiting(b);
    if (oldest != NULL)
        wake(oldest, GOES);
    else
        b->taken--;
}

void lk_microbatch_run(lk_microbatch *b, lk_microbatch_forward_fn *forward, void *state, const lk_net_input *inputs,
                       int count, float *out) {
    caller me = {.inputs = inputs, .count = count, .out = out};
    (void)pthread_mutex_lock(&b->lock);
    if (get_slot(b, &me)) {
        take_along(b, &me);
        (void)pthread_mutex_unlock(&b->lock);
        go(b, forward, state, &me);
        (void)pthread_mutex_lock(&b->lock);
        give_slot(b, &me);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

lk_microbatch_count lk_microbatch_counts(lk_microbatch *b) {
    (void)pthread_mutex_lock(&b->lock);
    lk_microbatch_count count = {.passes = b->passes, .inputs = b->inputs};
    for (const caller *c = b->waiting; c != NULL; c = c->next)
        count.waiting++;
    (void)pthread_mutex_unlock(&b->lock);
    return count;
}
