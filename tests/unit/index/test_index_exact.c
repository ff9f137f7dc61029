/* The index as it is configured for real, against brute force, on the kinds of data that matter: real descriptors,
 * their spectrum, a flat one, duplicates. LIKEN_EXACT_ROWS and LIKEN_EXACT_QUERIES make it larger. */
#include "oracle.h"

#include "base/buf.h"
#include "index/distance.h"
#include "index/inner.h"
#include "index/loops.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { D = 128 };

typedef struct gallery {
    float *vectors;
    size_t rows;
    lk_index *ix;
} gallery;

static size_t setting(const char *name, size_t otherwise) {
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static gallery gallery_new(size_t rows) {
    gallery g = {aligned_alloc(64, rows * D * sizeof(float)), rows, NULL};
    assert_non_null(g.vectors);
    return g;
}

static void gallery_index(gallery *g) {
    liken_error err = {0};
    int64_t *ids = malloc(g->rows * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < g->rows; i++)
        ids[i] = (int64_t)i;
    assert_ok(lk_index_new(&g->ix, D, &err), err);
    assert_ok(lk_index_add(g->ix, ids, g->vectors, g->rows, &err), err);
    lk_index_settle(g->ix);
    assert_non_null(atomic_load(&g->ix->current)->parts[0].segment->sealed);
    free(ids);
}

static void gallery_free(gallery *g) {
    lk_index_free(g->ix);
    free(g->vectors);
}

static int compare(const void *a, const void *b) {
    const lk_hit *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* One query at several k and radii, the radii exactly at neighbours. */
static void check(const gallery *g, const float *query, lk_hit *all, float *squares) {
    static lk_hit hits[10000];
    lk_loops_get()->squares(query, g->vectors, D, g->rows, squares);
    for (size_t i = 0; i < g->rows; i++)
        all[i] = (lk_hit){(int64_t)i, sqrtf(squares[i])};
    qsort(all, g->rows, sizeof *all, compare);
    static const size_t ks[] = {1, 10, 100, 10000};
    const float radii[] = {INFINITY, all[3].distance, nextafterf(all[20].distance, 0), all[200].distance};
    for (size_t i = 0; i < 4; i++)
        for (size_t r = 0; r < 4; r++) {
            if (i == 3 && r != 3)
                continue;
            liken_error err = {0};
            size_t count, expected = 0;
            const lk_index_query q = {.vector = query, .radius = radii[r], .k = ks[i]};
            assert_ok(lk_index_search(g->ix, &q, hits, &count, NULL, &err), err);
            while (expected < g->rows && expected < ks[i] && all[expected].distance <= radii[r])
                expected++;
            assert_int_equal(count, expected);
            for (size_t h = 0; h < count; h++)
                if (hits[h].id != all[h].id || hits[h].distance != all[h].distance)
                    fail_msg("hit %zu of %zu: %lld at %.9g, not %lld at %.9g", h, count, (long long)hits[h].id,
                             (double)hits[h].distance, (long long)all[h].id, (double)all[h].distance);
        }
}

static void check_all(const char *name, gallery *g, dice *d, size_t queries) {
    _Alignas(64) float query[D];
    lk_hit *all = malloc(g->rows * sizeof *all);
    float *squares = malloc(g->rows * sizeof *squares);
    assert_true(all != NULL && squares != NULL);
    gallery_index(g);
    for (size_t i = 0; i < queries; i++) {
        const float *a = g->vectors + dice_below(d, (uint32_t)g->rows) * D,
                    *b = g->vectors + dice_below(d, (uint32_t)g->rows) * D;
        const float t = i % 3 == 0 ? 0 : i % 3 == 1 ? 0.1f : 0.5f; /* a row, near a row, between two */
        for (int j = 0; j < D; j++)
            query[j] = a[j] + t * (b[j] - a[j]);
        check(g, query, all, squares);
    }
    const lk_sealed *s = atomic_load(&g->ix->current)->parts[0].segment->sealed;
    print_message("%s: %zu queries on %zu rows, coarse %u, record %u\n", name, queries, g->rows, s->plan.coarse,
                  s->plan.record);
    free(all);
    free(squares);
    gallery_free(g);
}

static void on_real_descriptors(void **state) {
    (void)state;
    const char *folder = getenv("LIKEN_DESCRIPTORS");
    char path[4096], *bytes;
    size_t size;
    liken_error err = {0};
    if (folder == NULL) {
        print_message("LIKEN_DESCRIPTORS is not set: real descriptors are left out\n");
        skip();
    }
    for (int normal = 0; normal < 2; normal++) {
        (void)snprintf(path, sizeof path, "%s/lfw_dev.f32", folder);
        assert_ok(lk_file_read(path, 1 << 26, &bytes, &size, &err), err);
        gallery g = gallery_new(size / sizeof(float) / D);
        memcpy(g.vectors, bytes, g.rows * D * sizeof(float));
        free(bytes);
        for (size_t i = 0; normal && i < g.rows; i++) {
            float sum = 0;
            for (int j = 0; j < D; j++)
                sum += g.vectors[i * D + (size_t)j] * g.vectors[i * D + (size_t)j];
            for (int j = 0; j < D; j++)
                g.vectors[i * D + (size_t)j] /= sqrtf(sum);
        }
        dice d = {1};
        check_all(normal ? "real, normalised" : "real", &g, &d, setting("LIKEN_EXACT_QUERIES", 200));
    }
}

/* flatness 0: variances fall as in descriptors; 1: equal. */
static void on_spectrum(const char *name, int flat, int duplicates) {
    gallery g = gallery_new(setting("LIKEN_EXACT_ROWS", 20000));
    dice d = {(uint64_t)(2 + flat)};
    float person[D];
    for (size_t i = 0; i < g.rows; i++)
        for (int j = 0; j < D; j++) {
            const float deviation = flat ? 0.05f : j < 77 ? 0.15f * expf(-(float)j / 42) : 0.0003f;
            float *x = g.vectors + i * D + j;
            if (i % 5 == 0)
                person[j] = deviation * dice_normal(&d);
            *x = person[j] + 0.4f * deviation * dice_normal(&d);
            if (duplicates && i % 4 != 0)
                *x = g.vectors[i / 40 * 40 * D + (size_t)j];
        }
    check_all(name, &g, &d, setting("LIKEN_EXACT_QUERIES", 200));
}

static void on_a_falling_spectrum(void **state) {
    (void)state;
    on_spectrum("falling", 0, 0);
}

static void on_a_flat_spectrum(void **state) {
    (void)state;
    on_spectrum("flat", 1, 0);
}

static void on_duplicates(void **state) {
    (void)state;
    on_spectrum("duplicates", 0, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_real_descriptors),
        cmocka_unit_test(on_a_falling_spectrum),
        cmocka_unit_test(on_a_flat_spectrum),
        cmocka_unit_test(on_duplicates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
