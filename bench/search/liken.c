/* liken's own figures. Every answer that can be is compared with the plain scan's; one that differs ends the run. */
#include "bench.h"
#include "report.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ours[] = "liken " LIKEN_VERSION;

static void ask(lk_index *ix, const lk_index_query *q, lk_neighbour *neighbours, size_t *count) {
    liken_error err = {0};
    if (lk_index_search(ix, q, neighbours, count, NULL, &err) != LIKEN_OK)
        bench_fail(err.message);
}

static void same(const bench *b, const lk_neighbour *neighbours, size_t count, int q, size_t k) {
    if (count != k)
        bench_fail("an answer has the wrong number of neighbours");
    for (size_t i = 0; i < count; i++)
        if (neighbours[i].id != b->truth[q][i].id || neighbours[i].distance != b->truth[q][i].distance)
            bench_fail("an answer differs from brute force");
}

static lk_index *open_index(const char *folder) {
    liken_error err = {0};
    int64_t change;
    lk_index *ix = NULL;
    if (lk_index_open(&ix, folder, D, "bench", "bench", &change, &err) != LIKEN_OK)
        bench_fail(err.message);
    return ix;
}

static void measure_adding(const bench *b, lk_index *ix) {
    liken_error err = {0};
    const size_t batch = 10000;
    double wall = bench_seconds(CLOCK_MONOTONIC), cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (size_t at = 0; at < b->n; at += batch)
        if (lk_index_add(ix, b->ids + at, b->vectors + at * D, b->n - at < batch ? b->n - at : batch, &err) != LIKEN_OK)
            bench_fail(err.message);
    wall = bench_seconds(CLOCK_MONOTONIC) - wall;
    cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    report(b->name, ours, "bulk add, by wall", (double)b->n / wall, "faces/s", 1);
    report(b->name, ours, "bulk add, by cpu", (double)b->n / cpu, "faces/s", 1);
    lk_neighbour neighbours[10];
    size_t count;
    const lk_index_query query = {.vector = b->queries, .radius = INFINITY, .k = 10};
    ask(ix, &query, neighbours, &count); /* searchable at once */
    same(b, neighbours, count, 0, 10);
    wall = bench_seconds(CLOCK_MONOTONIC);
    cpu = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    lk_index_settle(ix);
    report(b->name, ours, "coding after it, wall", bench_seconds(CLOCK_MONOTONIC) - wall, "s", 1);
    report(b->name, ours, "coding after it, cpu", bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, "s", 1);
}

static double measure_top(const bench *b, lk_index *ix, size_t k, int threads) {
    static times t;
    lk_neighbour neighbours[DEEP];
    size_t count;
    char what[48];
    for (int round = 0; round < 2; round++) { /* the first warms up */
        t.count = 0;
        for (int q = 0; q < b->query_count; q++) {
            const lk_index_query query = {.vector = b->queries + q * D, .radius = INFINITY, .k = k, .threads = threads};
            times_start(&t);
            ask(ix, &query, neighbours, &count);
            times_stop(&t);
            same(b, neighbours, count, q, k);
        }
    }
    (void)snprintf(what, sizeof what, threads > 1 ? "top%zu, %d threads" : "top%zu", k, threads);
    return times_report(&t, b, ours, what);
}

static void measure_radius(const bench *b, lk_index *ix, int threads) {
    static times t;
    static lk_neighbour neighbours[10000];
    size_t count, sum = 0;
    t.count = 0;
    for (int q = 0; q < b->query_count && q < 100; q++) {
        const lk_index_query query = {
            .vector = b->queries + q * D, .radius = gallery_radius(b->gallery), .k = 10000, .threads = threads};
        times_start(&t);
        ask(ix, &query, neighbours, &count);
        times_stop(&t);
        sum += count;
    }
    char what[48];
    (void)snprintf(what, sizeof what, threads > 1 ? "radius %.3g, %d threads" : "radius %.3g",
                   (double)gallery_radius(b->gallery), threads);
    (void)times_report(&t, b, ours, what);
    if (threads == 1)
        report(b->name, ours, "faces within the radius", (double)sum / t.count, "faces", t.count);
}

