/* effort.h - no reader of headers takes long over any bytes, whatever a count in them says. */
#ifndef LK_FUZZ_EFFORT_H
#define LK_FUZZ_EFFORT_H

#include <stdlib.h>
#include <time.h>

#define EFFORT_CEILING 0.5 /* seconds of this thread; a head takes a thousandth, checks of every access included */

static inline double effort_begin(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void effort_end(double begin) {
    if (effort_begin() - begin > EFFORT_CEILING)
        abort();
}

#endif
