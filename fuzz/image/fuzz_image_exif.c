/* EXIF blocks, alone and where each kind of file keeps them. */
#include "image/exif.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const lk_kind kinds[] = {LK_KIND_JPEG, LK_KIND_PNG, LK_KIND_WEBP, LK_KIND_TIFF, LK_KIND_JXL};
    const int orientation = lk_exif_orientation(data, size);
    if (orientation < 0 || orientation > 8)
        abort();
    (void)lk_exif_captured_at(data, size);
    (void)lk_exif_item_captured_at(data, size);
    for (size_t i = 0; i < LK_LENGTH(kinds); i++)
        (void)lk_photo_time(kinds[i], data, size);
    return 0;
}
