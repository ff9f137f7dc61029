/* What a client says of the files it has and the codings it takes: the first line is If-None-Match, the rest
 * Accept-Encoding. A tag that is listed is found, and a weight is a weight. */
#include "http/http_int.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is before it: in front of everything it must be seen. */
static void check_list(const char *list) {
    char *longer = malloc(strlen(list) + 8);
    if (longer == NULL)
        abort();
    (void)lk_etag_listed(list, "a");
    strcpy(longer, "W/\"a\", ");
    strcat(longer, list);
    if (!lk_etag_listed(longer, "a"))
        abort();
    free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const codings[] = {"br", "gzip", "identity"};
    char *text = calloc(1, size + 1);
    if (text == NULL)
        abort();
    memcpy(text, data, size);
    char *line = strchr(text, '\n');
    for (size_t i = 0; i < LK_LENGTH(codings); i++) {
        const int wanted = lk_coding_wanted(line == NULL ? NULL : line + 1, codings[i]);
        if (wanted < 0 || wanted > 1000)
            abort();
    }
    if (line != NULL)
        *line = '\0';
    check_list(text);
    free(text);
    return 0;
}