static bool one_in_a_hundred(void *ctx, int64_t id) {
    (void)ctx;
    return id % 100 == 7;
}

static void measure_filtered(const bench *b, lk_index *ix) {
    static times listed, called;
    int64_t *only = malloc((b->n / 100 + 1) * sizeof *only);
    size_t only_count = 0, na, nb;
    lk_neighbour x[10], y[10];
    if (only == NULL)
        bench_fail("out of memory");
    for (size_t i = 7; i < b->n; i += 100)
        only[only_count++] = (int64_t)i;
    listed.count = called.count = 0;
    for (int q = 0; q < b->query_count; q++) {
        lk_index_query query = {.vector = b->queries + q * D, .radius = INFINITY, .k = 10, .filter = one_in_a_hundred};
        times_start(&called);
        ask(ix, &query, y, &nb);
        times_stop(&called);
        query.filter = NULL;
        query.only = only;
        query.only_count = only_count;
        times_start(&listed);
        ask(ix, &query, x, &na);
        times_stop(&listed);
        bool equal = na == nb;
        for (size_t i = 0; equal && i < na; i++)
            equal = x[i].id == y[i].id && x[i].distance == y[i].distance;
        if (!equal)
            bench_fail("the two filters differ");
    }
    (void)times_report(&listed, b, ours, "top10 of 1 % by list");
    (void)times_report(&called, b, ours, "top10 of 1 % by call");
    free(only);
}

static void measure_batches(const bench *b, lk_index *ix) {
    enum { BATCH = 32 };
    lk_index_query asked[BATCH];
    lk_neighbour room[BATCH][10], *neighbours[BATCH];
    size_t counts[BATCH];
    liken_error err = {0};
    double cpu = bench_seconds(CLOCK_PROCESS_CPUTIME_ID);
    int done = 0;
    for (; done + BATCH <= b->query_count; done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            asked[i] = (lk_index_query){.vector = b->queries + (done + i) * D, .radius = INFINITY, .k = 10};
            neighbours[i] = room[i];
        }
        if (lk_index_search_many(ix, asked, BATCH, neighbours, counts, &err) != LIKEN_OK)
            bench_fail(err.message);
        for (int i = 0; i < BATCH; i++)
            same(b, neighbours[i], counts[i], done + i, 10);
    }
    cpu = bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if (done > 0)
        report(b->name, ours, "top10 in batches of 32, cpu", cpu / done * 1e3, "ms", done);
}

/* Resident memory of this process in bytes: what is its own, and what is mapped from files and may be evicted. */
static double resident(const char *which) {
    char line[128];
    double kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, which, strlen(which)) == 0)
            kilobytes = strtod(line + strlen(which), NULL);
    if (f != NULL)
        (void)fclose(f);
    return kilobytes * 1024;
}

static void report_memory(const bench *b, lk_index *ix, double own, double mapped) {
    const double n = (double)b->n;
    report(b->name, ours, "bytes beside the float32 rows", (double)lk_index_bytes(ix) / n - D * 4, "bytes/face", 1);
    report(b->name, ours, "resident, its own", (resident("RssAnon:") - own) / n, "bytes/face", 1);
    report(b->name, ours, "resident, mapped file", (resident("RssFile:") - mapped) / n, "bytes/face", 1);
}

/* Saves, closes, opens again. */
static lk_index *measure_cache(const bench *b, lk_index *ix, const char *folder, double *own, double *mapped) {
    liken_error err = {0};
    double wall = bench_seconds(CLOCK_MONOTONIC);
    if (lk_index_save(ix, 1, &err) != LIKEN_OK)
        bench_fail(err.message);
    report(b->name, ours, "save", (bench_seconds(CLOCK_MONOTONIC) - wall) * 1e3, "ms", 1);
    lk_index_free(ix);
    *own = resident("RssAnon:");
    *mapped = resident("RssFile:");
    wall = bench_seconds(CLOCK_MONOTONIC);
    ix = open_index(folder);
    report(b->name, ours, "open", (bench_seconds(CLOCK_MONOTONIC) - wall) * 1e3, "ms", 1);
    if (lk_index_size(ix) != b->n)
        bench_fail("the cache lost something");
    lk_neighbour neighbours[10];
    size_t count;
    const lk_index_query query = {.vector = b->queries, .radius = INFINITY, .k = 10};
    wall = bench_seconds(CLOCK_MONOTONIC);
    ask(ix, &query, neighbours, &count);
    report(b->name, ours, "first search after it", (bench_seconds(CLOCK_MONOTONIC) - wall) * 1e3, "ms", 1);
    same(b, neighbours, count, 0, 10);
    return ix;
}

