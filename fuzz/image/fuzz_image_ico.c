/* The icon directory, and the bitmap it leads to. */
#include "rows.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    lk_head head = {0};
    lk_reader *reader = NULL;
    if (lk_ico_head(data, size, &head, &err) == LIKEN_OK) {
        if (head.from > size || head.size > size - head.from)
            abort();
        if (head.inner == LK_KIND_BMP && small_enough(&head) &&
            lk_bmp_open_icon(&reader, data + head.from, head.size, &err) == LIKEN_OK)
            read_rows(reader);
    }
    free(head.copy);
    return 0;
}
