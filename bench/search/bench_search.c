/* Searching, measured: liken's index against float32 brute force and the engines of rivals.h, on one gallery at a time.
 *   bench_search RESULT.json      N=1000000 (default 100000), KIND=faces|flat, QUERIES=200, RIVALS=0 leaves them out
 * Times of a query are CPU time of its thread (so that other load on the machine matters little) and wall time. Every
 * exact answer is compared with brute force; a wrong one ends the run. */
#include "gallery.h"
#include "report.h"
#include "rivals.h"

#include "base/cpu.h"
#include "index/index.h"
#include "index/loops.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { D = GALLERY_DIMENSION, MOST = 1000 };

static char case_name[64];
static size_t n;
static int query_count;
static float *vectors, *queries;
static int64_t *ids;
static lk_hit truth[MOST][100];
static size_t truth_count[MOST];

static double seconds(clockid_t clock) {
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fail(const char *what) {
    fprintf(stderr, "bench_search: %s\n", what);
    exit(1);
}

/* CPU and wall times of `count` runs. */
typedef struct times {
    double cpu[MOST], wall[MOST], cpu_start, wall_start;
    int count;
} times;

static void start(times *t) {
    t->cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
    t->wall_start = seconds(CLOCK_MONOTONIC);
}

static void stop(times *t) {
    t->cpu[t->count] = seconds(CLOCK_PROCESS_CPUTIME_ID) - t->cpu_start;
    t->wall[t->count++] = seconds(CLOCK_MONOTONIC) - t->wall_start;
}

static double report_times(times *t, const char *engine, const char *what) {
    char metric[64];
    qsort(t->cpu, (size_t)t->count, sizeof *t->cpu, ascending);
    qsort(t->wall, (size_t)t->count, sizeof *t->wall, ascending);
    const int last = t->count * 99 / 100;
    (void)snprintf(metric, sizeof metric, "%s cpu p50", what);
    report(case_name, engine, metric, t->cpu[t->count / 2] * 1e3, "ms", t->count);
    (void)snprintf(metric, sizeof metric, "%s wall p50", what);
    report(case_name, engine, metric, t->wall[t->count / 2] * 1e3, "ms", t->count);
    (void)snprintf(metric, sizeof metric, "%s wall p99", what);
    report(case_name, engine, metric, t->wall[last] * 1e3, "ms", t->count);
    return t->cpu[t->count / 2];
}

static const char ours[] = "liken " LIKEN_VERSION;

static void ask(lk_index *ix, const lk_index_query *q, lk_hit *hits, size_t *count) {
    liken_error err = {0};
    if (lk_index_search(ix, q, hits, count, NULL, &err) != LIKEN_OK)
        fail(err.message);
}

static void same(const lk_hit *hits, size_t count, int q, size_t k) {
    const size_t expected = truth_count[q] < k ? truth_count[q] : k;
    if (count != expected)
        fail("an answer has the wrong number of hits");
    for (size_t i = 0; i < count; i++)
        if (hits[i].id != truth[q][i].id || hits[i].distance != truth[q][i].distance)
            fail("an answer differs from brute force");
}

/* Plain scan with the same SIMD loops and the simplest use of the k-th best. */
static size_t brute(const float *query, size_t k, lk_hit *best) {
    float squares[256];
    size_t count = 0;
    for (size_t at = 0; at < n; at += 256) {
        const size_t some = n - at < 256 ? n - at : 256;
        lk_loops_get()->squares(query, vectors + at * D, D, some, squares);
        for (size_t i = 0; i < some; i++) {
            if (count == k && squares[i] > best[k - 1].distance * best[k - 1].distance * 1.000001f)
                continue;
            const lk_hit hit = {(int64_t)(at + i), sqrtf(squares[i])};
            if (count == k && !(hit.distance < best[k - 1].distance))
                continue;
            size_t put = count < k ? count++ : k - 1;
            for (; put > 0 && best[put - 1].distance > hit.distance; put--)
                best[put] = best[put - 1];
            best[put] = hit;
        }
    }
    return count;
}

static double measure_brute(void) {
    times t = {.count = 0};
    lk_hit best[100];
    for (int q = 0; q < query_count; q++) {
        truth_count[q] = brute(queries + q * D, 100, truth[q]);
        if (q < 50) {
            start(&t);
            (void)brute(queries + q * D, 10, best);
            stop(&t);
        }
    }
    return report_times(&t, "float32 scan", "top10");
}

static void measure_adding(lk_index *ix) {
    liken_error err = {0};
    const size_t batch = 10000;
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (size_t at = 0; at < n; at += batch)
        if (lk_index_add(ix, ids + at, vectors + at * D, n - at < batch ? n - at : batch, &err) != LIKEN_OK)
            fail(err.message);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
    report(case_name, ours, "bulk add", (double)n / wall, "faces/s", 1);
    report(case_name, ours, "bulk add, cpu", cpu / (double)n * 1e6, "us/face", 1);
    wall = seconds(CLOCK_MONOTONIC);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    lk_index_settle(ix);
    report(case_name, ours, "coding after it", seconds(CLOCK_MONOTONIC) - wall, "s", 1);
    report(case_name, ours, "coding after it, cpu", (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)n * 1e6,
           "us/face", 1);
}

static double measure_top(lk_index *ix, size_t k, int threads) {
    times t = {.count = 0};
    lk_hit hits[100];
    size_t count;
    char what[32];
    for (int round = 0; round < 2; round++) { /* the first warms up */
        t.count = 0;
        for (int q = 0; q < query_count; q++) {
            const lk_index_query query = {.vector = queries + q * D, .radius = INFINITY, .k = k, .threads = threads};
            start(&t);
            ask(ix, &query, hits, &count);
            stop(&t);
            same(hits, count, q, k);
        }
    }
    (void)snprintf(what, sizeof what, threads > 1 ? "top%zu %d threads" : "top%zu", k, threads);
    return report_times(&t, ours, what);
}

static void measure_radius(lk_index *ix, float radius) {
    times t = {.count = 0};
    static lk_hit hits[10000];
    size_t count, sum = 0;
    for (int q = 0; q < query_count && q < 100; q++) {
        const lk_index_query query = {.vector = queries + q * D, .radius = radius, .k = 10000};
        start(&t);
        ask(ix, &query, hits, &count);
        stop(&t);
        sum += count;
    }
    char what[32];
    (void)snprintf(what, sizeof what, "radius %.3g", (double)radius);
    (void)report_times(&t, ours, what);
    (void)snprintf(what, sizeof what, "radius %.3g hits", (double)radius);
    report(case_name, ours, what, (double)sum / t.count, "faces", t.count);
}

static bool one_in_a_hundred(void *ctx, int64_t id) {
    (void)ctx;
    return id % 100 == 7;
}

static void measure_filtered(lk_index *ix) {
    times listed = {.count = 0}, called = {.count = 0};
    int64_t *only = malloc((n / 100 + 1) * sizeof *only);
    size_t only_count = 0;
    for (size_t i = 7; i < n && only != NULL; i += 100)
        only[only_count++] = (int64_t)i;
    lk_hit a[10], b[10];
    size_t na, nb;
    for (int q = 0; q < query_count && only != NULL; q++) {
        const lk_index_query list = {
            .vector = queries + q * D, .radius = INFINITY, .k = 10, .only = only, .only_count = only_count};
        const lk_index_query call = {
            .vector = queries + q * D, .radius = INFINITY, .k = 10, .filter = one_in_a_hundred};
        start(&listed);
        ask(ix, &list, a, &na);
        stop(&listed);
        start(&called);
        ask(ix, &call, b, &nb);
        stop(&called);
        if (na != nb || memcmp(a, b, na * sizeof *a) != 0)
            fail("the two filters differ");
    }
    (void)report_times(&listed, ours, "top10 of 1 % by list");
    (void)report_times(&called, ours, "top10 of 1 % by call");
    free(only);
}

static void measure_batches(lk_index *ix, size_t batch) {
    lk_index_query asked[64];
    lk_hit room[64][10], *hits[64];
    size_t counts[64];
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    int done = 0;
    for (int q = 0; q + (int)batch <= query_count; q += (int)batch, done += (int)batch) {
        for (size_t i = 0; i < batch; i++) {
            asked[i] = (lk_index_query){.vector = queries + ((size_t)q + i) * D, .radius = INFINITY, .k = 10};
            hits[i] = room[i];
        }
        liken_error err = {0};
        if (lk_index_search_many(ix, asked, batch, hits, counts, &err) != LIKEN_OK)
            fail(err.message);
        for (size_t i = 0; i < batch; i++)
            same(hits[i], counts[i], q + (int)i, 10);
    }
    if (done > 0)
        report(case_name, ours, "top10 in batches of 32", (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) / done * 1e3, "ms",
               done);
}

static void measure_single_adds(lk_index *ix) {
    liken_error err = {0};
    float v[D];
    const gallery *g = gallery_new("faces");
    gallery_photo(g, -1, v);
    gallery_free((gallery *)g);
    const int rounds = 3000;
    const double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < rounds; i++)
        if (lk_index_add(ix, &(int64_t){(int64_t)n + i}, v, 1, &err) != LIKEN_OK)
            fail(err.message);
    report(case_name, ours, "single add", (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / rounds * 1e6, "us", rounds);
}

static _Atomic bool adding;

static void *add_meanwhile(void *arg) {
    lk_index *ix = arg;
    float v[D] = {1};
    int64_t id = lk_index_last_id(ix);
    while (atomic_load(&adding)) {
        v[1] += 1; /* far from everything, so that the answers stay */
        id++;
        (void)lk_index_add(ix, &id, v, 1, NULL);
        usleep(200);
    }
    return NULL;
}

static void measure_while_adding(lk_index *ix) {
    pthread_t thread;
    atomic_store(&adding, true);
    if (pthread_create(&thread, NULL, add_meanwhile, ix) != 0)
        fail("no thread");
    times t = {.count = 0};
    lk_hit hits[10];
    size_t count;
    for (int q = 0; q < query_count; q++) {
        const lk_index_query query = {.vector = queries + q * D, .radius = INFINITY, .k = 10};
        start(&t);
        ask(ix, &query, hits, &count);
        stop(&t);
    }
    atomic_store(&adding, false);
    pthread_join(thread, NULL);
    (void)report_times(&t, ours, "top10 while adding");
}

static void measure_cache(lk_index *ix, const char *folder) {
    liken_error err = {0};
    double wall = seconds(CLOCK_MONOTONIC);
    if (lk_index_save(ix, 1, &err) != LIKEN_OK)
        fail(err.message);
    report(case_name, ours, "save", (seconds(CLOCK_MONOTONIC) - wall) * 1e3, "ms", 1);
    lk_index_free(ix);
    wall = seconds(CLOCK_MONOTONIC);
    int64_t change;
    lk_index *again = NULL;
    if (lk_index_open(&again, folder, D, "bench", "bench", &change, &err) != LIKEN_OK)
        fail(err.message);
    report(case_name, ours, "open", (seconds(CLOCK_MONOTONIC) - wall) * 1e3, "ms", 1);
    if (lk_index_size(again) != n)
        fail("the cache lost something");
    lk_hit hits[10];
    size_t count;
    const lk_index_query query = {.vector = queries, .radius = INFINITY, .k = 10};
    wall = seconds(CLOCK_MONOTONIC);
    ask(again, &query, hits, &count);
    report(case_name, ours, "first search", (seconds(CLOCK_MONOTONIC) - wall) * 1e3, "ms", 1);
    same(hits, count, 0, 10);
    lk_index_free(again);
}

/* Recall and time at growing effort, until 99 % of the right answers come. */
static void measure_effort(const rival *r, void *index, int effort, double *recall) {
    times t = {.count = 0};
    int right = 0;
    if (r->set != NULL)
        r->set(index, effort);
    for (int q = 0; q < query_count; q++) {
        int64_t found[10];
        memset(found, 0xff, sizeof found);
        start(&t);
        r->search(index, queries + q * D, 10, found);
        stop(&t);
        for (int i = 0; i < 10; i++)
            for (int j = 0; j < 10; j++)
                right += found[i] == truth[q][j].id;
    }
    *recall = right / (10.0 * query_count);
    char name[64], metric[64];
    (void)snprintf(name, sizeof name, r->set != NULL ? "%s effort %d" : "%s", r->name, effort);
    (void)snprintf(metric, sizeof metric, "top10 recall");
    report(case_name, name, metric, *recall, "share", query_count);
    (void)report_times(&t, name, "top10");
}

static void measure_rival(const rival *r) {
    const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    void *index = r->build(vectors, n, D);
    report(case_name, r->name, "build, cpu", seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, "s", 1);
    double recall = 0;
    if (r->set == NULL)
        measure_effort(r, index, 0, &recall);
    for (const int *e = r->efforts; r->set != NULL && *e != 0 && recall < 0.99; e++)
        measure_effort(r, index, *e, &recall);
    r->free(index);
}

static void make_gallery(const char *kind) {
    gallery *g = gallery_new(kind);
    vectors = aligned_alloc(64, n * D * sizeof *vectors);
    queries = aligned_alloc(64, (size_t)query_count * D * sizeof *queries);
    ids = malloc(n * sizeof *ids);
    if (g == NULL || vectors == NULL || queries == NULL || ids == NULL)
        fail("out of memory");
    printf("%zu descriptors: %s\n", n, gallery_source(g));
    for (size_t i = 0; i < n; i++) {
        ids[i] = (int64_t)i;
        gallery_photo(g, (int64_t)i, vectors + i * D);
    }
    for (int q = 0; q < query_count; q++) /* half of them new photos of people who are there, half strangers */
        if (q % 2 == 0)
            gallery_again(g, (int64_t)((size_t)q * 7919 % n), queries + q * D);
        else
            gallery_photo(g, -1 - q, queries + q * D);
    gallery_free(g);
}

static void measure_liken(double scan) {
    char folder[] = "/tmp/liken-bench-XXXXXX", command[64];
    liken_error err = {0};
    lk_index *ix = NULL;
    int64_t change;
    if (mkdtemp(folder) == NULL || lk_index_open(&ix, folder, D, "bench", "bench", &change, &err) != LIKEN_OK)
        fail("no folder");
    measure_adding(ix);
    const double one = measure_top(ix, 10, 1);
    report(case_name, ours, "top10 against the scan", scan / one, "times", query_count);
    (void)measure_top(ix, 100, 1);
    (void)measure_top(ix, 10, 2);
    measure_batches(ix, 32);
    measure_radius(ix, 0.6f);
    measure_radius(ix, 0.4f);
    measure_filtered(ix);
    report(case_name, ours, "bytes beside the rows", (double)lk_index_bytes(ix) / (double)n - D * 4, "bytes/face", 1);
    measure_cache(ix, folder);
    if (lk_index_open(&ix, folder, D, "bench", "bench", &change, &err) != LIKEN_OK)
        fail(err.message);
    measure_single_adds(ix);
    measure_while_adding(ix);
    lk_index_free(ix);
    (void)snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0)
        fail("the folder cannot be removed");
}

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : otherwise;
}

int main(int argc, char **argv) {
    const char *kind = setting("KIND", "faces");
    n = strtoull(setting("N", "100000"), NULL, 10);
    query_count = atoi(setting("QUERIES", "200"));
    if (argc != 2 || n < 1000 || query_count < 1 || query_count > MOST)
        fail("usage: [N=1000..] [KIND=faces|flat] [QUERIES=1..1000] [RIVALS=0] bench_search RESULT.json");
    (void)snprintf(case_name, sizeof case_name, "%s %zu x %d", kind, n, D);
    report_open(argv[1]);
    make_gallery(kind);
    const double scan = measure_brute();
    measure_liken(scan);
    for (const rival *const *r = rivals; *r != NULL && atoi(setting("RIVALS", "1")) != 0; r++)
        measure_rival(*r);
    report_close();
    free(vectors);
    free(queries);
    free(ids);
    return 0;
}
