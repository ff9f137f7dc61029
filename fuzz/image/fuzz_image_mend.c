/* A HEIC and its copy: nothing moves, and little is added. */
#include "image/head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    lk_head head = {0};
    if (lk_heif_mend(data, size, &head, &err) == LIKEN_OK && head.copy != NULL &&
        (head.copy_size < size || head.copy_size > 2 * size))
        abort();
    free(head.copy);
    return 0;
}
