#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_codes[] = {
    "ok",           "bad_argument", "out_of_memory",  "io_error",    "not_found",      "conflict", "too_large",
    "not_an_image", "damaged",      "no_face",        "model_error", "model_mismatch", "busy",     "store_error",
    "cancelled",    "unsupported",  "internal_error", "store_full",  "read_only",      "deadline", "gone"};

const char *liken_status_code(int status) {
    const int i = -status;
    return i >= 0 && i < (int)LK_LENGTH(status_codes) ? status_codes[i] : "unknown";
}

int lk_fail(liken_error *err, int code, const char *format, ...) {
    if (err != NULL) {
        va_list ap;
        va_start(ap, format);
        err->code = code;
        (void)vsnprintf(err->message, sizeof err->message, format, ap);
        va_end(ap);
    }
    return code;
}

int lk_fail_errno(liken_error *err, int code, int errnum, const char *format, ...) {
    if (err != NULL) {
        va_list ap;
        va_start(ap, format);
        err->code = code;
        (void)vsnprintf(err->message, sizeof err->message, format, ap);
        va_end(ap);
        char text[128];
        const size_t used = strlen(err->message);
        (void)snprintf(err->message + used, sizeof err->message - used, ": %s", strerror_r(errnum, text, sizeof text));
    }
    return code;
}

int lk_fail_memory(liken_error *err) {
    return lk_fail(err, LIKEN_E_MEMORY, "liken ran out of memory; close other programs or lower --threads.");
}

void lk_error_prefix(liken_error *err, const char *format, ...) {
    if (err == NULL)
        return;
    char *old = strdup(err->message);
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    const size_t used = strlen(err->message);
    /* a message cut at the end of the buffer is still a message */
    (void)snprintf(err->message + used, sizeof err->message - used, ": %s", old == NULL ? "" : old);
    free(old);
}

void lk_free_ptr(void *pp) {
    free(*(void **)pp);
}
