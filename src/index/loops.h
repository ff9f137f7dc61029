/* loops.h - the index's hot loops as one table, chosen once by CPU level; the scalar ones are the definition. */
#ifndef LK_INDEX_LOOPS_H
#define LK_INDEX_LOOPS_H

#include "index/distance.h"

typedef struct lk_loops {
    lk_squares_fn *squares;
} lk_loops;

/* The table of this machine (LIKEN_CPU lowers it, see base/cpu.h). */
const lk_loops *lk_loops_get(void);

#endif
