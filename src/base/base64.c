#include "base/base64.h"

/* The value of a character; -1: none. */
static int value_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Padding stands where bytes end: after two or three of four characters. */
static bool pad(lk_base64 *b) {
    return b->count + ++b->pads <= 4 && b->count >= 2;
}

size_t lk_base64_read(lk_base64 *b, const char *text, size_t size, uint8_t *out, size_t *written) {
    *written = 0;
    for (size_t i = 0; i < size; i++) {
        const int value = value_of(text[i]);
        if (is_space(text[i]) || (text[i] == '=' && pad(b)))
            continue;
        if (value < 0 || b->pads > 0)
            return i;
        b->bits = b->bits << 6 | (uint32_t)value;
        if (++b->count < 4)
            continue;
        out[(*written)++] = (uint8_t)(b->bits >> 16);
        out[(*written)++] = (uint8_t)(b->bits >> 8);
        out[(*written)++] = (uint8_t)b->bits;
        b->bits = b->count = 0;
    }
    return size;
}

bool lk_base64_end(lk_base64 *b, uint8_t out[2], size_t *written) {
    *written = b->count < 2 ? 0 : b->count - 1;
    if (b->count == 2)
        out[0] = (uint8_t)(b->bits >> 4);
    if (b->count == 3) {
        out[0] = (uint8_t)(b->bits >> 10);
        out[1] = (uint8_t)(b->bits >> 2);
    }
    return b->count != 1;
}
