/* A multipart body with the boundary XX: a photo to add, two to compare, the two legacy calls. Bad input is answered
 * with 4xx; only the legacy system has a 500, for a photo without faces. */
#include "served.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int post(const char *path, const uint8_t *data, size_t size) {
    return served_post(path, "multipart/form-data; boundary=XX", data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const paths[] = {"/v1/collections/default/images", "/v1/compare", "/faces/searches"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const int status = post(paths[i], data, size);
        if (status < 200 || status >= 500)
            abort();
    }
    const int status = post("/faces", data, size);
    if (status < 200 || status > 500)
        abort();
    return 0;
}
