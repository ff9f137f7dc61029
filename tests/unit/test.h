/* test.h - what every cmocka test includes first. */
#ifndef LK_TESTS_TEST_H
#define LK_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "liken.h"

/* Fails with liken's own sentence when `call`, which must use `err`, does not return LIKEN_OK. */
#define assert_ok(call, err)                                                                                           \
    do {                                                                                                               \
        if ((call) != LIKEN_OK)                                                                                        \
            fail_msg("%s: %s", #call, (err).message);                                                                  \
    } while (0)

/* Until `is` holds, which is looked at every millisecond; the test fails when it never does. */
#define wait_until(is)                                                                                                 \
    do {                                                                                                               \
        for (int waits_ = 0; !(is); waits_++) {                                                                        \
            if (waits_ == 60000)                                                                                       \
                fail_msg("for a minute this did not hold: %s", #is);                                                   \
            (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                                             \
        }                                                                                                              \
    } while (0)

#endif
