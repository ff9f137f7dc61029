/* oracle.h - what the index must answer, the slow way: a list of vectors, every distance computed, the nearest taken.
 */
#ifndef LK_TESTS_INDEX_ORACLE_H
#define LK_TESTS_INDEX_ORACLE_H

#include "unit/test.h"

#include "index/index.h"

/* Deliberate errors, for the tests of the tests. */
typedef enum oracle_error { RIGHT, FORGETS_DELETIONS, LEAVES_OUT_THE_RADIUS, BREAKS_TIES_BACKWARDS } oracle_error;

typedef struct oracle {
    int dimension;
    size_t stride; /* floats from row to row: the dimension rounded up to 16, the rest zero */
    size_t count, room, live;
    int64_t *ids; /* ascending */
    float *rows;
    bool *dead;
    oracle_error wrong;
} oracle;

oracle *oracle_new(int dimension);
void oracle_free(oracle *o);
void oracle_add(oracle *o, const int64_t *ids, const float *vectors, size_t count);
void oracle_delete(oracle *o, int64_t id);
static inline const float *oracle_row(const oracle *o, size_t row) {
    return o->rows + row * o->stride;
}
float oracle_distance(const float *a, const float *b, int dimension);
/* Every live neighbour that passes, sorted; at most k. The array is the caller's. */
lk_neighbour *oracle_search(const oracle *o, const lk_index_query *q, size_t *count, uint64_t *searched);
/* Fails the test unless the index answers as the oracle does. */
void oracle_check(const oracle *o, lk_index *ix, const lk_index_query *q);

/* A query whose radius may lie exactly at a neighbour. */
typedef struct question {
    lk_index_query query;
    enum { AS_IT_IS, AT_A_NEIGHBOUR, JUST_BEFORE_IT } radius;
    size_t rank; /* of that neighbour among those that pass */
    bool apart;  /* odd ids get the radius of a nearer one, */
    bool wider;  /* or even ids do */
} question;

enum { WHY = 256, QUESTIONS = 32 };

/* Asks the index one question after the other and (if there are several) all in one pass, and compares with all
 * distances; at most QUESTIONS. False, with a sentence, when an answer differs; radii are filled in. */
bool oracle_agrees(const oracle *o, lk_index *ix, question *asked, size_t n, char why[WHY]);

/* A generator that every platform repeats. */
typedef struct dice {
    uint64_t state;
} dice;
uint32_t dice_roll(dice *d); /* 0 .. 2^32-1 */
uint32_t dice_below(dice *d, uint32_t n);
float dice_unit(dice *d); /* -1 .. 1 */
float dice_normal(dice *d);

/* Kinds of data. GRID has few distinct values, so that many distances are equal and radii are met exactly. */
enum { SPREAD, FLAT, CLUSTERED, EQUAL, GRID, OUTLIERS, HUGE_ONES, TINY, KINDS };
extern const char *const kind_names[KINDS];
void dice_vector(dice *d, int kind, float *v, int dimension);

#endif
