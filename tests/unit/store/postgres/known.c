#include "unit/test.h"

#include "unit/store/postgres/known.h"
#include "unit/store/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define D SAMPLE_DIMENSION

lk_store *store;
int64_t people;
liken_error err;
float (*known)[D];
_Atomic bool *is_known;
static bool *known_weak;
_Atomic int64_t last_known;
static _Atomic unsigned seeds = 1;

void known_begin(void) {
    known = calloc(FACES_MAX, sizeof *known);
    is_known = calloc(FACES_MAX, sizeof *is_known);
    known_weak = calloc(FACES_MAX, sizeof *known_weak);
    assert_true(known != NULL && is_known != NULL && known_weak != NULL);
}

void known_end(void) {
    free(known);
    free(is_known);
    free(known_weak);
}

/* ---- photos ---- */

/* One photo; true when it was acknowledged, and then its faces are known. */
bool add_photo(size_t faces, liken_error *why) {
    liken_image *image = sample_image(atomic_fetch_add(&seeds, 1), faces), *existing = NULL;
    const bool added = store->ops->images->add(store, people, image, false, &existing, why) == LIKEN_OK;
    for (size_t i = 0; added && existing == NULL && i < image->face_count; i++) {
        const int64_t id = image->faces[i].id;
        assert_true(id > 0 && id < FACES_MAX);
        memcpy(known[id], image->faces[i].descriptor, sizeof known[id]);
        known_weak[id] = image->faces[i].weak;
        is_known[id] = true;
        int64_t last = atomic_load(&last_known);
        while (last < id && !atomic_compare_exchange_weak(&last_known, &last, id))
            ;
    }
    liken_image_free(image);
    liken_image_free(existing);
    return added;
}

void add_photos(int count) {
    for (int i = 0; i < count; i++)
        if (!add_photo(2, &err))
            fail_msg("%s", err.message);
}

static double distance(const float *a, const float *b) {
    double sum = 0;
    for (int i = 0; i < D; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* ---- searching ---- */

static int by_distance(const void *a, const void *b) {
    const near *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance)
        return x->distance < y->distance ? -1 : 1;
    return (x->face > y->face) - (x->face < y->face);
}

int on_near(void *ctx, int64_t face, bool weak, const float *descriptor, int dimension) {
    answer *a = ctx;
    if (descriptor == NULL) { /* the search began anew */
        a->wrong = false;
        a->count = 0;
        return LIKEN_OK;
    }
    if (face <= 0 || face >= FACES_MAX || dimension != D ||
        (is_known[face] && memcmp(known[face], descriptor, sizeof known[face]) != 0))
        a->wrong = true;
    if (a->count == a->room) {
        a->room = a->room == 0 ? 256 : 2 * a->room;
        a->list = realloc(a->list, a->room * sizeof *a->list);
        assert_non_null(a->list);
    }
    a->list[a->count++] = (near){face, distance(a->query, descriptor), weak};
    return LIKEN_OK;
}

/* Weak faces have a radius that is a little smaller. */
static float radius_of_weak(float radius) {
    return 0.98f * radius;
}

int search(const float *query, size_t k, float radius, lk_store_missing *missing, answer *out, liken_error *why) {
    bool exact = false;
    double recall = 0;
    *out = (answer){.query = query};
    const lk_store_query q = {.collection = people,
                              .vector = query,
                              .dimension = D,
                              .radius = radius,
                              .weak_radius = radius_of_weak(radius),
                              .k = k,
                              .missing = missing};
    const int rc = store->ops->searching->find(store, &q, on_near, out, &exact, &recall, why);
    if (rc != LIKEN_OK) {
        free(out->list);
        out->list = NULL;
        return rc;
    }
    assert_true(exact);
    if (out->count > 0)
        qsort(out->list, out->count, sizeof *out->list, by_distance);
    for (size_t i = 1; i < out->count; i++)
        out->wrong = out->wrong || out->list[i].face == out->list[i - 1].face;
    return LIKEN_OK;
}

static bool is_beyond(const near *n, float radius) {
    return n->distance > (double)(n->weak ? radius_of_weak(radius) : radius);
}

/* Nobody else adds meanwhile: the k nearest of the known faces, from the store and by brute force. */
static void check_search(const float *query, size_t k, float radius) {
    answer a;
    assert_ok(search(query, k, radius, NULL, &a, &err), err);
    assert_false(a.wrong);
    const int64_t last = atomic_load(&last_known);
    near *all = calloc((size_t)last, sizeof *all);
    size_t n = 0, at = 0;
    assert_non_null(all);
    for (int64_t id = 1; id <= last; id++) {
        if (is_known[id] && distance(query, known[id]) <= (double)(known_weak[id] ? radius_of_weak(radius) : radius))
            all[n++] = (near){id, distance(query, known[id]), known_weak[id]};
    }
    if (n > 0)
        qsort(all, n, sizeof *all, by_distance);
    for (size_t i = 0; i < n && i < k; i++, at++) {
        while (at < a.count && (!is_known[a.list[at].face] || is_beyond(&a.list[at], radius)))
            at++; /* an orphan, or for the caller to leave out */
        assert_true(at < a.count);
        assert_true(isinf(radius) || a.list[at].weak == all[i].weak);
        assert_int_equal(a.list[at].face, all[i].face);
    }
    free(all);
    free(a.list);
}

void check_answers(int queries) {
    for (int i = 0; i < queries; i++) {
        liken_image *image = sample_image(900000 + (unsigned)i, 1);
        const float *q = image->faces[0].descriptor;
        double nearest = INFINITY;
        for (int64_t id = 1; id <= last_known; id++)
            nearest = is_known[id] ? fmin(nearest, distance(q, known[id])) : nearest;
        check_search(q, 1, INFINITY);
        check_search(q, 10, INFINITY);
        check_search(q, 1000, (float)(nearest * 1.05));
        liken_image_free(image);
    }
}

/* ---- the feed ---- */

static int on_vector(void *ctx, const lk_store_vector *v) {
    bool *seen = ctx;
    assert_true(v->id > 0 && v->id < FACES_MAX);
    assert_false(seen[v->id]);
    seen[v->id] = true;
    if (is_known[v->id])
        assert_memory_equal(v->descriptor, known[v->id], sizeof known[v->id]);
    return LIKEN_OK;
}

void check_feed(void) {
    bool *seen = calloc(FACES_MAX, sizeof *seen);
    assert_non_null(seen);
    assert_ok(store->ops->feed->vectors_after(store, 0, on_vector, seen, &err), err);
    for (int64_t id = 1; id <= last_known; id++) {
        if (is_known[id] && !seen[id])
            fail_msg("face %lld is lost", (long long)id);
    }
    free(seen);
}
