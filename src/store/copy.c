#include "store/copy.h"

int lk_store_copy_refused(const char *name, const char *source, liken_error *err) {
    if (*source == '\0')
        return lk_fail(
            err, LIKEN_E_CONFLICT,
            "%s holds photos already, and a gallery keeps its ids when it is moved; move it to a place that is "
            "empty.",
            name);
    return lk_fail(
        err, LIKEN_E_CONFLICT,
        "%s is a copy, not yet finished, of another gallery (store %s); finish that first, or take a place that is "
        "empty.",
        name, source);
}
