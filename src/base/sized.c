#include "base/sized.h"

#include <string.h>

#define MOST_GROWN 4096 /* bytes by which a struct of a newer liken may be longer; beyond that the size is none */

int lk_sized_take(void *to, size_t size, const void *from, const char *name, liken_error *err) {
    size_t given = size;
    if (from != NULL)
        memcpy(&given, from, sizeof given);
    if (given < sizeof given || given > size + MOST_GROWN)
        return lk_fail(err, LIKEN_E_ARG,
                       "The %s has no size: begin it with its LIKEN_..._INIT, or set its field size to sizeof(%s).",
                       name, name);
    for (size_t i = size; i < given; i++)
        if (((const unsigned char *)from)[i] != 0)
            return lk_fail(err, LIKEN_E_ARG,
                           "The %s is of a newer liken, and asks for what liken %s does not know; use a newer liken.",
                           name, liken_version());
    memset(to, 0, size);
    if (from != NULL)
        memcpy(to, from, given < size ? given : size);
    memcpy(to, &size, sizeof size);
    return LIKEN_OK;
}
