#include "config/config.h"

#include <string.h>

#define LONGEST 32

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Edits (insert, remove, change, swap two neighbours) between two words of at most LONGEST letters. */
static size_t edits(const char *a, const char *b) {
    size_t d[LONGEST + 1][LONGEST + 1];
    const size_t na = strlen(a), nb = strlen(b);
    for (size_t i = 0; i <= na; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= nb; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= na; i++)
        for (size_t j = 1; j <= nb; j++) {
            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[na][nb];
}

const char *lk_suggest(const char *word, const char *const *names, size_t count) {
    const size_t length = strlen(word);
    const char *best = NULL;
    size_t distance = length < 3 ? 1 : length / 5 + 2; /* one less than this many edits at most */
    if (length == 0 || length > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > LONGEST)
            continue;
        const bool begins = length >= 2 && strncmp(names[i], word, length) == 0;
        const size_t e = begins ? 0 : edits(word, names[i]);
        if (e < distance && e < strlen(names[i])) {
            distance = e;
            best = names[i];
        }
    }
    return best;
}
