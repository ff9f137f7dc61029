#include "liken.h"

const char *liken_version(void) {
    return LIKEN_VERSION;
}
