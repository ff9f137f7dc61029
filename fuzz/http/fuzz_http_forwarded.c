/* What comes in X-Forwarded-For and Forwarded: whatever a client sends, the address that a trusted proxy adds behind it
 * is what counts. */
#include "http/http_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *list, const char *added, bool forwarded) {
    static const uint8_t right[16] = {[10] = 0xff, [11] = 0xff, 203, 0, 113, 7};
    uint8_t client[16] = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}, own[16];
    lk_proxies p;
    char *longer = malloc(strlen(list) + strlen(added) + 1);
    if (longer == NULL || lk_proxies_parse("10.0.0.0/8", forwarded, &p, NULL) != LIKEN_OK)
        abort();
    memcpy(own, client, sizeof own);
    lk_proxies_client(&p, list, own);
    strcpy(longer, list);
    strcat(longer, added);
    lk_proxies_client(&p, longer, client);
    if (memcmp(client, right, sizeof right) != 0)
        abort();
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = calloc(1, size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    lk_proxies p;
    (void)lk_proxies_parse(text, false, &p, NULL);
    check(text, ", 203.0.113.7", false);
    check(text, ", for=203.0.113.7;proto=https", true);
    check(text, ",for=\"203.0.113.7:80\"", true);
    free(text);
    return 0;
}
