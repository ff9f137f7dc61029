/* A connection's whole bytes. Whatever comes, the server answers in HTTP or closes, and lives; a fault of its own (500)
 * is a find. */
#include "served.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (served_ask(data, size) == 500)
        abort();
    return 0;
}
