/* Labels and tags: what may go into a store is what jansson, too, takes for UTF-8. And the sha256 of a photo in text.
 */
#include "store/codec.h"

#include "base/crypto.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    liken_error err = {0};
    unsigned char hash[32];
    char hex[LK_SHA256_HEX];
    char *text = malloc(size + 1);
    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    json_t *other = json_string(text);
    const int rc = lk_store_text("label", text, MOST, &err), right = strlen(text) > MOST ? LIKEN_E_TOO_LARGE
                                                                     : other == NULL     ? LIKEN_E_ARG
                                                                                         : LIKEN_OK;
    if (rc != right || rc != err.code)
        abort();
    if (lk_sha256_parse(text, hash)) {
        lk_hex(hash, sizeof hash, hex);
        if (strcmp(hex, text) != 0)
            abort();
    }
    json_decref(other);
    free(text);
    return 0;
}
