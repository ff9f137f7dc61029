/* test.h - what every cmocka test includes first. */
#ifndef LK_TESTS_TEST_H
#define LK_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "liken.h"

/* Fails with liken's own sentence when `call`, which must use `err`, does not return LIKEN_OK. */
#define assert_ok(call, err)                                                                                           \
    do {                                                                                                               \
        if ((call) != LIKEN_OK)                                                                                        \
            fail_msg("%s: %s", #call, (err).message);                                                                  \
    } while (0)

#endif
