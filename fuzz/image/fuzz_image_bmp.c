/* The bitmap reader alone, as a file and as it lies in an icon. */
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    lk_head head = {0};
    lk_reader *reader = NULL;
    if (lk_bmp_head(data, size, &head, &err) == LIKEN_OK && small_enough(&head) &&
        lk_bmp_open(&reader, data, size, &err) == LIKEN_OK)
        read_rows(reader);
    head = (lk_head){0};
    const size_t skip = size > 14 ? 14 : size; /* the file header */
    if (lk_bmp_head_icon(data + skip, size - skip, &head, &err) == LIKEN_OK && small_enough(&head) &&
        lk_bmp_open_icon(&reader, data + skip, size - skip, &err) == LIKEN_OK)
        read_rows(reader);
    return 0;
}
