/* pack.json of somebody's pack: what is accepted must be written and read again as the same text. */
#include "packs/pack.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lk_pack *pack = NULL, *again = NULL;
    liken_error err = {0};
    char *text = NULL, *text_again = NULL;
    size_t text_size = 0, again_size = 0;
    if (lk_pack_parse(&pack, (const char *)data, size, &err) != LIKEN_OK)
        return 0;
    if (lk_pack_write(pack, &text, &text_size, &err) != LIKEN_OK ||
        lk_pack_parse(&again, text, text_size, &err) != LIKEN_OK ||
        lk_pack_write(again, &text_again, &again_size, &err) != LIKEN_OK || again_size != text_size ||
        memcmp(text, text_again, text_size) != 0)
        abort();
    lk_pack_free(pack);
    lk_pack_free(again);
    free(text);
    free(text_again);
    return 0;
}
