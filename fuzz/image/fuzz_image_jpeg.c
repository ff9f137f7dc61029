/* The walk over the coded data of a JPEG that lacks its end marker, and the rows of an ordinary one. */
#include "rows.h"

#include "image/jpeg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    lk_head head = {0};
    lk_jpeg_extent extent;
    if (size < 4 || lk_jpeg_head(data, size, &head, &err) != LIKEN_OK || !small_enough(&head) || head.passes > 100)
        return 0;
    if (lk_jpeg_measure(data, size, &extent, &err) == LIKEN_OK &&
        (extent.end > size || extent.rows < 0 || extent.rows > head.height || (extent.whole && extent.end == 0)))
        abort();
    (void)lk_jpeg_mend(data, size, &head, &err);
    free(head.copy);
    lk_reader *reader = lk_jpeg_open(data, size, 1 << size % 4);
    if (reader != NULL)
        read_rows(reader);
    return 0;
}
