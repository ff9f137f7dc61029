/* A descriptor as the legacy table holds it: components 0..63 in one cube, 64..127 in another. A cube holds float64; a
 * float32 goes through it unchanged. Cubes are read as the function cube_send gives them, where the extension has it
 * (1.5, PostgreSQL 14): their texts cost the server and liken a multiple of that. */
#include "store/legacy/legacy_int.h"

#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_legacy_cube_write(const float half[LK_LEGACY_HALF], char *text) {
    size_t at = 0;
    for (int i = 0; i < LK_LEGACY_HALF; i++)
        at += (size_t)snprintf(text + at, LK_LEGACY_CUBE_TEXT - at, "%c%.17g", i == 0 ? '(' : ',', (double)half[i]);
    (void)snprintf(text + at, LK_LEGACY_CUBE_TEXT - at, ")");
}

/* How many components; -1: not a point. Components beyond `room` are counted only. */
static int read_point(const char *text, float *out, int room) {
    int count = 0;
    if (text == NULL || *text++ != '(')
        return -1;
    while (*text == ' ')
        text++;
    if (strcmp(text, ")") == 0)
        return 0;
    for (;;) {
        char *end;
        const double value = strtod(text, &end);
        if (end == text)
            return -1;
        if (count < room)
            out[count] = (float)value;
        count++;
        while (*end == ' ')
            end++;
        text = end + 1;
        if (*end == ')')
            return *text == '\0' ? count : -1; /* "(...),(...)" is a box */
        if (*end != ',')
            return -1;
    }
}

/* Why halves of `first` and `second` components are no descriptor, or NULL and `out` filled in. */
static const char *judge(int first, int second, const float both[LK_LEGACY_DIMENSION], float out[LK_LEGACY_DIMENSION]) {
    if (first == LK_LEGACY_HALF - 1 && second == LK_LEGACY_HALF - 1)
        return "it has 126 components instead of 128: the oldest example left out the 64th and the 128th, and nothing "
               "brings them back";
    if (first < 0 || second < 0)
        return "its vec_low or vec_high is no point";
    if (first != LK_LEGACY_HALF || second != LK_LEGACY_HALF)
        return "its vec_low and vec_high do not have 64 components each";
    if (!lk_floats_sane(both, LK_LEGACY_DIMENSION))
        return "it has components that are not numbers (NaN or infinite)";
    memcpy(out, both, LK_LEGACY_DIMENSION * sizeof *both);
    return NULL;
}

static const char missing[] = "its vec_low or vec_high is NULL";

const char *lk_legacy_cube_read(const char *low, const char *high, float out[LK_LEGACY_DIMENSION]) {
    float both[LK_LEGACY_DIMENSION] = {0};
    if (low == NULL || high == NULL)
        return missing;
    const int first = read_point(low, both, LK_LEGACY_HALF);
    const int second = read_point(high, both + LK_LEGACY_HALF, LK_LEGACY_HALF);
    return judge(first, second, both, out);
}

static uint64_t big_endian(const unsigned char *bytes, int size) {
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* How many components; -1: not a point. A head of 32 bits, whose highest says "a point" and whose low ones how many,
 * then float64 by float64. */
static int read_sent(const unsigned char *bytes, size_t size, float *out) {
    const uint64_t head = size < 4 ? 0 : big_endian(bytes, 4);
    const uint64_t count = head & 0x7fffffff;
    if ((head & 0x80000000) == 0 || size != 4 + 8 * count)
        return -1;
    for (uint64_t i = 0; i < count && i < LK_LEGACY_HALF; i++) {
        const uint64_t bits = big_endian(bytes + 4 + 8 * i, 8);
        double value;
        memcpy(&value, &bits, sizeof value);
        out[i] = (float)value;
    }
    return (int)count;
}

const char *lk_legacy_cube_read_sent(const void *low, size_t low_size, const void *high, size_t high_size,
                                     float out[LK_LEGACY_DIMENSION]) {
    float both[LK_LEGACY_DIMENSION] = {0};
    if (low == NULL || high == NULL)
        return missing;
    const int first = read_sent(low, low_size, both), second = read_sent(high, high_size, both + LK_LEGACY_HALF);
    return judge(first, second, both, out);
}

const char *lk_legacy_cube_take(const lk_legacy_form *f, const lk_pg_result *r, int row, int column,
                                float out[LK_LEGACY_DIMENSION]) {
    size_t low_size = 0, high_size = 0;
    const char *low = lk_pg_get_bytes(r, row, column, &low_size);
    const char *high = lk_pg_get_bytes(r, row, column + 1, &high_size);
    return f->sends ? lk_legacy_cube_read_sent(low, low_size, high, high_size, out)
                    : lk_legacy_cube_read(low, high, out);
}
