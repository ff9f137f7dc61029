/* The index as it is configured for real, against all distances, on the kinds of data that matter, through random
 * histories of adding, deleting, compaction, saving and restarts.
 *   LIKEN_EXACT_ROWS (default 20000), LIKEN_EXACT_QUERIES (default 200): how large each is
 *   LIKEN_EXACT_ONLY: names, between commas, of those that are wanted */
#include "history.h"

#include "../../../bench/search/gallery.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PHASES = 6 };

static size_t setting(const char *name, size_t otherwise) {
    const char *value = getenv(name);
    return value != NULL ? strtoull(value, NULL, 10) : otherwise;
}

static bool wanted(const char *name) {
    const char *list = getenv("LIKEN_EXACT_ONLY"), *at = list;
    const size_t length = strlen(name);
    if (list == NULL)
        return true;
    while ((at = strstr(at, name)) != NULL) {
        const bool begins = at == list || at[-1] == ',';
        at += length;
        if (begins && (*at == ',' || *at == '\0'))
            return true;
    }
    return false;
}

static void expect(const history *h, bool right) {
    if (!right)
        fail_msg("%s", h->why);
}

/* Now and then: deletes, adds, compacts, saves, restarts. */
static void disturb(history *h, dice *d, uint32_t most) {
    const uint32_t what = dice_below(d, 8), n = dice_below(d, most) + 1;
    const uint64_t seed = dice_roll(d);
    if (what < 2)
        expect(h, history_delete(h, n, seed));
    else if (what < 4)
        expect(h, history_add(h, n, seed));
    else if (what == 4)
        history_settle(h);
    else if (what == 5)
        expect(h, history_save(h));
    else if (what == 6)
        expect(h,
               history_save(h) && history_add(h, n, seed) && history_delete(h, n / 2, seed + 1) && history_restart(h));
}

static void grow(history *h, dice *d, size_t rows) {
    for (int phase = 0; phase < PHASES || h->o->live < rows; phase++) {
        const size_t left = rows > h->o->live ? rows - h->o->live : 1;
        expect(h, history_add(h, phase + 1 < PHASES ? dice_below(d, (uint32_t)left / 2 + 1) : left, dice_roll(d)));
        expect(h, history_delete(h, dice_below(d, (uint32_t)(h->o->count / 30 + 2)), dice_roll(d)));
        disturb(h, d, (uint32_t)(rows / 100 + 10));
        expect(h, history_ask(h, 2, dice_roll(d)));
    }
    expect(h, history_add(h, rows / 50 + 100, dice_roll(d))); /* so that later deletions leave as many as were wanted */
}

static void run(const char *name, int dimension, history_source *source, const void *ctx, size_t rows, size_t queries) {
    if (!wanted(name)) {
        print_message("%s is not among LIKEN_EXACT_ONLY\n", name);
        skip();
    }
    history h;
    dice d = {20261125};
    expect(&h, history_begin(&h, dimension, source, ctx, 0));
    grow(&h, &d, rows);
    const uint64_t before = h.asked;
    size_t fewest = h.o->live;
    const time_t begin = time(NULL);
    while (h.asked - before < queries) {
        if (dice_below(&d, 4) == 0)
            disturb(&h, &d, 30);
        const size_t left = queries - (size_t)(h.asked - before);
        fewest = h.o->live < fewest ? h.o->live : fewest;
        expect(&h, history_ask(&h, left < QUESTIONS ? left : QUESTIONS, dice_roll(&d)));
    }
    expect(&h, history_read(&h, 1000, 1));
    print_message(
        "%s, dimension %d: %llu queries on %zu vectors or more, ids, order and distances as all %llu distances "
        "say (%ld s)\n",
        name, dimension, (unsigned long long)(h.asked - before), fewest, (unsigned long long)h.vectors,
        (long)(time(NULL) - begin));
    history_end(&h);
}

static size_t rows_wanted(void) {
    return setting("LIKEN_EXACT_ROWS", 20000);
}

static size_t queries_wanted(void) {
    return setting("LIKEN_EXACT_QUERIES", 200);
}

/* ---- galleries ----------------------------------------------------------------------------------------------------
 */

