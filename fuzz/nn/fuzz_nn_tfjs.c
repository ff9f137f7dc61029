/* A tensorflow.js manifest and its binary: four bytes of manifest size, manifest, binary. */
#include <string.h>

#include "nn/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    lk_weights *w = NULL;
    uint32_t manifest;
    if (size < sizeof manifest)
        return 0;
    memcpy(&manifest, data, sizeof manifest);
    data += sizeof manifest;
    size -= sizeof manifest;
    const size_t first = manifest < size ? manifest : size;
    if (lk_weights_read_tfjs(&w, (const char *)data, first, data + first, size - first, &err) == LIKEN_OK)
        lk_weights_free(w);
    return 0;
}
