/* A rival at the smallest effort that reaches a recall: efforts are doubled until they do, then halved in between. */
#include "bench.h"
#include "report.h"

#include <stdio.h>
#include <string.h>

enum { MOST_EFFORT = 1 << 14, SECONDS = 30, FEWEST = 5 };

/* Recall over the queries, with their times; engines that take long answer fewer. */
static double ask_all(const bench *b, const rival *r, void *index, times *t) {
    const double begin = bench_seconds(CLOCK_MONOTONIC);
    int right = 0;
    t->count = 0;
    while (t->count < b->query_count && (t->count < FEWEST || bench_seconds(CLOCK_MONOTONIC) - begin < SECONDS)) {
        const int q = t->count;
        int64_t found[10];
        memset(found, 0xff, sizeof found);
        const double elsewhere = r->cpu != NULL ? r->cpu(index) : 0;
        times_start(t);
        r->search(index, b->queries + q * D, 10, found);
        times_stop(t);
        if (r->cpu != NULL)
            t->cpu[q] += r->cpu(index) - elsewhere;
        for (int i = 0; i < 10; i++)
            for (int j = 0; j < 10; j++)
                right += found[i] == b->truth[q][j].id;
    }
    return right / (10.0 * t->count);
}

static double recall_at(const bench *b, const rival *r, void *index, int effort, times *t) {
    r->set(index, effort);
    return ask_all(b, r, index, t);
}

static int smallest_effort(const bench *b, const rival *r, void *index, double wanted, times *t) {
    int high = r->least;
    while (high < MOST_EFFORT && recall_at(b, r, index, high, t) < wanted)
        high *= 2;
    int low = high / 2; /* too little, or not allowed */
    while (high - low > 1 + high / 32) {
        const int middle = (low + high) / 2;
        if (middle >= r->least && recall_at(b, r, index, middle, t) >= wanted)
            high = middle;
        else
            low = middle;
    }
    return high;
}

static void report_ratio(const bench *b, const rival *r, const char *what, double cpu, double ours) {
    char metric[96];
    (void)snprintf(metric, sizeof metric, "%s / liken, cpu", what);
    report(b->name, r->name, metric, cpu / ours, "times", 1);
}

static void at_recall(const bench *b, const rival *r, void *index, double wanted, double ours) {
    static times t;
    char what[64], metric[96];
    const int effort = smallest_effort(b, r, index, wanted, &t);
    const double reached = recall_at(b, r, index, effort, &t);
    (void)snprintf(what, sizeof what, "top10 at recall %.2f", wanted);
    (void)snprintf(metric, sizeof metric, "%s: %s", what, r->effort);
    report(b->name, r->name, metric, effort, "", 1);
    (void)snprintf(metric, sizeof metric, "%s: reached", what);
    report(b->name, r->name, metric, reached, "share", t.count);
    if (reached >= wanted)
        report_ratio(b, r, what, times_report(&t, b, r->name, what), ours);
    else
        printf("%s does not reach %.2f with %s %d\n", r->name, wanted, r->effort, effort);
}

void bench_rival(const bench *b, const rival *r, double ours) {
    static times t;
    const double cpu = bench_seconds(CLOCK_PROCESS_CPUTIME_ID), wall = bench_seconds(CLOCK_MONOTONIC);
    void *index = r->build(b->vectors, b->n, D);
    if (index == NULL) {
        printf("%s could not be set up\n", r->name);
        return;
    }
    report(b->name, r->name, "build, wall", bench_seconds(CLOCK_MONOTONIC) - wall, "s", 1);
    report(b->name, r->name, "build, cpu of this process", bench_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, "s", 1);
    if (r->set == NULL) {
        report(b->name, r->name, "top10: recall", ask_all(b, r, index, &t), "share", t.count);
        report_ratio(b, r, "top10", times_report(&t, b, r->name, "top10"), ours);
    } else {
        at_recall(b, r, index, 0.95, ours);
        at_recall(b, r, index, 0.99, ours);
    }
    r->free(index);
}
