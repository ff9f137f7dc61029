#include "base/call.h"

#include "base/clock.h"
#include "base/sized.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define LOOK_SECONDS 0.05 /* how soon a wait sees that the call was stopped */

static _Thread_local lk_call *innermost;

int lk_call_begin(lk_call *k, const liken_call *call, liken_error *err) {
    *k = (lk_call){.outer = innermost};
    innermost = k;
    if (call == NULL)
        return LIKEN_OK;
    const int rc = lk_sized_take(&k->asked, sizeof k->asked, call, "liken_call", err);
    return rc == LIKEN_OK ? lk_call_check(err) : rc;
}

void lk_call_end(lk_call *k) {
    assert(innermost == k); /* calls of one thread nest */
    innermost = k->outer;
}

int lk_call_check(liken_error *err) {
    const lk_call *k = innermost;
    if (k == NULL)
        return LIKEN_OK;
    if (k->stopped || (k->asked.cancelled != NULL && k->asked.cancelled(k->asked.ctx) != 0))
        return lk_fail(err, LIKEN_E_CANCELLED, "It was stopped before it was done, as asked.");
    if (lk_call_left() <= 0)
        return lk_fail(err, LIKEN_E_DEADLINE,
                       "It was not done in the time that it was given; give it more, ask for less, or try again when "
                       "less else is going on.");
    return LIKEN_OK;
}

double lk_call_left(void) {
    if (innermost == NULL || innermost->asked.deadline == 0)
        return (double)INFINITY;
    return fmax(innermost->asked.deadline - lk_clock_monotonic(), 0);
}

const liken_call *lk_call_now(void) {
    static const liken_call nobody = LIKEN_CALL_INIT;
    return innermost == NULL || innermost->asked.size == 0 ? &nobody : &innermost->asked;
}

int lk_call_wait(pthread_cond_t *c, pthread_mutex_t *lock, liken_error *err) {
    const liken_call *asked = lk_call_now();
    if (asked->cancelled == NULL && asked->deadline == 0) {
        (void)pthread_cond_wait(c, lock);
        return lk_call_check(err);
    }
    const struct timespec until = lk_clock_after(fmin(lk_call_left(), LOOK_SECONDS));
    (void)pthread_cond_timedwait(c, lock, &until);
    return lk_call_check(err);
}

void lk_call_tell(const liken_progress *p) {
    lk_call *k = innermost;
    if (k != NULL && k->asked.progress != NULL && k->asked.progress(k->asked.ctx, p) != 0)
        k->stopped = true;
}

void lk_call_say(const char *what, const char *format, ...) {
    char message[640];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(message, sizeof message, format, ap);
    va_end(ap);
    lk_call_tell(&(liken_progress){.what = what, .message = message});
}

double liken_deadline(double seconds) {
    return lk_clock_monotonic() + seconds;
}
