/* bench.h - what the parts of the benchmark share: one gallery at a time with its queries and their true answers, and
 * times of many runs. Time is taken as CPU time, so that other load on the machine matters little, and as wall time. */
#ifndef LK_BENCH_SEARCH_H
#define LK_BENCH_SEARCH_H

#include "gallery.h"
#include "rivals.h"

#include "index/index.h"

#include <stdbool.h>
#include <time.h>

enum { D = GALLERY_DIMENSION, MOST = 1000 /* queries */, DEEP = 100 /* true neighbours of each */ };

typedef struct bench {
    char name[64]; /* of the case, for the report */
    const gallery *gallery;
    size_t n;
    int query_count;
    float *vectors, *queries;
    int64_t *ids;
    lk_neighbour (*truth)[DEEP];
    double scan; /* CPU seconds of the plain scan for the nearest 10 */
} bench;

/* Says why and ends the program: a benchmark that goes on after a fault measures nothing. */
_Noreturn void bench_fail(const char *what);

double bench_seconds(clockid_t clock);

typedef struct times {
    double cpu[MOST], wall[MOST], cpu_start, wall_start;
    int count;
} times;

void times_start(times *t);
void times_stop(times *t);
/* Reports the medians and the 99th percentile in milliseconds; the median CPU time in seconds. Sorts. */
double times_report(times *t, const bench *b, const char *engine, const char *what);

/* The plain scan: finds the true answers, and how long it takes for 10 of them. */
void bench_scan(bench *b);
/* All of liken's figures; the median CPU seconds of top 10. */
double bench_liken(bench *b);
/* One rival at the smallest efforts that reach a recall of 0.95 and 0.99; `ours`: what bench_liken found. */
void bench_rival(const bench *b, const rival *r, double ours);

#endif
