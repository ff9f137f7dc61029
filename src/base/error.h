/* error.h - how a fault is said. Whoever detects it writes the sentence with lk_fail; everybody above
 * returns the code and stays silent. */
#ifndef LK_BASE_ERROR_H
#define LK_BASE_ERROR_H

#include "liken.h"

/* Fills *err (when not NULL) and returns `code`, so that `return lk_fail(err, LIKEN_E_IO, "...");` reads well. */
int lk_fail(liken_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4), cold));

/* The same with ": <strerror(errnum)>" appended. */
int lk_fail_errno(liken_error *err, int code, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));

/* "liken ran out of memory ...". */
int lk_fail_memory(liken_error *err) __attribute__((cold));

/* Puts "prefix: " before the message of a failed call, to name the file or the part it was about. */
void lk_error_prefix(liken_error *err, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* Of a function whose failure must not be missed: whoever calls it looks at what it returns. */
#define LK_CHECKED __attribute__((warn_unused_result))

#define LK_CLEANUP(fn) __attribute__((cleanup(fn)))

/* `LK_FREE char *s = ...;` is freed when it goes out of scope. */
void lk_free_ptr(void *pp);
#define LK_FREE LK_CLEANUP(lk_free_ptr)

#define LK_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
