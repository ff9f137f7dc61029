/* call.h - on whose behalf this thread works, and until when.
 *
 * A public function of liken.h begins a call on entry and ends it on return (lk_call_begin, lk_call_end). In between,
 * everything below it can ask: who is it for (lines of the log, an audit in the store's transaction), is it to go on
 * (lk_call_check, between steps that take long), how long has it left (waits, timeouts of a database). It is kept with
 * the thread, like errno, because every function on the way would otherwise carry it and most would only pass it on.
 *
 * Invariants: calls of one thread nest, the innermost counts; a thread that works for another begins a call with
 * lk_call_now() of that other. Work in the background is under no call: nobody's, without a deadline. What has begun to
 * be written in a transaction is not broken off half-way: either it is rolled back or it stays. */
#ifndef LK_BASE_CALL_H
#define LK_BASE_CALL_H

#include "base/error.h"

#include <pthread.h>

typedef struct lk_call {
    liken_call asked; /* as given; all 0: nobody's */
    bool stopped;     /* by what its progress function returned */
    struct lk_call *outer;
} lk_call;

/* `call` NULL: nobody's. lk_call_end must follow, also after a fault. ARG: a liken_call that was not begun with
 * LIKEN_CALL_INIT; CANCELLED, DEADLINE: it is over already. */
LK_CHECKED int lk_call_begin(lk_call *k, const liken_call *call, liken_error *err);
void lk_call_end(lk_call *k);

/* LIKEN_OK, or why the call of this thread is not to go on: CANCELLED, DEADLINE. Cheap. */
LK_CHECKED int lk_call_check(liken_error *err);
/* Seconds until its deadline, 0 when it has passed; INFINITY: it has none. */
double lk_call_left(void);
/* What this thread works for; never NULL, all 0 when it is for nobody. Valid until that call ends. */
const liken_call *lk_call_now(void);

/* Waits for a signal of a condition made by lk_clock_condition, or a moment; then what lk_call_check says. For the loop
 * around a wait that a call need not sit through. */
LK_CHECKED int lk_call_wait(pthread_cond_t *c, pthread_mutex_t *lock, liken_error *err);

/* Tells its progress function, if it has one. What that returns is seen by the next lk_call_check. */
void lk_call_tell(const liken_progress *p);
/* The same of a sentence alone. */
void lk_call_say(const char *what, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
