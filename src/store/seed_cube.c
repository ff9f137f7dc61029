/* A descriptor as the seed's table holds it: components 0..63 in one cube, 64..127 in another, each the text of a
 * point. A cube holds float64; a float32 goes through it unchanged. */
#include "store/seed_int.h"

#include "store/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_seed_cube_write(const float half[LK_SEED_HALF], char *text) {
    char *to = text;
    for (int i = 0; i < LK_SEED_HALF; i++)
        to += sprintf(to, "%c%.17g", i == 0 ? '(' : ',', (double)half[i]);
    (void)strcpy(to, ")");
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

const char *lk_seed_cube_read(const char *low, const char *high, float out[LK_SEED_DIMENSION]) {
    float both[LK_SEED_DIMENSION] = {0};
    if (low == NULL || high == NULL)
        return "its vec_low or vec_high is NULL";
    const int first = read_point(low, both, LK_SEED_HALF);
    const int second = read_point(high, both + LK_SEED_HALF, LK_SEED_HALF);
    if (first == LK_SEED_HALF - 1 && second == LK_SEED_HALF - 1)
        return "it has 126 components instead of 128: the oldest example left out the 64th and the 128th, and nothing "
               "brings them back";
    if (first < 0 || second < 0)
        return "its vec_low or vec_high is no point";
    if (first != LK_SEED_HALF || second != LK_SEED_HALF)
        return "its vec_low and vec_high do not have 64 components each";
    if (!lk_floats_sane(both, LK_SEED_DIMENSION))
        return "it has components that are not numbers (NaN or infinite)";
    memcpy(out, both, sizeof both);
    return NULL;
}
