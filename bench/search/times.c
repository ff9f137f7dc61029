#include "bench.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void bench_fail(const char *what) {
    fprintf(stderr, "bench_search: %s\n", what);
    exit(1);
}

double bench_seconds(clockid_t clock) {
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void times_start(times *t) {
    t->cpu_start = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    t->wall_start = bench_seconds(CLOCK_MONOTONIC);
}

void times_stop(times *t) {
    t->wall[t->count] = bench_seconds(CLOCK_MONOTONIC) - t->wall_start;
    t->cpu[t->count++] = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - t->cpu_start;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double times_report(times *t, const bench *b, const char *engine, const char *what) {
    char metric[96];
    qsort(t->cpu, (size_t)t->count, sizeof *t->cpu, ascending);
    qsort(t->wall, (size_t)t->count, sizeof *t->wall, ascending);
    (void)snprintf(metric, sizeof metric, "%s, cpu p50", what);
    report(b->name, engine, metric, t->cpu[t->count / 2] * 1e3, "ms", t->count);
    (void)snprintf(metric, sizeof metric, "%s, wall p50", what);
    report(b->name, engine, metric, t->wall[t->count / 2] * 1e3, "ms", t->count);
    (void)snprintf(metric, sizeof metric, "%s, wall p99", what);
    report(b->name, engine, metric, t->wall[t->count * 99 / 100] * 1e3, "ms", t->count);
    return t->cpu[t->count / 2];
}
