#include "base/base64.h"

enum { NO = -1, SP = -2, EQ = -3 }; /* none of it, white space, padding */

/* What each character of ASCII is. */
static const signed char values[128] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, SP, SP, SP, SP, SP, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, SP, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, 62, NO, 63, 52, 53, 54, 55,
    56, 57, 58, 59, 60, 61, NO, NO, NO, EQ, NO, NO, NO, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
    13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, 63, NO, 26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO,
};

static int value_of(char c) {
    return (unsigned char)c < 128 ? values[(unsigned char)c] : NO;
}

static void put(uint8_t *out, size_t *written, uint32_t bits) {
    out[(*written)++] = (uint8_t)(bits >> 16);
    out[(*written)++] = (uint8_t)(bits >> 8);
    out[(*written)++] = (uint8_t)bits;
}

/* Fours of characters that are bytes at once; returns how many characters. */
static size_t fours(const char *text, size_t size, uint8_t *out, size_t *written) {
    size_t i = 0;
    for (; i + 4 <= size; i += 4) {
        const int a = value_of(text[i]), b = value_of(text[i + 1]), c = value_of(text[i + 2]),
                  d = value_of(text[i + 3]);
        if ((a | b | c | d) < 0)
            break;
        put(out, written, (uint32_t)(a << 18 | b << 12 | c << 6 | d));
    }
    return i;
}

/* Padding stands where bytes end: after two or three of four characters. */
static bool pad(lk_base64 *b) {
    return b->count + ++b->pads <= 4 && b->count >= 2;
}

/* False: it does not belong there. */
static bool one(lk_base64 *b, int value, uint8_t *out, size_t *written) {
    if (value == SP || (value == EQ && pad(b)))
        return true;
    if (value < 0 || b->pads > 0)
        return false;
    b->bits = b->bits << 6 | (uint32_t)value;
    if (++b->count < 4)
        return true;
    put(out, written, b->bits);
    b->bits = b->count = 0;
    return true;
}

size_t lk_base64_read(lk_base64 *b, const char *text, size_t size, uint8_t *out, size_t *written) {
    *written = 0;
    for (size_t i = 0; i < size; i++) {
        if (b->count == 0 && b->pads == 0)
            i += fours(text + i, size - i, out, written);
        if (i < size && !one(b, value_of(text[i]), out, written))
            return i;
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
