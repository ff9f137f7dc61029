/* The reader of PBM, PGM and PPM alone. */
#include "rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err;
    const char *words;
    lk_head head = {0};
    lk_reader *reader = NULL;
    if (lk_sniff(data, size, &words) == LK_KIND_PNM && lk_pnm_head(data, size, &head, &err) == LIKEN_OK &&
        small_enough(&head) && lk_pnm_open(&reader, data, size, &err) == LIKEN_OK)
        read_rows(reader);
    return 0;
}