static void photo(const void *ctx, int64_t id, dice *d, float *v, int dimension) {
    (void)d;
    (void)dimension;
    gallery_photo(ctx, id, v);
}

static void photo_of_few(const void *ctx, int64_t id, dice *d, float *v, int dimension) {
    (void)d;
    (void)dimension;
    gallery_photo(ctx, id > 0 ? id / 40 : id, v);
}

static void on_gallery(const char *name, const char *kind, history_source *source) {
    gallery *g = gallery_new(kind);
    if (g == NULL) {
        print_message("LIKEN_DESCRIPTORS is not set: no gallery can be drawn from their covariances\n");
        skip();
    }
    run(name, GALLERY_DIMENSION, source, g, rows_wanted(), queries_wanted());
    gallery_free(g);
}

static void on_a_spectrum_like_that_of_descriptors(void **state) {
    (void)state;
    on_gallery("spectrum", "spectrum", photo);
}

static void on_a_flat_spectrum(void **state) {
    (void)state;
    on_gallery("flat", "flat", photo);
}

static void on_the_covariances_of_descriptors(void **state) {
    (void)state;
    on_gallery("drawn", "drawn", photo);
}

static void on_the_same_normalised(void **state) {
    (void)state;
    on_gallery("normalised", "faces", photo);
}

static void on_duplicates(void **state) {
    (void)state;
    on_gallery("duplicates", "spectrum", photo_of_few);
}

/* ---- other data ---------------------------------------------------------------------------------------------------
 */

static void of_kind(const void *ctx, int64_t id, dice *d, float *v, int dimension) {
    (void)id;
    dice_vector(d, *(const int *)ctx, v, dimension);
}

static void on_kind(const char *name, int kind, int dimension, size_t rows, size_t queries) {
    run(name, dimension, of_kind, &kind, rows, queries);
}

static void on_equal_vectors(void **state) {
    (void)state;
    on_kind("equal", EQUAL, 128, rows_wanted(), queries_wanted());
}

/* Corners of a cube: a few dozen distances, so radii and k-th places are met by thousands exactly. */
static void on_vectors_at_exactly_the_radius(void **state) {
    (void)state;
    on_kind("grid", GRID, 128, rows_wanted(), queries_wanted());
}

static void on_clusters(void **state) {
    (void)state;
    on_kind("clusters", CLUSTERED, 128, rows_wanted(), queries_wanted());
}

static void on_other_dimensions(void **state) {
    (void)state;
    static const int dimensions[] = {16, 17, 100, 256, 512, 1024};
    for (size_t i = 0; i < sizeof dimensions / sizeof dimensions[0]; i++) {
        const size_t d = (size_t)dimensions[i];
        on_kind("dimensions", SPREAD, dimensions[i], rows_wanted() * 64 / (d < 64 ? 64 : d), queries_wanted() / 2);
    }
}

typedef struct descriptors {
    float *rows;
    size_t count;
} descriptors;

static void real(const void *ctx, int64_t id, dice *d, float *v, int dimension) {
    const descriptors *all = ctx;
    const size_t r = id >= 0 ? (size_t)id % all->count : dice_below(d, (uint32_t)all->count);
    memcpy(v, all->rows + r * (size_t)dimension, (size_t)dimension * sizeof *v);
    if (id < 0) /* a question: none of them */
        v[0] += 0.1f * dice_normal(d);
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
    (void)snprintf(path, sizeof path, "%s/lfw_dev.f32", folder);
    assert_ok(lk_file_read(path, 1 << 26, &bytes, &size, &err), err);
    descriptors all = {(float *)(void *)bytes, size / sizeof(float) / 128};
    run("real", 128, real, &all, all.count, queries_wanted());
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_a_spectrum_like_that_of_descriptors),
        cmocka_unit_test(on_a_flat_spectrum),
        cmocka_unit_test(on_the_covariances_of_descriptors),
        cmocka_unit_test(on_the_same_normalised),
        cmocka_unit_test(on_real_descriptors),
        cmocka_unit_test(on_duplicates),
        cmocka_unit_test(on_equal_vectors),
        cmocka_unit_test(on_vectors_at_exactly_the_radius),
        cmocka_unit_test(on_clusters),
        cmocka_unit_test(on_other_dimensions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
