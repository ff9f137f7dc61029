/* A time in text. What is taken looks like RFC 3339 says, and is the same moment when it is written and read again. */
#include "base/clock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* '9' stands for a digit, every other character for itself; where the pattern ends, or NULL. */
static const char *follow(const char *text, const char *pattern) {
    for (; *pattern != '\0'; pattern++, text++)
        if (*pattern == '9' ? !isdigit((unsigned char)*text) : toupper((unsigned char)*text) != *pattern)
            return NULL;
    return text;
}

static bool looks_right(const char *text) {
    const char *rest = follow(text, "9999-99-99");
    if (rest == NULL || *rest == '\0')
        return rest != NULL;
    rest = *rest == ' ' ? follow(rest, " 99:99:99") : follow(rest, "T99:99:99");
    if (rest != NULL && *rest == '.') {
        const size_t digits = strspn(rest + 1, "0123456789");
        rest = digits == 0 ? NULL : rest + 1 + digits;
    }
    if (rest == NULL)
        return false;
    const char *end =
        toupper((unsigned char)*rest) == 'Z' ? rest + 1 : follow(rest, *rest == '-' ? "-99:99" : "+99:99");
    return end != NULL && *end == '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = calloc(1, size + 1), again[64];
    int64_t when = 0, second = 0;
    if (text == NULL)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    if (lk_clock_parse(text, &when)) {
        lk_clock_format(when, again, sizeof again);
        const bool writable = when >= -62135596800 && when <= 253402300799; /* the years 1 to 9999 */
        if (!looks_right(text) || (writable && (!lk_clock_parse(again, &second) || second != when)))
            abort();
    }
    free(text);
    return 0;
}
