/* Any bytes, through sniffing, header, limits and decode, small and whole. */
#include "image/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The AV1 decoder loses a few bytes over a damaged file. */
LIKEN_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libdav1d\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const lk_photo_limits limits = {.max_bytes = (size_t)1 << 20, .max_pixels = 200000};
    liken_error err;
    lk_photo *photo = NULL;
    if (lk_photo_open(&photo, data, size, &limits, &err) != LIKEN_OK)
        return 0;
    for (int want = 0; want <= 20; want += 20) {
        lk_image image = {0};
        double scale = 0;
        if (lk_photo_decode(photo, want, &image, &scale, &err) == LIKEN_OK &&
            (image.width < 1 || image.height < 1 || image.rgb == NULL || !(scale > 0 && scale <= 1)))
            abort();
        lk_image_clear(&image);
    }
    lk_photo_free(photo);
    return 0;
}