static void measure_single_adds(const bench *b, lk_index *ix) {
    enum { ROUNDS = 3000 };
    liken_error err = {0};
    float *v = malloc((size_t)ROUNDS * D * sizeof *v);
    if (v == NULL)
        bench_fail("out of memory");
    for (int i = 0; i < ROUNDS; i++)
        gallery_photo(b->gallery, (int64_t)b->n + i, v + i * D);
    const double cpu = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < ROUNDS; i++)
        if (lk_index_add(ix, &(int64_t){(int64_t)b->n + i}, v + i * D, 1, &err) != LIKEN_OK)
            bench_fail(err.message);
    report(b->name, ours, "single add, cpu", (bench_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / ROUNDS * 1e6, "us",
           ROUNDS);
    free(v);
}

/* Adds until it is told to stop, about 5,000 a second. */
typedef struct adder {
    const bench *b;
    lk_index *ix;
    _Atomic bool go;
    int added;
} adder;

static void *add_meanwhile(void *arg) {
    adder *a = arg;
    float v[D];
    for (int64_t id = lk_index_last_id(a->ix) + 1; atomic_load(&a->go); id++) {
        gallery_photo(a->b->gallery, id, v);
        a->added += lk_index_add(a->ix, &id, v, 1, NULL) == LIKEN_OK;
        (void)usleep(200);
    }
    return NULL;
}

/* Wall times alone: the process's CPU time is that of both. */
static void measure_while_adding(const bench *b, lk_index *ix) {
    static times t;
    pthread_t thread;
    adder a = {.b = b, .ix = ix, .go = true};
    if (pthread_create(&thread, NULL, add_meanwhile, &a) != 0)
        bench_fail("no thread");
    lk_neighbour neighbours[10];
    size_t count;
    t.count = 0;
    const double begin = bench_seconds(CLOCK_MONOTONIC);
    for (int q = 0; q < b->query_count; q++) {
        const lk_index_query query = {.vector = b->queries + q * D, .radius = INFINITY, .k = 10};
        t.cpu_start = bench_seconds(CLOCK_THREAD_CPUTIME_ID);
        t.wall_start = bench_seconds(CLOCK_MONOTONIC);
        ask(ix, &query, neighbours, &count);
        t.wall[t.count] = bench_seconds(CLOCK_MONOTONIC) - t.wall_start;
        t.cpu[t.count++] = bench_seconds(CLOCK_THREAD_CPUTIME_ID) - t.cpu_start;
    }
    const double took = bench_seconds(CLOCK_MONOTONIC) - begin;
    atomic_store(&a.go, false);
    pthread_join(thread, NULL);
    (void)times_report(&t, b, ours, "top10 while adding");
    report(b->name, ours, "faces added meanwhile", a.added / took, "faces/s", 1);
}

double bench_liken(bench *b) {
    char folder[] = "/tmp/liken-bench-XXXXXX";
    double own, mapped;
    if (mkdtemp(folder) == NULL)
        bench_fail("no folder can be made in /tmp");
    lk_index *ix = open_index(folder);
    measure_adding(b, ix);
    ix = measure_cache(b, ix, folder, &own, &mapped);
    const double one = measure_top(b, ix, 10, 1);
    report_memory(b, ix, own, mapped);
    report(b->name, ours, "float32 scan / liken, top10", b->scan / one, "times", b->query_count);
    (void)measure_top(b, ix, 100, 1);
    (void)measure_top(b, ix, 10, 2);
    (void)measure_top(b, ix, 100, 2);
    measure_batches(b, ix);
    measure_radius(b, ix, 1);
    measure_radius(b, ix, 2);
    measure_filtered(b, ix);
    measure_single_adds(b, ix);
    measure_while_adding(b, ix);
    lk_index_free(ix);
    lk_index_remove(folder);
    return one;
}
