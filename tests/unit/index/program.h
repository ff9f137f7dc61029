/* program.h - a history as a list of steps that can be made by chance, run, written down, read again and shrunk.
 *
 * Every step has its own seed, so that a list from which steps were removed is still a list. */
#ifndef LK_TESTS_INDEX_PROGRAM_H
#define LK_TESTS_INDEX_PROGRAM_H

#include "history.h"

typedef enum verb { ADD, DELETE, SETTLE, SAVE, RESTART, ASK, READ, VERBS } verb;

typedef struct step {
    verb verb;
    unsigned n, seed;
} step;

enum { STEPS = 200 };

typedef struct program {
    unsigned kind, dimension, small; /* of the data; size of the vectors; history.h */
    oracle_error wrong;              /* oracle.h */
    size_t count;
    step steps[STEPS];
} program;

void program_draw(program *p, uint64_t seed, size_t count);
/* False, with a sentence, when the index differed from what it must be. */
bool program_run(const program *p, char why[WHY]);
/* Removes and joins steps and makes numbers smaller as long as the program still fails; the times it was run. */
int program_shrink(program *p);

/* "kind grid dimension 16 small 7; add 3 1; delete 1 5; ask 1 9": one line, as program_read takes it. */
enum { PROGRAM_TEXT = 64 + STEPS * 40 };
void program_write(const program *p, char text[PROGRAM_TEXT]);
bool program_read(program *p, const char *text);

#endif
