/* pairs.h - the pairs of photos that an evaluation is made of, from a CSV file. */
#ifndef LK_EVAL_PAIRS_H
#define LK_EVAL_PAIRS_H

#include "base/error.h"

#define LK_PAIRS_CEILING 1000000
#define LK_PAIR_SOURCES 256
#define LK_NO_FOLD (-1)

typedef struct lk_pair {
    uint32_t a, b;   /* indices of files */
    uint16_t source; /* index of a source */
    bool same;
    int fold; /* or LK_NO_FOLD */
} lk_pair;

typedef struct lk_pairs {
    char *text;     /* owns every string */
    lk_pair *pairs; /* in the order of the file */
    size_t count;
    const char **files; /* each once, by byte order */
    size_t file_count;
    uint32_t *people;                     /* of each file: equal when the folder or a chain of same pairs joins them */
    const char *sources[LK_PAIR_SOURCES]; /* in the order of the file */
    size_t source_count;
} lk_pairs;

/* The header names the columns: file_a, file_b, same (1 or 0); source (else "all") and fold (a number, or empty) if
 * wanted; others are passed over. Takes `text` (malloc'd, with a NUL at text[size]) in any case. Faults: ARG, with the
 * line. */
int lk_pairs_read(lk_pairs **out, char *text, size_t size, liken_error *err);
/* Of each file, whether it is in a pair of this source. free() it; NULL when out of memory. */
bool *lk_pairs_files_of(const lk_pairs *p, uint16_t source);
void lk_pairs_free(lk_pairs *p);

#endif
