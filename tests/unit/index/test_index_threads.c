/* Threads: what was added is found at once, a state once seen is consistent, and no reader sees half of anything. */
#include "unit/test.h"

#include "index/inner.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSION = 16, GROUP = 7, WINDOW = 20 };

static int64_t rounds = 3000; /* LIKEN_SOAK: as many */

static lk_index *ix;
static _Atomic int64_t added, deleted; /* groups that are there for sure, groups that are gone for sure */
static _Atomic bool stop;
static _Atomic int faults;

static void point(int64_t id, float *v) {
    for (int i = 0; i < DIMENSION; i++)
        v[i] = (float)((id * 37 + i * i) % 101);
}

/* Group g (GROUP vectors, added together) is deleted in one call once it is WINDOW groups old. */
static void *write_groups(void *arg) {
    (void)arg;
    for (int64_t g = 0; g < rounds; g++) {
        int64_t ids[GROUP];
        float v[GROUP * DIMENSION];
        for (int i = 0; i < GROUP; i++) {
            ids[i] = g * GROUP + i;
            point(ids[i], v + i * DIMENSION);
        }
        if (lk_index_add(ix, ids, v, GROUP, NULL) != LIKEN_OK)
            atomic_fetch_add(&faults, 1);
        atomic_store(&added, g + 1);
        if (g % 50 == 0)
            lk_index_settle(ix); /* else it may all be over before the first compaction */
        if (g < WINDOW)
            continue;
        for (int i = 0; i < GROUP; i++)
            ids[i] = (g - WINDOW) * GROUP + i;
        if (lk_index_delete(ix, ids, GROUP, NULL) != LIKEN_OK)
            atomic_fetch_add(&faults, 1);
        atomic_store(&deleted, g - WINDOW + 1);
    }
    atomic_store(&stop, true);
    return NULL;
}

/* The groups of an answer must be whole, one run without a gap, and hold what was there when the search began. */
static void *read_groups(void *arg) {
    lk_hit hits[1000];
    float q[DIMENSION];
    point((int64_t)(intptr_t)arg, q);
    while (!atomic_load(&stop)) {
        size_t count = 0;
        uint64_t searched = 0;
        const int64_t there = atomic_load(&added);
        const lk_index_query query = {.vector = q, .radius = INFINITY, .k = 1000, .threads = 2};
        if (lk_index_search(ix, &query, hits, &count, &searched, NULL) != LIKEN_OK)
            atomic_fetch_add(&faults, 1);
        const int64_t gone = atomic_load(&deleted);
        int64_t members[WINDOW + 1] = {0}, first = rounds, last = -1;
        for (size_t i = 0; i < count; i++) {
            first = hits[i].id / GROUP < first ? hits[i].id / GROUP : first;
            last = hits[i].id / GROUP > last ? hits[i].id / GROUP : last;
        }
        for (size_t i = 0; i < count; i++)
            if (hits[i].id / GROUP - first <= WINDOW)
                members[hits[i].id / GROUP - first]++;
        bool whole = searched == count && last >= there - 1 && (count == 0 || first <= gone + 1);
        whole = whole && last - first <= WINDOW;
        for (int64_t g = first; whole && g <= last; g++)
            whole = members[g - first] == GROUP;
        if (!whole)
            atomic_fetch_add(&faults, 1);
    }
    return NULL;
}

static void readers_see_whole_states(void **state) {
    (void)state;
    liken_error err = {0};
    pthread_t writer, readers[3];
    if (getenv("LIKEN_SOAK") != NULL)
        rounds = atoll(getenv("LIKEN_SOAK"));
    assert_ok(lk_index_new(&ix, DIMENSION, &err), err);
    ix->sizes.open_rows = 32; /* so that segments are sealed and merged all the time */
    ix->sizes.fewest_rows = 30;
    ix->sizes.learn_rows = 60;
    ix->sizes.largest_rows = 100;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_groups, (void *)(intptr_t)(i * 1000)), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_groups, NULL), 0);
    pthread_join(writer, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&faults), 0);
    assert_int_equal(lk_index_size(ix), WINDOW * GROUP);
    pthread_mutex_lock(&ix->lock);
    assert_true(ix->next_number > 10); /* there was compaction */
    pthread_mutex_unlock(&ix->lock);
    lk_index_free(ix);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(readers_see_whole_states)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
