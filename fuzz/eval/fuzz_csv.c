/* The pairs of an evaluation, and the CSV reader below them. */
#include "eval/pairs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    lk_pairs *pairs = NULL;
    liken_error err = {0};
    if (lk_pairs_read(&pairs, text, size, &err) == LIKEN_OK)
        for (size_t i = 0; i < pairs->count; i++)
            if (pairs->pairs[i].a >= pairs->file_count || pairs->pairs[i].b >= pairs->file_count)
                abort();
    lk_pairs_free(pairs);
    return 0;
}
