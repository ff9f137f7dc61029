/* The first look at a cached index: many threads at once bring the codes to memory, once; damaged codes are noticed by
 * whoever wants them, and by nobody else. */
#include "unit/test.h"

#include "index/inner.h"
#include "index/pages.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSION = 32, ROWS = 5000, SEARCHERS = 6 };

static const lk_identity identity = {"model", "store"};

static float component(size_t row, size_t i) {
    const uint32_t mixed = (uint32_t)(row * DIMENSION + i + 1) * 2654435761u;
    return ((float)(mixed >> 8) / 16777216.0f - 0.5f) / sqrtf(1 + (float)i);
}

/* The bytes of a sealed segment with the ids 0, 1, ... */
static char *sealed_bytes(size_t *size) {
    liken_error err = {0};
    const float *rows[ROWS];
    float *vectors = aligned_alloc(64, sizeof(float) * ROWS * DIMENSION);
    assert_non_null(vectors);
    for (size_t r = 0; r < ROWS; r++) {
        rows[r] = vectors + r * DIMENSION;
        for (size_t i = 0; i < DIMENSION; i++)
            vectors[r * DIMENSION + i] = component(r, i);
    }
    lk_plan plan;
    lk_sealed *s;
    assert_ok(lk_plan_learn(&plan, DIMENSION, rows, ROWS, ROWS, &err), err);
    assert_ok(lk_sealed_create(&s, NULL, &plan, &identity, ROWS, &err), err);
    for (size_t r = 0; r < ROWS; r++)
        s->ids[r] = (int64_t)r;
    memcpy(s->rows, vectors, sizeof(float) * ROWS * DIMENSION);
    assert_ok(lk_sealed_encode(s, NULL, &err), err);
    char *bytes = aligned_alloc(64, *size = s->bytes);
    assert_non_null(bytes);
    memcpy(bytes, s->region, s->bytes);
    lk_sealed_free(s);
    lk_plan_free(&plan);
    free(vectors);
    return bytes;
}

/* An index of that one segment, none of which has been looked at. */
static lk_index *index_of(char *bytes, size_t size, lk_sealed **sealed) {
    liken_error err = {0};
    lk_index *ix;
    assert_ok(lk_index_new(&ix, DIMENSION, &err), err);
    assert_ok(lk_sealed_read(sealed, bytes, size, &identity, DIMENSION, &err), err);
    lk_view *view = lk_view_new(1);
    assert_non_null(view);
    view->parts[0].segment = lk_segment_of(*sealed);
    assert_non_null(view->parts[0].segment);
    view->parts[0].rows = ROWS;
    atomic_init(&view->state, lk_state_of(1, ROWS));
    pthread_mutex_lock(&ix->lock);
    lk_view_publish(ix, view);
    pthread_mutex_unlock(&ix->lock);
    assert_null(atomic_load(&(*sealed)->codes));
    return ix;
}

static int ask(lk_index *ix, size_t row, const int64_t *only, size_t only_count, int64_t *nearest) {
    float v[DIMENSION];
    for (size_t i = 0; i < DIMENSION; i++)
        v[i] = component(row, i);
    lk_neighbour neighbours[3];
    size_t count;
    const lk_index_query q = {.vector = v, .radius = INFINITY, .k = 3, .only = only, .only_count = only_count};
    const int rc = lk_index_search(ix, &q, neighbours, &count, NULL, NULL);
    if (rc == LIKEN_OK)
        *nearest = count > 0 && neighbours[0].distance == 0 ? neighbours[0].id : -1;
    return rc;
}

static lk_index *shared;
static _Atomic int ready, right;

static void *search_at_once(void *arg) {
    const size_t row = *(const size_t *)arg;
    int64_t nearest;
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < SEARCHERS)
        continue;
    if (ask(shared, row, NULL, 0, &nearest) == LIKEN_OK && nearest == (int64_t)row)
        atomic_fetch_add(&right, 1);
    return NULL;
}

static void first_searches_at_once_are_right(void **state) {
    (void)state;
    size_t size, rows[SEARCHERS];
    char *bytes = sealed_bytes(&size);
    for (int round = 0; round < 20; round++) {
        pthread_t threads[SEARCHERS];
        lk_sealed *sealed;
        shared = index_of(bytes, size, &sealed);
        atomic_store(&ready, 0);
        atomic_store(&right, 0);
        for (size_t t = 0; t < SEARCHERS; t++) {
            rows[t] = (t * 997 + (size_t)round * 31) % ROWS;
            assert_int_equal(pthread_create(&threads[t], NULL, search_at_once, &rows[t]), 0);
        }
        for (size_t t = 0; t < SEARCHERS; t++)
            pthread_join(threads[t], NULL);
        assert_int_equal(atomic_load(&right), SEARCHERS);
        lk_index_free(shared);
    }
    free(bytes);
}

static void damaged_codes_are_noticed_when_wanted(void **state) {
    (void)state;
    size_t size;
    char *bytes = sealed_bytes(&size);
    for (int part = LK_PART_VALUES; part <= LK_PART_COARSE; part++) {
        lk_sealed *sealed;
        int64_t nearest;
        const int64_t only[] = {17, 4000};
        lk_index *ix = index_of(bytes, size, &sealed);
        const size_t at = sealed->parts[part].offset + 77;
        bytes[at] ^= 4;
        assert_int_equal(ask(ix, 4000, only, 2, &nearest), LIKEN_OK); /* by its list, without the codes */
        assert_int_equal(nearest, 4000);
        assert_int_equal(ask(ix, 4000, NULL, 0, &nearest), LIKEN_E_STORE);
        assert_int_equal(ask(ix, 4000, NULL, 0, &nearest), LIKEN_E_STORE);
        assert_null(atomic_load(&sealed->codes));
        lk_index_free(ix);
        bytes[at] ^= 4;
    }
    free(bytes);
}

static void pages_are_zero_and_aligned(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 4095, 4096, 100000, ((size_t)2 << 20) + 1, (size_t)5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *p = lk_pages_new(sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t at = 0; at < sizes[i]; at += 511)
            assert_int_equal(p[at], 0);
        memset(p, 1, sizes[i]);
        lk_pages_free(p, sizes[i]);
    }
    assert_null(lk_pages_new(SIZE_MAX / 4));
    lk_pages_free(NULL, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_searches_at_once_are_right),
        cmocka_unit_test(damaged_codes_are_noticed_when_wanted),
        cmocka_unit_test(pages_are_zero_and_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
