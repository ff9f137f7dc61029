/* Searching, measured: liken's index against float32 brute force and the engines of rivals.h, on one gallery after the
 * other.
 *   bench_search RESULT.json      settings, from the environment:
 *     N=100000,1000000            descriptors, 1000 or more; by default 100000
 *     KIND=drawn,spectrum,flat    galleries (gallery.h)
 *     QUERIES=200                 half of them photos of people who are there
 *     RIVALS=hnswlib,postgres     some of faiss-flat, faiss-ivf, faiss-hnsw, hnswlib, postgres; all; none. By default
 *                                 those whose building takes minutes, not hours */
#include "bench.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *setting(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : otherwise;
}

static void fill(bench *b) {
    b->vectors = aligned_alloc(64, b->n * D * sizeof *b->vectors);
    b->queries = aligned_alloc(64, (size_t)b->query_count * D * sizeof *b->queries);
    b->ids = malloc(b->n * sizeof *b->ids);
    b->truth = malloc((size_t)b->query_count * sizeof *b->truth);
    if (b->vectors == NULL || b->queries == NULL || b->ids == NULL || b->truth == NULL)
        bench_fail("out of memory");
    for (size_t i = 0; i < b->n; i++) {
        b->ids[i] = (int64_t)i;
        gallery_photo(b->gallery, (int64_t)i, b->vectors + i * D);
    }
    for (int q = 0; q < b->query_count; q++) /* half of them new photos of people who are there, half strangers */
        if (q % 2 == 0)
            gallery_again(b->gallery, (int64_t)((size_t)q * 7919 % b->n), b->queries + q * D);
        else
            gallery_photo(b->gallery, -1 - q, b->queries + q * D);
}

/* Is `name` in the list, whose words have commas between them? */
static bool among(const char *list, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    }
    return false;
}

static void measure(const char *kind, size_t n, int queries) {
    gallery *g = gallery_new(kind);
    if (g == NULL) {
        printf("%s: left out (it wants the folder LIKEN_DESCRIPTORS)\n", kind);
        return;
    }
    bench b = {.gallery = g, .n = n, .query_count = queries};
    (void)snprintf(b.name, sizeof b.name, "%s %zu x %d", kind, n, D);
    printf("%zu descriptors: %s\n", n, gallery_source(g));
    fill(&b);
    bench_scan(&b);
    const double ours = bench_liken(&b);
    const char *wanted = setting("RIVALS", n > 2000000  ? "faiss-flat,faiss-ivf"
                                           : n > 200000 ? "faiss-flat,faiss-ivf,hnswlib,postgres"
                                                        : "all");
    for (const rival *const *r = rivals; *r != NULL; r++)
        if (strcmp(wanted, "all") == 0 || among(wanted, (*r)->key))
            bench_rival(&b, *r, ours);
    free(b.vectors);
    free(b.queries);
    free(b.ids);
    free(b.truth);
    gallery_free(g);
}

int main(int argc, char **argv) {
    static const char *const kinds[] = {"drawn", "faces", "spectrum", "flat"};
    const char *wanted = setting("KIND", "drawn,spectrum,flat");
    const char *sizes = setting("N", "100000");
    const int queries = atoi(setting("QUERIES", "200"));
    if (argc != 2 || queries < 1 || queries > MOST)
        bench_fail(
            "usage: [N=1000..] [KIND=drawn,spectrum,flat] [QUERIES=1..1000] [RIVALS=none] bench_search RESULT.json");
    report_open(argv[1]);
    for (const char *at = sizes; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        const size_t n = strtoull(at, NULL, 10);
        if (n < 1000)
            bench_fail("N is a list of numbers from 1000 on");
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (among(wanted, kinds[i]))
                measure(kinds[i], n, queries);
    }
    report_close();
    return 0;
}
