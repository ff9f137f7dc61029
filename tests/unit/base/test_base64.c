#include "unit/test.h"

#include "base/base64.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* In pieces of so many characters; the characters read, or -1 where the end is cut off. */
static int decode(const char *text, size_t piece, uint8_t *out, size_t *size) {
    lk_base64 b = {0};
    const size_t length = strlen(text);
    size_t written = 0;
    *size = 0;
    for (size_t at = 0; at < length; at += piece) {
        const size_t n = length - at < piece ? length - at : piece,
                     read = lk_base64_read(&b, text + at, n, out + *size, &written);
        *size += written;
        if (read < n)
            return (int)(at + read);
    }
    const bool whole = lk_base64_end(&b, out + *size, &written);
    *size += written;
    return whole ? (int)length : -1;
}

static void text_becomes_bytes(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes;
        int read;
    } cases[] = {
        {"", "", 0},
        {"Zg==", "f", 4},
        {"Zm8=", "fo", 4},
        {"Zm9v", "foo", 4},
        {"Zm9vYg==", "foob", 8},
        {"Zm9vYmE", "fooba", 7},
        {"Zg", "f", 2},
        {" Zm\r\n9v\tYg = =\n", "foob", 15},
        {"+/-_", "\xfb\xff\xbf", 4},
        {"Zm9vY", "foo", -1},
        {"Zg==Zg", "", 4},
        {"=", "", 0},
        {"Z===", "", 1},
        {"Zg===", "", 4},
        {"Zm8==", "", 4},
        {"Zm9v=", "foo", 4},
        {"Zm9v.", "foo", 4},
        {"Zm9v\xc3", "foo", 4},
        {"Zm9\"", "", 3},
    };
    for (size_t i = 0; i < LK_LENGTH(cases); i++)
        for (size_t piece = 1; piece < 17; piece++) {
            uint8_t out[64];
            size_t size = 0;
            const int read = decode(cases[i].text, piece, out, &size);
            if (read != cases[i].read || size != strlen(cases[i].bytes) || memcmp(out, cases[i].bytes, size) != 0)
                fail_msg("\"%s\" in pieces of %zu: %d characters, %zu bytes", cases[i].text, piece, read, size);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(text_becomes_bytes)};
    return cmocka_run_group_tests_name("base/base64", tests, NULL, NULL);
}
