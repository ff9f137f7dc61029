/* A JSON body: for a search, then for a new collection. Bad input is answered with 4xx, always. */
#include "served.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void post(const char *path, const uint8_t *data, size_t size) {
    const int status = served_post(path, "application/json", data, size);
    if (status < 200 || status >= 500)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    post("/v1/collections/default/search", data, size);
    post("/v1/collections", data, size);
    return 0;
}
