/* CPU time beside wall time. The server's is that of its first process, of the children it has, and of those that it
 * had: sessions and parallel workers are added to it when they end. */
#include "bench.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long server;

void meter_server(long pid) {
    server = pid;
}

struct process {
    long parent;
    double own, children; /* seconds of CPU time; of children that ended */
};

static bool look_at(long pid, struct process *out) {
    char path[64], text[1024];
    unsigned long user = 0, kernel = 0;
    long children_user = 0, children_kernel = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    const size_t size = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[size] = '\0';
    const char *rest = strrchr(text, ')'); /* the name before it may hold anything */
    if (rest == NULL || sscanf(rest + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld", &out->parent,
                               &user, &kernel, &children_user, &children_kernel) != 5)
        return false;
    const double tick = (double)sysconf(_SC_CLK_TCK);
    out->own = (double)(user + kernel) / tick;
    out->children = (double)(children_user + children_kernel) / tick;
    return true;
}

static double server_seconds(void) {
    struct process p;
    double sum = 0;
    DIR *d = server == 0 ? NULL : opendir("/proc");
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        const long pid = strtol(e->d_name, NULL, 10);
        if (pid > 0 && look_at(pid, &p) && (pid == server || p.parent == server))
            sum += p.own + (pid == server ? p.children : 0);
    }
    if (d != NULL)
        (void)closedir(d);
    return sum;
}

static double clock_seconds(clockid_t which) {
    struct timespec t;
    (void)clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double bench_seconds(void) {
    return clock_seconds(CLOCK_MONOTONIC);
}

meter meter_now(void) {
    return (meter){bench_seconds(), clock_seconds(CLOCK_PROCESS_CPUTIME_ID), server_seconds()};
}

meter meter_since(meter begun) {
    const meter now = meter_now();
    return (meter){now.wall - begun.wall, now.client - begun.client, now.server - begun.server};
}

void series_add(series *s, double value) {
    if (s->count < TIMES)
        s->values[s->count++] = value;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double series_median(series *s) {
    if (s->count == 0)
        return 0;
    qsort(s->values, (size_t)s->count, sizeof *s->values, by_size);
    return s->values[s->count / 2];
}
